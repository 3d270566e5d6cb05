"""The schemas of what readers are answered with, for the OpenAPI document."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.representations.article import FORMATS
from app.search.listing_query import SEARCH_SORTS, SORTS
from app.store.listing import facets, vocabulary_pages

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
LISTING_SORTS: Final = tuple(dict.fromkeys((*SORTS, *SEARCH_SORTS)))
_INSTANT: Final = {"type": "string", "format": "date-time"}
_URL: Final = {"type": "string", "format": "uri"}
_FLAG: Final = {"type": "boolean"}


def of(name: str) -> Schema:
    """Return a reference to the schema `name`."""
    return {"$ref": f"#/components/schemas/{name}"}


def in_json(name: str, example: str = "") -> Schema:
    """Return how an answer is described that is of the schema `name`.

    The example of it is called as the schema is, but for those that are for one answer alone.
    """
    shown = example or name
    return {
        "schema": of(name),
        "examples": {shown: {"$ref": f"#/components/examples/{shown}"}},
    }


def one_of(values: Sequence[str]) -> Schema:
    """Return the schema of a text that is one of `values`."""
    return {"type": "string", "enum": list(values)}


def listed(items: Mapping[str, Any]) -> Schema:
    """Return the schema of a list of `items`."""
    return {"type": "array", "items": dict(items)}


def _nullable(schema: Mapping[str, Any]) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> Schema:
    members = {**required, **(optional or {})}
    return {"type": "object", "properties": members, "required": list(required)}


_RECORD: Final = {
    "slug": TEXT,
    "title": TEXT,
    "summary": TEXT,
    "url": _URL,
    "canonical_source": _nullable(_URL),
    "published_at": _INSTANT,
    "updated_at": _INSTANT,
    "lang": TEXT,
    "topics": listed(TEXT),
    "entities": listed(TEXT),
    "alternates": _object({form.name: _URL for form in FORMATS if form.name != "json"}),
}
_ARTICLES: Final[Mapping[str, Schema]] = {
    "Article": {
        **_object({**_RECORD, "body_md": TEXT}),
        "description": "An article. Fields that it came in with beside these are there, too.",
    },
    "Brief": {**_object(_RECORD), "description": "An article without its text."},
    "NewsArticle": {
        **_object(
            {
                "@context": {"const": "https://schema.org"},
                "@type": {"const": "NewsArticle"},
                "@id": _URL,
                "url": _URL,
                "mainEntityOfPage": _URL,
                "headline": TEXT,
                "datePublished": _INSTANT,
                "dateModified": _INSTANT,
                "inLanguage": TEXT,
                "encoding": listed(
                    _object(
                        {
                            "@type": {"const": "MediaObject"},
                            "contentUrl": _URL,
                            "encodingFormat": TEXT,
                        }
                    )
                ),
            },
            {
                "abstract": TEXT,
                "articleBody": TEXT,
                "keywords": listed(TEXT),
                "mentions": listed(_object({"@type": {"const": "Thing"}, "name": TEXT})),
                "isBasedOn": _URL,
            },
        ),
        "description": "An article in JSON-LD. What it lacks is left out.",
    },
}
_LISTINGS: Final[Mapping[str, Schema]] = {
    "Item": {
        **_object({}, {**_RECORD, "body_md": TEXT, "highlights": of("Highlights")}),
        "description": "An article, with the fields that were asked for; without `fields`, all"
        " but the text, which is there with `include=body`.",
    },
    "Highlights": {
        **_object({}, dict.fromkeys(("title", "summary", "body"), TEXT)),
        "description": "HTML: escaped, with mark around what was found.",
    },
    "Total": _object({"value": COUNT, "exact": _FLAG}),
    "Count": _object({"value": TEXT, "label": TEXT, "articles": COUNT}),
    "Facets": _object(
        {
            "counted": COUNT,
            "exact": _FLAG,
            "terms": _object(dict.fromkeys(facets.FACETS, listed(of("Count")))),
        }
    ),
    "Missing": _object(
        {
            "slug": TEXT,
            "status": {"type": "integer", "enum": [308, 404, 410]},
            "url": _nullable(_URL),
        }
    ),
    "Listing": _object(
        {
            "items": listed(of("Item")),
            "next": _nullable(_URL),
            "prev": _nullable(_URL),
            "filters": {"type": "object", "additionalProperties": listed(TEXT)},
            "sort": one_of(LISTING_SORTS),
            "limit": COUNT,
        },
        {"total": of("Total"), "facets": of("Facets"), "missing": listed(of("Missing"))},
    ),
    "Feed": {
        **_object(
            {
                "version": {"const": "https://jsonfeed.org/version/1.1"},
                "title": TEXT,
                "home_page_url": _URL,
                "feed_url": _URL,
                "items": listed(of("FeedItem")),
            },
            {"next_url": _URL, "language": TEXT},
        ),
        "description": "A listing as JSON Feed 1.1.",
    },
    "FeedItem": _object(
        {
            "id": _URL,
            "url": _URL,
            "title": TEXT,
            "content_html": TEXT,
            "date_published": _INSTANT,
            "date_modified": _INSTANT,
            "language": TEXT,
        },
        {"external_url": _URL, "summary": TEXT, "tags": listed(TEXT)},
    ),
    "Related": _object({"items": listed(of("Brief"))}),
}
_VOCABULARIES: Final[Mapping[str, Schema]] = {
    "Term": _object(
        {
            "slug": TEXT,
            "name": TEXT,
            "articles": COUNT,
            "latest": _nullable(_INSTANT),
            "url": _URL,
        }
    ),
    "Vocabulary": _object(
        {
            "items": listed(of("Term")),
            "next": _nullable(_URL),
            "prefix": TEXT,
            "sort": one_of(vocabulary_pages.SORTS),
            "limit": COUNT,
        }
    ),
}
_CHANGES: Final[Mapping[str, Schema]] = {
    "Change": _object(
        {
            "seq": COUNT,
            "kind": one_of(("created", "updated", "moved", "deleted", "restored")),
            "slug": TEXT,
            "url": _URL,
            "at": _INSTANT,
        },
        {"previous_slug": TEXT, "record": _nullable(of("Article"))},
    ),
    "Changes": _object({"changes": listed(of("Change")), "last": COUNT, "more": _FLAG}),
}
_PROBLEMS: Final[Mapping[str, Schema]] = {
    "ProblemDetails": {
        **_object(
            {"type": TEXT, "title": TEXT, "status": {"type": "integer"}, "detail": TEXT},
            {
                "errors": listed(of("BadParameter")),
                "variants": listed(of("Variant")),
                "last": COUNT,
            },
        ),
        "additionalProperties": True,
        "description": "An error (RFC 9457). HTML, Markdown or plain text go to those who ask for"
        " them. `errors` are the parameters at fault, `variants` what there is of what was not"
        " acceptable, `last` is the newest change.",
    },
    "BadParameter": _object({"parameter": TEXT, "reason": TEXT}),
    "Variant": _object({"type": TEXT, "url": _URL}),
}
SCHEMAS: Final[Mapping[str, Schema]] = {
    **_ARTICLES,
    **_LISTINGS,
    **_VOCABULARIES,
    **_CHANGES,
    **_PROBLEMS,
}
