"""What comes out of a feed: items, entries and rejections, and the errors of a feed as a whole."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Protocol

from app.article.record import Fault, Record

# What one item may measure as it stands in the feed. It is the most that a reader holds at a time.
ITEM_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One decoded item, not checked yet.

    `line` is the line of the feed on which it starts, from 1; `pointer` is the JSON Pointer
    (RFC 6901) at which it stands in its document, "" where it is the document; `size` counts its
    bytes. In XML it is a path of elements such as /rss/channel/item[3], counted from 1.

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
        """Return a `fault` of the record as one of the feed."""
        name = fault.pointer[1:].partition("/")[0]
        rest = fault.pointer[1 + len(name) :]
        place = self.field_pointers.get(name, fault.pointer[: 1 + len(name)])
        return Fault(self.pointer + place + rest, self.field_errors.get(name, fault.reason))


@dataclass(frozen=True, slots=True)
class Entry:
    """A record, the line of the feed on which it starts, from 1, and its bytes there, counted.

    `file` is the name of the feed among several, None where it is the only one and has none.
    """

    line: int
    record: Record
    size: int = field(default=0, compare=False)
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """What is no record, and why.

    `line` is where the item starts, from 1, or, for what cannot be read as an item, where reading
    failed. `slug` is an excerpt of what the item called its slug, if that was readable. The faults
    point into the document; `left_out` counts those beyond the ones told. `file` is as in Entry.
    """

    line: int
    slug: str | None
    faults: tuple[Fault, ...]
    left_out: int = 0
    file: str | None = None


class MalformedFeedError(ValueError):
    """The feed is not in the format it claims to be in.

    `line` and `column` count from 1, the column in characters. `reason` holds no more than an
    excerpt of the feed.
    """

    def __init__(self, line: int, column: int, reason: str) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.line = line
        self.column = column
        self.reason = reason


class UnsupportedFeedError(ValueError):
    """Feeds of this media type are not taken. `media_type` is an excerpt of what was claimed."""

    def __init__(self, media_type: str, reason: str = "is no kind of feed that is taken") -> None:
        super().__init__(f"{media_type} {reason}")
        self.media_type = media_type


class FeedParser(Protocol):
    """The one signature of the family.

    A reader holds no more than an item in memory. It *yields* a MalformedFeedError for a piece
    that is broken where it can tell where the next one begins, and *raises* one where it cannot.
    It raises nothing else of its own, whatever the bytes.
    """

    def __call__(self, stream: BinaryIO, /) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
        """Read `stream` from where it stands to its end."""
        ...
