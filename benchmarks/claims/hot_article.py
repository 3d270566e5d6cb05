"""A hot article: one URL requested again and again, in each representation."""

from typing import Final

from benchmarks import servers
from benchmarks.articles import article, seed
from benchmarks.bench import REPRESENTATIONS, Bench
from benchmarks.client import Request, fetch
from benchmarks.compare import (
    AFTERNOON,
    CONSTANT,
    LIMIT,
    SLUGLINE,
    Comparison,
    compare,
    running,
    same_article,
    same_response,
    table,
)
from benchmarks.results import Result, at_least
from benchmarks.servers import Server

TITLE: Final = "One article, at its bare URL by `Accept`"
FLOORS: Final = (
    (LIMIT, 1.2, "A hot article: at least 1.2 times the bare limit"),
    (CONSTANT, 3, "A hot article: at least 3 times the plain FastAPI handler"),
    (AFTERNOON, 40, "A hot article: at least 40 times the afternoon version"),
)


def measure(bench: Bench) -> Result:
    """Measure each representation beside the limit, the plain handler and the afternoon version."""
    with servers.slugline(bench) as ours, servers.afternoon(bench) as theirs:
        found = [_compare(bench, name, ours, theirs) for name in bench.sizes.representations]
    claims = [
        at_least(sentence, floor, {one.name: one.ratio(SLUGLINE, other) for one in found})
        for other, floor, sentence in FLOORS
    ]
    return Result(TITLE, claims, [table(found)])


def _compare(bench: Bench, name: str, ours: Server, theirs: Server) -> Comparison:
    hot = article(seed())
    request = Request(hot.path, {"Accept": REPRESENTATIONS[name][0]})
    response = fetch(ours.port, request)
    right = same_article(request, hot.title)
    with servers.limit(bench, response) as bare, servers.constant(bench, response) as plain:
        contenders = [
            running(LIMIT, bare, request, same_response(response)),
            running(SLUGLINE, ours, request, right),
            running(CONSTANT, plain, request, right),
            running(AFTERNOON, theirs, request, right),
        ]
        return compare(bench, f"hot-{name}", contenders, bench.sizes.hot)
