"""What every kind of load shares: its context, its options, retries, and how it ends early."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from pydantic import JsonValue

from app.database.transactions import Database, DatabaseUnavailableError, Session
from app.ingest.decide import DEFAULT_POLICY, OUTCOMES, Policy
from app.store import loads
from app.store.loads import LEASE, LoadOrigin

RETRY_DELAYS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between attempts at a transaction while the database is unavailable."""

Returned = TypeVar("Returned")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How an operator wants a feed to be loaded.

    `atomic`: all records or none. `strict`: records with unknown fields are rejected.
    """

    atomic: bool = False
    strict: bool = False
    policy: Policy = DEFAULT_POLICY

    def to_json(self) -> dict[str, JsonValue]:
        """Return the options that differ from the defaults, as receipts show them."""
        options: dict[str, JsonValue] = {
            "mode": "atomic" if self.atomic else None,
            "strict": self.strict or None,
            "on_collision": "suffix" if self.policy.suffix else None,
            "restore": self.policy.restore or None,
        }
        return {name: value for name, value in options.items() if value is not None}


@dataclass(frozen=True, slots=True)
class LoadContext:
    """Where a load runs: its database and clock, and its ties to the process that runs it.

    `should_stop` is called between batches: true ends the load there. `on_started` gets the id of
    the receipt as soon as it exists.
    """

    database: Database
    clock: Callable[[], datetime]
    should_stop: Callable[[], bool] = lambda: False
    on_started: Callable[[int], object] = lambda _load_id: None


class StoppingError(Exception):
    """The server is stopping; the operation was abandoned before it changed anything."""


class LoadInterruptedError(Exception):
    """The database became unavailable, or the server stopped, after the load had begun.

    The first `position` records are in the database, as receipt `load_id` says, and no others.
    Sending the same feed again completes it.
    """

    def __init__(self, load_id: int, position: int, cause: str) -> None:
        super().__init__(f"load {load_id} was interrupted after record {position}: {cause}")
        self.load_id = load_id
        self.position = position


def find_or_begin(
    session: Session, origin: LoadOrigin, now: datetime, lease: timedelta = LEASE
) -> tuple[int, bool]:
    """Return the id of the load and whether it is new.

    It is not new if `origin` repeats a finished load with its idempotency key. Raises
    StillRunningError, KeyReusedError.
    """
    repeated = loads.find_by_idempotency_key(session, origin, now)
    if repeated is not None:
        return repeated, False
    return loads.begin(session, origin, dict.fromkeys(OUTCOMES, 0), now, lease), True


def retry_while_unavailable(attempt: Callable[[], Returned]) -> Returned:
    """Return the result of `attempt`, which is one transaction, retried after RETRY_DELAYS.

    Raises DatabaseUnavailableError if the last attempt fails as well.
    """
    for delay in RETRY_DELAYS:
        try:
            return attempt()
        except DatabaseUnavailableError as error:
            logger.warning("a load is waiting for the database: %s", error)
            time.sleep(delay)
    return attempt()
