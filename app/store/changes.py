"""The change feed: one numbered row for each change, in the transaction that makes it."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.orm import Session

from app.store.drafts import Draft
from app.tables import Change


class Step(NamedTuple):
    """One change: its kind, the article, and where that is from then on.

    `previous_slug` is where it was, if elsewhere; `former` is whose alias the slug was until then.
    Where the article is removed, `article` is None.
    """

    kind: str
    article: Draft | None
    slug: str
    previous_slug: str | None = None
    former: Draft | None = None


def last_seq(connection: Connection) -> int:
    """Return the number of the newest change, or 0 where there is none."""
    return connection.scalar(select(func.max(Change.seq))) or 0


def slugs_since(session: Session, seq: int, *, limit: int) -> set[str]:
    """Return the slugs of articles that changed behind `seq`: all, or `limit` of them at least.

    A slug that an article left has changed, too.
    """
    found = select(Change.slug, Change.previous_slug).where(Change.seq > seq).distinct()
    rows = session.execute(found.limit(limit)).all()
    return {slug for row in rows for slug in row if slug is not None}


def record(session: Session, steps: Sequence[Step], load_id: int | None, now: datetime) -> None:
    """Add `steps` in their order, the articles of which are written.

    The session is one of `Database.writing()`: only under the writers' lock are the numbers free
    of gaps and seen in their order.
    """
    if not steps:
        return
    rows = [
        {
            "seq": seq,
            "kind": step.kind,
            "slug": step.slug,
            "previous_slug": step.previous_slug,
            "article_id": step.article.id if step.article else None,
            "alias_of": step.former.id if step.former else None,
            "load_id": load_id,
            "at": now,
        }
        for seq, step in enumerate(steps, last_seq(session.connection()) + 1)
    ]
    session.execute(insert(Change), rows)
