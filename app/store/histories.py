"""What an article has been through: its aliases, its revisions, and the loads that changed it."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.tables import Article, Change, Revision, SlugAlias


@dataclass(frozen=True, slots=True)
class PastRevision:
    """What an article was until `replaced_at`, when the load `load_id` changed it."""

    number: int
    record: dict[str, JsonValue]
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    replaced_at: datetime
    load_id: int | None


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change as the change feed has it, and the load that made it."""

    seq: int
    kind: str
    slug: str
    previous_slug: str | None
    at: datetime
    load_id: int | None


@dataclass(frozen=True, slots=True)
class History:
    """The newest changes and revisions of an article first, `limit` of each, and its aliases."""

    aliases: list[str]
    changes: list[PastChange]
    revisions: list[PastRevision]


def history(session: Session, slug: str, *, limit: int) -> History:
    """Return the history of the article at `slug`."""
    article_id = select(Article.id).where(Article.slug == slug).scalar_subquery()
    aliases = select(SlugAlias.slug).where(SlugAlias.article_id == article_id)
    changes = (
        select(
            Change.seq, Change.kind, Change.slug, Change.previous_slug, Change.at, Change.load_id
        )
        .where(Change.article_id == article_id)
        .order_by(Change.seq.desc())
        .limit(limit)
    )
    revisions = (
        select(
            Revision.number,
            Revision.record,
            Revision.withdrawn_at,
            Revision.withdrawn_reason,
            Revision.replaced_at,
            Revision.load_id,
        )
        .where(Revision.article_id == article_id)
        .order_by(Revision.number.desc())
        .limit(limit)
    )
    return History(
        sorted(session.scalars(aliases)),
        [PastChange(*row) for row in session.execute(changes)],
        [PastRevision(*row) for row in session.execute(revisions)],
    )


def now_at(session: Session, alias: str) -> str | None:
    """Return the slug of the article that had the slug `alias` before."""
    found = select(Article.slug).join(SlugAlias, SlugAlias.article_id == Article.id)
    return session.scalar(found.where(SlugAlias.slug == alias))
