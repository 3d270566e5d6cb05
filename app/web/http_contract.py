"""The HTTP contract of a resource: who may store its responses, how fresh they are, how they vary.

Each resource declares one `HttpContract` beside its routes, and builds every response from it, so
that no route spells out Cache-Control, Vary, ETag or the browser policies by itself:

    VOCABULARY: Final = HttpContract()
    ...
    page = Representation("application/json", body, negotiated=True)
    return to_response(request, VOCABULARY.response(state.freshness, preferences, page))
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from app.cache.response_cache import CachedResponse
from app.http import content_coding
from app.web.request_headers import RequestPreferences
from app.web.response_headers import (
    Freshness,
    Headers,
    caching_headers,
    entity_tag,
    http_date,
    policy_headers,
    tag_headers,
    vary_header,
)


class Storage(Enum):
    """Which caches may store a response. Authorized requests always get `no-store`."""

    FRESH = auto()
    """Any cache, for the time that the site's settings give the status."""

    REVALIDATE = auto()
    """Any cache, which has to revalidate the response each time before it reuses it."""

    NEVER = auto()
    """No cache."""


class Representation(NamedTuple):
    """One representation of a resource, before any content coding.

    `negotiated` says that `Accept` selected it; `location` is then the path of its own address, if
    it has one (Content-Location). `headers` describe it further, such as Link. `tags` are the names
    by which a CDN can purge it. `last_modified` is a whole second. `is_reusable` as CachedResponse
    has it.
    """

    content_type: str
    body: bytes
    negotiated: bool
    location: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    tags: tuple[str, ...] = ()
    last_modified: datetime | None = None
    is_reusable: bool = False


@dataclass(frozen=True, slots=True)
class HttpContract:
    """What all responses of one kind of resource promise to clients and caches.

    `fresh_as` is the status whose freshness applies where that is not the response's own, and
    `extra` are headers that every response has.
    """

    storage: Storage = Storage.FRESH
    fresh_as: HTTPStatus | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def headers(
        self,
        freshness: Freshness,
        content_type: str,
        status: HTTPStatus = HTTPStatus.OK,
        *,
        negotiated: bool = False,
        is_authorized: bool = False,
    ) -> Headers:
        """Return the headers that depend on no body, also for responses that are streamed."""
        media_type = content_type.partition(";")[0]
        return {
            **self._caching(freshness, media_type, status, negotiated, is_authorized),
            **policy_headers(media_type),
            **self.extra,
        }

    def response(
        self, freshness: Freshness, preferences: RequestPreferences, chosen: Representation
    ) -> CachedResponse:
        """Return the 200 for `chosen`, in the coding that the client prefers."""
        content_type = chosen.content_type
        coding, body = content_coding.encode(preferences.coding, chosen.body)
        etag = entity_tag(content_type, coding, body)
        headers = {"Content-Type": content_type, **chosen.headers}
        if chosen.last_modified is not None:
            headers["Last-Modified"] = http_date(chosen.last_modified)
        if chosen.tags:
            headers |= tag_headers(*chosen.tags)
        if coding != content_coding.IDENTITY:
            headers["Content-Encoding"] = coding
        if chosen.negotiated and chosen.location:
            headers["Content-Location"] = chosen.location
        headers["ETag"] = etag
        headers |= self.headers(
            freshness,
            content_type,
            negotiated=chosen.negotiated,
            is_authorized=preferences.is_authorized,
        )
        return CachedResponse(
            HTTPStatus.OK,
            headers,
            body,
            etag=etag,
            # A date that still moves with the clock would match what it dated a moment ago.
            last_modified=chosen.last_modified if chosen.is_reusable else None,
            is_reusable=chosen.is_reusable,
        )

    def _caching(
        self,
        freshness: Freshness,
        media_type: str,
        status: HTTPStatus,
        negotiated: bool,  # noqa: FBT001 - `headers` names both
        is_authorized: bool,  # noqa: FBT001
    ) -> Headers:
        if self.storage is Storage.FRESH:
            return caching_headers(
                self.fresh_as or status,
                media_type,
                freshness,
                negotiated=negotiated,
                is_authorized=is_authorized,
            )
        vary = vary_header(negotiated=negotiated)
        if self.storage is Storage.NEVER:
            return vary | {"Cache-Control": "no-store"}
        if is_authorized:
            return vary | {"Cache-Control": "private, no-store"}
        if negotiated and not freshness.vary_is_honoured:
            return vary | {"Cache-Control": "private, no-cache", "CDN-Cache-Control": "no-store"}
        return vary | {"Cache-Control": "no-cache"}
