"""One page of a listing of articles, with its position in the listing."""

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
    """An article in a listing.

    `record` is as it was loaded. `highlights` maps fields to HTML excerpts in which each word that
    a search found is in a `mark` element. They contain no other markup.
    """

    record: Record
    links: Links
    highlights: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Total:
    """How many articles a listing has in all. If not `exact`, there are at least that many."""

    value: int
    exact: bool


@dataclass(frozen=True, slots=True)
class UnresolvedSlug:
    """A requested slug that has no article: its HTTP status, and the URL the article has now."""

    slug: str
    status: int
    url: str | None = None


@dataclass(frozen=True)
class Listing:
    """One page of a listing.

    `path` is the bare path, such as /topics/technology, and `query` the query string of this page,
    or "". `next` and `prev` are the query strings of the neighbouring pages, or None at the ends.
    `filters` maps parameters to their values as understood. `fields` are the fields of a record
    that JSON shows. `missing` are requested slugs without an article.
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
        """The latest update of the items."""
        return max((item.record.updated_at for item in self.items), default=None)

    @cached_property
    def filter_params(self) -> list[tuple[str, str]]:
        """The parameters of the query except the cursor."""
        pairs = parse_qsl(self.query, keep_blank_values=True)
        return [(name, value) for name, value in pairs if name != "cursor"]

    @cached_property
    def first_page_query(self) -> str:
        """The query string of the first page."""
        return urlencode(self.filter_params) if "cursor" in self.query else self.query

    @cached_property
    def excluded_fields(self) -> frozenset[str]:
        """The fields of a record that JSON does not show."""
        return frozenset(FIELDS) - self.fields

    def url(self, suffix: str = "", query: str | None = None) -> str:
        """Return the absolute URL of this page, or of the page with `query`."""
        query_string = self.query if query is None else query
        return f"{self.site.base_url}{self.path}{suffix}" + (
            f"?{query_string}" if query_string else ""
        )
