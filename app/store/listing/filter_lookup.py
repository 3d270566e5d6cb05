"""Resolution of the filters of a query: to ids, and to the number of articles of each value."""

from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, tuple_

from app.database.tables import Entity, FacetTerm, Topic
from app.search import query_parser
from app.search.analyzer import fold
from app.search.listing_query import Facet, ListingQuery
from app.store.listing.filters import FilterValue, ResolvedFilter


def resolve_filter(connection: Connection, query: ListingQuery) -> ResolvedFilter:
    """Look up the values that `query` filters by, and parse its search terms.

    An unknown value becomes a group without articles.
    """
    named = {
        (facet, value)
        for lists in (query.any_of, query.all_of, query.none_of)
        for facet, values in lists.items()
        for value in values
    }
    known = _values(connection, named)
    groups = [
        [found for value in values for found in known[facet, value]]
        for facet, values in query.any_of.items()
    ]
    groups += [known[facet, value] for facet, values in query.all_of.items() for value in values]
    excluded = [
        found
        for facet, values in query.none_of.items()
        for value in values
        for found in known[facet, value]
    ]
    terms = query_parser.parse(query.q, _languages(connection, query)) if query.q else ()
    return ResolvedFilter(groups, excluded, query.spans, terms)


def _values(
    connection: Connection, named: set[tuple[Facet, str]]
) -> dict[tuple[Facet, str], list[FilterValue]]:
    """Return the known values of facets. Languages are compared without case."""
    known: dict[tuple[Facet, str], list[FilterValue]] = {name: [] for name in named}
    if not named:
        return known
    languages = {fold(value): value for facet, value in named if facet == "lang"}
    found = (
        select(
            FacetTerm.facet, FacetTerm.value, FacetTerm.articles, func.coalesce(Topic.id, Entity.id)
        )
        .outerjoin(Topic, (FacetTerm.facet == "topic") & (Topic.slug == FacetTerm.value))
        .outerjoin(Entity, (FacetTerm.facet == "entity") & (Entity.slug == FacetTerm.value))
        .where(
            or_(
                tuple_(FacetTerm.facet, FacetTerm.value).in_(sorted(named)),
                and_(FacetTerm.facet == "lang", FacetTerm.folded.in_(sorted(languages))),
            )
        )
    )
    rows: Any = connection.execute(found)
    for facet, value, articles, key in rows:
        requested = languages[fold(value)] if facet == "lang" else value
        known[facet, requested].append(FilterValue(facet, value if key is None else key, articles))
    return known


def _languages(connection: Connection, query: ListingQuery) -> tuple[str, ...]:
    """Return the languages whose stemmers apply to the search terms."""
    if filtered := query.any_of.get("lang"):
        return filtered
    return languages(connection)


def languages(connection: Connection) -> tuple[str, ...]:
    """Return the languages of the public articles."""
    found = (
        select(FacetTerm.value)
        .where(FacetTerm.facet == "lang", FacetTerm.articles > 0)
        .order_by(FacetTerm.value)
    )
    return tuple(connection.scalars(found))
