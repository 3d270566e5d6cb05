"""The feeds that a command line names: files, directories and standard input."""

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final, cast

from app.cli.errors import escape_unprintable

SUFFIXES: Final = (".json", ".ndjson", ".jsonl", ".txt", ".xml", ".rss", ".atom")
"""File name suffixes of feeds in a directory; one of COMPRESSED_SUFFIXES may follow."""

COMPRESSED_SUFFIXES: Final = {".gz": "gzip", ".zst": "zstd"}
"""File name suffixes of compressed feeds, and the content codings that they stand for."""

STDIN: Final = Path("-")
_CHUNK: Final = 64 << 10
_MAX_NAME_LENGTH: Final = 255


class FeedArgumentError(Exception):
    """An argument of the command line does not name a feed."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed and its display name: printable, and short enough for a receipt."""

    path: Path
    name: str

    @property
    def coding(self) -> str | None:
        """The content coding that the file name implies, or None."""
        return COMPRESSED_SUFFIXES.get(self.path.suffix.lower())


@dataclass(frozen=True, slots=True)
class FeedBody:
    """The bytes of a feed, which can be read repeatedly even if they come from a pipe.

    `size` and `digest` (SHA-256, hexadecimal) are None for a pipe, whose end is not known.
    """

    size: int | None
    digest: str | None
    _file: BinaryIO
    _source: RawIOBase | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield all bytes from the beginning."""
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk
        while self._source and (chunk := self._source.read(_CHUNK) or b""):
            self._file.write(chunk)
            yield chunk


def resolve_feeds(arguments: Sequence[Path]) -> list[Feed]:
    """Return the feeds that `arguments` name, those of a directory in the order of their names.

    Raises FeedArgumentError if an argument names none.
    """
    missing = [str(path) for path in arguments if path != STDIN and not path.exists()]
    if missing:
        raise FeedArgumentError(f"no such file: {', '.join(missing)}")
    if arguments.count(STDIN) > 1:
        raise FeedArgumentError("standard input can be read only once")
    found: list[Feed] = []
    for path in arguments:
        feeds = (
            list(iter_directory(path)) if path.is_dir() else [Feed(path, _display_name(path.name))]
        )
        if not feeds:
            raise FeedArgumentError(f"no feeds in {path}: their names end in {', '.join(SUFFIXES)}")
        found += feeds
    return found


def iter_directory(folder: Path) -> Iterator[Feed]:
    """Yield the feeds in `folder` and its subdirectories, except hidden ones, sorted by name."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(files):
            path = Path(place, name)
            if _is_feed(name) and path.is_file():
                yield Feed(path, _display_name(str(path.relative_to(folder.parent))))


def _is_feed(name: str) -> bool:
    plain = name.lower()
    for ending in COMPRESSED_SUFFIXES:
        plain = plain.removesuffix(ending)
    return plain.endswith(SUFFIXES) and not name.startswith(".")


def _display_name(name: str) -> str:
    # File names are bytes: some do not decode, and some are control characters.
    shown = escape_unprintable(name)
    return shown if len(shown) <= _MAX_NAME_LENGTH else "…" + shown[1 - _MAX_NAME_LENGTH :]


@contextmanager
def open_feed(feed: Feed) -> Iterator[FeedBody]:
    """Open `feed` and yield its bytes. Raises OSError."""
    with ExitStack() as stack:
        if feed.path.is_file():
            file = stack.enter_context(feed.path.open("rb"))
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield FeedBody(file.tell(), digest, file)
        else:
            stdin = feed.path == STDIN
            # Unbuffered: bytes are sent as soon as they arrive.
            where, close = (sys.stdin.fileno(), False) if stdin else (feed.path, True)
            source = stack.enter_context(open(where, "rb", buffering=0, closefd=close))
            copy = cast("BinaryIO", stack.enter_context(TemporaryFile()))
            yield FeedBody(None, None, copy, source)
