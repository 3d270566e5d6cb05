"""What the OpenAPI document says of each operation, derived from the tables that decide it."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from app.feeds import MEDIA_TYPES
from app.representations import FORMATS, Format

DESCRIPTION: Final = (
    "A news-article server. Each article has one address, `/news/{slug}`, and is answered there in"
    " the representation that `Accept` asks for; a suffix fixes the representation."
)

Operation = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]


class ProblemDetails(BaseModel):
    """An error (RFC 9457). HTML, Markdown or plain text go to those who ask for them."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no article at /news/nothing-here."])


_TEXTS: Final = ("text/html", "text/markdown", "text/plain")
_PROBLEM_REF: Final = {"$ref": "#/components/schemas/ProblemDetails"}


def _problem(description: str) -> dict[str, Any]:
    texts = {media_type: {"schema": {"type": "string"}} for media_type in _TEXTS}
    json_problem = {"application/problem+json": {"schema": _PROBLEM_REF}}
    return {"description": description, "content": json_problem | texts}


_BAD_REQUEST: Final = _problem("The request cannot be read; the answer says where.")
_NOT_FOUND: Final = _problem("There is nothing at this address.")
_UNAVAILABLE: Final = _problem(
    "The database does not answer. `Retry-After` says when to try again."
)

EVERYWHERE: Final[Responses] = {
    500: _problem("Something went wrong on the server."),
    503: _UNAVAILABLE,
}


def negotiated() -> Operation:
    """Document an article at its bare URL."""
    content = {form.media_type: _content(form) for form in FORMATS}
    return {
        "name": "article",
        "summary": "An article, in the representation that Accept asks for",
        "responses": {
            200: {"description": "The article.", "content": content},
            404: _NOT_FOUND,
            406: _problem("None of the representations is acceptable; the answer lists them."),
        },
    }


def twin(form: Format) -> Operation:
    """Document an article at the URL of one representation."""
    return {
        "name": f"article_{form.name}",
        "summary": f"An article as {form.media_type}",
        "responses": {
            200: {"description": "The article.", "content": {form.media_type: _content(form)}},
            404: _NOT_FOUND,
        },
    }


def moved(why: str) -> Operation:
    """Document an address that only leads to another."""
    return {
        "summary": "Redirect to the article",
        "status_code": 308,
        "responses": {308: {"description": why}},
    }


def load(report: type[BaseModel]) -> Operation:
    """Document the loading of a feed, answered with a `report`."""
    feeds = {
        media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES
    }
    return {
        "responses": {
            **_OPERATORS,
            400: _BAD_REQUEST,
            413: _problem("The feed is larger than is allowed, as it is or decompressed."),
            415: _problem("The feed is of a kind, or in a coding, that is not taken."),
            422: {"model": report, "description": "Every record of the feed was rejected."},
        },
        "openapi_extra": {"requestBody": {"required": True, "content": feeds}},
    }


def operators() -> Operation:
    """Document the reading of receipts."""
    return {"responses": {**_OPERATORS, 400: _BAD_REQUEST, 404: _NOT_FOUND}}


def health() -> Operation:
    """Document a health check."""
    return {"responses": {503: _UNAVAILABLE}}


def _content(form: Format) -> Mapping[str, Any]:
    kind = "object" if "json" in form.media_type else "string"
    return {"schema": {"type": kind}}


_OPERATORS: Final[Responses] = {
    401: _problem("No token, or one that is unknown, expired or revoked."),
    403: _problem("The token lacks the scope."),
}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Return the framework's document with our problems in the place of its validation errors."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for foreign in "HTTPValidationError", "ValidationError":
        schemas.pop(foreign, None)
    schemas[ProblemDetails.__name__] = ProblemDetails.model_json_schema()
    for path in document["paths"].values():
        for operation in path.values():
            _without_validation_error(operation["responses"])
    return document


def _without_validation_error(responses: dict[str, Any]) -> None:
    content = responses.get("422", {}).get("content", {})
    if "HTTPValidationError" in str(content.get("application/json", "")):
        del responses["422"]
