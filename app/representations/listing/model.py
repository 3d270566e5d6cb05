"""What a listing is: one page of articles, and where it stands among the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from app.article.record import Record
from app.representations.article import Links, Site
from app.search.listing_query import FIELDS
from app.store.listing.facets import Facets


class ListingItem(NamedTuple):
    """An article as a listing has it.

    `record` is as it was kept. `highlights` has, of what was searched, pieces of its fields as HTML
    in which `mark` stands around each word that was found, and nothing else is markup.
    """

    record: Record
    links: Links
    highlights: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Total:
    """How many articles a listing has in all: so many, or if not `exact` at least so many."""

    value: int
    exact: bool


@dataclass(frozen=True, slots=True)
class UnresolvedSlug:
    """A slug that was asked for and is no article's: its status, and where the article is now."""

    slug: str
    status: int
    url: str | None = None


@dataclass(frozen=True)
class Listing:
    """One page of a listing.

    `path` is the bare path, such as /topics/technology, and `query` what follows the question mark
    of this page's own address, or "". `next` and `prev` are the queries of the pages beside it, or
    None at the ends. `filters` are as they were understood, by their parameters. `fields` are the
    fields of a record that JSON has, in the order of the record. `missing` are slugs that were
    asked for in vain.
    """

    site: Site
    path: str
    query: str
    title: str
    items: Sequence[ListingItem]
    fields: frozenset[str]
    filters: Mapping[str, Sequence[str]]
    sort: str
    limit: int
    next: str | None = None
    prev: str | None = None
    total: Total | None = None
    facets: Facets | None = None
    missing: Sequence[UnresolvedSlug] = ()

    @property
    def updated_at(self) -> datetime | None:
        """When the latest of the items was updated."""
        return max((item.record.updated_at for item in self.items), default=None)

    @cached_property
    def filter_params(self) -> list[tuple[str, str]]:
        """The pairs of the query, but for the place in the listing."""
        pairs = parse_qsl(self.query, keep_blank_values=True)
        return [(name, value) for name, value in pairs if name != "cursor"]

    @cached_property
    def first_page_query(self) -> str:
        """The query of the page that the listing begins with."""
        return urlencode(self.filter_params) if "cursor" in self.query else self.query

    @cached_property
    def excluded_fields(self) -> frozenset[str]:
        """The fields of a record that JSON has not."""
        return frozenset(FIELDS) - self.fields

    def url(self, suffix: str = "", query: str | None = None) -> str:
        """Return the absolute address of a twin of this page, or of another page."""
        asked = self.query if query is None else query
        return f"{self.site.base_url}{self.path}{suffix}" + (f"?{asked}" if asked else "")
