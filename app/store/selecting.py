"""Which articles a selection has: walks along an index, from the newest on.

Each walk has a limit of its own, and gives the sort key of what it finds. What narrows most of what
is asked for is walked along, and the rest is looked up for each article on the way: so a page costs
what it shows, and not what there is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    not_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from app import word_index
from app.cursors import Position
from app.selections import Facet
from app.tables import Article, ArticleEntity, ArticleTopic, Instant
from app.word_index import Tier
from app.words import Term

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_A: Final = Article.__table__.c
_LINKS: Final[Mapping[str, tuple[FromClause, str]]] = {
    "topic": (ArticleTopic.__table__, "topic_id"),
    "entity": (ArticleEntity.__table__, "entity_id"),
}
_COLUMNS: Final[Mapping[str, ColumnElement[str]]] = {"lang": _A.lang, "source": _A.source_host}
SORTED_AT_MOST: Final = 2_000
"""Up to so many articles of a term are sorted where no index has them in the order asked for."""

_PATTERNS: Final = 512
_UPDATED: Final = {"updated_from", "updated_to"}

When = Literal["listed_at", "updated_at"]


class Value(NamedTuple):
    """One value of a facet: of a topic or an entity by its id, and how many articles have it."""

    facet: Facet
    key: int | str
    articles: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What articles must be: of each of `groups` one value at least, none of `unwanted`.

    What is empty is not looked for.
    """

    groups: Sequence[Sequence[Value]]
    unwanted: Sequence[Value]
    spans: Mapping[str, datetime]
    terms: Sequence[Term] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be found."""
        return any(_size(group) == 0 for group in self.groups)

    @property
    def narrowest(self) -> int | None:
        """The place of the group that the fewest articles are in, or None without groups."""
        sizes = [_size(group) for group in self.groups]
        return sizes.index(min(sizes)) if sizes else None

    @property
    def lists(self) -> "tuple[_List, ...]":
        """The lists of values, by the parameters that have them in a statement."""
        groups = [
            _List(f"group_{place}", group[0].facet, len(group), excluded=False)
            for place, group in enumerate(self.groups)
        ]
        unwanted = [
            _List(f"unwanted_{place}", value.facet, 1, excluded=True)
            for place, value in enumerate(self.unwanted)
        ]
        return (*groups, *unwanted)

    @property
    def parameters(self) -> dict[str, object]:
        """The values of all that a statement asks for."""
        named: dict[str, object] = dict(self.spans)
        for place, group in enumerate(self.groups):
            named[f"group_{place}"] = [value.key for value in group]
            named |= {f"group_{place}_{number}": value.key for number, value in enumerate(group)}
        named |= {f"unwanted_{place}": [value.key] for place, value in enumerate(self.unwanted)}
        return named


class _List(NamedTuple):
    """Values of one facet, of which an article must have one, or if `excluded` none."""

    name: str
    facet: Facet
    length: int
    excluded: bool

    def is_met(self, key: ColumnElement[int]) -> ColumnElement[bool]:
        """Return the condition that the article `key` is as the list says."""
        found = self._has_one(key)
        return not_(found) if self.excluded else found

    def _has_one(self, key: ColumnElement[int]) -> ColumnElement[bool]:
        values: Any = bindparam(self.name, expanding=True)
        if self.facet not in _LINKS:
            # Of an article that names no source it is false, and not unknown, that it is from one.
            return and_(_COLUMNS[self.facet].is_not(None), _COLUMNS[self.facet].in_(values))
        links, name = _LINKS[self.facet]
        each = links.alias()
        # The sum is in no index, so links are found by the article, which has a few. By the term
        # there may be as many as there are articles, for each article on the way.
        return exists().where(each.c.article_id == key, (each.c[name] + 0).in_(values))


@dataclass(frozen=True, slots=True)
class Reach:
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


class _Pattern(NamedTuple):
    """What a walk is like, without the values: of each pattern there is one statement.

    `along` is the list that is walked along, if there is one.
    """

    when: When
    along: _List | None
    rest: tuple[_List, ...]
    spans: tuple[str, ...]
    ascending: bool
    behind: bool

    @property
    def looks_up(self) -> bool:
        """Whether the row of each article must be seen to know that it is wanted."""
        return _looks_up(self.rest, self.spans)


def _looks_up(lists: Iterable[_List], spans: Iterable[str]) -> bool:
    return any(each.facet in _COLUMNS for each in lists) or not _UPDATED.isdisjoint(spans)


def _size(group: Sequence[Value]) -> int:
    return sum(value.articles for value in group)


def position_of(instant: datetime, article_id: int) -> Position:
    """Return the position of an article in the order of one of its instants."""
    return Position((instant - _EPOCH) // _MICROSECOND, article_id)


def walk(
    session: Session, wanted: Wanted, when: When, reach: Reach
) -> Iterable[tuple[int, datetime]]:
    """Return the ids of articles, and the instants by which they are in order."""
    place = wanted.narrowest
    if place is not None and when == "updated_at" and _size(wanted.groups[place]) > SORTED_AT_MOST:
        place = None
    lists = wanted.lists
    pattern = _Pattern(
        when,
        None if place is None else lists[place],
        tuple(each for number, each in enumerate(lists) if number != place),
        tuple(wanted.spans),
        reach.ascending,
        reach.after is not None,
    )
    found: Any = session.connection().execute(_walk(pattern), wanted.parameters | reach.parameters)
    return cast("Iterable[tuple[int, datetime]]", found)


# To build a statement, and to find out that it is known, takes longer than to run it.
@lru_cache(_PATTERNS)
def _walk(pattern: _Pattern) -> Select[Any]:
    if pattern.along is None:
        return _along(_A.id, _A[pattern.when], _listed(pattern), pattern)
    values = [f"{pattern.along.name}_{number}" for number in range(pattern.along.length)]
    branches = [_branch(pattern.along.facet, bindparam(name), pattern) for name in values]
    if len(branches) == 1:
        return branches[0]
    # Each of them stops by itself, so what is sorted here is little.
    pieces = [select(*branch.subquery().c) for branch in branches]
    together = union_all(*pieces).subquery()
    key, at = together.c
    return _ordered(select(key, at).distinct(), key, at, pattern)


def _branch(facet: Facet, value: BindParameter[Any], pattern: _Pattern) -> Select[Any]:
    """Walk along the articles that have `value`."""
    if facet not in _LINKS:
        has_it = _COLUMNS[facet] == value
        return _along(_A.id, _A[pattern.when], [has_it, *_listed(pattern)], pattern)
    links, name = _LINKS[facet]
    along = [links.c[name] == value, links.c.listed_at.is_not(None)]
    if pattern.when == "updated_at":
        along.append(links.c.article_id == _A.id)
        return _along(_A.id, _A.updated_at, [*along, *_listed(pattern)], pattern)
    key, at = links.c.article_id, links.c.listed_at
    if pattern.looks_up:
        along.append(key == _A.id)
    needed = _conditions(pattern.rest, pattern.spans, key, at)
    return _along(key, at, [*along, *needed], pattern)


def _listed(pattern: _Pattern) -> list[ColumnElement[bool]]:
    needed = _conditions(pattern.rest, pattern.spans, _A.id, _A.listed_at)
    return [_A.listed_at.is_not(None), *needed]


def _along(
    key: ColumnElement[int],
    at: ColumnElement[datetime],
    conditions: Sequence[ColumnElement[bool]],
    pattern: _Pattern,
) -> Select[Any]:
    columns: tuple[Any, Any] = key.label("id"), at.label("at")
    found: Select[Any] = select(*columns).where(*conditions)
    if pattern.behind:
        here: Any = tuple_(at, key)
        there = tuple_(
            bindparam("after_instant", type_=Instant()), bindparam("after_id", type_=Integer())
        )
        found = found.where(here > there if pattern.ascending else here < there)
    return _ordered(found, key, at, pattern)


def _ordered(
    found: Select[Any], key: ColumnElement[int], at: ColumnElement[datetime], pattern: _Pattern
) -> Select[Any]:
    order = (at, key) if pattern.ascending else (at.desc(), key.desc())
    return found.order_by(*order).limit(bindparam("count", type_=Integer()))


def search(
    session: Session, wanted: Wanted, tier: Tier, reach: Reach, *, exactly: bool
) -> Iterable[tuple[int, int]]:
    """Return the ids of articles in which words are found, and their keys, in order."""
    dialect = session.get_bind().dialect.name
    found = word_index.matches(dialect, wanted.terms, tier, exactly=exactly)
    conditions = [found.condition, *_between_keys(wanted.spans, found.key)]
    needed = _conditions(wanted.lists, wanted.spans, found.article_id, _A.listed_at)
    if _looks_up(wanted.lists, wanted.spans) or wanted.spans:
        conditions.append(_A.id == found.article_id)
    columns: tuple[Any, Any] = found.article_id.label("id"), found.key.label("key")
    query: Select[Any] = select(*columns)
    query = query.select_from(found.rows).where(*conditions, *needed)
    if reach.after is not None:
        key = reach.after.second
        query = query.where(found.key > key if reach.ascending else found.key < key)
    query = query.order_by(found.key if reach.ascending else found.key.desc()).limit(reach.count)
    rows: Any = session.connection().execute(query, wanted.parameters)
    return cast("Iterable[tuple[int, int]]", rows)


def _between_keys(
    spans: Mapping[str, datetime], key: ColumnElement[int]
) -> Iterator[ColumnElement[bool]]:
    """Bound a search by its keys, to the second; the conditions do the rest."""
    if since := spans.get("published_from"):
        yield key >= word_index.key_of(since, 0)
    if until := spans.get("published_to"):
        yield key <= word_index.last_key_in(until)


def _conditions(
    lists: Iterable[_List],
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
        yield each.is_met(key)
