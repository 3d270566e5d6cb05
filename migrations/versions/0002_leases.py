"""A load holds a lease, instead of being judged by when it was last touched."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    # A load that is under way while this runs is one of an older version, which stops for it.
    with op.batch_alter_table("loads") as loads:
        loads.alter_column("touched_at", new_column_name="leased_until", existing_type=instant)


def downgrade() -> None:
    with op.batch_alter_table("loads") as loads:
        loads.alter_column("leased_until", new_column_name="touched_at", existing_type=instant)
