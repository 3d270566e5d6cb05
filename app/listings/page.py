"""A page of a listing for people: semantic HTML that needs no script."""

from dataclasses import dataclass
from functools import partial

from markupsafe import Markup

from app.hygiene import clean
from app.instants import format_instant
from app.listings.listing import Item, Listing
from app.records import Record
from app.representations import Links, templating
from app.representations.page import in_words


@dataclass(frozen=True, slots=True)
class Shown:
    """An article as the page shows it."""

    record: Record
    links: Links
    title: str
    summary: str
    passage: str
    published: str
    published_words: str


def render(listing: Listing, others: object = ()) -> bytes:
    """Return the page as UTF-8; `others` are the forms it links to."""
    return templating.render(
        "listing.html",
        listing=listing,
        items=[_shown(item) for item in listing.items],
        others=others,
        q=" ".join(listing.filters.get("q", ())),
    )


def _shown(item: Item) -> Shown:
    record = clean(item.record)
    # Highlights are HTML already, all of it escaped but the marks.
    found = {name: Markup(text) for name, text in item.highlights.items()}  # noqa: S704
    return Shown(
        record,
        item.links,
        found.get("title", record.title),
        found.get("summary", record.summary),
        found.get("body", ""),
        format_instant(record.published_at),
        in_words(record.published_at),
    )


def with_links_to(others: object) -> partial[bytes]:
    """Return the function that renders a page with links to those other forms of it."""
    return partial(render, others=others)
