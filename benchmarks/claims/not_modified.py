"""A hot article that the client has: If-None-Match is answered with 304."""

from typing import Final

from benchmarks import servers
from benchmarks.articles import article, seed
from benchmarks.bench import REPRESENTATIONS, Bench, BenchmarkError
from benchmarks.client import Request, fetch
from benchmarks.compare import (
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

TITLE: Final = "One article that the client has: `If-None-Match`"
SLUGLINE_200: Final = "Slugline, 200"
FLOOR: Final = 0.97  # two runs of the same code differ by some hundredths


def measure(bench: Bench) -> Result:
    """Measure 304 and 200 responses beside the limit."""
    with servers.slugline(bench) as server:
        found = [_compare(bench, name, server) for name in ("html", "json")]
    ratios = {one.name: one.ratio(SLUGLINE, SLUGLINE_200) for one in found}
    claim = at_least(f"304 is no slower than 200: at least {FLOOR} of it", FLOOR, ratios)
    return Result(TITLE, [claim], [table(found)])


def _compare(bench: Bench, name: str, server: Server) -> Comparison:
    hot = article(seed())
    plain = Request(hot.path, {"Accept": REPRESENTATIONS[name][0]})
    entity_tag = fetch(server.port, plain).header("etag")
    request = Request(hot.path, {**plain.headers, "If-None-Match": entity_tag})
    response = fetch(server.port, request)
    if response.status != 304:
        raise BenchmarkError(f"a matching If-None-Match is answered {response.status}")
    with servers.limit(bench, response) as bare:
        contenders = [
            running(LIMIT, bare, request, same_response(response)),
            running(SLUGLINE, server, request, same_response(response)),
            running(SLUGLINE_200, server, plain, same_article(plain, hot.title)),
        ]
        return compare(bench, f"304-{name}", contenders, bench.sizes.hot)
