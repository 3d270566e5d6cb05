"""Facets of a listing: the number of matching articles for each value of a facet."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from app.database.dialects import is_any_of
from app.database.tables import Article, ArticleEntity, ArticleTopic, Entity, FacetTerm, Topic
from app.search.listing_query import ListingQuery
from app.store.listing.filter_lookup import resolve_filter
from app.store.listing.pages import matching_ids

COUNTED_AT_MOST: Final = 500
"""Facets are counted over this number of matching articles, the newest."""

TERMS_AT_MOST: Final = 20
FACETS: Final = ("topic", "entity", "lang", "source", "month")


@dataclass(frozen=True, slots=True)
class FacetCount:
    """A value of a facet as a filter takes it, its label, and its number of articles."""

    value: str
    label: str
    articles: int


@dataclass(frozen=True, slots=True)
class Facets:
    """The most frequent values of each facet among `counted` articles.

    These are all matching articles if `exact`, and the newest of them otherwise.
    """

    counted: int
    exact: bool
    terms: Mapping[str, Sequence[FacetCount]] = field(default_factory=dict)


def facets(connection: Connection, query: ListingQuery) -> Facets:
    """Return the facets of all articles that match `query`, whatever its page."""
    if not query.filters:
        return _of_everything(connection)
    resolved = resolve_filter(connection, query)
    if query.q and not resolved.terms:
        return Facets(0, exact=True, terms=dict.fromkeys(FACETS, ()))
    ids = matching_ids(connection, resolved, COUNTED_AT_MOST + 1)
    exact = len(ids) <= COUNTED_AT_MOST
    ids = ids[:COUNTED_AT_MOST]
    return Facets(len(ids), exact, _counted(connection, ids))


def _of_everything(connection: Connection) -> Facets:
    terms = {}
    for name in FACETS:
        found = (
            select(FacetTerm.value, FacetTerm.label, FacetTerm.articles)
            .where(FacetTerm.facet == name, FacetTerm.articles > 0)
            .order_by(FacetTerm.articles.desc(), FacetTerm.value.desc())
            .limit(TERMS_AT_MOST)
        )
        terms[name] = [FacetCount(*row) for row in connection.execute(found)]
    counted = connection.scalar(select(FacetTerm.articles).where(FacetTerm.facet == "all")) or 0
    return Facets(counted, exact=True, terms=terms)


def _counted(connection: Connection, ids: Sequence[int]) -> dict[str, list[FacetCount]]:
    number = func.count().label("articles")
    topics = (
        select(Topic.slug, Topic.slug, number)
        .join(ArticleTopic, ArticleTopic.topic_id == Topic.id)
        .where(is_any_of(connection, ArticleTopic.article_id, ids))
        .group_by(Topic.slug)
    )
    entities = (
        select(Entity.slug, Entity.name, number)
        .join(ArticleEntity, ArticleEntity.entity_id == Entity.id)
        .where(is_any_of(connection, ArticleEntity.article_id, ids))
        .group_by(Entity.slug, Entity.name)
    )
    terms = {
        name: _most([FacetCount(*row) for row in connection.execute(found)])
        for name, found in (("topic", topics), ("entity", entities))
    }
    columns = select(Article.lang, Article.source_host, Article.listed_at)
    rows = connection.execute(columns.where(is_any_of(connection, Article.id, ids))).all()
    values = {
        "lang": Counter(row[0] for row in rows),
        "source": Counter(row[1] for row in rows if row[1] is not None),
        "month": Counter(_month(row[2]) for row in rows if row[2] is not None),
    }
    for name, counter in values.items():
        terms[name] = _most([FacetCount(value, value, n) for value, n in counter.items()])
    return terms


def _month(instant: datetime) -> str:
    return instant.strftime("%Y-%m")


def _most(counts: list[FacetCount]) -> list[FacetCount]:
    counts.sort(key=lambda count: (count.articles, count.value), reverse=True)
    return counts[:TERMS_AT_MOST]
