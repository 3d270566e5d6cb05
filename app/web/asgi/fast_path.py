"""The outermost ASGI layer: sends cached responses without routing, threads or SQL.

On a miss it has the response built in a worker thread, once for all requests that need it at that
time, by the same function that the route of the resource calls. All other requests, and requests
whose response cannot be built, go to the application.
"""

import asyncio
import logging
from asyncio import Future
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from app.cache.response_cache import CachedResponse, CacheKey, RawResponse
from app.web.asgi.cache_lookup import CacheLookup, cache_lookup
from app.web.problems import Problem, problem_cache_key, problem_response, unavailable
from app.web.request_headers import (
    ACCEPT_BYTES_AT_MOST,
    HEADER_BYTES_AT_MOST,
    HEADERS_AT_MOST,
    HeadersTooLargeError,
    RequestPreferences,
    request_preferences,
)
from app.web.state import AppState

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

STATE: Final = "cache_middleware"
"""The key in the lifespan state under which the server finds the middleware."""

BUILD_TIMEOUT_SECONDS: Final = 15
"""How long a request waits for a database that accepts queries and does not answer."""

logger = logging.getLogger(__name__)


class CacheMiddleware:
    """An ASGI application in front of `app`, whose state is `state`."""

    def __init__(self, app: Application, state: AppState) -> None:
        self._app = app
        self._state = state
        self._in_flight: dict[tuple[int, CacheKey], Future[CachedResponse]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a cached response, or build one, or let the application respond."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            preferences = request_preferences(scope)
        except HeadersTooLargeError:
            await _send(self._refuse(scope["path"]).to_raw(scope["method"], unmodified=False), send)
            return
        target = cache_lookup(self._state, scope["method"], preferences)
        response = None
        if target is not None:
            response = self._find(target, preferences) or await self._build(target, preferences)
        if response is None:
            await self._app(scope, receive, send)
        else:
            unmodified = preferences.has(response)
            await _send(response.to_raw(scope["method"], unmodified=unmodified), send)

    def lookup(self, scope: Mapping[str, Any]) -> RawResponse | None:
        """Return what to send from the cache, or None where the application has to respond."""
        try:
            preferences = request_preferences(scope)
        except HeadersTooLargeError:
            return None
        target = cache_lookup(self._state, scope["method"], preferences)
        response = target and self._find(target, preferences)
        if not response:
            return None
        return response.to_raw(scope["method"], unmodified=preferences.has(response))

    def _find(self, target: CacheLookup, preferences: RequestPreferences) -> CachedResponse | None:
        response = target.cache.get(target.key)
        if response is None and target.cache is self._state.article_cache:
            return self._state.not_found_cache.get(problem_cache_key(preferences))
        return response

    async def _build(
        self, target: CacheLookup, preferences: RequestPreferences
    ) -> CachedResponse | None:
        """Build the response in a thread, or wait for the thread that does for another request."""
        # A request that arrives after a write must not share what was begun before it.
        job = target.cache.generation, target.key
        building = self._in_flight.get(job)
        is_own = building is None
        if building is None:
            # The event loop's own threads, of which loads, which run in the application, take none.
            building = asyncio.get_running_loop().run_in_executor(
                None, self._build_and_cache, target, preferences
            )
            self._in_flight[job] = building
            building.add_done_callback(partial(self._in_flight.pop, job))
        try:
            # Shielded: a client that disconnects must not cancel it for the others.
            response = await asyncio.wait_for(asyncio.shield(building), BUILD_TIMEOUT_SECONDS)
        except TimeoutError:
            logger.warning("the database has not answered for %s s", BUILD_TIMEOUT_SECONDS)
            return problem_response(self._state, preferences, unavailable())
        except Exception:  # noqa: BLE001 - the application runs into it again, and translates it
            return None
        # Problems and redirects depend on more of the request than its cache key.
        return response if is_own or response.status == HTTPStatus.OK else None

    def _build_and_cache(
        self, target: CacheLookup, preferences: RequestPreferences
    ) -> CachedResponse:
        cache, key = target.cache, target.key
        generation, not_found = cache.generation, self._state.not_found_cache
        not_found_generation = not_found.generation
        try:
            response = target.respond(self._state, preferences)
        except Problem as problem:
            response = problem_response(self._state, preferences, problem)
            cache, key, generation = not_found, problem_cache_key(preferences), not_found_generation
        if response.is_reusable:
            cache.put(key, response, generation)
        return response

    def _refuse(self, path: str) -> CachedResponse:
        nothing = request_preferences({"path": path, "query_string": b"", "headers": []})
        return problem_response(self._state, nothing, _HEADERS_TOO_LARGE)


_HEADERS_TOO_LARGE: Final = Problem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"At most {HEADERS_AT_MOST} headers with {HEADER_BYTES_AT_MOST} bytes in total are allowed;"
    f" Accept and Accept-Encoding may have at most {ACCEPT_BYTES_AT_MOST} bytes each.",
)


async def _send(response: RawResponse, send: Send) -> None:
    await send(response.start)
    await send(response.content)
