"""What a server costs before and after its work: the time to start, and memory."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from benchmarks import machine
from benchmarks.cases import LIMIT, SLUGLINE
from benchmarks.contenders import Arena
from benchmarks.exchange import Ask, fetch
from benchmarks.measuring import FAILURES, READING, Ground, server_of, turns
from benchmarks.wrk import CONNECTIONS, FaultyRunError, Walk, drive

WALK_SECONDS: Final = 900
"""After so long a walk that has not ended is cut off, and counts as failed."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Seconds to the first answer, by rounds, and MiB at the start and after all articles."""

    started_in: Mapping[str, list[float]]
    at_start: Mapping[str, float]
    after: Mapping[str, float]
    articles: int
    failure: str | None = None


def measure_footprint(ground: Ground, ask: Ask, walk: Walk) -> Footprint:
    """Start the servers in turns, and have those that read answer for every article once.

    `ask` is answered in the form that the walk is to have. The two walks go at the same time, each
    on a core of its own, for memory does not depend on how long they take.
    """
    started: dict[str, list[float]] = {name: [] for name in (LIMIT, *READING)}
    at_start: dict[str, float] = {}
    after: dict[str, float] = {}
    try:
        with READING[SLUGLINE](ground.arena) as server:
            answer = fetch(server.port, ask)
        for name in turns(tuple(started), ground.effort.turns):
            with server_of(name, ground.arena, answer) as server:
                started[name].append(server.started_in)
                at_start[name] = machine.resident_mebibytes(server.pid)
        places = (ground.arena.core, ground.load_core)
        with ThreadPoolExecutor(len(READING)) as pool:
            walks = [
                pool.submit(_after_walk, replace(ground.arena, core=core), name, ask, walk)
                for name, core in zip(READING, places, strict=True)
            ]
            after = dict(zip(READING, [done.result() for done in walks], strict=True))
    except FAILURES as error:
        return Footprint(started, at_start, after, len(walk), failure=str(error))
    return Footprint(started, at_start, after, len(walk))


def _after_walk(arena: Arena, name: str, ask: Ask, walk: Walk) -> float:
    with READING[name](arena) as server:
        sample = drive(server.port, ask, WALK_SECONDS, arena.core, walk)
        if sample.requests < len(walk) - CONNECTIONS:  # those under way when the walk ended
            raise FaultyRunError(f"{name} answered {sample.requests} of {len(walk)} requests")
        return machine.resident_mebibytes(server.pid)
