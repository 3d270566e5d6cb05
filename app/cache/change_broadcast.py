"""The latest public changes, held once per process for all clients that wait for changes.

The change follower adds them; waiting clients are woken in their event loops and read them from
here, so that a client costs no database query unless it is far behind.
"""

import asyncio
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Final

from app.store.change_log import PublicChange

CAPACITY: Final = 2_000
"""How many of the latest changes are held."""


class ChangeBroadcast:
    """The changes after `_first`, up to `last`. Thread-safe."""

    def __init__(self) -> None:
        self.last = 0
        self._first = 0
        self._changes: deque[PublicChange] = deque()
        self._lock = Lock()
        self._waiting: dict[AbstractEventLoop, asyncio.Event] = {}

    def restart(self, last: int) -> None:
        """Drop all changes, and continue after the one numbered `last`."""
        with self._lock:
            self._changes.clear()
            self._first = self.last = last
        self._wake()

    def add(self, changes: Sequence[PublicChange], last: int) -> None:
        """Add all public changes after the previous `last` up to the new one."""
        with self._lock:
            self._changes.extend(changes)
            while len(self._changes) > CAPACITY:
                self._first = self._changes.popleft().seq
            self.last = last
        self._wake()

    def since(self, seq: int) -> tuple[list[PublicChange], int] | None:
        """Return the changes after `seq` and the newest number; None where not all are held."""
        with self._lock:
            if not self._first <= seq <= self.last:
                return None
            if seq == self.last:
                return [], self.last
            return [change for change in self._changes if change.seq > seq], self.last

    async def wait(self, seq: int, seconds: float) -> bool:
        """Wait for a change after `seq`, at most `seconds`; return whether there is one."""
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
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(event.set)
