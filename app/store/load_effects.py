"""What a load did to articles, and what they were before it: read for undoing it."""

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
    """One change that a load made, as the change feed has it."""

    seq: int
    kind: str
    slug: str
    previous_slug: str | None
    article_id: int | None
    alias_of: int | None


def changed_article_ids(session: Session, load_id: int) -> list[int]:
    """Return the ids of the articles that a load changed, those it changed last first.

    Articles that are no more are not among them.
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
    """Return what a load did to each of those articles, the latest first."""
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
    """Return which load has changed an article since, the latest, for those that one has.

    `firsts` are the numbers of the first change that the load `load_id` made to each article. A
    load that was undone there, and the undo, are none: together they have changed nothing.
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
    """Return what those articles were before the load, as far as they were there."""
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
