"""The operations under `/admin` in the OpenAPI document."""

from collections.abc import Collection
from typing import Any, Final

from fastapi import Response
from pydantic import BaseModel

from app.web.openapi.document import (
    BAD_REQUEST,
    ELSEWHERE,
    NOT_FOUND,
    Operation,
    Responses,
    problem,
)
from app.web.uploads.request_body import MEDIA_TYPES

_AUTHENTICATION: Final[Responses] = {
    401: problem("The token is missing, unknown, expired or revoked."),
    403: problem("The token lacks the scope."),
    429: problem("Too many invalid tokens from this network; `Retry-After` says when to go on."),
}
_READ: Final[Responses] = {**_AUTHENTICATION, 400: BAD_REQUEST, 404: NOT_FOUND}
_PREFER: Final = {
    "name": "prefer",
    "in": "header",
    "description": "`respond-async`: respond with 202 as soon as the load has a receipt.",
    "schema": {"type": "string"},
}


def load(report: type[BaseModel], dry_run_report: type[BaseModel]) -> Operation:
    """Document the loading of feeds: the response is a `report`, or a `dry_run_report`."""
    feeds = {
        media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES
    }
    return {
        "response_class": Response,
        "responses": {
            **_AUTHENTICATION,
            200: {
                "model": report | dry_run_report,
                "description": "The receipt of the load, or with `dry_run` the report.",
            },
            202: {"description": "The load has started; `Location` is the URL of its receipt."},
            400: BAD_REQUEST,
            409: problem("A load with the same idempotency key is running."),
            413: problem("The feed exceeds the size limit, as sent or decompressed."),
            415: problem("The media type or the content coding is not supported."),
            422: {
                **problem("The idempotency key belongs to another load."),
                "model": report | dry_run_report,
                "description": "Every record of the feed was rejected, or in atomic mode any; or"
                " the idempotency key belongs to another load.",
            },
        },
        "openapi_extra": {
            "requestBody": {"required": True, "content": feeds},
            "parameters": [_PREFER],
        },
    }


def receipt(report: type[BaseModel], events: str) -> Operation:
    """Document the reading of a receipt: a `report`, or a stream of the media type `events`."""
    description = "The receipt; as an event stream, repeatedly while the load runs."
    content = {events: {"schema": {"type": "string"}}}
    return admin_read({"model": report, "description": description, "content": content})


def results(media_type: str) -> Operation:
    """Document the reading of all results of a load, as `media_type`."""
    content = {media_type: {"schema": {"type": "string"}}}
    return {
        **admin_read({"description": "One result per line.", "content": content}),
        "response_class": Response,
    }


def undo(report: type[BaseModel]) -> Operation:
    """Document the undoing of a load, which responds with a `report`."""
    description = "What was restored, and what was left as it is, with the reason."
    operation = admin_read({"model": report, "description": description})
    operation["responses"][409] = problem("The load is running, already undone, or itself an undo.")
    return {**operation, "response_class": Response}


def stored_article(report: type[BaseModel]) -> Operation:
    """Document the reading of a stored article."""
    return admin_read({"model": report, "description": "The article and its history."})


def edit(report: type[BaseModel], media_types: Collection[str]) -> Operation:
    """Document an edit, which responds with a `report`; its body is of one of `media_types`."""
    responses = {
        200: {"model": report, "description": "The receipt."},
        **_READ,
        409: problem("The edit conflicts with the current state; the response says how."),
        412: ELSEWHERE[412],
    }
    if not media_types:
        return {"responses": responses, "response_class": Response}
    responses |= {
        413: problem("The body exceeds the size limit, as sent or decompressed."),
        415: problem("The media type or the content coding is not supported."),
        422: problem("The body is not a valid article record; the response lists the faults."),
    }
    fields = {"type": "object", "additionalProperties": True}
    content = {media_type: {"schema": fields} for media_type in media_types}
    return {
        "responses": responses,
        "response_class": Response,
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
    }


def admin_read(success: dict[str, Any] | None = None) -> Operation:
    """Document a read under `/admin`; `success` is its 200, unless FastAPI can derive that."""
    return {"responses": {**({200: success} if success else {}), **_READ}}
