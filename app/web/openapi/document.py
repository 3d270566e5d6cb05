"""The OpenAPI document: the framework's own, completed with the operations of public resources."""

import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app.representations.article import BY_SUFFIX, FORMATS, ArticleFormat
from app.web.http_contract import HttpContract, Representation
from app.web.methods import readable
from app.web.openapi import examples, public_operations
from app.web.openapi.schemas import SCHEMAS, TEXT, in_json
from app.web.problems import PROBLEM, problem_format
from app.web.request_headers import request_preferences
from app.web.responses import to_response
from app.web.state import StateDep

DESCRIPTION: Final = (
    "A news-article server. Each article has one address, `/news/{slug}`, where `Accept` selects"
    " its representation: a page, Markdown, plain text, JSON or JSON-LD. A suffix fixes the"
    " representation: `/news/{slug}.json`. Listings, vocabularies and the change feed work the same"
    " way. Unknown query parameters are errors. Errors are `application/problem+json` (RFC 9457),"
    " unless the client prefers HTML, Markdown or plain text."
)

_CONTRACT: Final = HttpContract()

Operation = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]


_TEXTS: Final = ("text/html", "text/markdown", "text/plain")


def problem(description: str) -> dict[str, Any]:
    """Return the description of an error response in each of its media types."""
    texts = {media_type: {"schema": TEXT} for media_type in _TEXTS}
    return {"description": description, "content": {PROBLEM: in_json("ProblemDetails"), **texts}}


BAD_REQUEST: Final = problem(
    "The request is invalid. `errors` names each parameter at fault and what is allowed."
)
NOT_FOUND: Final = problem("There is nothing at this address.")
_UNAVAILABLE: Final = problem("The database is unavailable. `Retry-After` says when to try again.")

ELSEWHERE: Final[Responses] = {
    304: {"description": "Not modified: the client's copy, named by its ETag or date, is current."},
    308: {"description": "The article has moved to the address in `Location`."},
    410: problem("The article has been withdrawn."),
    412: problem("A precondition of the request failed."),
}

EVERYWHERE: Final[Responses] = {
    500: problem("An error on the server. It is logged there."),
    503: _UNAVAILABLE,
}


def operation_id(route: APIRoute) -> str:
    """Return the operation id of `route`, from which generated clients name their methods."""
    return "_".join((*map(str, route.tags), route.name.strip("_")))


def router() -> APIRouter:
    """Return the route of `/openapi.json`."""
    routes = APIRouter(include_in_schema=False, default_response_class=Response)
    readable(routes, "/openapi.json", _document, {})
    return routes


def _document(request: Request, service: StateDep) -> Response:
    body = json.dumps(request.app.openapi(), ensure_ascii=False).encode()
    preferences = request_preferences(request.scope)
    chosen = Representation("application/json", body, negotiated=False)
    return to_response(request, _CONTRACT.response(service.freshness, preferences, chosen))


def _articles() -> dict[str, Any]:
    """Return the operations of an article, one for each representation and the negotiated one."""
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
        "summary": "An article in the representation that Accept selects",
        "responses": {
            200: {"description": "The article.", "content": content},
            **ELSEWHERE,
            404: NOT_FOUND,
            406: problem("No representation is acceptable. `variants` lists all of them."),
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
    """Return the operation of `/negotiate`. Its JSON is a `report`."""
    accept = {
        "name": "accept",
        "in": "query",
        "description": "The value of an Accept header. Repeated values are joined into one list."
        " Without it, the request's own Accept is explained.",
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
    """Return the operation of a health check whose healthy status is `status`."""
    example = {"examples": {status: {"value": {"status": status}}}}
    well = {"description": "Healthy.", "content": {"application/json": example}}
    return {"responses": {200: well, 503: _UNAVAILABLE}}


def _content(form: ArticleFormat) -> Mapping[str, Any]:
    schemas = {"json": "Article", "jsonld": "NewsArticle"}
    return in_json(schemas[form.name]) if form.name in schemas else {"schema": TEXT}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Return the framework's document with the public operations, and problems for its errors."""
    errors: Responses = {**ELSEWHERE, 400: BAD_REQUEST, 404: NOT_FOUND, **EVERYWHERE}
    errors |= {
        406: problem(
            "No representation is acceptable. `variants` or the links in the text list all of them."
        ),
        409: problem(
            "No change has the number `since` yet: the site has another database, so start over."
        ),
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
            "description": "The id of the request: the client's own if it sent one.",
            "schema": {"type": "string"},
        }


def _in_the_form_of(path: str, responses: dict[str, Any]) -> None:
    """Keep of each error only the media type that the suffix of `path` fixes, if it fixes one."""
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
