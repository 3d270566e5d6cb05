"""Which feeds a command line means: files, directories of them, and standard input."""

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
"""What the names of feeds end in, in a directory; behind it, one of PACKED may stand."""

COMPRESSED_SUFFIXES: Final = {".gz": "gzip", ".zst": "zstd"}
"""What the names of packed feeds end in, and the content codings that they are sent in."""

STDIN: Final = Path("-")
_CHUNK: Final = 64 << 10
_MAX_NAME_LENGTH: Final = 255


class FeedArgumentError(Exception):
    """The command line names something that is no feed."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed, and what it is called: printable, and short enough for a receipt."""

    path: Path
    name: str

    @property
    def coding(self) -> str | None:
        """The content coding that its name tells of."""
        return COMPRESSED_SUFFIXES.get(self.path.suffix.lower())


@dataclass(frozen=True, slots=True)
class FeedBody:
    """The bytes of a feed. They can be read again and again, also where they come only once.

    `size` and `digest` are those of a file; a stream has none before its end.
    """

    size: int | None
    digest: str | None
    _kept: BinaryIO
    _source: RawIOBase | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield all bytes from the first on."""
        self._kept.seek(0)
        while chunk := self._kept.read(_CHUNK):
            yield chunk
        while self._source and (chunk := self._source.read(_CHUNK) or b""):
            self._kept.write(chunk)
            yield chunk


def resolve_feeds(arguments: Sequence[Path]) -> list[Feed]:
    """Return the feeds that `arguments` name, those of a directory in the order of their names.

    Raises FeedArgumentError where an argument names none.
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
    """Yield the feeds in `folder` and the folders in it, but none whose name begins with a dot."""
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
    # Names of files are bytes, of which some are no characters, and some would move the cursor.
    shown = escape_unprintable(name)
    return shown if len(shown) <= _MAX_NAME_LENGTH else "…" + shown[1 - _MAX_NAME_LENGTH :]


@contextmanager
def open_feed(feed: Feed) -> Iterator[FeedBody]:
    """Yield the bytes of `feed`. Raises OSError."""
    with ExitStack() as stack:
        if feed.path.is_file():
            file = stack.enter_context(feed.path.open("rb"))
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield FeedBody(file.tell(), digest, file)
        else:
            stdin = feed.path == STDIN
            # Unbuffered: what has come is sent, and not waited with until there is more.
            where, close = (sys.stdin.fileno(), False) if stdin else (feed.path, True)
            source = stack.enter_context(open(where, "rb", buffering=0, closefd=close))
            kept = cast("BinaryIO", stack.enter_context(TemporaryFile()))
            yield FeedBody(None, None, kept, source)
