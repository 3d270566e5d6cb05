"""The history of an article: its aliases, its revisions, and the changes that loads made to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.tables import Article, Change, Revision, SlugAlias

MAX_CHARACTERS: Final = 4 << 20
"""Revisions are read until their texts are longer than this together."""


@dataclass(frozen=True, slots=True)
class PastRevision:
    """The state of an article until the load `load_id` replaced it at `replaced_at`."""

    number: int
    record: dict[str, JsonValue]
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    replaced_at: datetime
    load_id: int | None


@dataclass(frozen=True, slots=True)
class PastChange:
    """An entry of the change feed, and the load that made it."""

    seq: int
    kind: str
    slug: str
    previous_slug: str | None
    at: datetime
    load_id: int | None


@dataclass(frozen=True, slots=True)
class History:
    """The changes and revisions of an article, the newest first, and its aliases."""

    aliases: list[str]
    changes: list[PastChange]
    revisions: list[PastRevision]


def history(session: Session, slug: str, *, limit: int) -> History:
    """Return at most `limit` changes and revisions of the article at `slug`, and its aliases.

    Fewer revisions are returned if they are long.
    """
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
        .execution_options(yield_per=1)
    )
    with session.execute(revisions) as rows:
        past = list(_latest(PastRevision(*row) for row in rows))
    return History(
        sorted(session.scalars(aliases)),
        [PastChange(*row) for row in session.execute(changes)],
        past,
    )


def _latest(revisions: Iterator[PastRevision]) -> Iterator[PastRevision]:
    """Yield `revisions` until they have more than MAX_CHARACTERS together."""
    characters = 0
    for revision in revisions:
        yield revision
        characters += sum(len(part) for part in revision.record.values() if isinstance(part, str))
        if characters > MAX_CHARACTERS:
            return


def current_slug(session: Session, alias: str) -> str | None:
    """Return the current slug of the article that had the slug `alias` before."""
    found = select(Article.slug).join(SlugAlias, SlugAlias.article_id == Article.id)
    return session.scalar(found.where(SlugAlias.slug == alias))
