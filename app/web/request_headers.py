"""The one parser of request headers: from an ASGI scope to `RequestPreferences`."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from app.cache.response_cache import CachedResponse
from app.http import content_coding
from app.http.preconditions import Conditions, is_unmodified

HEADERS_AT_MOST: Final = 128
HEADER_BYTES_AT_MOST: Final = 32 << 10
ACCEPT_BYTES_AT_MOST: Final = 4_000
"""Limit of Accept and of Accept-Encoding: longer ones would block the event loop noticeably."""

_UNCONDITIONAL: Final = Conditions()
_CODINGS_REMEMBERED: Final = 1_024


class HeadersTooLargeError(Exception):
    """The request has more headers than the event loop can parse without delaying others."""


class RequestPreferences(NamedTuple):
    """What a request says of the response it wants; "" where a header is absent.

    `path` is percent-decoded, `query` is not. `coding` is the content coding that `Accept-Encoding`
    selects. `is_authorized` says that the request has an
    `Authorization` header, whatever it is worth.
    """

    path: str
    query: str
    accept: str
    coding: str
    conditions: Conditions
    is_authorized: bool

    @property
    def is_anonymous_read(self) -> bool:
        """Whether a cached response may answer a GET or HEAD that is like this.

        Authorized requests get responses of their own, and preconditions for writing are rare.
        """
        conditions = self.conditions
        return not self.is_authorized and (
            conditions is _UNCONDITIONAL
            or (conditions.if_match is None and conditions.if_unmodified_since is None)
        )

    def has(self, response: CachedResponse) -> bool:
        """Return whether the client has `response` already. Raises PreconditionFailedError."""
        conditions, etag = self.conditions, response.etag
        # RFC 9110 section 13.2.1: preconditions matter where the response without them is a
        # success, which alone has an ETag here.
        if conditions is _UNCONDITIONAL or not etag:
            return False
        if conditions == Conditions(if_none_match=etag):
            return True  # the usual form, without parsing a list
        return is_unmodified(conditions, etag, response.last_modified)


def request_preferences(scope: Mapping[str, Any]) -> RequestPreferences:
    """Parse the headers of an ASGI request. Raises HeadersTooLargeError."""
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    if len(headers) > HEADERS_AT_MOST:
        raise HeadersTooLargeError
    size = 0
    found: dict[bytes, bytes] = {}
    conditions: dict[str, bytes] = {}
    for name, value in headers:
        size += len(name) + len(value)
        # RFC 9110 section 5.3: several lines of one field are one list.
        if name in _PREFERENCES:
            found[name] = found[name] + b", " + value if name in found else value
        elif name in _CONDITIONS:
            field = _CONDITIONS[name]
            conditions[field] = conditions[field] + b", " + value if field in conditions else value
    accept, accept_encoding = found.get(b"accept", b""), found.get(b"accept-encoding", b"")
    longest = max(len(accept), len(accept_encoding))
    if size > HEADER_BYTES_AT_MOST or longest > ACCEPT_BYTES_AT_MOST:
        raise HeadersTooLargeError
    return RequestPreferences(
        scope["path"],
        scope["query_string"].decode("latin-1"),
        accept.decode("latin-1"),
        _coding(accept_encoding),
        _read_conditions(conditions) if conditions else _UNCONDITIONAL,
        b"authorization" in found,
    )


def _read_conditions(found: Mapping[str, bytes]) -> Conditions:
    return Conditions(**{field: value.decode("latin-1") for field, value in found.items()})


_PREFERENCES: Final = frozenset({b"accept", b"accept-encoding", b"authorization"})
_CONDITIONS: Final = {
    b"if-match": "if_match",
    b"if-none-match": "if_none_match",
    b"if-modified-since": "if_modified_since",
    b"if-unmodified-since": "if_unmodified_since",
}


@lru_cache(_CODINGS_REMEMBERED)
def _coding(accept_encoding: bytes) -> str:
    return content_coding.choose(accept_encoding.decode("latin-1"))
