"""Publication of scheduled articles: those with a `published_at` in the future."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select, update
from sqlalchemy.orm import Session

from app.database.dialects import is_any_of
from app.database.tables import Article, Change
from app.store import articles, change_log, existing_articles, public_index
from app.store.article_writes import ArticleWrite
from app.store.change_log import ChangeEvent

PUBLISH_AT_ONCE: Final = 500

_SCHEDULED: Final = Article.listed_at.is_(None), Article.withdrawn_at.is_(None)
_NEXT: Final = (
    select(Article.published_at).where(*_SCHEDULED).order_by(Article.published_at).limit(1)
)
_LAST_SEQ_AND_NEXT_DUE: Final = select(
    select(func.max(Change.seq)).scalar_subquery(), _NEXT.scalar_subquery()
)


def last_seq_and_next_due(connection: Connection) -> tuple[int, datetime | None]:
    """Return what `change_log.last_seq` and `next_due` return, in one round trip."""
    newest, due = connection.execute(_LAST_SEQ_AND_NEXT_DUE).one()
    return newest or 0, due


def next_due(connection: Connection) -> datetime | None:
    """Return when the next scheduled article becomes public, or None if there is none."""
    return connection.scalar(_NEXT)


def publish_due(session: Session, now: datetime) -> int:
    """Publish at most PUBLISH_AT_ONCE articles that are due by `now`. Return their number.

    The session must be one of `Database.writing()`: if another process was first, nothing is due.
    """
    due = (
        select(Article.id)
        .where(*_SCHEDULED, Article.published_at <= now)
        .order_by(Article.published_at, Article.id)
        .limit(PUBLISH_AT_ONCE)
    )
    ids = session.scalars(due).all()
    if not ids:
        return 0
    found = {each.id: each for each in existing_articles.by_id(session, ids)}
    session.execute(
        update(Article)
        .where(is_any_of(session, Article.id, ids))
        .values(listed_at=Article.published_at),
        execution_options={"synchronize_session": False},
    )
    public_index.copy_listed_at_to_links(session, ids)
    records = {i: state.record for i, state in articles.current_states(session, ids).items()}
    public_index.update_articles(session, {}, {i: records[i] for i in ids})
    steps = [
        ChangeEvent(
            "published", ArticleWrite(found[i]), found[i].slug, visible_from=records[i].published_at
        )
        for i in ids
    ]
    change_log.record(session, steps, None, now)
    return len(ids)
