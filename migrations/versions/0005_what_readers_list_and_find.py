"""Listings and search: `listed_at`, term counts, the full-text index, and public changes."""

import hashlib
import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from slugify import slugify

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
instant = sa.DateTime(timezone=True)
# Compared as bytes, so that an index serves a search by prefix.
plain = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("articles") as articles:
        articles.add_column(sa.Column("listed_at", instant, nullable=True))
        articles.add_column(sa.Column("source_host", sa.Text(), nullable=True))
        for columns in ["listed_at", "id"], ["lang", "listed_at", "id"], ["updated_at", "id"]:
            articles.create_index(op.f(f"ix_articles_{'_'.join(columns)}"), columns)
        columns = ["source_host", "listed_at", "id"]
        articles.create_index(op.f(f"ix_articles_{'_'.join(columns)}"), columns)
    awaited = sa.text("listed_at IS NULL AND withdrawn_at IS NULL")
    op.create_index(
        "ix_articles_due",
        "articles",
        ["listed_at", "published_at"],
        sqlite_where=awaited,
        postgresql_where=awaited,
    )
    for table, key in ("article_topics", "topic_id"), ("article_entities", "entity_id"):
        with op.batch_alter_table(table) as links:
            links.add_column(sa.Column("listed_at", instant, nullable=True))
            links.drop_index(f"ix_{table}_{key}")
            columns = [key, "listed_at", "article_id"]
            links.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), columns)
    with op.batch_alter_table("entities") as entities:
        entities.add_column(sa.Column("slug", sa.Text(), nullable=True))
    _name_entities()
    with op.batch_alter_table("entities") as entities:
        entities.alter_column("slug", existing_type=sa.Text(), nullable=False)
        entities.create_unique_constraint(op.f("uq_entities_slug"), ["slug"])
    with op.batch_alter_table("changes") as changes:
        changes.add_column(sa.Column("public", sa.Text(), nullable=True))
    _publish_changes()
    op.create_table(
        "terms",
        sa.Column("facet", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("folded", plain, nullable=False),
        sa.Column("articles", number, nullable=False),
        sa.PrimaryKeyConstraint("facet", "value", name=op.f("pk_terms")),
    )
    for columns in ["facet", "folded", "value"], ["facet", "articles", "value"]:
        op.create_index(op.f(f"ix_terms_{'_'.join(columns)}"), "terms", columns)
    properties = op.create_table(
        "properties",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_properties")),
    )
    op.bulk_insert(properties, [{"name": "cursor-key", "value": secrets.token_hex(32)}])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE article_words"
            " USING fts5(title, summary, body, tokenize = 'ascii', detail = 'full')"
        )
    else:
        op.execute(
            "CREATE TABLE article_words (key bigint NOT NULL, title tsvector NOT NULL,"
            " head tsvector NOT NULL, whole tsvector NOT NULL,"
            " CONSTRAINT pk_article_words PRIMARY KEY (key))"
        )
        for column in "title", "head", "whole":
            op.execute(
                f"CREATE INDEX ix_article_words_{column} ON article_words USING gin ({column})"
            )


def _name_entities() -> None:
    """Give each entity a slug, with a digest if it is taken or empty."""
    table = sa.table("entities", sa.column("id"), sa.column("name"), sa.column("slug"))
    found = op.get_bind().execute(sa.select(table.c.id, table.c.name).order_by(table.c.id)).all()
    taken: set[str] = set()
    for entity_id, name in found:
        slug = slugify(name, max_length=80)
        if not slug or slug in taken:
            digest = hashlib.blake2b(name.encode(), digest_size=5).hexdigest()
            slug = f"{slug[:69]}-{digest}".strip("-")
        taken.add(slug)
        named = sa.update(table).where(table.c.id == entity_id).values(slug=slug)
        op.get_bind().execute(named)


def _publish_changes() -> None:
    """Make all changes public except those of scheduled articles, which are published later."""
    articles = sa.table("articles", sa.column("id"), sa.column("published_at", instant))
    changes = sa.table("changes", *map(sa.column, ("kind", "public", "article_id")))
    now = datetime.now(UTC)
    if op.get_bind().dialect.name == "sqlite":
        now = now.replace(tzinfo=None)  # SQLite stores the UTC wall clock
    ahead = sa.select(articles.c.id).where(articles.c.published_at > now)
    hidden = changes.c.article_id.is_not(None) & changes.c.article_id.in_(ahead)
    op.execute(sa.update(changes).where(~hidden).values(public=changes.c.kind))


def downgrade() -> None:
    for table in "article_words", "properties", "terms":
        op.drop_table(table)
    with op.batch_alter_table("changes") as changes:
        changes.drop_column("public")
    with op.batch_alter_table("entities") as entities:
        entities.drop_constraint("uq_entities_slug", type_="unique")
        entities.drop_column("slug")
    for table, key in ("article_entities", "entity_id"), ("article_topics", "topic_id"):
        with op.batch_alter_table(table) as links:
            links.drop_index(f"ix_{table}_{key}_listed_at_article_id")
            links.drop_column("listed_at")
            links.create_index(op.f(f"ix_{table}_{key}"), [key])
    op.drop_index("ix_articles_due", "articles")
    with op.batch_alter_table("articles") as articles:
        for columns in "listed_at_id", "lang_listed_at_id", "updated_at_id":
            articles.drop_index(f"ix_articles_{columns}")
        articles.drop_index("ix_articles_source_host_listed_at_id")
        articles.drop_column("source_host")
        articles.drop_column("listed_at")
