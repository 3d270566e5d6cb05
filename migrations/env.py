"""Run migrations on the connection that `app.database.transactions` passes, in its transaction."""

from alembic import context

from app.database.tables import Base

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Migrations run through `slugline db upgrade`.")


def _is_a_table_of_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Leave out the index of words: each database keeps it in its own way, and no class has it."""
    return not (kind == "table" and (name or "").startswith("article_words"))


context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_object=_is_a_table_of_ours,
    render_as_batch=True,  # SQLite alters a table by making it anew
    transactional_ddl=True,  # the whole upgrade is one transaction on both databases
    transaction_per_migration=False,
)
context.run_migrations()
