"""The audit: whatever is asked of `/admin`, and was meant to change something, leaves a row.

It stands around the application, so it sees what each request really came to, problems of every
kind included, and no route has to think of it. The row is written before the first byte of the
answer goes out.
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

PATIENCE_SECONDS: Final = 2
"""How long an answer waits for its row. The row itself is tried for longer."""

_ACTIONS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_THREADS: Final = 4
_EVERYBODY: Final = ""
_LOAD: Final = re.compile(rb"/admin/loads/(\d{1,19})")

logger = logging.getLogger(__name__)


class AuditMiddleware:
    """An ASGI application around `app`, which is `service`'s."""

    def __init__(self, app: Application, service: AppState) -> None:
        self._app = app
        self._service = service
        # Of its own: a load keeps one of the application's threads for as long as it takes.
        self._threads = CapacityLimiter(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer; under `/admin`, record what it did and name the request."""
        if scope["type"] != "http" or not _is_operators(scope["path"]):
            await self._app(scope, receive, send)
            return
        with request_context(scope) as visit:
            await self._app(scope, receive, partial(self._send, scope, visit, send))

    async def _send(
        self, scope: Scope, visit: RequestContext, send: Send, message: Message
    ) -> None:
        if message["type"] == "http.response.start":
            if scope["method"] in _ACTIONS and self._is_worth_a_row(visit):
                await self._record(_action(scope, visit, message, self._service.clock()))
            named = (HEADER, visit.request_id.encode())
            message = {**message, "headers": [*message.get("headers", ()), named]}
        await send(message)

    def _is_worth_a_row(self, visit: RequestContext) -> bool:
        """Say so, but where a stranger could fill the disk."""
        if visit.operator:
            return True
        now, network = self._service.clock(), network_of(visit.address)
        strangers, everybody = self._service.anonymous_audit_limit, self._service.audit_limit
        if strangers.retry_after(network, now) or everybody.retry_after(_EVERYBODY, now):
            return False
        strangers.record_failure(network, now)
        everybody.record_failure(_EVERYBODY, now)
        return True

    async def _record(self, action: AuditEntry) -> None:
        with move_on_after(PATIENCE_SECONDS) as waiting:
            await to_thread.run_sync(
                self._write, action, abandon_on_cancel=True, limiter=self._threads
            )
        if waiting.cancelled_caught:
            logger.warning("not in the audit yet, which the database keeps waiting: %s", action)

    def _write(self, action: AuditEntry) -> None:
        """Write `action` down, in the log if nowhere else: what was done is answered as done."""
        try:
            with self._service.database.audit_transaction(BUSY_SECONDS) as session:
                audit_log.record(session, action)
        except DatabaseUnavailableError as error:
            logger.warning("not in the audit, for %s: %s", error, action)
        except Exception:
            logger.exception("not in the audit: %s", action)


def _is_operators(path: str) -> bool:
    return path == "/admin" or path.startswith("/admin/")


def _action(scope: Scope, visit: RequestContext, message: Message, now: datetime) -> AuditEntry:
    """Say what a request was, now that its answer is known to begin with `message`."""
    # There is none where nothing stands at the path.
    route = getattr(scope.get("route"), "path", "")
    return AuditEntry(
        at=now,
        operator=visit.operator,
        action=f"{scope['method']} {route}".rstrip(),
        target=excerpt(scope["path"]),
        outcome=_outcome(message),
        request_id=visit.request_id,
    )


def _outcome(message: Message) -> str:
    """Return the answer's status, and the number of the load that it names."""
    fields = dict(message.get("headers", ()))
    place = fields.get(b"content-location") or fields.get(b"location") or b""
    load = _LOAD.search(place)
    return f"{message['status']}" + (f" load {load[1].decode()}" if load else "")
