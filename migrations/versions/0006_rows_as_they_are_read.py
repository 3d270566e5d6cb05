"""Rows as they are read: on SQLite bodies stand last, and links are kept by their keys.

The index of words is merged less often, for what is merged is written anew each time. PostgreSQL
keeps long texts apart, and all rows in one way.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BY_KEY = "article_topics", "article_entities"
_OF_OLD = (
    "id", "slug", "title", "summary", "body_md", "canonical_source", "canonical_key",
    "published_at", "updated_at", "lang", "claims", "extra", "digest", "withdrawn_at",
    "withdrawn_reason", "listed_at", "source_host",
)  # fmt: skip
_FROM_NOW_ON = (
    "id", "slug", "title", "summary", "canonical_source", "published_at", "updated_at", "lang",
    "listed_at", "source_host", "canonical_key", "digest", "withdrawn_at", "withdrawn_reason",
    "claims", "extra", "body_md",
)  # fmt: skip


def upgrade() -> None:
    _make_anew(_FROM_NOW_ON, with_rowid=False)
    _merge_from(8)


def downgrade() -> None:
    _merge_from(4)
    _make_anew(_OF_OLD, with_rowid=True)


def _make_anew(columns: tuple[str, ...], *, with_rowid: bool) -> None:
    if op.get_context().dialect.name != "sqlite":
        return
    with op.batch_alter_table("articles", recreate="always", partial_reordering=[columns]):
        pass
    kept = {"sqlite_with_rowid": with_rowid}
    for name in _BY_KEY:
        with op.batch_alter_table(name, recreate="always", table_kwargs=kept):
            pass


def _merge_from(segments: int) -> None:
    """Say how many segments of one size the index of words has before they are made one."""
    if op.get_context().dialect.name == "sqlite":
        told = sa.text("INSERT INTO article_words (article_words, rank) VALUES ('automerge', :n)")
        op.execute(told.bindparams(n=segments))
