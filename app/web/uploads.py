"""A request's body into a file: limited on the way, decompressed, hashed."""

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, BinaryIO, Final, cast

from fastapi import Request

from app.feeds import MalformedFeedError, Source, detect

CODINGS: Final = ("gzip",)
"""The content codings that a feed may come in, for the Accept-Encoding of a refusal."""

HEAD_BYTES: Final = 64 << 10
_CHUNK: Final = 64 << 10
_IN_MEMORY: Final = 1 << 20


class FeedTooLargeError(Exception):
    """The feed has more bytes than are allowed, as it came or decompressed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"a feed may have {limit} bytes, also after decompression")
        self.limit = limit


class UnknownCodingError(Exception):
    """The body has a content coding that is not taken."""

    def __init__(self, coding: str) -> None:
        super().__init__(f"the content coding {coding[:40]!r} is not taken")


@dataclass(frozen=True, slots=True)
class Upload:
    """A feed that has arrived: its bytes, their SHA-256 in hexadecimal, number and beginning."""

    sources: tuple[Source, ...]
    sha256: str
    size: int
    file: str | None = None


async def receive(request: Request, limit: int) -> BinaryIO:
    """Return the request's body as it came, in a file of its own, which the caller closes.

    Raises FeedTooLargeError, before anything is read where the client says how much is to come.
    """
    announced = request.headers.get("content-length", "")
    _limited(int(announced[:20]) if announced.isdecimal() else 0, limit)
    spool = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - it outlives this function
    try:
        async for chunk in request.stream():
            spool.write(chunk)
            _limited(spool.tell(), limit)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return cast("BinaryIO", spool)


def _limited(size: int, limit: int) -> int:
    if size > limit:
        raise FeedTooLargeError(limit)
    return size


@contextmanager
def opened(body: BinaryIO, headers: Mapping[str, str], limit: int) -> Iterator[Upload]:
    """Yield what is in `body`, decompressed where `coding` says so or its first bytes do.

    Raises UnknownCodingError, FeedTooLargeError, MalformedFeedError.
    """
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in {"", "identity", "gzip", "x-gzip"}:
        raise UnknownCodingError(coding)
    magic = body.read(2)
    body.seek(0)
    packed = coding in {"gzip", "x-gzip"} or magic == b"\x1f\x8b"
    with TemporaryFile() as plain:
        digest, size, head = hashlib.sha256(), 0, b""
        for chunk in _gunzipped(body) if packed else iter(lambda: body.read(_CHUNK), b""):
            size = _limited(size + len(chunk), limit)
            digest.update(chunk)
            head += chunk[: HEAD_BYTES - len(head)]
            plain.write(chunk)
        plain.seek(0)
        source = Source(None, detect(headers.get("content-type"), head), cast("BinaryIO", plain))
        yield Upload((source,), digest.hexdigest(), size)


def _gunzipped(body: IO[bytes]) -> Iterator[bytes]:
    """Yield what is packed in `body`, in small pieces, however much it unfolds to."""
    member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    begun = False
    try:
        while packed := body.read(_CHUNK):
            while packed:
                if member.eof:  # RFC 1952 section 2.2: a file is one or more members
                    member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
                begun = True
                yield member.decompress(packed, _CHUNK)
                packed = member.unconsumed_tail or member.unused_data
    except zlib.error as error:
        raise MalformedFeedError(1, 1, f"the body is no gzip: {error}") from None
    if begun and not member.eof:
        raise MalformedFeedError(1, 1, "the gzip breaks off before its end")
