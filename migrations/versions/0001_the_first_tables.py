"""The first tables: articles, their topics and entities, loads, changes, tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "articles",
        sa.Column("id", number, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("body_md", sa.Text(), nullable=False),
        sa.Column("canonical_source", sa.Text(), nullable=True),
        sa.Column("canonical_key", sa.Text(), nullable=True),
        sa.Column("published_at", instant, nullable=False),
        sa.Column("updated_at", instant, nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_articles")),
        sa.UniqueConstraint("slug", name=op.f("uq_articles_slug")),
    )
    op.create_table(
        "entities",
        sa.Column("id", number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entities")),
        sa.UniqueConstraint("name", name=op.f("uq_entities_name")),
    )
    op.create_table(
        "loads",
        sa.Column("id", number, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", number, nullable=False),
        sa.Column("loaded_by", sa.Text(), nullable=False),
        sa.Column("started_at", instant, nullable=False),
        sa.Column("touched_at", instant, nullable=False),
        sa.Column("finished_at", instant, nullable=True),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loads")),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=True),
        sa.Column("revoked_at", instant, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("name", name=op.f("uq_tokens_name")),
    )
    op.create_table(
        "topics",
        sa.Column("id", number, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topics")),
        sa.UniqueConstraint("slug", name=op.f("uq_topics_slug")),
    )
    op.create_table(
        "article_entities",
        sa.Column("article_id", number, nullable=False),
        sa.Column("position", number, nullable=False),
        sa.Column("entity_id", number, nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"],
            ["articles.id"],
            name=op.f("fk_article_entities_article_id_articles"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["entity_id"], ["entities.id"], name=op.f("fk_article_entities_entity_id_entities")
        ),
        sa.PrimaryKeyConstraint("article_id", "position", name=op.f("pk_article_entities")),
    )
    op.create_index(op.f("ix_article_entities_entity_id"), "article_entities", ["entity_id"])
    op.create_table(
        "article_topics",
        sa.Column("article_id", number, nullable=False),
        sa.Column("position", number, nullable=False),
        sa.Column("topic_id", number, nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"],
            ["articles.id"],
            name=op.f("fk_article_topics_article_id_articles"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["topic_id"], ["topics.id"], name=op.f("fk_article_topics_topic_id_topics")
        ),
        sa.PrimaryKeyConstraint("article_id", "position", name=op.f("pk_article_topics")),
    )
    op.create_index(op.f("ix_article_topics_topic_id"), "article_topics", ["topic_id"])
    op.create_table(
        "changes",
        sa.Column("seq", number, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("article_id", number, nullable=False),
        sa.Column("load_id", number, nullable=True),
        sa.Column("at", instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_changes_article_id_articles")
        ),
        sa.ForeignKeyConstraint(["load_id"], ["loads.id"], name=op.f("fk_changes_load_id_loads")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_article_id"), "changes", ["article_id"])
    op.create_index(op.f("ix_changes_load_id"), "changes", ["load_id"])
    op.create_table(
        "load_results",
        sa.Column("load_id", number, nullable=False),
        sa.Column("position", number, nullable=False),
        sa.Column("line", number, nullable=False),
        sa.Column("slug", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["load_id"],
            ["loads.id"],
            name=op.f("fk_load_results_load_id_loads"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("load_id", "position", name=op.f("pk_load_results")),
    )
    op.create_table(
        "revisions",
        sa.Column("id", number, nullable=False),
        sa.Column("article_id", number, nullable=False),
        sa.Column("number", number, nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("replaced_at", instant, nullable=False),
        sa.Column("load_id", number, nullable=True),
        sa.ForeignKeyConstraint(
            ["article_id"],
            ["articles.id"],
            name=op.f("fk_revisions_article_id_articles"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["load_id"], ["loads.id"], name=op.f("fk_revisions_load_id_loads")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisions")),
        sa.UniqueConstraint("article_id", "number", name=op.f("uq_revisions_article_id_number")),
    )


def downgrade() -> None:
    op.drop_table("revisions")
    op.drop_table("load_results")
    op.drop_index(op.f("ix_changes_load_id"), "changes")
    op.drop_index(op.f("ix_changes_article_id"), "changes")
    op.drop_table("changes")
    op.drop_index(op.f("ix_article_topics_topic_id"), "article_topics")
    op.drop_table("article_topics")
    op.drop_index(op.f("ix_article_entities_entity_id"), "article_entities")
    op.drop_table("article_entities")
    op.drop_table("topics")
    op.drop_table("tokens")
    op.drop_table("loads")
    op.drop_table("entities")
    op.drop_table("articles")
