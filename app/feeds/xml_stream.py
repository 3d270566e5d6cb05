"""An XML document as a stream: its items, one at a time (XML 1.0, Namespaces in XML 1.0).

Of an item, what is wanted is kept until the item ends, of anything else nothing.
"""

import codecs
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple

from app.article.record import Fault
from app.feeds.byte_scanner import CHUNK_BYTES
from app.feeds.entries import ITEM_BYTES, FeedItem, MalformedFeedError, Rejected
from app.feeds.safe_expat import create_parser, error_at, parse
from app.feeds.syndication_mapping import resolve_url
from app.feeds.xml_elements import ItemBuilder, XmlElement
from app.text import excerpt

MAX_DEPTH: Final = 200
"""How deep elements may be nested: the parser remembers all that are open."""

_XML: Final = "http://www.w3.org/XML/1998/namespace"
_BLANK: Final = b" \t\r\n" + codecs.BOM_UTF8


class XmlFeedSchema(NamedTuple):
    """What a kind of feed looks like.

    `path` are the elements from the root to an item. `names` gives the prefix under which a
    namespace is known here, "" for none. `wanted` are the elements of an item that are read, and
    `languages` those beside the items that say which language the feed is in.
    """

    path: tuple[str, ...]
    names: Mapping[str, str]
    wanted: frozenset[str]
    languages: frozenset[str] = frozenset()

    def name(self, triplet: str) -> str:
        """Return the name of an element, as `path` and `wanted` have it."""
        *namespace, local = triplet.split("\n")[:2]
        prefix = self.names.get(namespace[0] if namespace else "", "*")
        return f"{prefix}:{local}" if prefix else local


class XmlItem(NamedTuple):
    """An item: its place, its language, and the elements in it that are wanted, in order."""

    place: FeedItem
    language: str | None
    elements: tuple[XmlElement, ...]

    def first(self, *names: str) -> XmlElement | None:
        """Return the first element of the first of `names` that there is."""
        for name in names:
            for element in self.elements:
                if element.name == name:
                    return element
        return None


class _Scope(NamedTuple):
    """An open element: what holds in it, and whether it is on the path to the items."""

    on_path: bool
    language: str | None
    base: str


def read(
    stream: BinaryIO, shape: XmlFeedSchema, limit: int = ITEM_BYTES
) -> Iterator[XmlItem | Rejected]:
    """Read the items of the document. Raises MalformedFeedError where it is broken."""
    cutter = _Cutter(shape, limit)
    try:
        while chunk := stream.read(CHUNK_BYTES):
            cutter.feed(chunk)
            yield from cutter.taken()
        cutter.end()
    except MalformedFeedError:
        yield from cutter.taken()
        raise


class _Cutter:
    """Takes the items out of a document that comes in pieces."""

    def __init__(self, shape: XmlFeedSchema, limit: int) -> None:
        self._shape = shape
        self._limit = limit
        self._scopes: list[_Scope] = []
        self._fed = 0
        self._blank = True
        self._count = 0
        self._item: ItemBuilder | None = None
        self._spoken: ItemBuilder | None = None  # an element that names the language of the feed
        self._done: list[XmlItem | Rejected] = []
        self._parser = parser = create_parser(self._start)
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def feed(self, chunk: bytes) -> None:
        """Read on. Raises MalformedFeedError."""
        self._blank = self._blank and not chunk.strip(_BLANK)
        parse(self._parser, chunk, last=False)
        self._fed += len(chunk)
        if self._fed - self._parser.CurrentByteIndex > self._limit:
            raise error_at(self._parser, f"a tag or a comment is larger than {self._limit} bytes")

    def end(self) -> None:
        """Say that the document has ended. Raises MalformedFeedError where it has not."""
        if self._blank:
            raise MalformedFeedError(1, 1, "the feed is empty")
        parse(self._parser, b"", last=True)

    def taken(self) -> list[XmlItem | Rejected]:
        """Return the items that ended since the last time."""
        done, self._done = self._done, []
        return done

    def _start(self, triplet: str, attributes: dict[str, str]) -> None:
        depth, last = len(self._scopes), len(self._shape.path) - 1
        if depth >= MAX_DEPTH:
            raise error_at(self._parser, f"elements are nested deeper than {MAX_DEPTH} levels")
        name = self._shape.name(triplet)
        outer = self._scopes[-1] if self._scopes else _Scope(on_path=True, language=None, base="")
        on_path = outer.on_path and depth <= last and name == self._shape.path[depth]
        if depth == 0 and not on_path:
            found = excerpt(triplet.split("\n")[:2][-1])
            raise error_at(self._parser, f"the root is <{found}>, and not <{self._shape.path[0]}>")
        base = resolve_url(outer.base, attributes.get(f"{_XML}\nbase\nxml", ""))
        language = attributes.get(f"{_XML}\nlang\nxml", outer.language)
        self._scopes.append(_Scope(on_path, language, base))
        if on_path and depth == last:
            self._count += 1
            self._item = self._opened(self._shape.wanted)
        elif self._item:
            self._item.start(name, attributes, base, depth - last)
            self._weigh(self._item)
        elif outer.on_path and depth == last and name in self._shape.languages:
            self._spoken = self._opened(self._shape.languages)
            self._spoken.start(name, {}, "", 1)

    def _end(self, _triplet: str) -> None:
        scope = self._scopes.pop()
        depth, last = len(self._scopes), len(self._shape.path) - 1
        if scope.on_path and depth == last:
            self._finish(scope)
        elif self._item:
            self._item.end(depth - last)
        elif self._spoken and depth == last:
            self._spoken.end(1)
            for element in self._spoken.elements:
                self._scopes[-1] = self._scopes[-1]._replace(language=element.text)
            self._spoken = None

    def _text(self, text: str) -> None:
        if open_item := self._item or self._spoken:
            open_item.text(text)
            self._weigh(open_item)

    def _opened(self, wanted: frozenset[str]) -> ItemBuilder:
        parser = self._parser
        return ItemBuilder(wanted, parser.CurrentLineNumber, parser.CurrentByteIndex)

    def _weigh(self, item: ItemBuilder) -> int:
        """Return how many bytes `item` has so far, and keep nothing of one that is too large."""
        size = self._parser.CurrentByteIndex - item.offset
        if size > self._limit:
            item.give_up(f"larger than {self._limit} bytes")
        return size

    def _finish(self, scope: _Scope) -> None:
        item, self._item = self._item, None
        assert item is not None  # noqa: S101 - its start tag is on the path as its end tag is
        size = self._weigh(item)
        pointer = "/" + "/".join(self._shape.path) + f"[{self._count}]"
        if item.given_up:
            line, column = self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1
            reason = f"{item.given_up}; it reaches up to line {line}, column {column}"
            self._done.append(Rejected(item.line, None, (Fault(pointer, reason),)))
        else:
            place = FeedItem(item.line, pointer, None, size)
            self._done.append(XmlItem(place, scope.language, tuple(item.elements)))
