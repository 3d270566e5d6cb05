"""A way to a server on which requests meet trouble, and that remembers what has passed."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

Trouble = Literal["pass", "cut", "swallow"] | tuple[int, Mapping[str, str], bytes]
"""Let it pass, break off before the server hears of it, or before its answer comes; or answer."""


@dataclass(frozen=True)
class Passed:
    """A request that has come: the trouble it met, and what was in it."""

    met: Trouble
    method: str
    path: str
    query: Mapping[str, list[str]]
    fields: Mapping[str, str]
    body: bytes


@dataclass
class Way:
    """The way to a server: where it begins, and what has come. Trouble comes to POST alone."""

    base: str
    leads_to: str
    troubles: list[Trouble]
    passed: list[Passed] = field(default_factory=list)

    @property
    def posted(self) -> list[Passed]:
        return [each for each in self.passed if each.method == "POST"]

    def next_trouble(self, method: str) -> Trouble:
        if method != "POST" or not self.troubles:
            return "pass"
        return self.troubles.pop(0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    way: Way

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._meet(b"")

    def do_POST(self) -> None:
        self._meet(self._chunked() if "transfer-encoding" in self.headers else self._whole())

    def _whole(self) -> bytes:
        return self.rfile.read(int(self.headers["content-length"]))

    def _chunked(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _meet(self, body: bytes) -> None:
        trouble = self.way.next_trouble(self.command)
        parts, fields = urlsplit(self.path), {k.lower(): v for k, v in self.headers.items()}
        passed = Passed(trouble, self.command, parts.path, parse_qs(parts.query), fields, body)
        self.way.passed.append(passed)
        if isinstance(trouble, tuple):
            self._answer(*trouble)
            return
        self.close_connection = True
        if trouble == "cut":
            return
        with suppress(OSError, HTTPException):  # where there is no server, it is cut as well
            answer = self._forward(fields, body)
            if trouble == "pass":
                self._answer(*answer)

    def _forward(
        self, fields: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection = HTTPConnection(urlsplit(self.way.leads_to).netloc, timeout=30)
        own = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}
        kept = {name: value for name, value in fields.items() if name not in own}
        connection.request(self.command, self.path, body, kept)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        told = {name: value for name, value in answer.getheaders() if name.lower() not in own}
        return answer.status, told, content

    def _answer(self, status: int, fields: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in fields.items():
            if name.lower() not in {"date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def way_to(base: str, troubles: Sequence[Trouble] = ()) -> Iterator[Way]:
    """Open a way to the server at `base`, on which the first requests meet `troubles`."""
    way = Way("", base, list(troubles))
    handler = type("Handler", (_Handler,), {"way": way})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        way.base = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield way
        finally:
            server.shutdown()
            thread.join()
