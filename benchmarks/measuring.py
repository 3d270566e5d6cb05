"""Measuring: the contenders of a case run beside the limit, and take turns. Each run is one of wrk.

What a contender costs is measured beside the limit: both are asked at the same time and share the
server's core, so both meet the machine in the same mood, whatever else goes on. How soon it answers
is measured in turns, in which it has the core to itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

from benchmarks import contenders
from benchmarks.cases import (
    AFTERNOON,
    CONSTANT,
    LIMIT,
    LIMIT_AGAIN,
    NGINX,
    SLUGLINE,
    SLUGLINE_200,
    Case,
)
from benchmarks.contenders import Arena, NotStartedError, Server
from benchmarks.exchange import Answer, Ask, NoAnswerError, fetch
from benchmarks.machine import processor_seconds
from benchmarks.verifying import (
    WrongAnswerError,
    check_other,
    check_size,
    check_slugline,
    shortfall,
)
from benchmarks.wrk import FaultyRunError, Sample, Walk, drive

FAILURES: Final = (NotStartedError, NoAnswerError, WrongAnswerError, FaultyRunError)
WARMING: Final = 50
"""Requests before the first turn: threads, connections to databases, and what is remembered."""

EXACT: Final = 0.05  # answers that wrk's end cut off are counted in part
ALIKE: Final = 0.5  # articles differ in length

ANSWERING: Final[Mapping[str, Callable[[Arena, Answer], AbstractContextManager[Server]]]] = {
    LIMIT: contenders.limit,
    LIMIT_AGAIN: contenders.limit,
    CONSTANT: contenders.constant,
    NGINX: contenders.nginx,
}
"""The contenders that are given the answer to send, and so start anew for each case."""

READING: Final[Mapping[str, Callable[[Arena], AbstractContextManager[Server]]]] = {
    SLUGLINE: contenders.slugline,
    AFTERNOON: contenders.afternoon,
}
"""The contenders that read articles from a database."""

Member = TypeVar("Member")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done: turns of each contender, runs beside the limit, and seconds of each."""

    turns: int
    pairs: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What the cases share: where they run, how long, and the article they ask for."""

    arena: Arena
    load_core: int
    effort: Effort
    title: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a case: the samples of each contender's turns; or why there are none.

    `beside` has what each contender answers for one answer of the limit, in the same processor
    time, by rounds. A `failure` is the fault of the benchmarks or of a contender. A `shortfall` is
    something that Slugline does not do.
    """

    case: Case
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    beside: dict[str, list[float]] = field(default_factory=dict)
    shortfall: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A contender of a case: where it is, what it is asked, and the answer that was looked at."""

    name: str
    server: Server
    ask: Ask
    given: Answer


def turns(members: Sequence[Member], rounds: int) -> Iterator[Member]:
    """Yield `members` in rounds: A B C, B C A, C A B ..., so that none is always the first."""
    for number in range(rounds):
        first = number % len(members)
        yield from (*members[first:], *members[:first])


def measure_hot(ground: Ground, case: Case, reading: Mapping[str, Server]) -> Measured:
    """Measure one request for one article, repeated. `reading` are the READING, which run."""
    try:
        slugline = reading[SLUGLINE]
        plain = fetch(slugline.port, case.plain)
        ask = case.conditional(plain.header("etag"))
        answer = fetch(slugline.port, ask)
        if lacking := shortfall(case, answer):
            return Measured(case, shortfall=lacking)
        check_slugline(case, answer, plain, ground.title)
        with ExitStack() as stack:
            servers = {**reading, SLUGLINE_200: slugline}
            for name in case.contenders:
                if name in ANSWERING:
                    server = ANSWERING[name](ground.arena, answer)
                    servers[name] = stack.enter_context(server)
            entries = [
                _entry(name, servers[name], case.plain, plain, ground.title)
                if name == SLUGLINE_200
                else _entry(name, servers[name], ask, answer, ground.title)
                for name in case.contenders
            ]
            return Measured(case, *_repeated(ground, entries))
    except FAILURES as error:
        return Measured(case, failure=str(error))


def measure_cold(ground: Ground, case: Case, walk: Walk) -> Measured:
    """Measure a walk over many addresses. Every run begins with a process that remembers none."""
    samples: dict[str, list[Sample]] = {name: [] for name in case.contenders}
    beside: dict[str, list[float]] = {name: [] for name in others(case.contenders)}
    try:
        with contenders.slugline(ground.arena) as server:
            answer = fetch(server.port, case.ask)
            check_slugline(case, answer, answer, ground.title)
        started = partial(_started, ground, case, answer)
        for name in turns(tuple(beside), ground.effort.pairs):
            with started(LIMIT) as limit, started(name) as entry:
                beside[name].append(_beside(ground, limit, entry, ALIKE, walk))
        for name in turns(case.contenders, ground.effort.turns):
            with started(name) as entry:
                samples[name].append(_run(ground, entry, ALIKE, walk))
    except FAILURES as error:
        return Measured(case, failure=str(error))
    return Measured(case, samples, beside)


def others(contenders: Sequence[str]) -> list[str]:
    """Return those that are measured beside the limit."""
    return [name for name in contenders if name != LIMIT]


def server_of(name: str, arena: Arena, answer: Answer) -> AbstractContextManager[Server]:
    """Return a contender that is not running yet. Those that read have no use for `answer`."""
    return READING[name](arena) if name in READING else ANSWERING[name](arena, answer)


@contextmanager
def _started(ground: Ground, case: Case, answer: Answer, name: str) -> Iterator[_Entry]:
    with server_of(name, ground.arena, answer) as server:
        yield _entry(name, server, case.ask, answer, ground.title)


def _entry(name: str, server: Server, ask: Ask, answer: Answer, title: str) -> _Entry:
    """Return a contender whose answer is right. Raises WrongAnswerError, NoAnswerError."""
    given = fetch(server.port, ask)
    check_other(name, given, answer, title)
    return _Entry(name, server, ask, given)


def _repeated(
    ground: Ground, entries: Sequence[_Entry]
) -> tuple[dict[str, list[Sample]], dict[str, list[float]]]:
    samples: dict[str, list[Sample]] = {entry.name: [] for entry in entries}
    for entry in entries:
        for _ in range(WARMING):
            fetch(entry.server.port, entry.ask)
    (limit,) = (entry for entry in entries if entry.name == LIMIT)
    rest = [entry for entry in entries if entry.name != LIMIT]
    beside: dict[str, list[float]] = {entry.name: [] for entry in rest}
    for entry in turns(rest, ground.effort.pairs):
        beside[entry.name].append(_beside(ground, limit, entry, EXACT))
    for entry in turns(entries, ground.effort.turns):
        samples[entry.name].append(_run(ground, entry, EXACT))
    for entry in entries:
        after = fetch(entry.server.port, entry.ask)
        if (after.status, after.body) != (entry.given.status, entry.given.body):
            raise WrongAnswerError(f"{entry.name} answers otherwise after the runs than before")
    return samples, beside


def _beside(
    ground: Ground, limit: _Entry, entry: _Entry, tolerance: float, walk: Walk | None = None
) -> float:
    """Return what `entry` answers for one answer of `limit`, in the same processor time.

    Both are asked at once, and have to share the server's core.
    """
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(_run, ground, each, tolerance, walk) for each in (entry, limit)]
        ours, theirs = (run.result() for run in runs)
    if not theirs.thrift:
        raise FaultyRunError("the limit took no processor time that could be measured")
    return ours.thrift / theirs.thrift


def _run(ground: Ground, entry: _Entry, tolerance: float, walk: Walk | None = None) -> Sample:
    server = entry.server
    before = processor_seconds(server.pid)
    try:
        sample = drive(server.port, entry.ask, ground.effort.seconds, ground.load_core, walk)
    except FaultyRunError as error:
        raise FaultyRunError(f"{entry.name}: {error}") from error
    check_size(entry.name, sample.size, entry.given, tolerance)
    return replace(sample, cpu=processor_seconds(server.pid) - before)
