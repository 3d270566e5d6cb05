"""Run migrations on the connection that `app.database` hands over, inside its transaction."""

from alembic import context

from app.tables import Base

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Migrations run through `slugline db upgrade`.")

context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by making it anew
    transactional_ddl=True,  # the whole upgrade is one transaction on both databases
    transaction_per_migration=False,
)
context.run_migrations()
