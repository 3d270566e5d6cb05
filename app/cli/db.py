"""`slugline db`: migrate and check the database schema."""

import typer

from app.cli.errors import report_errors
from app.database.transactions import Database
from app.settings import read_settings

app = typer.Typer(help="Migrate and check the database schema.", no_args_is_help=True)


@app.command()
@report_errors
def upgrade() -> None:
    """Migrate the schema to this version. Run it once, before the service starts."""
    database = Database(read_settings().database_url)
    database.upgrade()
    database.close()
    typer.echo("The schema is up to date.")


@app.command()
@report_errors
def check() -> None:
    """Compare the schema with the one this version expects. Exits with 1 if they differ."""
    database = Database(read_settings().database_url)
    database.check()
    database.close()
