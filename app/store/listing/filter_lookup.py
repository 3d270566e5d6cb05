"""What a selection names, looked up: topics, entities and others, and how many have each."""

from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, tuple_

from app.database.tables import Entity, FacetTerm, Topic
from app.search import query_parser
from app.search.analyzer import fold
from app.search.listing_query import Facet, ListingQuery
from app.store.listing.filters import FilterValue, ResolvedFilter


def resolve_filter(connection: Connection, selection: ListingQuery) -> ResolvedFilter:
    """Look up what `selection` names: the ids of its topics and entities, and how many have them.

    What nobody knows is a group that no article is in.
    """
    named = {
        (facet, value)
        for lists in (selection.any_of, selection.all_of, selection.none_of)
        for facet, values in lists.items()
        for value in values
    }
    known = _values(connection, named)
    groups = [
        [found for value in values for found in known[facet, value]]
        for facet, values in selection.any_of.items()
    ]
    groups += [
        known[facet, value] for facet, values in selection.all_of.items() for value in values
    ]
    unwanted = [
        found
        for facet, values in selection.none_of.items()
        for value in values
        for found in known[facet, value]
    ]
    terms = (
        query_parser.parse(selection.q, _languages(connection, selection)) if selection.q else ()
    )
    return ResolvedFilter(groups, unwanted, selection.spans, terms)


def _values(
    connection: Connection, named: set[tuple[Facet, str]]
) -> dict[tuple[Facet, str], list[FilterValue]]:
    """Return what articles have of what is named. A language is one in whatever case it is."""
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
        asked = languages[fold(value)] if facet == "lang" else value
        known[facet, asked].append(FilterValue(facet, value if key is None else key, articles))
    return known


def _languages(connection: Connection, selection: ListingQuery) -> tuple[str, ...]:
    """Return the languages in which what is searched may be written."""
    if asked := selection.any_of.get("lang"):
        return asked
    return languages(connection)


def languages(connection: Connection) -> tuple[str, ...]:
    """Return the languages of the articles that readers see."""
    found = (
        select(FacetTerm.value)
        .where(FacetTerm.facet == "lang", FacetTerm.articles > 0)
        .order_by(FacetTerm.value)
    )
    return tuple(connection.scalars(found))
