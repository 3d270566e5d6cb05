"""The operations of listings, vocabularies and the change feed in the OpenAPI document."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from app.article.record import SLUG_LENGTH
from app.http.query_params import openapi_parameters
from app.representations.listing import FORMATS
from app.search.listing_params import SLUG_PATTERN, FilterParams, NewsParams
from app.web.openapi.examples import RECORDS
from app.web.openapi.schemas import TEXT, Schema, in_json
from app.web.public import changes
from app.web.public.changes import ChangesParams
from app.web.public.vocabularies import VocabularyParams

_SLUG_EXAMPLES: Final = {
    "news": RECORDS[0]["slug"],
    "topics": "transport",
    "entities": "river-city",
}


def path_parameters(path: str) -> list[Schema]:
    """Return the parameters of `path`: the slug, if it has one."""
    if "{slug}" not in path:
        return []
    return [
        {
            "name": "slug",
            "in": "path",
            "required": True,
            "description": "The name in the address: lower-case letters, digits, `-` and dots.",
            "schema": {"type": "string", "pattern": SLUG_PATTERN, "maxLength": SLUG_LENGTH},
            "example": _SLUG_EXAMPLES[path.split("/")[1]],
        }
    ]


class _Read(NamedTuple):
    """A GET operation. `errors` are the statuses that only some operations have."""

    path: str
    name: str
    tag: str
    summary: str
    description: str
    parameters: Sequence[Schema]
    content: Mapping[str, Schema]
    errors: tuple[str, ...] = ()


_ERRORS: Final = ("304", "400", "412", "500", "503")
"""The statuses that every operation has besides 200."""


def paths(errors: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the operations by path. `errors` has the description of each status."""
    found = {}
    for read in (*_listings(), *_vocabularies(), *_related(), *_changes()):
        statuses = {*_ERRORS, *read.errors}
        if "{slug}" in read.path:
            statuses.add("404")
        if len(read.content) > 1:
            statuses.add("406")
        answer = {"description": read.summary + ".", "content": dict(read.content)}
        operation = {
            "operationId": read.name,
            "tags": [read.tag],
            "summary": read.summary,
            "description": read.description,
            "parameters": [*path_parameters(read.path), *read.parameters],
            "responses": {
                "200": answer,
                **{status: errors[status] for status in sorted(statuses)},
            },
        }
        found[read.path] = {"get": operation}
    return found


_LISTING: Final = (
    "A page of articles that match all filters, in the representation that `Accept` selects."
    " Follow `next` until it is null: articles that are loaded meanwhile neither shift the pages"
    " nor repeat on them."
)
_STREAM: Final = (
    "All articles that match all filters, one JSON record a line, however many there are. `limit`"
    " has no effect."
)


def _listings() -> Iterator[_Read]:
    contents = {form.media_type: _content(form.name) for form in FORMATS}
    filters = openapi_parameters(FilterParams)
    for path, name, what, parameters in (
        ("/news", "news", "Articles", openapi_parameters(NewsParams)),
        ("/topics/{slug}", "topic", "Articles about a topic", filters),
        ("/entities/{slug}", "entity", "Articles about an entity", filters),
    ):
        yield _Read(path, name, "listings", what, _LISTING, parameters, contents)
        for form in FORMATS:
            if not form.suffix:
                continue
            content = {form.media_type: contents[form.media_type]}
            twin, twin_name = path + form.suffix, f"{name}_{form.name}"
            summary, description = f"{what} as {form.media_type}", f"`{path}` in one format."
            shown = parameters
            if form.name == "ndjson":
                description, shown = _STREAM, filters
            yield _Read(twin, twin_name, "listings", summary, description, shown, content)


def _content(name: str) -> Schema:
    schemas = {"json": "Listing", "feed": "Feed"}
    return in_json(schemas[name]) if name in schemas else {"schema": TEXT}


def _vocabularies() -> Iterator[_Read]:
    parameters = openapi_parameters(VocabularyParams)
    for name in "topics", "entities":
        page = {"application/json": in_json("Vocabulary", name.capitalize())}
        both = {"text/html": {"schema": TEXT}, **page}
        summary = f"{name.capitalize()} with their numbers of articles"
        description = "Everything that articles can be filtered by, for menus and completion."
        for suffix, called, content in ("", name, both), (".json", f"{name}_json", page):
            path = f"/{name}{suffix}"
            yield _Read(path, called, "listings", summary, description, parameters, content)


def _related() -> Iterator[_Read]:
    content = {"application/json": in_json("Related")}
    for suffix, name in ("", "related"), (".json", "related_json"):
        yield _Read(
            path=f"/news/{{slug}}/related{suffix}",
            name=name,
            tag="articles",
            summary="Articles on the same subjects",
            description="Articles that share topics and entities with this one, the best match"
            " first, without their texts.",
            parameters=(),
            content=content,
            errors=("308", "410"),
        )


def _changes() -> Iterator[_Read]:
    page = {changes.JSON: in_json("Changes")}
    lines = {changes.NDJSON: {"schema": TEXT}}
    events = {changes.EVENTS: {"schema": TEXT}}
    for suffix, name, content in (
        ("", "changes", page | lines | events),
        (".json", "changes_json", page),
        (".ndjson", "changes_ndjson", lines),
    ):
        yield _Read(
            path=f"/changes{suffix}",
            name=name,
            tag="changes",
            summary="What has changed in the public articles, in order",
            description="A client that applies every change ends with exactly the public"
            " articles. Continue with `since` set to `last`, at once if `more` is true. As"
            " `text/event-stream` the response does not end: each event's id is the change's"
            " number, its type the kind of change, and a reconnecting client resumes at"
            " `Last-Event-ID`.",
            parameters=openapi_parameters(ChangesParams),
            content=content,
            errors=("409",),
        )
