"""What articles are looked for, and the conditions that this comes to in a statement.

A condition names its values as parameters, so that a statement is the same for all values, and is
built once for each pattern of a request.
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
_A: Final = Article.__table__.c
LINKS: Final[Mapping[str, tuple[FromClause, str]]] = {
    "topic": (ArticleTopic.__table__, "topic_id"),
    "entity": (ArticleEntity.__table__, "entity_id"),
}
COLUMNS: Final[Mapping[str, ColumnElement[str]]] = {"lang": _A.lang, "source": _A.source_host}
_UPDATED: Final = {"updated_from", "updated_to"}


class FilterValue(NamedTuple):
    """One value of a facet: of a topic or an entity by its id, and how many articles have it."""

    facet: Facet
    key: int | str
    articles: int


@dataclass(frozen=True, slots=True)
class ResolvedFilter:
    """What articles must be: of each of `groups` one value at least, none of `excluded`.

    What is empty is not looked for.
    """

    groups: Sequence[Sequence[FilterValue]]
    excluded: Sequence[FilterValue]
    spans: Mapping[str, datetime]
    terms: Sequence[SearchTerm] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be found."""
        return any(group_size(group) == 0 for group in self.groups)

    @property
    def narrowest(self) -> int | None:
        """The place of the group that the fewest articles are in, or None without groups."""
        sizes = [group_size(group) for group in self.groups]
        return sizes.index(min(sizes)) if sizes else None

    @property
    def lists(self) -> "tuple[FilterValues, ...]":
        """The lists of values, by the parameters that have them in a statement."""
        groups = [
            FilterValues(f"group_{place}", group[0].facet, len(group), excluded=False)
            for place, group in enumerate(self.groups)
        ]
        unwanted = [
            FilterValues(f"unwanted_{place}", value.facet, 1, excluded=True)
            for place, value in enumerate(self.excluded)
        ]
        return (*groups, *unwanted)

    @property
    def parameters(self) -> dict[str, object]:
        """The values of all that a statement asks for."""
        named: dict[str, object] = dict(self.spans)
        for place, group in enumerate(self.groups):
            named[f"group_{place}"] = [value.key for value in group]
            named |= {f"group_{place}_{number}": value.key for number, value in enumerate(group)}
        named |= {f"unwanted_{place}": [value.key] for place, value in enumerate(self.excluded)}
        return named


class FilterValues(NamedTuple):
    """Values of one facet, of which an article must have one, or if `excluded` none."""

    name: str
    facet: Facet
    length: int
    excluded: bool

    def condition(self, key: ColumnElement[int]) -> ColumnElement[bool]:
        """Return the condition that the article `key` is as the list says."""
        found = self._has_one(key)
        return not_(found) if self.excluded else found

    def _has_one(self, key: ColumnElement[int]) -> ColumnElement[bool]:
        values: Any = bindparam(self.name, expanding=True)
        if self.facet not in LINKS:
            # Of an article that names no source it is false, and not unknown, that it is from one.
            return and_(COLUMNS[self.facet].is_not(None), COLUMNS[self.facet].in_(values))
        links, name = LINKS[self.facet]
        each = links.alias()
        # The sum is in no index, so links are found by the article, which has a few. By the term
        # there may be as many as there are articles, for each article on the way.
        return exists().where(each.c.article_id == key, (each.c[name] + 0).in_(values))


@dataclass(frozen=True, slots=True)
class Keyset:
    """How far a walk goes: `count` articles behind `after`, to the newer ones if `ascending`."""

    count: int
    after: Position | None = None
    ascending: bool = False

    @property
    def parameters(self) -> dict[str, object]:
        """The values of all that a statement asks for."""
        if self.after is None:
            return {"count": self.count}
        instant = _EPOCH + self.after.first * _MICROSECOND
        return {"count": self.count, "after_instant": instant, "after_id": self.after.second}


def group_size(group: Sequence[FilterValue]) -> int:
    """Return how many articles a group has at most."""
    return sum(value.articles for value in group)


def to_position(instant: datetime, article_id: int) -> Position:
    """Return the position of an article in the order of one of its instants."""
    return Position((instant - _EPOCH) // _MICROSECOND, article_id)


def needs_article_row(lists: Iterable[FilterValues], spans: Iterable[str]) -> bool:
    """Say whether the row of each article must be seen to know that it is wanted."""
    return any(each.facet in COLUMNS for each in lists) or not _UPDATED.isdisjoint(spans)


def filter_conditions(
    lists: Iterable[FilterValues],
    spans: Iterable[str],
    key: ColumnElement[int],
    listed_at: ColumnElement[datetime],
) -> Iterator[ColumnElement[bool]]:
    """Yield what an article must be."""
    columns = {"published": listed_at, "updated": _A.updated_at}
    for name in spans:
        what, _, edge = name.partition("_")
        bound: Any = bindparam(name, type_=Instant())
        yield columns[what] >= bound if edge == "from" else columns[what] < bound
    for each in lists:
        yield each.condition(key)
