"""The body of a request as feeds: received within a limit, decompressed, split and hashed."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import BinaryIO, Final, cast

from anyio import CancelScope
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from python_multipart.multipart import parse_options_header

from app import feeds
from app.feeds import FeedSource, MalformedFeedError
from app.text import excerpt
from app.web.uploads.decompression import CHUNK_BYTES, DECODERS, decoder_for
from app.web.uploads.multipart import MULTIPART, FormPart, parse_form

CODINGS: Final = tuple(DECODERS)
"""The content codings that a body may have, for the Accept-Encoding header of a 415."""

MEDIA_TYPES: Final = (*feeds.MEDIA_TYPES, MULTIPART)
"""The media types that a load takes, for the Accept header of a 415."""

HEAD_BYTES: Final = 64 << 10
_BUFFER_BYTES: Final = 1 << 20
"""A smaller body stays in memory; a larger one is written to disk in pieces of this size."""


class FeedTooLargeError(Exception):
    """The body has more than `limit` bytes, before or after decompression."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body exceeds the limit of {limit} bytes, as sent or decompressed")
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Upload:
    """The feeds of one request.

    `sha256` (hexadecimal) and `size` cover the decompressed bytes of all feeds. With several feeds
    the digest covers their file names and boundaries too. `file` is an excerpt of the file names,
    None if there are none.
    """

    sources: tuple[FeedSource, ...]
    sha256: str
    size: int
    file: str | None


@dataclass(frozen=True, slots=True)
class _Summary:
    """One feed: its SHA-256, its size in bytes, and its first HEAD_BYTES."""

    digest: bytes
    size: int
    head: bytes


async def receive(request: Request, limit: int) -> BinaryIO:
    """Return a file with the request's body as sent, which the caller closes.

    Disk is written in worker threads, never in the event loop. Raises FeedTooLargeError; if
    Content-Length exceeds `limit`, before anything is read.
    """
    announced = request.headers.get("content-length", "")
    _check_size(int(announced[:20]) if announced.isdecimal() else 0, limit)
    spool = SpooledTemporaryFile(_BUFFER_BYTES)  # noqa: SIM115 - the caller closes it
    buffer, size = bytearray(), 0
    try:
        async for chunk in request.stream():
            size = _check_size(size + len(chunk), limit)
            buffer += chunk
            if len(buffer) >= _BUFFER_BYTES:
                await run_in_threadpool(spool.write, buffer)
                buffer = bytearray()
        if size < _BUFFER_BYTES:  # all of it is in memory
            _write_rest(spool, buffer)
        else:
            await run_in_threadpool(_write_rest, spool, buffer)
    except BaseException:
        with CancelScope(shield=True):
            await run_in_threadpool(spool.close)
        raise
    return cast("BinaryIO", spool)


def _write_rest(spool: "SpooledTemporaryFile[bytes]", rest: bytearray) -> None:
    spool.write(rest)
    spool.seek(0)


def content_encoding_of(request: Request) -> str:
    """Return the value of all Content-Encoding lines, which are one list (RFC 9110 section 5.3)."""
    return ", ".join(request.headers.getlist("content-encoding"))


def _check_size(size: int, limit: int) -> int:
    if size > limit:
        raise FeedTooLargeError(limit)
    return size


@contextmanager
def open_upload(
    body: BinaryIO, limit: int, *, content_type: str = "", content_encoding: str = ""
) -> Iterator[Upload]:
    """Yield the feeds in `body`: one, or one for each file of a form; all decompressed.

    Content-Encoding covers the body as a whole. A body or file that is compressed without saying
    so is recognised by its magic number. `limit` bounds the decompressed bytes of all files
    together. At the end of the block everything is closed, `body` too.

    Raises UnknownCodingError, FeedTooLargeError, and what `feeds.detect` raises. In a form with
    several files, a malformed one is left to `feeds.read_all` to report.
    """
    with body, ExitStack() as files:
        plain = decompress(body, content_encoding, limit, files)
        parts = [FormPart(None, content_type, plain)]
        if parse_options_header(content_type)[0] == MULTIPART.encode():
            form = parse_form(_chunks(plain), content_type, files)
            parts = _decompress_parts(form, limit, files)
        summaries = [_summarise(part.stream) for part in parts]
        is_only = len(parts) == 1
        sources = tuple(
            FeedSource(
                excerpt(part.file) if part.file else None,
                _detect_format(part, summary.head, is_only=is_only),
                part.stream,
            )
            for part, summary in zip(parts, summaries, strict=True)
        )
        size = sum(summary.size for summary in summaries)
        names = ", ".join(part.file for part in parts if part.file)
        yield Upload(sources, _digest(parts, summaries), size, excerpt(names) if names else None)


def decompress(
    body: BinaryIO, content_encoding: str, limit: int, files: ExitStack, size: int = 0
) -> BinaryIO:
    """Return `body` if it is not compressed, else a file with its content, closed by `files`.

    `limit` holds for `size`, bytes decompressed before, plus those of this body. Raises
    UnknownCodingError, FeedTooLargeError, MalformedFeedError.
    """
    decoder = decoder_for(content_encoding, body)
    if decoder is None:
        return body
    plain = cast("BinaryIO", files.enter_context(TemporaryFile()))  # noqa: SIM115 - entered here
    for chunk in decoder.decompress(body):
        size = _check_size(size + len(chunk), limit)
        plain.write(chunk)
    plain.seek(0)
    return plain


def _decompress_parts(parts: list[FormPart], limit: int, files: ExitStack) -> list[FormPart]:
    """Return `parts` decompressed; `limit` bounds all of them together."""
    plain_parts, size = [], 0
    for part in parts:
        stream = decompress(part.stream, "", limit, files, size)
        size = _check_size(size + stream.seek(0, 2), limit)
        stream.seek(0)
        plain_parts.append(part._replace(stream=stream))
    return plain_parts


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: stream.read(CHUNK_BYTES), b"")


def _summarise(stream: BinaryIO) -> _Summary:
    """Read `stream` once and rewind it."""
    digest, size, head = hashlib.sha256(), 0, b""
    for chunk in _chunks(stream):
        digest.update(chunk)
        size += len(chunk)
        head += chunk[: HEAD_BYTES - len(head)]
    stream.seek(0)
    return _Summary(digest.digest(), size, head)


def _detect_format(part: FormPart, head: bytes, *, is_only: bool) -> str:
    try:
        return feeds.detect(part.content_type, head, part.file)
    except MalformedFeedError:
        if is_only:
            raise
        return "json"  # its reader rejects this file alone, and the others are loaded


def _digest(parts: list[FormPart], summaries: list[_Summary]) -> str:
    if len(parts) == 1:
        return summaries[0].digest.hex()
    digest = hashlib.sha256()
    for part, summary in zip(parts, summaries, strict=True):
        name = (part.file or "").encode()
        digest.update(len(name).to_bytes(8, "big") + name + summary.digest)
    return digest.hexdigest()
