"""What every way of loading shares: where it runs, what is wanted, and how it ends early."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from pydantic import JsonValue

from app.database.transactions import Database, DatabaseUnavailableError
from app.feeds import FeedSource
from app.ingest.decide import PLAIN, Policy

PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between the attempts at a transaction while the database is away."""

Clock = Callable[[], datetime]
Outcome = TypeVar("Outcome")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator wants of a load.

    `atomic`: all of the feed, or nothing. `strict`: a record with unknown fields is rejected.
    """

    atomic: bool = False
    strict: bool = False
    policy: Policy = PLAIN

    def told(self) -> dict[str, JsonValue]:
        """Return the options as receipts tell them: those that are not the default."""
        said: dict[str, JsonValue] = {
            "mode": "atomic" if self.atomic else None,
            "strict": self.strict or None,
            "on_collision": "suffix" if self.policy.suffix else None,
            "restore": self.policy.restore or None,
        }
        return {name: value for name, value in said.items() if value is not None}


def _never() -> bool:
    return False


def _ignored(_load_id: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Run:
    """Where a load runs.

    `stopping` is asked between batches whether to stop there, `begun` is told the number of the
    receipt as soon as there is one.
    """

    database: Database
    clock: Clock
    stopping: Callable[[], bool] = field(default=_never)
    begun: Callable[[int], None] = field(default=_ignored)


class StoppingError(Exception):
    """The server is stopping, and what was asked for is not done and has changed nothing."""


class LoadInterruptedError(Exception):
    """The database went away, or the server is stopping, after a load had begun.

    What the receipt `load_id` counts is in the database, and nothing else of the feed: `position`
    records. The same feed sent again completes it.
    """

    def __init__(self, load_id: int, position: int, cause: str) -> None:
        super().__init__(f"load {load_id} was interrupted behind record {position}: {cause}")
        self.load_id = load_id
        self.position = position


def persistently(attempt: Callable[[], Outcome]) -> Outcome:
    """Return what `attempt` does, tried again while the database is away or others hold it."""
    for pause in PAUSES:
        try:
            return attempt()
        except DatabaseUnavailableError as error:
            logger.warning("a load waits for the database: %s", error)
            time.sleep(pause)
    return attempt()


def bytes_read(sources: Sequence[FeedSource]) -> int:
    """Return how much of `sources` has been read, a little more than was worked through."""
    return sum(source.stream.tell() for source in sources)
