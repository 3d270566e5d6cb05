"""A JSON document: one object, which is one record, or an array of them (RFC 8259).

An array is parsed item by item. An item ends where its brackets and quotation marks say, so one
that is too large or has an invalid byte is skipped. Parsing stops at an item that is not JSON: if a
quotation mark is missing, the item may include the following ones, which would be lost silently.
"""

import re
from collections.abc import Iterator
from itertools import count
from typing import BinaryIO

from app.feeds.byte_scanner import ByteScanner
from app.feeds.entries import ITEM_BYTES, FeedItem, MalformedFeedError, Rejected
from app.feeds.strict_json import NotUtf8Error, decode_item

_END_OF_LITERAL = re.compile(rb'[ \t\n\r,:"\[\]{}]')
# Possessive quantifiers never backtrack, so each byte is read once.
_TO_END_OF_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_TO_BRACKET = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+', re.DOTALL)
_OPENING = (b"{", b"[", b'"')


def read(
    stream: BinaryIO, item_bytes: int = ITEM_BYTES
) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
    """Parse the document, see `FeedParser`. Pointers are "/0", "/1", … in an array, else ""."""
    scanner = ByteScanner(stream)
    first = scanner.peek()
    if not first:
        raise MalformedFeedError(1, 1, "the feed is empty")
    if first == b"[":
        yield from read_array(scanner, "", item_bytes)
    else:
        yield read_value(scanner, "", item_bytes)
    if scanner.peek():
        raise error_at(scanner, "unexpected data after the end of the document (is it NDJSON?)")


def read_array(
    scanner: ByteScanner, pointer: str, limit: int
) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
    """Parse the array at the scanner's position. `pointer` is the JSON Pointer of the array."""
    scanner.skip()
    if scanner.peek() == b"]":
        scanner.skip()
        return
    for index in count():
        yield read_value(scanner, f"{pointer}/{index}", limit)
        separator = scanner.peek()
        if separator not in (b",", b"]"):
            raise error_at(scanner, f"expected ',' or ']' after item {index}")
        scanner.skip()
        if separator == b"]":
            return
        if scanner.peek() in (b"]", b""):
            raise error_at(scanner, f"expected another item after item {index} and its ','")


def read_members(scanner: ByteScanner, limit: int) -> Iterator[str]:
    """Yield the names in the object at the scanner's position.

    When a name is yielded, the scanner is at its value. The caller must read the value before it
    asks for the next name.
    """
    scanner.skip()
    if scanner.peek() == b"}":
        scanner.skip()
        return
    while True:
        if scanner.peek() != b'"':
            raise error_at(scanner, "expected a name in quotation marks")
        name = read_value(scanner, "", limit)
        if scanner.peek() != b":":
            raise error_at(scanner, "expected ':' after a name")
        scanner.skip()
        yield name.value if isinstance(name, FeedItem) and isinstance(name.value, str) else ""
        separator = scanner.peek()
        if separator not in (b",", b"}"):
            raise error_at(scanner, "expected ',' or '}' after a value")
        scanner.skip()
        if separator == b"}":
            return


def read_value(
    scanner: ByteScanner, pointer: str, limit: int
) -> FeedItem | Rejected | MalformedFeedError:
    """Parse the value at the scanner's position. Raises MalformedFeedError if it is not JSON."""
    first = scanner.peek()
    raw = scanner.take(_BracketScan() if first in _OPENING else _scan_literal, limit)
    found = decode_item(raw, pointer, limit)
    closed = raw.complete or first not in _OPENING
    # The error may be far from the end of the feed, so both places are reported.
    start = f"nothing closes the value that starts at line {raw.line}, column {raw.column}; "
    if isinstance(found, MalformedFeedError) and not (closed and isinstance(found, NotUtf8Error)):
        reason = found.reason if closed else start + found.reason
        raise MalformedFeedError(found.line, found.column, reason)
    if not closed:
        raise MalformedFeedError(*raw.end, f"{start}not JSON: the feed ends")
    return found


def error_at(scanner: ByteScanner, reason: str, form: str = "JSON") -> MalformedFeedError:
    """Return an error at the scanner's position, where there is something that is not `form`."""
    end = "" if scanner.peek() else "the feed ends, "
    return MalformedFeedError(scanner.line, scanner.column, f"not {form}: {end}{reason}")


def _scan_literal(buffer: bytes, at: int) -> tuple[int, bool]:
    """Scan a number, true, false, null, or anything in their place."""
    end = _END_OF_LITERAL.search(buffer, at)
    return (end.start(), True) if end else (len(buffer), False)


class _BracketScan:
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
            if mark in (b"", b"\\"):  # a backslash comes here only if the buffer ends after it
                return at, False
            self._count(mark)
            at += 1
            if not self._quoted and not self._depth:
                return at, True

    def _count(self, mark: bytes) -> None:
        if mark == b'"':
            self._quoted = not self._quoted
        else:
            self._depth += 1 if mark in b"[{" else -1
