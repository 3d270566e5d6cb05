"""The report: Markdown with the claims, the ratios behind them, and the machine they are of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Final

from benchmarks import load_report
from benchmarks.cases import LIMIT, NGINX
from benchmarks.footprint import Footprint
from benchmarks.load_claims import load_claims
from benchmarks.loading import BY_HAND, Loads
from benchmarks.measuring import Measured
from benchmarks.multiplying import FILLER_BODY
from benchmarks.plans import Plan
from benchmarks.ratios import claims, of_samples, ratio, side_by_side
from benchmarks.wrk import CONNECTIONS, Sample

QUIET: Final = 0.9

INTRODUCTION: Final = """# Benchmarks

Written by `make bench`; not edited by hand. Absolute times say more about a machine than about a
program, so every figure is a ratio to the **bare limit**: an ASGI function that sends the same
bytes with the same header fields as Slugline, under the same uvicorn with the same settings. It is
the limit of what is asked through ASGI; Slugline sends what is ready before ASGI is asked.
"""

METHOD: Final = """## How it is measured

Each contender runs in one process on one core, and `wrk` drives it from another core with
{connections} connections. What it costs is measured **side by side** with the bare limit: both are
asked at the same time and share the core, and what each answers is divided by the processor time
that it got ({pairs} rounds, {seconds} s each). So both meet the machine in the same mood; how much
mood is left, the bare limit beside a second one of itself says. A ratio of two contenders is the
quotient of theirs to the limit. Claims are judged by these ratios.

How soon a contender answers is measured **in turns**, in which it has the core to itself ({turns}
rounds, {seconds} s each, the order rotated): throughput, and latencies under full load. The machine
is another one from second to second, so these ratios swing. "Core" is the share of its core that
the server had in its least busy turn: well below 100%, something else was at work, or `wrk` was the
limit. A figure is the median over the rounds, with the lowest and the highest in parentheses.

Before anything is timed, each contender's answer is fetched and compared; afterwards once more. A
run in which `wrk` counts one error, or in which the answers have another size, fails its row.

- **{limit}**: captured from the running Slugline, for each row its own answer.
- **FastAPI constant**: a plain `def` handler with a return type that returns a constant: for the
  JSON forms the decoded object, which FastAPI encodes, for the others the text.
- **afternoon version**: FastAPI, the SQLAlchemy ORM, markdown-it-py and Jinja2, used as their
  documentation says, over a SQLite database with the same articles; everything is made anew for
  each request (`benchmarks/afternoon.py`). Its answers hold the same facts in other words.
- **nginx**: the same body as a file and the same fields, one worker. Here `wrk` itself may be what
  limits.

The hot article is the real one in `seeds/`, in a database with {articles:,} synthetic ones of about
4 KB (`benchmarks/synthetic.py`). A cold walk asks for those in a shuffled order from a server that
has just started ({cold_pairs} rounds side by side, {cold_turns} in turns, {cold_seconds} s each);
the operating system may have the database in its memory. There the limit sends one article for all.

