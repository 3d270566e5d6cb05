"""Cursors: where a page ends, sealed, so that nobody makes one up or uses it for another listing.

A cursor is opaque to clients: a direction and a position, and behind them a keyed BLAKE2b over
these and over what was asked for. Pure; the key is the database's.
"""

import base64
import binascii
import struct
from hashlib import blake2b
from typing import Final, NamedTuple

LONGEST: Final = 64
_SEAL_BYTES: Final = 9
_FORM: Final = struct.Struct(">?qq")


class Position(NamedTuple):
    """The sort key of an item at an edge of a page: its first part, and what tells equals apart."""

    first: int
    second: int


class Cursor(NamedTuple):
    """A page begins behind `position`, or with `backwards` ends before it."""

    position: Position
    backwards: bool = False


class InvalidCursorError(ValueError):
    """The text is no cursor, or none for what is asked."""


def encode_cursor(cursor: Cursor, asked: str, key: bytes) -> str:
    """Return `cursor` as text for a URL, good for a listing of what is `asked` alone."""
    packed = _FORM.pack(cursor.backwards, *cursor.position)
    return base64.urlsafe_b64encode(packed + _seal(packed, asked, key)).decode().rstrip("=")


def decode_cursor(text: str, asked: str, key: bytes) -> Cursor:
    """Return the cursor in `text`. Raises InvalidCursorError."""
    try:
        if len(text) > LONGEST or not text.isascii():
            raise InvalidCursorError
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise InvalidCursorError from None
    packed, sealed = raw[: _FORM.size], raw[_FORM.size :]
    # As text, too: several texts may decode to the same bytes, and only one was given out.
    if len(packed) != _FORM.size or sealed != _seal(packed, asked, key):
        raise InvalidCursorError
    backwards, first, second = _FORM.unpack(packed)
    cursor = Cursor(Position(first, second), backwards)
    if encode_cursor(cursor, asked, key) != text:
        raise InvalidCursorError
    return cursor


def _seal(packed: bytes, asked: str, key: bytes) -> bytes:
    return blake2b(packed + asked.encode(), digest_size=_SEAL_BYTES, key=key).digest()
