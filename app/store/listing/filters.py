"""Filters of a listing, resolved to ids, and the SQL conditions they become.

Conditions refer to values by bind parameters. So a statement depends on the shape of a query alone,
and is built once for each shape.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, exists, not_

from app.database.tables import Article, ArticleEntity, ArticleTopic, Instant
from app.http.cursors import Position
from app.search.analyzer import SearchTerm
from app.search.listing_query import Facet

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ARTICLES: Final = Article.__table__.c
LINKS: Final[Mapping[str, tuple[FromClause, str]]] = {
    "topic": (ArticleTopic.__table__, "topic_id"),
    "entity": (ArticleEntity.__table__, "entity_id"),
}
COLUMNS: Final[Mapping[str, ColumnElement[str]]] = {
    "lang": _ARTICLES.lang,
    "source": _ARTICLES.source_host,
}
_UPDATED: Final = {"updated_from", "updated_to"}


class FilterValue(NamedTuple):
    """A value of a facet, and how many articles have it. Topics and entities are given by id."""

    facet: Facet
    key: int | str
    articles: int


class FilterGroup(NamedTuple):
    """The shape of a filter: an article must have one of `length` values, or none if `excluded`.

    `name` is the bind parameter that holds the list of values; `name`_0 and so on hold each.
    """

    name: str
    facet: Facet
    length: int
    excluded: bool

    def condition(self, article_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Return the condition that the article with this id passes the filter."""
        has_value = self._has_value(article_id)
        return not_(has_value) if self.excluded else has_value

    def _has_value(self, article_id: ColumnElement[int]) -> ColumnElement[bool]:
        values: Any = bindparam(self.name, expanding=True)
        if self.facet not in LINKS:
            # NULL, for an article without a source, must count as false under NOT.
            return and_(COLUMNS[self.facet].is_not(None), COLUMNS[self.facet].in_(values))
        table, column = LINKS[self.facet]
        links = table.alias()
        # The addition keeps the planner off the index on the term, which may have a link for every
        # article. An article has few links.
        is_one = (links.c[column] + 0).in_(values)
        return exists().where(links.c.article_id == article_id, is_one)


@dataclass(frozen=True, slots=True)
class ResolvedFilter:
    """What an article must match: one value of each group, no excluded value, all spans and terms.

    `spans` are bounds of instants by their parameters, such as `published_from`.
    """

    groups: Sequence[Sequence[FilterValue]]
    excluded: Sequence[FilterValue]
    spans: Mapping[str, datetime]
    terms: Sequence[SearchTerm] = ()

    @property
    def is_empty(self) -> bool:
        """Whether no article can match, because no article is in one of the groups."""
        return any(group_size(group) == 0 for group in self.groups)

    @property
    def narrowest(self) -> int | None:
        """The index of the group with the fewest articles, or None without groups."""
        sizes = [group_size(group) for group in self.groups]
        return sizes.index(min(sizes)) if sizes else None

    @property
    def filter_groups(self) -> tuple[FilterGroup, ...]:
        """The shape of the filter: its groups, in their order, and then its excluded values."""
        groups = [
            FilterGroup(f"group_{number}", group[0].facet, len(group), excluded=False)
            for number, group in enumerate(self.groups)
        ]
        excluded = [
            FilterGroup(f"excluded_{number}", value.facet, 1, excluded=True)
            for number, value in enumerate(self.excluded)
        ]
        return (*groups, *excluded)

    @property
    def parameters(self) -> dict[str, object]:
        """The values of the bind parameters."""
        named: dict[str, object] = dict(self.spans)
        for number, group in enumerate(self.groups):
            named[f"group_{number}"] = [value.key for value in group]
            named |= {f"group_{number}_{place}": value.key for place, value in enumerate(group)}
        for number, value in enumerate(self.excluded):
            named[f"excluded_{number}"] = [value.key]
        return named


@dataclass(frozen=True, slots=True)
class Keyset:
    """Keyset pagination: at most `count` articles after the position `after`.

    They are read from the newest to the oldest, or the other way if `ascending`.
    """

    count: int
    after: Position | None = None
    ascending: bool = False

    @property
    def parameters(self) -> dict[str, object]:
        """The values of the bind parameters."""
        if self.after is None:
            return {"count": self.count}
        instant = _EPOCH + self.after.first * _MICROSECOND
        return {"count": self.count, "after_instant": instant, "after_id": self.after.second}


def group_size(group: Sequence[FilterValue]) -> int:
    """Return an upper bound of the number of articles in a group."""
    return sum(value.articles for value in group)


def to_position(instant: datetime, article_id: int) -> Position:
    """Return the position of an article in the order of an instant."""
    return Position((instant - _EPOCH) // _MICROSECOND, article_id)


def needs_article_row(groups: Iterable[FilterGroup], spans: Iterable[str]) -> bool:
    """Return whether the conditions refer to columns of the table of articles."""
    return any(each.facet in COLUMNS for each in groups) or not _UPDATED.isdisjoint(spans)


def filter_conditions(
    groups: Iterable[FilterGroup],
    spans: Iterable[str],
    article_id: ColumnElement[int],
    listed_at: ColumnElement[datetime],
) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions on an article, given by two columns of whatever is scanned."""
    columns = {"published": listed_at, "updated": _ARTICLES.updated_at}
    for name in spans:
        instant, _, edge = name.partition("_")
        bound: Any = bindparam(name, type_=Instant())
        yield columns[instant] >= bound if edge == "from" else columns[instant] < bound
    for group in groups:
        yield group.condition(article_id)
