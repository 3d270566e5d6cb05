"""Words without their texts: on SQLite the index of words no longer keeps what it was made from.

Either way it starts empty: the service fills it from the articles, before it answers anybody.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_anew(", content = ''")


def downgrade() -> None:
    _make_anew("")


def _make_anew(content: str) -> None:
    if op.get_context().dialect.name != "sqlite":
        return
    op.execute("DROP TABLE article_words")
    op.execute(
        "CREATE VIRTUAL TABLE article_words"
        f" USING fts5(title, summary, body{content}, tokenize = 'ascii', detail = 'full')"
    )
    op.execute("INSERT INTO article_words (article_words, rank) VALUES ('automerge', 8)")
    op.execute("DELETE FROM properties WHERE name = 'catalogue'")
