"""The elements of an XML item while it is read."""

import io
from collections.abc import Mapping
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from app.article.html_tokens import VOID_ELEMENTS

MAX_ELEMENTS: Final = 10_000
"""How many elements are kept of an item, at all depths. The smallest weigh much more than here."""


class XmlElement(NamedTuple):
    """An element of an item: its name, its attributes without namespaces, and what is in it.

    `text` is character data, or, where there are elements in it, `markup`: their HTML. `base` is
    the URL that relative ones in it start from, "" where none is said.
    """

    name: str
    attributes: Mapping[str, str]
    text: str
    markup: bool
    base: str


class ItemBuilder:
    """An item that has begun at `line` and the byte `offset`, and of which the rest is to come.

    Depths count from the item: its own elements are at 1. `given_up` says why nothing is kept any
    more, "" as long as something is.
    """

    def __init__(self, wanted: frozenset[str], line: int, offset: int) -> None:
        self.line = line
        self.offset = offset
        self.given_up = ""
        self.elements: list[XmlElement] = []
        self._wanted = wanted
        self._kept = 0
        self._element: XmlElement | None = None
        self._text = io.StringIO()
        self._names: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str], base: str, depth: int) -> None:
        """Take a start tag."""
        if depth > 1:
            self._start_markup(name, attributes)
        elif name in self._wanted and not self.given_up:
            plain = {key: value for key, value in attributes.items() if "\n" not in key}
            self._element = XmlElement(name, plain, "", markup=False, base=base)
            self._text = io.StringIO()
            self._names = []

    def text(self, text: str) -> None:
        """Take character data."""
        if self._element:
            self._text.write(escape(text) if self._element.markup else text)

    def end(self, depth: int) -> None:
        """Take an end tag."""
        if self._element is None:
            return
        if depth > 1:
            name = self._names.pop()
            self._text.write("" if name in VOID_ELEMENTS else f"</{name}>")
            return
        self.elements.append(self._element._replace(text=self._text.getvalue()))
        self._element = None
        self._count()

    def give_up(self, reason: str) -> None:
        """Keep nothing of the item, for the first `reason` that is given."""
        self.given_up = self.given_up or reason
        self.elements.clear()
        self._element = None

    def _count(self) -> None:
        self._kept += 1
        if self._kept > MAX_ELEMENTS:
            self.give_up(f"more than {MAX_ELEMENTS} elements that would have to be kept")

    def _start_markup(self, name: str, attributes: Mapping[str, str]) -> None:
        """Write the tag down, as HTML has it: it is part of the element that is open."""
        if self._element is None:
            return
        if not self._element.markup:
            self._element = self._element._replace(markup=True)
            before = escape(self._text.getvalue())
            self._text = io.StringIO()
            self._text.write(before)
        name = name.rpartition(":")[2]
        self._names.append(name)
        quoted = (
            f' {key}="{escape(value, {chr(34): "&quot;"})}"'
            for key, value in attributes.items()
            if "\n" not in key
        )
        self._text.write(f"<{name}{''.join(quoted)}>")
        self._count()
