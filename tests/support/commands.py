"""The command line within this process: what a test of many commands need not wait for."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool

import app.__main__ as entry
from tests.support.processes import environment


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit status, and what it has said."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Shell:
    """Runs commands by the entry that their processes have.

    An exception that would end a process with a traceback goes through, and fails the test.
    """

    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str, cwd: Path, **variables: str) -> Ended:
        """Run a command to its end, as `processes.run` does."""
        wanted = environment(**variables)
        status: object = None
        self.capture.readouterr()
        with (
            closing_connections(),
            # Whole, for a command may set variables for processes that it starts.
            mock.patch.dict(os.environ, wanted, clear=True),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.chdir(cwd)
            patch.setattr(sys, "argv", [entry.__file__, *arguments])
            patch.setitem(sys.modules, "__main__", entry)  # whose name is in what help says
            # Nothing that is run here should get as far as to serve, for that would never end.
            patch.setattr("uvicorn.run", lambda *_, **__: pytest.fail("it serves"))
            try:
                entry.main()
            except SystemExit as end:
                status = end.code
        assert isinstance(status, int)
        return Ended(status, *self.capture.readouterr())


@contextmanager
def closing_connections() -> Iterator[None]:
    """Close what the block leaves open of its databases, as the end of a process does."""
    opened: list[DBAPIConnection] = []

    def note(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", note)
    try:
        yield
    finally:
        event.remove(Pool, "connect", note)
        for connection in opened:
            connection.close()
