"""uvicorn's own reading and writing of HTTP/1.1, which sends a ready answer as soon as it is asked.

What is remembered costs no task, no turn of the event loop and no message of ASGI: it is found and
written where the last header field of the request was read. That is more than half of the cost of
a bare ASGI application. Under any other server the outermost layer,
`app.web.asgi.fast_path`, gives out the same answers.
"""

from typing import Final

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from app.cache.response_cache import RawResponse
from app.web.asgi.fast_path import STATE, CacheMiddleware

_CONTENT: Final = frozenset({b"content-length", b"transfer-encoding"})


class CachingProtocol(HttpToolsProtocol):
    """One connection. What is not at hand it leaves to the application, as uvicorn does."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Answer a request whose fields have been read, and whose turn it is."""
        if self.transport.is_closing():
            return  # an answer before this one was the last: nobody reads on
        # What was answered in the same turn has set the clock for a connection that waits.
        self._unset_keepalive_if_required()
        reply = None
        # Where the client does not take what it has asked for, where each request is logged, and
        # where the server refuses more, uvicorn says how. What has content may turn out to be none.
        plain = app is self.app and not any(name in _CONTENT for name, _ in cycle.scope["headers"])
        if plain and not (self.flow.write_paused or self.access_log):
            reply = self._at_hand(cycle)
        if reply is None:
            super()._start_asgi_task(cycle, app)
        else:
            self._send(cycle, reply)

    def _at_hand(self, cycle: RequestResponseCycle) -> RawResponse | None:
        ready = self.app_state.get(STATE)
        return ready.at_hand(cycle.scope) if isinstance(ready, CacheMiddleware) else None

    def _send(self, cycle: RequestResponseCycle, reply: RawResponse) -> None:
        cycle.response_started = cycle.response_complete = True
        cycle.on_response = _nothing  # as uvicorn does in the end: it refers to this connection
        added = b"".join([b"%b: %b\r\n" % each for each in self.server_state.default_headers])
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        status, body = STATUS_LINE[reply.start["status"]], reply.content["body"]
        self.transport.write(b"".join((status, added, reply.lines, end, body)))
        if not cycle.keep_alive:
            self.transport.close()
        if self.pipeline:
            # Not at once: of a thousand that wait, each would be answered inside the one before.
            self.loop.call_soon(self.on_response_complete)
        else:
            self.on_response_complete()


def _nothing() -> None:
    """Do nothing more for a request that was answered."""
