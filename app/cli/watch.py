"""Watch directories: each feed in them is loaded once it has stopped changing."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from app.cli.input_files import Feed, iter_directory

SCAN_SECONDS: Final = 1.0
"""Interval of the scans. A feed that is the same in two scans is considered complete."""

RETRY_SECONDS: Final = 30.0
"""Pause while the server is unreachable or refuses the token."""

Attempt = Callable[[Feed], bool]
"""Loads a feed and reports errors. Returns False if other feeds would fail too."""


class _Stamp(NamedTuple):
    size: int
    changed: int


class DirectoryWatcher:
    """Remembers the size and modification time of the feeds in `folders`."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._seen: dict[Path, _Stamp] = {}
        self._done: dict[Path, _Stamp] = {}

    def settled(self) -> Iterator[Feed]:
        """Scan, and yield the feeds that are unchanged since the last scan and not yet done."""
        seen: dict[Path, _Stamp] = {}
        settled: list[Feed] = []
        for feed in (each for folder in self._folders for each in iter_directory(folder)):
            try:
                status = feed.path.stat()
            except OSError:
                continue  # it was removed
            stamp = seen[feed.path] = _Stamp(status.st_size, status.st_mtime_ns)
            if self._seen.get(feed.path) == stamp != self._done.get(feed.path):
                settled.append(feed)
        self._seen = seen
        self._done = {path: stamp for path, stamp in self._done.items() if path in seen}
        yield from settled

    def done(self, feed: Feed) -> None:
        """Mark `feed` as done in the state of the last scan."""
        self._done[feed.path] = self._seen[feed.path]


def watch_directories(folders: Sequence[Path], attempt: Attempt) -> None:
    """Attempt each feed in `folders`, now and as they appear, until SIGINT or SIGTERM."""
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
    """End the block without an error on SIGINT and SIGTERM."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
