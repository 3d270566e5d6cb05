"""A cold listing: pages that a process has not answered before."""

from typing import Final

from benchmarks import synthetic
from benchmarks.articles import article
from benchmarks.bench import REPRESENTATIONS, Bench
from benchmarks.client import Request
from benchmarks.compare import AFTERNOON, SLUGLINE, compare_cold, table
from benchmarks.results import Result, at_least

TITLE: Final = "Pages of the listing, none of them cached"
FLOOR: Final = 4


def measure(bench: Bench) -> Result:
    """Walk over the pages that begin with each article, as HTML and as JSON."""
    first = article(next(synthetic.records(1)))
    found = []
    for name in "html", "json":
        request = Request(first.listing, {"Accept": REPRESENTATIONS[name][0]})
        found.append(compare_cold(bench, f"cold-listing-{name}", request, first.title, "listings"))
    ratios = {one.name: one.ratio(SLUGLINE, AFTERNOON) for one in found}
    sentence = f"A cold listing: at least {FLOOR} times the afternoon version"
    return Result(TITLE, [at_least(sentence, FLOOR, ratios)], [table(found)])
