"""The query parameters of listings, as a model that validates queries and documents them.

All filters share one syntax: repeated values of a parameter are alternatives (`topic=a&topic=b`);
with `.all` each of them is required, and with `.not` none of them may occur.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic.config import JsonDict

from app.article.record import is_language, is_slug
from app.article.timestamps import parse_instant
from app.http.query_params import (
    InvalidParameter,
    InvalidQueryError,
    QueryParams,
    distinct,
    number_between,
    one_of,
    openapi_parameters,
    valid_if,
    validate,
)
from app.search.listing_query import (
    FACETS,
    FIELDS,
    INCLUDABLE,
    LIMIT,
    LIMIT_AT_MOST,
    SEARCH_SORTS,
    SORTS,
    SPANS,
    Facet,
    ListingQuery,
    Sort,
)

VALUES_AT_MOST: Final = 20
SEARCH_LENGTH: Final = 300
_HOST_LENGTH: Final = 255


def _is_host(value: str) -> bool:
    return 0 < len(value) <= _HOST_LENGTH and value.isprintable() and "/" not in value


def _parse_instant(value: object) -> object:
    try:
        if len(str(value)) == len("2026-01-01"):
            return datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC)
        return parse_instant(value)
    except ValueError:
        raise ValueError(
            "must be an instant, such as 2026-06-23T23:00:06Z, or a date, which begins at 00:00Z"
        ) from None


def _normalize_search(value: str) -> str:
    text = " ".join(value.split())
    if len(text) > SEARCH_LENGTH:
        raise ValueError(f"{len(text)} characters, and at most {SEARCH_LENGTH} are allowed")
    return text


def _split_at_commas(values: Iterable[str]) -> list[str]:
    return [name for value in values for name in value.split(",") if name]


_Distinct = AfterValidator(distinct(VALUES_AT_MOST))
_Slug = Annotated[str, AfterValidator(valid_if(is_slug, "slug"))]
_Language = Annotated[str, AfterValidator(valid_if(is_language, "BCP 47 language tag"))]
_Host = Annotated[str, AfterValidator(str.lower), AfterValidator(valid_if(_is_host, "host"))]
_Instant = Annotated[
    datetime,
    BeforeValidator(_parse_instant),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
    ),
]
_Field = Annotated[
    str, AfterValidator(one_of(FIELDS)), Field(json_schema_extra={"enum": list(FIELDS)})
]
_Part = Annotated[
    str, AfterValidator(one_of(INCLUDABLE)), Field(json_schema_extra={"enum": list(INCLUDABLE)})
]

Slugs = Annotated[tuple[_Slug, ...], _Distinct]
Languages = Annotated[tuple[_Language, ...], _Distinct]
Hosts = Annotated[tuple[_Host, ...], _Distinct]
Fields = Annotated[frozenset[_Field], BeforeValidator(_split_at_commas)]
Parts = Annotated[frozenset[_Part], BeforeValidator(_split_at_commas)]
Search = Annotated[str, AfterValidator(_normalize_search)]
Limit = Annotated[int, BeforeValidator(number_between(1, LIMIT_AT_MOST))]

_COMMAS: Final[JsonDict] = {"commaSeparated": True}


class FilterParams(QueryParams):
    """The parameters of every listing: filters, search, order, paging, and what to include."""

    topic: Slugs = Field((), description="With any of these topics.", examples=[["transport"]])
    topic_all: Slugs = Field(
        (), alias="topic.all", description="With all of these topics.", examples=[["cities"]]
    )
    topic_not: Slugs = Field(
        (), alias="topic.not", description="With none of these topics.", examples=[["sports"]]
    )
    entity: Slugs = Field(
        (), description="With any of these entities, by slug.", examples=[["river-city"]]
    )
    entity_all: Slugs = Field(
        (), alias="entity.all", description="With all of these entities.", examples=[["herald"]]
    )
    entity_not: Slugs = Field(
        (), alias="entity.not", description="With none of these entities.", examples=[["herald"]]
    )
    lang: Languages = Field(
        (), description="In any of these languages (BCP 47).", examples=[["en", "zh-Hant"]]
    )
    lang_not: Languages = Field(
        (), alias="lang.not", description="In none of these languages.", examples=[["de"]]
    )
    source: Hosts = Field(
        (), description="With a source on any of these hosts.", examples=[["herald.example"]]
    )
    source_not: Hosts = Field(
        (),
        alias="source.not",
        description="With a source on no such host.",
        examples=[["a.example"]],
    )
    published_from: _Instant | None = Field(
        None, description="Published at this instant or later.", examples=["2026-06-01"]
    )
    published_to: _Instant | None = Field(
        None, description="Published before this instant.", examples=["2026-07-01T00:00:00+02:00"]
    )
    updated_from: _Instant | None = Field(
        None, description="Updated at this instant or later.", examples=["2026-06-01"]
    )
    updated_to: _Instant | None = Field(
        None, description="Updated before this instant.", examples=["2026-07-01T00:00:00+02:00"]
    )
    q: Search = Field(
        "",
        description='Full-text search: words, "phrases", prefixes* and -exclusions.',
        examples=['tram* "new bridge" -ferry'],
    )
    sort: Sort | None = Field(
        None,
        description="The order; a minus sign means descending. The default is `-published_at`, or"
        " `relevance` with `q`. `relevance` needs `q`; the `updated_at` orders exclude it.",
        examples=["-updated_at"],
    )
    limit: Limit = Field(
        LIMIT,
        description="Articles per page.",
        examples=[50],
        json_schema_extra={"minimum": 1, "maximum": LIMIT_AT_MOST},
    )
    cursor: str | None = Field(
        None,
        description="The position of a page, taken from `next` or `prev` of another page of the"
        " same listing. Any other value is refused.",
        examples=["eyJhdCI6"],
    )
    fields: Fields = Field(
        frozenset(),
        description="The fields of each item; all except `body_md` by default.",
        examples=[["slug", "title", "url"]],
        json_schema_extra=_COMMAS,
    )
    include: Parts = Field(
        frozenset(),
        description="What to return in addition: article bodies, the total, facet counts.",
        examples=[["total", "facets"]],
        json_schema_extra=_COMMAS,
    )

    def to_query(self) -> ListingQuery:
        """Return the query, with the order that applies."""
        return ListingQuery(
            any_of=self._lists(""),
            all_of=self._lists("_all"),
            none_of=self._lists("_not"),
            spans={name: at for name in SPANS if (at := getattr(self, name)) is not None},
            q=self.q,
            sort=self.sort or (SEARCH_SORTS if self.q else SORTS)[0],
            limit=self.limit,
            cursor=self.cursor,
            fields=self.fields,
            include=self.include,
        )

    def _lists(self, suffix: str) -> Mapping[Facet, tuple[str, ...]]:
        found = {facet: getattr(self, facet + suffix, ()) for facet in FACETS}
        return {facet: values for facet, values in found.items() if values}

    def invalid_combinations(self) -> Iterable[InvalidParameter]:
        """Yield parameters that are valid alone but cannot be combined with others."""
        if self.q and self.sort not in {None, *SEARCH_SORTS}:
            yield InvalidParameter("sort", f"with q it must be one of {', '.join(SEARCH_SORTS)}")
        if not self.q and self.sort == "relevance":
            yield InvalidParameter("sort", f"without q it must be one of {', '.join(SORTS)}")


class NewsParams(FilterParams):
    """The parameters of `/news`, which can also return articles by their slugs."""

    slug: Annotated[tuple[_Slug, ...], AfterValidator(distinct(LIMIT_AT_MOST))] = Field(
        (),
        description="The articles with these slugs. Cannot be combined with any parameter but"
        " `fields` and `include`.",
        examples=[["new-bridge-opens"]],
    )

    def to_query(self) -> ListingQuery:
        """Return the query, with the order that applies."""
        query = super().to_query()
        return query.with_slugs(self.slug) if self.slug else query

    def invalid_combinations(self) -> Iterable[InvalidParameter]:
        """Yield parameters that are valid alone but cannot be combined with others."""
        yield from super().invalid_combinations()
        if self.slug:
            for name in sorted(self.model_fields_set - {"slug", "fields", "include"}):
                alias = type(self).model_fields[name].alias or name
                yield InvalidParameter(alias, "cannot be combined with slug")


def parse(pairs: Iterable[tuple[str, str]]) -> ListingQuery:
    """Return the query of a listing. Raises InvalidQueryError, naming every fault."""
    params = validate(NewsParams, pairs)
    if faults := list(params.invalid_combinations()):
        raise InvalidQueryError(faults)
    return params.to_query()


PARAMETERS: Final = tuple(each["name"] for each in openapi_parameters(NewsParams))
