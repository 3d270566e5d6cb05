"""Writing articles: drafts, each one article's way through a transaction, into rows.

A draft says what an article becomes, step by step. What it was before, and each step but the last,
is kept as a revision.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.dialects import among, insert_all, next_ids
from app.records import Claims, Record
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

_ARTICLES: Final = Article.__table__
_REVISION: Final = (
    "article_id", "number", "record", "withdrawn_at", "withdrawn_reason", "replaced_at", "load_id",
)  # fmt: skip

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
    for draft, draft_id in zip(new, next_ids(session, _ARTICLES, len(new)), strict=True):
        draft.id = draft_id
    insert_all(session, _ARTICLES, ("id", *_KEPT), [(draft.id, *_values(draft)) for draft in new])
    _keep(session, {draft.id: draft.states[:-1] for draft in new}, load_id, now)
    _link(session, {draft.id: draft.states[-1].record for draft in new})
    alias(session, aliases)


def alias(session: Session, aliases: Aliases) -> None:
    """Let `aliases` lead where they say."""
    if not aliases:
        return
    session.execute(delete(SlugAlias).where(among(session, SlugAlias.slug, aliases.keys())))
    rows = [(slug, owner.id) for slug, owner in aliases.items() if owner is not None]
    insert_all(session, SlugAlias.__table__, ("slug", "article_id"), rows)


def remove(session: Session, ids: Sequence[int]) -> None:
    """Remove articles with all that is theirs. The change feed keeps what it said of them."""
    if ids:
        session.execute(delete(Article).where(among(session, Article.id, ids)))


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
    rows = [{"id": i, **dict(zip(_KEPT, _values(d), strict=True))} for i, d in drafts.items()]
    session.execute(update(Article), rows)
    became = {i: draft.states[-1].record for i, draft in drafts.items()}
    for link, name in (ArticleTopic, "topics"), (ArticleEntity, "entities"):
        changed = [i for i in became if getattr(became[i], name) != getattr(past[i].record, name)]
        if changed:
            session.execute(delete(link).where(among(session, link.article_id, changed)))
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
    found = session.execute(counted.where(among(session, Revision.article_id, ids)))
    last = {row[0]: row[1] for row in found}
    rows = [
        (article_id, number, state.record.model_dump(mode="json"), *state[1:], now, load_id)
        for article_id in ids
        for number, state in enumerate(past[article_id], last.get(article_id or 0, 0) + 1)
    ]
    insert_all(session, Revision.__table__, _REVISION, rows)


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
        rows = [
            (i, position, ids[each])
            for i, names in lists.items()
            for position, each in enumerate(names)
        ]
        key = "topic_id" if table is Topic else "entity_id"
        insert_all(session, link.__table__, ("article_id", "position", key), rows)


def _ids(
    session: Session,
    table: type[Topic | Entity],
    column: InstrumentedAttribute[str],
    names: Iterable[str],
) -> dict[str, int]:
    """Return the ids of `names` in a vocabulary, which gains those that it lacks."""
    wanted = sorted(names)
    if not wanted:
        return {}
    known = session.execute(select(column, table.id).where(among(session, column, wanted)))
    found = {row[0]: row[1] for row in known}
    missing = [name for name in wanted if name not in found]
    fresh = next_ids(session, table.__table__, len(missing))
    insert_all(session, table.__table__, (column.key, "id"), list(zip(missing, fresh, strict=True)))
    return found | dict(zip(missing, fresh, strict=True))


_KEPT: Final = (
    *COLUMNS, "canonical_key", "digest", "withdrawn_at", "withdrawn_reason",
)  # fmt: skip
_NO_CLAIMS: Final = Claims()


def _values(draft: Draft) -> tuple[Any, ...]:
    """Return the values of the columns _KEPT for what `draft` is in the end."""
    record, withdrawn_at, withdrawn_reason = draft.states[-1]
    standing = draft.standing
    return (
        *(getattr(record, name) for name in COLUMNS if name != "claims"),
        record.claims.model_dump(exclude_defaults=True) if record.claims != _NO_CLAIMS else {},
        standing.canonical_key,
        standing.digest,
        withdrawn_at,
        withdrawn_reason,
    )
