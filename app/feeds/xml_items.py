"""The items of an XML feed, and how one is put together from parser events."""

import io
from collections.abc import Mapping
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from app.article.html_tokens import VOID_ELEMENTS
from app.feeds.entries import FeedItem

MAX_ELEMENTS: Final = 10_000
"""How many elements of an item are kept, at all depths. They take more room than in the feed."""


class XmlElement(NamedTuple):
    """An element of an item, with its attributes that are in no namespace.

    `text` is character data, or HTML if `is_html`: then there were elements in it. `base` is the
    URL that relative URLs in it are resolved against, or "".
    """

    name: str
    attributes: Mapping[str, str]
    text: str
    is_html: bool
    base: str


class XmlItem(NamedTuple):
    """An item: its place in the feed, its language, and those of its elements that are read."""

    place: FeedItem
    language: str | None
    elements: tuple[XmlElement, ...]

    def first(self, *names: str) -> XmlElement | None:
        """Return the first element with the first of `names` that occurs."""
        for name in names:
            for element in self.elements:
                if element.name == name:
                    return element
        return None


class ItemBuilder:
    """Collects the elements called `names` of an item that began at `line` and byte `offset`.

    Depths are relative to the item, whose own elements are at 1. `rejection` says why the item was
    discarded, or is "".
    """

    def __init__(self, names: frozenset[str], line: int, offset: int) -> None:
        self.line = line
        self.offset = offset
        self.rejection = ""
        self.elements: list[XmlElement] = []
        self._names = names
        self._count = 0
        self._element: XmlElement | None = None
        self._text = io.StringIO()
        self._open_tags: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str], base: str, depth: int) -> None:
        """Handle a start tag."""
        if depth > 1:
            self._start_html(name, attributes)
        elif name in self._names and not self.rejection:
            plain = {key: value for key, value in attributes.items() if "\n" not in key}
            self._element = XmlElement(name, plain, "", is_html=False, base=base)
            self._text = io.StringIO()
            self._open_tags = []

    def text(self, text: str) -> None:
        """Handle character data."""
        if self._element:
            self._text.write(escape(text) if self._element.is_html else text)

    def end(self, depth: int) -> None:
        """Handle an end tag."""
        if self._element is None:
            return
        if depth > 1:
            name = self._open_tags.pop()
            self._text.write("" if name in VOID_ELEMENTS else f"</{name}>")
            return
        self.elements.append(self._element._replace(text=self._text.getvalue()))
        self._element = None
        self._count_element()

    def discard(self, reason: str) -> None:
        """Keep nothing more of the item. The first `reason` is the one that is reported."""
        self.rejection = self.rejection or reason
        self.elements.clear()
        self._element = None

    def _count_element(self) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            self.discard(f"more than {MAX_ELEMENTS} elements")

    def _start_html(self, name: str, attributes: Mapping[str, str]) -> None:
        """Write the start tag as HTML into the text of the element that is open."""
        if self._element is None:
            return
        if not self._element.is_html:
            self._element = self._element._replace(is_html=True)
            before = escape(self._text.getvalue())
            self._text = io.StringIO()
            self._text.write(before)
        name = name.rpartition(":")[2]
        self._open_tags.append(name)
        quoted = (
            f' {key}="{escape(value, {chr(34): "&quot;"})}"'
            for key, value in attributes.items()
            if "\n" not in key
        )
        self._text.write(f"<{name}{''.join(quoted)}>")
        self._count_element()
