"""`python -m benchmarks`: measure, print the report, and write it down after a whole run."""

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import machine
from benchmarks.cases import Case, cold, hot, seed, synthetic_one
from benchmarks.contenders import Arena, NotStartedError
from benchmarks.exchange import Ask
from benchmarks.footprint import Footprint, measure_footprint
from benchmarks.load_cases import measure_loading
from benchmarks.load_claims import load_claims
from benchmarks.loading import LOADING, Loads
from benchmarks.machine import UnfitMachineError
from benchmarks.measuring import READING, Ground, Measured, measure_cold, measure_hot
from benchmarks.plans import FOOTPRINT, Plan, make_plan
from benchmarks.posting import NotLoadedError
from benchmarks.preparing import prepare
from benchmarks.ratios import claims
from benchmarks.report import report
from benchmarks.serving import UnknownSettingsError, settings_of_slugline
from benchmarks.wrk import Walk

REPORT: Final = machine.ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Run the benchmarks and return the exit status: 1 where something could not be measured."""
    arguments = _arguments()
    # `kill` ends this as Ctrl-C does, so that no contender outlives it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan = make_plan(quick=arguments.quick, only=tuple(arguments.only))
    reading = [*(case.name for case in (*hot("-"), *cold(seed()))), FOOTPRINT]
    loading = [name for name in LOADING if plan.has(name)]
    if not any(map(plan.has, (*reading, *loading))):
        print(f"There is no such case, but: {', '.join((*reading, *LOADING))}", file=sys.stderr)
        return 2
    try:
        machine.provide_tools()
        about = machine.facts()
        with TemporaryDirectory(prefix="slugline-bench-") as folder:
            server_core, load_core = machine.cores()
            scratch = f"sqlite:///{Path(folder) / 'scratch.db'}"
            arena = Arena(Path(folder), server_core, settings_of_slugline(scratch))
            measured, footprint = (
                _measure(plan, arena, load_core) if any(map(plan.has, reading)) else ([], None)
            )
            loads = list(measure_loading(arena, load_core, plan.loads, loading, _say))
    except (UnfitMachineError, UnknownSettingsError, NotStartedError, NotLoadedError) as error:
        print(f"The benchmarks cannot be run: {error}", file=sys.stderr)
        return 1
    text = report(measured, footprint, loads, plan, about)
    print(f"\n{text}")
    if plan.whole:
        REPORT.write_text(text)
        print(f"Written to {REPORT.relative_to(machine.ROOT)}.")
    else:
        print("Part of the benchmarks, so nothing was written down.")
    return _status(measured, footprint, loads, strict=arguments.strict)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure Slugline.")
    parser.add_argument(
        "--quick", action="store_true", help="some cases, few rounds, three minutes"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME",
        help="cases whose names begin so, such as hot, gzip-html, cold or loading; repeatable",
    )  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="fail where a claim does not hold")
    return parser.parse_args()


def _measure(plan: Plan, arena: Arena, load_core: int) -> tuple[list[Measured], Footprint | None]:
    _say(f"loading {plan.articles:,} articles")
    walks = prepare(arena, plan.articles, load_core)
    measured = list(_hot(plan, Ground(arena, load_core, plan.hot, seed().title)))
    first = synthetic_one()
    ground = Ground(arena, load_core, plan.cold, first.title)
    for case in cold(first):
        if plan.has(case.name):
            _say(case.name)
            measured.append(measure_cold(ground, case, Walk(walks[case.section])))
    footprint = None
    if plan.has(FOOTPRINT):
        _say(FOOTPRINT)
        page = Ask(first.path, {"Accept": "text/html"})
        footprint = measure_footprint(ground, page, Walk(walks["cold"], once=True))
    return measured, footprint


def _hot(plan: Plan, ground: Ground) -> Iterator[Measured]:
    wanted: list[Case] = [case for case in hot(seed().path) if plan.has(case.name)]
    if not wanted:
        return
    with ExitStack() as stack:
        reading = {
            name: stack.enter_context(start(ground.arena)) for name, start in READING.items()
        }
        for case in wanted:
            _say(case.name)
            yield measure_hot(ground, case, reading)


def _status(
    measured: Sequence[Measured],
    footprint: Footprint | None,
    loads: Sequence[Loads],
    *,
    strict: bool,
) -> int:
    failed = [one.case.name for one in measured if one.failure]
    failed += [FOOTPRINT] if footprint and footprint.failure else []
    failed += [one.name for one in loads if one.failure]
    if failed:
        print(f"FAILED, and so not measured: {', '.join(failed)}", file=sys.stderr)
    judged = (*claims(measured), *load_claims(loads))
    broken = [claim.sentence for claim in judged if claim.holds is False]
    if strict and broken:
        print(f"{len(broken)} claims do not hold.", file=sys.stderr)
    return 1 if failed or (strict and broken) else 0


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
