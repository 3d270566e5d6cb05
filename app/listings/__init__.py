"""Listing -> bytes, one sibling for each format, and FORMATS, the table all else is derived from.

A new form of listings is one module here and one row in the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.listings import atom, feed_json, lines, markdown_list, page, page_json, rss
from app.listings.listing import Item, Listing, Missing, Total

__all__ = [
    "BY_MEDIA_TYPE",
    "BY_NAME",
    "BY_SUFFIX",
    "FORMATS",
    "Format",
    "Item",
    "Listing",
    "Missing",
    "Total",
]


@dataclass(frozen=True, slots=True)
class Format:
    """One form of a page. `suffix` is what its path ends in beyond the listing's own.

    `with_bodies` says that it shows articles in full, so that their bodies must be read, and
    `subscribed` that readers come back to it, so that every page leads to the beginning of it, and
    `with_highlights` that it shows what was found.
    """

    name: str
    suffix: str
    media_type: str
    content_type: str
    render: Callable[[Listing], bytes]
    with_bodies: bool = False
    subscribed: bool = False
    with_highlights: bool = False


def _feed(
    name: str, suffix: str, media_type: str, charset: str, render: Callable[[Listing], bytes]
) -> Format:
    told = media_type + charset
    return Format(name, suffix, media_type, told, render, with_bodies=True, subscribed=True)


_JSON = "application/json"
_OTHERS = (
    Format("json", ".json", _JSON, _JSON, page_json.render, with_highlights=True),
    Format(
        "markdown", ".md", "text/markdown", "text/markdown; charset=utf-8", markdown_list.render
    ),
    _feed("rss", ".rss", "application/rss+xml", "; charset=utf-8", rss.render),
    _feed("atom", ".atom", "application/atom+xml", "; charset=utf-8", atom.render),
    _feed("feed", ".feed.json", "application/feed+json", "", feed_json.render),
    _feed("ndjson", ".ndjson", "application/x-ndjson", "", lines.render),
)
# In the order of the site's own preference.
FORMATS: Final = (
    Format(
        "html",
        "",
        "text/html",
        "text/html; charset=utf-8",
        page.with_links_to(_OTHERS),
        with_highlights=True,
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
