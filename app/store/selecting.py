"""Which articles a selection has, as statements: walks along an index, from the newest on.

Each walk has a limit of its own, and gives the sort key of what it finds. What narrows most of what
is asked for is walked along, and the rest is looked up for each article on the way: so a page costs
what it shows, and not what there is.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    exists,
    literal,
    not_,
    select,
    tuple_,
    union_all,
)

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

_UPDATED: Final = {"updated_from", "updated_to"}

When = Literal["listed_at", "updated_at"]


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a facet: of a topic or an entity by its id, and how many articles have it."""

    facet: Facet
    key: int | str
    articles: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What articles must be: of each of `groups` one value at least, none of `unwanted`."""

    groups: Sequence[Sequence[Value]]
    unwanted: Sequence[Value]
    spans: Mapping[str, datetime]
    terms: Sequence[Term] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be found."""
        return any(_size(group) == 0 for group in self.groups)

    def looks_up(self, done: Sequence[Value] = ()) -> bool:
        """Say whether the row of each article must be seen to know that it is wanted."""
        kept = [value for group in self.groups if group is not done for value in group]
        facets = {value.facet for value in (*kept, *self.unwanted)}
        return bool(facets & _COLUMNS.keys()) or any(name in _UPDATED for name in self.spans)

    @property
    def narrowest(self) -> Sequence[Value]:
        """The group that the fewest articles are in, or none where there are no groups."""
        return min(self.groups, key=_size, default=())


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a walk goes: `count` articles behind `after`, to the newer ones if `ascending`."""

    count: int
    after: Position | None = None
    ascending: bool = False


def _size(group: Sequence[Value]) -> int:
    return sum(value.articles for value in group)


def position_of(instant: datetime, article_id: int) -> Position:
    """Return the position of an article in the order of one of its instants."""
    return Position((instant - _EPOCH) // _MICROSECOND, article_id)


def walk(wanted: Wanted, when: When, reach: Reach) -> Select[Any]:
    """Return a statement for the ids of articles, and the instants by which they are in order."""
    group = wanted.narrowest
    if when == "updated_at" and _size(group) > SORTED_AT_MOST:
        group = ()
    if not group:
        return _along(_A.id, _A[when], _listed(wanted, group), reach)
    branches = [_branch(value, wanted, when, reach) for value in group]
    if len(branches) == 1:
        return branches[0]
    # Each of them stops by itself, so what is sorted here is little.
    pieces = [select(*branch.subquery().c) for branch in branches]
    together = union_all(*pieces).subquery()
    key, at = together.c
    return _ordered(select(key, at).distinct(), key, at, reach)


def _branch(value: Value, wanted: Wanted, when: When, reach: Reach) -> Select[Any]:
    """Walk along the articles that have `value`."""
    rest = _listed(wanted, wanted.narrowest)
    if value.facet not in _LINKS:
        return _along(_A.id, _A[when], [_COLUMNS[value.facet] == value.key, *rest], reach)
    links, name = _LINKS[value.facet]
    along = [links.c[name] == value.key, links.c.listed_at.is_not(None)]
    if when == "updated_at":
        along.append(links.c.article_id == _A.id)
        return _along(_A.id, _A.updated_at, [*along, *rest], reach)
    needed = list(_conditions(wanted, wanted.narrowest, links.c.article_id, links.c.listed_at))
    if wanted.looks_up(wanted.narrowest):
        along.append(links.c.article_id == _A.id)
    return _along(links.c.article_id, links.c.listed_at, [*along, *needed], reach)


def _listed(wanted: Wanted, done: Sequence[Value]) -> list[ColumnElement[bool]]:
    return [_A.listed_at.is_not(None), *_conditions(wanted, done, _A.id, _A.listed_at)]


def _along(
    key: ColumnElement[int],
    at: ColumnElement[datetime],
    conditions: Sequence[ColumnElement[bool]],
    reach: Reach,
) -> Select[Any]:
    columns: tuple[Any, Any] = key.label("id"), at.label("at")
    found: Select[Any] = select(*columns).where(*conditions)
    if reach.after is not None:
        instant = _EPOCH + reach.after.first * _MICROSECOND
        here, there = tuple_(at, key), tuple_(literal(instant, Instant()), literal(reach.after[1]))
        found = found.where(here > there if reach.ascending else here < there)
    return _ordered(found, key, at, reach)


def _ordered(
    found: Select[Any], key: ColumnElement[int], at: ColumnElement[datetime], reach: Reach
) -> Select[Any]:
    order = (at, key) if reach.ascending else (at.desc(), key.desc())
    return found.order_by(*order).limit(reach.count)


def search(wanted: Wanted, dialect: str, tier: Tier, reach: Reach, *, exactly: bool) -> Select[Any]:
    """Return a statement for the ids of articles in which words are found, and their keys."""
    found = word_index.matches(dialect, wanted.terms, tier, exactly=exactly)
    conditions = [found.condition, *_between_keys(wanted.spans, found.key)]
    needed = list(_conditions(wanted, (), found.article_id, _A.listed_at))
    if wanted.looks_up() or wanted.spans:
        conditions.append(_A.id == found.article_id)
    columns: tuple[Any, Any] = found.article_id.label("id"), found.key.label("key")
    query: Select[Any] = select(*columns)
    query = query.select_from(found.rows).where(*conditions, *needed)
    if reach.after is not None:
        key = reach.after.second
        query = query.where(found.key > key if reach.ascending else found.key < key)
    return query.order_by(found.key if reach.ascending else found.key.desc()).limit(reach.count)


def _between_keys(
    spans: Mapping[str, datetime], key: ColumnElement[int]
) -> Iterator[ColumnElement[bool]]:
    """Bound a search by its keys, to the second; the conditions do the rest."""
    if since := spans.get("published_from"):
        yield key >= word_index.key_of(since, 0)
    if until := spans.get("published_to"):
        yield key <= word_index.last_key_in(until)


def _conditions(
    wanted: Wanted,
    done: Sequence[Value],
    key: ColumnElement[int],
    listed_at: ColumnElement[datetime],
) -> Iterator[ColumnElement[bool]]:
    """Yield what an article must be beside having one of the values that are `done`."""
    columns = {"published": listed_at, "updated": _A.updated_at}
    for name, instant in wanted.spans.items():
        what, _, edge = name.partition("_")
        bound = literal(instant, Instant())
        yield columns[what] >= bound if edge == "from" else columns[what] < bound
    for group in wanted.groups:
        if group is not done:
            yield _has_one(group, key)
    for value in wanted.unwanted:
        yield not_(_has_one([value], key))


def _has_one(group: Collection[Value], key: ColumnElement[int]) -> ColumnElement[bool]:
    facet = next(iter(group)).facet
    keys = [value.key for value in group]
    if facet not in _LINKS:
        # Of an article that names no source it is false, and not unknown, that it is from one.
        return and_(_COLUMNS[facet].is_not(None), _COLUMNS[facet].in_(keys))
    links, name = _LINKS[facet]
    each = links.alias()
    # The sum is in no index, so links are found by the article, which has a few. By the term there
    # may be as many as there are articles, for each article on the way.
    return exists().where(each.c.article_id == key, (each.c[name] + 0).in_(keys))
