"""What the OpenAPI document says of operators' part of the service."""

from typing import Final

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

_OPERATORS: Final[Responses] = {
    401: problem("No token, or one that is unknown, expired or revoked."),
    403: problem("The token lacks the scope."),
    429: problem("Too many wrong tokens came from there. `Retry-After` says when it may go on."),
}


def load(report: type[BaseModel]) -> Operation:
    """Document the loading of a feed, answered with a `report`."""
    feeds = {
        media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES
    }
    return {
        "response_class": Response,
        "responses": {
            **_OPERATORS,
            200: {"model": report, "description": "The receipt, or what it would be."},
            202: {"description": "The load has begun; `Location` is its receipt."},
            400: BAD_REQUEST,
            409: problem("A load with the same idempotency key is running."),
            413: problem("The feed is larger than is allowed, as it is or decompressed."),
            415: problem("The feed is of a kind, or in a coding, that is not taken."),
            422: {"model": report, "description": "Every record of the feed was rejected."},
        },
        "openapi_extra": {"requestBody": {"required": True, "content": feeds}},
    }


def receipt(report: type[BaseModel], events: str) -> Operation:
    """Document the reading of a receipt, a `report`, or `events` of it."""
    described = "The receipt; as events, again and again while the load runs."
    content = {events: {"schema": {"type": "string"}}}
    shown = {"model": report, "description": described, "content": content}
    return {"responses": {200: shown, **admin_read()["responses"]}}


def results(media_type: str) -> Operation:
    """Document the reading of all results of a load."""
    content = {media_type: {"schema": {"type": "string"}}}
    shown = {"description": "One result a line.", "content": content}
    return {
        "response_class": Response,
        "responses": {200: shown, **admin_read()["responses"]},
    }


def undo(report: type[BaseModel]) -> Operation:
    """Document the undoing of a load, answered with a `report`."""
    shown = {"model": report, "description": "What was put back, and what was left, and why."}
    conflict = problem("The load is running, has been undone, or is an undo itself.")
    responses = {200: shown, **admin_read()["responses"], 409: conflict}
    return {"responses": responses, "response_class": Response}


def stored_article(report: type[BaseModel]) -> Operation:
    """Document the reading of an article as it is kept."""
    shown = {"model": report, "description": "The article, and what it has been through."}
    return {"responses": {200: shown, **admin_read()["responses"]}}


def edit(report: type[BaseModel], media_type: str | None) -> Operation:
    """Document an edit, answered with a `report`, the body of which is of `media_type`."""
    shown = {"model": report, "description": "The receipt."}
    responses = {
        200: shown,
        **_OPERATORS,
        400: BAD_REQUEST,
        404: NOT_FOUND,
        409: problem("The edit does not fit to what is there; the answer says why."),
        412: ELSEWHERE[412],
        413: problem("The record is too large."),
        422: problem("The body is no article record; the answer names each fault."),
    }
    fields = {"type": "object", "additionalProperties": True}
    body = {"required": True, "content": {media_type: {"schema": fields}}}
    extra = {"requestBody": body} if media_type else {}
    return {"responses": responses, "response_class": Response, "openapi_extra": extra}


def admin_read() -> Operation:
    """Document the reading of receipts and actions."""
    return {"responses": {**_OPERATORS, 400: BAD_REQUEST, 404: NOT_FOUND}}
