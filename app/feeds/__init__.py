"""Feeds: bytes in, records and rejections out, one at a time and in the order of the feed.

Each input format is a sibling here with the signature `Reader`, and one row in `KINDS`. This is the
only layer that knows what a feed looks like: what leaves it is an `Entry` or a `Rejected`, or one
of two errors about the feed as a whole.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from app.feeds import json_document, ndjson
from app.feeds.items import (
    ITEM_BYTES,
    Entry,
    Item,
    MalformedFeedError,
    Reader,
    Rejected,
    Source,
    UnknownFeedKindError,
)
from app.feeds.sniffing import sniff
from app.records import Fault, InvalidRecordError, parse_record
from app.texts import excerpt

__all__ = [
    "ITEM_BYTES", "KINDS", "MEDIA_TYPES", "Entry", "Item", "Kind", "MalformedFeedError", "Reader",
    "Rejected", "Source", "UnknownFeedKindError", "detect", "read", "read_all",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of feed is read, and the media types that select it, the preferred one first."""

    read: Reader
    media_types: tuple[str, ...]


KINDS: Final[Mapping[str, Kind]] = {
    "json": Kind(json_document.read, ("application/json",)),
    "ndjson": Kind(
        ndjson.read,
        (
            "application/x-ndjson", "application/ndjson", "application/jsonl",
            "application/x-jsonl", "application/jsonlines", "application/x-jsonlines",
            "application/json-lines",
        ),
    ),
}  # fmt: skip

# What is taken, for the Accept header of a 415.
MEDIA_TYPES: Final = tuple(each for kind in KINDS.values() for each in kind.media_types)

# What clients say who do not know: nothing, "bytes", "text", or what curl says for every --data.
UNSPECIFIC: Final = frozenset(
    {"", "application/octet-stream", "text/plain", "application/x-www-form-urlencoded"}
)

# Broken pieces that are kept back while nothing in the feed has turned out to be readable.
HELD_BACK: Final = 100

_CHARSET = re.compile(r';[ \t]*charset="?([^\s;"]*)', re.IGNORECASE)
_UTF_8 = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})


def detect(content_type: str | None, head: bytes) -> str:
    """Return the name in KINDS for a feed with this Content-Type that begins with `head`.

    `head` matters where the Content-Type is unspecific; it is the whole of a short feed, and of a
    long one some 64 KiB. Raises UnknownFeedKindError for what is not taken, a charset other than
    UTF-8 included, and MalformedFeedError where the bytes begin nothing that is.
    """
    header = content_type or ""
    media_type = header.partition(";")[0].strip().lower()
    charset = _CHARSET.search(header)
    if charset and charset[1].lower() not in _UTF_8:
        # RFC 8259, section 8.1: JSON text between systems "MUST be encoded using UTF-8".
        claimed = excerpt(f"{media_type}; charset={charset[1]}")
        raise UnknownFeedKindError(claimed, "is not taken: a feed is UTF-8")
    if media_type in UNSPECIFIC:
        return sniff(head)
    for name, kind in KINDS.items():
        if media_type in kind.media_types:
            return name
    raise UnknownFeedKindError(excerpt(media_type))


def read(stream: BinaryIO, kind: str) -> Iterator[Entry | Rejected]:
    """Read the feed in `stream`, which is of the `kind` that `detect` named.

    Raises MalformedFeedError, once iterated, where nothing in the feed is in the format it claims.
    Where something is, what is broken comes as a Rejected, and so does the place where a feed
    breaks off, as the last one. Errors of the stream itself pass through.
    """
    for piece in _settled(KINDS[kind].read(stream)):
        yield _checked(piece) if isinstance(piece, Item) else piece


def read_all(sources: Sequence[Source]) -> Iterator[Entry | Rejected]:
    """Read all."""
    for source in sources:
        yield from read(source.stream, source.kind)


def _settled(pieces: Iterator[Item | Rejected | MalformedFeedError]) -> Iterator[Item | Rejected]:
    """Tell a feed that is broken in places, which goes on, from one that is something else."""
    held: list[MalformedFeedError] = []
    readable = False
    try:
        for piece in pieces:
            if not isinstance(piece, MalformedFeedError):
                yield from map(_rejected, held)
                held.clear()
                readable = True
                yield piece
            elif readable:
                yield _rejected(piece)
            else:
                held.append(piece)
                if len(held) > HELD_BACK:
                    break
    except MalformedFeedError as error:
        if readable:
            yield _rejected(error, "; nothing behind it was read")
        else:
            held.append(error)
    if held:
        raise held[0]


def _rejected(error: MalformedFeedError, consequence: str = "") -> Rejected:
    reason = f"{error.reason} at column {error.column}{consequence}"
    return Rejected(error.line, None, (Fault("", reason),))


def _checked(item: Item) -> Entry | Rejected:
    try:
        return Entry(item.line, parse_record(item.value), item.size)
    except InvalidRecordError as error:
        faults = tuple(Fault(item.pointer + each.pointer, each.reason) for each in error.faults)
        return Rejected(item.line, _slug(item.value), faults, error.left_out)


def _slug(value: object) -> str | None:
    slug = value.get("slug") if isinstance(value, dict) else None
    return excerpt(slug) if isinstance(slug, str) else None
