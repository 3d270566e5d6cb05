"""What kind of feed it is, told from its first bytes, for clients that do not say."""

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

_BLANKS: Final = b" \t\n\r"
_UTF_16: Final = (codecs.BOM_UTF16_LE + b"<\0", codecs.BOM_UTF16_BE + b"\0<", b"<\0", b"\0<")
_ROOTS: Final = {"rss": "rss", "feed": "atom"}


_DECLARED = re.compile(
    rb"""(?:\xef\xbb\xbf)?<[?]xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,40})"""
)


class _RootFoundError(Exception):
    """Takes the name of the root element out of the parser."""


def sniff(head: bytes) -> str:
    """Return the name of a kind for a feed that begins with `head`.

    `head` is the whole of a short feed, and of a long one enough to hold a record: some 64 KiB.
    Raises MalformedFeedError where it is empty or begins nothing that is taken.
    """
    if head.startswith(_UTF_16):
        return sniff_xml(head)
    text = head.removeprefix(codecs.BOM_UTF8)
    body = text.lstrip(_BLANKS)
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
    """Return the name of the kind of a JSON object that begins with `head`.

    A JSON Feed names its version. `otherwise` is what it is if it does not, within `head`.
    """
    window = ByteScanner(io.BytesIO(head))
    try:
        if window.peek() != b"{":
            return otherwise
        for name in read_members(window, len(head)):
            found = read_value(window, "", len(head))
            if name == "version" and isinstance(found, FeedItem):
                return "jsonfeed" if "jsonfeed.org/version/" in str(found.value) else otherwise
    except MalformedFeedError:
        pass  # it breaks off, or it is broken, which its reader says with more knowledge
    return otherwise


def sniff_xml(head: bytes, otherwise: str | None = None) -> str:
    """Return the name of the kind of an XML document that begins with `head`, by its root.

    Raises MalformedFeedError where it is broken before that, or of no kind that is taken, unless
    there is a kind that it is `otherwise`.
    """

    def start(name: str, _attributes: dict[str, str]) -> None:
        raise _RootFoundError(name.split("\n")[:2][-1])

    parser = create_parser(start)
    try:
        parse(parser, head, last=False)
    except _RootFoundError as found:
        if kind := _ROOTS.get(str(found), otherwise):
            return kind
        raise error_at(
            parser, f"the root is <{excerpt(str(found))}>, and not <rss> or <feed>"
        ) from None
    except MalformedFeedError:
        if otherwise is None:
            raise
    return otherwise or "rss"


def _is_lines(body: bytes) -> bool:
    """Say whether `body`, which begins with "{", has an object on each line.

    An object over several lines, and one line without an end in sight, are one document.
    """
    first, newline, rest = body.partition(b"\n")
    if not newline:
        return False
    return rest.lstrip(_BLANKS).startswith(b"{") or _is_complete(first)


def _is_complete(line: bytes) -> bool:
    try:
        decode(line)
    except UnsupportedJsonError:
        return True
    except MalformedFeedError:
        return False
    return True


def declared_encoding(head: bytes) -> str:
    """Return the encoding that the XML in `head` declares, UTF-8 for everything that does not."""
    if head.startswith(_UTF_16):
        return "utf-16"
    found = _DECLARED.match(head)
    return found[1].decode() if found else "utf-8"
