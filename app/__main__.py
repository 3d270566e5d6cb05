"""The command `slugline`, also `python -m app`."""

import typer

from app.cli import check, db, export, load, serve, tokens

cli = typer.Typer(
    name="slugline",
    help="A news-article server: one address per article, in the format the client asks for.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cli.command()(serve.serve)
cli.command()(load.load)
cli.command()(export.export)
cli.command()(check.check)
cli.add_typer(tokens.app, name="tokens")
cli.add_typer(db.app, name="db")


def main() -> None:
    """Run the command line."""
    cli()


if __name__ == "__main__":
    main()
