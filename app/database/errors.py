"""Which database failures are temporary, translated into errors that name no driver."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# SQLSTATEs (PostgreSQL, appendix A) that are temporary although psycopg does not class them as
# operational: a server that has become a standby (read_only_sql_transaction), and a transaction
# that the server ended because it was idle or took too long.
_TEMPORARY_SQLSTATES: Final = frozenset({"25006", "25P03", "25P04"})

_OPERATIONAL: Final = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)


class DatabaseUnavailableError(Exception):
    """The database is unreachable, locked, full or read-only. A retry may succeed."""


class DisconnectedError(DatabaseUnavailableError):
    """The server closed a connection that had been open."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise DatabaseUnavailableError in place of a temporary failure; let other errors pass.

    SQLAlchemy does not wrap what psycopg raises while rows are copied, so both are handled.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseUnavailableError("all connections to the database are in use") from error
    except (DBAPIError, psycopg.Error) as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise DisconnectedError(f"lost the database connection: {_reason(error)}") from error
        if _is_temporary(error):
            message = f"the database is unavailable: {_reason(error)}"
            raise DatabaseUnavailableError(message) from error
        raise


def _is_temporary(error: DBAPIError | psycopg.Error) -> bool:
    driver_error = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = getattr(driver_error, "sqlstate", None)
    # The file may be one that an operator put there by mistake, and will replace.
    is_no_database = getattr(driver_error, "sqlite_errorname", None) == "SQLITE_NOTADB"
    return isinstance(error, _OPERATIONAL) or sqlstate in _TEMPORARY_SQLSTATES or is_no_database


def _reason(error: Exception) -> str:
    """Return the first line of the driver's message, without the statement and its parameters."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0][:200]
