"""The tables, without behaviour: all in one file, for they refer to each other.

Every constraint has a name, every instant is UTC, no text has a length limit, and a relationship
that was not loaded raises instead of querying.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from pydantic import JsonValue
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

# SQLite assigns ids in a column of type INTEGER only.
Number = BigInteger().with_variant(Integer, "sqlite")
# Compared as bytes, so that an index serves prefix searches in any locale.
Plain = Text(collation="C").with_variant(Text(), "sqlite")


class Instant(TypeDecorator[datetime]):
    """An instant in UTC with microseconds, the same on every database.

    SQLite has no offsets, so the UTC wall clock is stored and the zone added on reading. Raises
    ValueError for a naive datetime.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """Return the conversion for the driver: a single function on SQLite, for speed."""
        if dialect.name == "sqlite":
            return _to_text
        return super().bind_processor(dialect)

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return the value for the driver, in UTC."""
        return None if value is None else _in_utc(value)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None] | None:
        """Return the conversion from the driver: a single function on SQLite, for speed."""
        if dialect.name == "sqlite":
            return _from_text
        return super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return the value from the driver, in UTC."""
        return None if value is None else value.astimezone(UTC)


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a naive datetime is not an instant")
    return value.astimezone(UTC)


@lru_cache(1_024)  # an article shares its instants with its links, and a batch has one for all rows
def _to_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    return _in_utc(value).replace(tzinfo=None).isoformat(" ", "microseconds")


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "Z")


