"""Priority of background threads: they yield the CPU to the event loop.

A load works for seconds in a thread next to the event loop, which answers requests in about a
millisecond. Two measures keep those requests fast where both share a core: background threads have
a higher niceness, and in long loops they give up the CPU after every item, because the scheduler
takes it away only at a clock tick, which may be 4 ms later.
"""

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from threading import get_native_id, local
from typing import Final, TypeVar

NICENESS: Final = 10
"""Added to the process's own: leaves the thread about a tenth of a core that is busy."""

Item = TypeVar("Item")

logger = logging.getLogger(__name__)
_thread: Final = local()


def lower_thread_priority() -> None:
    """Make the calling thread a background thread, for good.

    Has no effect on systems other than Linux, where threads have no priorities of their own.
    """
    if sys.platform != "linux":
        return
    _thread.is_background = True
    try:
        # Relative to the process: a thread inherits the niceness of the thread that started it.
        process = os.getpriority(os.PRIO_PROCESS, os.getpid())
        os.setpriority(os.PRIO_PROCESS, get_native_id(), process + NICENESS)
    except OSError as error:
        logger.warning("cannot lower the priority of a background thread: %s", error)


def yield_to_event_loop() -> None:
    """Give up the CPU for a moment if the calling thread is a background thread."""
    if getattr(_thread, "is_background", False):
        os.sched_yield()


def yielding(items: Iterable[Item]) -> Iterator[Item]:
    """Yield `items`, and the CPU before each of them."""
    for item in items:
        yield_to_event_loop()
        yield item
