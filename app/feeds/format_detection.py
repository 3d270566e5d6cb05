"""Detection of the feed format from the first bytes, for clients that do not name it."""

import codecs
import io
import re
from typing import Final

from app.feeds.byte_scanner import ByteScanner
from app.feeds.entries import FeedItem, MalformedFeedError
from app.feeds.json_stream import read_members, read_value
from app.feeds.safe_expat import create_parser, error_at, parse
from app.feeds.strict_json import UnsupportedJsonError, decode
from app.text import excerpt

_WHITESPACE: Final = b" \t\n\r"
_UTF_16: Final = (codecs.BOM_UTF16_LE + b"<\0", codecs.BOM_UTF16_BE + b"\0<", b"<\0", b"\0<")
_ROOTS: Final = {"rss": "rss", "feed": "atom"}


_DECLARED = re.compile(
    rb"""(?:\xef\xbb\xbf)?<[?]xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,40})"""
)


class _RootFoundError(Exception):
    """Stops the parser at the root element, and carries its name."""


def sniff(head: bytes) -> str:
    """Return the name of the format of a feed that begins with `head`.

    `head` is all of a short feed, or some 64 KiB, enough for a record. Raises MalformedFeedError if
    it is empty or begins no supported format.
    """
    if head.startswith(_UTF_16):
        return sniff_xml(head)
    text = head.removeprefix(codecs.BOM_UTF8)
    body = text.lstrip(_WHITESPACE)
    if not body:
        raise MalformedFeedError(1, 1, "the feed is empty")
    if body.startswith(b"["):
        return "json"
    if body.startswith(b"{"):
        return sniff_json_object(head, "ndjson" if _is_lines(body) else "json")
    if body.startswith(b"<"):
        return sniff_xml(head)
    skipped = text[: -len(body)]
    line, column = skipped.count(b"\n") + 1, len(skipped) - skipped.rfind(b"\n")
    first = body[:4].decode(errors="replace")[:1]
    raise MalformedFeedError(
        line, column, f"{first!r} begins neither JSON nor XML: '{{', '[' or '<' expected"
    )


def sniff_json_object(head: bytes, otherwise: str) -> str:
    """Return "jsonfeed" if the JSON object that begins with `head` is a JSON Feed.

    A JSON Feed has a version. If there is none within `head`, the result is `otherwise`.
    """
    scanner = ByteScanner(io.BytesIO(head))
    try:
        if scanner.peek() != b"{":
            return otherwise
        for name in read_members(scanner, len(head)):
            found = read_value(scanner, "", len(head))
            if name == "version" and isinstance(found, FeedItem):
                return "jsonfeed" if "jsonfeed.org/version/" in str(found.value) else otherwise
    except MalformedFeedError:
        pass  # the head is incomplete or malformed, which its parser reports better
    return otherwise


def sniff_xml(head: bytes, otherwise: str | None = None) -> str:
    """Return the name of the format of an XML document that begins with `head`, by its root.

    Without `otherwise`, raises MalformedFeedError if the document is not well-formed up to its
    root, or if the root belongs to no supported format.
    """

    def start(name: str, _attributes: dict[str, str]) -> None:
        raise _RootFoundError(name.split("\n")[:2][-1])

    parser = create_parser(start)
    try:
        parse(parser, head, last=False)
    except _RootFoundError as found:
        if form := _ROOTS.get(str(found), otherwise):
            return form
        raise error_at(
            parser, f"the root element is <{excerpt(str(found))}>, not <rss> or <feed>"
        ) from None
    except MalformedFeedError:
        if otherwise is None:
            raise
    return otherwise or "rss"


def _is_lines(body: bytes) -> bool:
    """Whether `body`, which begins with "{", has an object on each line.

    An object over several lines, or a first line that is longer than `body`, is one document.
    """
    first, newline, rest = body.partition(b"\n")
    if not newline:
        return False
    return rest.lstrip(_WHITESPACE).startswith(b"{") or _is_complete(first)


def _is_complete(line: bytes) -> bool:
    try:
        decode(line)
    except UnsupportedJsonError:
        return True
    except MalformedFeedError:
        return False
    return True


def declared_encoding(head: bytes) -> str:
    """Return the encoding that the XML in `head` declares, or "utf-8"."""
    if head.startswith(_UTF_16):
        return "utf-16"
    found = _DECLARED.match(head)
    return found[1].decode() if found else "utf-8"
