"""Storage layout on SQLite: bodies in the last column, and links without a rowid.

The full-text index merges less often, because a merge rewrites what it merges. PostgreSQL stores
long texts separately and needs none of this.
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
    _recreate(_FROM_NOW_ON, with_rowid=False)
    _merge_from(8)


def downgrade() -> None:
    _merge_from(4)
    _recreate(_OF_OLD, with_rowid=True)


def _recreate(columns: tuple[str, ...], *, with_rowid: bool) -> None:
    if op.get_context().dialect.name != "sqlite":
        return
    with op.batch_alter_table("articles", recreate="always", partial_reordering=[columns]):
        pass
    kept = {"sqlite_with_rowid": with_rowid}
    for name in _BY_KEY:
        with op.batch_alter_table(name, recreate="always", table_kwargs=kept):
            pass


def _merge_from(segments: int) -> None:
    """Set how many segments of one size FTS5 collects before it merges them."""
    if op.get_context().dialect.name == "sqlite":
        told = sa.text("INSERT INTO article_words (article_words, rank) VALUES ('automerge', :n)")
        op.execute(told.bindparams(n=segments))
