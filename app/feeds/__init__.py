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
    "FEED_FORMATS", "ITEM_BYTES", "MEDIA_TYPES", "Entry", "FeedItem", "FeedSource",
    "MalformedFeedError", "Rejected", "UnsupportedFeedError", "detect", "read", "read_all",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class FeedFormat:
    """A feed format: its parser, its media types (the preferred one first) and file suffixes."""

    parse: FeedParser
    media_types: tuple[str, ...]
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedSource:
    """An uploaded feed. `format` is a name in FEED_FORMATS.

    `file` is an excerpt of the name of its file, or None if it came without one.
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

MEDIA_TYPES: Final = tuple(each for form in FEED_FORMATS.values() for each in form.media_types)
"""All media types that are supported, for the Accept header of a 415."""

# What clients send that do not know the format: nothing, "bytes", "text", or what curl sends with
# --data. The last four are sent with compressed files.
GENERIC_MEDIA_TYPES: Final = frozenset(
    {"", "application/octet-stream", "text/plain", "application/x-www-form-urlencoded",
     "application/gzip", "application/x-gzip", "application/zstd", "application/x-zstd"}
)  # fmt: skip

MAX_LEADING_ERRORS: Final = 100
"""How many malformed items may come before the first readable one."""

_CHARSET = re.compile(r';[ \t]*charset="?([^\s;"]*)', re.IGNORECASE)
_UTF_8 = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})
# Formats whose media types are also used for others, which the content decides.
_SNIFFERS: Final[Mapping[str, Callable[[bytes, str], str]]] = {
    "json": sniff_json_object, "rss": sniff_xml, "atom": sniff_xml
}  # fmt: skip


def detect(content_type: str | None, head: bytes, file: str | None = None) -> str:
    """Return the name in FEED_FORMATS of a feed with this Content-Type that begins with `head`.

    `head` is all of a short feed, or some 64 KiB. If the Content-Type is generic, the suffix of
    the `file` name identifies NDJSON, and `head` every other format. The root element identifies
    the format of XML, whatever the Content-Type says.

    Raises UnsupportedFeedError for a media type that is not supported or a charset that is not the
    feed's, and MalformedFeedError if `head` is the beginning of no supported format.
    """
    header = content_type or ""
    media_type = header.partition(";")[0].strip().lower()
    if charset := _CHARSET.search(header):
        _check_charset(media_type, charset[1], head)
    if media_type in GENERIC_MEDIA_TYPES:
        return _format_by_suffix(file or "") or sniff(head)
    for name, form in FEED_FORMATS.items():
        if media_type in form.media_types:
            return _SNIFFERS[name](head, name) if name in _SNIFFERS else name
    raise UnsupportedFeedError(excerpt(media_type))


def _format_by_suffix(file: str) -> str | None:
    names = (name for name, form in FEED_FORMATS.items() if file.lower().endswith(form.suffixes))
    return next(names, None)


def _check_charset(media_type: str, charset: str, head: bytes) -> None:
    """Raise UnsupportedFeedError if the Content-Type names another charset than the feed has.

    RFC 8259, section 8.1: JSON text between systems "MUST be encoded using UTF-8". XML declares its
    encoding. If the two contradict each other, either may be wrong.
    """
    declared = declared_encoding(head).lower()
    if charset.lower() not in (_UTF_8 if declared in _UTF_8 else {declared}):
        claimed = excerpt(f"{media_type}; charset={charset}")
        reason = "is not supported: a feed is UTF-8, or XML that declares its encoding"
        raise UnsupportedFeedError(claimed, reason)


def read(stream: BinaryIO, form: str, *, strict: bool = False) -> Iterator[Entry | Rejected]:
    """Read the feed in `stream`, whose format is the FEED_FORMATS name `form`.

    With `strict`, an unknown field is a fault.

    When iterated, raises MalformedFeedError if nothing in the feed is readable. Otherwise each
    malformed item is a Rejected, and so is the place where parsing had to stop, as the last one.
    Errors of the stream itself pass through.
    """
    for item in _reject_malformed(FEED_FORMATS[form].parse(stream)):
        yield _validate(item, strict=strict) if isinstance(item, FeedItem) else item


def read_all(sources: Sequence[FeedSource], *, strict: bool = False) -> Iterator[Entry | Rejected]:
    """Read one source after another. Entries and rejections name the file that they are from.

    A single source is read as by `read`. Of several, an unreadable source is one Rejected. If all
    are unreadable, the MalformedFeedError of the first is raised.
    """
    unreadable: list[tuple[FeedSource, MalformedFeedError]] = []
    any_readable = False
    for source in sources:
        try:
            for entry in read(source.stream, source.format, strict=strict):
                yield from _reject_unreadable(unreadable)
                any_readable = True
                yield replace(entry, file=source.file) if source.file else entry
            yield from _reject_unreadable(unreadable)  # a feed without records is readable
            any_readable = True
        except MalformedFeedError as error:
            if len(sources) == 1:
                raise
            unreadable.append((source, error))
            if any_readable:
                yield from _reject_unreadable(unreadable)
    if unreadable:
        source, first = unreadable[0]
        name = f"{source.file}: " if source.file else ""
        raise MalformedFeedError(first.line, first.column, name + first.reason)


def _reject_unreadable(
    unreadable: list[tuple[FeedSource, MalformedFeedError]],
) -> Iterator[Rejected]:
    """Yield a rejection for each of the `unreadable` sources, and clear the list."""
    for source, error in unreadable:
        yield replace(_rejection(error, "; no record of this file was read"), file=source.file)
    unreadable.clear()


def _reject_malformed(
    items: Iterator[FeedItem | Rejected | MalformedFeedError],
) -> Iterator[FeedItem | Rejected]:
    """Turn errors into rejections. Raises the first one if nothing readable comes after it."""
    held: list[MalformedFeedError] = []
    any_readable = False
    try:
        for item in items:
            if not isinstance(item, MalformedFeedError):
                yield from map(_rejection, held)
                held.clear()
                any_readable = True
                yield item
            elif any_readable:
                yield _rejection(item)
            else:
                held.append(item)
                if len(held) > MAX_LEADING_ERRORS:
                    break
    except MalformedFeedError as error:
        if any_readable:
            yield _rejection(error, "; the rest was not read")
        else:
            held.append(error)
    if held:
        raise held[0]


def _rejection(error: MalformedFeedError, consequence: str = "") -> Rejected:
    reason = f"{error.reason} at column {error.column}{consequence}"
    return Rejected(error.line, None, (Fault("", reason),))


def _validate(item: FeedItem, *, strict: bool) -> Entry | Rejected:
    try:
        record = parse_record(item.value)
        if strict:
            _check_unknown_fields(item, record)
    except InvalidRecordError as error:
        # One field of the feed may give two of the record, such as both dates: report it once.
        faults = tuple(dict.fromkeys(map(item.to_feed_fault, error.faults)))
        slug = item.value.get("slug") if isinstance(item.value, dict) else None
        named = excerpt(slug) if isinstance(slug, str) else None
        return Rejected(item.line, named, faults, error.left_out)
    return Entry(item.line, record, item.size)


def _check_unknown_fields(item: FeedItem, record: Record) -> None:
    """Raise InvalidRecordError for fields that neither a record nor the feed format has."""
    unknown = [name for name in record.extra if name not in item.field_pointers]
    if unknown:
        faults = [Fault(json_pointer(name), "is unknown") for name in unknown]
        raise InvalidRecordError(tuple(faults[:FAULTS_REPORTED]), len(faults[FAULTS_REPORTED:]))
