"""What the OpenAPI document says of each operation, derived from the tables that decide it."""

import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app.cache.response_cache import CachedResponse
from app.http.content_coding import IDENTITY
from app.representations.article import BY_SUFFIX, FORMATS, ArticleFormat
from app.web.methods import readable
from app.web.openapi import examples, public_operations
from app.web.openapi.schemas import SCHEMAS, TEXT, in_json
from app.web.problems import PROBLEM, problem_format
from app.web.request_headers import request_preferences
from app.web.response_headers import caching_headers, entity_tag, policy_headers
from app.web.responses import to_response
from app.web.state import StateDep

DESCRIPTION: Final = (
    "A news-article server. Each article has one address, `/news/{slug}`, and is answered there in"
    " the representation that `Accept` asks for; a suffix fixes the representation."
)

Operation = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]


_TEXTS: Final = ("text/html", "text/markdown", "text/plain")


def problem(description: str) -> dict[str, Any]:
    """Return the description of an error, in each form that it has."""
    texts = {media_type: {"schema": TEXT} for media_type in _TEXTS}
    return {"description": description, "content": {PROBLEM: in_json("ProblemDetails"), **texts}}


BAD_REQUEST: Final = problem("The request cannot be read; the answer says where.")
NOT_FOUND: Final = problem("There is nothing at this address.")
_UNAVAILABLE: Final = problem("The database does not answer. `Retry-After` says when to try again.")

ELSEWHERE: Final[Responses] = {
    304: {"description": "The client has it already, by its ETag or date."},
    308: {"description": "The article has moved, or its address is spelt otherwise."},
    410: problem("The article was withdrawn."),
    412: problem("A precondition of the request does not hold."),
}

EVERYWHERE: Final[Responses] = {
    500: problem("Something went wrong on the server."),
    503: _UNAVAILABLE,
}


def operation_id(route: APIRoute) -> str:
    """Return what generated clients call the operation at `route`."""
    return "_".join((*map(str, route.tags), route.name.strip("_")))


def router() -> APIRouter:
    """Return the route of the document itself."""
    routes = APIRouter(include_in_schema=False, default_response_class=Response)
    readable(routes, "/openapi.json", _document, {})
    return routes


def _document(request: Request, service: StateDep) -> Response:
    body = json.dumps(request.app.openapi(), ensure_ascii=False).encode()
    media_type = "application/json"
    etag = entity_tag(media_type, IDENTITY, body)
    is_authorized = request_preferences(request.scope).is_authorized
    caching = caching_headers(
        200, media_type, service.freshness, negotiated=False, is_authorized=is_authorized
    )
    fields = {"Content-Type": media_type, "ETag": etag, **caching, **policy_headers(media_type)}
    return to_response(request, CachedResponse(200, fields, body, etag=etag))


def _articles() -> dict[str, Any]:
    """Document the addresses of an article: they follow from the table of representations."""
    paths = {"/news/{slug}": _negotiated()}
    paths |= {f"/news/{{slug}}{form.suffix}": _twin(form) for form in BY_SUFFIX.values()}
    return {
        path: {
            "get": {
                "tags": ["articles"],
                "parameters": public_operations.path_parameters(path),
                **operation,
                "responses": {str(status): each for status, each in responses.items()},
            }
        }
        for path, operation in paths.items()
        for responses in [EVERYWHERE | operation["responses"]]
    }


def _negotiated() -> Operation:
    content = {form.media_type: _content(form) for form in FORMATS}
    return {
        "operationId": "article",
        "summary": "An article, in the representation that Accept asks for",
        "responses": {
            200: {"description": "The article.", "content": content},
            **ELSEWHERE,
            404: NOT_FOUND,
            406: problem("None of the representations is acceptable; the answer lists them."),
        },
    }


def _twin(form: ArticleFormat) -> Operation:
    return {
        "operationId": f"article_{form.name}",
        "summary": f"An article as {form.media_type}",
        "responses": {
            200: {"description": "The article.", "content": {form.media_type: _content(form)}},
            **ELSEWHERE,
            404: NOT_FOUND,
        },
    }


def explained(report: type[BaseModel], longest: int) -> Operation:
    """Document the explanation of a negotiation, in JSON a `report`."""
    accept = {
        "name": "accept",
        "in": "query",
        "description": "The value of an Accept header; several of them are one list."
        " Without it, the request's own header is explained.",
        "schema": {"type": "array", "items": {"type": "string", "maxLength": longest}},
        "example": [examples.ACCEPT],
    }
    content = {"text/plain": {"schema": TEXT}, "application/json": in_json(report.__name__)}
    return {
        "name": "negotiation",
        "summary": "Why an Accept header gets the representation it gets",
        "responses": {
            200: {"model": report, "description": "The explanation.", "content": content},
            304: ELSEWHERE[304],
            400: BAD_REQUEST,
            412: ELSEWHERE[412],
        },
        "openapi_extra": {"parameters": [accept]},
    }


def health(status: str) -> Operation:
    """Document a health check that says `status` where all is well."""
    example = {"examples": {status: {"value": {"status": status}}}}
    well = {"description": "All is well.", "content": {"application/json": example}}
    return {"responses": {200: well, 503: _UNAVAILABLE}}


def _content(form: ArticleFormat) -> Mapping[str, Any]:
    schemas = {"json": "Article", "jsonld": "NewsArticle"}
    return in_json(schemas[form.name]) if form.name in schemas else {"schema": TEXT}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Return the framework's document with the articles, and problems for its validation errors."""
    errors: Responses = {**ELSEWHERE, 400: BAD_REQUEST, 404: NOT_FOUND, **EVERYWHERE}
    errors |= {
        406: problem("None of the media types is acceptable."),
        409: problem("`since` is a number yet to come."),
    }
    read = public_operations.paths({str(status): each for status, each in errors.items()})
    document["paths"] = _articles() | read | document["paths"]
    components = document.setdefault("components", {})
    components["examples"] = {name: {"value": each} for name, each in examples.answers().items()}
    schemas = components.setdefault("schemas", {})
    schemas |= SCHEMAS
    for foreign in "HTTPValidationError", "ValidationError":
        schemas.pop(foreign, None)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _without_validation_error(operation["responses"])
            _in_the_form_of(path, operation["responses"])
            if path.startswith("/admin"):
                _named(operation["responses"])
    return document


def _named(responses: dict[str, Any]) -> None:
    for response in responses.values():
        response.setdefault("headers", {})["X-Request-ID"] = {
            "description": "The request's own id where it sent one, else one given here.",
            "schema": {"type": "string"},
        }


def _in_the_form_of(path: str, responses: dict[str, Any]) -> None:
    """Leave of each error the form that the suffix of `path` fixes, if it fixes one."""
    form, negotiated = problem_format(path, "")
    if negotiated:
        return
    for status, response in responses.items():
        if PROBLEM in response.get("content", {}):
            responses[status] = {**response, "content": {form: response["content"][form]}}


def _without_validation_error(responses: dict[str, Any]) -> None:
    content = responses.get("422", {}).get("content", {})
    if "HTTPValidationError" in str(content.get("application/json", "")):
        del responses["422"]
