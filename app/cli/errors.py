"""Errors of commands: one readable line and an exit status, never a traceback."""

from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from app.auth.tokens import TokenNameError, UnknownScopeError
from app.database.transactions import (
    DatabaseUnavailableError,
    InvalidDatabaseURLError,
    SchemaOutdatedError,
)
from app.settings import SettingsError

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

stderr = Console(stderr=True, soft_wrap=True)

_EXPECTED = (
    InvalidDatabaseURLError,
    DatabaseUnavailableError,
    SchemaOutdatedError,
    SettingsError,
    TokenNameError,
    UnknownScopeError,
)


def print_error(message: str, prefix: Text | None = None) -> None:
    """Print `message` as one line on standard error, with control characters escaped."""
    stderr.print((prefix or Text()) + Text(escape_unprintable(message)))


def escape_unprintable(text: str) -> str:
    """Return `text` with control characters and lone surrogates escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def fail(message: str) -> NoReturn:
    """Print `message` and exit with status 1."""
    print_error(message, Text("slugline: ", style="bold red"))
    raise typer.Exit(1)


def report_errors(command: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Make `command` report expected errors in one line and exit with status 1."""

    @wraps(command)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
        try:
            return command(*args, **kwargs)
        except _EXPECTED as error:
            fail(str(error))

    return run
