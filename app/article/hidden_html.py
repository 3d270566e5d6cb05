"""Comments and hidden elements in the raw HTML of a body: where they are, and their removal.

Decision 32 says why a placeholder takes the place of what is removed.
"""

import html
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from pyromark.event import Event

from app.article import markdown
from app.article.html_tokens import HtmlToken, Span

HIDDEN_ELEMENTS: Final = frozenset(
    {"iframe", "math", "noembed", "noframes", "noscript", "object", "script", "select", "style",
     "svg", "template", "textarea", "title", "xmp"}
)  # fmt: skip
"""Elements whose content is never shown to a reader, or is not prose."""

EMPTY_COMMENT: Final = b"<!-- -->"
EMPTY_ELEMENT: Final = b"<span></span>"
"""Replaces inline content: a comment would begin an HTML block, or end what looks like one."""

_ATTRIBUTE = re.compile(r"([^\s/>=]+)(?:\s*=\s*(\"[^\"]*\"?|'[^']*'?|[^\s>]+))?")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_HIDING_STYLE = re.compile(
    r"(?<![\w-])(?:display\s*:\s*none|visibility\s*:\s*hidden"
    r"|(?:font-size|opacity)\s*:\s*0(?![.\d]*[1-9]))",
    re.IGNORECASE,
)
_EMPTY = re.compile(rb"<!--(?:-?>|\s*--!?>)")
_WHITESPACE = re.compile(rb"\s*+")
# CommonMark 0.31 section 4.6: an HTML block that starts with the first ends with the second.
_PRE = re.compile(rb"<pre(?=[\s>])", re.IGNORECASE)
_END_OF_PRE = re.compile(rb"</(?:pre|script|style|textarea)>", re.IGNORECASE)

_REPLACEABLE_BLOCKS = frozenset(
    {"BlockQuote", "CodeBlock", "Heading", "List", "Paragraph", "Rule", "Table"}
)
_INLINE_CONTAINERS = frozenset({"Emphasis", "Image", "Link", "Strikethrough", "Strong"})


class Edit(NamedTuple):
    """Bytes of a body, and what replaces them."""

    start: int
    end: int
    replacement: bytes


def hidden_spans(body: str) -> list[Span]:
    """Return where the raw HTML of `body` has comments and hidden elements, in order.

    A hidden element that is never closed hides nothing but its own tag: the text is more likely
    damaged than meant to be hidden to its end. An empty comment hides nothing.
    """
    if "<" not in body:
        return []
    source = body.encode()
    spans: list[Span] = []
    opened: list[tuple[str, int | None]] = []  # the element, and where it starts if it is hidden
    names: Counter[str] = Counter()  # of the opened elements
    for token in markdown.raw_html_tokens(body):
        if not token.name:
            if not _EMPTY.fullmatch(source, *token.span):
                _add(spans, token.span)
        elif token.is_end:
            begin = _close(opened, names, token.name)
            if begin is not None:
                _add(spans, Span(begin, token.span.end))
        elif _is_hidden(token):
            _add(spans, token.span)
            opened.append((token.name, token.span.start))
            names[token.name] += 1
        elif names[token.name]:
            opened.append((token.name, None))
            names[token.name] += 1
    return spans


def strip_hidden(body: str) -> str:
    """Return `body` without comments and hidden elements; what remains parses to the same blocks.

    An empty comment or an empty element takes the place of each piece that is removed.
    """
    return strip_spans(body, hidden_spans(body))


def strip_spans(body: str, spans: list[Span]) -> str:
    """Return `body` without `spans`, each of which starts and ends with a tag or a comment."""
    return apply_edits(body, _edits(body, spans)) if spans else body


def apply_edits(body: str, edits: Iterator[Edit]) -> str:
    """Return `body` with `edits`, which do not overlap, made."""
    source, position = body.encode(), 0
    parts: list[bytes] = []
    for edit in sorted(edits):
        parts += source[position : edit.start], edit.replacement
        position = edit.end
    return b"".join([*parts, source[position:]]).decode()


def event_name(event: Event) -> tuple[str, str]:
    """Return "Start", "End" or "" and the name of the element or of the event."""
    if isinstance(event, str):
        return "", event
    ((name, value),) = event.items()
    if name not in {"Start", "End"}:
        return "", name
    return name, str(next(iter(value))) if isinstance(value, dict) else str(value)


