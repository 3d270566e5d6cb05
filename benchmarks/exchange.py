"""One request and its answer, byte for byte as wrk makes and counts them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
_BY_THE_SERVER = frozenset({"connection", "date", "server", "transfer-encoding"})


class NoAnswerError(Exception):
    """A server gave no answer to a request."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A GET request: its path and the header fields beside Host."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came. `size` counts its bytes on the wire, with all header fields."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    size: int

    @property
    def sent(self) -> tuple[tuple[str, str], ...]:
        """The header fields that the application sent, without those of its server."""
        return tuple(field for field in self.headers if field[0].lower() not in _BY_THE_SERVER)

    @property
    def media_type(self) -> str:
        """What the body is, without parameters."""
        return (self.header("content-type") or "").partition(";")[0]

    def header(self, name: str) -> str | None:
        """Return the value of a header field, or None where it is missing."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def write(self, path: Path) -> None:
        """Keep the answer in a file and its body beside it."""
        head = {"status": self.status, "headers": self.headers, "size": self.size}
        path.write_text(json.dumps(head))
        path.with_suffix(".body").write_bytes(self.body)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the answer that `write` kept."""
        head = json.loads(path.read_text())
        headers = tuple((name, value) for name, value in head["headers"])
        return cls(head["status"], headers, path.with_suffix(".body").read_bytes(), head["size"])


def fetch(port: int, ask: Ask) -> Answer:
    """Return the answer of the server at `port`. Raises NoAnswerError."""
    connection = HTTPConnection(HOST, port, timeout=10)
    try:
        # Not `request`, which adds an Accept-Encoding of its own.
        connection.putrequest("GET", ask.path, skip_accept_encoding=True)
        for name, value in ask.headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        headers, body = tuple(response.getheaders()), response.read()
    except (OSError, HTTPException) as error:
        raise NoAnswerError(f"{HOST}:{port}{ask.path}: {error!r}") from error
    finally:
        connection.close()
    first = len(f"HTTP/1.1 {response.status} {response.reason}\r\n")
    fields = sum(len(name) + len(value) + len(": \r\n") for name, value in headers)
    return Answer(response.status, headers, body, first + fields + len("\r\n") + len(body))
