"""What a listing is asked for: the parameters of its query, read, or refused with a reason.

It is in one file, for what a parameter means, and how it is read, are one table.

One plain syntax for all filters: values of one parameter are alternatives (`topic=a&topic=b`), with
`.all` each of them is wanted (`topic.all=a&topic.all=b`), and with `.not` none of them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Final, Literal, NamedTuple
from urllib.parse import urlencode

from app.instants import format_instant, parse_instant
from app.records import Record, is_language, is_slug
from app.texts import excerpt

Facet = Literal["topic", "entity", "lang", "source"]

LIMIT: Final = 20
LIMIT_AT_MOST: Final = 100
VALUES_AT_MOST: Final = 20
SEARCH_LENGTH: Final = 300
SORTS: Final = ("-published_at", "published_at", "-updated_at", "updated_at")
SEARCH_SORTS: Final = ("relevance", "-published_at", "published_at")
INCLUDABLE: Final = ("body", "total", "facets")
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
_SINGLE: Final = (*_SPANS, "q", "sort", "limit", "cursor")
PARAMETERS: Final = (*_LISTS, *_SINGLE, "fields", "include", "slug")
_AS_READ: Final = ("q", "sort", "limit", "cursor", "fields", "include")
_HOST_LENGTH: Final = 255


class BadParameter(NamedTuple):
    """A parameter that cannot be, and why."""

    name: str
    reason: str


class BadSelectionError(ValueError):
    """The query is none that a listing understands."""

    def __init__(self, faults: tuple[BadParameter, ...]) -> None:
        super().__init__("; ".join(f"{fault.name}: {fault.reason}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True)
class Selection:
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
        pairs = [(name, value) for name, values in self.filters.items() for value in values]
        pairs += [("slug", slug) for slug in self.slugs]
        default = SEARCH_SORTS[0] if self.q else SORTS[0]
        if self.sort != default:
            pairs.append(("sort", self.sort))
        if self.limit != LIMIT:
            pairs.append(("limit", str(self.limit)))
        if self.fields:
            pairs.append(("fields", ",".join(name for name in FIELDS if name in self.fields)))
        pairs += [("include", name) for name in INCLUDABLE if name in self.include]
        return urlencode(pairs)

    @property
    def shown(self) -> frozenset[str]:
        """The fields of a record that the items have."""
        body = {"body_md"} if "body" in self.include else set()
        return (self.fields or _BRIEF) | body

    @property
    def order(self) -> str:
        """What a position in it depends on: another page's cursor is good for no other."""
        return urlencode([*((n, v) for n, vs in self.filters.items() for v in vs), ("", self.sort)])


def parse(pairs: Iterable[tuple[str, str]]) -> Selection:
    """Read the pairs of a query. Raises BadSelectionError, which names each fault."""
    given: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        given[name].append(value)
    faults: list[BadParameter] = []

    def read(name: str, reader: Callable[[list[str]], object]) -> object | None:
        if name not in given:
            return None
        try:
            return reader(given[name])
        except ValueError as error:
            faults.append(BadParameter(name, str(error)))
            return None

    values: dict[str, object] = {}
    for name in given:
        if name not in PARAMETERS:
            known = ", ".join(PARAMETERS)
            faults.append(BadParameter(excerpt(name), f"is unknown; there are {known}"))
    for name in PARAMETERS:
        found = read(name, _READERS[name])
        if found is not None:
            values[name] = found
    faults += _together(values)
    if faults:
        raise BadSelectionError(tuple(faults[:VALUES_AT_MOST]))
    return _selection(values)


def _selection(values: Mapping[str, object]) -> Selection:
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
    return Selection(**asked)  # type: ignore[arg-type] # each by its reader


def _together(values: Mapping[str, object]) -> Iterable[BadParameter]:
    """Yield what cannot be asked for together."""
    sort = values.get("sort")
    if values.get("q"):
        if sort is not None and sort not in SEARCH_SORTS:
            yield BadParameter("sort", f"with q it is one of {', '.join(SEARCH_SORTS)}")
    elif sort == "relevance":
        yield BadParameter("sort", f"without q it is one of {', '.join(SORTS)}")
    if "slug" in values:
        for name in values.keys() - {"slug", "fields", "include"}:
            yield BadParameter(name, "goes with no slug")


def _one(values: list[str]) -> str:
    if len(values) > 1:
        raise ValueError("is given more than once")
    return values[0]


def _several(check: Callable[[str], bool], what: str) -> Callable[[list[str]], tuple[str, ...]]:
    def read(values: list[str]) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(values))
        if len(found) > VALUES_AT_MOST:
            raise ValueError(f"{len(found)} values, and at most {VALUES_AT_MOST} are allowed")
        for value in found:
            if not check(value):
                raise ValueError(f"{excerpt(value)!r} is no {what}")
        return found

    return read


def _host(value: str) -> bool:
    return 0 < len(value) <= _HOST_LENGTH and value.isprintable() and "/" not in value


def _slugs(values: list[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(values))
    if len(found) > LIMIT_AT_MOST:
        raise ValueError(f"{len(found)} slugs, and at most {LIMIT_AT_MOST} are allowed")
    for value in found:
        if not is_slug(value):
            raise ValueError(f"{excerpt(value)!r} is no slug")
    return found


def _named(known: tuple[str, ...]) -> Callable[[list[str]], frozenset[str]]:
    def read(values: list[str]) -> frozenset[str]:
        names = frozenset(name for value in values for name in value.split(",") if name)
        if unknown := sorted(names - set(known)):
            raise ValueError(f"{excerpt(unknown[0])!r} is none of {', '.join(known)}")
        return names

    return read


def _instant(values: list[str]) -> datetime:
    text = _one(values)
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


def _limit(values: list[str]) -> int:
    text = _one(values)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= LIMIT_AT_MOST):
        raise ValueError(f"must be a number from 1 to {LIMIT_AT_MOST}")
    return int(text)


def _search(values: list[str]) -> str:
    text = " ".join(_one(values).split())
    if len(text) > SEARCH_LENGTH:
        raise ValueError(f"{len(text)} characters, and at most {SEARCH_LENGTH} are allowed")
    return text


def _sort(values: list[str]) -> str:
    known = tuple(dict.fromkeys((*SORTS, *SEARCH_SORTS)))
    if _one(values) not in known:
        raise ValueError(f"is one of {', '.join(known)}")
    return values[0]


_CHECKS: Final[Mapping[Facet, Callable[[list[str]], tuple[str, ...]]]] = {
    "topic": _several(is_slug, "slug"),
    "entity": _several(is_slug, "slug"),
    "lang": _several(is_language, "BCP 47 language tag"),
    "source": _several(_host, "host"),
}
_READERS: Final[Mapping[str, Callable[[list[str]], object]]] = {
    **{f"{facet}{suffix}": _CHECKS[facet] for facet in _FACETS for suffix in ("", ".all", ".not")},
    **dict.fromkeys(_SPANS, _instant),
    "q": _search,
    "sort": _sort,
    "limit": _limit,
    "cursor": _one,
    "fields": _named(FIELDS),
    "include": _named(INCLUDABLE),
    "slug": _slugs,
}