def _edits(body: str, spans: list[Span]) -> Iterator[Edit]:
    """Yield the edits that take `spans` out of the blocks and inlines of `body`.

    Blocks and inlines that lie in a span are replaced as a whole, except list items, table cells
    and footnotes, whose markers other blocks depend on: those are emptied.
    """
    source = body.encode()
    hidden = _HiddenBytes(source, spans)
    run: Edit | None = None  # adjacent hidden inlines become one placeholder
    depth = 0  # within what is replaced as a whole
    lines: list[Span] | None = None  # of the HTML block that is open
    for event, place in markdown.events_with_ranges(body):
        side, name = event_name(event)
        if depth:
            depth += {"Start": 1, "End": -1}.get(side, 0)
            continue
        span = Span(place["start"], place["end"])
        is_block = name in _REPLACEABLE_BLOCKS
        is_inline = not is_block and (not side or name in _INLINE_CONTAINERS)
        if lines is not None:
            if name == "Html":
                lines.append(span)
            elif side == "End":
                yield from _html_block_edits(source, lines, hidden.within(lines))
                lines = None
        elif side == "End" or not (is_block or is_inline) or not hidden.covers(span):
            if run:
                yield run
            run = None
            lines = [] if name == "HtmlBlock" else None
        elif is_inline:
            escape = name == "Text" and source[span.start - 1 : span.start] == b"\\"
            start = run.start if run else span.start - escape
            run = Edit(start, span.end, EMPTY_ELEMENT)
            depth = side == "Start"
        else:
            yield Edit(span.start, _trimmed_end(source, span), EMPTY_COMMENT)
            depth = side == "Start"


class _HiddenBytes:
    """The hidden spans of a body, for looking up what they cover."""

    def __init__(self, source: bytes, spans: list[Span]) -> None:
        self._source = source
        self._spans = spans
        self._starts = [span.start for span in spans]

    def covers(self, span: Span) -> bool:
        """Whether all of `span` is hidden, except whitespace at its end."""
        number = bisect_right(self._starts, span.start) - 1
        if number < 0 or self._spans[number].end <= span.start:
            return False
        end = self._spans[number].end
        blank = _WHITESPACE.match(self._source, end, max(end, span.end))
        return blank is not None and blank.end() >= span.end

    def within(self, lines: list[Span]) -> list[Span]:
        """Return what is hidden between the first and the last of `lines`."""
        begin, end = lines[0].start, lines[-1].end
        first = max(bisect_right(self._starts, begin) - 1, 0)
        last = bisect_right(self._starts, end - 1)
        clipped = (Span(max(s.start, begin), min(s.end, end)) for s in self._spans[first:last])
        return [span for span in clipped if span.start < span.end]


def _html_block_edits(source: bytes, lines: list[Span], hidden: list[Span]) -> Iterator[Edit]:
    """Yield the edits that take `hidden` out of the HTML block, which must end where it ended."""
    if not hidden:
        return
    begin, end = lines[0].start, _trimmed_end(source, Span(lines[0].start, lines[-1].end))
    shown = bytearray(source[begin : lines[-1].end])
    for span in hidden:
        shown[span.start - begin : span.end - begin] = b" " * (span.end - span.start)
    if not any(shown[line.start - begin : line.end - begin].strip() for line in lines):
        yield Edit(begin, end, EMPTY_COMMENT)
        return
    for span in hidden:
        yield Edit(span.start, _trimmed_end(source, span), EMPTY_COMMENT)
    lost_end = _END_OF_PRE.search(source, begin, end) and not _END_OF_PRE.search(shown)
    if hidden[0].start == begin or (_PRE.match(shown) and lost_end):
        # How the block starts says how it ends. One that starts with a comment ends on that line,
        # so all of it has to be there.
        if hidden[0].start > begin:
            yield Edit(begin, begin, EMPTY_COMMENT)
        for line, following in pairwise(lines):
            line_end = _trimmed_end(source, line, b"\r\n")
            if shown[line_end - begin : line_end - begin + 1].strip(b"\r\n") == b"":
                yield Edit(line_end, following.start, b" ")


def _trimmed_end(source: bytes, span: Span, characters: bytes = b" \t\r\n") -> int:
    return span.start + len(source[span.start : span.end].rstrip(characters))


def _close(opened: list[tuple[str, int | None]], names: Counter[str], name: str) -> int | None:
    """Close the innermost open element `name`, with all that were left open inside it."""
    begin = None
    while names[name]:
        last, begin = opened.pop()
        names[last] -= 1
        if last == name:
            break
    return begin


def _is_hidden(token: HtmlToken) -> bool:
    if token.name in HIDDEN_ELEMENTS:
        return True
    for attribute, value in _ATTRIBUTE.findall(token.attributes):
        if attribute.lower() == "hidden":
            return True
        if attribute.lower() == "style":
            style = html.unescape(value.strip("\"'"))
            if _HIDING_STYLE.search(_CSS_COMMENT.sub("", style)):
                return True
    return False


def _add(spans: list[Span], span: Span) -> None:
    """Add `span`, which replaces those that it covers."""
    while spans and spans[-1].start >= span.start:
        spans.pop()
    spans.append(span)
