"""Whether bodies arrive as they were made: in a coding that was asked for, and unchanged."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import brotli

from app.deployment_check.exchanges import Check, Exchange
from app.http.content_coding import IDENTITY
from app.web.response_headers import entity_tag

_GZIP: Final = b"\x1f\x8b"  # RFC 1952 section 2.3.1, and the beginning of no text

DECODERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}


def _decoded(exchange: Exchange) -> bytes:
    """Return the body without its codings. Raises ValueError, saying what stands against it."""
    body = exchange.body
    for coding in reversed(exchange.codings):
        if coding not in DECODERS:
            raise ValueError(f"is in a coding that nobody asked for: {coding[:20]!r}")
        try:
            body = DECODERS[coding](body)
        except (OSError, EOFError, zlib.error, brotli.error):
            raise ValueError(f"does not decode from {coding}") from None
    return body


def _codings(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _with_body(exchanges):
        unasked = set(each.codings) - {each.question.coding, IDENTITY}
        if unasked:
            yield f"{each} comes in {', '.join(sorted(unasked))}, which was not asked for"


def _decoding(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _with_body(exchanges):
        try:
            _decoded(each)
        except ValueError as error:
            yield f"{each} {error}"


def _double_compression(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _with_body(exchanges):
        if _is_compressed_twice(each):
            yield f"{each} is still compressed when it is decoded"


def _bytes(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _with_body(exchanges):
        if each.etag and not has_original_bytes(each) and not _is_compressed_twice(each):
            yield f"the ETag of {each} is not that of its bytes"


def _is_compressed_twice(exchange: Exchange) -> bool:
    try:
        return len(exchange.codings) > 1 or _decoded(exchange).startswith(_GZIP)
    except ValueError:
        return False


def has_original_bytes(exchange: Exchange) -> bool:
    """Say whether the ETag is the one that the site makes for these bytes, coded or decoded."""
    content_type = exchange.question.form.content_type
    made = {entity_tag(content_type, coding, exchange.body) for coding in exchange.codings[:1]}
    try:
        made.add(entity_tag(content_type, IDENTITY, _decoded(exchange)))
    except ValueError:
        return True  # another check's to tell
    return exchange.etag.removeprefix("W/") in made


def _with_body(exchanges: Sequence[Exchange]) -> Iterator[Exchange]:
    return (each for each in exchanges if each.is_sound and each.question.method == "GET")


CHECKS: Final = (
    Check(
        "Codings as asked",
        _codings,
        "A cache in front does not keep compressed and plain answers apart: some clients get what"
        " they cannot read. Make Accept-Encoding part of its key, as Vary says.",
    ),
    Check(
        "Bodies decode",
        _decoding,
        "Nobody can read them: what is in front names a coding that the body is not in. Turn its"
        " compression off.",
    ),
    Check(
        "Compressed once",
        _double_compression,
        "Browsers show it as garbage: what is in front compresses what is compressed already."
        " Turn its compression off.",
    ),
    Check(
        "Bytes as they were made",
        _bytes,
        "Something in front changes bodies (minifying, hidden addresses, added scripts) or ETags."
        " Turn that off; where nothing does, this command is of another version than the site.",
    ),
)
