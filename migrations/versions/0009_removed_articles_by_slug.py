"""Find the changes of removed articles by slug, so that Last-Modified does not go back there."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    removed = sa.text("article_id IS NULL")
    op.create_index(
        "ix_changes_removed", "changes", ["slug"], sqlite_where=removed, postgresql_where=removed
    )


def downgrade() -> None:
    op.drop_index("ix_changes_removed", "changes")
