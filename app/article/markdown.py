"""An article's body, read through its Markdown's own events (CommonMark with GFM's tables).

The dialect is set in one place, so that the page, the text and the checks see the same document.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

import pyromark
from pyromark.event import Event, Range

MAX_DEPTH: Final = 200
MAX_OPEN_TAG_BYTES: Final = 1 << 24
"""Elements nested deeper than this, or dragged along further, are no document anybody wrote."""

VOID_ELEMENTS: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)

_FOLDED = str.maketrans(
    "\u2018\u2019\u201c\u201d\u2013\u2014\xa0", "''\"\"-- "
)  # typographic: plain

# A heading of one line that holds nothing which could be markup, CommonMark 0.31 section 4.2.
_MARKS = r"\\`*_\[\]<>&~|#^"
_PLAIN_HEADING = re.compile(
    rf"(?P<signs>#{{1,6}}) (?P<text>[^\s{_MARKS}](?:[^\r\n{_MARKS}]*[^\s{_MARKS}])?)\n"
)
_CONTAINER = r"[ \t]*+(?:>|[-+*](?=[ \t])|[0-9]{1,9}[.)](?=[ \t]))"
_TOO_DEEP = re.compile(
    rf"^(?P<deep>(?:{_CONTAINER}){{{MAX_DEPTH}}}+)(?P<deeper>(?:{_CONTAINER})++)", re.MULTILINE
)
_OPENERS = bytes(ord(">") if code in b"\t 0123456789)*+-.>" else 0 for code in range(256))
# The tokens of HTML as its standard has them (section 13.2.5): comments, bogus ones too, and tags,
# in which '<' is nothing special and only '>' in quotes behind '=' does not end them. What breaks
# off goes to the end of the text: as nothing is tried in vain, time is linear.
_TOKEN = re.compile(
    rb"<!--(?:-?>|.*?(?:--!?>|\Z))|<(?:[!?]|/(?![A-Za-z]))[^>]*>?"
    rb"|<(?P<closes>/?)(?P<name>[A-Za-z][^\s/>]*)"
    rb"(?P<attributes>(?:[^>=]++|=\s*+(?:\"[^\"]*+\"?|'[^']*+'?)?)*+)>?",
    re.DOTALL,
)
# In these there are no tags but their own end.
_RAW_TEXT = {
    name: re.compile(rb"</%s(?=[\s/>])" % name.encode(), re.IGNORECASE)
    for name in ("iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp")
}  # fmt: skip
# Whose end goes without saying, and where it does.
_ENDED_BY = {
    "dd": {"dd", "dt"}, "dt": {"dd", "dt"}, "li": {"li"}, "p": {"p"},
    "td": {"td", "th"}, "th": {"td", "th"}, "tr": {"td", "th", "tr"},
}  # fmt: skip

_GLUES = tuple(re.compile(rf"\{sign}(?:&|[^\W_])") for sign in ")]>")

_dialect = pyromark.Markdown(
    options=pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_FOOTNOTES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
)


class Span(NamedTuple):
    """A piece of a body: byte offsets into its UTF-8 form."""

    start: int
    end: int


class HtmlToken(NamedTuple):
    """A tag of raw HTML, or a comment, which has no name. The place is in bytes."""

    name: str
    closes: bool
    attributes: str
    place: Span


class Heading(NamedTuple):
    """The heading a body opens with."""

    level: str  # H1 to H6
    text: str
    span: Span


def to_html(body: str) -> str:
    """Render `body` as HTML. Raw HTML passes through: what comes out is **not** safe to serve."""
    return _dialect.html(_shallow(body))


def events(body: str) -> Iterator[Event]:
    """Yield the document's events. Text that belongs together is one event."""
    return _dialect.events(_shallow(body))


def events_with_ranges(body: str) -> Iterator[tuple[Event, Range]]:
    """Yield the document's events, each with the bytes of `body` it stands for."""
    return _dialect.events_with_range(_shallow(body))


def cut(body: str, spans: list[Span]) -> str:
    """Return `body` without `spans`, which are in order and do not overlap."""
    if not spans:
        return body
    source, kept, position = body.encode(), [], 0
    for span in spans:
        kept.append(source[position : span.start])
        position = span.end
    return b"".join([*kept, source[position:]]).decode()


def opening_heading(body: str) -> Heading | None:
    """Return the heading that is the body's first block, or None where it opens otherwise."""
    if plain := _PLAIN_HEADING.match(body):
        return Heading(f"H{len(plain['signs'])}", plain["text"], Span(0, len(plain[0].encode())))
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
        if span is None:
            return None
    return None


