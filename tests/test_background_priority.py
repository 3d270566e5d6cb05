"""Work in turns: what is yielded, and who lets others go first (H-05, of loads)."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.background_priority import TURN_SECONDS, Rows, give_way, in_turns
from tests.support.paths import ROOT

TURNS = 20
LONG = 400

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no thread gives way")


@given(st.lists(st.integers()), st.integers(min_value=1, max_value=9))
def test_steps_come_as_they_are(steps: list[int], at_once: int) -> None:
    def gone_through() -> tuple[list[int], list[int]]:
        return list(in_turns(steps, at_once)), list(iter(Rows(steps)))

    assert gone_through() == (steps, steps)
    with ThreadPoolExecutor(1, "load", give_way) as threads:
        assert threads.submit(gone_through).result() == (steps, steps)


def test_no_step_is_taken_before_it_is_wanted() -> None:
    taken: list[int] = []

    def steps() -> Iterator[int]:
        for number in range(9):
            taken.append(number)
            yield number

    def look() -> list[int]:
        following = in_turns(steps(), 1)
        next(following)
        return taken

    with ThreadPoolExecutor(1, "load", give_way) as threads:
        assert threads.submit(look).result() == [0]


def _work(taking: Callable[[Iterable[int]], Iterator[int]]) -> None:
    """Work for as long as some turns take."""
    for _ in taking(range(TURNS)):
        until = thread_time() + 1.5 * TURN_SECONDS
        while thread_time() < until:
            pass


def _ended(
    monkeypatch: pytest.MonkeyPatch, *, nice: bool, busy: bool, taking: Callable[..., Iterator[int]]
) -> int:
    """Return how often a thread ends its turn while the first one is busy, or waits."""
    ended: list[None] = []
    give_up = os.sched_yield

    def told() -> None:
        ended.append(None)
        give_up()

    monkeypatch.setattr(os, "sched_yield", told)
    done = Event()

    def begin(_work_done: Future[None]) -> None:
        done.set()

    with ThreadPoolExecutor(1, "load", give_way if nice else None) as threads:
        working = threads.submit(_work, taking)
        working.add_done_callback(begin)
        while busy and not done.is_set():
            pass
        working.result()
    return len(ended)


def _long(_steps: Iterable[int]) -> Iterator[int]:
    return in_turns(range(LONG), 1)


def _rows(steps: Iterable[int]) -> Iterator[int]:
    return iter(Rows(steps))


def _one_by_one(steps: Iterable[int]) -> Iterator[int]:
    return in_turns(steps, 1)


@ON_LINUX
def test_what_loads_ends_its_turns_while_readers_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Where others keep all processors busy, the first thread may not come to work at all.
    ended = [_ended(monkeypatch, nice=True, busy=True, taking=_one_by_one) for _ in range(5)]
    assert TURNS // 2 <= max(ended) <= TURNS
    # It looks at the clock before the first row, the ninth and the seventeenth.
    ended = [_ended(monkeypatch, nice=True, busy=True, taking=_rows) for _ in range(5)]
    assert 2 <= max(ended) <= 3


@ON_LINUX
def test_nobody_is_let_go_first_where_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first thread was at work until it began to wait. On a busy machine it may take long to.
    seen = [_ended(monkeypatch, nice=True, busy=False, taking=_long) for _ in range(3)]
    assert min(seen) <= LONG // 2


def test_where_there_are_no_such_clocks_nobody_is_let_go_first() -> None:
    """As on other systems, and where a system does not tell of other threads."""
    without = (
        "import sys, time; del time.pthread_getcpuclockid, time.clock_gettime;"
        "sys.platform = 'other'; from app.background_priority import give_way, in_turns;"
        "give_way(); print(list(in_turns('abc')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", without], cwd=ROOT, capture_output=True, check=True
    )
    assert done.stdout.split() == [b"['a',", b"'b',", b"'c']"]


@ON_LINUX
def test_what_does_not_give_way_ends_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _ended(monkeypatch, nice=False, busy=True, taking=_one_by_one) == 0
