"""Writing articles with their links, aliases and revisions, and updating the public index.

An ArticleWrite holds the states that an article goes through in a transaction. The state before
them, and each of them but the last, is stored as a revision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app.article.record import Record
from app.database.dialects import allocate_ids, bulk_insert, is_any_of
from app.database.tables import Article, ArticleEntity, ArticleTopic, Revision, SlugAlias
from app.store import articles, existing_articles, public_index, topics_and_entities
from app.store.articles import COLUMNS, ArticleState
from app.store.existing_articles import ExistingArticle

_ARTICLES: Final = Article.__table__
_LINK: Final = ("article_id", "position")
_REVISION: Final = (
    "article_id", "number", "record", "withdrawn_at", "withdrawn_reason", "replaced_at", "load_id",
)  # fmt: skip

Aliases = Mapping[str, "ArticleWrite | None"]
"""Slugs that lead to an article from now on, or, with None, to no article any more."""


@dataclass(slots=True, eq=False)
class ArticleWrite:
    """The `states` an article goes through; `existing` describes the last of them.

    Without states the article does not change. `id` is None until it is written. `listed` says
    whether readers see it, according to the change feed so far.
    """

    existing: ExistingArticle
    states: list[ArticleState] = field(default_factory=list)
    id: int | None = field(init=False)
    listed: bool = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.existing.id
        self.listed = self.existing.listed


def write(
    session: Session,
    drafts: Sequence[ArticleWrite],
    aliases: Aliases,
    load_id: int | None,
    now: datetime,
) -> None:
    """Write `drafts`, assign ids to new articles, and set `aliases`."""
    old = {draft.id: draft for draft in drafts if draft.id is not None}
    new = [draft for draft in drafts if draft.id is None]
    before = _update_existing(session, old, load_id, now) if old else {}
    for draft, draft_id in zip(new, allocate_ids(session, _ARTICLES, len(new)), strict=True):
        draft.id = draft_id
    rows = [(draft.id, *_values(draft, now)) for draft in new]
    bulk_insert(session, _ARTICLES, ("id", *_WRITTEN_COLUMNS), rows)
    _insert_revisions(session, {draft.id: draft.states[:-1] for draft in new}, load_id, now)
    _insert_links(session, {draft.id: draft.states[-1] for draft in new}, now)
    set_aliases(session, aliases)
    final = {draft.id: draft.states[-1] for draft in drafts if draft.id is not None}
    shown = {i: state.record for i, state in final.items() if state.listed_at(now)}
    public_index.update_articles(session, before, shown)


def set_aliases(session: Session, aliases: Aliases) -> None:
    """Insert, replace or delete aliases."""
    if not aliases:
        return
    session.execute(delete(SlugAlias).where(is_any_of(session, SlugAlias.slug, aliases.keys())))
    rows = [(slug, owner.id) for slug, owner in aliases.items() if owner is not None]
    bulk_insert(session, SlugAlias.__table__, ("slug", "article_id"), rows)


def remove(session: Session, ids: Sequence[int]) -> None:
    """Delete articles with all that belongs to them, except their entries in the change feed."""
    if ids:
        # Only public articles are in the public index.
        listed = {each.id for each in existing_articles.by_id(session, ids) if each.listed}
        past = articles.current_states(session, [i for i in ids if i in listed])
        public_index.update_articles(session, {i: state.record for i, state in past.items()}, {})
        session.execute(delete(Article).where(is_any_of(session, Article.id, ids)))


def _update_existing(
    session: Session, drafts: Mapping[int, ArticleWrite], load_id: int | None, now: datetime
) -> dict[int, Record]:
    """Update existing articles. Return the old records of those that readers saw."""
    past = articles.current_states(session, drafts.keys())
    _insert_revisions(
        session, {i: [past[i], *draft.states[:-1]] for i, draft in drafts.items()}, load_id, now
    )
    moving = [i for i, draft in drafts.items() if draft.existing.slug != past[i].record.slug]
    if moving:
        # Two articles may swap slugs, so all of them get temporary slugs first, which are invalid.
        away = [{"id": i, "slug": f"/{i}"} for i in moving]
        session.execute(update(Article), away)
    rows = [
        {"id": i, **dict(zip(_WRITTEN_COLUMNS, _values(d, now), strict=True))}
        for i, d in drafts.items()
    ]
    session.execute(update(Article), rows)
    final = {i: draft.states[-1] for i, draft in drafts.items()}
    # Unchanged links are not written again.
    relinked = {
        i: state
        for i, state in final.items()
        if _links(state, state.listed_at(now))
        != _links(past[i], past[i].record.published_at if drafts[i].listed else None)
    }
    if relinked:
        for link in ArticleTopic, ArticleEntity:
            session.execute(
                delete(link).where(is_any_of(session, link.article_id, relinked.keys()))
            )
        _insert_links(session, relinked, now)
    return {i: past[i].record for i, draft in drafts.items() if draft.listed}


def _links(state: ArticleState, listed_at: datetime | None) -> tuple[object, ...]:
    return state.record.topics, state.record.entities, listed_at


def _insert_revisions(
    session: Session,
    past: Mapping[int | None, Sequence[ArticleState]],
    load_id: int | None,
    now: datetime,
) -> None:
    """Insert revisions, by article id, the oldest first."""
    ids = [article_id for article_id, states in past.items() if states]
    if not ids:
        return
    counted = select(Revision.article_id, func.max(Revision.number)).group_by(Revision.article_id)
    found = session.execute(counted.where(is_any_of(session, Revision.article_id, ids)))
    last = {row[0]: row[1] for row in found}
    rows = [
        (article_id, number, state.record.model_dump(mode="json"), *state[1:], now, load_id)
        for article_id in ids
        for number, state in enumerate(past[article_id], last.get(article_id or 0, 0) + 1)
    ]
    bulk_insert(session, Revision.__table__, _REVISION, rows)


def _insert_links(
    session: Session,
    states: Mapping[int | None, ArticleState] | Mapping[int, ArticleState],
    now: datetime,
) -> None:
    """Insert the links of articles with their topics and entities, by article id."""
    records = {i: (state.record, state.listed_at(now)) for i, state in states.items()}
    topics = topics_and_entities.get_or_create_topics(
        session, {t for r, _ in records.values() for t in r.topics}
    )
    rows = [
        (i, position, topics[topic], listed_at)
        for i, (record, listed_at) in records.items()
        for position, topic in enumerate(record.topics)
    ]
    bulk_insert(session, ArticleTopic.__table__, (*_LINK, "topic_id", "listed_at"), rows)
    entities = topics_and_entities.get_or_create_entities(
        session, {e for r, _ in records.values() for e in r.entities}
    )
    rows = [
        (i, position, entities[entity], listed_at)
        for i, (record, listed_at) in records.items()
        for position, entity in enumerate(record.entities)
    ]
    bulk_insert(session, ArticleEntity.__table__, (*_LINK, "entity_id", "listed_at"), rows)


_WRITTEN_COLUMNS: Final = (
    *COLUMNS, "canonical_key", "digest", "withdrawn_at", "withdrawn_reason", "listed_at",
    "source_host",
)  # fmt: skip
_COLUMNS: Final = attrgetter(*(name for name in COLUMNS if name != "claims"))


def _values(draft: ArticleWrite, now: datetime) -> tuple[Any, ...]:
    """Return the values of _WRITTEN_COLUMNS for the last state of `draft`."""
    state = draft.states[-1]
    record, withdrawn_at, withdrawn_reason = state
    standing = draft.existing
    return (
        *_COLUMNS(record),
        record.claims.model_dump(exclude_defaults=True),
        standing.canonical_key,
        standing.digest,
        withdrawn_at,
        withdrawn_reason,
        state.listed_at(now),
        public_index.source_host(record),
    )
