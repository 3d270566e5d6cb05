"""A hot listing: the first page of all articles, requested again and again."""

from typing import Final

from benchmarks import servers
from benchmarks.articles import article, seed
from benchmarks.bench import REPRESENTATIONS, Bench
from benchmarks.client import Request, fetch
from benchmarks.compare import (
    AFTERNOON,
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

TITLE: Final = "The first page of all articles"
FLOOR: Final = 0.8


def measure(bench: Bench) -> Result:
    """Measure the listing, as HTML and as JSON, beside the limit and the afternoon version."""
    with servers.slugline(bench) as ours, servers.afternoon(bench) as theirs:
        found = [_compare(bench, name, ours, theirs) for name in ("html", "json")]
    ratios = {one.name: one.ratio(SLUGLINE, LIMIT) for one in found}
    claim = at_least(f"A hot listing: at least {FLOOR} of the bare limit", FLOOR, ratios)
    return Result(TITLE, [claim], [table(found)])


def _compare(bench: Bench, name: str, ours: Server, theirs: Server) -> Comparison:
    newest = article(seed())
    request = Request("/news", {"Accept": REPRESENTATIONS[name][0]})
    response = fetch(ours.port, request)
    right = same_article(request, newest.title)
    with servers.limit(bench, response) as bare:
        contenders = [
            running(LIMIT, bare, request, same_response(response)),
            running(SLUGLINE, ours, request, right),
            running(AFTERNOON, theirs, request, right),
        ]
        return compare(bench, f"listing-{name}", contenders, bench.sizes.hot)
