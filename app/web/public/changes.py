"""`/changes`: the public change feed, as pages of JSON, as NDJSON and as server-sent events."""

import json
from http import HTTPStatus
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field, PlainValidator, WithJsonSchema
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute, Route

from app.http.accept import negotiate
from app.http.query_params import (
    LARGEST,
    Between,
    QueryParams,
    invalid_parameter,
    parse_number,
    parse_pairs,
    validate,
)
from app.store import change_log as store
from app.web.http_contract import HttpContract, Representation, Storage
from app.web.problems import Problem
from app.web.public import change_pages, change_streams
from app.web.public.change_pages import RECORDS_AT_MOST, ChangesPage
from app.web.redirects import without_slash
from app.web.request_headers import request_preferences
from app.web.responses import head_response, to_response
from app.web.state import AppState, get_state

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
EVENTS: Final = "text/event-stream"
LATEST: Final = "latest"
"""The value of `since` that stands for the newest change."""

LIMIT: Final = 100
LIMIT_AT_MOST: Final = 1_000
WAIT_AT_MOST: Final = 60
_TWINS: Final = {".json": JSON, ".ndjson": NDJSON}

_PAGE: Final = HttpContract(Storage.REVALIDATE)
# Without X-Accel-Buffering nginx holds events back until its buffer is full.
_STREAM: Final = HttpContract(Storage.NEVER, extra={"X-Accel-Buffering": "no"})


def _parse_since(text: str) -> int | Literal["latest"]:
    number = parse_number(text)
    if text == LATEST or number is not None:
        return LATEST if number is None else number
    raise ValueError(f"must be a number from 0 to {LARGEST}, or {LATEST}")


class ChangesParams(QueryParams):
    """The query parameters of the change feed."""

    since: Annotated[
        int | Literal["latest"] | None,
        PlainValidator(_parse_since),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "integer", "minimum": 0, "maximum": LARGEST},
                    {"type": "string", "const": LATEST},
                ]
            }
        ),
    ] = Field(
        None,
        description="The number of the last change that the client knows: `last` of the page"
        " before. Without it the feed begins with the first change, and an event stream with the"
        " next one. `latest` skips all changes so far. A number that no change has yet is a 409:"
        " the site now has another database, and the client has to start over.",
        examples=[2],
    )
    limit: Annotated[int | None, Between(1, LIMIT_AT_MOST)] = Field(
        None,
        description=f"The largest number of changes. A page has {LIMIT} by default, and at most"
        f" {RECORDS_AT_MOST} with `include=record`; NDJSON has all changes by default.",
        examples=[500],
    )
    wait: Annotated[int, Between(0, WAIT_AT_MOST)] = Field(
        0,
        description="Long polling: if there is no change yet, a page waits for one for up to this"
        " many seconds. NDJSON and event streams ignore it.",
        examples=[30],
    )
    include: Literal["record"] | None = Field(
        None,
        description="Add to each change the article as it is now, in `record`. An event stream"
        " cannot have it: that is a 400.",
        examples=["record"],
    )


def routes() -> list[BaseRoute]:
    """Return the routes of the change feed."""
    paths = ["/changes", *(f"/changes{suffix}" for suffix in _TWINS)]
    methods = ["GET", "HEAD"]
    return [
        *(Route(path, _changes, methods=methods) for path in paths),
        Route("/changes/", without_slash, methods=methods),
    ]


async def _changes(request: Request) -> Response:
    state = get_state(request)
    preferences = request_preferences(request.scope)
    params = validate(ChangesParams, parse_pairs(preferences.query))
    suffix = preferences.path.removeprefix("/changes")
    media_type = _TWINS.get(suffix) or _select_media_type(state, preferences.accept)
    since = _since(request, state, params, media_type)
    await run_in_threadpool(_check_since, state, since)
    if media_type == JSON:
        limit = min(params.limit or LIMIT, RECORDS_AT_MOST if params.include else LIMIT_AT_MOST)
        page = await change_pages.wait_for_page(state, since, limit, params.wait)
        return await run_in_threadpool(_page_response, request, page, params)
    headers = _STREAM.headers(state.freshness, media_type, negotiated=not suffix)
    if request.method == "HEAD":
        return head_response(headers, media_type)
    if media_type == EVENTS:
        stream = change_streams.events(state, since)
        return StreamingResponse(stream, headers=headers, media_type=media_type)
    lines = change_streams.ndjson_lines(
        state, since, params.limit, with_records=params.include is not None
    )
    return StreamingResponse(lines, headers=headers, media_type=media_type)


def _select_media_type(state: AppState, accept: str | None) -> str:
    """Return the media type that `Accept` selects. Raises the 406."""
    # No wildcard may select the stream: it never ends.
    names_events = EVENTS in (accept or "").lower()
    media_type = negotiate(accept, (JSON, NDJSON, EVENTS) if names_events else (JSON, NDJSON))
    if media_type is not None:
        return media_type
    choices = [
        (media_type, f"{state.site.base_url}/changes{suffix}")
        for suffix, media_type in _TWINS.items()
    ]
    detail = "The change feed is not available in any media type that the request accepts."
    raise Problem(HTTPStatus.NOT_ACCEPTABLE, detail, choices=choices)


def _since(request: Request, state: AppState, params: ChangesParams, media_type: str) -> int:
    """Return the number after which the response begins. A stream resumes at Last-Event-ID."""
    if media_type == EVENTS:
        if params.include:
            raise invalid_parameter("include", "cannot be combined with an event stream")
        last_event = parse_number(request.headers.get("last-event-id", ""))
        if last_event is not None:
            return last_event
        if params.since is None:
            return state.broadcast.last
    return state.broadcast.last if params.since == LATEST else params.since or 0


def _check_since(state: AppState, since: int) -> None:
    """Raise the 409 for a number that no change has: the client followed another database."""
    if since <= state.broadcast.last:
        return
    newest = state.database.query(store.last_seq)
    if since > newest:
        detail = (
            f"The newest change has the number {newest}, so {since} belongs to another database."
            " Start over without since."
        )
        raise Problem(HTTPStatus.CONFLICT, detail, members={"last": newest})


def _page_response(request: Request, page: ChangesPage, params: ChangesParams) -> Response:
    state = get_state(request)
    preferences = request_preferences(request.scope)
    with_records = params.include is not None
    envelope = {
        "changes": change_pages.to_json(state, page.changes, with_records=with_records),
        "last": page.last,
        "more": page.more,
    }
    following = {"since": page.last, "limit": params.limit or LIMIT}
    query = urlencode(following | ({"include": params.include} if params.include else {}))
    chosen = Representation(
        JSON,
        json.dumps(envelope, ensure_ascii=False).encode(),
        negotiated=preferences.path == "/changes",
        headers={"Link": f'<{state.site.base_url}/changes.json?{query}>; rel="next"'},
    )
    return to_response(request, _PAGE.response(state.freshness, preferences, chosen))
