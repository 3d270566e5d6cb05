"""What a body hides from its readers: comments, and elements that are never shown."""

import html
import re
from collections import Counter
from typing import Final

from app.article import markdown

HIDDEN_ELEMENTS: Final = frozenset(
    {"iframe", "math", "noembed", "noframes", "noscript", "object", "script", "select", "style",
     "svg", "template", "textarea", "title", "xmp"}
)  # fmt: skip
"""Elements whose content is never shown to a reader, or is no prose."""

_ATTRIBUTE = re.compile(r"([^\s/>=]+)(?:\s*=\s*(\"[^\"]*\"?|'[^']*'?|[^\s>]+))?")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_UNSEEN = re.compile(
    r"(?<![\w-])(?:display\s*:\s*none|visibility\s*:\s*hidden"
    r"|(?:font-size|opacity)\s*:\s*0(?![.\d]*[1-9]))",
    re.IGNORECASE,
)


def hidden_spans(body: str) -> list[markdown.Span]:
    """Return where `body` has comments and hidden elements, in its raw HTML only.

    An element that is opened as hidden and never closed hides nothing but its own tag: more
    likely the text is damaged than that all of its rest was meant to be unseen.
    """
    if "<" not in body:
        return []
    spans: list[markdown.Span] = []
    opened: list[tuple[str, int | None]] = []  # its name, and where it began if it hides
    names: Counter[str] = Counter()  # of those opened
    for tag in markdown.raw_html_tokens(body):
        if not tag.name:
            _join(spans, tag.place)
        elif tag.closes:
            begin = _closed(opened, names, tag.name)
            if begin is not None:
                _join(spans, markdown.Span(begin, tag.place.end))
        elif _hides(tag):
            _join(spans, tag.place)
            opened.append((tag.name, tag.place.start))
            names[tag.name] += 1
        elif names[tag.name]:
            opened.append((tag.name, None))
            names[tag.name] += 1
    return spans


def _closed(opened: list[tuple[str, int | None]], names: Counter[str], name: str) -> int | None:
    """Take the innermost open `name` off `opened`, with what was left open inside it."""
    begin = None
    while names[name]:
        last, begin = opened.pop()
        names[last] -= 1
        if last == name:
            break
    return begin


def _hides(tag: markdown.HtmlToken) -> bool:
    if tag.name in HIDDEN_ELEMENTS:
        return True
    for attribute, value in _ATTRIBUTE.findall(tag.attributes):
        if attribute.lower() == "hidden":
            return True
        if attribute.lower() == "style":
            style = html.unescape(value.strip("\"'"))
            if _UNSEEN.search(_CSS_COMMENT.sub("", style)):
                return True
    return False


def _join(spans: list[markdown.Span], span: markdown.Span) -> None:
    """Add `span`, which takes the place of those that it covers."""
    while spans and spans[-1].start >= span.start:
        spans.pop()
    spans.append(span)
