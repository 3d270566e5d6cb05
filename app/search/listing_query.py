"""What a listing is asked for: the parameters of its query, read, or refused with a reason.

One plain syntax for all filters: values of one parameter are alternatives (`topic=a&topic=b`), with
`.all` each of them is wanted (`topic.all=a&topic.all=b`), and with `.not` none of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, Literal
from urllib.parse import urlencode

from app.article.record import Record, is_language, is_slug
from app.article.timestamps import format_instant, parse_instant
from app.http import query_params
from app.http.query_params import InvalidParameter, InvalidQueryError
from app.text import excerpt

Facet = Literal["topic", "entity", "lang", "source"]

LIMIT: Final = 20
LIMIT_AT_MOST: Final = 100
VALUES_AT_MOST: Final = 20
SEARCH_LENGTH: Final = 300
SORTS: Final = ("-published_at", "published_at", "-updated_at", "updated_at")
SEARCH_SORTS: Final = ("relevance", "-published_at", "published_at")
INCLUDABLE: Final = ("body", "total", "facets")
_COUNTED: Final = {"total", "facets"}
FIELDS: Final = (
    *(name for name in Record.model_fields if name not in {"claims", "upkeep", "extra"}),
    "url",
    "alternates",
)
"""The fields of a record that `fields` may name."""

_BRIEF: Final = frozenset(FIELDS) - {"body_md"}
_SPANS: Final = ("published_from", "published_to", "updated_from", "updated_to")
_FACETS: Final[tuple[Facet, ...]] = ("topic", "entity", "lang", "source")
_LISTS: Final = (
    *(f"{facet}{suffix}" for facet in _FACETS[:2] for suffix in ("", ".all", ".not")),
    *(f"{facet}{suffix}" for facet in _FACETS[2:] for suffix in ("", ".not")),
)
_AS_READ: Final = ("q", "sort", "limit", "cursor", "fields", "include")
_HOST_LENGTH: Final = 255


@dataclass(frozen=True)
class ListingQuery:
    """What is asked for. Lists of values are by facet; spans are half open, [from, to)."""

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

    @cached_property
    def filters(self) -> dict[str, tuple[str, ...]]:
        """The filters as they were understood, by their parameters."""
        lists = {
            f"{facet}{suffix}": kept[facet]
            for facet in _FACETS
            for suffix, kept in (("", self.any_of), (".all", self.all_of), (".not", self.none_of))
            if kept.get(facet)
        }
        spans = {name: (format_instant(at),) for name, at in self.spans.items()}
        return lists | spans | ({"q": (self.q,)} if self.q else {})

    @cached_property
    def query(self) -> str:
        """What is asked for as a query, in one spelling, but for the place in it."""
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
        """Whether a page is asked for, and nothing that must be looked up or counted."""
        named = self.any_of, self.all_of, self.none_of, self.q, self.slugs
        return not (any(named) or self.include & _COUNTED)

    @property
    def shown(self) -> frozenset[str]:
        """The fields of a record that the items have."""
        body = {"body_md"} if "body" in self.include else set()
        return (self.fields or _BRIEF) | body

    @property
    def order(self) -> str:
        """What a position in it depends on: another page's cursor is good for no other."""
        return "&".join(filter(None, (self._narrowed, f"={self.sort}")))

    @cached_property
    def _narrowed(self) -> str:
        return urlencode([(name, value) for name, vs in self.filters.items() for value in vs])


def parse(pairs: Iterable[tuple[str, str]]) -> ListingQuery:
    """Read the pairs of a query. Raises InvalidQueryError, which names each fault."""
    values, faults = query_params.read(pairs, _READERS)
    faults += _together(values)
    if faults:
        raise InvalidQueryError(faults)
    return _selection(values)


def _selection(values: Mapping[str, object]) -> ListingQuery:
    def listed(suffix: str) -> dict[Facet, tuple[str, ...]]:
        return {f: values[f + suffix] for f in _FACETS if f + suffix in values}  # type: ignore[misc] # the readers give tuples

    asked: dict[str, object] = {
        "any_of": listed(""),
        "all_of": listed(".all"),
        "none_of": listed(".not"),
        "spans": {name: values[name] for name in _SPANS if name in values},
        "slugs": values.get("slug", ()),
    }
    if values.get("q"):
        asked["sort"] = SEARCH_SORTS[0]
    asked |= {name: values[name] for name in _AS_READ if name in values}
    return ListingQuery(**asked)  # type: ignore[arg-type] # each by its reader


def _together(values: Mapping[str, object]) -> Iterable[InvalidParameter]:
    """Yield what cannot be asked for together."""
    sort = values.get("sort")
    if values.get("q"):
        if sort is not None and sort not in SEARCH_SORTS:
            yield InvalidParameter("sort", f"with q it is one of {', '.join(SEARCH_SORTS)}")
    elif sort == "relevance":
        yield InvalidParameter("sort", f"without q it is one of {', '.join(SORTS)}")
    if "slug" in values:
        for name in values.keys() - {"slug", "fields", "include"}:
            yield InvalidParameter(name, "goes with no slug")


def _host(value: str) -> bool:
    return 0 < len(value) <= _HOST_LENGTH and value.isprintable() and "/" not in value


def _named(known: tuple[str, ...]) -> Callable[[list[str]], frozenset[str]]:
    def read(values: list[str]) -> frozenset[str]:
        names = frozenset(name for value in values for name in value.split(",") if name)
        if unknown := sorted(names - set(known)):
            raise ValueError(f"{excerpt(unknown[0])!r} is none of {', '.join(known)}")
        return names

    return read


def _instant(values: list[str]) -> datetime:
    text = query_params.one(values)
    try:
        if len(text) == len("2026-01-01"):
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        found = parse_instant(text)
    except ValueError:
        found = None
    if not isinstance(found, datetime):
        raise ValueError(  # noqa: TRY004 - what a client sent is read here
            "must be an instant, such as 2026-06-23T23:00:06Z, or a date, which begins at 00:00Z"
        )
    return found


def _search(values: list[str]) -> str:
    text = " ".join(query_params.one(values).split())
    if len(text) > SEARCH_LENGTH:
        raise ValueError(f"{len(text)} characters, and at most {SEARCH_LENGTH} are allowed")
    return text


def _hosts(values: list[str]) -> tuple[str, ...]:
    return query_params.several(_host, "host", VALUES_AT_MOST)([value.lower() for value in values])


_CHECKS: Final[Mapping[Facet, Callable[[list[str]], tuple[str, ...]]]] = {
    "topic": query_params.several(is_slug, "slug", VALUES_AT_MOST),
    "entity": query_params.several(is_slug, "slug", VALUES_AT_MOST),
    "lang": query_params.several(is_language, "BCP 47 language tag", VALUES_AT_MOST),
    "source": _hosts,
}
_READERS: Final[Mapping[str, query_params.Reader]] = {
    **{name: _CHECKS[facet] for facet in _FACETS for name in _LISTS if name.split(".")[0] == facet},
    **dict.fromkeys(_SPANS, _instant),
    "q": _search,
    "sort": query_params.one_of(tuple(dict.fromkeys((*SORTS, *SEARCH_SORTS)))),
    "limit": query_params.number(1, LIMIT_AT_MOST),
    "cursor": query_params.one,
    "fields": _named(FIELDS),
    "include": _named(INCLUDABLE),
    "slug": query_params.several(is_slug, "slug", LIMIT_AT_MOST),
}
PARAMETERS: Final = tuple(_READERS)