def may_have_glued_link(body: str) -> bool:
    """Say whether a link may run into a word in `body`: what closes one may stand before one.

    A link ends in one of three signs, and a text begins with what stands behind it, or with what a
    character reference means. To look at all events takes ten times as long.
    """
    return any(glue.search(body) for glue in _GLUES)


def same_headline(one: str, other: str) -> bool:
    """Say whether two headlines read the same: typography, case and spacing aside."""
    return one == other or _folded(one) == _folded(other)


@lru_cache(16)  # the page asks for it twice in one go
def without_title(body: str, title: str) -> str:
    """Return `body` without its opening heading, where that repeats `title`."""
    heading = opening_heading(body)
    if heading is None or not same_headline(heading.text, title):
        return body
    return cut(body, [heading.span]).lstrip("\r\n")


def html_tokens(markup: bytes) -> Iterator[HtmlToken]:
    """Yield the tags and comments of `markup`, which is UTF-8, as a browser finds them."""
    position = 0
    endless: set[str] = set()
    while token := _TOKEN.search(markup, position):
        name = (token["name"] or b"").decode().lower()
        attributes = (token["attributes"] or b"").decode()
        yield HtmlToken(name, bool(token["closes"]), attributes, Span(*token.span()))
        position = token.end()
        if name in _RAW_TEXT and not token["closes"] and name not in endless:
            if end := _RAW_TEXT[name].search(markup, position):
                position = end.start()
            else:
                endless.add(name)


def raw_html_tokens(body: str) -> Iterator[HtmlToken]:
    """Yield the tags and comments of the raw HTML in `body`, with their places in it."""
    source = body.encode()
    lines: list[Span] = []
    for event, place in events_with_ranges(body):
        span = Span(place["start"], place["end"])
        match event:
            case {"InlineHtml": str(text)}:
                yield next(html_tokens(text.encode()))._replace(place=span)
            case {"Html": _}:
                lines.append(span)
            case {"End": "HtmlBlock"}:
                yield from _block_tags(source, lines)
                lines = []


def _block_tags(source: bytes, lines: list[Span]) -> Iterator[HtmlToken]:
    """Yield the tags in a block of raw HTML, between whose lines the marks of a list may stand."""
    starts = [0, *accumulate(line.end - line.start for line in lines[:-1])]
    for tag in html_tokens(b"".join(source[line.start : line.end] for line in lines)):
        begin, last = (
            lines[number].start + offset - starts[number]
            for offset in (tag.place.start, tag.place.end - 1)
            for number in [bisect_right(starts, offset) - 1]
        )
        yield tag._replace(place=Span(begin, last + 1))


def is_too_complex(markup: str) -> bool:
    """Say whether `markup` nests its elements so deep, or so ill, that to sanitise it costs dear.

    A parser of HTML looks through the open elements at each tag, and in each block it repeats those
    that should have been closed before. So an element counts until its own end comes in its turn.
    """
    # Neither can be reached by less than this, which is most of what is written.
    count = markup.count("<")
    if count - markup.count("</") <= MAX_DEPTH and count * len(markup) * 4 <= MAX_OPEN_TAG_BYTES:
        return False
    opened: list[tuple[str, int]] = []
    weight = load = 0
    for name, closes, _, place in html_tokens(markup.encode()):
        if name in VOID_ELEMENTS or not name:
            continue
        ended = _ENDED_BY.keys() - {name} if closes else _ENDED_BY.get(name, set())
        while opened and opened[-1][0] in ended:
            weight -= opened.pop()[1]
        if not closes:
            opened.append((name, place.end - place.start))
            weight += place.end - place.start
        elif opened and opened[-1][0] == name:
            weight -= opened.pop()[1]
        load += weight
        if len(opened) > MAX_DEPTH or load > MAX_OPEN_TAG_BYTES:
            return True
    return False


def _shallow(body: str) -> str:
    """Return `body`, byte for byte as long, with no line that opens containers beyond DEEPEST.

    The Markdown parser looks at all open containers at each line that continues a paragraph. Most
    bodies have not signs enough in a row, and to see that takes a fifth of the time.
    """
    if b">" * MAX_DEPTH not in body.encode().translate(_OPENERS):
        return body
    return _TOO_DEEP.sub(lambda line: line["deep"] + "." * len(line["deeper"]), body)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text.translate(_FOLDED)).casefold().split())
