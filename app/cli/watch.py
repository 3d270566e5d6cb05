"""Directories that are followed: each feed in them is loaded once it has stopped changing."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from app.cli.input_files import Feed, iter_directory

SCAN_SECONDS: Final = 1.0
"""How often directories are looked at. A feed that is the same at two looks is not written to."""

RETRY_SECONDS: Final = 30.0
"""How long nothing is tried where the server is away, or does not let us."""

Attempt = Callable[[Feed], bool]
"""Loads a feed, or says why not. Says whether there is any use in going on with others."""


class _Stamp(NamedTuple):
    size: int
    changed: int


class DirectoryWatcher:
    """What the feeds in `folders` were at the last look."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._seen: dict[Path, _Stamp] = {}
        self._done: dict[Path, _Stamp] = {}

    def settled(self) -> Iterator[Feed]:
        """Yield the feeds that are what they were at the last look, and are not done as that."""
        seen: dict[Path, _Stamp] = {}
        settled: list[Feed] = []
        for feed in (each for folder in self._folders for each in iter_directory(folder)):
            try:
                status = feed.path.stat()
            except OSError:
                continue  # it is gone
            stamp = seen[feed.path] = _Stamp(status.st_size, status.st_mtime_ns)
            if self._seen.get(feed.path) == stamp != self._done.get(feed.path):
                settled.append(feed)
        self._seen = seen
        self._done = {path: stamp for path, stamp in self._done.items() if path in seen}
        yield from settled

    def done(self, feed: Feed) -> None:
        """Take note that `feed` is done with, as it was at the last look."""
        self._done[feed.path] = self._seen[feed.path]


def watch_directories(folders: Sequence[Path], attempt: Attempt) -> None:
    """Attempt each feed in `folders`, and in all that come, until a signal says to end."""
    watched = DirectoryWatcher(folders)
    with _until_signal():
        while True:
            pause = SCAN_SECONDS
            for feed in watched.settled():
                if not attempt(feed):
                    pause = RETRY_SECONDS
                    break
                watched.done(feed)
            time.sleep(pause)


@contextmanager
def _until_signal() -> Iterator[None]:
    """End the block at SIGINT and at SIGTERM, wherever it is."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
