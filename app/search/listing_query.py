"""A parsed request for a listing: filters, search, order, paging, and what to include."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Final, Literal, get_args
from urllib.parse import urlencode

from app.article.record import Record
from app.article.timestamps import format_instant

Facet = Literal["topic", "entity", "lang", "source"]
Sort = Literal["relevance", "-published_at", "published_at", "-updated_at", "updated_at"]

LIMIT: Final = 20
LIMIT_AT_MOST: Final = 100
SORTS: Final[tuple[Sort, ...]] = ("-published_at", "published_at", "-updated_at", "updated_at")
SEARCH_SORTS: Final[tuple[Sort, ...]] = ("relevance", "-published_at", "published_at")
INCLUDABLE: Final = ("body", "total", "facets")
FIELDS: Final = (
    *(name for name in Record.model_fields if name not in {"claims", "upkeep", "extra"}),
    "url",
    "alternates",
)
"""The fields of a record that `fields` may name."""

FACETS: Final[tuple[Facet, ...]] = get_args(Facet)
SPANS: Final = ("published_from", "published_to", "updated_from", "updated_to")

_BRIEF: Final = frozenset(FIELDS) - {"body_md"}
_COUNTED: Final = frozenset({"total", "facets"})


@dataclass(frozen=True)
class ListingQuery:
    """A request for a listing. Values are by facet; spans are half open: [from, to)."""

    any_of: Mapping[Facet, tuple[str, ...]] = field(default_factory=dict)
    all_of: Mapping[Facet, tuple[str, ...]] = field(default_factory=dict)
    none_of: Mapping[Facet, tuple[str, ...]] = field(default_factory=dict)
    spans: Mapping[str, datetime] = field(default_factory=dict)
    q: str = ""
    sort: str = SORTS[0]
    limit: int = LIMIT
    cursor: str | None = None
    fields: frozenset[str] = frozenset()
    include: frozenset[str] = frozenset()
    slugs: tuple[str, ...] = ()

    def with_slugs(self, slugs: tuple[str, ...]) -> "ListingQuery":
        """Return the query for the articles at `slugs`."""
        return replace(self, slugs=slugs)

    @cached_property
    def filters(self) -> dict[str, tuple[str, ...]]:
        """The filters that apply, by parameter, in their canonical spelling."""
        lists = {
            f"{facet}{suffix}": kept[facet]
            for facet in FACETS
            for suffix, kept in (("", self.any_of), (".all", self.all_of), (".not", self.none_of))
            if kept.get(facet)
        }
        spans = {name: (format_instant(at),) for name, at in self.spans.items()}
        return lists | spans | ({"q": (self.q,)} if self.q else {})

    @cached_property
    def query(self) -> str:
        """The canonical query string, without the cursor."""
        pairs = [("slug", slug) for slug in self.slugs]
        default = SEARCH_SORTS[0] if self.q else SORTS[0]
        if self.sort != default:
            pairs.append(("sort", self.sort))
        if self.limit != LIMIT:
            pairs.append(("limit", str(self.limit)))
        if self.fields:
            pairs.append(("fields", ",".join(name for name in FIELDS if name in self.fields)))
        pairs += [("include", name) for name in INCLUDABLE if name in self.include]
        return "&".join(filter(None, (self._narrowed, urlencode(pairs))))

    @property
    def names_nothing(self) -> bool:
        """Whether nothing must be looked up or counted for the page."""
        named = self.any_of, self.all_of, self.none_of, self.q, self.slugs
        return not (any(named) or self.include & _COUNTED)

    @property
    def shown(self) -> frozenset[str]:
        """The fields of each item."""
        body = {"body_md"} if "body" in self.include else set()
        return (self.fields or _BRIEF) | body

    @property
    def order(self) -> str:
        """What a cursor depends on: it is valid for listings with the same order only."""
        return "&".join(filter(None, (self._narrowed, f"={self.sort}")))

    @cached_property
    def _narrowed(self) -> str:
        return urlencode([(name, value) for name, vs in self.filters.items() for value in vs])
