"""A page of a listing as JSON (RFC 8259): an envelope around records."""

from dataclasses import asdict

from pydantic_core import to_json

from app.representations.article import json_record
from app.representations.listing.model import Listing, ListingItem


def render(listing: Listing) -> bytes:
    """Return the items, the URLs of neighbouring pages, and the parameters as understood."""
    envelope: dict[str, object] = {
        "items": [_item(item, listing) for item in listing.items],
        "next": None if listing.next is None else listing.url(".json", listing.next),
        "prev": None if listing.prev is None else listing.url(".json", listing.prev),
        "filters": {name: list(values) for name, values in listing.filters.items()},
        "sort": listing.sort,
        "limit": listing.limit,
    }
    if listing.total is not None:
        envelope["total"] = asdict(listing.total)
    if listing.facets is not None:
        envelope["facets"] = asdict(listing.facets)
    if listing.missing:
        envelope["missing"] = [asdict(each) for each in listing.missing]
    return to_json(envelope)


def item_fields(item: ListingItem, listing: Listing) -> dict[str, object]:
    """Return the requested fields of an item in order, for `to_json`."""
    members = json_record.core_fields(item.record, item.links)
    for name in listing.excluded_fields:
        del members[name]
    return members


def _item(item: ListingItem, listing: Listing) -> dict[str, object]:
    members = item_fields(item, listing)
    if item.highlights:
        members["highlights"] = dict(item.highlights)
    return members
