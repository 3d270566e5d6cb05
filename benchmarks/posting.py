"""Feeds on their way to a server: sent as an operator would, and timed to the end of the answer."""

import json
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, BinaryIO, Final

from benchmarks.contenders import TOKEN, Server
from benchmarks.exchange import HOST

LOAD_SECONDS: Final = 1_800
AUTHORIZED: Final = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"}


class NotLoadedError(Exception):
    """The articles did not get into a database, or not all of them."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a server said to a feed, and the seconds from the first byte of it to the last."""

    said: Mapping[str, Any]
    seconds: float


def post(
    server: Server, path: str, body: BinaryIO | Iterable[bytes], fields: Mapping[str, str]
) -> Sent:
    """Send `body` and return the answer. One of unknown length goes in chunks.

    Raises NotLoadedError where the answer is no success.
    """
    connection = HTTPConnection(HOST, server.port, timeout=LOAD_SECONDS)
    chunked = "Content-Length" not in fields
    fields = {**fields, **({"Transfer-Encoding": "chunked"} if chunked else {})}
    began = time.perf_counter()
    try:
        connection.request("POST", path, body=body, headers=fields, encode_chunked=chunked)
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, HTTPException) as error:
        raise NotLoadedError(f"the server broke off: {error!r}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise NotLoadedError(f"the server answered {answer.status}: {said[:500]!r}")
    return Sent(json.loads(said), time.perf_counter() - began)


def load(
    server: Server,
    body: BinaryIO | Iterable[bytes],
    wanted: Mapping[str, int],
    fields: Mapping[str, str] | None = None,
) -> Sent:
    """Load a feed into Slugline. `wanted` is the summary that is to come of it.

    Raises NotLoadedError.
    """
    sent = post(server, "/admin/loads", body, {**AUTHORIZED, **(fields or {})})
    summary = {outcome: number for outcome, number in sent.said["summary"].items() if number}
    if summary != wanted:
        raise NotLoadedError(f"Slugline came to {summary} and not to {wanted}")
    return sent


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what packs `pieces`, piece by piece."""
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()
