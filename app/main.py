"""The application factory. Nothing connects before the application starts."""

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

from app.representations.fingerprint import rendering_fingerprint
from app.settings import Settings, read_settings
from app.store.rendering_changes import record_rendering
from app.web import error_handlers
from app.web.admin import articles as editing
from app.web.admin import audit_log, load_receipts, loads
from app.web.asgi import request_context
from app.web.asgi.audit_middleware import AuditMiddleware
from app.web.asgi.fast_path import STATE, CacheMiddleware
from app.web.diagnostics import health, negotiate
from app.web.openapi import document
from app.web.public import articles, changes, listings, vocabularies
from app.web.state import AppState, create_state

SWITCH_INTERVAL_SECONDS: Final = 0.0005
"""How long a thread may hold the interpreter while others wait for it; Python's default is 5 ms.

The event loop waits this long for a thread that loads a feed, each time it wakes up."""

GC_THRESHOLDS: Final = 5_000, 20, 100
"""With Python's defaults, a tenth of the time of a load went into the garbage collector."""

Handler = Callable[[int, FrameType | None], object]


def _now() -> datetime:
    return datetime.now(UTC)


def _set_on_signals(stopping: Event) -> None:
    """Set `stopping` as soon as the process receives SIGTERM or SIGINT.

    The server shuts the application down only after the last request, which may be a long load.
    """
    if current_thread() is not main_thread():
        return  # Python delivers signals to the main thread only
    for number in SIGTERM, SIGINT:
        handler = getsignal(number)
        if callable(handler):
            signal(number, partial(_stop, stopping, handler))


def _stop(stopping: Event, handler: Handler, number: int, frame: FrameType | None) -> None:
    stopping.set()
    handler(number, frame)


class Slugline(FastAPI):
    """FastAPI, with the response cache in front of everything that it does for a request."""

    cache_middleware: CacheMiddleware

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as an ASGI application."""
        await self.cache_middleware(scope, receive, send)


def create_app(settings: Settings, clock: Callable[[], datetime] = _now) -> FastAPI:
    """Return the application. Raises DatabaseAddressError.

    On start-up it brings an embedded database up to date; with any other whose schema is not this
    version's it does not start (SchemaOutdatedError).
    """
    state = create_state(settings, clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, CacheMiddleware]]:
        await run_in_threadpool(_start, state)
        _set_on_signals(state.stopping)
        yield {STATE: app.cache_middleware}
        state.stopping.set()
        await run_in_threadpool(_shut_down, state)

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
    app.state.service = state
    audited = AuditMiddleware(partial(FastAPI.__call__, app), state)
    app.cache_middleware = CacheMiddleware(audited, state)
    framework_document = app.openapi
    app.openapi = cache(lambda: document.complete(framework_document()))  # type: ignore[method-assign] # the way FastAPI documents
    error_handlers.install(app)
    request_context.install()
    for router in _routers():
        app.include_router(router)
    return app


def _start(state: AppState) -> None:
    state.database.prepare()
    fingerprint = rendering_fingerprint(state.site)
    state.rendering_changed_at = record_rendering(state.database, fingerprint, state.clock())
    state.follower.start()


def _shut_down(state: AppState) -> None:
    for executor in state.background_executor, state.load_executor, state.undo_executor:
        executor.shutdown()
    state.follower.stop()
    state.database.close()


@cache
def _routers() -> tuple[APIRouter, ...]:
    """Return the routers, which all applications of a process share."""
    modules = negotiate, loads, load_receipts, editing, audit_log, health, document
    return tuple(module.router() for module in modules)


def app_from_environment() -> FastAPI:
    """Return the application for the environment's settings, as the factory for a server.

    Tunes the interpreter, so the process must be the server's alone. Raises SettingsError,
    DatabaseAddressError.
    """
    app = create_app(read_settings())
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    # What has been imported is never garbage. Without this a full collection during a load stopped
    # all requests for 100 ms.
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    return app
