"""Reading articles: the statements, and the conversion of rows into records."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from itertools import repeat
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    FromClause,
    Row,
    Select,
    bindparam,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session

from app.article.record import Claims, ExportMetadata, Record
from app.database.dialects import is_any_of_parameter, json_array, list_parameter, parse_json_arrays
from app.database.tables import (
    Article,
    ArticleEntity,
    ArticleTopic,
    Change,
    Entity,
    SlugAlias,
    Topic,
)

# Statements use tables, not mapped classes: the session tracks no objects.
_TABLE: Final = Article.__table__
_ARTICLES: Final = _TABLE.c


def _names(vocabulary: FromClause, links: FromClause, name: str) -> ColumnElement[str]:
    """Return the topics or entities of an article, in its own order, as a JSON array."""
    return json_array(
        select(vocabulary.c[name])
        .select_from(vocabulary.join(links))
        .where(links.c.article_id == _ARTICLES.id)
        .order_by(links.c.position)
        .correlate(_TABLE)
    )


_NO_COLUMNS: Final = {"topics", "entities", "upkeep", "claims"}
COLUMNS: Final = (*(name for name in Record.model_fields if name not in _NO_COLUMNS), "claims")
"""The fields of a record that are columns of the table of articles."""

SELECT_RECORD = select(
    _ARTICLES.id,
    *(_ARTICLES[name] for name in COLUMNS),
    _names(Topic.__table__, ArticleTopic.__table__, "slug").label("topics"),
    _names(Entity.__table__, ArticleEntity.__table__, "name").label("entities"),
)
"""Complete records: one statement, one row for each article."""

_ALL_FIELDS: Final = set(Record.model_fields)
_SELECTED: Final = tuple(column.name for column in SELECT_RECORD.selected_columns)

_STATE = SELECT_RECORD.add_columns(_ARTICLES.withdrawn_at, _ARTICLES.withdrawn_reason)
_NO_CLAIMS: Final = Claims()
_NO_UPKEEP: Final = ExportMetadata()
_UNREAD: Final[Mapping[str, Any]] = {
    "body_md": "", "topics": (), "entities": (), "claims": _NO_CLAIMS, "extra": {},
    "upkeep": _NO_UPKEEP,
}  # fmt: skip
"""Values of fields that were not read."""

# Without its creation: `updated_at` dates what came first. A creation where another article had
# moved away from the slug counts, for clients may have that one.
_LAST_CHANGE: Final = (
    select(func.max(Change.at))
    .where(
        Change.article_id == _ARTICLES.id,
        or_(Change.kind != "created", Change.alias_of.is_not(None)),
    )
    .correlate(_TABLE)
    .scalar_subquery()
)
# Where the creation of another article at this slug was undone, clients may still have that one.
_LAST_REMOVAL: Final = (
    select(func.max(Change.at))
    .where(Change.slug == _ARTICLES.slug, Change.article_id.is_(None))
    .correlate(_TABLE)
    .scalar_subquery()
)
_READABLE = SELECT_RECORD.add_columns(
    _LAST_CHANGE.label("changed_at"), _LAST_REMOVAL.label("removed_at")
).where(
    _ARTICLES.slug == bindparam("slug"),
    _ARTICLES.published_at <= bindparam("now"),
    _ARTICLES.withdrawn_at.is_(None),
)


class ArticleState(NamedTuple):
    """The complete state of an article: its record, and when and why it was withdrawn."""

    record: Record
    withdrawn_at: datetime | None = None
    withdrawn_reason: str | None = None

    @property
    def visible_from(self) -> datetime | None:
        """When readers see the article from, or None if it is withdrawn."""
        return self.record.published_at if self.withdrawn_at is None else None

    def listed_at(self, now: datetime) -> datetime | None:
        """Return `visible_from` if it is not after `now`."""
        visible = self.visible_from
        return visible if visible is not None and visible <= now else None


@dataclass(frozen=True, slots=True)
class AliasOrTombstone:
    """What a slug without a public article leads to: a moved or a withdrawn article."""

    slug: str
    withdrawn: bool


class PublishedArticle(NamedTuple):
    """An article that readers may see, and when its address last changed, if ever.

    The creation of the first article at an address does not count.
    """

    record: Record
    changed_at: datetime | None


def find_published(connection: Connection, slug: str, now: datetime) -> PublishedArticle | None:
    """Return the article at `slug`, or None where there is none that readers may see by `now`."""
    row = connection.execute(_READABLE, {"slug": slug, "now": now}).one_or_none()
    if row is None:
        return None
    instants = [at for at in (row.changed_at, row.removed_at) if at is not None]
    return PublishedArticle(to_record(row), max(instants, default=None))


def find_alias_or_tombstone(
    connection: Connection, slug: str, now: datetime
) -> AliasOrTombstone | None:
    """Return where an article with the alias `slug` is now, or that it was withdrawn, or None.

    Scheduled articles are ignored.
    """
    moved = select(SlugAlias.article_id).where(SlugAlias.slug == slug).scalar_subquery()
    found = (
        select(Article.slug, Article.withdrawn_at)
        .where(or_(Article.slug == slug, Article.id == moved), Article.published_at <= now)
        .order_by(Article.slug != slug)  # a live slug beats an alias
        .limit(1)
    )
    row = connection.execute(found).one_or_none()
    return None if row is None else AliasOrTombstone(row.slug, row.withdrawn_at is not None)


def current_states(session: Session, ids: Collection[int]) -> dict[int, ArticleState]:
    """Return the current states of articles by id."""
    if not ids:
        return {}
    return {row.id: _state(row) for row in select_by_ids(session.connection(), _STATE, ids)}


@cache
def select_record_without(unread: frozenset[str]) -> Select[Any]:
    """Return SELECT_RECORD without the columns in `unread`."""
    return SELECT_RECORD.with_only_columns(
        *(c for c in SELECT_RECORD.selected_columns if c.name not in unread)
    )


def select_by_ids(
    connection: Connection, found: Select[Any], ids: Collection[int]
) -> CursorResult[Any]:
    """Return the rows of `found`, a variant of SELECT_RECORD, for articles with `ids`."""
    dialect = connection.dialect.name
    return connection.execute(_narrowed(found, dialect), {"ids": list_parameter(ids, dialect)})


@cache
def _narrowed(found: Select[Any], dialect: str) -> Select[Any]:
    # Building this statement takes longer than running it.
    return found.where(is_any_of_parameter(_ARTICLES.id, "ids", dialect))


def _state(row: "Row[*tuple[Any, ...]]") -> ArticleState:
    return ArticleState(to_record(row), row.withdrawn_at, row.withdrawn_reason)


def to_record(row: "Row[*tuple[Any, ...]]") -> Record:
    """Return the record kept in a row of `SELECT_RECORD`. It was validated when it was loaded."""
    fields = dict(zip(_SELECTED, row, strict=False))
    del fields["id"]
    fields["topics"], fields["entities"] = _lists((fields["topics"], fields["entities"]))
    fields["claims"], fields["upkeep"] = _claims(fields["claims"]), _NO_UPKEEP
    return Record.model_construct(_ALL_FIELDS, **fields)


def to_records(found: CursorResult[Any]) -> dict[int, Record]:
    """Return the records in rows of `select_record_without` by article id, in the order of rows.

    Fields that were not read are empty.
    """
    names, rows = found.keys(), found.all()
    if not rows:
        return {}
    # By columns, which takes half the time of a loop over rows.
    columns: dict[str, Iterable[Any]] = dict(zip(names, zip(*rows, strict=True), strict=True))
    for name, read in _READERS.items():
        if name in columns:
            columns[name] = read(columns[name])
    for name, value in _UNREAD.items():
        columns.setdefault(name, repeat(value, len(rows)))
    ids, fields = columns.pop("id"), tuple(columns)
    records = zip(*columns.values(), strict=True)
    return {
        key: Record.model_construct(_ALL_FIELDS, **dict(zip(fields, each, strict=True)))
        for key, each in zip(ids, records, strict=True)
    }


def _lists(arrays: Iterable[str]) -> Iterator[tuple[str, ...]]:
    return map(tuple, parse_json_arrays(arrays))


def _claims(kept_as: dict[str, Any]) -> Claims:
    return Claims.model_construct(**kept_as) if kept_as else _NO_CLAIMS


_READERS: Final[Mapping[str, Callable[[Iterable[Any]], Iterable[Any]]]] = {
    "topics": _lists, "entities": _lists, "claims": partial(map, _claims),
}  # fmt: skip
"""Conversions of columns whose values are not those of the record."""