class Base(DeclarativeBase):
    """The base of all tables: names of constraints, and types of columns."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Instant, str: Text, int: Number}  # noqa: RUF012 - read by SQLAlchemy


# Store short rows in the index of their composite primary key (SQLite, "WITHOUT ROWID Tables").
_WITHOUT_ROWID: Final = {"sqlite_with_rowid": False}
_SCHEDULED = text("listed_at IS NULL AND withdrawn_at IS NULL")
_REMOVED = text("article_id IS NULL")


class Article(Base):
    """The current state of an article.

    `listed_at` equals `published_at` while readers see the article; it is NULL before publication
    and after a withdrawal. So an index that starts with it has public articles only.
    """

    __tablename__ = "articles"
    __table_args__ = (
        Index(None, "listed_at", "id"),
        Index(None, "updated_at", "id"),
        Index(None, "lang", "listed_at", "id"),
        Index(None, "source_host", "listed_at", "id"),
        Index(
            "ix_articles_due",
            "listed_at",
            "published_at",
            sqlite_where=_SCHEDULED,
            postgresql_where=_SCHEDULED,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    summary: Mapped[str]
    canonical_source: Mapped[str | None]
    published_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    lang: Mapped[str]
    listed_at: Mapped[datetime | None]
    source_host: Mapped[str | None]
    canonical_key: Mapped[str | None] = mapped_column(index=True)
    digest: Mapped[str]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str | None]
    # JSON, not JSONB, which does not keep the order of unknown fields.
    claims: Mapped[dict[str, JsonValue]] = mapped_column(JSON)
    extra: Mapped[dict[str, JsonValue]] = mapped_column(JSON)
    # The last column, because SQLite reads through a long text to get at the columns after it.
    body_md: Mapped[str]

    topics: Mapped[list["ArticleTopic"]] = relationship(
        order_by="ArticleTopic.position", lazy="raise", passive_deletes="all"
    )
    entities: Mapped[list["ArticleEntity"]] = relationship(
        order_by="ArticleEntity.position", lazy="raise", passive_deletes="all"
    )


class SlugAlias(Base):
    """A slug that an article had before it moved."""

    __tablename__ = "slug_aliases"

    slug: Mapped[str] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey(Article.id, ondelete="CASCADE"), index=True)


class Topic(Base):
    """A topic that an article has or had."""

    __tablename__ = "topics"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)


class Entity(Base):
    """A named entity that an article mentions or mentioned. Names keep their spelling.

    The slug is made from the name on insertion and never changes.
    """

    __tablename__ = "entities"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    slug: Mapped[str] = mapped_column(unique=True)


class ArticleTopic(Base):
    """A topic of an article, at a position from 0."""

    __tablename__ = "article_topics"
    __table_args__ = (Index(None, "topic_id", "listed_at", "article_id"), _WITHOUT_ROWID)

    article_id: Mapped[int] = mapped_column(
        ForeignKey(Article.id, ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey(Topic.id))
    listed_at: Mapped[datetime | None]

    topic: Mapped[Topic] = relationship(lazy="raise")


class ArticleEntity(Base):
    """An entity of an article, at a position from 0."""

    __tablename__ = "article_entities"
    __table_args__ = (Index(None, "entity_id", "listed_at", "article_id"), _WITHOUT_ROWID)

    article_id: Mapped[int] = mapped_column(
        ForeignKey(Article.id, ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    entity_id: Mapped[int] = mapped_column(ForeignKey(Entity.id))
    listed_at: Mapped[datetime | None]

    entity: Mapped[Entity] = relationship(lazy="raise")


class FacetTerm(Base):
    """A value of a facet, and the number of public articles that have it.

    Facets are topic, entity, lang, source (its host) and month, and "all", which has one value.
    `label` is for display, and `folded` for prefix searches.
    """

    __tablename__ = "terms"
    __table_args__ = (
        Index(None, "facet", "folded", "value"),
        Index(None, "facet", "articles", "value"),
    )

    facet: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    folded: Mapped[str] = mapped_column(Plain)
    articles: Mapped[int]


class Property(Base):
    """A property of the database itself, such as the key of its cursors."""

    __tablename__ = "properties"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Load(Base):
    """A load, running or finished, or a single edit.

    `read` is how many of its `size` bytes have been processed. `refused` says why an atomic load
    changed nothing. An undo refers to the load that it `undoes`.
    """

    __tablename__ = "loads"
    __table_args__ = (UniqueConstraint("loaded_by", "idempotency_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    file: Mapped[str | None]
    sha256: Mapped[str]
    size: Mapped[int]
    read: Mapped[int] = mapped_column(server_default="0")
    options: Mapped[dict[str, JsonValue]] = mapped_column(JSON, server_default="{}")
    loaded_by: Mapped[str]
    idempotency_key: Mapped[str | None]
    request_id: Mapped[str | None]
    undoes: Mapped[int | None] = mapped_column(ForeignKey("loads.id"), index=True)
    refused: Mapped[str | None]
    started_at: Mapped[datetime]
    leased_until: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    summary: Mapped[dict[str, int]] = mapped_column(JSON)


class LoadResult(Base):
    """The result of one record of a load. `position` counts the records from 1.

    `line` counts in `file`, one of several in an upload.
    """

    __tablename__ = "load_results"
    __table_args__ = (Index(None, "load_id", "outcome", "position"),)

    load_id: Mapped[int] = mapped_column(ForeignKey(Load.id, ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[str | None]
    line: Mapped[int]
    slug: Mapped[str | None]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    faults: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    flags: Mapped[list[dict[str, str]]] = mapped_column(JSON)


class Revision(Base):
    """The complete state of an article before a change. `number` counts from 1."""

    __tablename__ = "revisions"
    __table_args__ = (UniqueConstraint("article_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    article_id: Mapped[int] = mapped_column(ForeignKey(Article.id, ondelete="CASCADE"))
    number: Mapped[int]
    record: Mapped[dict[str, JsonValue]] = mapped_column(JSON)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_reason: Mapped[str | None]
    replaced_at: Mapped[datetime]
    load_id: Mapped[int | None] = mapped_column(ForeignKey(Load.id), index=True)


class Change(Base):
    """An entry of the change feed. `seq` has no gaps and grows in the order of commits.

    `slug` is that of the article after the change, and `previous_slug` the one that it moved from.
    If the new slug had been an alias, `alias_of` is the article it led to. `public` is the kind of
    change that readers see, or NULL.
    """

    __tablename__ = "changes"
    __table_args__ = (
        Index(
            "ix_changes_removed",
            "slug",
            sqlite_where=_REMOVED,
            postgresql_where=_REMOVED,
        ),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    public: Mapped[str | None]
    slug: Mapped[str]
    previous_slug: Mapped[str | None]
    # NULL if the creation of the article was undone.
    article_id: Mapped[int | None] = mapped_column(
        ForeignKey(Article.id, ondelete="SET NULL"), index=True
    )
    alias_of: Mapped[int | None] = mapped_column(
        ForeignKey(Article.id, ondelete="SET NULL"), index=True
    )
    load_id: Mapped[int | None] = mapped_column(ForeignKey(Load.id), index=True)
    at: Mapped[datetime]


class Token(Base):
    """A bearer token of an operator. Only its hash is stored."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    hash: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class Action(Base):
    """An entry of the audit log."""

    __tablename__ = "actions"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    operator: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    outcome: Mapped[str]
    request_id: Mapped[str]
