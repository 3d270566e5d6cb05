"""The change feed: one numbered row for each change, in the transaction that makes it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select
from sqlalchemy.orm import Session

from app.tables import Change


def last_seq(connection: Connection) -> int:
    """Return the number of the newest change, or 0 where there is none."""
    return connection.scalar(select(func.max(Change.seq))) or 0


def slugs_since(session: Session, seq: int, *, limit: int) -> set[str]:
    """Return the slugs of articles that changed behind `seq`: all, or `limit` of them."""
    found = select(Change.slug).where(Change.seq > seq).distinct().limit(limit)
    return set(session.scalars(found))


def record(
    session: Session, done: Sequence[tuple[str, int, str]], load_id: int | None, now: datetime
) -> None:
    """Add one change for each that was `done`, in that order: its kind, the article's id and slug.

    The session is one of `Database.writing()`: only under the writers' lock are the numbers free
    of gaps and seen in their order.
    """
    if not done:
        return
    rows = [
        {
            "seq": seq,
            "kind": kind,
            "slug": slug,
            "article_id": article_id,
            "load_id": load_id,
            "at": now,
        }
        for seq, (kind, article_id, slug) in enumerate(done, last_seq(session.connection()) + 1)
    ]
    session.execute(insert(Change), rows)
