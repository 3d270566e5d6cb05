"""The query parameters of listings, as a model that validates queries and documents them.

All filters share one syntax: repeated values of a parameter are alternatives (`topic=a&topic=b`);
with `.all` each of them is required, and with `.not` none of them may occur. The model is
in one file, for half of its lines are the descriptions that API users read.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic.config import JsonDict

from app.article.record import LANGUAGE_LENGTH, SLUG_LENGTH
from app.article.timestamps import parse_instant
from app.http.query_params import (
    Between,
    InvalidParameter,
    OneOf,
    QueryParams,
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
SLUG_PATTERN: Final = r"^[a-z0-9-]+(?:\.[a-z0-9-]+)*$"
_HOST_LENGTH: Final = 255
_COMMAS: Final[JsonDict] = {"commaSeparated": True}


def _without_duplicates(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _split_at_commas(values: Iterable[str]) -> list[str]:
    return [name for value in values for name in value.split(",") if name]


def _parse_instant_or_date(text: str) -> datetime:
    try:
        if len(text) == len("2026-01-01"):
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return parse_instant(text)
    except ValueError:
        raise ValueError(
            "must be an instant with an offset, such as 2026-06-23T23:00:06Z, or a date"
        ) from None


Slug = Annotated[str, Field(pattern=SLUG_PATTERN, max_length=SLUG_LENGTH)]
# A basic language range, RFC 4647 section 2.1.
_Language = Annotated[
    str, Field(pattern="^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*$", max_length=LANGUAGE_LENGTH)
]
_Host = Annotated[
    str,
    Field(pattern=r"^[^\x00-\x20/\x7f]+$", max_length=_HOST_LENGTH),
    AfterValidator(str.lower),
]
_AT_MOST_20: Final = Field(max_length=VALUES_AT_MOST)
_Slugs = Annotated[tuple[Slug, ...], _AT_MOST_20, AfterValidator(_without_duplicates)]
_Languages = Annotated[tuple[_Language, ...], _AT_MOST_20, AfterValidator(_without_duplicates)]
_Hosts = Annotated[tuple[_Host, ...], _AT_MOST_20, AfterValidator(_without_duplicates)]
_Fields = Annotated[tuple[Annotated[str, OneOf(FIELDS)], ...], BeforeValidator(_split_at_commas)]
_Inclusions = Annotated[
    tuple[Annotated[str, OneOf(INCLUDABLE)], ...], BeforeValidator(_split_at_commas)
]
_InstantOrDate = Annotated[
    datetime | None,
    BeforeValidator(_parse_instant_or_date),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": each} for each in ("date-time", "date")]}
    ),
]


class FilterParams(QueryParams):
    """The parameters of every listing: filters, search, order, paging, and what to include."""

    topic: _Slugs = Field(
        (), description="Articles with any of these topics.", examples=[["transport", "cities"]]
    )
    topic_all: _Slugs = Field(
        (),
        alias="topic.all",
        description="Articles with all of these topics.",
        examples=[["transport", "cities"]],
    )
    topic_not: _Slugs = Field(
        (),
        alias="topic.not",
        description="Articles with none of these topics.",
        examples=[["sport"]],
    )
    entity: _Slugs = Field(
        (),
        description="Articles with any of these entities. An entity is named by its slug.",
        examples=[["river-city"]],
    )
    entity_all: _Slugs = Field(
        (),
        alias="entity.all",
        description="Articles with all of these entities.",
        examples=[["river-city"]],
    )
    entity_not: _Slugs = Field(
        (),
        alias="entity.not",
        description="Articles with none of these entities.",
        examples=[["river-city"]],
    )
    lang: _Languages = Field(
        (),
        description="Articles in any of these languages (BCP 47 tags, in any case).",
        examples=[["en", "zh-Hant"]],
    )
    lang_not: _Languages = Field(
        (),
        alias="lang.not",
        description="Articles in none of these languages.",
        examples=[["en", "zh-Hant"]],
    )
    source: _Hosts = Field(
        (),
        description="Articles whose `canonical_source` is on any of these hosts.",
        examples=[["herald.example"]],
    )
    source_not: _Hosts = Field(
        (),
        alias="source.not",
        description="Articles whose `canonical_source` is on none of these hosts.",
        examples=[["herald.example"]],
    )
    published_from: _InstantOrDate = Field(
        None,
        description="Articles published at this instant or later. A date stands for 00:00 UTC.",
        examples=["2026-06-01"],
    )
    published_to: _InstantOrDate = Field(
        None,
        description="Articles published before this instant.",
        examples=["2026-07-01T00:00:00+02:00"],
    )
    updated_from: _InstantOrDate = Field(
        None,
        description="Articles updated at this instant or later. A date stands for 00:00 UTC.",
        examples=["2026-06-01"],
    )
    updated_to: _InstantOrDate = Field(
        None,
        description="Articles updated before this instant.",
        examples=["2026-07-01T00:00:00+02:00"],
    )
    q: str = Field(
        "",
        max_length=SEARCH_LENGTH,
        description='Full-text search: words, "phrases", prefixes* and -exclusions.'
        " No text is an error.",
        examples=['tram* "new bridge" -ferry'],
    )
    sort: Sort | None = Field(
        None,
        description="The order of the articles; `-` means descending. The default is `relevance`"
        " with `q` and `-published_at` without; without `q`, `relevance` means the same as"
        " `-published_at`. A search cannot be sorted by `updated_at`: that is a 400.",
        examples=["-published_at"],
    )
    limit: Annotated[int, Between(1, LIMIT_AT_MOST)] = Field(
        LIMIT, description="The largest number of articles on a page.", examples=[50]
    )
    cursor: str | None = Field(
        None,
        description="Where the page begins: the `cursor` of the `next` or `prev` link of another"
        " page. It is only valid with the filters and the order of that page, on the same site:"
        " anything else is a 400.",
        examples=["AAAAAAAAAAAAGpA8KAAAAAIY2g8jy5FvPJ8"],
    )
    fields: _Fields = Field(
        (),
        description="The fields of each article, separated by commas. The default is all of them"
        " but `body_md`.",
        examples=[["slug", "title", "url"]],
        json_schema_extra=_COMMAS,
    )
    include: _Inclusions = Field(
        (),
        description="Additions to the page, separated by commas: `body` adds the text of each"
        " article, `total` the number of all articles found, and `facets` how many of them there"
        " are by topic, entity, language, source and month.",
        examples=[["total", "facets"]],
        json_schema_extra=_COMMAS,
    )

    def to_query(self) -> ListingQuery:
        """Return the query, with the order that applies."""
        q = " ".join(self.q.split())
        sort = self.sort or (SEARCH_SORTS if q else SORTS)[0]
        return ListingQuery(
            any_of=self._lists(""),
            all_of=self._lists("_all"),
            none_of=self._lists("_not"),
            spans={name: at for name in SPANS if (at := getattr(self, name)) is not None},
            q=q,
            sort=SORTS[0] if not q and sort == "relevance" else sort,
            limit=self.limit,
            cursor=self.cursor,
            fields=frozenset(self.fields),
            include=frozenset(self.include),
        )

    def _lists(self, suffix: str) -> Mapping[Facet, tuple[str, ...]]:
        found = {facet: getattr(self, facet + suffix, ()) for facet in FACETS}
        return {facet: values for facet, values in found.items() if values}

    def invalid_combinations(self) -> Iterable[InvalidParameter]:
        """Yield the order if searches do not have it."""
        if self.q.strip() and self.sort not in {None, *SEARCH_SORTS}:
            yield InvalidParameter("sort", f"with q must be one of {', '.join(SEARCH_SORTS)}")


class NewsParams(FilterParams):
    """The parameters of `/news`, which can also return articles by their slugs."""

    slug: Annotated[tuple[Slug, ...], AfterValidator(_without_duplicates)] = Field(
        (),
        max_length=LIMIT_AT_MOST,
        description="The articles with these slugs, in this order, on one page. Those that are not"
        " found are listed in `missing`. It can be combined with `fields` and `include`, and with"
        " no other parameter: that is a 400.",
        examples=[["river-city-opens-its-new-bridge"]],
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
    return validate(NewsParams, pairs).to_query()
