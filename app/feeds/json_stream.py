"""A JSON document: one object, which is one record, or an array of them (RFC 8259).

An array is read item by item. Where an item ends follows from its brackets and quotation marks, so
one that is too large or holds an invalid byte is passed over, and the ones behind it are read. Only
one that is not JSON puts an end to reading: with a quotation mark missing it may have swallowed its
neighbours, and then to go on would be to lose them without a word.
"""

import re
from collections.abc import Iterator
from itertools import count
from typing import BinaryIO

from app.feeds.byte_scanner import ByteScanner
from app.feeds.entries import ITEM_BYTES, FeedItem, MalformedFeedError, Rejected
from app.feeds.strict_json import NotUtf8Error, decode_item

_BEHIND_LITERAL = re.compile(rb'[ \t\n\r,:"\[\]{}]')
# Both only ever give back what they could not use at all, so each byte is looked at once.
_TO_END_OF_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_TO_BRACKET = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+', re.DOTALL)
_ENCLOSED = (b"{", b"[", b'"')


def read(
    stream: BinaryIO, item_bytes: int = ITEM_BYTES
) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
    """Read the document, as `Reader` says. Pointers are "/0", "/1", … in an array, else ""."""
    window = ByteScanner(stream)
    first = window.peek()
    if not first:
        raise MalformedFeedError(1, 1, "the feed is empty")
    if first == b"[":
        yield from read_array(window, "", item_bytes)
    else:
        yield read_value(window, "", item_bytes)
    if window.peek():
        raise error_at(window, "more follows behind the end of the document (is it NDJSON?)")


def read_array(
    window: ByteScanner, pointer: str, limit: int
) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
    """Read the array that the window stands at, which is at `pointer`, and pass over it."""
    window.skip()
    if window.peek() == b"]":
        window.skip()
        return
    for index in count():
        yield read_value(window, f"{pointer}/{index}", limit)
        separator = window.peek()
        if separator not in (b",", b"]"):
            raise error_at(window, f"',' or ']' is expected behind item {index}")
        window.skip()
        if separator == b"]":
            return
        if window.peek() in (b"]", b""):
            raise error_at(window, f"another item is expected behind item {index} and its ','")


def read_members(window: ByteScanner, limit: int) -> Iterator[str]:
    """Read the names in the object that the window stands at, and pass over it.

    The window stands at the value of a name when it is yielded, and behind it when the next one is
    asked for.
    """
    window.skip()
    if window.peek() == b"}":
        window.skip()
        return
    while True:
        if window.peek() != b'"':
            raise error_at(window, "a name in quotation marks is expected")
        name = read_value(window, "", limit)
        if window.peek() != b":":
            raise error_at(window, "':' is expected behind a name")
        window.skip()
        yield name.value if isinstance(name, FeedItem) and isinstance(name.value, str) else ""
        separator = window.peek()
        if separator not in (b",", b"}"):
            raise error_at(window, "',' or '}' is expected behind a value")
        window.skip()
        if separator == b"}":
            return


def read_value(
    window: ByteScanner, pointer: str, limit: int
) -> FeedItem | Rejected | MalformedFeedError:
    """Read the value that the window stands at; raises where it is broken."""
    first = window.peek()
    piece = window.take(_Enclosed() if first in _ENCLOSED else _literal, limit)
    found = decode_item(piece, pointer, limit)
    closed = piece.ended or first not in _ENCLOSED
    # The fault may be far above the end of the feed, so both ends of it are told.
    start = f"nothing closes what starts at line {piece.line}, column {piece.column}; "
    if isinstance(found, MalformedFeedError) and not (closed and isinstance(found, NotUtf8Error)):
        reason = found.reason if closed else start + found.reason
        raise MalformedFeedError(found.line, found.column, reason)
    if not closed:
        raise MalformedFeedError(*piece.until, f"{start}not JSON: the feed ends")
    return found


def error_at(window: ByteScanner, reason: str, form: str = "JSON") -> MalformedFeedError:
    """Return an error at the place where the window stands: what is there is not of the `form`."""
    end = "" if window.peek() else "the feed ends where "
    return MalformedFeedError(window.line, window.column, f"not {form}: {end}{reason}")


def _literal(buffer: bytes, at: int) -> tuple[int, bool]:
    """Scan a number, true, false, null, or whatever stands in their place."""
    end = _BEHIND_LITERAL.search(buffer, at)
    return (end.start(), True) if end else (len(buffer), False)


class _Enclosed:
    """Scans an object, an array or a string up to the bracket or quotation mark that closes it."""

    def __init__(self) -> None:
        self._depth = 0
        self._quoted = False

    def __call__(self, buffer: bytes, at: int) -> tuple[int, bool]:
        while True:
            if self._quoted or self._depth:
                plain = _TO_END_OF_STRING if self._quoted else _TO_BRACKET
                inside = plain.match(buffer, at)
                at = inside.end() if inside else at
            mark = buffer[at : at + 1]
            if mark in (b"", b"\\"):  # a backslash is only met where its escape is cut in two
                return at, False
            self._meet(mark)
            at += 1
            if not self._quoted and not self._depth:
                return at, True

    def _meet(self, mark: bytes) -> None:
        if mark == b'"':
            self._quoted = not self._quoted
        else:
            self._depth += 1 if mark in b"[{" else -1
