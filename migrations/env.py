"""Run migrations on the connection that `app.database.transactions` passes, in its transaction."""

from alembic import context

from app.database.tables import Base

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Migrations run through `slugline db upgrade`.")


def _is_our_table(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Leave out the full-text index, which is different on each database and has no class."""
    return not (kind == "table" and (name or "").startswith("article_words"))


context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    include_object=_is_our_table,
    render_as_batch=True,  # SQLite alters a table by recreating it
    transactional_ddl=True,  # the whole upgrade is one transaction on both databases
    transaction_per_migration=False,
)
context.run_migrations()
