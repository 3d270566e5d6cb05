"""A listing as NDJSON: one record a line, the JSON of each article."""

from pydantic_core import to_json

from app.representations.listing.json_page import item_fields
from app.representations.listing.model import Listing


def render(listing: Listing) -> bytes:
    """Return the items of `listing` as lines, with those of their fields that were asked for."""
    return b"".join([to_json(item_fields(item, listing)) + b"\n" for item in listing.items])
