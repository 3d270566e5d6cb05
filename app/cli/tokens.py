"""`slugline tokens`: create, list and revoke the tokens of operators."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.article.timestamps import format_instant
from app.auth import tokens
from app.auth.tokens import StoredToken
from app.cli.errors import fail, report_errors
from app.database.transactions import Database, Session
from app.settings import read_settings
from app.store import audit_log
from app.store import tokens as stored
from app.store.audit_log import AuditEntry

_PIPE_WIDTH: Final = 400

app = typer.Typer(help="Create, list and revoke the tokens of operators.", no_args_is_help=True)

Name = Annotated[str, typer.Option(help="The operator's name in receipts and the audit log.")]


def _database() -> Database:
    database = Database(read_settings().database_url)
    database.prepare()
    return database


@app.command()
@report_errors
def create(
    name: Name,
    scopes: Annotated[str, typer.Option(help="Comma-separated: load, edit.")] = "load",
    expires: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Days until the token expires.")
    ] = None,
) -> None:
    """Create a token and print it. It cannot be shown again."""
    allowed = tokens.validate_scopes(scope.strip() for scope in scopes.split(","))
    tokens.validate_name(name)
    token_id, token = tokens.create_token()
    now = datetime.now(UTC)
    kept = StoredToken(
        id=token_id,
        name=name,
        hash=tokens.hash_token(token),
        scopes=allowed,
        created_at=now,
        expires_at=None if expires is None else now + timedelta(days=expires),
        revoked_at=None,
    )
    with _database().writing() as session:
        made = stored.create(session, kept)
        if made:
            _record(session, "tokens create", name, f"created with {', '.join(allowed)}", now)
    if not made:
        fail(f"a token named {name!r} already exists")
    typer.echo(token)


@app.command("list")
@report_errors
def list_() -> None:
    """List the tokens by name. Only their hashes are stored, so they cannot be shown."""
    now = datetime.now(UTC)
    with _database().reading() as session:
        every = stored.list_all(session)
    table = Table("Name", "Id", "Scopes", "Created", "Expires", "Last used", "State")
    for token in every:
        table.add_row(
            Text(token.name),
            token.id,
            ", ".join(token.scopes),
            _format(token.created_at),
            _format(token.expires_at),
            _format(token.last_used_at),
            "live" if token.is_live(now) else "revoked" if token.revoked_at else "expired",
        )
    # A pipe has no width, and rich would assume 80 columns.
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)


@app.command()
@report_errors
def revoke(name: Annotated[str, typer.Argument(help="The token's name.")]) -> None:
    """Revoke a token."""
    now = datetime.now(UTC)
    with _database().writing() as session:
        revoked = stored.revoke(session, name, now)
        if revoked:
            _record(session, "tokens revoke", name, "revoked", now)
    if not revoked:
        fail(f"there is no live token named {name!r}")
    typer.echo(f"{name} is revoked.")


def _record(session: Session, action: str, name: str, outcome: str, now: datetime) -> None:
    """Add an audit entry in the transaction of the action."""
    done = AuditEntry(
        at=now,
        operator=tokens.COMMAND_LINE,
        action=action,
        target=name,
        outcome=outcome,
        request_id="",
    )
    audit_log.record(session, done)


def _format(instant: datetime | None) -> str:
    return "never" if instant is None else format_instant(instant.replace(microsecond=0))
