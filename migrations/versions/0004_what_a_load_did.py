"""What a load did and for which operator, so that it can be watched, reported and undone."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("articles") as articles:
        articles.add_column(sa.Column("withdrawn_reason", sa.Text(), nullable=True))
        articles.create_index(op.f("ix_articles_canonical_key"), ["canonical_key"])
    with op.batch_alter_table("revisions") as revisions:
        revisions.add_column(sa.Column("withdrawn_at", instant, nullable=True))
        revisions.add_column(sa.Column("withdrawn_reason", sa.Text(), nullable=True))
        revisions.create_index(op.f("ix_revisions_load_id"), ["load_id"])
    with op.batch_alter_table("loads") as loads:
        loads.add_column(sa.Column("file", sa.Text(), nullable=True))
        loads.add_column(sa.Column("read", number, nullable=False, server_default="0"))
        loads.add_column(sa.Column("options", sa.JSON(), nullable=False, server_default="{}"))
        loads.add_column(sa.Column("idempotency_key", sa.Text(), nullable=True))
        loads.add_column(sa.Column("request_id", sa.Text(), nullable=True))
        loads.add_column(sa.Column("undoes", number, nullable=True))
        loads.add_column(sa.Column("refused", sa.Text(), nullable=True))
        loads.create_foreign_key(op.f("fk_loads_undoes_loads"), "loads", ["undoes"], ["id"])
        loads.create_unique_constraint(
            op.f("uq_loads_loaded_by_idempotency_key"), ["loaded_by", "idempotency_key"]
        )
        loads.create_index(op.f("ix_loads_undoes"), ["undoes"])
    with op.batch_alter_table("load_results") as results:
        results.add_column(sa.Column("file", sa.Text(), nullable=True))
        results.create_index(
            op.f("ix_load_results_load_id_outcome_position"), ["load_id", "outcome", "position"]
        )
    with op.batch_alter_table("changes") as changes:
        changes.add_column(sa.Column("previous_slug", sa.Text(), nullable=True))
        changes.add_column(sa.Column("alias_of", number, nullable=True))
        changes.alter_column("article_id", existing_type=number, nullable=True)
        changes.drop_constraint("fk_changes_article_id_articles", type_="foreignkey")
        for column in "article_id", "alias_of":
            changes.create_foreign_key(
                op.f(f"fk_changes_{column}_articles"),
                "articles",
                [column],
                ["id"],
                ondelete="SET NULL",
            )
        changes.create_index(op.f("ix_changes_alias_of"), ["alias_of"])
    with op.batch_alter_table("tokens") as tokens:
        tokens.add_column(sa.Column("last_used_at", instant, nullable=True))
    op.create_table(
        "actions",
        sa.Column("id", number, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )


def downgrade() -> None:
    op.drop_table("actions")
    with op.batch_alter_table("tokens") as tokens:
        tokens.drop_column("last_used_at")
    # Older versions have no changes of articles that were removed.
    op.execute("DELETE FROM changes WHERE article_id IS NULL")
    with op.batch_alter_table("changes") as changes:
        changes.drop_index(op.f("ix_changes_alias_of"))
        changes.drop_constraint(op.f("fk_changes_alias_of_articles"), type_="foreignkey")
        changes.drop_constraint(op.f("fk_changes_article_id_articles"), type_="foreignkey")
        changes.drop_column("alias_of")
        changes.drop_column("previous_slug")
        changes.alter_column("article_id", existing_type=number, nullable=False)
        changes.create_foreign_key(
            "fk_changes_article_id_articles", "articles", ["article_id"], ["id"]
        )
    with op.batch_alter_table("load_results") as results:
        results.drop_index(op.f("ix_load_results_load_id_outcome_position"))
        results.drop_column("file")
    with op.batch_alter_table("loads") as loads:
        loads.drop_index(op.f("ix_loads_undoes"))
        loads.drop_constraint(op.f("uq_loads_loaded_by_idempotency_key"), type_="unique")
        loads.drop_constraint(op.f("fk_loads_undoes_loads"), type_="foreignkey")
        for column in (
            "refused", "undoes", "request_id", "idempotency_key", "options", "read", "file",
        ):  # fmt: skip
            loads.drop_column(column)
    with op.batch_alter_table("revisions") as revisions:
        revisions.drop_index(op.f("ix_revisions_load_id"))
        revisions.drop_column("withdrawn_reason")
        revisions.drop_column("withdrawn_at")
    with op.batch_alter_table("articles") as articles:
        articles.drop_index(op.f("ix_articles_canonical_key"))
        articles.drop_column("withdrawn_reason")
