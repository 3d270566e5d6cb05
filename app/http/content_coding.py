"""Content codings: which one a client gets, and a body in it. Pure, after RFC 9110, 12.5.3."""

import gzip
import re
from collections.abc import Callable, Mapping
from typing import Final

import brotli

IDENTITY: Final = "identity"

_BROTLI_QUALITY: Final = 5  # a twentieth of the time of the best, for a tenth more bytes
_GZIP_LEVEL: Final = 6
SMALLEST: Final = 256
"""Fewer bytes than this are sent as they are: the fields about a coding would outweigh it."""

_TOKEN = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"  # noqa: S105 - a grammar's token, not a credential
_QVALUE = r"[01](?:\.[0-9]{0,3})?"
_MEMBER = re.compile(rf"[ \t]*({_TOKEN})[ \t]*(?:;[ \t]*q=({_QVALUE})[ \t]*)?", re.IGNORECASE)


def _brotli(body: bytes) -> bytes:
    packed: bytes = brotli.compress(body, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY)
    return packed


def _gzip(body: bytes) -> bytes:
    # Without a time in its head: the same bytes always give the same bytes, and the same ETag.
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)


CODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {"br": _brotli, "gzip": _gzip}
"""What can be done to a body, in the order of the site's own preference."""


def choose(accept_encoding: str | None) -> str:
    """Return the name of a coding for a client that sent this field, or IDENTITY.

    `accept_encoding` is the value of all lines joined with ", ", None if there are none. Malformed
    members are ignored. A client that excludes everything, IDENTITY too, gets it all the same: a
    body that it can read after all serves it better than a refusal.
    """
    # "If no Accept-Encoding header field is in the request, any content coding is considered
    # acceptable": but who does not say cannot be relied on to understand one.
    weights = _weights(accept_encoding or "")
    rest = weights.get("*", 0.0)
    scored = {name: weights.get(name, rest) for name in CODINGS}
    best = max(scored.values())
    if best <= 0 or best < weights.get(IDENTITY, 0.0):
        return IDENTITY
    return next(name for name, weight in scored.items() if weight == best)


def encode(coding: str, body: bytes) -> tuple[str, bytes]:
    """Return `body` in `coding`, with its name; IDENTITY and as it is, where that is no larger."""
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
