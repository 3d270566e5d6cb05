"""The application: its parts put together. Nothing connects before it starts."""

import gc
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache, partial
from importlib.metadata import version
from signal import SIGINT, SIGTERM, getsignal, signal
from threading import Event, current_thread, main_thread
from types import FrameType
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from app.settings import Settings, read_settings
from app.web import error_handlers
from app.web.admin import articles as editing
from app.web.admin import audit_log, load_receipts, loads
from app.web.asgi import request_context
from app.web.asgi.audit_middleware import AuditMiddleware
from app.web.asgi.fast_path import STATE, CacheMiddleware
from app.web.diagnostics import health, negotiate
from app.web.openapi import document
from app.web.public import articles, changes, listings, vocabularies
from app.web.state import assemble

SWITCH_SECONDS: Final = 0.0005
"""How long a thread of a server has the interpreter to itself while others want it."""

GARBAGE_THRESHOLDS: Final = 5_000, 20, 100
"""How many new objects, and younger collections, make the collector of garbage look at each age."""

Handler = Callable[[int, FrameType | None], object]


def _now() -> datetime:
    return datetime.now(UTC)


def _heed_signals(stopping: Event) -> None:
    """Set `stopping` as soon as the process is asked to end.

    The server tells the application only when all requests are done, and a load need not be.
    """
    if current_thread() is not main_thread():
        return  # no server of its own, and no signals for this thread
    for number in SIGTERM, SIGINT:
        handler = getsignal(number)
        if callable(handler):
            signal(number, partial(_stop, stopping, handler))


def _stop(stopping: Event, handler: Handler, number: int, frame: FrameType | None) -> None:
    stopping.set()
    handler(number, frame)


class Slugline(FastAPI):
    """The framework's application, with `front` before all that it does for each request."""

    front: CacheMiddleware

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ASGI asks."""
        await self.front(scope, receive, send)


def create_app(settings: Settings, clock: Callable[[], datetime] = _now) -> FastAPI:
    """Return the application. Raises DatabaseAddressError.

    On start-up it brings an embedded database up to date; with any other whose schema is not this
    version's it does not start (SchemaOutdatedError).
    """
    service = assemble(settings, clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, CacheMiddleware]]:
        await run_in_threadpool(service.database.prepare)
        await run_in_threadpool(service.follower.start)
        _heed_signals(service.stopping)
        yield {STATE: app.front}
        service.stopping.set()
        for threads in service.background_executor, service.load_executor, service.undo_executor:
            await run_in_threadpool(threads.shutdown)
        await run_in_threadpool(service.follower.stop)
        await run_in_threadpool(service.database.close)

    app = Slugline(
        routes=[*articles.routes(), *listings.routes(), *changes.routes(), *vocabularies.routes()],
        title=settings.site_name,
        version=version("slugline"),
        description=document.DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        redirect_slashes=False,  # its redirect forgets the scheme behind a proxy; ours has a path
        openapi_url=None,  # ours says how long it is fresh
        docs_url=None,  # it would load scripts from other hosts
        redoc_url=None,
        responses=document.EVERYWHERE,
        generate_unique_id_function=document.operation_id,
    )
    app.state.service = service
    app.front = CacheMiddleware(AuditMiddleware(partial(FastAPI.__call__, app), service), service)
    framework_document = app.openapi
    app.openapi = cache(lambda: document.complete(framework_document()))  # type: ignore[method-assign] # the way FastAPI documents
    error_handlers.install(app)
    request_context.install()
    for router in _routers():
        app.include_router(router)
    return app


@cache
def _routers() -> tuple[APIRouter, ...]:
    """Return the routes by the framework's own ways, which know of no one application."""
    parts = negotiate, loads, load_receipts, editing, audit_log, health, document
    return tuple(part.router() for part in parts)


def app_from_environment() -> FastAPI:
    """Return the application that the environment describes, for a server that takes a factory.

    It has this process to itself. Raises SettingsError, DatabaseAddressError.
    """
    app = create_app(read_settings())
    # A load runs in threads beside the one that answers readers. That one waits for a turn as long
    # as this says, each time it has waited for a request: by default, 5 ms.
    sys.setswitchinterval(SWITCH_SECONDS)
    # What is there by now stays. To look through all of it for garbage, again and again while a
    # feed is loaded, would keep readers waiting for 100 ms each time.
    gc.freeze()
    # By default a tenth of a load goes into looking for garbage among what is still in use.
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    return app
