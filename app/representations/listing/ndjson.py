"""A listing as NDJSON: the record of one article on each line."""

from pydantic_core import to_json

from app.representations.listing.json_page import item_fields
from app.representations.listing.model import Listing


def render(listing: Listing) -> bytes:
    """Return the items of `listing` as lines, with the requested fields."""
    return b"".join([to_json(item_fields(item, listing)) + b"\n" for item in listing.items])
