"""Content codings: choose one for a client and encode a body. Pure; RFC 9110, section 12.5.3."""

import gzip
import re
from collections.abc import Callable, Mapping
from typing import Final

import brotli

IDENTITY: Final = "identity"

_BROTLI_QUALITY: Final = 5  # 5 % of the time of the maximum, for 10 % more bytes
_GZIP_LEVEL: Final = 6
SMALLEST: Final = 256
"""Smaller bodies are not compressed: the headers of a coding would outweigh the gain."""

_TOKEN = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"  # noqa: S105 - a grammar's token, not a credential
_QVALUE = r"[01](?:\.[0-9]{0,3})?"
_MEMBER = re.compile(rf"[ \t]*({_TOKEN})[ \t]*(?:;[ \t]*q=({_QVALUE})[ \t]*)?", re.IGNORECASE)


def _brotli(body: bytes) -> bytes:
    packed: bytes = brotli.compress(body, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY)
    return packed


def _gzip(body: bytes) -> bytes:
    # Without a timestamp, so that equal bodies give equal bytes and the same ETag.
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)


CODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {"br": _brotli, "gzip": _gzip}
"""The supported codings, in the site's order of preference."""


def choose(accept_encoding: str | None) -> str:
    """Return the name of the coding for a client that sent this header, or IDENTITY.

    `accept_encoding` is the value of all lines joined with ", ", None if there are none. Malformed
    members are ignored. A client that excludes everything still gets IDENTITY: a body that it
    can probably read is more useful than an error.
    """
    # "If no Accept-Encoding header field is in the request, any content coding is considered
    # acceptable": but a client that sends none may not be able to decode any.
    weights = _weights(accept_encoding or "")
    rest = weights.get("*", 0.0)
    scored = {name: weights.get(name, rest) for name in CODINGS}
    best = max(scored.values())
    if best <= 0 or best < weights.get(IDENTITY, 0.0):
        return IDENTITY
    return next(name for name, weight in scored.items() if weight == best)


def encode(coding: str, body: bytes) -> tuple[str, bytes]:
    """Return the coding applied and the encoded body; IDENTITY if encoding does not save bytes."""
    if coding == IDENTITY or len(body) < SMALLEST:
        return IDENTITY, body
    packed = CODINGS[coding](body)
    return (coding, packed) if len(packed) < len(body) else (IDENTITY, body)


def _weights(field: str) -> dict[str, float]:
    """Return the weight of each coding that `field` names; of one named twice, the higher."""
    weights: dict[str, float] = {}
    for member in field.split(","):
        if found := _MEMBER.fullmatch(member):
            # Section 8.4.1.3: "A recipient SHOULD consider 'x-gzip' to be equivalent to 'gzip'."
            name = found[1].lower().removeprefix("x-")
            weight = min(float(found[2]), 1.0) if found[2] else 1.0
            weights[name] = max(weight, weights.get(name, 0.0))
    return weights
