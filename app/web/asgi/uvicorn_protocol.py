"""A uvicorn HTTP/1.1 protocol that writes cached responses without creating an ASGI task.

A cached response is looked up and written as soon as the request's headers are parsed, which saves
more than half of what a bare ASGI application costs. Everything else goes to the application as
under any other server, where `app.web.asgi.fast_path` sends the same responses.

It uses private names of uvicorn. Importing this module raises ImportError where they are missing or
have changed; `slugline serve` then uses uvicorn's own protocol.
"""

import inspect
from typing import Final

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from app.cache.response_cache import RawResponse
from app.web.asgi.fast_path import STATE, CacheMiddleware

_BODY_HEADERS: Final = frozenset({b"content-length", b"transfer-encoding"})

# What is used below of uvicorn's private interface.
_METHODS: Final = {
    "_start_asgi_task": ["self", "cycle", "app"],
    "_unset_keepalive_if_required": ["self"],
    "on_response_complete": ["self"],
}
_PROTOCOL_ATTRIBUTES: Final = {
    "access_log", "app", "app_state", "flow", "loop", "pipeline", "server_state", "transport",
}  # fmt: skip
_CYCLE_ATTRIBUTES: Final = {
    "keep_alive", "on_response", "response_complete", "response_started", "scope",
}  # fmt: skip


class CachingProtocol(HttpToolsProtocol):
    """One connection. What is not cached it leaves to the application, as uvicorn does."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Serve a request whose headers have been read, and before which none is waiting."""
        if self.transport.is_closing():
            return  # a response before this one closed the connection
        # A cached response sent just now may have started the keep-alive timer.
        self._unset_keepalive_if_required()
        response = None
        # uvicorn itself handles slow readers, the access log and refused requests (`app` is then
        # another one). A request with a body may turn out to be malformed when that is read.
        has_body = any(name in _BODY_HEADERS for name, _ in cycle.scope["headers"])
        if app is self.app and not (has_body or self.flow.write_paused or self.access_log):
            response = self._lookup(cycle)
        if response is None:
            super()._start_asgi_task(cycle, app)
        else:
            self._write(cycle, response)

    def _lookup(self, cycle: RequestResponseCycle) -> RawResponse | None:
        middleware = self.app_state.get(STATE)
        return middleware.lookup(cycle.scope) if isinstance(middleware, CacheMiddleware) else None

    def _write(self, cycle: RequestResponseCycle, response: RawResponse) -> None:
        cycle.response_started = cycle.response_complete = True
        cycle.on_response = _do_nothing  # as uvicorn does: the bound method refers to `self`
        added = b"".join([b"%b: %b\r\n" % header for header in self.server_state.default_headers])
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        status, body = STATUS_LINE[response.start["status"]], response.content["body"]
        self.transport.write(b"".join((status, added, response.lines, end, body)))
        if not cycle.keep_alive:
            self.transport.close()
        if self.pipeline:
            # In a new callback: a thousand pipelined requests would recurse a thousand times.
            self.loop.call_soon(self.on_response_complete)
        else:
            self.on_response_complete()


def _do_nothing() -> None:
    """Do nothing more for a request whose response has been written."""


def _check_uvicorn() -> None:
    """Raise ImportError where uvicorn's protocol is not the one this module was written for."""
    for name, parameters in _METHODS.items():
        method = getattr(HttpToolsProtocol, name, None)
        if method is None or list(inspect.signature(method).parameters) != parameters:
            raise ImportError(f"HttpToolsProtocol.{name} is missing or has changed")
    for owner, names in (
        (HttpToolsProtocol, _PROTOCOL_ATTRIBUTES),
        (RequestResponseCycle, _CYCLE_ATTRIBUTES),
    ):
        if missing := names.difference(owner.__init__.__code__.co_names):
            raise ImportError(f"{owner.__name__} has no attribute {', '.join(sorted(missing))}")


_check_uvicorn()
