"""A listing as NDJSON: one record a line, the JSON of each article."""

import json

from app.listings.listing import Listing
from app.representations import record_json


def render(listing: Listing) -> bytes:
    """Return the items of `listing` as lines, with those of their fields that were asked for."""
    lines = []
    for item in listing.items:
        whole = record_json.fields(item.record, item.links)
        shown = {name: value for name, value in whole.items() if name in listing.fields}
        lines.append(json.dumps(shown, ensure_ascii=False, separators=(",", ":")) + "\n")
    return "".join(lines).encode()
