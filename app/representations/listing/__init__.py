"""The representations of a listing: one module for each format, and the table FORMATS.

A new representation is one module and one row.
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
"""Fields that are read from the database only by formats that show them.

Bodies are most of the data, and reading entities took a third of the statement's time.
"""


@dataclass(frozen=True, slots=True)
class ListingFormat:
    """One format of a page. `suffix` is the end of its path, after the listing's own.

    `large_fields` are those of a record's LARGE_FIELDS that it shows, or None if the request
    chooses them. Every page links to the first page of a format that `is_feed`, because clients
    poll it. `has_highlights` says whether it shows the matches of a search.
    """

    name: str
    suffix: str
    media_type: str
    content_type: str
    render: Callable[[Listing], bytes]
    large_fields: frozenset[str] | None = frozenset()
    is_feed: bool = False
    has_highlights: bool = False

    def unused_fields(self, requested: frozenset[str]) -> frozenset[str]:
        """Return the fields that need not be read if the request asks for those in `requested`."""
        return LARGE_FIELDS - (requested if self.large_fields is None else self.large_fields)


_IN_FULL = frozenset({"body_md", "topics"})


def _feed(
    name: str, suffix: str, media_type: str, charset: str, render: Callable[[Listing], bytes]
) -> ListingFormat:
    content_type = media_type + charset
    return ListingFormat(name, suffix, media_type, content_type, render, _IN_FULL, is_feed=True)


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
# In the site's order of preference.
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
