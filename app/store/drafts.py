"""Writing articles: drafts, each one article's way through a transaction, into rows.

A draft says what an article becomes, step by step. What it was before, and each step but the last,
is kept as a revision.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.records import Record
from app.store import articles
from app.store.articles import COLUMNS, State
from app.store.standings import Standing
from app.tables import (
    Article,
    ArticleEntity,
    ArticleTopic,
    Entity,
    Revision,
    SlugAlias,
    Topic,
)

_NAMES_ASKED: Final = 10_000  # parameters of one statement; both databases take some 32,000

Aliases = Mapping[str, "Draft | None"]
"""Slugs that articles had, and whose they are from now on: an article's, or nobody's."""


@dataclass(slots=True, eq=False)
class Draft:
    """What an article becomes: the last of `states` in the end, of which `standing` is the sum.

    Without any it stays what it is. Its `id` is None until it is written.
    """

    standing: Standing
    states: list[State] = field(default_factory=list)
    id: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.standing.id


def write(
    session: Session,
    drafts: Sequence[Draft],
    aliases: Aliases,
    load_id: int | None,
    now: datetime,
) -> None:
    """Write `drafts`, give those that are new their ids, and set `aliases`."""
    old = {draft.id: draft for draft in drafts if draft.id is not None}
    new = [draft for draft in drafts if draft.id is None]
    if old:
        _replace(session, old, load_id, now)
    if new:
        rows = [_row(draft) for draft in new]
        statement = insert(Article).returning(Article.id, sort_by_parameter_order=True)
        for draft, draft_id in zip(new, session.scalars(statement, rows), strict=True):
            draft.id = draft_id
    _keep(session, {draft.id: draft.states[:-1] for draft in new}, load_id, now)
    _link(session, {draft.id: draft.states[-1].record for draft in new})
    _alias(session, aliases)


def remove(session: Session, ids: Sequence[int]) -> None:
    """Remove articles with all that is theirs. The change feed keeps what it said of them."""
    if ids:
        session.execute(delete(Article).where(Article.id.in_(ids)))


def _replace(
    session: Session, drafts: Mapping[int, Draft], load_id: int | None, now: datetime
) -> None:
    past = articles.states(session, drafts.keys())
    _keep(session, {i: [past[i], *draft.states[:-1]] for i, draft in drafts.items()}, load_id, now)
    moving = [i for i, draft in drafts.items() if draft.standing.slug != past[i].record.slug]
    if moving:
        # One may go where another is yet to leave, so first all of them are where no slug is.
        away = [{"id": i, "slug": f"/{i}"} for i in moving]
        session.execute(update(Article), away)
    rows = [{"id": i, **_row(draft)} for i, draft in drafts.items()]
    session.execute(update(Article), rows)
    became = {i: draft.states[-1].record for i, draft in drafts.items()}
    for link, name in (ArticleTopic, "topics"), (ArticleEntity, "entities"):
        changed = [i for i in became if getattr(became[i], name) != getattr(past[i].record, name)]
        if changed:
            session.execute(delete(link).where(link.article_id.in_(changed)))
    _link(session, became, {i: state.record for i, state in past.items()})


def _keep(
    session: Session,
    past: Mapping[int | None, Sequence[State]],
    load_id: int | None,
    now: datetime,
) -> None:
    """Add to the revisions of each article, given by its id, the oldest first."""
    ids = [article_id for article_id, kept in past.items() if kept]
    if not ids:
        return
    counted = select(Revision.article_id, func.max(Revision.number)).group_by(Revision.article_id)
    last = {row[0]: row[1] for row in session.execute(counted.where(Revision.article_id.in_(ids)))}
    rows = [
        {
            "article_id": article_id,
            "number": number,
            "record": state.record.model_dump(mode="json"),
            "withdrawn_at": state.withdrawn_at,
            "withdrawn_reason": state.withdrawn_reason,
            "replaced_at": now,
            "load_id": load_id,
        }
        for article_id in ids
        for number, state in enumerate(past[article_id], last.get(article_id or 0, 0) + 1)
    ]
    session.execute(insert(Revision), rows)


def _link(
    session: Session,
    records: Mapping[int | None, Record] | Mapping[int, Record],
    before: Mapping[int, Record] | None = None,
) -> None:
    """Insert the topics and entities of `records`, by the articles' ids, in their order.

    Lists that are as they were `before` stand already.
    """
    for link, table, column, name in (
        (ArticleTopic, Topic, Topic.slug, "topics"),
        (ArticleEntity, Entity, Entity.name, "entities"),
    ):
        lists = {i: getattr(record, name) for i, record in records.items()}
        for i, record in (before or {}).items():
            if lists[i] == getattr(record, name):
                del lists[i]
        ids = _ids(session, table, column, {each for names in lists.values() for each in names})
        key = "topic_id" if table is Topic else "entity_id"
        rows = [
            {"article_id": i, "position": position, key: ids[each]}
            for i, names in lists.items()
            for position, each in enumerate(names)
        ]
        if rows:
            session.execute(insert(link), rows)


def _ids(
    session: Session,
    table: type[Topic | Entity],
    column: InstrumentedAttribute[str],
    names: Iterable[str],
) -> dict[str, int]:
    """Return the ids of `names` in a vocabulary, which gains those that it lacks."""
    found: dict[str, int] = {}
    for some in _batched(sorted(names), _NAMES_ASKED):
        known = session.execute(select(column, table.id).where(column.in_(some)))
        found |= dict(known.all())
        if missing := [name for name in some if name not in found]:
            statement = insert(table).returning(table.id, sort_by_parameter_order=True)
            ids = session.scalars(statement, [{column.key: name} for name in missing])
            found |= zip(missing, ids, strict=True)
    return found


def _batched(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


def _alias(session: Session, aliases: Aliases) -> None:
    if not aliases:
        return
    session.execute(delete(SlugAlias).where(SlugAlias.slug.in_(aliases)))
    rows = [
        {"slug": slug, "article_id": owner.id}
        for slug, owner in aliases.items()
        if owner is not None
    ]
    if rows:
        session.execute(insert(SlugAlias), rows)


def _row(draft: Draft) -> dict[str, Any]:
    state = draft.states[-1]
    record = state.record
    return {
        **{name: getattr(record, name) for name in COLUMNS},
        "claims": record.claims.model_dump(exclude_defaults=True),
        "canonical_key": draft.standing.canonical_key,
        "digest": draft.standing.digest,
        "withdrawn_at": state.withdrawn_at,
        "withdrawn_reason": state.withdrawn_reason,
    }
