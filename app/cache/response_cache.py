"""Ready answers: bytes and header fields that were built once, kept until the change feed moves.

An answer is a function of the record, the form, the coding and the site's settings, so it stays
true until the article changes. What is kept here is bounded in bytes, and only ever under paths of
articles that exist, or for a moment under those that do not.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final, NamedTuple

Fields = tuple[tuple[bytes, bytes], ...]
"""Header fields as ASGI wants them: names in lower case, values in Latin-1."""


class UnsafeHeaderError(Exception):
    """A header field of an answer has a character that would end its line."""


OVERHEAD_BYTES: Final = 1_024
"""What an answer takes up beside its body and its fields, by and large."""

# RFC 9110 section 15.4.5 says what a 304 must repeat. What describes the body alone stays away.
_OF_THE_BODY: Final = frozenset(
    {b"content-type", b"content-encoding", b"content-language", b"content-length",
     b"content-security-policy", b"last-modified"}
)  # fmt: skip


class RawResponse(NamedTuple):
    """An answer as it goes out: the two messages of ASGI, and the field lines of HTTP/1.1.

    They are sent as they are, again and again, so nobody may change them.
    """

    start: dict[str, Any]
    content: dict[str, Any]
    lines: bytes


class CachedResponse:
    """A whole answer to a GET, and what is left of it for HEAD and for who has it already.

    `etag` is quoted, as the field has it, and "" where there is none; `last_modified` is a whole
    second, and None where there is none. Raises UnsafeHeaderError.
    """

    __slots__ = (
        "body",
        "etag",
        "last_modified",
        "size",
        "status",
        "to_get",
        "to_head",
        "unchanged",
    )

    def __init__(
        self,
        status: int,
        fields: Mapping[str, str],
        body: bytes,
        *,
        etag: str = "",
        last_modified: datetime | None = None,
    ) -> None:
        raw = tuple(
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in {**fields, "Content-Length": str(len(body))}.items()
        )
        repeated = tuple((name, value) for name, value in raw if name not in _OF_THE_BODY)
        self.status = status
        self.body = body
        self.etag = etag
        self.last_modified = last_modified
        self.to_get = _reply(status, raw, body)
        self.to_head = self.to_get._replace(content=_content(b""))
        self.unchanged = _reply(304, repeated, b"")
        lines = len(self.to_get.lines) + len(self.unchanged.lines)
        # The fields are kept as ASGI has them, too.
        self.size = len(body) + OVERHEAD_BYTES + lines * 2

    def to_raw(self, method: str, *, unmodified: bool) -> RawResponse:
        """Return what a GET or HEAD gets, of a client that has the answer already or has not."""
        # RFC 9110 sections 9.3.2 and 15.4.5: HEAD and 304 have no content.
        if unmodified:
            return self.unchanged
        return self.to_head if method == "HEAD" else self.to_get


def _reply(status: int, fields: Fields, body: bytes) -> RawResponse:
    lines = b"".join(b"%b: %b\r\n" % pair for pair in fields)
    # RFC 9110 section 5.5: "Field values containing CR, LF, or NUL characters are invalid and
    # dangerous".
    if lines.count(b"\n") != len(fields) or lines.count(b"\r") != len(fields) or b"\0" in lines:
        raise UnsafeHeaderError(fields)
    start = {"type": "http.response.start", "status": status, "headers": fields}
    return RawResponse(start, _content(body), lines)


def _content(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body}


class CacheKey(NamedTuple):
    """Where an answer is kept: at a path, under the name of its form and the coding asked for.

    `negotiated` says whether Accept chose the form, so that the path may have others.
    """

    path: str
    form: str
    coding: str
    negotiated: bool


@dataclass(slots=True)
class CacheEntry:
    """The answers at one path, by form and coding, and when the first one came."""

    negotiated: bool
    born: datetime
    answers: dict[tuple[str, str], CachedResponse] = field(default_factory=dict)
    size: int = 0

    def find(self, form: str, coding: str) -> CachedResponse | None:
        """Return the answer for those to whom Accept gives `form`."""
        return self.answers.get((form if self.negotiated else "", coding))


class ResponseCache:
    """Answers by path, bounded by `limit` bytes: the least recently used path goes first.

    After `lifetime` by the `clock` an answer is not given out any more. Threads may share it.
    """

    def __init__(
        self, limit: int, clock: Callable[[], datetime], lifetime: timedelta | None = None
    ) -> None:
        self.limit = limit
        self._clock = clock
        self._lifetime = lifetime
        self.size = 0
        self.generation = 0
        self._shelves: OrderedDict[str, CacheEntry] = OrderedDict()
        self._lock = Lock()

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._shelves))

    def entry(self, path: str) -> CacheEntry | None:
        """Return what is kept at `path`, which is used by that."""
        shelf = self._shelves.get(path)
        if shelf is None:
            return None
        if self._lifetime is not None and self._clock() - shelf.born > self._lifetime:
            with self._lock:
                self._remove(path)
            return None
        try:
            self._shelves.move_to_end(path)
        except KeyError:  # another thread has dropped it since
            return None
        return shelf

    def put(self, place: CacheKey, answer: CachedResponse, epoch: int) -> None:
        """Keep an answer that was made from what the database held when `generation` was read.

        Where anything was dropped since then, it may be out of date already, and is not kept.
        """
        if answer.size > self.limit:
            return
        with self._lock:
            if epoch != self.generation:
                return
            shelf = self._shelves.get(place.path)
            if shelf is None:
                shelf = self._shelves[place.path] = CacheEntry(place.negotiated, self._clock())
            key = place.form if place.negotiated else "", place.coding
            known = shelf.answers.get(key)
            growth = answer.size - (known.size if known else 0)
            shelf.answers[key] = answer
            shelf.size += growth
            self.size += growth
            while self.size > self.limit:
                _, oldest = self._shelves.popitem(last=False)
                self.size -= oldest.size

    def invalidate(self, paths: Iterable[str]) -> None:
        """Forget what is kept at `paths`, and what is being made there."""
        with self._lock:
            self.generation += 1
            for path in paths:
                self._remove(path)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self.generation += 1
            self._shelves.clear()
            self.size = 0

    def _remove(self, path: str) -> None:
        if shelf := self._shelves.pop(path, None):
            self.size -= shelf.size
