"""What requests are answered with: the settings, the database, the site, the memory, the clock."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Annotated, Final

from fastapi import Depends, Request, Response

from app.auth.failed_logins import Accepted, Attempts
from app.background_priority import give_way
from app.cache.change_broadcast import Broadcast
from app.cache.change_follower import Follower
from app.cache.response_cache import Memory
from app.database.transactions import Database
from app.representations.article import FORMATS, Site, path_of
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
class Service:
    """One running Slugline. `stopping` is set when it is about to end.

    `background` runs the loads that answer before they are done, `loading` the others, and
    `undoing` what undoes them. `cursor_keys` has the key of the database's cursors, once known.
    `answers` are the ready ones of articles, `missing` those that say there is none, `listings`
    those of many articles, and `searches` those of what anybody can make up; `broadcast` has the
    latest changes for those who listen. `attempts` are those
    with a wrong token, `accepted` the tokens that were right; `strangers`, each and all together
    (`everybody`), are those who left a row in the audit without one.
    """

    settings: Settings
    database: Database
    site: Site
    clock: Callable[[], datetime]
    freshness: Freshness
    answers: Memory
    missing: Memory
    listings: Memory
    searches: Memory
    broadcast: Broadcast
    follower: Follower
    attempts: Attempts
    strangers: Attempts
    cursor_keys: list[bytes]
    everybody: Attempts = field(default_factory=lambda: Attempts(STRANGERS_A_MINUTE))
    accepted: Accepted = field(default_factory=Accepted)
    stopping: Event = field(default_factory=Event)
    loading: ThreadPoolExecutor = field(default_factory=lambda: _nice("load"))
    background: ThreadPoolExecutor = field(default_factory=lambda: _nice("background"))
    undoing: ThreadPoolExecutor = field(default_factory=lambda: _nice("undo"))

    def cursor_key(self) -> bytes:
        """Return the key of the database's cursors, which was made with it and stays as it is.

        Raises DatabaseUnavailableError.
        """
        if not self.cursor_keys:
            self.cursor_keys.append(self.database.ask(cursor_key))
        return self.cursor_keys[0]


def _nice(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(LOADS_AT_ONCE, name, give_way)


def assemble(settings: Settings, clock: Callable[[], datetime]) -> Service:
    """Return the service that `settings` describe. Raises DatabaseAddressError."""
    answers = Memory(settings.ready_bytes, clock)
    listings = Memory(settings.ready_bytes // 4, clock)
    searches = Memory(settings.ready_bytes // 16, clock)
    missing = Memory(MISSING_BYTES, clock, MISSING_LIFETIME)

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
                memory.drop(path_of(slug, form) for slug in slugs for form in FORMATS)

    database = Database(settings.database_url)
    broadcast = Broadcast()
    return Service(
        settings=settings,
        database=database,
        site=Site(settings.public_base_url, settings.site_name, settings.canonical),
        clock=clock,
        freshness=freshness_of(settings),
        answers=answers,
        missing=missing,
        listings=listings,
        searches=searches,
        broadcast=broadcast,
        follower=Follower(database, forget, clock, broadcast),
        attempts=Attempts(settings.failed_tokens),
        strangers=Attempts(settings.failed_tokens),
        cursor_keys=cursor_keys,
    )


def service_of(request: Request) -> Service:
    """Return the service that `request` came to."""
    service = request.app.state.service
    assert isinstance(service, Service)  # noqa: S101 - `create_app` put it there
    return service


async def _served(request: Request) -> Service:  # async: what is not costs a thread each time
    return service_of(request)


Served = Annotated[Service, Depends(_served)]


UNSTORED: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""The fields of an answer that nobody keeps."""


async def _unstored(response: Response) -> None:
    response.headers.update(UNSTORED)


Unstored = Depends(_unstored)
"""For routes whose answers nobody keeps, and that leave the answer to the framework."""
