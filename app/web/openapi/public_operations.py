"""What the OpenAPI document says of listings, vocabularies and the change feed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from app.representations.listing import FORMATS
from app.search.listing_query import FIELDS, INCLUDABLE, LIMIT, LIMIT_AT_MOST
from app.store.listing import vocabulary_pages
from app.web.openapi.examples import CURSOR, RECORDS
from app.web.openapi.schemas import COUNT, LISTING_SORTS, TEXT, Schema, in_json, listed, one_of
from app.web.public import changes


def _parameter(
    name: str, schema: Mapping[str, Any], description: str, example: object, **more: object
) -> Schema:
    return {
        "name": name,
        "in": "query",
        "schema": dict(schema),
        "description": description,
        "example": example,
        **more,
    }


def _names(name: str, known: Sequence[str], description: str, example: Sequence[str]) -> Schema:
    """Return a parameter of several names in one value, with commas between them."""
    schema = listed(one_of(known))
    return _parameter(name, schema, description, list(example), style="form", explode=False)


def _between(low: int, high: int, default: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high, "default": default}


_LINKED: Final = {"topic", "entity"}
_FACETS: Final = {
    "topic": ("topic", ["transport", "cities"]),
    "entity": ("entity, by its slug", ["river-city"]),
    "lang": ("language", ["en", "zh-Hant"]),
    "source": ("host of the source", ["herald.example"]),
}


def _filters() -> Iterator[Schema]:
    values = listed(TEXT)
    for facet, (what, some) in _FACETS.items():
        yield _parameter(facet, values, f"Articles with one of these: {what}.", some)
        if facet in _LINKED:
            yield _parameter(f"{facet}.all", values, f"With each of these: {what}.", some)
        yield _parameter(f"{facet}.not", values, f"With none of these: {what}.", some)
    for what in "published", "updated":
        for edge, meaning, some_time in (
            ("from", "then or later", "2026-06-01"),
            ("to", "before then", "2026-07-01T00:00:00+02:00"),
        ):
            described = f"An instant or a date: {meaning}."
            yield _parameter(f"{what}_{edge}", TEXT, described, some_time)


_SLUG: Final = RECORDS[0]["slug"]
_SEARCH: Final = 'A search: words, "phrases", beginnings* and -exclusions.'
_LISTING: Final = [
    *_filters(),
    _parameter("q", TEXT, _SEARCH, 'tram* "new bridge" -ferry'),
    _parameter("sort", one_of(LISTING_SORTS), "The order; relevance goes with q.", "-updated_at"),
    _parameter("limit", _between(1, LIMIT_AT_MOST, LIMIT), "How many articles a page has.", 50),
    _parameter(
        "cursor", TEXT, "Where a page begins, as `next` or `prev` of another gave it.", CURSOR
    ),
    _names("fields", FIELDS, "The fields of the items.", ("slug", "title", "url")),
    _names("include", INCLUDABLE, "What is wanted beside.", ("total", "facets")),
]
_SLUGS: Final = _parameter(
    "slug", listed(TEXT), "The articles at these slugs, and nothing else.", [_SLUG]
)
_VOCABULARY: Final = [
    _parameter("prefix", TEXT, "How the name begins, in any case and with any diacritics.", "tra"),
    _parameter("sort", one_of(vocabulary_pages.SORTS), "The order.", "-articles"),
    _parameter("limit", _between(1, 100, 50), "How many terms a page has.", 10),
    _parameter(
        "after", TEXT, "The slug behind which the page begins, as `next` gave it.", "cities"
    ),
]
_CHANGES: Final = [
    _parameter(
        "since",
        {"anyOf": [COUNT, {"const": changes.LATEST}], "default": 0},
        "The number to go on from: the last one known, 0, or the latest.",
        2,
    ),
    _parameter(
        "limit", _between(1, changes.LIMIT_AT_MOST, changes.LIMIT), "How many at most.", 500
    ),
    _parameter("wait", _between(0, changes.WAIT_AT_MOST, 0), "Seconds to wait for a change.", 30),
    _parameter("include", one_of(("record",)), "Articles as they are now.", "record"),
]
_SLUGS_OF: Final = {"news": _SLUG, "topics": "transport", "entities": "river-city"}


def slug_in(path: str) -> list[Schema]:
    """Return the parameter that the slug in `path` is, if there is one."""
    if "{slug}" not in path:
        return []
    example = _SLUGS_OF[path.split("/")[1]]
    return [{"name": "slug", "in": "path", "required": True, "schema": TEXT, "example": example}]


class _Read(NamedTuple):
    """What is read at `path`. `errors` are those that others do not end in."""

    path: str
    name: str
    tag: str
    summary: str
    parameters: Sequence[Schema]
    content: Mapping[str, Schema]
    errors: tuple[str, ...] = ()


_ERRORS: Final = ("304", "400", "412", "500", "503")
"""How each of them may end."""


def paths(errors: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the operations. `errors` are all that any of them may end in, by status."""
    found = {}
    for read in (*_listings(), *_vocabularies(), *_related(), *_changes()):
        ends = {*_ERRORS, *read.errors}
        if "{slug}" in read.path:
            ends.add("404")
        if len(read.content) > 1:
            ends.add("406")
        answer = {"description": "What was asked for.", "content": dict(read.content)}
        operation = {
            "operationId": read.name,
            "tags": [read.tag],
            "summary": read.summary,
            "parameters": [*slug_in(read.path), *read.parameters],
            "responses": {"200": answer, **{status: errors[status] for status in sorted(ends)}},
        }
        found[read.path] = {"get": operation}
    return found


