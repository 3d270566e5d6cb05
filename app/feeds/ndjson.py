"""NDJSON, also called JSON Lines: one JSON text on each line, blank lines allowed.

https://github.com/ndjson/ndjson-spec and https://jsonlines.org. A malformed line does not affect
the others: the next one begins after the next newline.
"""

from collections.abc import Iterator
from typing import BinaryIO

from app.feeds.byte_scanner import ByteScanner
from app.feeds.entries import ITEM_BYTES, FeedItem, MalformedFeedError, Rejected
from app.feeds.strict_json import decode_item


def read(
    stream: BinaryIO, item_bytes: int = ITEM_BYTES
) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
    """Parse one item from each line, see `FeedParser`. Its pointer is "": a line is a document."""
    scanner = ByteScanner(stream)
    if not scanner.peek():
        raise MalformedFeedError(1, 1, "the feed is empty")
    while scanner.peek():
        yield decode_item(scanner.take(_to_newline, item_bytes), "", item_bytes)


def _to_newline(buffer: bytes, at: int) -> tuple[int, bool]:
    end = buffer.find(b"\n", at)
    return (end, True) if end >= 0 else (len(buffer), False)
