"""Turns: long work in threads beside the one that answers readers, which they let go first.

Where both want the same processor, a system takes it from the one that has it at the next tick of
its clock, and ticks may be 4 ms apart: a standstill to readers who are answered in one. So a thread
that loads is nicer than others, which says how often it has its turn; and what it does at length it
does in steps, between which it ends its turn of its own accord.
"""

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from threading import get_native_id, local, main_thread
from time import perf_counter, thread_time
from typing import Final, TypeVar

NICENESS: Final = 10
"""By how much threads that give way are nicer than the one that answers readers.

On a core that readers keep busy it leaves them about a tenth of the time.
"""

TURN_SECONDS: Final = 0.0005
"""How long they work at a stretch: as long as they have the interpreter to themselves, too."""

_RECENT_SECONDS: Final = 0.05

Step = TypeVar("Step")

logger = logging.getLogger(__name__)


class _Turn(local):
    """What a thread had worked when its turn began, in seconds of processor time.

    `readers` is the clock of what the thread that answers readers has worked, which is the first
    one; it was at `answered` at `seen` on the clock on the wall. One that gives no way `ends` no
    turn.
    """

    ends = False
    worked = 0.0
    readers = 0
    answered = 0.0
    seen = 0.0


_turn: Final = _Turn()


def give_way() -> None:
    """Let this thread run where the others of this process do not want to.

    One that answers readers is woken for a moment, again and again, and else has to wait each time
    until the one that loads has used up its turn. It is for good, and for Linux, where threads have
    priorities of their own.
    """
    if sys.platform != "linux":
        return
    try:
        # Not where others import this from: there may be no such clock.
        _turn.readers = time.pthread_getcpuclockid(main_thread().ident or 0)
        _turn.answered = time.clock_gettime(_turn.readers)
        _turn.ends = True
        # Of the first thread: one that is begun by a nice one is as nice from the start.
        usual = os.getpriority(os.PRIO_PROCESS, os.getpid())
        os.setpriority(os.PRIO_PROCESS, get_native_id(), usual + NICENESS)
    except OSError as error:  # where that is not allowed
        logger.warning("loads do not give way to readers as they should: %s", error)


def in_turns(steps: Iterable[Step], at_once: int = 8) -> Iterator[Step]:
    """Yield `steps`. In a thread that gives way, others go first wherever a turn is over.

    It looks at the clock before each `at_once` of them. What counts is what the thread has worked,
    not what it has waited; but the clock on the wall is asked ten times as fast.
    """
    if not _turn.ends:
        yield from steps
        return
    looked = 0.0
    rest = iter(steps)
    while piece := tuple(islice(rest, at_once)):
        if perf_counter() - looked >= TURN_SECONDS:
            _end_turn()
            looked = perf_counter()
        yield from piece


class Rows(list[Step]):
    """Rows that a driver inserts in turns."""

    def __iter__(self) -> Iterator[Step]:
        """Iterate in turns."""
        return in_turns(super().__iter__())


def _end_turn() -> None:
    """Let others go first, if this thread has worked for a turn."""
    if thread_time() - _turn.worked < TURN_SECONDS:
        return
    answered, now = time.clock_gettime(_turn.readers), perf_counter()
    if answered > _turn.answered:
        _turn.answered, _turn.seen = answered, now
    # Without readers, it would be the turn of another thread that loads: both only lose by that.
    if now - _turn.seen < _RECENT_SECONDS:
        os.sched_yield()
    _turn.worked = thread_time()
