"""The thread that follows the change feed: it invalidates what this process has cached.

Each process asks the database ten times a second for the number of the newest change and for the
instant at which the next scheduled article is due. So a write through one process reaches all
others on the same database, on other machines too, within a second, and no request has to ask.
"""

import logging
import time
from collections.abc import Callable, Collection
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Final

from app.cache.change_broadcast import CAPACITY, ChangeBroadcast
from app.database.transactions import Database, DatabaseUnavailableError
from app.store import change_log, scheduled_publication

POLL_SECONDS: Final = 0.1
STOP_TIMEOUT_SECONDS: Final = 2
ANNOUNCE_RETRY_SECONDS: Final = 5
"""Pause after a failed announcement: each attempt takes the writers' lock."""

SLUGS_AT_ONCE: Final = 10_000
"""Where more articles than this have changed, the caches are emptied instead."""

logger = logging.getLogger(__name__)


class ChangeFollower:
    """Calls `invalidate` with the slugs of articles that changed, or with None for all of them.

    Public changes go to `broadcast`. Articles that `clock` says are due are announced in the change
    feed, unless another process was first.
    """

    def __init__(
        self,
        database: Database,
        invalidate: Callable[[Collection[str] | None], None],
        clock: Callable[[], datetime],
        broadcast: ChangeBroadcast | None = None,
    ) -> None:
        self._database = database
        self._invalidate = invalidate
        self._clock = clock
        self._broadcast = broadcast or ChangeBroadcast()
        self._seen = 0
        self._lock = Lock()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="follower", daemon=True)
        self._announce_after = 0.0
        self._following = _Outage("the change feed cannot be followed")
        self._announcing = _Outage("articles that are due cannot be announced")

    def start(self) -> None:
        """Follow from the newest change on. Raises DatabaseUnavailableError."""
        self._seen = self._database.query(change_log.last_seq)
        self._broadcast.restart(self._seen)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, and wait for it unless the database blocks it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_SECONDS)

    def catch_up(self) -> None:
        """Invalidate, before this returns, what has changed. Raises DatabaseUnavailableError."""
        # One thread at a time: a second one must not return while the first has still to
        # invalidate what it read.
        with self._lock:
            if self._database.query(change_log.last_seq) == self._seen:
                return
            with self._database.reading() as session:
                newest = change_log.last_seq(session.connection())
                slugs = change_log.slugs_since(session, self._seen, limit=SLUGS_AT_ONCE + 1)
                public = change_log.public_since(session, self._seen, limit=CAPACITY + 1)
            # Numbers that went back mean that another database was restored in place of this one.
            is_continuous = newest > self._seen and len(slugs) <= SLUGS_AT_ONCE
            self._invalidate(slugs if is_continuous else None)
            if is_continuous and len(public) <= CAPACITY:
                self._broadcast.add(public, newest)
            else:
                self._broadcast.restart(newest)
            self._seen = newest

    def announce(self) -> None:
        """Publish the scheduled articles that are due. Raises DatabaseUnavailableError."""
        due = self._database.query(scheduled_publication.next_due)
        while due is not None and due <= self._clock():
            with self._database.writing() as session:
                published = scheduled_publication.publish_due(session, self._clock())
            due = due if published == scheduled_publication.PUBLISH_AT_ONCE else None

    def invalidate_written(self) -> None:
        """Invalidate, before this returns, what this process wrote, the database gone or not."""
        try:
            self.catch_up()
        except DatabaseUnavailableError:
            self._invalidate(None)

    def _run(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            try:
                due = self._follow()
            except Exception as error:  # noqa: BLE001 - the thread must survive any error
                # While the database is gone nothing can change. After any other error the caches
                # may be out of date.
                if not isinstance(error, DatabaseUnavailableError):
                    self._invalidate(None)
                self._following.begin(error)
            else:
                self._following.end()
                self._announce_due(due)

    def _follow(self) -> datetime | None:
        newest, due = self._database.query(scheduled_publication.last_seq_and_next_due)
        if newest != self._seen:
            self.catch_up()
        return due

    def _announce_due(self, due: datetime | None) -> None:
        """Announce what is due. A failure leaves the caches alone, for nothing was written."""
        if due is None or due > self._clock() or time.monotonic() < self._announce_after:
            return
        try:
            self.announce()
        except Exception as error:  # noqa: BLE001 - an article that fails must not stop the thread
            self._announce_after = time.monotonic() + ANNOUNCE_RETRY_SECONDS
            self._announcing.begin(error)
        else:
            self._announcing.end()


class _Outage:
    """Logs the first failure of a task, and nothing more until the task has succeeded again."""

    def __init__(self, message: str) -> None:
        self._message = message
        self._is_logged = False

    def begin(self, error: Exception) -> None:
        if not self._is_logged:
            logger.warning("%s: %s", self._message, error)
        self._is_logged = True

    def end(self) -> None:
        self._is_logged = False
