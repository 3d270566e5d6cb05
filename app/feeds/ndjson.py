"""NDJSON, also called JSON Lines: one JSON text on each line, blank lines allowed.

https://github.com/ndjson/ndjson-spec, and https://jsonlines.org. A broken line is a matter of that
line: the next one begins behind the next newline whatever it held.
"""

from collections.abc import Iterator
from typing import BinaryIO

from app.feeds.byte_scanner import ByteScanner
from app.feeds.entries import ITEM_BYTES, FeedItem, MalformedFeedError, Rejected
from app.feeds.strict_json import decode_item


def read(
    stream: BinaryIO, item_bytes: int = ITEM_BYTES
) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
    """Read one item from each line, as `Reader` says; its pointer is "", a line is a document."""
    window = ByteScanner(stream)
    if not window.peek():
        raise MalformedFeedError(1, 1, "the feed is empty")
    while window.peek():
        yield decode_item(window.take(_to_newline, item_bytes), "", item_bytes)


def _to_newline(buffer: bytes, at: int) -> tuple[int, bool]:
    end = buffer.find(b"\n", at)
    return (end, True) if end >= 0 else (len(buffer), False)
