"""JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, BinaryIO, Final

from app.article.record import Fault, Record
from app.feeds.byte_scanner import ByteScanner
from app.feeds.entries import ITEM_BYTES, FeedItem, MalformedFeedError, Rejected
from app.feeds.html_to_markdown import TextConstruct
from app.feeds.json_stream import error_at, read_array, read_members, read_value
from app.feeds.syndication_mapping import SyndicatedItem, to_feed_item

_PLACES: Final = {
    "title": "/title",
    "canonical_source": "/url",
    "guid": "/id",
    "published_at": "/date_published",
    "updated_at": "/date_modified",
    "topics": "/tags",
    "lang": "/language",
    "summary": "/summary",
}
_READ: Final = frozenset(
    {"id", "url", "title", "content_html", "content_text", "summary", "date_published",
     "date_modified", "tags", "language"}
)  # fmt: skip
_TAKEN: Final = _READ | frozenset(Record.model_fields) | {"alternates", "guid"}


def read(
    stream: BinaryIO, item_bytes: int = ITEM_BYTES
) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
    """Read the items, as `Reader` says. Pointers are "/items/0" and so on.

    Of what stands beside them only the language is read, where it comes before them.
    """
    window = ByteScanner(stream)
    first = window.peek()
    if not first:
        raise MalformedFeedError(1, 1, "the feed is empty")
    if first != b"{":
        raise error_at(window, "a JSON Feed is an object", form="a JSON Feed")
    language: object = None
    found = False
    for name in read_members(window, item_bytes):
        if name != "items":
            said = read_value(window, "", item_bytes)
            if name == "language" and isinstance(said, FeedItem):
                language = said.value
            continue
        if found or window.peek() != b"[":
            raise error_at(window, "one array of items is expected", form="a JSON Feed")
        found = True
        for piece in read_array(window, "/items", item_bytes):
            yield _item(piece, language) if isinstance(piece, FeedItem) else piece
    if not found:
        raise error_at(window, "it has no items", form="a JSON Feed")
    if window.peek():
        raise error_at(window, "more follows behind the end of the document")


def _item(item: FeedItem, language: object) -> FeedItem | Rejected:
    if not isinstance(item.value, dict):
        reason = "an item of a JSON Feed is a JSON object"
        return Rejected(item.line, None, (Fault(item.pointer, reason),))
    made = to_feed_item(item, _story(item.value, language))
    if wrong := next(_no_text(item.value), None):
        kept = {**_mapping(made.value), "body_md": item.value[wrong]}
        return replace(
            made,
            value=kept,
            field_pointers={**made.field_pointers, "body_md": f"/{wrong}"},
            field_errors={},
        )
    return made


def _story(said: Mapping[str, Any], language: object) -> SyndicatedItem:
    content = "content_html" if said.get("content_html") is not None else "content_text"
    given = said.get(content) is not None
    return SyndicatedItem(
        places={**_PLACES, "body_md": f"/{content if given else 'content_html'}"},
        title=said.get("title"),
        link=said.get("url"),
        guid=said.get("id"),
        published=said.get("date_published"),
        updated=said.get("date_modified"),
        tags=said.get("tags"),
        language=language if said.get("language") is None else said["language"],
        content=_prose(said.get(content), markup=content == "content_html"),
        summary=_prose(said.get("summary"), markup=False),
        # What is not known here is kept under its own name, unless a record means that otherwise.
        extra={name: part for name, part in said.items() if name not in _TAKEN},
    )


def _prose(text: object, *, markup: bool) -> TextConstruct | None:
    return TextConstruct(text, markup) if isinstance(text, str) and text.strip() else None


def _no_text(said: Mapping[str, Any]) -> Iterator[str]:
    """Yield what should be text and is not."""
    for name in ("content_html", "content_text", "summary"):
        if said.get(name) is not None and not isinstance(said[name], str):
            yield name


def _mapping(read_value: object) -> Mapping[str, object]:
    return read_value if isinstance(read_value, dict) else {}
