"""How a database fails: what a later try may not meet again is told from what is wrong for good."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# PostgreSQL, appendix A of its manual: 25006 is read_only_sql_transaction, which is what a server
# says that has become another one's standby. Its driver does not count that as operational.
_PASSING: Final = frozenset({"25006"})


class DatabaseUnavailableError(Exception):
    """The database is gone, locked or restarting. The same request may succeed later."""


class DisconnectedError(DatabaseUnavailableError):
    """A connection that had been open was closed from the other side."""


@contextmanager
def translated() -> Iterator[None]:
    """Say DatabaseUnavailableError for what a later try may not meet again."""
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseUnavailableError("all connections to the database are in use") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DisconnectedError(f"the database went away: {_cause(error)}") from error
        if _is_passing(error):
            message = f"the database is unavailable: {_cause(error)}"
            raise DatabaseUnavailableError(message) from error
        raise


def _is_passing(error: DBAPIError) -> bool:
    operational = isinstance(error, OperationalError | InterfaceError)
    return operational or getattr(error.orig, "sqlstate", None) in _PASSING


def _cause(error: Exception) -> str:
    """Return the first line of what the driver said, without statement and parameters."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0][:200]