A hot listing is the first page of all articles. A cold walk over listings asks for the 20 articles
before an instant, another one each time.
"""

VALUES: Final[Sequence[Callable[[Sample], float]]] = (
    lambda sample: sample.rate,
    lambda sample: sample.p50,
    lambda sample: sample.p99,
)
COLUMNS: Final = (
    "request", "contender", "side by side", "throughput", "p50 latency", "p99 latency", "core",
    "bytes",
)  # fmt: skip

SECTIONS: Final[Mapping[str, str]] = {
    "hot": "One article, at its bare URL by `Accept`",
    "twin": "One article, at its twins",
    "coded": "One article, with `Accept-Encoding`",
    "unmodified": "One article that the client has: `If-None-Match`",
    "cold": "Random articles, from cold memory",
    "listing": "The first page of all articles",
    "listing-cold": "Pages that were not asked for before",
}


def report(
    measured: Sequence[Measured],
    footprint: Footprint | None,
    loads: Sequence[Loads],
    plan: Plan,
    about: Mapping[str, str],
) -> str:
    """Return the report as Markdown. `about` says what machine it was, as label and text."""
    method = f"{METHOD}\n{load_report.METHOD}\n".format(
        connections=CONNECTIONS,
        pairs=plan.hot.pairs,
        turns=plan.hot.turns,
        seconds=plan.hot.seconds,
        cold_pairs=plan.cold.pairs,
        cold_turns=plan.cold.turns,
        cold_seconds=plan.cold.seconds,
        articles=plan.articles,
        limit=LIMIT,
        by_hand=BY_HAND,
        records=plan.loads.records,
        afternoon=plan.loads.afternoon_records,
        body=FILLER_BODY,
        further=plan.loads.further,
        existing=plan.loads.articles,
        large=plan.loads.large_bytes // 10**6,
        pages=plan.loads.pages,
    )
    parts = [INTRODUCTION, "\n".join(_claims(measured, loads))]
    for section, title in SECTIONS.items():
        if cases := [one for one in measured if one.case.section == section]:
            parts.append("\n".join((f"## {title}\n", *_section(cases))))
    if footprint:
        parts.append("\n".join(_footprint(footprint)))
    if loads:
        parts.append("\n".join(load_report.loading(loads)))
    parts.append(method)
    parts.append("\n".join(_machine(about)))
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _claims(measured: Sequence[Measured], loads: Sequence[Loads]) -> Iterator[str]:
    yield "## Claims\n"
    yield "| claim | measured | otherwise | holds |"
    yield "|---|---|---|---|"
    said = {True: "yes", False: "**NO**", None: "–"}
    for claim in (*claims(measured), *load_claims(loads)):
        yield f"| {claim.sentence} | {claim.measured} | {claim.otherwise} | {said[claim.holds]} |"
    # nginx may be faster than wrk; nothing else here is.
    busy = [
        sample.busy
        for one in measured
        for name, samples in one.samples.items()
        for sample in samples
        if name != NGINX
    ]
    if busy and median(busy) < QUIET:
        yield (
            f"\n**The machine was not quiet**: in half of the runs, the server had at most"
            f" {median(busy):.0%} of its core. What was measured in turns says little; what was"
            " measured side by side says more. Measure again."
        )


def _section(cases: Sequence[Measured]) -> Iterator[str]:
    if any(one.samples for one in cases):
        yield f"| {' | '.join(COLUMNS)} |"
        yield f"|---|---|{'--:|' * (len(COLUMNS) - 2)}"
        for one in cases:
            if one.samples:
                yield from _rows(one)
        yield ""
    for one in cases:
        if one.failure:
            yield f"- **{one.case.name} FAILED**: {one.failure}"
        elif one.shortfall:
            yield f"- **{one.case.name}: {one.shortfall}.** Not measured."


def _rows(one: Measured) -> Iterator[str]:
    base = one.samples[LIMIT]
    for name, samples in one.samples.items():
        if name == LIMIT:
            rates = [sample.rate for sample in samples]
            ratios = ["1", str(ratio(rates, [median(rates)] * len(rates))), "1", "1"]
        else:
            ratios = [str(side_by_side(one, name, LIMIT))]
            ratios += [str(of_samples(samples, base, value)) for value in VALUES]
        busy = f"{min(sample.busy for sample in samples):.0%}"
        size = f"{median(sample.size for sample in samples):,.0f}"
        yield f"| {' | '.join((one.case.name, name, *ratios, busy, size))} |"


def _footprint(footprint: Footprint) -> Iterator[str]:
    yield "## Start and memory\n"
    if footprint.failure:
        yield f"**FAILED**: {footprint.failure}\n"
    if not all(footprint.started_in.values()):
        return
    yield (
        "From the start of the process to its first answer, as a ratio to the bare limit's; and"
        " the resident memory of the process.\n"
    )
    yield f"| contender | start-up | MiB at the start | MiB after {footprint.articles:,} articles |"
    yield "|---|--:|--:|--:|"
    base = footprint.started_in[LIMIT]
    for name, seconds in footprint.started_in.items():
        after = f"{footprint.after[name]:.0f}" if name in footprint.after else "–"
        started = "1" if name == LIMIT else str(ratio(seconds, base))
        yield f"| {name} | {started} | {footprint.at_start[name]:.0f} | {after} |"


def _machine(about: Mapping[str, str]) -> Iterator[str]:
    yield "## The machine, and how to repeat it\n"
    for label, text in about.items():
        yield f"- {label}: {text}"
    yield "\n```console\n$ make bench\n```"
