"""Feeds: bytes in, records and rejections out, one at a time and in the order of the feed.

Each input format is a sibling module with the signature `FeedParser` and one row in `FEED_FORMATS`.
This is the only layer that knows what a feed looks like: it produces an `Entry` or a `Rejected` for
each item, or one of two errors about the feed as a whole.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from app.article.record import (
    FAULTS_REPORTED,
    Fault,
    InvalidRecordError,
    Record,
    json_pointer,
    parse_record,
)
from app.feeds import atom, json_feed, json_stream, ndjson, rss
from app.feeds.entries import (
    ITEM_BYTES,
    Entry,
    FeedItem,
    FeedParser,
    MalformedFeedError,
    Rejected,
    UnsupportedFeedError,
)
from app.feeds.format_detection import declared_encoding, sniff, sniff_json_object, sniff_xml
from app.text import excerpt

__all__ = [
    "FEED_FORMATS",
    "ITEM_BYTES",
    "MEDIA_TYPES",
    "Entry",
    "FeedFormat",
    "FeedItem",
    "FeedParser",
    "FeedSource",
    "MalformedFeedError",
    "Rejected",
    "UnsupportedFeedError",
    "detect",
    "read",
    "read_all",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """How one kind of feed is read, and what selects it.

    The preferred one of its media types is the first. `suffixes` are those of file names.
    """

    read: FeedParser
    media_types: tuple[str, ...]
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedSource:
    """A feed that has arrived: its bytes, its kind, and an excerpt of the name of its file.

    `file` is None for a feed that came without one. `format` is a name in KINDS.
    """

    file: str | None
    format: str
    stream: BinaryIO


FEED_FORMATS: Final[Mapping[str, FeedFormat]] = {
    "json": FeedFormat(json_stream.read, ("application/json",)),
    "ndjson": FeedFormat(
        ndjson.read,
        (
            "application/x-ndjson", "application/ndjson", "application/jsonl",
            "application/x-jsonl", "application/jsonlines", "application/x-jsonlines",
            "application/json-lines",
        ),
        (".ndjson", ".jsonl", ".jsonlines"),
    ),
    "jsonfeed": FeedFormat(json_feed.read, ("application/feed+json",)),
    "rss": FeedFormat(rss.read, ("application/rss+xml", "application/xml", "text/xml")),
    "atom": FeedFormat(atom.read, ("application/atom+xml",)),
}  # fmt: skip

# What is taken, for the Accept header of a 415.
MEDIA_TYPES: Final = tuple(each for kind in FEED_FORMATS.values() for each in kind.media_types)

# What clients say who do not know: nothing, "bytes", "text", or what curl says for every --data.
# The last four are what they say of a file that is packed.
GENERIC_MEDIA_TYPES: Final = frozenset(
    {"", "application/octet-stream", "text/plain", "application/x-www-form-urlencoded",
     "application/gzip", "application/x-gzip", "application/zstd", "application/x-zstd"}
)  # fmt: skip

# Broken pieces that are kept back while nothing in the feed has turned out to be readable.
MAX_LEADING_ERRORS: Final = 100

_CHARSET = re.compile(r';[ \t]*charset="?([^\s;"]*)', re.IGNORECASE)
_UTF_8 = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})


def detect(content_type: str | None, head: bytes, file: str | None = None) -> str:
    """Return the name in KINDS for a feed with this Content-Type that begins with `head`.

    `head` is the whole of a short feed, and of a long one some 64 KiB. Where the Content-Type is
    unspecific, the suffix of the name of its `file` tells NDJSON, and `head` everything else. XML
    is of the kind that its root says, whatever XML the Content-Type says it is. Raises
    UnsupportedFeedError for what is not taken, a charset that is not the feed's own included, and
    MalformedFeedError where the bytes begin nothing that is.
    """
    header = content_type or ""
    media_type = header.partition(";")[0].strip().lower()
    if charset := _CHARSET.search(header):
        _check_charset(media_type, charset[1], head)
    if media_type in GENERIC_MEDIA_TYPES:
        return _by_suffix(file or "") or sniff(head)
    for name, kind in FEED_FORMATS.items():
        if media_type in kind.media_types:
            return _REFINED.get(name, _as_said)(head, name)
    raise UnsupportedFeedError(excerpt(media_type))


def _as_said(_head: bytes, name: str) -> str:
    return name


# What the bytes know better than a Content-Type that is right as far as it goes.
_REFINED: Final[Mapping[str, Callable[[bytes, str], str]]] = {
    "json": sniff_json_object, "rss": sniff_xml, "atom": sniff_xml
}  # fmt: skip


def _by_suffix(file: str) -> str | None:
    names = (name for name, kind in FEED_FORMATS.items() if file.lower().endswith(kind.suffixes))
    return next(names, None) if file else None


def _check_charset(media_type: str, charset: str, head: bytes) -> None:
    """Raise UnsupportedFeedError where a feed is in another charset than its Content-Type says.

    RFC 8259, section 8.1: JSON text between systems "MUST be encoded using UTF-8". XML says by
    itself what it is in, and two that contradict each other leave nothing but guessing.
    """
    own = declared_encoding(head)
    if charset.lower() not in (_UTF_8 if own.lower() in _UTF_8 else {own.lower()}):
        claimed = excerpt(f"{media_type}; charset={charset}")
        reason = "is not taken: a feed is UTF-8, or XML that says itself what it is"
        raise UnsupportedFeedError(claimed, reason)


def read(stream: BinaryIO, kind: str, *, strict: bool = False) -> Iterator[Entry | Rejected]:
    """Read the feed in `stream`, which is of the `kind` that `detect` named.

    With `strict`, a field that is not known is a fault.

    Raises MalformedFeedError, once iterated, where nothing in the feed is in the format it claims.
    Where something is, what is broken comes as a Rejected, and so does the place where a feed
    breaks off, as the last one. Errors of the stream itself pass through.
    """
    for piece in _settled(FEED_FORMATS[kind].read(stream)):
        yield _checked(piece, strict=strict) if isinstance(piece, FeedItem) else piece


def read_all(sources: Sequence[FeedSource], *, strict: bool = False) -> Iterator[Entry | Rejected]:
    """Read all of one source after all of the other. What comes of each names its file.

    Of a single one it is what `read` gives. Of several, one in which nothing is readable is one
    Rejected; only where that is true of all of them, the first one's MalformedFeedError is raised.
    """
    unreadable: list[tuple[FeedSource, MalformedFeedError]] = []
    readable = False
    for source in sources:
        try:
            for piece in read(source.stream, source.format, strict=strict):
                yield from _told(unreadable)
                readable = True
                yield replace(piece, file=source.file) if source.file else piece
            yield from _told(unreadable)  # a feed without records is readable
            readable = True
        except MalformedFeedError as error:
            if len(sources) == 1:
                raise
            unreadable.append((source, error))
            if readable:
                yield from _told(unreadable)
    if unreadable:
        source, first = unreadable[0]
        name = f"{source.file}: " if source.file else ""
        raise MalformedFeedError(first.line, first.column, name + first.reason)


def _told(unreadable: list[tuple[FeedSource, MalformedFeedError]]) -> Iterator[Rejected]:
    """Yield what is to be said of the feeds in which nothing is readable, and forget them."""
    for source, error in unreadable:
        yield replace(_rejected(error, "; nothing of this file was read"), file=source.file)
    unreadable.clear()


def _settled(
    pieces: Iterator[FeedItem | Rejected | MalformedFeedError],
) -> Iterator[FeedItem | Rejected]:
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
                if len(held) > MAX_LEADING_ERRORS:
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


def _checked(item: FeedItem, *, strict: bool) -> Entry | Rejected:
    try:
        record = parse_record(item.value)
        if strict:
            _check_known(item, record)
    except InvalidRecordError as error:
        # Where the feed says one thing and the record two, as of its dates, once is enough.
        faults = tuple(dict.fromkeys(map(item.to_feed_fault, error.faults)))
        return Rejected(item.line, _slug(item.value), faults, error.left_out)
    return Entry(item.line, record, item.size)


def _check_known(item: FeedItem, record: Record) -> None:
    """Raise InvalidRecordError for fields that are known neither to us nor to the feed's format."""
    unknown = [Fault(json_pointer(name), "is unknown") for name in record.extra]
    faults = [fault for fault in unknown if fault.pointer[1:] not in item.field_pointers]
    if faults:
        told, left_out = faults[:FAULTS_REPORTED], len(faults[FAULTS_REPORTED:])
        raise InvalidRecordError(tuple(told), left_out)


def _slug(value: object) -> str | None:
    slug = value.get("slug") if isinstance(value, dict) else None
    return excerpt(slug) if isinstance(slug, str) else None
