"""A buffered scanner over the bytes of a feed that counts lines and columns.

It finds the end of a value before decoding it, so an invalid byte in one value does not affect the
next one. RFC 3629, section 3, allows that: "US-ASCII octet values do not appear otherwise in a
UTF-8 encoded character stream".
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

CHUNK_BYTES: Final = 64 * 1024

# RFC 8259, section 2, `ws`.
_NOT_WHITESPACE = re.compile(rb"[^ \t\n\r]")
# RFC 3629, section 3: every octet of a character except the first is 10xxxxxx.
_CONTINUATION = bytes(range(0x80, 0xC0))

# Searches a buffer for the end of a value, from a position. Returns how far it has searched, and
# whether the value ends there. If not, it is called again from there when more has been read.
Scan = Callable[[bytes, int], tuple[int, bool]]


@dataclass(frozen=True, slots=True)
class RawValue:
    """An undecoded value: where it starts, its bytes, and where it ends. Positions count from 1.

    `content` is None if the value is larger than allowed. `complete` is False if the feed ended
    before the value did.
    """

    line: int
    column: int
    end: tuple[int, int]
    content: bytes | None
    complete: bool


class ByteScanner:
    """Reads values from `stream`. `line` and `column` are the current position.

    A byte order mark at the start is skipped (RFC 8259, section 8.1: parsers "MAY ignore
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
        """Skip whitespace and return the next byte without reading it, or b"" at the end."""
        while True:
            found = _NOT_WHITESPACE.search(self._buffer, self._at)
            self._advance(found.start() if found else len(self._buffer))
            if found or not self._fill():
                return self._buffer[self._at : self._at + 1]

    def skip(self) -> None:
        """Skip the byte that `peek` returned."""
        self._advance(self._at + 1)

    def take(self, scan: Scan, limit: int) -> RawValue:
        """Read the value from the current position to the end that `scan` finds.

        The content of a value of more than `limit` bytes is skipped.
        """
        line, column, seen, too_large = self.line, self.column, 0, False
        while True:
            end, complete = scan(self._buffer, self._at + seen)
            seen = end - self._at
            too_large = too_large or seen > limit
            if too_large:
                self._advance(end)
                seen = 0
            if complete or not self._fill():
                break
        content = None if too_large else self._buffer[self._at : self._at + seen]
        self._advance(self._at + seen)
        return RawValue(line, column, (self.line, self.column), content, complete)

    def _advance(self, to: int) -> None:
        passed = self._buffer[self._at : to]
        self._at = to
        if newlines := passed.count(b"\n"):
            self.line += newlines
            self.column = 1
            passed = passed[passed.rfind(b"\n") + 1 :]
        self.column += len(passed.translate(None, _CONTINUATION))

    def _fill(self) -> bool:
        """Drop what has been read and fill the buffer. Returns False at the end of the feed.

        Doubles what the buffer holds, so that the time for a long value is proportional to its
        length. Reads repeatedly, because a stream may return less than was requested.
        """
        held = self._buffer[self._at :]
        parts, missing = [held], max(CHUNK_BYTES, len(held))
        while missing > 0 and (part := self._stream.read(missing)):
            parts.append(part)
            missing -= len(part)
        self._buffer, self._at = b"".join(parts), 0
        return len(parts) > 1
