"""Following the change feed: what this process remembers of an article goes when it changes.

One thread in each process asks, ten times a second, for the number of the newest change, and when
the next article is due that is dated ahead, which it announces then. So a write through one process
is seen by all others on this database, on other machines too, within a second, and no request has
to ask.
"""

import logging
from collections.abc import Callable, Collection
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Final

from app.cache.change_broadcast import HELD, ChangeBroadcast
from app.database.transactions import Database, DatabaseUnavailableError
from app.store import change_log, scheduled_publication

PERIOD_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 2
SLUGS_AT_ONCE: Final = 10_000
"""Where more articles than this have changed, everything is forgotten."""

logger = logging.getLogger(__name__)


class ChangeFollower:
    """Calls `forget` with the slugs of articles that changed, or with None for all of them.

    What readers see of the changes goes to those who listen to `broadcast`. Articles whose time
    comes, by `clock`, it announces in the change feed, unless another process is first.
    """

    def __init__(
        self,
        database: Database,
        forget: Callable[[Collection[str] | None], None],
        clock: Callable[[], datetime],
        broadcast: ChangeBroadcast | None = None,
    ) -> None:
        self._database = database
        self._forget = forget
        self._clock = clock
        self._broadcast = broadcast or ChangeBroadcast()
        self._seen = 0
        self._lock = Lock()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin with what is there now. Raises DatabaseUnavailableError."""
        self._seen = self._database.query(change_log.last_seq)
        self._broadcast.begin(self._seen)
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the end, unless the database keeps it waiting."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE_SECONDS)

    def catch_up(self) -> None:
        """Forget, before this returns, what has changed by now. Raises DatabaseUnavailableError."""
        # One at a time: else one could return while the other, which saw more, is yet to forget.
        with self._lock:
            if self._database.query(change_log.last_seq) == self._seen:
                return
            with self._database.reading() as session:
                newest = change_log.last_seq(session.connection())
                slugs = change_log.slugs_since(session, self._seen, limit=SLUGS_AT_ONCE + 1)
                public = change_log.public_since(session, self._seen, limit=HELD + 1)
            # Numbers that went back are another database in the place of the one we knew.
            known = newest > self._seen and len(slugs) <= SLUGS_AT_ONCE
            self._forget(slugs if known else None)
            if known and len(public) <= HELD:
                self._broadcast.add(public, newest)
            else:
                self._broadcast.begin(newest)
            self._seen = newest

    def announce(self) -> None:
        """Let readers see the articles whose time has come. Raises DatabaseUnavailableError."""
        due = self._database.query(scheduled_publication.next_due)
        while due is not None and due <= self._clock():
            with self._database.writing() as session:
                announced = scheduled_publication.publish_due(session, self._clock())
            due = due if announced == scheduled_publication.AT_ONCE else None

    def invalidate_written(self) -> None:
        """Forget, before this returns, what this process has written, wherever the database is."""
        try:
            self.catch_up()
        except DatabaseUnavailableError:
            self._forget(None)

    def _run(self) -> None:
        away = False
        while not self._stopping.wait(PERIOD_SECONDS):
            try:
                newest, due = self._database.query(scheduled_publication.last_seq_and_next_due)
                if due is not None and due <= self._clock():
                    self.announce()
                    self.catch_up()
                elif newest != self._seen:
                    self.catch_up()
            except Exception as error:  # noqa: BLE001 - nobody would notice that it ended
                # While the database is away, what is remembered stays true. Else it may not.
                if not isinstance(error, DatabaseUnavailableError):
                    self._forget(None)
                if not away:
                    logger.warning("the change feed cannot be followed: %s", error)
                away = True
            else:
                away = False