def _listings() -> Iterator[_Read]:
    forms = {form.media_type: _content(form.name) for form in FORMATS}
    for path, name, parameters in (
        ("/news", "news", [*_LISTING, _SLUGS]),
        ("/topics/{slug}", "topic", _LISTING),
        ("/entities/{slug}", "entity", _LISTING),
    ):
        yield _Read(path, name, "listings", "Articles, newest first", parameters, forms)
        for form in FORMATS:
            if form.suffix:
                summary = f"The same as {form.media_type}"
                content = {form.media_type: _content(form.name)}
                twin, called = path + form.suffix, f"{name}_{form.name}"
                yield _Read(twin, called, "listings", summary, parameters, content)


def _content(name: str) -> Schema:
    schemas = {"json": "Listing", "feed": "Feed"}
    return in_json(schemas[name]) if name in schemas else {"schema": TEXT}


def _vocabularies() -> Iterator[_Read]:
    for name in "topics", "entities":
        page = {"application/json": in_json("Vocabulary", name.capitalize())}
        both = {"text/html": {"schema": TEXT}, **page}
        summary = f"{name.capitalize()} and how many articles each has"
        yield _Read(f"/{name}", name, "listings", summary, _VOCABULARY, both)
        yield _Read(f"/{name}.json", f"{name}_json", "listings", summary, _VOCABULARY, page)


def _related() -> Iterator[_Read]:
    path, summary = "/news/{slug}/related", "Articles that are about the same"
    content = {"application/json": in_json("Related")}
    for suffix, name in ("", "related"), (".json", "related_json"):
        yield _Read(path + suffix, name, "articles", summary, (), content, ("308", "410"))


def _changes() -> Iterator[_Read]:
    page = {changes.JSON: in_json("Changes")}
    lines = {changes.LINES: {"schema": TEXT}}
    events = {changes.EVENTS: {"schema": TEXT}}
    summary = "What has changed for readers, in order"
    for suffix, name, content in (
        ("", "changes", page | lines | events),
        (".json", "changes_json", page),
        (".ndjson", "changes_ndjson", lines),
    ):
        yield _Read(f"/changes{suffix}", name, "changes", summary, _CHANGES, content, ("409",))
