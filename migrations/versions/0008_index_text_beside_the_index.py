"""Keep the indexed text beside the full-text index on SQLite, and fill what readers search.

A contentless index had to be told which tokens to remove, so it could only be changed by the very
rules that had made it. An ordinary FTS5 table keeps what it has indexed.

Before this migration, the service filled the index, the term counts and `listed_at` when it
started, and recorded that in the property `catalogue`. Where the property is missing, they are
filled here. Rows are read in pieces, so memory does not grow with the number of articles.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

from app.article.record import Record
from app.database import fulltext_index
from app.search.analyzer import fold
from app.store.public_index import BODY_CHARACTERS, indexed_text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PIECE = 200

instant = sa.DateTime(timezone=True)
articles = sa.table(
    "articles",
    *map(sa.column, ("id", "title", "summary", "body_md", "lang", "canonical_source")),
    *map(sa.column, ("source_host", "withdrawn_at")),
    sa.column("published_at", instant),
    sa.column("listed_at", instant),
)
changes = sa.table("changes", *map(sa.column, ("seq", "article_id", "public")))
terms = sa.table("terms", *map(sa.column, ("facet", "value", "label", "folded", "articles")))
properties = sa.table("properties", sa.column("name"), sa.column("value"))
LINKS = (
    sa.table("article_topics", sa.column("article_id"), sa.column("listed_at", instant)),
    sa.table("article_entities", sa.column("article_id"), sa.column("listed_at", instant)),
)
COUNTS = {
    "all": "SELECT '' AS value, '' AS label, count(*) FROM articles WHERE listed_at IS NOT NULL",
    "lang": "SELECT lang, lang, count(*) FROM articles WHERE listed_at IS NOT NULL GROUP BY lang",
    "source": "SELECT source_host, source_host, count(*) FROM articles"
    " WHERE listed_at IS NOT NULL AND source_host IS NOT NULL GROUP BY source_host",
    "topic": "SELECT slug, slug, count(*) FROM topics JOIN article_topics ON topic_id = topics.id"
    " WHERE listed_at IS NOT NULL GROUP BY slug",
    "entity": "SELECT slug, name, count(*) FROM entities"
    " JOIN article_entities ON entity_id = entities.id"
    " WHERE listed_at IS NOT NULL GROUP BY slug, name",
}
MONTHS = {
    "sqlite": "substr(listed_at, 1, 7)",
    "postgresql": "to_char(listed_at AT TIME ZONE 'UTC', 'YYYY-MM')",
}


def upgrade() -> None:
    connection = op.get_bind()
    is_filled = connection.scalar(_catalogue().with_only_columns(sa.func.count())) == 1
    if connection.dialect.name == "sqlite":
        _recreate_index("")
    elif not is_filled:
        op.execute("DELETE FROM article_words")
    if not is_filled:
        _list_articles(connection)
        _count_terms(connection)
    if connection.dialect.name == "sqlite" or not is_filled:
        _index_articles(connection)
    op.execute(properties.delete().where(properties.c.name == "catalogue"))


def downgrade() -> None:
    # The version before fills the index when it starts.
    if op.get_bind().dialect.name == "sqlite":
        _recreate_index(", content = ''")


def _catalogue() -> sa.Select[Any]:
    return sa.select(properties.c.value).where(properties.c.name == "catalogue")


def _recreate_index(option: str) -> None:
    op.execute("DROP TABLE article_words")
    op.execute(
        "CREATE VIRTUAL TABLE article_words"
        f" USING fts5(title, summary, body{option}, tokenize = 'ascii', detail = 'full')"
    )
    op.execute("INSERT INTO article_words (article_words, rank) VALUES ('automerge', 8)")


def _list_articles(connection: sa.Connection) -> None:
    """Set what follows from an article and from the last public change of it."""
    now = datetime.now(UTC)
    if connection.dialect.name == "sqlite":
        now = now.replace(tzinfo=None)  # SQLite stores the UTC wall clock
    last_change = (
        sa.select(changes.c.public)
        .where(changes.c.article_id == articles.c.id, changes.c.public.is_not(None))
        .order_by(changes.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    is_public = sa.and_(
        articles.c.withdrawn_at.is_(None),
        articles.c.published_at <= now,
        sa.func.coalesce(last_change, "deleted") != "deleted",
    )
    listed_at = sa.case((is_public, articles.c.published_at), else_=None)
    connection.execute(articles.update().values(listed_at=listed_at))
    for link in LINKS:
        of_article = sa.select(articles.c.listed_at).where(articles.c.id == link.c.article_id)
        connection.execute(link.update().values(listed_at=of_article.scalar_subquery()))
    sources = sa.select(articles.c.id, articles.c.canonical_source)
    by_id = articles.update().where(articles.c.id == sa.bindparam("article"))
    for rows in _pieces(connection, sources.where(articles.c.canonical_source.is_not(None))):
        hosts = [{"article": row[0], "host": urlsplit(row[1]).hostname} for row in rows]
        connection.execute(by_id.values(source_host=sa.bindparam("host")), hosts)


def _count_terms(connection: sa.Connection) -> None:
    connection.execute(terms.delete())
    month = MONTHS[connection.dialect.name]
    by_month = (
        f"SELECT {month}, {month}, count(*) FROM articles"  # noqa: S608 - one of two constants
        f" WHERE listed_at IS NOT NULL GROUP BY {month}"
    )
    for facet, counts in {**COUNTS, "month": by_month}.items():
        for rows in _pieces(connection, sa.text(counts)):
            names = ("facet", "value", "label", "folded", "articles")
            values = [(facet, row[0], row[1], fold(row[1]), row[2]) for row in rows]
            connection.execute(
                terms.insert(), [dict(zip(names, each, strict=True)) for each in values]
            )


def _index_articles(connection: sa.Connection) -> None:
    found = (
        sa.select(
            articles.c.id,
            articles.c.title,
            articles.c.summary,
            sa.func.substr(articles.c.body_md, 1, BODY_CHARACTERS),
            articles.c.lang,
            articles.c.listed_at,
        )
        .where(articles.c.listed_at.is_not(None))
        .order_by(articles.c.listed_at, articles.c.id)
    )
    for rows in _pieces(connection, found):
        fulltext_index.insert(connection, [indexed_text(row[0], _record(row)) for row in rows])


def _record(row: sa.Row[Any]) -> Record:
    """Return as much of a record as is indexed."""
    names = ("title", "summary", "body_md", "lang", "published_at")
    fields: dict[str, Any] = dict(zip(names, row[1:], strict=True))
    if fields["published_at"].tzinfo is None:  # on SQLite
        fields["published_at"] = fields["published_at"].replace(tzinfo=UTC)
    return Record.model_construct(**fields, entities=())


def _pieces(connection: sa.Connection, found: sa.Executable) -> Iterator[Any]:
    with connection.execute(found, execution_options={"yield_per": PIECE}) as rows:
        yield from rows.partitions()
