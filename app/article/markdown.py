"""An article's body as a parsed Markdown document (CommonMark with GFM's tables).

The dialect is set here once, so that the page, the plain text and the hygiene checks all see the
same document.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import pyromark
from pyromark.event import Event, Range

from app.article.html_tokens import MAX_DEPTH, HtmlToken, Span, html_tokens

_TYPOGRAPHIC_TO_ASCII = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014\xa0", "''\"\"-- ")

# A one-line heading without any character that could be markup, CommonMark 0.31 section 4.2.
_MARKUP = r"\\`*_\[\]<>&~|#^"
_PLAIN_HEADING = re.compile(
    rf"(?P<marker>#{{1,6}}) (?P<text>[^\s{_MARKUP}](?:[^\r\n{_MARKUP}]*[^\s{_MARKUP}])?)\n"
)
_COMMENT_LINE = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_CONTAINER = r"[ \t]*+(?:>|[-+*](?=[ \t])|[0-9]{1,9}[.)](?=[ \t]))"
_TOO_DEEP = re.compile(
    rf"^(?P<allowed>(?:{_CONTAINER}){{{MAX_DEPTH}}}+)(?P<excess>(?:{_CONTAINER})++)", re.MULTILINE
)
_CONTAINER_BYTES = bytes(ord(">") if code in b"\t 0123456789)*+-.>" else 0 for code in range(256))
# The three characters that can end a link, before what can begin a word.
_GLUED = tuple(re.compile(rf"\{end}(?:&|[^\W_])") for end in ")]>")

_dialect = pyromark.Markdown(
    options=pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_FOOTNOTES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
)


class Heading(NamedTuple):
    """The heading that a body starts with. `level` is H1 to H6."""

    level: str
    text: str
    span: Span


def to_html(body: str) -> str:
    """Render `body` as HTML. Raw HTML passes through, so the result is **not** safe to serve."""
    return _dialect.html(_limit_depth(body))


def events(body: str) -> Iterator[Event]:
    """Yield the events of the document. Adjacent text is one event."""
    return _dialect.events(_limit_depth(body))


def events_with_ranges(body: str) -> Iterator[tuple[Event, Range]]:
    """Yield the events of the document, each with its byte range in `body`."""
    return _dialect.events_with_range(_limit_depth(body))


def opening_heading(body: str) -> Heading | None:
    """Return the heading that is the first block of `body`, comments aside, or None."""
    if plain := _PLAIN_HEADING.match(body):
        end = len(plain[0].encode())
        return Heading(f"H{len(plain['marker'])}", plain["text"], Span(0, end))
    words: list[str] = []
    level = ""
    span = None
    for event, place in events_with_ranges(body):
        match event:
            case {"Start": {"Heading": {"level": str(level)}}}:
                span = Span(place["start"], place["end"])
            case {"End": {"Heading": _}} if span is not None:
                return Heading(level, "".join(words), span)
            case {"Text": str(text)} | {"Code": str(text)}:
                words.append(text)
            case "SoftBreak" | "HardBreak":
                words.append(" ")
            case {"Start": "HtmlBlock"} | {"End": "HtmlBlock"}:
                continue
            case {"Html": str(text)} if span is None and _COMMENT_LINE.fullmatch(text):
                continue
        if span is None:
            return None
    return None


def may_have_glued_link(body: str) -> bool:
    """Whether a link in `body` might run into a word. Ten times faster than reading all events."""
    return any(pattern.search(body) for pattern in _GLUED)


def same_headline(one: str, other: str) -> bool:
    """Whether two headlines read the same, ignoring typography, case and spacing."""
    return one == other or _folded(one) == _folded(other)


@lru_cache(16)  # the HTML page needs it twice: for itself and for its JSON-LD
def without_title(body: str, title: str) -> str:
    """Return `body` without its opening heading if that repeats `title`."""
    heading = opening_heading(body)
    if heading is None or not same_headline(heading.text, title):
        return body
    source = body.encode()
    before, after = source[: heading.span.start], source[heading.span.end :]
    return (before + after.lstrip(b"\r\n")).decode()


def raw_html_tokens(body: str) -> Iterator[HtmlToken]:
    """Yield the tags and comments of the raw HTML in `body`, with their spans in it."""
    source = body.encode()
    lines: list[Span] = []
    for event, place in events_with_ranges(body):
        span = Span(place["start"], place["end"])
        match event:
            case {"InlineHtml": str(text)}:
                yield next(html_tokens(text.encode()))._replace(span=span)
            case {"Html": _}:
                lines.append(span)
            case {"End": "HtmlBlock"}:
                yield from _html_block_tokens(source, lines)
                lines = []


def _html_block_tokens(source: bytes, lines: list[Span]) -> Iterator[HtmlToken]:
    """Yield the tokens of one HTML block. List and quote markers may stand between its lines."""
    starts = [0, *accumulate(line.end - line.start for line in lines[:-1])]
    for token in html_tokens(b"".join(source[line.start : line.end] for line in lines)):
        begin, last = (
            lines[number].start + offset - starts[number]
            for offset in (token.span.start, token.span.end - 1)
            for number in [bisect_right(starts, offset) - 1]
        )
        yield token._replace(span=Span(begin, last + 1))


def _limit_depth(body: str) -> str:
    """Return `body` with no line that opens more than MAX_DEPTH containers, and of the same length.

    The Markdown parser looks at all open containers at each line that continues a paragraph. Most
    bodies have no run of enough marker characters, which is found in a fifth of the time.
    """
    if b">" * MAX_DEPTH not in body.encode().translate(_CONTAINER_BYTES):
        return body
    return _TOO_DEEP.sub(lambda line: line["allowed"] + "." * len(line["excess"]), body)


def _folded(text: str) -> str:
    ascii_typography = text.translate(_TYPOGRAPHIC_TO_ASCII)
    return " ".join(unicodedata.normalize("NFKC", ascii_typography).casefold().split())
