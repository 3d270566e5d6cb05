"""A page of a listing for people: semantic HTML that needs no script."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final, Protocol

import nh3
from markupsafe import Markup

from app.hygiene import clean, printable
from app.instants import format_instant
from app.listings.listing import Item, Listing
from app.records import Record
from app.representations import Alternate, Links, templating
from app.representations.page import in_words

# What is asked for beside the filters: how much is shown of what, and in which order.
_NO_FILTERS: Final = frozenset({"q", "sort", "limit", "fields", "include", "slug"})
# These are for `q` alone.
_OF_SEARCHES: Final = frozenset({"q", "sort"})


class Form(Protocol):
    """A form of listings, as far as a page leads to it."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def suffix(self) -> str:
        """What the path of a page ends in."""

    @property
    def media_type(self) -> str:
        """What it is."""

    @property
    def subscribed(self) -> bool:
        """Whether readers come back to it, to its first page."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An article as the page shows it. What is found in it is marked."""

    record: Record
    links: Links
    title: str
    summary: str
    passage: str
    published: str
    published_words: str


def with_links_to(others: Iterable[Form]) -> Callable[[Listing], bytes]:
    """Return the function that renders a page with links to those other forms of it."""
    forms = tuple(others)

    def render(listing: Listing) -> bytes:
        """Return the page as UTF-8."""
        return templating.render(
            "listing.html",
            listing=listing,
            title=printable(listing.title),
            items=[_shown(item) for item in listing.items],
            others=[_alternate(listing, form) for form in forms],
            q=printable(" ".join(listing.filters.get("q", ()))),
            filters=list(_filters(listing)),
            kept=[pair for pair in listing.asked if pair[0] not in _OF_SEARCHES],
        )

    return render


def _alternate(listing: Listing, form: Form) -> Alternate:
    query = listing.start if form.subscribed else None
    return Alternate(form.name, form.media_type, listing.url(form.suffix, query))


def _filters(listing: Listing) -> Iterator[str]:
    """Yield in words what the page is narrowed to, beyond what its path says."""
    asked = [pair for pair in listing.asked if pair[0] not in _NO_FILTERS]
    for name, pairs in groupby(asked, key=itemgetter(0)):
        field, _, way = name.partition(".")
        values = (" and " if way == "all" else " or ").join(value for _, value in pairs)
        yield printable(f"{field.replace('_', ' ')}: {'not ' if way == 'not' else ''}{values}")


def _shown(item: Item) -> Shown:
    record = clean(item.record)
    found = {name: _marked(text) for name, text in item.highlights.items()}
    return Shown(
        record,
        item.links,
        title=found.get("title", record.title),
        summary=found.get("summary", record.summary.strip()),
        passage=found.get("body", ""),
        published=format_instant(record.published_at),
        published_words=in_words(record.published_at),
    )


def _marked(text: str) -> Markup:
    """Return a piece of HTML in which words are marked, and nothing else is, whatever it was."""
    return Markup(nh3.clean(printable(text), tags={"mark"}, attributes={}))  # noqa: S704
