"""Broadcasts: the latest public changes, held once in a process for all who listen.

The follower adds what it finds; listeners are woken in their event loops and read from here, so
that none of them costs a question to the database unless it is far behind.
"""

import asyncio
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Final

from app.store.change_log import PublicChange

HELD: Final = 2_000
"""How many of the latest changes are held."""


class ChangeBroadcast:
    """The changes behind `_first`, up to `last`. Threads may share it."""

    def __init__(self) -> None:
        self.last = 0
        self._first = 0
        self._held: deque[PublicChange] = deque()
        self._lock = Lock()
        self._waiting: dict[AbstractEventLoop, asyncio.Event] = {}

    def begin(self, last: int) -> None:
        """Hold nothing, and go on behind the change numbered `last`."""
        with self._lock:
            self._held.clear()
            self._first = self.last = last
        self._wake()

    def add(self, changes: Sequence[PublicChange], last: int) -> None:
        """Add all changes from the one that was last before to that numbered `last`."""
        with self._lock:
            self._held.extend(changes)
            while len(self._held) > HELD:
                self._first = self._held.popleft().seq
            self.last = last
        self._wake()

    def since(self, seq: int) -> tuple[list[PublicChange], int] | None:
        """Return the changes behind `seq`, up to which number, or None where not all are held."""
        with self._lock:
            if not self._first <= seq <= self.last:
                return None
            if seq == self.last:
                return [], self.last  # without a look at each of them
            return [change for change in self._held if change.seq > seq], self.last

    async def wait(self, seq: int, seconds: float) -> bool:
        """Wait until there is something behind `seq`, or so long. Say whether there is."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if self.last > seq:
                return True
            event = self._waiting.setdefault(loop, asyncio.Event())
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)
        return self.last > seq

    def _wake(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for loop, event in waiting.items():
            with suppress(RuntimeError):  # its loop has ended
                loop.call_soon_threadsafe(event.set)
