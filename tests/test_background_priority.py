"""Background threads: they have a lower priority and yield the CPU (H-05, of loads)."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import get_native_id

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.background_priority import (
    NICENESS,
    lower_thread_priority,
    yield_to_event_loop,
    yielding,
)

ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="threads have priorities on Linux only"
)


@given(st.lists(st.integers()))
def test_items_are_yielded_unchanged(items: list[int]) -> None:
    assert list(yielding(items)) == items
    with ThreadPoolExecutor(1, "load", lower_thread_priority) as threads:
        assert threads.submit(lambda: list(yielding(items))).result() == items


def test_no_item_is_taken_before_it_is_wanted() -> None:
    taken = iter(range(9))
    next(yielding(taken))
    assert next(taken) == 1


@pytest.fixture
def yields(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads that have given up the CPU."""
    threads: list[int] = []
    give_up = os.sched_yield

    def count() -> None:
        threads.append(get_native_id())
        give_up()

    monkeypatch.setattr(os, "sched_yield", count)
    return threads


@ON_LINUX
def test_a_background_thread_yields_the_cpu_before_every_item(yields: list[int]) -> None:
    with ThreadPoolExecutor(1, "load", lower_thread_priority) as threads:
        thread = threads.submit(get_native_id).result()
        threads.submit(lambda: list(yielding("abc"))).result()
        threads.submit(yield_to_event_loop).result()
    assert yields == [thread] * 4


@ON_LINUX
def test_a_background_thread_is_nicer_than_the_process() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, get_native_id())

    with ThreadPoolExecutor(1, "load", lower_thread_priority) as threads:
        assert threads.submit(niceness).result() == niceness() + NICENESS


@ON_LINUX
def test_other_threads_do_not_yield(yields: list[int]) -> None:
    assert list(yielding("abc")) == ["a", "b", "c"]
    assert yields == []


def test_on_systems_other_than_linux_no_thread_yields(
    monkeypatch: pytest.MonkeyPatch, yields: list[int]
) -> None:
    monkeypatch.setattr(sys, "platform", "other")
    with ThreadPoolExecutor(1, "load", lower_thread_priority) as threads:
        threads.submit(lambda: list(yielding("abc"))).result()
    assert yields == []


@ON_LINUX
def test_a_thread_whose_priority_cannot_be_lowered_yields_all_the_same(
    monkeypatch: pytest.MonkeyPatch, yields: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("not allowed")

    monkeypatch.setattr(os, "setpriority", refuse)
    with ThreadPoolExecutor(1, "load", lower_thread_priority) as threads:
        threads.submit(lambda: list(yielding("abc"))).result()
    assert len(yields) == 3
    assert "cannot lower the priority of a background thread: not allowed" in caplog.text
