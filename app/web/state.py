"""The state of the running application: settings, database, caches, executors, clock."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Annotated, Final

from fastapi import Depends, Request, Response

from app.auth.failed_logins import FailedLoginLimiter, ValidTokenCache
from app.background_priority import lower_thread_priority
from app.cache.change_broadcast import ChangeBroadcast
from app.cache.change_follower import ChangeFollower
from app.cache.response_cache import ResponseCache
from app.database.transactions import Database
from app.representations.article import FORMATS, Site, article_path
from app.settings import Settings
from app.store.listing.pages import cursor_key
from app.web.response_headers import Freshness, freshness_of

NOT_FOUND_BYTES: Final = 2 << 20
NOT_FOUND_LIFETIME: Final = timedelta(seconds=2)
"""Bounds of the cache of 404s. It is small and apart from the others, so that a scan of random
addresses evicts nothing that exists."""

ANONYMOUS_AUDITS_A_MINUTE: Final = 60
"""How many audit rows requests without a valid token can leave, all clients together."""

CONCURRENT_LOADS: Final = 4
"""How many loads run at a time in each executor. More are queued, without a receipt yet."""


@dataclass(slots=True)
class AppState:
    """The state of one running application.

    `stopping` is set when the process is about to end. `load_executor` runs loads that a client
    waits for, `background_executor` those answered with 202, `undo_executor` undos.
    `article_cache` holds responses for articles, `listing_cache` for listings, `search_cache` for
    searches and other queries that clients make up, `not_found_cache` short-lived 404s.
    `failed_logins` counts wrong tokens, `valid_token_cache` remembers right ones.
    `anonymous_audit_limit` (for each network) and `audit_limit` (in total) bound the audit rows
    that requests without a valid token leave. `cursor_keys` holds the cursor key, once read.
    `rendering_changed_at` is set on start-up: since when articles are rendered as they are now.
    """

    settings: Settings
    database: Database
    site: Site
    clock: Callable[[], datetime]
    freshness: Freshness
    article_cache: ResponseCache
    not_found_cache: ResponseCache
    listing_cache: ResponseCache
    search_cache: ResponseCache
    broadcast: ChangeBroadcast
    follower: ChangeFollower
    failed_logins: FailedLoginLimiter
    anonymous_audit_limit: FailedLoginLimiter
    cursor_keys: list[bytes]
    audit_limit: FailedLoginLimiter = field(
        default_factory=lambda: FailedLoginLimiter(ANONYMOUS_AUDITS_A_MINUTE)
    )
    valid_token_cache: ValidTokenCache = field(default_factory=ValidTokenCache)
    stopping: Event = field(default_factory=Event)
    rendering_changed_at: datetime | None = None
    load_executor: ThreadPoolExecutor = field(default_factory=lambda: _nice("load"))
    background_executor: ThreadPoolExecutor = field(default_factory=lambda: _nice("background"))
    undo_executor: ThreadPoolExecutor = field(default_factory=lambda: _nice("undo"))

    def cursor_key(self) -> bytes:
        """Return the key that signs cursors. It was created with the database, and never changes.

        Raises DatabaseUnavailableError.
        """
        if not self.cursor_keys:
            self.cursor_keys.append(self.database.query(cursor_key))
        return self.cursor_keys[0]


def _nice(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(CONCURRENT_LOADS, name, lower_thread_priority)


def create_state(settings: Settings, clock: Callable[[], datetime]) -> AppState:
    """Return the state for `settings`; nothing connects yet. Raises DatabaseAddressError."""
    article_cache = ResponseCache(settings.ready_bytes, clock)
    listing_cache = ResponseCache(settings.ready_bytes // 4, clock)
    search_cache = ResponseCache(settings.ready_bytes // 16, clock)
    not_found_cache = ResponseCache(NOT_FOUND_BYTES, clock, NOT_FOUND_LIFETIME)
    cursor_keys: list[bytes] = []

    def invalidate(slugs: Collection[str] | None) -> None:
        listing_cache.clear()
        search_cache.clear()
        if slugs is None:
            cursor_keys.clear()  # another database may have been restored
            article_cache.clear()
            not_found_cache.clear()
            return
        for each in article_cache, not_found_cache:
            each.invalidate(article_path(slug, form) for slug in slugs for form in FORMATS)

    database = Database(settings.database_url)
    broadcast = ChangeBroadcast()
    return AppState(
        settings=settings,
        database=database,
        site=Site(settings.public_base_url, settings.site_name, settings.canonical),
        clock=clock,
        freshness=freshness_of(settings),
        article_cache=article_cache,
        not_found_cache=not_found_cache,
        listing_cache=listing_cache,
        search_cache=search_cache,
        broadcast=broadcast,
        follower=ChangeFollower(database, invalidate, clock, broadcast),
        failed_logins=FailedLoginLimiter(settings.failed_tokens),
        anonymous_audit_limit=FailedLoginLimiter(settings.failed_tokens),
        cursor_keys=cursor_keys,
    )


def get_state(request: Request) -> AppState:
    """Return the state of the application that serves `request`."""
    state = request.app.state.service
    assert isinstance(state, AppState)  # noqa: S101 - `create_app` put it there
    return state


async def _state_dependency(request: Request) -> AppState:  # async, so that it costs no thread
    return get_state(request)


StateDep = Annotated[AppState, Depends(_state_dependency)]


NO_STORE_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""The headers of responses that no cache may store."""


async def _add_no_store(response: Response) -> None:
    response.headers.update(NO_STORE_HEADERS)


NoStore = Depends(_add_no_store)
"""For routes whose responses no cache may store, and that the framework serialises."""
