"""Listing -> bytes, one sibling for each format, and FORMATS, the table all else is derived from.

A new form of listings is one module here and one row in the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.listings import lines, page_json
from app.listings.listing import Count, Facets, Item, Listing, Missing, Total

__all__ = [
    "BY_MEDIA_TYPE",
    "BY_NAME",
    "BY_SUFFIX",
    "FORMATS",
    "Count",
    "Facets",
    "Format",
    "Item",
    "Listing",
    "Missing",
    "Total",
]


@dataclass(frozen=True, slots=True)
class Format:
    """One form of a page. `suffix` is what its path ends in beyond the listing's own.

    `with_bodies` says that it shows articles in full, so that their bodies must be read.
    """

    name: str
    suffix: str
    media_type: str
    content_type: str
    render: Callable[[Listing], bytes]
    with_bodies: bool = False


# In the order of the site's own preference.
FORMATS: Final = (
    Format("json", ".json", "application/json", "application/json", page_json.render),
    Format("ndjson", ".ndjson", "application/x-ndjson", "application/x-ndjson", lines.render),
)
BY_NAME: Final = {form.name: form for form in FORMATS}
BY_MEDIA_TYPE: Final = {form.media_type: form for form in FORMATS}
# The longest first: one suffix may end in another.
BY_SUFFIX: Final = {
    form.suffix: form
    for form in sorted(FORMATS, key=lambda form: len(form.suffix), reverse=True)
    if form.suffix
}
