"""Listing -> bytes, one sibling for each format, and FORMATS, the table all else is derived from.

A new form of listings is one module here and one row in the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.representations.listing import atom, html, json_feed, json_page, markdown, ndjson, rss
from app.representations.listing.model import Listing, ListingItem, Total, UnresolvedSlug

__all__ = [
    "BY_MEDIA_TYPE",
    "BY_NAME",
    "BY_SUFFIX",
    "FORMATS",
    "Listing",
    "ListingFormat",
    "ListingItem",
    "Total",
    "UnresolvedSlug",
]

LARGE_FIELDS: Final = frozenset({"body_md", "topics", "entities", "claims", "extra"})
"""Fields that are read only where they are shown.

Bodies are most of what there is to read, and entities were a third of the time of the statement.
"""


@dataclass(frozen=True, slots=True)
class ListingFormat:
    """One form of a page. `suffix` is what its path ends in beyond the listing's own.

    `large_fields` are those of a record's LARGE_FIELDS that it shows, or None if the request
    chooses them. `is_feed` says that readers come back to it, so that every page leads to the
    beginning of it, and `has_highlights` that it shows what was found.
    """

    name: str
    suffix: str
    media_type: str
    content_type: str
    render: Callable[[Listing], bytes]
    large_fields: frozenset[str] | None = frozenset()
    is_feed: bool = False
    has_highlights: bool = False

    def unused_fields(self, asked: frozenset[str]) -> frozenset[str]:
        """Return the fields of a record that need not be read, where these are asked for."""
        return LARGE_FIELDS - (asked if self.large_fields is None else self.large_fields)


_IN_FULL = frozenset({"body_md", "topics"})


def _feed(
    name: str, suffix: str, media_type: str, charset: str, render: Callable[[Listing], bytes]
) -> ListingFormat:
    told = media_type + charset
    return ListingFormat(name, suffix, media_type, told, render, _IN_FULL, is_feed=True)


_JSON = "application/json"
_LINES = "application/x-ndjson"
_OTHERS = (
    ListingFormat(
        "json", ".json", _JSON, _JSON, json_page.render, large_fields=None, has_highlights=True
    ),
    ListingFormat(
        "markdown", ".md", "text/markdown", "text/markdown; charset=utf-8", markdown.render
    ),
    _feed("rss", ".rss", "application/rss+xml", "; charset=utf-8", rss.render),
    _feed("atom", ".atom", "application/atom+xml", "; charset=utf-8", atom.render),
    _feed("feed", ".feed.json", "application/feed+json", "", json_feed.render),
    ListingFormat("ndjson", ".ndjson", _LINES, _LINES, ndjson.render, None, is_feed=True),
)
# In the order of the site's own preference.
FORMATS: Final = (
    ListingFormat(
        "html",
        "",
        "text/html",
        "text/html; charset=utf-8",
        html.with_links_to(_OTHERS),
        large_fields=frozenset({"topics"}),
        has_highlights=True,
    ),
    *_OTHERS,
)
BY_NAME: Final = {form.name: form for form in FORMATS}
BY_MEDIA_TYPE: Final = {form.media_type: form for form in FORMATS}
# The longest first: one suffix may end in another.
BY_SUFFIX: Final = {
    form.suffix: form
    for form in sorted(FORMATS, key=lambda form: len(form.suffix), reverse=True)
    if form.suffix
}
