"""One request and its response, byte for byte as wrk makes and counts them; and posted feeds."""

import json
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any, BinaryIO, Final, Self

from benchmarks.bench import BenchmarkError

HOST: Final = "127.0.0.1"
SERVER_FIELDS: Final = frozenset({"connection", "date", "server", "transfer-encoding"})
FETCH_SECONDS: Final = 60
LOAD_SECONDS: Final = 1_800


@dataclass(frozen=True, slots=True)
class Request:
    """A GET request: its path and its header fields besides Host."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """A response as it came. `size` counts its bytes on the wire, header included."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    size: int

    @property
    def application_fields(self) -> list[tuple[str, str]]:
        """The header fields that the application sent, without those of its server."""
        return [(n.lower(), v) for n, v in self.headers if n.lower() not in SERVER_FIELDS]

    @property
    def media_type(self) -> str:
        """The media type of the body, without parameters."""
        return self.header("content-type").partition(";")[0]

    def header(self, name: str) -> str:
        """Return the value of a header field, or an empty string where it is missing."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def to_json(self) -> str:
        """Return the response as JSON, for another process."""
        fields = (self.status, self.headers, self.body.decode("latin-1"), self.size)
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the response that `to_json` wrote."""
        status, headers, body, size = json.loads(text)
        return cls(status, [(n, v) for n, v in headers], body.encode("latin-1"), size)


def fetch(port: int, request: Request) -> Response:
    """Return the response of the server at `port`. Raises BenchmarkError."""
    connection = HTTPConnection(HOST, port, timeout=FETCH_SECONDS)
    try:
        # Not `request`, which adds an Accept-Encoding of its own.
        connection.putrequest("GET", request.path, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        headers, body = response.getheaders(), response.read()
    except (OSError, HTTPException) as error:
        raise BenchmarkError(f"no response to {request.path}: {error!r}") from error
    finally:
        connection.close()
    status_line = len(f"HTTP/1.1 {response.status} {response.reason}\r\n")
    fields = sum(len(name) + len(value) + len(": \r\n") for name, value in headers)
    return Response(response.status, headers, body, status_line + fields + 2 + len(body))


def post(
    port: int, path: str, body: BinaryIO | Iterable[bytes], headers: Mapping[str, str]
) -> tuple[Any, float]:
    """Send `body`; return the decoded JSON of the response, and the seconds to its end.

    A body without a Content-Length is sent in chunks. Raises BenchmarkError unless the response
    is 200.
    """
    connection = HTTPConnection(HOST, port, timeout=LOAD_SECONDS)
    chunked = "Content-Length" not in headers
    fields = {**headers, **({"Transfer-Encoding": "chunked"} if chunked else {})}
    began = time.perf_counter()
    try:
        connection.request("POST", path, body=body, headers=fields, encode_chunked=chunked)
        response = connection.getresponse()
        content = response.read()
    except (OSError, HTTPException) as error:
        raise BenchmarkError(f"the server closed the connection: {error!r}") from error
    finally:
        connection.close()
    seconds = time.perf_counter() - began
    if response.status != 200:
        raise BenchmarkError(f"{path} was answered {response.status}: {content[:500]!r}")
    return json.loads(content), seconds


def gzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Compress `chunks` as a stream."""
    compressor = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    for chunk in chunks:
        if compressed := compressor.compress(chunk):
            yield compressed
    yield compressor.flush()
