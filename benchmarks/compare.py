"""Compare contenders with the bare limit: side by side, and each alone on its core.

Side by side, a contender and the limit are driven at the same time and share the server's core, so
that they meet the machine in the same state; their requests are divided by the processor time that
each got. Alone, throughput and latencies are measured.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

from benchmarks import servers
from benchmarks.bench import Bench, BenchmarkError, Rounds
from benchmarks.client import Request, Response, fetch
from benchmarks.results import Ratio, Table
from benchmarks.servers import Server
from benchmarks.wrk import Sample, drive

LIMIT: Final = "bare limit"
SLUGLINE: Final = "Slugline"
CONSTANT: Final = "FastAPI constant"
AFTERNOON: Final = "afternoon version"

WARM_UP_REQUESTS: Final = 50
COLUMNS: Final = (
    "request", "contender", "side by side", "throughput", "p50 latency", "p99 latency", "core",
    "bytes",
)  # fmt: skip

Member = TypeVar("Member")
Check = Callable[[Response], None]


@dataclass(frozen=True, slots=True)
class Contender:
    """A server to be measured: how it is started, the request, and what checks the response."""

    name: str
    start: Callable[[], AbstractContextManager[Server]]
    request: Request
    check: Check


def running(name: str, server: Server, request: Request, check: Check) -> Contender:
    """Return a contender that runs already, after its first requests."""
    for _ in range(WARM_UP_REQUESTS):
        fetch(server.port, request)
    return Contender(name, lambda: nullcontext(server), request, check)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of one request, by contender.

    `beside` has, round by round, the responses of a contender for one response of the limit in the
    same processor time.
    """

    name: str
    beside: dict[str, list[float]]
    alone: dict[str, list[Sample]]

    def ratio(self, ours: str, theirs: str) -> Ratio:
        """Return how many times as many responses `ours` gives in the same processor time."""
        ones = [1.0] * max(map(len, self.beside.values()))
        return Ratio.of(self.beside.get(ours, ones), self.beside.get(theirs, ones))


def compare(
    bench: Bench,
    name: str,
    contenders: Sequence[Contender],
    rounds: Rounds,
    walk: Path | None = None,
) -> Comparison:
    """Measure `contenders`, of which the first is the limit. Raises BenchmarkError."""
    limit, *others = contenders
    beside: dict[str, list[float]] = {contender.name: [] for contender in others}
    alone: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for contender in rotated(others, rounds.side_by_side):
        with limit.start() as limit_server, contender.start() as server, ThreadPoolExecutor() as e:
            pairs = ((limit, limit_server), (contender, server))
            runs = [e.submit(_run, bench, *pair, rounds.seconds, walk) for pair in pairs]
            theirs, ours = (run.result().per_cpu_second for run in runs)
        beside[contender.name].append(ours / theirs)
    for contender in rotated(contenders, rounds.alone):
        with contender.start() as server:
            alone[contender.name].append(_run(bench, contender, server, rounds.seconds, walk))
    return Comparison(name, beside, alone)


def compare_cold(bench: Bench, name: str, request: Request, title: str, paths: str) -> Comparison:
    """Measure a walk over the addresses in the file `paths`, each time by a new process.

    `request` is the first of them. The limit sends the response to it for all.
    """
    with servers.slugline(bench) as server:
        response = fetch(server.port, request)
    right = same_article(request, title)
    contenders = [
        Contender(LIMIT, partial(servers.limit, bench, response), request, same_response(response)),
        Contender(SLUGLINE, partial(servers.slugline, bench), request, right),
        Contender(AFTERNOON, partial(servers.afternoon, bench), request, right),
    ]
    return compare(bench, name, contenders, bench.sizes.cold, bench.folder / paths)


def rotated(members: Sequence[Member], rounds: int) -> Iterator[Member]:
    """Yield `members` in rounds, A B C, B C A, C A B ..., so that none is always the first."""
    for number in range(rounds):
        first = number % len(members)
        yield from (*members[first:], *members[:first])


def _run(
    bench: Bench, contender: Contender, server: Server, seconds: int, walk: Path | None
) -> Sample:
    """Check a response of a server and drive it. Raises BenchmarkError."""
    expected = fetch(server.port, contender.request)
    contender.check(expected)
    sample = drive(server, contender.request, seconds, bench.client_core, walk)
    # wrk counts responses that its end cut off in part; the articles of a walk differ in length.
    if abs(sample.size - expected.size) > (0.5 if walk else 0.05) * expected.size:
        raise BenchmarkError(
            f"{contender.name} sends {sample.size:.0f} bytes under load, and else {expected.size}"
        )
    return sample


def same_response(expected: Response) -> Check:
    """Return a check that a response has the status, the fields and the body of `expected`."""

    def check(response: Response) -> None:
        for name in "status", "body", "application_fields":
            given, wanted = getattr(response, name), getattr(expected, name)
            if given != wanted:
                raise BenchmarkError(f"{name}: {given!r:.300} instead of {wanted!r:.300}")

    return check


def same_article(request: Request, title: str) -> Check:
    """Return a check that a response has the requested media type and the article's title."""

    def check(response: Response) -> None:
        if (response.status, response.media_type) != (200, request.headers["Accept"]):
            raise BenchmarkError(f"the response is {response.status} {response.media_type}")
        if _letters(title) not in _letters(response.body.decode()):
            raise BenchmarkError("the response lacks the title of the article")

    return check


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def table(comparisons: Sequence[Comparison]) -> Table:
    """Return all figures as ratios to the limit."""
    return Table(COLUMNS, [row for comparison in comparisons for row in _rows(comparison)])


def _rows(comparison: Comparison) -> Iterator[list[str]]:
    limit = comparison.alone[LIMIT]
    for name, samples in comparison.alone.items():
        ratios = [
            Ratio.of([getattr(s, value) for s in samples], [getattr(s, value) for s in limit])
            for value in ("rate", "p50", "p99")
        ]
        figures = ["1"] * 4 if name == LIMIT else [comparison.ratio(name, LIMIT), *ratios]
        busy = f"{min(sample.busy for sample in samples):.0%}"
        size = f"{median(sample.size for sample in samples):,.0f}"
        yield [comparison.name, name, *map(str, figures), busy, size]
