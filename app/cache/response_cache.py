"""The response cache: bytes and headers that were built once, kept until the change feed moves.

A response is a function of the record, the format, the content coding and the site's settings, so
it stays valid until the article changes. Each cache is bounded in bytes.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final, NamedTuple

RawHeaders = tuple[tuple[bytes, bytes], ...]
"""Headers as ASGI takes them: names in lower case, values in Latin-1."""


class UnsafeHeaderError(Exception):
    """A header of a response has a character that would end its line."""


OVERHEAD_BYTES: Final = 1_024
"""Estimated memory of a cached response beside its body and headers."""

# RFC 9110 section 15.4.5 lists what a 304 must repeat. What describes the body alone is left out.
_LEFT_OUT_OF_304: Final = frozenset(
    {b"content-type", b"content-encoding", b"content-language", b"content-length",
     b"content-security-policy", b"last-modified"}
)  # fmt: skip


class RawResponse(NamedTuple):
    """A response ready to send: its two ASGI messages, and its header lines in HTTP/1.1.

    The same objects are sent again and again, so they must not be modified.
    """

    start: dict[str, Any]
    content: dict[str, Any]
    lines: bytes


class CachedResponse:
    """A complete response to GET, and what is sent of it for HEAD and as 304.

    `etag` is quoted, or "" where there is none. `last_modified` is a whole second, or None where
    If-Modified-Since cannot be answered from it. `is_reusable` says that it may be cached and given
    to other requests until the change feed moves. Raises UnsafeHeaderError.
    """

    __slots__ = (
        "body",
        "etag",
        "is_reusable",
        "last_modified",
        "size",
        "status",
        "to_get",
        "to_head",
        "unchanged",
    )

    def __init__(  # noqa: PLR0913 - the parts of a response, named where they are given
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        etag: str = "",
        last_modified: datetime | None = None,
        is_reusable: bool = False,
    ) -> None:
        raw = tuple(
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in {**headers, "Content-Length": str(len(body))}.items()
        )
        repeated = tuple((name, value) for name, value in raw if name not in _LEFT_OUT_OF_304)
        self.status = status
        self.body = body
        self.etag = etag
        self.last_modified = last_modified
        self.is_reusable = is_reusable
        self.to_get = _raw_response(status, raw, body)
        self.to_head = self.to_get._replace(content=_content(b""))
        self.unchanged = _raw_response(304, repeated, b"")
        lines = len(self.to_get.lines) + len(self.unchanged.lines)
        # Headers are held twice: as ASGI takes them, and as lines.
        self.size = len(body) + OVERHEAD_BYTES + lines * 2

    def to_raw(self, method: str, *, unmodified: bool) -> RawResponse:
        """Return what is sent for GET or HEAD; with `unmodified`, the 304."""
        # RFC 9110 sections 9.3.2 and 15.4.5: HEAD and 304 have no content.
        if unmodified:
            return self.unchanged
        return self.to_head if method == "HEAD" else self.to_get


def _raw_response(status: int, headers: RawHeaders, body: bytes) -> RawResponse:
    lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
    # RFC 9110 section 5.5: "Field values containing CR, LF, or NUL characters are invalid and
    # dangerous".
    if lines.count(b"\n") != len(headers) or lines.count(b"\r") != len(headers) or b"\0" in lines:
        raise UnsafeHeaderError(headers)
    start = {"type": "http.response.start", "status": status, "headers": headers}
    return RawResponse(start, _content(body), lines)


def _content(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body}


class CacheKey(NamedTuple):
    """What identifies a cached response.

    `address` is a path, for listings followed by the canonical query, if any. `format` names the
    format that `Accept` selects, or is "" where the address fixes it.
    """

    address: str
    format: str
    coding: str


@dataclass(slots=True)
class CacheEntry:
    """The responses at one address, by format and coding, and when the first one was added."""

    created_at: datetime
    responses: dict[tuple[str, str], CachedResponse] = field(default_factory=dict)
    size: int = 0


class ResponseCache:
    """Responses by address, bounded by `limit` bytes; evicts the least recently used address.

    Responses expire after `lifetime` by the `clock`, if there is one. Thread-safe.
    """

    def __init__(
        self, limit: int, clock: Callable[[], datetime], lifetime: timedelta | None = None
    ) -> None:
        self.limit = limit
        self._clock = clock
        self._lifetime = lifetime
        self.size = 0
        self.generation = 0
        self._entries: OrderedDict[str, CacheEntry] = OrderedDict()
        self._lock = Lock()

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._entries))

    def get(self, key: CacheKey) -> CachedResponse | None:
        """Return the response for `key`, if there is one, and mark its address as used."""
        address, format_name, coding = key
        entry = self._entries.get(address)
        if entry is None:
            return None
        if self._lifetime is not None and self._clock() - entry.created_at > self._lifetime:
            with self._lock:
                self._remove(address)
            return None
        try:
            self._entries.move_to_end(address)
        except KeyError:  # another thread has removed it since
            return None
        return entry.responses.get((format_name, coding))

    def put(self, key: CacheKey, response: CachedResponse, generation: int) -> None:
        """Add a response built from what the database held when `generation` was read.

        If anything was invalidated since then it may be out of date, and is not added.
        """
        if response.size > self.limit:
            return
        with self._lock:
            if generation != self.generation:
                return
            entry = self._entries.get(key.address)
            if entry is None:
                entry = self._entries[key.address] = CacheEntry(self._clock())
            replaced = entry.responses.get((key.format, key.coding))
            growth = response.size - (replaced.size if replaced else 0)
            entry.responses[key.format, key.coding] = response
            entry.size += growth
            self.size += growth
            while self.size > self.limit:
                _, oldest = self._entries.popitem(last=False)
                self.size -= oldest.size

    def invalidate(self, addresses: Iterable[str]) -> None:
        """Remove the responses at `addresses`, and refuse those that are being built."""
        with self._lock:
            self.generation += 1
            for address in addresses:
                self._remove(address)

    def clear(self) -> None:
        """Remove everything, and refuse what is being built."""
        with self._lock:
            self.generation += 1
            self._entries.clear()
            self.size = 0

    def _remove(self, address: str) -> None:
        if entry := self._entries.pop(address, None):
            self.size -= entry.size
