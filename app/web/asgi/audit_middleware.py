"""Audit log middleware: every state-changing request under `/admin` leaves a row.

It wraps the application, so it sees the status that a request really got, problems included, and no
route has to take care of it. The row is written before the first byte of the response is sent.
"""

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from anyio import CapacityLimiter, move_on_after, to_thread

from app.auth.failed_logins import network_of
from app.database.engines import BUSY_SECONDS
from app.database.transactions import DatabaseUnavailableError
from app.store import audit_log
from app.store.audit_log import AuditEntry
from app.text import excerpt
from app.web.asgi.request_context import HEADER, RequestContext, Scope, request_context
from app.web.state import AppState

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

AUDIT_TIMEOUT_SECONDS: Final = 2
"""How long a response waits for its audit row. Writing the row goes on after that."""

_ACTIONS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_THREADS: Final = 4
_ALL_NETWORKS: Final = ""
_LOAD: Final = re.compile(rb"/admin/loads/(\d{1,19})")

logger = logging.getLogger(__name__)


class AuditMiddleware:
    """An ASGI application around `app`, whose state is `state`."""

    def __init__(self, app: Application, state: AppState) -> None:
        self._app = app
        self._state = state
        # Threads of its own: a load occupies one of the application's threads while it runs.
        self._threads = CapacityLimiter(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; under `/admin`, audit it and send its id back."""
        if scope["type"] != "http" or not _is_admin(scope["path"]):
            await self._app(scope, receive, send)
            return
        with request_context(scope) as context:
            await self._app(scope, receive, partial(self._send, scope, context, send))

    async def _send(
        self, scope: Scope, context: RequestContext, send: Send, message: Message
    ) -> None:
        if message["type"] == "http.response.start":
            if scope["method"] in _ACTIONS and self._is_within_limits(context):
                await self._record(_entry(scope, context, message, self._state.clock()))
            request_id = (HEADER, context.request_id.encode())
            message = {**message, "headers": [*message.get("headers", ()), request_id]}
        await send(message)

    def _is_within_limits(self, context: RequestContext) -> bool:
        """Return whether to write a row: requests without a valid token must not fill the disk."""
        if context.operator:
            return True
        now, network = self._state.clock(), network_of(context.address)
        per_network, in_total = self._state.anonymous_audit_limit, self._state.audit_limit
        if per_network.retry_after(network, now) or in_total.retry_after(_ALL_NETWORKS, now):
            return False
        per_network.record_failure(network, now)
        in_total.record_failure(_ALL_NETWORKS, now)
        return True

    async def _record(self, entry: AuditEntry) -> None:
        with move_on_after(AUDIT_TIMEOUT_SECONDS) as waiting:
            await to_thread.run_sync(
                self._write, entry, abandon_on_cancel=True, limiter=self._threads
            )
        if waiting.cancelled_caught:
            logger.warning("audit entry not written yet because the database is slow: %s", entry)

    def _write(self, entry: AuditEntry) -> None:
        """Write the row, or at least a log line. It never fails: the action has been done."""
        try:
            with self._state.database.audit_transaction(BUSY_SECONDS) as session:
                audit_log.record(session, entry)
        except DatabaseUnavailableError as error:
            logger.warning("audit entry not written because %s: %s", error, entry)
        except Exception:
            logger.exception("audit entry not written: %s", entry)


def _is_admin(path: str) -> bool:
    return path == "/admin" or path.startswith("/admin/")


def _entry(scope: Scope, context: RequestContext, message: Message, now: datetime) -> AuditEntry:
    """Return the audit entry of a request whose response starts with `message`."""
    route = getattr(scope.get("route"), "path", "")  # there is none at an unknown path
    return AuditEntry(
        at=now,
        operator=context.operator,
        action=f"{scope['method']} {route}".rstrip(),
        target=excerpt(scope["path"]),
        outcome=_outcome(message),
        request_id=context.request_id,
    )


def _outcome(message: Message) -> str:
    """Return the response's status, and the number of the load that it refers to."""
    headers = dict(message.get("headers", ()))
    location = headers.get(b"content-location") or headers.get(b"location") or b""
    load = _LOAD.search(location)
    return f"{message['status']}" + (f" load {load[1].decode()}" if load else "")
