"""A cold article: random articles from a process that has just started."""

from typing import Final

from benchmarks import synthetic
from benchmarks.articles import article
from benchmarks.bench import REPRESENTATIONS, Bench
from benchmarks.client import Request
from benchmarks.compare import AFTERNOON, SLUGLINE, compare_cold, table
from benchmarks.results import Result, at_least

TITLE: Final = "Random articles, none of them cached"
FLOOR: Final = 3


def measure(bench: Bench) -> Result:
    """Walk over all articles, as HTML and as JSON."""
    first = article(next(synthetic.records(1)))
    found = []
    for name in "html", "json":
        request = Request(first.path, {"Accept": REPRESENTATIONS[name][0]})
        found.append(compare_cold(bench, f"cold-{name}", request, first.title, "paths"))
    ratios = {one.name: one.ratio(SLUGLINE, AFTERNOON) for one in found}
    sentence = f"A cold article: at least {FLOOR} times the afternoon version"
    return Result(TITLE, [at_least(sentence, FLOOR, ratios)], [table(found)])
