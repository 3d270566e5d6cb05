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

_FIELD_POINTERS: Final = {
    "title": "/title",
    "canonical_source": "/url",
    "guid": "/id",
    "published_at": "/date_published",
    "updated_at": "/date_modified",
    "topics": "/tags",
    "lang": "/language",
    "summary": "/summary",
}
_MAPPED: Final = frozenset(
    {"id", "url", "title", "content_html", "content_text", "summary", "date_published",
     "date_modified", "tags", "language"}
)  # fmt: skip
_NOT_EXTRA: Final = _MAPPED | frozenset(Record.model_fields) | {"alternates", "guid"}


def read(
    stream: BinaryIO, item_bytes: int = ITEM_BYTES
) -> Iterator[FeedItem | Rejected | MalformedFeedError]:
    """Parse the items, see `FeedParser`. Pointers are "/items/0" and so on.

    Of the feed's other members only `language` is used, if it comes before the items.
    """
    scanner = ByteScanner(stream)
    first = scanner.peek()
    if not first:
        raise MalformedFeedError(1, 1, "the feed is empty")
    if first != b"{":
        raise error_at(scanner, "a JSON Feed must be an object", form="a JSON Feed")
    language: object = None
    found = False
    for name in read_members(scanner, item_bytes):
        if name != "items":
            member = read_value(scanner, "", item_bytes)
            if name == "language" and isinstance(member, FeedItem):
                language = member.value
            continue
        if found or scanner.peek() != b"[":
            raise error_at(scanner, "expected one array of items", form="a JSON Feed")
        found = True
        for item in read_array(scanner, "/items", item_bytes):
            yield _item(item, language) if isinstance(item, FeedItem) else item
    if not found:
        raise error_at(scanner, "it has no items", form="a JSON Feed")
    if scanner.peek():
        raise error_at(scanner, "unexpected data after the end of the document")


def _item(item: FeedItem, language: object) -> FeedItem | Rejected:
    if not isinstance(item.value, dict):
        reason = "an item of a JSON Feed must be a JSON object"
        return Rejected(item.line, None, (Fault(item.pointer, reason),))
    made = to_feed_item(item, _syndicated(item.value, language))
    if wrong := next(_not_text(item.value), None):
        kept = {**_mapping(made.value), "body_md": item.value[wrong]}
        return replace(
            made,
            value=kept,
            field_pointers={**made.field_pointers, "body_md": f"/{wrong}"},
            field_errors={},
        )
    return made


def _syndicated(item: Mapping[str, Any], language: object) -> SyndicatedItem:
    content = "content_html" if item.get("content_html") is not None else "content_text"
    has_content = item.get(content) is not None
    return SyndicatedItem(
        field_pointers={
            **_FIELD_POINTERS,
            "body_md": f"/{content if has_content else 'content_html'}",
        },
        title=item.get("title"),
        link=item.get("url"),
        guid=item.get("id"),
        published=item.get("date_published"),
        updated=item.get("date_modified"),
        tags=item.get("tags"),
        language=language if item.get("language") is None else item["language"],
        content=_text_construct(item.get(content), is_html=content == "content_html"),
        summary=_text_construct(item.get("summary"), is_html=False),
        # Unknown members are kept under their own names, unless a record has a field of that name.
        extra={name: part for name, part in item.items() if name not in _NOT_EXTRA},
    )


def _text_construct(text: object, *, is_html: bool) -> TextConstruct | None:
    return TextConstruct(text, is_html) if isinstance(text, str) and text.strip() else None


def _not_text(item: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of text members that have another type."""
    for name in ("content_html", "content_text", "summary"):
        if item.get(name) is not None and not isinstance(item[name], str):
            yield name


def _mapping(read_value: object) -> Mapping[str, object]:
    return read_value if isinstance(read_value, dict) else {}
