"""What a request asks for, as far as a ready answer may depend on it, read once and quickly."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from app.cache.response_cache import CachedResponse
from app.http import content_coding
from app.http.accept import negotiate
from app.http.preconditions import Conditions, is_unmodified
from app.representations.article import BY_MEDIA_TYPE
from app.representations.listing import BY_MEDIA_TYPE as LISTING_FORMS
from app.web.public import listings

Asked = Mapping[str, Any]
"""A request as ASGI describes it."""

ARTICLES: Final = "/news/"
"""What the paths of articles begin with."""

FIELDS_AT_MOST: Final = 128
FIELD_BYTES: Final = 32 << 10
ACCEPT_BYTES: Final = 4_000
"""How long Accept and Accept-Encoding may be: to weigh more members others would notice."""

ADDRESS_LENGTH: Final = 2_000
"""A longer address of a listing takes the ordinary way, and is not remembered."""

# What is rare, or for one person alone, takes the ordinary way.
_ORDINARY: Final = frozenset({b"authorization", b"if-match", b"if-unmodified-since"})
_READING: Final = frozenset({"GET", "HEAD"})
_CHOICES: Final = 1_024


class HeadersTooLargeError(Exception):
    """To read the fields of the request could take a time that others would notice."""


class CacheLookup(NamedTuple):
    """What a GET or HEAD asks for, as far as a ready answer may depend on it."""

    path: str
    accept: bytes
    coding: str
    none_match: bytes | None
    modified_since: bytes | None

    def has(self, answer: CachedResponse) -> bool:
        """Say whether the client has `answer` already."""
        none_match, since = self.none_match, self.modified_since
        if not (none_match or since) or not answer.etag:
            return False  # without a tag, the answer says that there is nothing
        if none_match == answer.etag.encode("latin-1"):
            return True  # as nearly all say it: to read it as a list would take as long as the rest
        conditions = Conditions(
            if_none_match=none_match.decode("latin-1") if none_match is not None else None,
            if_modified_since=since.decode("latin-1") if since is not None else None,
        )
        return is_unmodified(conditions, answer.etag, answer.last_modified)


def read(scope: Asked) -> CacheLookup | None:
    """Return what a request asks for, or None where it is never answered from memory.

    Raises HeadersTooLargeError.
    """
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    if len(headers) > FIELDS_AT_MOST:
        raise HeadersTooLargeError
    accept = accept_encoding = b""
    none_match = modified_since = None
    ordinary = False
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
        # RFC 9110 section 5.3: several lines of one field are one list.
        if name == b"accept":
            accept = accept + b", " + value if accept else value
        elif name == b"accept-encoding":
            accept_encoding = accept_encoding + b", " + value if accept_encoding else value
        elif name == b"if-none-match":
            none_match = none_match + b", " + value if none_match else value
        elif name == b"if-modified-since":
            modified_since = modified_since + b", " + value if modified_since else value
        elif name in _ORDINARY:
            ordinary = True
    if size > FIELD_BYTES or len(accept) > ACCEPT_BYTES or len(accept_encoding) > ACCEPT_BYTES:
        raise HeadersTooLargeError
    address = None if ordinary or scope["method"] not in _READING else _address(scope)
    if address is None:
        return None
    return CacheLookup(address, accept, _coding(accept_encoding), none_match, modified_since)


def _address(scope: Asked) -> str | None:
    """Return where a ready answer to the request may be kept, if anywhere."""
    path: str = scope["path"]
    if path.startswith(ARTICLES):
        return path  # of an article, which no query changes
    if not listings.is_listing(path):
        return None
    query: bytes = scope["query_string"]
    address = f"{path}?{query.decode('latin-1')}" if query else path
    return address if len(address) <= ADDRESS_LENGTH else None


@lru_cache(_CHOICES)
def article_form(accept: bytes) -> str:
    """Return the name of the form of an article that `accept` gets, or "" where none will do."""
    chosen = negotiate(accept.decode("latin-1"), tuple(BY_MEDIA_TYPE))
    return BY_MEDIA_TYPE[chosen].name if chosen else ""


@lru_cache(_CHOICES)
def listing_form(accept: bytes) -> str:
    """Return the name of the form of a listing that `accept` gets, or ""."""
    chosen = negotiate(accept.decode("latin-1"), listings.OFFERS)
    return LISTING_FORMS[chosen].name if chosen else ""


@lru_cache(_CHOICES)
def _coding(accept_encoding: bytes) -> str:
    return content_coding.choose(accept_encoding.decode("latin-1"))
