"""An XML feed as a stream of its items (XML 1.0, Namespaces in XML 1.0).

Of an item, the elements that its feed format names are kept until the item ends. Everything else
is discarded while it is read.
"""

import codecs
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple

from app.article.record import Fault
from app.feeds.byte_scanner import CHUNK_BYTES
from app.feeds.entries import ITEM_BYTES, FeedItem, MalformedFeedError, Rejected
from app.feeds.safe_expat import create_parser, error_at, parse
from app.feeds.syndication_mapping import resolve_url
from app.feeds.xml_items import ItemBuilder, XmlItem
from app.text import excerpt

MAX_DEPTH: Final = 200
"""How deep elements may nest: the parser remembers all open ones."""

_XML: Final = "http://www.w3.org/XML/1998/namespace"
_WHITESPACE: Final = b" \t\r\n" + codecs.BOM_UTF8


class XmlFeedSchema(NamedTuple):
    """Where a feed format has its items, and which of their elements are read.

    `path` names the elements from the root to an item. `prefixes` maps a namespace to the prefix
    used here, "" for none. `item_elements` are read from each item, and `language_elements` from
    the item's parent: they name the language of the feed.
    """

    path: tuple[str, ...]
    prefixes: Mapping[str, str]
    item_elements: frozenset[str]
    language_elements: frozenset[str] = frozenset()

    def qualified_name(self, triplet: str) -> str:
        """Return the name of an element with the prefix that is used here."""
        *namespace, local = triplet.split("\n")[:2]
        prefix = self.prefixes.get(namespace[0] if namespace else "", "*")
        return f"{prefix}:{local}" if prefix else local


def read(
    stream: BinaryIO, schema: XmlFeedSchema, limit: int = ITEM_BYTES
) -> Iterator[XmlItem | Rejected]:
    """Read the items of the document. Raises MalformedFeedError where it is not well-formed."""
    parser = _ItemParser(schema, limit)
    try:
        while chunk := stream.read(CHUNK_BYTES):
            parser.feed(chunk)
            yield from parser.pop_items()
        parser.close()
    except MalformedFeedError:
        yield from parser.pop_items()
        raise


class _OpenElement(NamedTuple):
    """What holds within an open element, and whether it is on the path to the items."""

    on_path: bool
    language: str | None
    base: str


class _ItemParser:
    """Collects the items of a document that arrives in chunks."""

    def __init__(self, schema: XmlFeedSchema, limit: int) -> None:
        self._schema = schema
        self._limit = limit
        self._open: list[_OpenElement] = []
        self._fed = 0
        self._is_blank = True
        self._count = 0
        self._item: ItemBuilder | None = None
        self._language: ItemBuilder | None = None  # an open element that names the feed's language
        self._done: list[XmlItem | Rejected] = []
        self._parser = parser = create_parser(self._start)
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    def feed(self, chunk: bytes) -> None:
        """Parse the next bytes. Raises MalformedFeedError."""
        self._is_blank = self._is_blank and not chunk.strip(_WHITESPACE)
        parse(self._parser, chunk, last=False)
        self._fed += len(chunk)
        if self._fed - self._parser.CurrentByteIndex > self._limit:
            raise error_at(self._parser, f"a tag or a comment is larger than {self._limit} bytes")

    def close(self) -> None:
        """Finish parsing. Raises MalformedFeedError if the document is incomplete."""
        if self._is_blank:
            raise MalformedFeedError(1, 1, "the feed is empty")
        parse(self._parser, b"", last=True)

    def pop_items(self) -> list[XmlItem | Rejected]:
        """Return the items that have ended since the last call."""
        done, self._done = self._done, []
        return done

    def _start(self, triplet: str, attributes: dict[str, str]) -> None:
        depth, item_depth = len(self._open), len(self._schema.path) - 1
        if depth >= MAX_DEPTH:
            raise error_at(self._parser, f"elements are nested deeper than {MAX_DEPTH} levels")
        name = self._schema.qualified_name(triplet)
        outer = self._open[-1] if self._open else _OpenElement(True, None, "")  # noqa: FBT003 - a record
        on_path = outer.on_path and depth <= item_depth and name == self._schema.path[depth]
        if depth == 0 and not on_path:
            found, root = excerpt(triplet.split("\n")[:2][-1]), self._schema.path[0]
            raise error_at(self._parser, f"the root element is <{found}>, not <{root}>")
        base = resolve_url(outer.base, attributes.get(f"{_XML}\nbase\nxml", ""))
        language = attributes.get(f"{_XML}\nlang\nxml", outer.language)
        self._open.append(_OpenElement(on_path, language, base))
        if on_path and depth == item_depth:
            self._count += 1
            self._item = self._builder(self._schema.item_elements)
        elif self._item:
            self._item.start(name, attributes, base, depth - item_depth)
            self._check_size(self._item)
        elif outer.on_path and depth == item_depth and name in self._schema.language_elements:
            self._language = self._builder(self._schema.language_elements)
            self._language.start(name, {}, "", 1)

    def _end(self, _triplet: str) -> None:
        element = self._open.pop()
        depth, item_depth = len(self._open), len(self._schema.path) - 1
        if element.on_path and depth == item_depth:
            self._finish_item(element.language)
        elif self._item:
            self._item.end(depth - item_depth)
        elif self._language and depth == item_depth:
            self._language.end(1)
            for named in self._language.elements:
                self._open[-1] = self._open[-1]._replace(language=named.text)
            self._language = None

    def _text(self, text: str) -> None:
        if builder := self._item or self._language:
            builder.text(text)
            self._check_size(builder)

    def _builder(self, names: frozenset[str]) -> ItemBuilder:
        return ItemBuilder(names, self._parser.CurrentLineNumber, self._parser.CurrentByteIndex)

    def _check_size(self, item: ItemBuilder) -> int:
        """Return how many bytes `item` has so far, and discard it if they are too many."""
        size = self._parser.CurrentByteIndex - item.offset
        if size > self._limit:
            item.discard(f"larger than {self._limit} bytes")
        return size

    def _finish_item(self, language: str | None) -> None:
        item, self._item = self._item, None
        assert item is not None  # noqa: S101 - its start tag was on the path as its end tag is
        size = self._check_size(item)
        pointer = "/" + "/".join(self._schema.path) + f"[{self._count}]"
        if item.rejection:
            line, column = self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1
            reason = f"{item.rejection}; it ends at line {line}, column {column}"
            self._done.append(Rejected(item.line, None, (Fault(pointer, reason),)))
        else:
            place = FeedItem(item.line, pointer, None, size)
            self._done.append(XmlItem(place, language, tuple(item.elements)))
