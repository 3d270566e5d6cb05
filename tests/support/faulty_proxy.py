"""A reverse proxy that breaks connections on purpose, and that records the requests."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

Fault = Literal["pass", "cut", "swallow"] | tuple[int, Mapping[str, str], bytes]
"""Forward a request, drop it ("cut"), drop its response ("swallow"), or send this response."""


@dataclass(frozen=True)
class ReceivedRequest:
    """A request that the proxy received, and what it did to it."""

    fault: Fault
    method: str
    path: str
    query: Mapping[str, list[str]]
    fields: Mapping[str, str]
    body: bytes


@dataclass
class FaultyProxy:
    """A proxy at `base` for the server at `target`. Only POST requests meet `faults`."""

    base: str
    target: str
    faults: list[Fault]
    received: list[ReceivedRequest] = field(default_factory=list)

    @property
    def posted(self) -> list[ReceivedRequest]:
        return [each for each in self.received if each.method == "POST"]

    def next_fault(self, method: str) -> Fault:
        if method != "POST" or not self.faults:
            return "pass"
        return self.faults.pop(0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultyProxy

    def log_message(self, *_: Any) -> None:
        """Do not log."""

    def do_GET(self) -> None:
        self._handle(b"")

    def do_POST(self) -> None:
        self._handle(self._chunked() if "transfer-encoding" in self.headers else self._whole())

    def _whole(self) -> bytes:
        return self.rfile.read(int(self.headers["content-length"]))

    def _chunked(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _handle(self, body: bytes) -> None:
        fault = self.proxy.next_fault(self.command)
        parts, fields = urlsplit(self.path), {k.lower(): v for k, v in self.headers.items()}
        request = ReceivedRequest(
            fault, self.command, parts.path, parse_qs(parts.query), fields, body
        )
        self.proxy.received.append(request)
        if isinstance(fault, tuple):
            self._respond(*fault)
            return
        self.close_connection = True
        if fault == "cut":
            return
        with suppress(OSError, HTTPException):  # without a server, the request is dropped
            response = self._forward(fields, body)
            if fault == "pass":
                self._respond(*response)

    def _forward(
        self, fields: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection = HTTPConnection(urlsplit(self.proxy.target).netloc, timeout=30)
        own = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}
        kept = {name: value for name, value in fields.items() if name not in own}
        connection.request(self.command, self.path, body, kept)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        sent = {name: value for name, value in response.getheaders() if name.lower() not in own}
        return response.status, sent, content

    def _respond(self, status: int, fields: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in fields.items():
            if name.lower() not in {"date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def faulty_proxy(target: str, faults: Sequence[Fault] = ()) -> Iterator[FaultyProxy]:
    """Run a proxy for the server at `target`, whose first POST requests meet `faults`."""
    proxy = FaultyProxy("", target, list(faults))
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        proxy.base = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
