"""What the OpenAPI document says of listings, vocabularies and the change feed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.listings import FORMATS
from app.selections import FIELDS, INCLUDABLE, LIMIT, LIMIT_AT_MOST, SEARCH_SORTS, SORTS
from app.store import terms
from app.web import changes

Schema = dict[str, Any]

_TEXT: Final = {"type": "string"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_INSTANT: Final = {"type": "string", "format": "date-time"}
_URL: Final = {"type": "string", "format": "uri"}


def _nullable(schema: Mapping[str, Any]) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Schema:
    members = {**required, **(optional or {})}
    return {"type": "object", "properties": members, "required": list(required)}


def _list(items: Mapping[str, Any]) -> Schema:
    return {"type": "array", "items": dict(items)}


def _of(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_RECORD: Final = {
    "slug": _TEXT,
    "title": _TEXT,
    "summary": _TEXT,
    "url": _URL,
    "canonical_source": _nullable(_URL),
    "published_at": _INSTANT,
    "updated_at": _INSTANT,
    "lang": _TEXT,
    "topics": _list(_TEXT),
    "entities": _list(_TEXT),
    "alternates": {"type": "object", "additionalProperties": _URL},
}
SCHEMAS: Final[Mapping[str, Schema]] = {
    "Article": _object({**_RECORD, "body_md": _TEXT}),
    "Item": {
        **_object({}, {**_RECORD, "body_md": _TEXT, "highlights": _of("Highlights")}),
        "description": "An article, with the fields that were asked for.",
    },
    "Highlights": {
        **_object({}, dict.fromkeys(("title", "summary", "body"), _TEXT)),
        "description": "HTML: escaped, with mark around what was found.",
    },
    "Total": _object({"value": _COUNT, "exact": {"type": "boolean"}}),
    "Count": _object({"value": _TEXT, "label": _TEXT, "articles": _COUNT}),
    "Facets": _object(
        {
            "counted": _COUNT,
            "exact": {"type": "boolean"},
            "terms": {"type": "object", "additionalProperties": _list(_of("Count"))},
        }
    ),
    "Missing": _object(
        {
            "slug": _TEXT,
            "status": {"type": "integer", "enum": [308, 404, 410]},
            "url": _nullable(_URL),
        }
    ),
    "Listing": _object(
        {
            "items": _list(_of("Item")),
            "next": _nullable(_URL),
            "prev": _nullable(_URL),
            "filters": {"type": "object", "additionalProperties": _list(_TEXT)},
            "sort": _TEXT,
            "limit": _COUNT,
        },
        {"total": _of("Total"), "facets": _of("Facets"), "missing": _list(_of("Missing"))},
    ),
    "Term": _object(
        {
            "slug": _TEXT,
            "name": _TEXT,
            "articles": _COUNT,
            "latest": _nullable(_INSTANT),
            "url": _URL,
        }
    ),
    "Vocabulary": _object(
        {
            "items": _list(_of("Term")),
            "next": _nullable(_URL),
            "prefix": _TEXT,
            "sort": _TEXT,
            "limit": _COUNT,
        }
    ),
    "Related": _object({"items": _list(_of("Item"))}),
    "Change": _object(
        {
            "seq": _COUNT,
            "kind": {
                "type": "string",
                "enum": ["created", "updated", "moved", "deleted", "restored"],
            },
            "slug": _TEXT,
            "url": _URL,
            "at": _INSTANT,
        },
        {"previous_slug": _TEXT, "record": _nullable(_of("Article"))},
    ),
    "Changes": _object(
        {"changes": _list(_of("Change")), "last": _COUNT, "more": {"type": "boolean"}}
    ),
}


_LINKED: Final = {"topic", "entity"}


def _parameter(name: str, schema: Mapping[str, Any], description: str) -> Schema:
    return {"name": name, "in": "query", "schema": dict(schema), "description": description}


def _between(low: int, high: int, default: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high, "default": default}


_FACETS: Final = {
    "topic": "topic",
    "entity": "entity, by its slug",
    "lang": "language",
    "source": "host of the source",
}


def _filters() -> list[Schema]:
    found = []
    for facet, what in _FACETS.items():
        found.append(_parameter(facet, _list(_TEXT), f"Articles with one of these: {what}."))
        if facet in _LINKED:
            found.append(_parameter(f"{facet}.all", _list(_TEXT), f"With each of these: {what}."))
        found.append(_parameter(f"{facet}.not", _list(_TEXT), f"With none of these: {what}."))
    for what in "published", "updated":
        for edge, meaning in ("from", "then or later"), ("to", "before then"):
            described = f"An instant or a date: {meaning}."
            found.append(_parameter(f"{what}_{edge}", _TEXT, described))
    return found


_SORTS: Final = list(dict.fromkeys((*SORTS, *SEARCH_SORTS)))
_LISTING: Final = [
    *_filters(),
    _parameter("q", _TEXT, 'A search: words, "phrases", beginnings* and -exclusions.'),
    _parameter("sort", {"type": "string", "enum": _SORTS}, "The order; relevance goes with q."),
    _parameter("limit", _between(1, LIMIT_AT_MOST, LIMIT), "How many articles a page has."),
    _parameter("cursor", _TEXT, "Where a page begins, as `next` or `prev` of another gave it."),
    _parameter("fields", _TEXT, f"The fields of the items, with commas: {', '.join(FIELDS)}."),
    _parameter("include", _TEXT, f"What is wanted beside: {', '.join(INCLUDABLE)}."),
]
_SLUGS: Final = _parameter("slug", _list(_TEXT), "The articles at these slugs, and nothing else.")
_VOCABULARY: Final = [
    _parameter("prefix", _TEXT, "How the name begins, in any case and with any diacritics."),
    _parameter("sort", {"type": "string", "enum": list(terms.SORTS)}, "The order."),
    _parameter("limit", _between(1, 100, 50), "How many terms a page has."),
    _parameter("after", _TEXT, "The slug behind which the page begins, as `next` gave it."),
]
_CHANGES: Final = [
    _parameter(
        "since",
        {"anyOf": [_COUNT, {"const": changes.LATEST}], "default": 0},
        "The number to go on from: the last one known, 0, or the latest.",
    ),
    _parameter("limit", _between(1, changes.LIMIT_AT_MOST, changes.LIMIT), "How many at most."),
    _parameter("wait", _between(0, changes.WAIT_AT_MOST, 0), "Seconds to wait for a change."),
    _parameter("include", {"type": "string", "enum": ["record"]}, "Articles as they are now."),
]


def paths(errors: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the operations. `errors` are those that each of them may end in, by status."""
    found: dict[str, Schema] = {}
    forms = {form.media_type: _content(form.name) for form in FORMATS}
    for path, more in ("/news", [_SLUGS]), ("/topics/{slug}", []), ("/entities/{slug}", []):
        parameters = [*_path(path), *_LISTING, *more]
        found[path] = _get("listings", "Articles, newest first", parameters, forms, errors)
        for form in FORMATS:
            if form.suffix:
                content = {form.media_type: _content(form.name)}
                summary = f"The same as {form.media_type}"
                found[path + form.suffix] = _get("listings", summary, parameters, content, errors)
    for path in "/topics", "/entities":
        page = {"application/json": {"schema": _of("Vocabulary")}}
        both = {"text/html": {"schema": _TEXT}, **page}
        summary = f"{path[1:].capitalize()} and how many articles each has"
        found[path] = _get("listings", summary, _VOCABULARY, both, errors)
        found[f"{path}.json"] = _get("listings", summary, _VOCABULARY, page, errors)
    related = {"application/json": {"schema": _of("Related")}}
    for path in "/news/{slug}/related", "/news/{slug}/related.json":
        summary = "Articles that are about the same"
        found[path] = _get("articles", summary, _path(path), related, errors)
    page = {changes.JSON: {"schema": _of("Changes")}}
    lines = {changes.LINES: {"schema": _TEXT}}
    events = {changes.EVENTS: {"schema": _TEXT}}
    summary = "What has changed for readers, in order"
    for path, content in (
        ("/changes", page | lines | events), ("/changes.json", page), ("/changes.ndjson", lines),
    ):  # fmt: skip
        found[path] = _get("changes", summary, _CHANGES, content, errors)
    return found


def _path(path: str) -> Sequence[Schema]:
    if "{slug}" not in path:
        return []
    return [{"name": "slug", "in": "path", "required": True, "schema": _TEXT}]


def _content(name: str) -> Schema:
    if name == "json":
        return {"schema": _of("Listing")}
    return {"schema": {"type": "object"} if name == "feed" else _TEXT}


def _get(
    tag: str,
    summary: str,
    parameters: Sequence[Schema],
    content: Mapping[str, Schema],
    errors: Mapping[str, Schema],
) -> Schema:
    answer = {"description": "What was asked for.", "content": dict(content)}
    return {
        "get": {
            "tags": [tag],
            "summary": summary,
            "parameters": list(parameters),
            "responses": {"200": answer, **errors},
        }
    }
