"""What the OpenAPI document says of listings, vocabularies and the change feed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from app.http.query_params import openapi_parameters
from app.representations.listing import FORMATS
from app.search.listing_params import FilterParams, NewsParams
from app.web.openapi.examples import RECORDS
from app.web.openapi.schemas import TEXT, Schema, in_json
from app.web.public import changes
from app.web.public.changes import ChangesParams
from app.web.public.vocabularies import VocabularyParams

_LISTING: Final = openapi_parameters(FilterParams)
_NEWS: Final = openapi_parameters(NewsParams)
_VOCABULARY: Final = openapi_parameters(VocabularyParams)
_CHANGES: Final = openapi_parameters(ChangesParams)
_SLUGS_OF: Final = {"news": RECORDS[0]["slug"], "topics": "transport", "entities": "river-city"}


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
        ("/news", "news", _NEWS),
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
