"""Opaque pagination cursors with a MAC, so that clients cannot make them up or use them elsewhere.

A cursor is a direction and a sort key, followed by a keyed BLAKE2b of these and of the listing they
were issued for, in URL-safe base64. Pure; the key comes from the database.
"""

import base64
import binascii
import hmac
import struct
from hashlib import blake2b
from typing import Final, NamedTuple

MAX_LENGTH: Final = 64
_MAC_BYTES: Final = 9
_PAYLOAD: Final = struct.Struct(">?qq")


class Position(NamedTuple):
    """The sort key of an item: an instant or a rank, and an id that breaks ties."""

    first: int
    second: int


class Cursor(NamedTuple):
    """A page starts after `position`, or, if `backwards`, ends before it."""

    position: Position
    backwards: bool = False


class InvalidCursorError(ValueError):
    """The text is not a cursor, or was issued for another listing."""


def encode_cursor(cursor: Cursor, listing: str, key: bytes) -> str:
    """Return `cursor` as text for a URL, valid for `listing` only."""
    payload = _PAYLOAD.pack(cursor.backwards, *cursor.position)
    return base64.urlsafe_b64encode(payload + _mac(payload, listing, key)).decode().rstrip("=")


def decode_cursor(text: str, listing: str, key: bytes) -> Cursor:
    """Return the cursor that `encode_cursor` wrote as `text`. Raises InvalidCursorError."""
    try:
        if len(text) > MAX_LENGTH or not text.isascii():
            raise InvalidCursorError
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise InvalidCursorError from None
    payload, mac = raw[: _PAYLOAD.size], raw[_PAYLOAD.size :]
    if len(payload) != _PAYLOAD.size or not hmac.compare_digest(mac, _mac(payload, listing, key)):
        raise InvalidCursorError
    backwards, first, second = _PAYLOAD.unpack(payload)
    cursor = Cursor(Position(first, second), backwards)
    # Several texts decode to the same bytes, and only one of them was issued.
    if encode_cursor(cursor, listing, key) != text:
        raise InvalidCursorError
    return cursor


def _mac(payload: bytes, listing: str, key: bytes) -> bytes:
    return blake2b(payload + listing.encode(), digest_size=_MAC_BYTES, key=key).digest()
