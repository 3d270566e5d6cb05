"""`/changes`: what has changed for readers, as pages, as lines, and as it happens.

All three are in one file, for they read the same pages.
"""

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BeforeValidator, Field
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute, Route

from app.article.timestamps import format_instant
from app.cache.response_cache import CachedResponse
from app.http.accept import negotiate
from app.http.content_coding import IDENTITY
from app.http.query_params import (
    LARGEST,
    QueryParams,
    invalid_parameter,
    number_between,
    parse_number,
    parse_pairs,
    validate,
)
from app.representations.article import article_links, article_path, json_record
from app.store import change_log as store
from app.store.change_log import PublicChange
from app.store.listing import pages
from app.web.problems import Problem
from app.web.redirects import without_slash
from app.web.request_headers import request_preferences
from app.web.response_headers import entity_tag, policy_headers
from app.web.responses import head_response, to_response
from app.web.state import AppState, get_state

JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
EVENTS: Final = "text/event-stream"
OFFERS: Final = (JSON, LINES, EVENTS)
LATEST: Final = "latest"
"""What `since` is for those who want what comes from now on."""

LIMIT: Final = 100
LIMIT_AT_MOST: Final = 1_000
RECORDS_AT_MOST: Final = 100
"""How many changes a page has at most that come with their articles."""

WAIT_AT_MOST: Final = 60
HEARTBEAT_SECONDS: Final = 15
RETRY_MILLISECONDS: Final = 2_000
_GLANCE_SECONDS: Final = 1
_TWINS: Final = {".json": JSON, ".ndjson": LINES}


def _check_since(value: object) -> object:
    return LATEST if value == LATEST else number_between(0, LARGEST)(value)


class ChangesParams(QueryParams):
    """The query parameters of the change feed."""

    since: Annotated[int | Literal["latest"] | None, BeforeValidator(_check_since)] = Field(
        None,
        description="The number of the last change the client knows; changes after it are"
        " returned. 0 is the beginning, `latest` the newest change.",
        examples=[2],
        json_schema_extra={"anyOf": [{"type": "integer", "minimum": 0}, {"const": LATEST}]},
    )
    limit: Annotated[int | None, BeforeValidator(number_between(1, LIMIT_AT_MOST))] = Field(
        None,
        description=f"Changes per page, {LIMIT} by default; at most {RECORDS_AT_MOST} with"
        " `include=record`.",
        examples=[50],
        json_schema_extra={"minimum": 1, "maximum": LIMIT_AT_MOST},
    )
    wait: Annotated[int, BeforeValidator(number_between(0, WAIT_AT_MOST))] = Field(
        0,
        description="Seconds to wait for a change if there is none yet.",
        examples=[30],
        json_schema_extra={"minimum": 0, "maximum": WAIT_AT_MOST},
    )
    include: Literal["record"] | None = Field(
        None, description="Return each article as it is now.", examples=["record"]
    )


