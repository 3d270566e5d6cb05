"""Pagination cursors are opaque and tamper-evident (L-01)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.cursors import Cursor, InvalidCursorError, Position, decode_cursor, encode_cursor

KEY = b"a key of the database"
NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1)
CURSORS = st.builds(Cursor, st.builds(Position, NUMBERS, NUMBERS), st.booleans())


@given(CURSORS, st.text(max_size=20))
def test_l01_a_cursor_round_trips_for_its_listing_only(cursor: Cursor, listing: str) -> None:
    text = encode_cursor(cursor, listing, KEY)
    assert decode_cursor(text, listing, KEY) == cursor
    for other_listing, key in ((listing + "x", KEY), (listing, b"another key")):
        with pytest.raises(InvalidCursorError):
            decode_cursor(text, other_listing, key)


@given(CURSORS, st.data())
def test_l01_a_cursor_with_any_bit_changed_is_refused(cursor: Cursor, data: st.DataObject) -> None:
    text = encode_cursor(cursor, "q", KEY)
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidCursorError):
        decode_cursor(base64.urlsafe_b64encode(raw).decode().rstrip("="), "q", KEY)


@given(CURSORS, st.integers(0, 34), st.text(max_size=3))
def test_l01_a_cursor_that_is_cut_or_extended_is_refused(
    cursor: Cursor, length: int, more: str
) -> None:
    text = encode_cursor(cursor, "q", KEY)
    changed = text[:length] + more
    if changed != text:
        with pytest.raises(InvalidCursorError):
            decode_cursor(changed, "q", KEY)


@pytest.mark.parametrize("text", ["", "=", "ü", "a" * 65, "!!!!", "AAAA"])
def test_l01_malformed_cursors_are_refused(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(text, "q", KEY)
