"""Listing -> bytes, one sibling for each format, and FORMATS, the table all else is derived from.

A new form of listings is one module here and one row in the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.listings import page_json
from app.listings.listing import Item, Listing, Total

__all__ = ["BY_MEDIA_TYPE", "BY_NAME", "BY_SUFFIX", "FORMATS", "Format", "Item", "Listing", "Total"]


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
)
BY_NAME: Final = {form.name: form for form in FORMATS}
BY_MEDIA_TYPE: Final = {form.media_type: form for form in FORMATS}
BY_SUFFIX: Final = {form.suffix: form for form in FORMATS if form.suffix}