@dataclass(frozen=True, slots=True)
class ChangesRequest:
    """A request for at most `limit` changes after `since`, waiting up to `wait` seconds for one.

    With `records`, each change comes with its article.
    """

    since: int | None
    limit: int | None
    wait: int
    records: bool


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Changes in their order, the number to go on from, and whether there are more behind it."""

    changes: list[PublicChange]
    last: int
    more: bool


def routes() -> list[BaseRoute]:
    """Return the routes of the change feed."""
    paths = ["/changes", *(f"/changes{suffix}" for suffix in _TWINS)]
    methods = ["GET", "HEAD"]
    return [
        *(Route(path, _changes, methods=methods) for path in paths),
        Route("/changes/", without_slash, methods=methods),
    ]


async def _changes(request: Request) -> Response:
    service = get_state(request)
    asked = _parse(request)
    path = request.scope["path"]
    kind = next((k for suffix, k in _TWINS.items() if path.endswith(suffix)), None)
    negotiated = kind is None
    kind = kind or _chosen(request_preferences(request.scope).accept)
    if kind is None:
        choices = [(k, f"{service.site.base_url}/changes{s}") for s, k in _TWINS.items()]
        detail = "The change feed has none of the media types that the request accepts."
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, detail, choices=choices)
    since = _resumed(request, service, asked) if kind == EVENTS else asked.since or 0
    await run_in_threadpool(_check, service, since)
    fields = _streaming(kind, negotiated=negotiated)
    if kind != JSON and request.method == "HEAD":
        return head_response(fields, kind)
    if kind == EVENTS:
        return StreamingResponse(_events(service, since), headers=fields, media_type=kind)
    if kind == LINES:
        return StreamingResponse(_lines(service, asked), headers=fields, media_type=kind)
    page = await _page(service, asked)
    return await run_in_threadpool(_answer, request, page, asked, negotiated)


def _chosen(accept: str | None) -> str | None:
    """Return the media type that `accept` gets. A stream without end is only for who names it."""
    named = EVENTS in (accept or "").lower()
    return negotiate(accept, OFFERS if named else OFFERS[:2])


def _parse(request: Request) -> ChangesRequest:
    """Parse the query. Raises InvalidQueryError."""
    query = request.scope["query_string"].decode("latin-1")
    params = validate(ChangesParams, parse_pairs(query))
    if params.include and (params.limit or 0) > RECORDS_AT_MOST:
        reason = f"with include=record it must be at most {RECORDS_AT_MOST}"
        raise invalid_parameter("limit", reason)
    since = params.since
    if since == LATEST:
        since = get_state(request).broadcast.last
    return ChangesRequest(since, params.limit, params.wait, bool(params.include))


def _resumed(request: Request, service: AppState, asked: ChangesRequest) -> int:
    """Return the number behind which a listener goes on: without one, that of the newest change."""
    if asked.records:
        raise invalid_parameter("include", "cannot be combined with an event stream")
    last = parse_number(request.headers.get("last-event-id", ""))
    if last is not None:
        return last
    return service.broadcast.last if asked.since is None else asked.since


def _check(service: AppState, since: int) -> None:
    """Raise the Problem that there is no such number: the client knows another database."""
    if since <= service.broadcast.last:
        return
    newest = service.database.query(store.last_seq)
    if since > newest:
        detail = f"The newest change is {newest}. Begin anew: this is not what you followed."
        raise Problem(HTTPStatus.CONFLICT, detail, members={"last": newest})


async def _page(service: AppState, asked: ChangesRequest) -> ChangesPage:
    """Return a page, for which there is some time to wait: but not for one that is stopping."""
    limit = asked.limit or LIMIT
    deadline = time.monotonic() + asked.wait
    page = await _read(service, asked.since or 0, limit)
    # What readers do not see wakes, too, and is passed.
    while not page.changes and not service.stopping.is_set():
        left = deadline - time.monotonic()
        if left <= 0:
            break
        await service.broadcast.wait(page.last, min(left, _GLANCE_SECONDS))
        page = await _read(service, page.last, limit)
    return page


async def _read(service: AppState, since: int, limit: int) -> ChangesPage:
    """Return what is behind `since`, without a question to the database where it is held."""
    held = service.broadcast.since(since)
    if held is not None:
        changes, last = held
        return _cut(changes, last, limit)
    return await run_in_threadpool(_asked_for, service, since, limit)


def _asked_for(service: AppState, since: int, limit: int) -> ChangesPage:
    with service.database.reading() as session:
        newest = store.last_seq(session.connection())
        found = store.public_since(session, since, limit=limit + 1)
    return _cut(found, max(newest, since), limit)


def _cut(found: list[PublicChange], newest: int, limit: int) -> ChangesPage:
    if len(found) > limit:
        return ChangesPage(found[:limit], found[limit - 1].seq, more=True)
    # What was hidden before the newest is passed.
    return ChangesPage(found, newest, more=False)


def _answer(
    request: Request,
    page: ChangesPage,
    asked: ChangesRequest,
    negotiated: bool,  # noqa: FBT001 - names it where it is given
) -> Response:
    service = get_state(request)
    told = {
        "changes": _told(service, page.changes, records=asked.records),
        "last": page.last,
        "more": page.more,
    }
    body = json.dumps(told, ensure_ascii=False).encode()
    etag = entity_tag(JSON, IDENTITY, body)
    is_authorized = request_preferences(request.scope).is_authorized
    following = {"since": page.last, "limit": asked.limit or LIMIT}
    query = urlencode(following | ({"include": "record"} if asked.records else {}))
    # As with articles: at the bare URL, a cache that ignores Vary could mix it up with others.
    shared = not negotiated or service.freshness.vary_is_honoured
    caching = {"Cache-Control": "private, no-store" if is_authorized else "no-cache"}
    if not (shared or is_authorized):
        caching = {"Cache-Control": "private, no-cache", "CDN-Cache-Control": "no-store"}
    fields = {
        "Content-Type": JSON,
        "ETag": etag,
        "Vary": "Accept, Accept-Encoding" if negotiated else "Accept-Encoding",
        **caching,
        "Link": f'<{service.site.base_url}/changes.json?{query}>; rel="next"',
        **policy_headers(JSON),
    }
    return to_response(request, CachedResponse(HTTPStatus.OK, fields, body, etag=etag))


def _told(
    service: AppState, changes: list[PublicChange], *, records: bool = False
) -> list[dict[str, object]]:
    """Return changes as JSON has them, with the records as they are now where these are wanted."""
    told = [_one(service, change) for change in changes]
    if records and changes:
        slugs = sorted({change.slug for change in changes})
        with service.database.reading() as session:
            found = pages.find_by_slugs(session.connection(), slugs)
        shown = {
            slug: json_record.fields(record, article_links(record, service.site))
            for slug, record in found.items()
        }
        for each, change in zip(told, changes, strict=True):
            each["record"] = shown.get(change.slug)
    return told


def _one(service: AppState, change: PublicChange) -> dict[str, object]:
    moved: Mapping[str, object] = (
        {"previous_slug": change.previous_slug} if change.kind == "moved" else {}
    )
    return {
        "seq": change.seq,
        "kind": change.kind,
        "slug": change.slug,
        **moved,
        "url": service.site.base_url + article_path(change.slug),
        "at": format_instant(change.at),
    }


def _streaming(kind: str, *, negotiated: bool) -> dict[str, str]:
    """Return the header fields of a stream."""
    return {
        "Cache-Control": "no-store",
        "Vary": "Accept, Accept-Encoding" if negotiated else "Accept-Encoding",
        "X-Accel-Buffering": "no",  # what nginx heeds, and would otherwise hold lines back
        **policy_headers(kind),
    }


def _lines(service: AppState, asked: ChangesRequest) -> Iterator[str]:
    """Yield all that is behind `since` by now, or as much as is asked for, a page at a time."""
    since, more, left = asked.since or 0, True, asked.limit
    at_once = RECORDS_AT_MOST if asked.records else LIMIT_AT_MOST
    while more and left != 0:
        page = _asked_for(service, since, at_once if left is None else min(left, at_once))
        told = _told(service, page.changes, records=asked.records)
        yield "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in told)
        since, more = page.last, page.more
        left = None if left is None else left - len(told)


async def _events(service: AppState, since: int) -> AsyncIterator[str]:
    """Yield what is behind `since`, and then what comes, as events (HTML, section 9.2)."""
    # The number at once: who is cut off before the first event goes on from here.
    yield f"retry: {RETRY_MILLISECONDS}\nid: {since}\n\n"
    silent = 0
    while not service.stopping.is_set():
        page = await _read(service, since, LIMIT_AT_MOST)
        since = page.last
        if page.changes:
            silent = 0
            yield "".join(map(_event, _told(service, page.changes)))
        elif not page.more and not await service.broadcast.wait(since, _GLANCE_SECONDS):
            if service.broadcast.last < since:
                return  # another database is in the place of the one that was listened to
            silent += _GLANCE_SECONDS
            if silent >= HEARTBEAT_SECONDS:
                silent = 0
                yield f":\nid: {since}\n\n"


def _event(told: dict[str, object]) -> str:
    data = json.dumps(told, ensure_ascii=False)
    return f"id: {told['seq']}\nevent: {told['kind']}\ndata: {data}\n\n"
