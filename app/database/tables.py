"""The relational shape. No behaviour, and all of it in one file, for tables refer to each other.

Every constraint has a name, every instant is UTC, no text has a length limit, and a relation that
was not asked for raises instead of querying.
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

# SQLite numbers rows by itself in a column of type INTEGER only.
Number = BigInteger().with_variant(Integer, "sqlite")
# Compared as bytes, so that an index serves a search by prefix, whatever the database's locale.
Plain = Text(collation="C").with_variant(Text(), "sqlite")


class Instant(TypeDecorator[datetime]):
    """An instant in UTC with microseconds, the same on every database.

    SQLite forgets the offset, so there the UTC wall clock is kept and the zone put back on reading.
    Raises ValueError for a naive datetime.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """Return what makes of an instant what the driver is given, in one step on SQLite."""
        if dialect.name == "sqlite":
            return _to_text
        return super().bind_processor(dialect)

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return what the driver is given, in UTC."""
        return None if value is None else _in_utc(value)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None] | None:
        """Return what makes an instant of what the driver gives, in one step on SQLite."""
        if dialect.name == "sqlite":
            return _from_text
        return super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return what the driver gave, in UTC."""
        return None if value is None else value.astimezone(UTC)


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a naive datetime is no instant")
    return value.astimezone(UTC)


@lru_cache(1_024)  # an article's instants are those of its links, and a batch has one in all rows
def _to_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    return _in_utc(value).replace(tzinfo=None).isoformat(" ", "microseconds")


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "Z")


class Base(DeclarativeBase):
    """What all tables share: names for constraints, and types for columns."""

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


# One tree on SQLite where there would be two: rows that are found by a key of two parts are kept by
# it. They have to be short, for it has less room for each.
_BY_KEY: Final = {"sqlite_with_rowid": False}
_AWAITED = text("listed_at IS NULL AND withdrawn_at IS NULL")


class Article(Base):
    """An article as it stands now.

    `listed_at` is its `published_at` as long as readers see it, and empty before that time and
    after a withdrawal: an index that has it is an index of what is public.
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
            sqlite_where=_AWAITED,
            postgresql_where=_AWAITED,
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
    # JSON and not JSONB: the order of unknown fields is part of what came in.
    claims: Mapped[dict[str, JsonValue]] = mapped_column(JSON)
    extra: Mapped[dict[str, JsonValue]] = mapped_column(JSON)
    # Last, for on SQLite what stands behind a long text is found by reading through all of it.
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
    """A topic that some article has, or had."""

    __tablename__ = "topics"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)


class Entity(Base):
    """A named entity that some article mentions, or mentioned. Names keep their spelling.

    The slug is made from the name when that comes up first, and stays.
    """

    __tablename__ = "entities"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    slug: Mapped[str] = mapped_column(unique=True)


class ArticleTopic(Base):
    """The topic at one position, from 0, of an article's list."""

    __tablename__ = "article_topics"
    __table_args__ = (Index(None, "topic_id", "listed_at", "article_id"), _BY_KEY)

    article_id: Mapped[int] = mapped_column(
        ForeignKey(Article.id, ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey(Topic.id))
    listed_at: Mapped[datetime | None]

    topic: Mapped[Topic] = relationship(lazy="raise")


class ArticleEntity(Base):
    """The entity at one position, from 0, of an article's list."""

    __tablename__ = "article_entities"
    __table_args__ = (Index(None, "entity_id", "listed_at", "article_id"), _BY_KEY)

    article_id: Mapped[int] = mapped_column(
        ForeignKey(Article.id, ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    entity_id: Mapped[int] = mapped_column(ForeignKey(Entity.id))
    listed_at: Mapped[datetime | None]

    entity: Mapped[Entity] = relationship(lazy="raise")


class FacetTerm(Base):
    """A value by which articles are listed, and how many that are public have it.

    `facet` is what kind of value it is: a topic, an entity, a language, the host of a source, or a
    month; or "all", of which there is one. `label` is how it is written, `folded` how it is found.
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
    """A fact about the database itself, such as the key that its cursors are sealed with."""

    __tablename__ = "properties"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Load(Base):
    """A feed that was loaded, or is being loaded, or an edit: the head of its receipt.

    `read` is how many of its `size` bytes have been worked through. `refused` says why an atomic
    load changed nothing, and `undoes` which load this one has put back.
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
    """What became of one record of a feed. `position` counts the feed's records from 1.

    `file` is the one of several that came together in which `line` counts.
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
    """What an article was before a change, all of it. `number` counts from 1."""

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
    """One step of the change feed. `seq` has no gaps and grows in the order of commits.

    `slug` is the article's from then on. One that moved left `previous_slug`; where its new slug
    had been an alias, that was `alias_of`'s. `public` is what readers see of it, if anything.
    """

    __tablename__ = "changes"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    public: Mapped[str | None]
    slug: Mapped[str]
    previous_slug: Mapped[str | None]
    # Empty where there is no such article any more: its creation was undone.
    article_id: Mapped[int | None] = mapped_column(
        ForeignKey(Article.id, ondelete="SET NULL"), index=True
    )
    alias_of: Mapped[int | None] = mapped_column(
        ForeignKey(Article.id, ondelete="SET NULL"), index=True
    )
    load_id: Mapped[int | None] = mapped_column(ForeignKey(Load.id), index=True)
    at: Mapped[datetime]


class Token(Base):
    """A bearer token of an operator, of which only the hash is kept."""

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
    """What an operator did, or tried to do: who, what, to what, how it went, and when."""

    __tablename__ = "actions"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    operator: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    outcome: Mapped[str]
    request_id: Mapped[str]
