"""Raw HTML as tokens: where its tags and comments are, and whether parsing it would be too slow."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_DEPTH: Final = 200
"""How deep elements may nest. No document that a person wrote nests deeper."""
MAX_REPEATED_BYTES: Final = 1 << 24
"""How many bytes of open tags a parser may have to look at or repeat, summed over all tags."""

VOID_ELEMENTS: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)

# A token as the HTML standard defines it, section 13.2.5: comments (bogus ones too) and tags. In a
# tag "<" is an ordinary character, and ">" ends it except inside a quoted attribute value. An
# unfinished token extends to the end of the text. Nothing backtracks, so the time is linear.
_TOKEN = re.compile(
    rb"<!--(?:-?>|.*?(?:--!?>|\Z))|<(?:[!?]|/(?![A-Za-z]))[^>]*>?"
    rb"|<(?P<slash>/?)(?P<name>[A-Za-z][^\s/>]*)"
    rb"(?P<attributes>(?:[^>=]++|=\s*+(?:\"[^\"]*+\"?|'[^']*+'?)?)*+)>?",
    re.DOTALL,
)
# Elements whose content has no tags except their own end tag.
_RAW_TEXT = {
    name: re.compile(rb"</%s(?=[\s/>])" % name.encode(), re.IGNORECASE)
    for name in ("iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp")
}  # fmt: skip
# Elements with an optional end tag, and the start tags that imply it.
_ENDED_BY = {
    "dd": {"dd", "dt"}, "dt": {"dd", "dt"}, "li": {"li"}, "p": {"p"},
    "td": {"td", "th"}, "th": {"td", "th"}, "tr": {"td", "th", "tr"},
}  # fmt: skip


class Span(NamedTuple):
    """A range of byte offsets into the UTF-8 form of a text."""

    start: int
    end: int


class HtmlToken(NamedTuple):
    """A tag, or a comment if `name` is empty."""

    name: str
    is_end: bool
    attributes: str
    span: Span


def html_tokens(markup: bytes) -> Iterator[HtmlToken]:
    """Yield the tags and comments of `markup`, which is UTF-8, as a browser finds them."""
    position = 0
    unclosed: set[str] = set()
    while token := _TOKEN.search(markup, position):
        name = (token["name"] or b"").decode().lower()
        attributes = (token["attributes"] or b"").decode()
        yield HtmlToken(name, bool(token["slash"]), attributes, Span(*token.span()))
        position = token.end()
        if name in _RAW_TEXT and not token["slash"] and name not in unclosed:
            if end := _RAW_TEXT[name].search(markup, position):
                position = end.start()
            else:
                unclosed.add(name)


def is_too_complex(markup: str) -> bool:
    """Whether elements nest so deep, or are closed so badly, that sanitising takes too long.

    For each tag an HTML parser searches the open elements, and in each block it repeats those that
    should have been closed before. So an element counts until its own end tag comes in its place.
    """
    # Below these bounds, neither limit can be reached. Most markup is.
    count = markup.count("<")
    if count - markup.count("</") <= MAX_DEPTH and count * len(markup) * 4 <= MAX_REPEATED_BYTES:
        return False
    opened: list[tuple[str, int]] = []
    open_bytes = repeated = 0
    for name, is_end, _, span in html_tokens(markup.encode()):
        if name in VOID_ELEMENTS or not name:
            continue
        ended = _ENDED_BY.keys() - {name} if is_end else _ENDED_BY.get(name, set())
        while opened and opened[-1][0] in ended:
            open_bytes -= opened.pop()[1]
        if not is_end:
            opened.append((name, span.end - span.start))
            open_bytes += span.end - span.start
        elif opened and opened[-1][0] == name:
            open_bytes -= opened.pop()[1]
        repeated += open_bytes
        if len(opened) > MAX_DEPTH or repeated > MAX_REPEATED_BYTES:
            return True
    return False
