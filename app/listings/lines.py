"""A listing as NDJSON: one record a line, the JSON of each article."""

import json

from app.listings.listing import Listing
from app.listings.page_json import shown


def render(listing: Listing) -> bytes:
    """Return the items of `listing` as lines, with those of their fields that were asked for."""
    lines = (
        json.dumps(shown(item, listing), ensure_ascii=False, separators=(",", ":")) + "\n"
        for item in listing.items
    )
    return "".join(lines).encode()
