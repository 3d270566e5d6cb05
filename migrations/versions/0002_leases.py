"""A lease for running loads, in place of the instant of the last write."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    # Only an older version can be running a load now, and it stops at the new schema.
    with op.batch_alter_table("loads") as loads:
        loads.alter_column("touched_at", new_column_name="leased_until", existing_type=instant)


def downgrade() -> None:
    with op.batch_alter_table("loads") as loads:
        loads.alter_column("leased_until", new_column_name="touched_at", existing_type=instant)
