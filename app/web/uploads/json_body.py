"""The body of a request as one JSON value: media type, content coding, limit, decoding."""

import hashlib
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO, Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from python_multipart.multipart import parse_options_header

from app.feeds.strict_json import decode
from app.text import excerpt
from app.web.uploads.request_body import content_encoding_of, decompress, receive

_UTF_8: Final = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})


class UnsupportedMediaTypeError(Exception):
    """The request's Content-Type, an excerpt of which is the message, is not one of `supported`.

    `header` is the response header that lists those: Accept, or Accept-Patch.
    """

    def __init__(self, content_type: str, supported: Collection[str], header: str) -> None:
        super().__init__(excerpt(content_type))
        self.supported = supported
        self.header = header


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A JSON value, and the SHA-256 (hexadecimal) and the size of its text, decompressed."""

    value: object
    sha256: str
    size: int


EMPTY_BODY: Final = JsonBody(None, hashlib.sha256(b"").hexdigest(), 0)


def check_media_type(
    request: Request,
    supported: Collection[str],
    *,
    tolerated: Collection[str] = (),
    header: str = "Accept",
) -> None:
    """Raise UnsupportedMediaTypeError unless the body's type is `supported` and its charset UTF-8.

    `tolerated` types are accepted as well, but not advertised; "" stands for no Content-Type.
    """
    content_type = request.headers.get("content-type", "")
    media_type, parameters = parse_options_header(content_type)
    # RFC 8259 section 8.1: JSON text between systems "MUST be encoded using UTF-8".
    charset = parameters.get(b"charset", b"utf-8").lower()
    if media_type.decode("latin-1") not in {*supported, *tolerated} or charset not in _UTF_8:
        raise UnsupportedMediaTypeError(content_type, supported, header)


async def receive_json(request: Request, limit: int) -> JsonBody:
    """Return the JSON value in the body, of at most `limit` bytes as sent and decompressed.

    Decompressing and decoding take place in a worker thread. Raises FeedTooLargeError,
    UnknownCodingError, MalformedFeedError, UnsupportedJsonError.
    """
    with await receive(request, limit) as body:
        return await run_in_threadpool(_decode, body, content_encoding_of(request), limit)


def _decode(body: BinaryIO, content_encoding: str, limit: int) -> JsonBody:
    with ExitStack() as files:
        text = decompress(body, content_encoding, limit, files).read()
    return JsonBody(decode(text), hashlib.sha256(text).hexdigest(), len(text))
