"""What requests are answered with: the settings, the database, the site, the memory, the clock."""

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

MISSING_BYTES: Final = 2 << 20
MISSING_LIFETIME: Final = timedelta(seconds=2)
"""How much is remembered of what there is not, and for how long.

It is little of both, and apart from what there is: a scan of random addresses can neither fill the
memory nor drive out of it what is asked for.
"""

STRANGERS_A_MINUTE: Final = 60
"""How many rows those who show no token that is known can leave, all of them together."""

LOADS_AT_ONCE: Final = 4
"""How many loads run that somebody waits for, and how many others; more wait, without a receipt."""


@dataclass(frozen=True, slots=True)
class AppState:
    """The state of one running application.

    `stopping` is set when the process is about to end. `load_executor` runs loads that a client
    waits for, `background_executor` those answered with 202, `undo_executor` undos.
    `article_cache` holds responses for articles, `listing_cache` for listings, `search_cache` for
    searches and other queries that clients make up, `not_found_cache` short-lived 404s.
    `failed_logins` counts wrong tokens, `valid_token_cache` remembers right ones.
    `anonymous_audit_limit` (for each network) and `audit_limit` (in total) bound the audit rows
    that requests without a valid token leave. `cursor_keys` holds the cursor key, once read.
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
        default_factory=lambda: FailedLoginLimiter(STRANGERS_A_MINUTE)
    )
    valid_token_cache: ValidTokenCache = field(default_factory=ValidTokenCache)
    stopping: Event = field(default_factory=Event)
    load_executor: ThreadPoolExecutor = field(default_factory=lambda: _nice("load"))
    background_executor: ThreadPoolExecutor = field(default_factory=lambda: _nice("background"))
    undo_executor: ThreadPoolExecutor = field(default_factory=lambda: _nice("undo"))

    def cursor_key(self) -> bytes:
        """Return the key of the database's cursors, which was made with it and stays as it is.

        Raises DatabaseUnavailableError.
        """
        if not self.cursor_keys:
            self.cursor_keys.append(self.database.query(cursor_key))
        return self.cursor_keys[0]


def _nice(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(LOADS_AT_ONCE, name, lower_thread_priority)


def assemble(settings: Settings, clock: Callable[[], datetime]) -> AppState:
    """Return the service that `settings` describe. Raises DatabaseAddressError."""
    answers = ResponseCache(settings.ready_bytes, clock)
    listings = ResponseCache(settings.ready_bytes // 4, clock)
    searches = ResponseCache(settings.ready_bytes // 16, clock)
    missing = ResponseCache(MISSING_BYTES, clock, MISSING_LIFETIME)

    cursor_keys: list[bytes] = []

    def forget(slugs: Collection[str] | None) -> None:
        if slugs is None:
            cursor_keys.clear()  # it may be another database
        for memory in listings, searches:
            memory.clear()
        for memory in answers, missing:
            if slugs is None:
                memory.clear()
            else:
                memory.invalidate(article_path(slug, form) for slug in slugs for form in FORMATS)

    database = Database(settings.database_url)
    broadcast = ChangeBroadcast()
    return AppState(
        settings=settings,
        database=database,
        site=Site(settings.public_base_url, settings.site_name, settings.canonical),
        clock=clock,
        freshness=freshness_of(settings),
        article_cache=answers,
        not_found_cache=missing,
        listing_cache=listings,
        search_cache=searches,
        broadcast=broadcast,
        follower=ChangeFollower(database, forget, clock, broadcast),
        failed_logins=FailedLoginLimiter(settings.failed_tokens),
        anonymous_audit_limit=FailedLoginLimiter(settings.failed_tokens),
        cursor_keys=cursor_keys,
    )


def get_state(request: Request) -> AppState:
    """Return the service that `request` came to."""
    service = request.app.state.service
    assert isinstance(service, AppState)  # noqa: S101 - `create_app` put it there
    return service


async def _served(request: Request) -> AppState:  # async: what is not costs a thread each time
    return get_state(request)


StateDep = Annotated[AppState, Depends(_served)]


NO_STORE_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""The fields of an answer that nobody keeps."""


async def _unstored(response: Response) -> None:
    response.headers.update(NO_STORE_HEADERS)


NoStore = Depends(_unstored)
"""For routes whose answers nobody keeps, and that leave the answer to the framework."""
