"""Aliases of moved articles, and the instant of a withdrawal."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "slug_aliases",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("article_id", number, nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"],
            ["articles.id"],
            name=op.f("fk_slug_aliases_article_id_articles"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_slug_aliases")),
    )
    op.create_index(op.f("ix_slug_aliases_article_id"), "slug_aliases", ["article_id"])
    with op.batch_alter_table("articles") as articles:
        articles.add_column(sa.Column("withdrawn_at", instant, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("articles") as articles:
        articles.drop_column("withdrawn_at")
    op.drop_table("slug_aliases")
