"""The outermost layer: gives out ready answers without routing, threads or SQL.

It answers GET and HEAD of articles: with what is remembered, else with what it has made in a
thread, once for all who ask for it at that time. What it cannot answer, and all the rest, it leaves
to the application, which builds the same answers.
"""

import asyncio
import logging
from asyncio import Future
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from app.cache.response_cache import CachedResponse, RawResponse, ResponseCache
from app.http import content_coding
from app.web.asgi import cache_lookup
from app.web.asgi.cache_lookup import (
    ARTICLES,
    Asked,
    CacheLookup,
    HeadersTooLargeError,
    article_form,
    listing_form,
)
from app.web.problems import Problem, form_of, problem_answer, unavailable
from app.web.public import listings
from app.web.public.articles import answer_at
from app.web.state import AppState

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

STATE: Final = "ready"
"""Under which name the application's lifespan hands over what finds ready answers."""

PATIENCE_SECONDS: Final = 15
"""How long a reader waits for a database that takes questions and does not answer."""

logger = logging.getLogger(__name__)


class CacheMiddleware:
    """An ASGI application in front of `app`, which is `service`'s."""

    def __init__(self, app: Application, service: AppState) -> None:
        self._app = app
        self._service = service
        self._making: dict[tuple[int, str, str, str], Future[CachedResponse | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what is ready or can be made, or let the application answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            wanted = cache_lookup.read(scope)
        except HeadersTooLargeError:
            refusal = self._refusal(_TOO_HEAVY, scope["path"], b"")
            await _send(refusal.to_raw(scope["method"], unmodified=False), send)
            return
        answer = None
        if wanted is not None:
            answer = self._find(wanted) or await self._made(wanted)
        if wanted is None or answer is None:
            await self._app(scope, receive, send)
        else:
            await _send(answer.to_raw(scope["method"], unmodified=wanted.has(answer)), send)

    def lookup(self, scope: Asked) -> RawResponse | None:
        """Return what is sent to a request as it is; None where that takes more than to find it."""
        try:
            wanted = cache_lookup.read(scope)
        except HeadersTooLargeError:
            return None
        answer = self._find(wanted) if wanted else None
        if wanted is None or answer is None:
            return None
        return answer.to_raw(scope["method"], unmodified=wanted.has(answer))

    def _find(self, wanted: CacheLookup) -> CachedResponse | None:
        kind = _kind(wanted.path)
        for memory in kind.memories(self._service):
            shelf = memory.entry(wanted.path)
            if shelf is not None:
                return shelf.find(kind.form(wanted.accept), wanted.coding)
        shelf = self._service.not_found_cache.entry(wanted.path)
        if shelf is not None:
            return shelf.find(_form_of_problem(wanted.path, wanted.accept), content_coding.IDENTITY)
        return None

    async def _made(self, wanted: CacheLookup) -> CachedResponse | None:
        """Have an answer made, or wait for one that is being made for somebody else."""
        kind = _kind(wanted.path)
        # What began before a write is not for those who came after it.
        epoch, form = kind.memories(self._service)[0].generation, kind.form(wanted.accept)
        asked = wanted.path, form, wanted.coding
        key = epoch, *asked
        making = self._making.get(key)
        if making is None:
            # The event loop's own threads: a load, which is the application's, takes none of them.
            making = asyncio.get_running_loop().run_in_executor(
                None, kind.make, self._service, *asked
            )
            self._making[key] = making
            making.add_done_callback(partial(self._making.pop, key))
        try:
            # One that goes away leaves it to the others.
            return await asyncio.wait_for(asyncio.shield(making), PATIENCE_SECONDS)
        except TimeoutError:
            logger.warning("the database keeps a reader waiting")
            return self._refusal(unavailable(), wanted.path, wanted.accept)
        except Exception:  # noqa: BLE001 - the application meets it again, and knows what to say
            return None

    def _refusal(self, problem: Problem, path: str, accept: bytes) -> CachedResponse:
        known = accept.decode("latin-1")
        return problem_answer(self._service, problem, path, known, is_authorized=True)


_TOO_HEAVY: Final = Problem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"A request may have {cache_lookup.FIELDS_AT_MOST} header fields of"
    f" {cache_lookup.FIELD_BYTES} bytes"
    f" together, {cache_lookup.ACCEPT_BYTES} of them in Accept and in Accept-Encoding.",
)


async def _send(reply: RawResponse, send: Send) -> None:
    await send(reply.start)
    await send(reply.content)


def _form_of_problem(path: str, accept: bytes) -> str:
    return form_of(path, accept.decode("latin-1"))[0]


class CachedRoute(NamedTuple):
    """A kind of ready answers: where they are kept, which form Accept gets, and how one is made."""

    memories: Callable[[AppState], tuple[ResponseCache, ...]]
    form: Callable[[bytes], str]
    make: Callable[[AppState, str, str, str], CachedResponse | None]


_ARTICLES: Final = CachedRoute(lambda service: (service.article_cache,), article_form, answer_at)
_LISTINGS: Final = CachedRoute(
    lambda service: (service.listing_cache, service.search_cache), listing_form, listings.answer_at
)


def _kind(path: str) -> CachedRoute:
    return _ARTICLES if path.startswith(ARTICLES) else _LISTINGS
