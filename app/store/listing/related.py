"""Related articles, scored by the rarity of the terms they share and by distance in time."""

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.article.record import Record
from app.database.dialects import is_any_of
from app.database.tables import ArticleEntity, ArticleTopic, Entity, FacetTerm, Topic
from app.store.articles import SELECT_RECORD, select_by_ids, to_records

SHARED_AT_MOST: Final = 12
"""How many of the terms of an article are used: the rarest."""

CANDIDATES: Final = 40
"""How many articles of each term are scored: the newest."""

HALF_LIFE_DAYS: Final = 30.0
"""An article published this long before or after scores half."""


def related(session: Session, record: Record, count: int) -> list[Record]:
    """Return at most `count` articles related to `record`, the best score first."""
    scores: dict[int, float] = defaultdict(float)
    for link, key, articles in _rarest(session, record):
        # A term of all articles says little, and a term of two says most.
        weight = 1 / math.log2(1 + max(articles, 2))
        for article_id, at in _newest(session, link, key):
            days = abs((at - record.published_at).total_seconds()) / 86_400
            scores[article_id] += weight * 0.5 ** (days / HALF_LIFE_DAYS)
    best = sorted(scores, key=lambda each: (scores[each], each), reverse=True)[: count + 1]
    if not best:
        return []
    found = to_records(select_by_ids(session.connection(), SELECT_RECORD, best))
    records = [found[each] for each in best if each in found]
    return [each for each in records if each.slug != record.slug][:count]


def _rarest(session: Session, record: Record) -> list[tuple[Any, int, int]]:
    """Return the rarest terms of `record`: the links' table, the term's id, its articles."""
    topics = (
        select(Topic.id, FacetTerm.articles)
        .join(FacetTerm, (FacetTerm.facet == "topic") & (FacetTerm.value == Topic.slug))
        .where(is_any_of(session, Topic.slug, record.topics))
    )
    entities = (
        select(Entity.id, FacetTerm.articles)
        .join(FacetTerm, (FacetTerm.facet == "entity") & (FacetTerm.value == Entity.slug))
        .where(is_any_of(session, Entity.name, record.entities))
    )
    found = [
        (links, key, articles)
        for links, statement in ((ArticleTopic, topics), (ArticleEntity, entities))
        for key, articles in session.execute(statement)
    ]
    found.sort(key=lambda each: each[2])
    return found[:SHARED_AT_MOST]


def _newest(session: Session, link: Any, key: int) -> Iterable[tuple[int, datetime]]:  # noqa: ANN401 - one of two tables
    column = link.topic_id if link is ArticleTopic else link.entity_id
    found = (
        select(link.article_id, link.listed_at)
        .where(column == key, link.listed_at.is_not(None))
        .order_by(link.listed_at.desc(), link.article_id.desc())
        .limit(CANDIDATES)
    )
    return [(row[0], row[1]) for row in session.execute(found)]
