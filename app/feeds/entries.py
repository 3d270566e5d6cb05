"""What parsing a feed produces: items, entries, rejections, and errors about the whole feed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Protocol

from app.article.record import Fault, Record

ITEM_BYTES: Final = 4 * 1024 * 1024
"""How large one item may be in the feed. No parser holds more than this at a time."""


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One decoded item that has not been validated.

    `line` is where it starts in the feed, from 1, and `size` its length in bytes. `pointer` is its
    JSON Pointer (RFC 6901) in the document, "" if it is the whole document. In XML the pointer is
    a path of elements such as /rss/channel/item[3], counted from 1.

    Where the feed format has other field names than a record, `field_pointers` maps a field of the
    record to its pointer within the item, and `field_errors` to the reason why it has no value.
    """

    line: int
    pointer: str
    value: object
    size: int = field(default=0, compare=False)
    field_pointers: Mapping[str, str] = field(default_factory=dict, compare=False)
    field_errors: Mapping[str, str] = field(default_factory=dict, compare=False)

    def to_feed_fault(self, fault: Fault) -> Fault:
        """Return the `fault` of the record with its pointer and reason in terms of the feed."""
        name = fault.pointer[1:].partition("/")[0]
        rest = fault.pointer[1 + len(name) :]
        place = self.field_pointers.get(name, fault.pointer[: 1 + len(name)])
        return Fault(self.pointer + place + rest, self.field_errors.get(name, fault.reason))


@dataclass(frozen=True, slots=True)
class Entry:
    """A valid record. `line` is where it starts in the feed, from 1, `size` its length in bytes.

    `file` is the name of the feed's file, or None if it has none.
    """

    line: int
    record: Record
    size: int = field(default=0, compare=False)
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that is not a valid record, or a part of the feed that cannot be parsed.

    `line` is where the item starts, from 1, or where parsing failed. `slug` is an excerpt of the
    item's slug, if it has one. The pointers of the faults are within the document; `left_out`
    counts the faults that are not listed. `file` is as in Entry.
    """

    line: int
    slug: str | None
    faults: tuple[Fault, ...]
    left_out: int = 0
    file: str | None = None


class MalformedFeedError(ValueError):
    """The feed is not in the format that it claims to be in.

    `line` and `column` count from 1, the column in characters. `reason` quotes at most an excerpt.
    """

    def __init__(self, line: int, column: int, reason: str) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.line = line
        self.column = column
        self.reason = reason


class UnsupportedFeedError(ValueError):
    """Feeds of this type are not supported. `media_type` is an excerpt of the Content-Type."""

    def __init__(self, media_type: str, reason: str = "is not a supported feed format") -> None:
        super().__init__(f"{media_type} {reason}")
        self.media_type = media_type


class FeedParser(Protocol):
    """The signature that the parsers of all feed formats share.

    A parser holds at most one item in memory. For a malformed item it *yields* a
    MalformedFeedError if it knows where the next item begins, and *raises* one if it does not. It
    raises nothing else of its own, whatever the bytes.
    """

    def __call__(self, stream: BinaryIO, /) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
        """Parse `stream` from its current position to its end."""
        ...
