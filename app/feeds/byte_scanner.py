"""The unread rest of a feed: a sliding buffer of bytes that knows its line and column.

Where a piece of the feed ends is looked for in bytes, before anything is decoded. That is sound:
RFC 3629, section 3: "US-ASCII octet values do not appear otherwise in a UTF-8 encoded character
stream". So one piece with an invalid byte does not take the following ones with it.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

CHUNK_BYTES: Final = 64 * 1024

# RFC 8259, section 2, `ws`.
_NOT_BLANK = re.compile(rb"[^ \t\n\r]")
# RFC 3629, section 3: every octet of a character but its first is 10xxxxxx.
_CONTINUATION = bytes(range(0x80, 0xC0))

# Looks for the end of a piece in a buffer, from a position on. Returns how far it has looked, and
# whether the piece ends there; if not, it is called again, from there, once there is more to see.
Scan = Callable[[bytes, int], tuple[int, bool]]


@dataclass(frozen=True, slots=True)
class RawValue:
    """A stretch of the feed, where it starts and what line and column follow it, from 1.

    `raw` is None where the piece is larger than allowed. `ended` is False where the feed was over
    before the piece was.
    """

    line: int
    column: int
    until: tuple[int, int]
    raw: bytes | None
    ended: bool


class ByteScanner:
    """Reads `stream` as it is asked for pieces; `line` and `column` are where it stands.

    A byte order mark at the very start is passed over (RFC 8259, section 8.1: parsers "MAY ignore
    the presence of a byte order mark rather than treating it as an error").
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.line = 1
        self.column = 1
        self._stream = stream
        self._buffer = b""
        self._at = 0
        while len(self._buffer) < len(codecs.BOM_UTF8) and self._fill():
            pass
        if self._buffer.startswith(codecs.BOM_UTF8):
            self._at = len(codecs.BOM_UTF8)

    def peek(self) -> bytes:
        """Pass over blanks and return the byte that follows, b"" at the end of the feed."""
        while True:
            found = _NOT_BLANK.search(self._buffer, self._at)
            self._advance(found.start() if found else len(self._buffer))
            if found or not self._fill():
                return self._buffer[self._at : self._at + 1]

    def skip(self) -> None:
        """Pass over the byte that `peek` returned."""
        self._advance(self._at + 1)

    def take(self, scan: Scan, limit: int) -> RawValue:
        """Return the piece from here to where `scan` says, and pass over it.

        A piece of more than `limit` bytes is passed over without being kept.
        """
        line, column, seen, large = self.line, self.column, 0, False
        while True:
            end, ended = scan(self._buffer, self._at + seen)
            seen = end - self._at
            large = large or seen > limit
            if large:
                self._advance(end)
                seen = 0
            if ended or not self._fill():
                break
        raw = None if large else self._buffer[self._at : self._at + seen]
        self._advance(self._at + seen)
        return RawValue(line, column, (self.line, self.column), raw, ended)

    def _advance(self, to: int) -> None:
        passed = self._buffer[self._at : to]
        self._at = to
        if newlines := passed.count(b"\n"):
            self.line += newlines
            self.column = 1
            passed = passed[passed.rfind(b"\n") + 1 :]
        self.column += len(passed.translate(None, _CONTINUATION))

    def _fill(self) -> bool:
        """Drop what was passed over and read on; False at the end of the feed.

        Asks for as much again as is held, so that a long piece costs time in proportion, and asks
        until it has that, because a stream may return less than was asked for.
        """
        held = self._buffer[self._at :]
        parts, missing = [held], max(CHUNK_BYTES, len(held))
        while missing > 0 and (part := self._stream.read(missing)):
            parts.append(part)
            missing -= len(part)
        self._buffer, self._at = b"".join(parts), 0
        return len(parts) > 1
