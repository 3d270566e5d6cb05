"""The mapping of an item of RSS, Atom or JSON Feed to the fields of a record.

These formats have no slug and lack other fields of a record. Nothing is invented: what a feed does
not contain is missing, and the record is rejected for it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urljoin

from app.article.record import is_language
from app.feeds.entries import FeedItem
from app.feeds.html_to_markdown import HtmlConversionError, TextConstruct, to_markdown, to_text
from app.feeds.slug_from_title import slug_from_title

UNDETERMINED: Final = "und"
"""RFC 5646, section 4.1: the tag for content whose language is not known."""

# Language, script and region, whose cases RFC 5646, section 2.1.1, recommends.
_TAG = re.compile(r"([a-z]{2,3})(-[a-z]{4})?(-(?:[a-z]{2}|[0-9]{3}))?(?=-|$)(.*)", re.IGNORECASE)
# RFC 5646, section 2.2.1: no language tag of four or more letters is in use. "English" is a name.
_NAME = re.compile(r"[a-z]{4,8}(?:-|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SyndicatedItem:
    """One article as its feed describes it. A field that the feed does not have is None or empty.

    Values from JSON may be of any type: the record validates them. `field_pointers` maps each field
    of the record to the pointer, within the item, where its value is or would be.
    """

    field_pointers: Mapping[str, str]
    title: object = None
    link: object = None
    guid: object = None
    published: object = None
    updated: object = None
    tags: object = None
    language: object = None
    content: TextConstruct | None = None
    summary: TextConstruct | None = None
    extra: Mapping[str, object] | None = None


def to_feed_item(place: FeedItem, story: SyndicatedItem) -> FeedItem:
    """Return `place`, an item without a value, with the fields of a record taken from `story`."""
    value: dict[str, object] = dict(story.extra or {})
    errors: dict[str, str] = {}
    pointers = (
        dict(story.field_pointers) | _date_pointers(story) | {"slug": story.field_pointers["title"]}
    )
    value.update(_plain_fields(story))
    if isinstance(story.title, str) and slug_from_title(story.title) is None:
        errors["slug"] = "has no letter or digit to make a slug of"
    elif story.title is not None:
        value["slug"] = (
            slug_from_title(story.title) if isinstance(story.title, str) else story.title
        )
    try:
        value.update(dict(_text_fields(story)))
    except HtmlConversionError as error:
        errors["body_md"] = str(error)
    return replace(place, value=value, field_pointers=pointers, field_errors=errors)


def normalize_language(claimed: object) -> str:
    """Return a feed's language as a BCP 47 tag, or UNDETERMINED if it is not one."""
    if not isinstance(claimed, str):
        return UNDETERMINED
    tag = claimed.strip().replace("_", "-")
    if not is_language(tag) or _NAME.match(tag):
        return UNDETERMINED
    if parts := _TAG.fullmatch(tag):
        language, script, region, rest = parts.groups("")
        return language.lower() + script.title() + region.upper() + rest
    return tag


def resolve_url(base: str, url: str) -> str:
    """Return `url` resolved against `base`, or unchanged if that is not possible."""
    try:
        return urljoin(base, url) if base else url
    except ValueError:
        return url


def _plain_fields(story: SyndicatedItem) -> Iterator[tuple[str, object]]:
    """Yield the fields of a record that need no conversion."""
    yield "lang", normalize_language(story.language)
    published = story.updated if story.published is None else story.published
    updated = story.published if story.updated is None else story.updated
    for name, value in (
        ("title", story.title),
        ("canonical_source", story.link),
        ("guid", story.guid),
        ("published_at", published),
        ("updated_at", updated),
        ("topics", _topics(story.tags)),
    ):
        if value is not None:
            yield name, value


def _date_pointers(story: SyndicatedItem) -> dict[str, str]:
    """Return the pointer of the date that is used in place of a missing one."""
    published, updated = story.field_pointers["published_at"], story.field_pointers["updated_at"]
    if story.published is None and story.updated is not None:
        return {"published_at": updated}
    return {"updated_at": published} if story.updated is None else {}


def _topics(tags: object) -> object:
    """Return `tags` as slugs, without tags that give none. Other types are left to the record."""
    if not isinstance(tags, list | tuple):
        return tags
    if not all(isinstance(tag, str) for tag in tags):
        return list(tags)
    return list(dict.fromkeys(slug for slug in map(slug_from_title, tags) if slug))


def _text_fields(story: SyndicatedItem) -> Iterator[tuple[str, str]]:
    """Yield the body and the summary. Without content, the summary is the body."""
    body = story.content or story.summary
    if body is None or not body.text.strip():
        return
    link = story.link if isinstance(story.link, str) else ""
    yield "body_md", to_markdown(body._replace(base=resolve_url(link, body.base)))
    yield "summary", to_text(story.summary) if story.content and story.summary else ""
