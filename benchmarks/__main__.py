"""`python -m benchmarks`: measure the claims, print the report, and save that of a whole run."""

import argparse
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import synthetic
from benchmarks.articles import prepare
from benchmarks.bench import FULL, QUICK, ROOT, Bench, BenchmarkError, log
from benchmarks.claims import (
    cold_article,
    cold_listing,
    growth,
    hot_article,
    hot_listing,
    large_feed,
    load_postgresql,
    load_sqlite,
    not_modified,
    reads_during_load,
)
from benchmarks.report import failures, report
from benchmarks.results import Result
from benchmarks.servers import cores

REPORT: Final = ROOT / "docs" / "benchmarks.md"
READING: Final = (hot_article, not_modified, cold_article, hot_listing, cold_listing)
LOADING: Final = (load_sqlite, load_postgresql, large_feed, reads_during_load, growth)
CLAIMS: Final = {m.__name__.rpartition(".")[2].replace("_", "-"): m for m in (*READING, *LOADING)}


def main() -> int:
    """Run the benchmarks. Return 1 where a claim could not be measured, or with --strict fails."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure Slugline.")
    parser.add_argument("--quick", action="store_true", help="small sizes: about three minutes")
    parser.add_argument("--only", action="append", choices=CLAIMS, help="a claim; repeatable")
    parser.add_argument("--strict", action="store_true", help="fail where a claim does not hold")
    arguments = parser.parse_args()
    # `kill` ends the run as Ctrl-C does, so that no contender is left running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sizes = QUICK if arguments.quick else FULL
    chosen = {name: CLAIMS[name].measure for name in arguments.only or CLAIMS}
    try:
        with TemporaryDirectory(prefix="slugline-bench-") as folder:
            results = run(Bench(Path(folder), *cores(), sizes), chosen)
    except BenchmarkError as error:
        print(f"The benchmarks cannot run: {error}", file=sys.stderr)
        return 1
    text = report(results, sizes)
    print(f"\n{text}")
    if not arguments.quick and not arguments.only:
        REPORT.write_text(text)
        print(f"Written to {REPORT.relative_to(ROOT)}.")
    failed = failures(results) if arguments.strict else [n for n, r in results.items() if r.failure]
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(bench: Bench, chosen: Mapping[str, Callable[[Bench], Result]]) -> dict[str, Result]:
    """Measure the chosen claims, and return the results by name."""
    if any(CLAIMS[name] in READING for name in chosen):
        log(f"loading {bench.sizes.articles:,} articles")
        prepare(bench)
    if any(CLAIMS[name] in LOADING for name in chosen):
        log("generating the feed")
        sizes = bench.sizes
        records = max(sizes.records, sizes.further * (sizes.load_rounds + 1))
        with bench.feed.open("wb") as out:
            out.writelines(map(synthetic.line, synthetic.records(records)))
    results: dict[str, Result] = {}
    for name, measure in chosen.items():
        log(name)
        try:
            results[name] = measure(bench)
        except BenchmarkError as error:
            results[name] = Result(title=name, failure=str(error))
    return results


if __name__ == "__main__":
    sys.exit(main())
