"""The change feed: one numbered row for each change, written in the transaction that makes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from app.database.dialects import bulk_insert
from app.database.tables import Change
from app.store.article_writes import ArticleWrite

_COLUMNS: Final = (
    "seq", "kind", "public", "slug", "previous_slug", "article_id", "alias_of", "load_id", "at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PublicChange:
    """A change as readers see it. `previous_slug` is set for an article that moved."""

    seq: int
    kind: str
    slug: str
    previous_slug: str | None
    at: datetime


class ChangeEvent(NamedTuple):
    """One change of an article, to be recorded: its kind and the slug it has from then on.

    `previous_slug` is set if it moved; `alias_owner` is the article whose alias `slug` was before.
    For an article that is removed, `article` is None and `listed` says whether readers saw it.
    `visible_from` is when readers see its new state, or None for never.
    """

    kind: str
    article: ArticleWrite | None
    slug: str
    previous_slug: str | None = None
    alias_owner: ArticleWrite | None = None
    visible_from: datetime | None = None
    listed: bool = False


def last_seq(connection: Connection) -> int:
    """Return the number of the newest change, or 0 if there is none."""
    return connection.scalar(select(func.max(Change.seq))) or 0


def slugs_since(session: Session, seq: int, *, limit: int) -> set[str]:
    """Return the slugs, old and new, of articles that changed after `seq`.

    Reads at most `limit` changes.
    """
    found = select(Change.slug, Change.previous_slug).where(Change.seq > seq).distinct()
    rows = session.execute(found.limit(limit)).all()
    return {slug for row in rows for slug in row if slug is not None}


def public_since(session: Session, seq: int, *, limit: int) -> list[PublicChange]:
    """Return the first `limit` changes after `seq` that readers see.

    A deletion has the slug at which readers knew the article.
    """
    found = (
        select(Change.seq, Change.public, Change.slug, Change.previous_slug, Change.at)
        .where(Change.seq > seq, Change.public.is_not(None))
        .order_by(Change.seq)
        .limit(limit)
    )
    return [
        PublicChange(number, kind, (previous or slug) if kind == "deleted" else slug, previous, at)
        for number, kind, slug, previous, at in session.execute(found)
        if kind is not None
    ]


def record(
    session: Session, steps: Sequence[ChangeEvent], load_id: int | None, now: datetime
) -> None:
    """Append `steps` to the change feed, in their order, after their articles were written.

    The session must be one of `Database.writing()`: the writers' lock keeps the numbers free of
    gaps, and visible in their order.
    """
    if not steps:
        return
    rows = [
        (
            seq,
            step.kind,
            _public(step, now),
            step.slug,
            step.previous_slug,
            step.article.id if step.article else None,
            step.alias_owner.id if step.alias_owner else None,
            load_id,
            now,
        )
        for seq, step in enumerate(steps, last_seq(session.connection()) + 1)
    ]
    bulk_insert(session, Change.__table__, _COLUMNS, rows)


def _public(step: ChangeEvent, now: datetime) -> str | None:
    """Return the kind of change that readers see, or None: scheduled articles are hidden."""
    before = step.article.listed if step.article else step.listed
    after = step.visible_from is not None and step.visible_from <= now
    if step.article:
        step.article.listed = after
    if before and after:
        return step.kind
    if after:
        return "restored" if step.kind == "restored" else "created"
    return "deleted" if before else None
