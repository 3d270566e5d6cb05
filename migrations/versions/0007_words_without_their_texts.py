"""A contentless full-text index on SQLite, which does not keep the indexed text.

It is recreated empty in both directions. Migration 8 fills it.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _recreate(", content = ''")


def downgrade() -> None:
    _recreate("")


def _recreate(content: str) -> None:
    if op.get_context().dialect.name != "sqlite":
        return
    op.execute("DROP TABLE article_words")
    op.execute(
        "CREATE VIRTUAL TABLE article_words"
        f" USING fts5(title, summary, body{content}, tokenize = 'ascii', detail = 'full')"
    )
    op.execute("INSERT INTO article_words (article_words, rank) VALUES ('automerge', 8)")
    op.execute("DELETE FROM properties WHERE name = 'catalogue'")
