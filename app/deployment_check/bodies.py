"""Checks of bodies: in a coding that the client accepts, and unchanged."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import brotli

from app.deployment_check.exchanges import Check, Exchange
from app.http.content_coding import IDENTITY
from app.web.response_headers import entity_tag

_GZIP: Final = b"\x1f\x8b"  # RFC 1952 section 2.3.1; no text starts with it

DECODERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}


def _decoded(exchange: Exchange) -> bytes:
    """Return the decoded body. Raises ValueError with the reason if it cannot be decoded."""
    body = exchange.body
    for coding in reversed(exchange.codings):
        if coding not in DECODERS:
            raise ValueError(f"has a coding that was not requested: {coding[:20]!r}")
        try:
            body = DECODERS[coding](body)
        except (OSError, EOFError, zlib.error, brotli.error):
            raise ValueError(f"does not decode from {coding}") from None
    return body


def _codings(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _with_body(exchanges):
        unasked = set(each.codings) - {each.question.coding, IDENTITY}
        if unasked:
            yield f"{each} has the coding {', '.join(sorted(unasked))}, which was not requested"


def _decoding(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _with_body(exchanges):
        try:
            _decoded(each)
        except ValueError as error:
            yield f"{each} {error}"


def _double_compression(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in _with_body(exchanges):
        if _is_compressed_twice(each):
            yield f"{each} is still compressed after decoding"


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
    """Return whether the ETag is the site's for these bytes, encoded or decoded."""
    content_type = exchange.question.form.content_type
    made = {entity_tag(content_type, coding, exchange.body) for coding in exchange.codings[:1]}
    try:
        made.add(entity_tag(content_type, IDENTITY, _decoded(exchange)))
    except ValueError:
        return True  # reported by another check
    return exchange.etag.removeprefix("W/") in made


def _with_body(exchanges: Sequence[Exchange]) -> Iterator[Exchange]:
    return (each for each in exchanges if each.is_sound and each.question.method == "GET")


CHECKS: Final = (
    Check(
        "Codings as asked",
        _codings,
        "A cache mixes compressed and plain responses: some clients get bytes that they cannot"
        " read. Make Accept-Encoding part of its key, as Vary says.",
    ),
    Check(
        "Bodies decode",
        _decoding,
        "Clients cannot read them: a proxy declares a coding that the body does not have. Turn its"
        " compression off.",
    ),
    Check(
        "Compressed once",
        _double_compression,
        "Browsers show it as garbage: a proxy compresses what is already compressed."
        " Turn its compression off.",
    ),
    Check(
        "Bytes unchanged",
        _bytes,
        "A CDN or proxy changes bodies (minification, obfuscated addresses, added scripts) or"
        " ETags. Turn that off. If none does, this command and the site have different versions.",
    ),
)
