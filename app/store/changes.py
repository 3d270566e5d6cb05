"""The change feed: one numbered row for each change, in the transaction that makes it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.tables import Change


def last_seq(session: Session) -> int:
    """Return the number of the newest change, or 0 where there is none."""
    return session.scalar(select(func.max(Change.seq))) or 0


def record(
    session: Session,
    kind: str,
    articles: Sequence[tuple[int, str]],
    now: datetime,
    load_id: int | None,
) -> None:
    """Add a change of `kind` for each article, given as (id, slug).

    The session is one of `Database.writing()`: only under the writers' lock are the numbers free
    of gaps and seen in their order.
    """
    if not articles:
        return
    seq = last_seq(session)
    rows = [
        {
            "seq": number,
            "kind": kind,
            "slug": slug,
            "article_id": article_id,
            "load_id": load_id,
            "at": now,
        }
        for number, (article_id, slug) in enumerate(articles, start=seq + 1)
    ]
    session.execute(insert(Change), rows)
