"""What a load did to articles, and their states before it: read to undo the load."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.article.record import restore_record
from app.database.dialects import is_any_of
from app.database.tables import Change, Load, Revision
from app.store.articles import ArticleState


class LoadEffect(NamedTuple):
    """A change that a load made, from the change feed."""

    seq: int
    kind: str
    slug: str
    previous_slug: str | None
    article_id: int | None
    alias_of: int | None


def changed_article_ids(session: Session, load_id: int) -> list[int]:
    """Return the ids of the articles that a load changed, the last changed first.

    Articles that were removed since are left out.
    """
    found = (
        select(Change.article_id)
        .where(Change.load_id == load_id, Change.article_id.is_not(None))
        .group_by(Change.article_id)
        .order_by(func.max(Change.seq).desc())
    )
    return [article_id for article_id in session.scalars(found) if article_id is not None]


def effects_by_article(
    session: Session, load_id: int, ids: Collection[int]
) -> dict[int, Sequence[LoadEffect]]:
    """Return the changes that a load made to each of those articles, the latest first."""
    found = (
        select(
            Change.seq,
            Change.kind,
            Change.slug,
            Change.previous_slug,
            Change.article_id,
            Change.alias_of,
        )
        .where(Change.load_id == load_id, is_any_of(session, Change.article_id, ids))
        .order_by(Change.seq.desc())
    )
    done: dict[int, list[LoadEffect]] = defaultdict(list)
    for row in session.execute(found):
        done[row.article_id].append(LoadEffect(*row))
    return dict(done)


def later_loads(session: Session, load_id: int, firsts: Mapping[int, int]) -> dict[int, int]:
    """Return the id of the latest other load that changed an article since, by article.

    `firsts` are the numbers of the first change that the load `load_id` made to each article. A
    later load that was undone does not count, and neither does its undo.
    """
    if not firsts:
        return {}
    found = (
        select(Change.article_id, Change.seq, Change.load_id, Load.undoes)
        .join(Load, Load.id == Change.load_id)
        .where(
            is_any_of(session, Change.article_id, firsts.keys()),
            Change.seq > min(firsts.values()),
            Change.load_id != load_id,
        )
        .order_by(Change.seq)
    )
    later: dict[int, dict[int, None]] = defaultdict(dict)
    for article_id, seq, by, undoes in session.execute(found):
        if article_id is None or by is None or seq < firsts[article_id]:
            continue
        if undoes is None:
            later[article_id][by] = None
        else:
            later[article_id].pop(undoes, None)
    return {article_id: max(loads) for article_id, loads in later.items() if loads}


def states_before(session: Session, load_id: int, ids: Collection[int]) -> dict[int, ArticleState]:
    """Return the states before the load of those articles that existed before it."""
    first = (
        select(func.min(Revision.id))
        .where(Revision.load_id == load_id, is_any_of(session, Revision.article_id, ids))
        .group_by(Revision.article_id)
    )
    found = session.scalars(select(Revision).where(Revision.id.in_(first)))
    return {
        each.article_id: ArticleState(
            restore_record(each.record), each.withdrawn_at, each.withdrawn_reason
        )
        for each in found
    }
