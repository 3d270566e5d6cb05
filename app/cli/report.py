"""Reports of loaded feeds: one line per fault, and a table of outcomes."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from app.cli.errors import print_error
from app.cli.load_client import REJECTED_SHOWN
from app.cli.load_report import Report


class LoadedFeed(NamedTuple):
    """The name of a feed and its receipt."""

    name: str
    report: Report


def print_rejections(loaded: LoadedFeed) -> None:
    """Print one line per fault of the rejected records, and where to find the rest."""
    name, report = loaded
    place = f"/admin/loads/{report.load.id}" if report.load else None
    if report.load and report.load.refused:
        print_error(f"{name}: nothing was loaded: {report.load.refused}")
    rejected = [result for result in report.results if result.outcome == "rejected"]
    for result in rejected[:REJECTED_SHOWN]:
        for fault in result.faults:
            print_error(f"{name}:{result.line} {fault.pointer or 'the record'}: {fault.reason}")
    left_out = report.rejected - len(rejected[:REJECTED_SHOWN])
    if left_out > 0:
        print_error(f"{name}: {left_out:,} more rejected" + (f"; see {place}" if place else ""))


def print_table(every: Sequence[LoadedFeed]) -> None:
    """Print a table of how many records of each feed had which outcome."""
    counted = dict.fromkeys(name for each in every for name in each.report.summary)
    outcomes = [name for name in counted if any(each.report.summary.get(name) for each in every)]
    table = Table(Column("Feed", overflow="fold"), "Load", *outcomes)
    for name, report in every:
        counts = (str(report.summary.get(outcome, 0)) for outcome in outcomes)
        table.add_row(Text(name), str(report.load.id) if report.load else "dry run", *counts)
    Console().print(table)
