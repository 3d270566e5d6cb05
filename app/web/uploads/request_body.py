"""A request's body into files: limited on the way, decompressed, taken apart, hashed."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import BinaryIO, Final, cast

from fastapi import Request

from app import feeds
from app.feeds import FeedSource, MalformedFeedError
from app.text import excerpt
from app.web.uploads.decompression import (
    CHUNK_BYTES,
    DECODER_BY_NAME,
    DECODERS,
    Decoder,
    detect_coding,
)
from app.web.uploads.multipart import MULTIPART, FormPart, parse_form

CODINGS: Final = tuple(DECODERS)
"""The content codings that a feed may come in, for the Accept-Encoding of a refusal."""

MEDIA_TYPES: Final = (*feeds.MEDIA_TYPES, MULTIPART)
"""What a body may be, for the Accept of a refusal."""

HEAD_BYTES: Final = 64 << 10
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
    """Feeds that have arrived, and what tells them from others.

    `sha256`, in hexadecimal, and `size` are those of all bytes of all of them, decompressed; of
    several, the names and where one ends count too. `file` is an excerpt of all their names, None
    where there is none.
    """

    sources: tuple[FeedSource, ...]
    sha256: str
    size: int
    file: str | None


@dataclass(frozen=True, slots=True)
class _Measured:
    """One feed: its SHA-256, its number of bytes, and the first ones of them."""

    digest: bytes
    size: int
    head: bytes


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
def open_upload(body: BinaryIO, headers: Mapping[str, str], limit: int) -> Iterator[Upload]:
    """Yield the feeds in `body`, one, or the files of a form, each decompressed.

    `headers` are those of the request, with names in lower case: Content-Encoding says how the
    body is packed, Content-Type what is in it. A body or a file that is packed shows it by its
    first bytes, too. Raises UnknownCodingError, FeedTooLargeError, and what `feeds.detect` does;
    of several files, one that begins nothing that is taken is left to `feeds.read_all`.
    """
    content_type = headers.get("content-type", "")
    with ExitStack() as files:
        plain = _unpacked(body, _packing(headers.get("content-encoding", ""), body), limit, files)
        parts = [FormPart(None, content_type, plain)]
        if content_type.partition(";")[0].strip().lower() == MULTIPART:
            parts = _unpacked_parts(parse_form(_pieces(plain), content_type, files), limit, files)
        measured = [_measured(part.stream) for part in parts]
        alone = len(parts) == 1
        sources = tuple(
            FeedSource(excerpt(part.file) if part.file else None, kind, part.stream)
            for part, each in zip(parts, measured, strict=True)
            for kind in [_kind(part, each.head, alone=alone)]
        )
        size = sum(each.size for each in measured)
        names = ", ".join(part.file for part in parts if part.file)
        yield Upload(sources, _digest(parts, measured), size, excerpt(names) if names else None)


def _packing(coding: str, body: BinaryIO) -> Decoder | None:
    """Return how `body` is packed, where `coding`, its Content-Encoding, or its head says so."""
    coding = coding.strip().lower()
    if coding in {"", "identity"}:
        return _recognised(body)
    if coding not in DECODER_BY_NAME:
        raise UnknownCodingError(coding)
    return DECODER_BY_NAME[coding]


def _recognised(stream: BinaryIO) -> Decoder | None:
    head = stream.read(4)
    stream.seek(0)
    return detect_coding(head)


def _unpacked_parts(parts: list[FormPart], limit: int, files: ExitStack) -> list[FormPart]:
    """Return `parts` decompressed, all of them together not larger than `limit`."""
    unpacked, size = [], 0
    for part in parts:
        stream = _unpacked(part.stream, _recognised(part.stream), limit, files, size)
        size = _limited(size + stream.seek(0, 2), limit)
        stream.seek(0)
        unpacked.append(part._replace(stream=stream))
    return unpacked


def _unpacked(
    body: BinaryIO, packing: Decoder | None, limit: int, files: ExitStack, size: int = 0
) -> BinaryIO:
    """Return `body` itself, or a file with what is packed in it, which `files` closes.

    `size` counts the bytes of what was unpacked before, for which `limit` holds as well.
    """
    if packing is None:
        return body
    plain = cast("BinaryIO", files.enter_context(TemporaryFile()))  # noqa: SIM115 - it is
    for piece in packing.decompress(body):
        size = _limited(size + len(piece), limit)
        plain.write(piece)
    plain.seek(0)
    return plain


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: stream.read(CHUNK_BYTES), b"")


def _measured(stream: BinaryIO) -> _Measured:
    """Read `stream` once from its beginning, and leave it there."""
    digest, size, head = hashlib.sha256(), 0, b""
    for piece in _pieces(stream):
        digest.update(piece)
        size += len(piece)
        head += piece[: HEAD_BYTES - len(head)]
    stream.seek(0)
    return _Measured(digest.digest(), size, head)


def _kind(part: FormPart, head: bytes, *, alone: bool) -> str:
    try:
        return feeds.detect(part.content_type, head, part.file)
    except MalformedFeedError:
        if alone:
            raise
        return "json"  # as which it is no less unreadable, and the other files are not lost


def _digest(parts: list[FormPart], measured: list[_Measured]) -> str:
    if len(parts) == 1:
        return measured[0].digest.hex()
    digest = hashlib.sha256()
    for part, each in zip(parts, measured, strict=True):
        name = (part.file or "").encode()
        digest.update(len(name).to_bytes(8, "big") + name + each.digest)
    return digest.hexdigest()
