"""`slugline db`: the schema of the database."""

import typer

from app.cli.errors import report_errors
from app.database.transactions import Database
from app.settings import read_settings

app = typer.Typer(help="Look after the database's schema.", no_args_is_help=True)


@app.command()
@report_errors
def upgrade() -> None:
    """Bring the schema up to date. Run it once, before the service starts."""
    database = Database(read_settings().database_url)
    database.upgrade()
    database.close()
    typer.echo("The schema is up to date.")


@app.command()
@report_errors
def check() -> None:
    """Hold the database's schema against the tables. Fails where they differ."""
    database = Database(read_settings().database_url)
    database.check()
    database.close()
