"""What RSS, Atom and JSON Feed say of an article, made into an item that a record can be read from.

These formats know no slug, and not every field of a record, so here is what stands for what.
Nothing is invented: what a feed does not say is missing, and the record is rejected for it.
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
"""RFC 5646, section 4.1: the tag 'und' is for what has a language that is not known."""

# Language, script, region: as RFC 5646, section 2.1.1, would have their cases.
_TAG = re.compile(r"([a-z]{2,3})(-[a-z]{4})?(-(?:[a-z]{2}|[0-9]{3}))?(?=-|$)(.*)", re.IGNORECASE)
# RFC 5646, section 2.2.1: languages of four letters and more are none yet. "English" is a name.
_NAME = re.compile(r"[a-z]{4,8}(?:-|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SyndicatedItem:
    """One article as its feed tells it. What is None or empty was not said.

    Values that came in JSON may be of any type: the record judges them. `places` says where in
    the item each field of the record is from, or would be: a step or steps of a pointer.
    """

    places: Mapping[str, str]
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
    """Return `place`, an item whose value has not been made yet, with what `story` says."""
    value: dict[str, object] = dict(story.extra or {})
    missing: dict[str, str] = {}
    places = dict(story.places) | _stand_ins(story) | {"slug": story.places["title"]}
    value.update(_said(story))
    if isinstance(story.title, str) and slug_from_title(story.title) is None:
        missing["slug"] = "gives no slug: it has no letter and no digit"
    elif story.title is not None:
        value["slug"] = (
            slug_from_title(story.title) if isinstance(story.title, str) else story.title
        )
    try:
        value.update(dict(_texts(story)))
    except HtmlConversionError as error:
        missing["body_md"] = str(error)
    return replace(place, value=value, field_pointers=places, field_errors=missing)


def normalize_language(claimed: object) -> str:
    """Return what a feed calls its language as a BCP 47 tag, UNDETERMINED where it is none."""
    if not isinstance(claimed, str):
        return UNDETERMINED
    tag = claimed.strip().replace("_", "-")
    if not is_language(tag) or _NAME.match(tag):
        return UNDETERMINED
    if parts := _TAG.fullmatch(tag):
        language, script, region, rest = parts.groups("")
        return language.lower() + script.title() + region.upper() + rest
    return tag


def resolve_url(base: str, address: str) -> str:
    """Return `address` as `base` completes it, or as it is where that leads nowhere."""
    try:
        return urljoin(base, address) if base else address
    except ValueError:
        return address


def _said(story: SyndicatedItem) -> Iterator[tuple[str, object]]:
    """Yield the fields of a record that are taken as they are."""
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


def _stand_ins(story: SyndicatedItem) -> dict[str, str]:
    """Say where the date is that stands in for one that is missing."""
    published, updated = story.places["published_at"], story.places["updated_at"]
    if story.published is None and story.updated is not None:
        return {"published_at": updated}
    return {"updated_at": published} if story.updated is None else {}


def _topics(tags: object) -> object:
    """Return `tags` as slugs, those that give none left out. What is no list is not looked at."""
    if not isinstance(tags, list | tuple):
        return tags
    slugs = (slug_from_title(tag) if isinstance(tag, str) else tag for tag in tags)
    return list(dict.fromkeys(slug for slug in slugs if slug)) if _plain(tags) else list(tags)


def _plain(tags: list[object] | tuple[object, ...]) -> bool:
    return all(isinstance(tag, str) for tag in tags)


def _texts(story: SyndicatedItem) -> Iterator[tuple[str, str]]:
    """Yield the body and the summary. Where there is no content, the summary is the body."""
    body = story.content or story.summary
    if body is None or not body.text.strip():
        return
    link = story.link if isinstance(story.link, str) else ""
    yield "body_md", to_markdown(body._replace(base=resolve_url(link, body.base)))
    yield "summary", to_text(story.summary) if story.content and story.summary else ""
