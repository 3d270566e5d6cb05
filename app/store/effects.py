"""What a load did to articles, and what they were before it: read for undoing it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.records import Record
from app.store.articles import State
from app.tables import Change, Load, Revision


class Effect(NamedTuple):
    """One change that a load made, as the change feed has it."""

    seq: int
    kind: str
    slug: str
    previous_slug: str | None
    article_id: int | None
    alias_of: int | None


class Touch(NamedTuple):
    """The latest change of an article, and the load that made it."""

    seq: int
    load_id: int | None


def touched(session: Session, load_id: int) -> list[int]:
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


def effects(session: Session, load_id: int, ids: Collection[int]) -> dict[int, Sequence[Effect]]:
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
        .where(Change.load_id == load_id, Change.article_id.in_(ids))
        .order_by(Change.seq.desc())
    )
    done: dict[int, list[Effect]] = defaultdict(list)
    for row in session.execute(found):
        done[row.article_id].append(Effect(*row))
    return dict(done)


def latest(session: Session, ids: Collection[int]) -> dict[int, Touch]:
    """Return the latest change of each of those articles."""
    last = (
        select(func.max(Change.seq)).where(Change.article_id.in_(ids)).group_by(Change.article_id)
    )
    found = select(Change.article_id, Change.seq, Change.load_id).where(Change.seq.in_(last))
    return {row.article_id: Touch(row.seq, row.load_id) for row in session.execute(found)}


def before(session: Session, load_id: int, ids: Collection[int]) -> dict[int, State]:
    """Return what those articles were before the load, as far as they were there."""
    first = (
        select(func.min(Revision.id))
        .where(Revision.load_id == load_id, Revision.article_id.in_(ids))
        .group_by(Revision.article_id)
    )
    found = session.scalars(select(Revision).where(Revision.id.in_(first)))
    return {
        each.article_id: State(
            Record.model_validate(each.record), each.withdrawn_at, each.withdrawn_reason
        )
        for each in found
    }


def undone_by(session: Session, load_id: int) -> int | None:
    """Return the number of the load that has put back what this one did."""
    return session.scalar(select(Load.id).where(Load.undoes == load_id).limit(1))
