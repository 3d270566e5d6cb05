"""Broken input of every kind: told with its place, never a failure, and nothing changes by it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from httpx2 import Response
from sqlalchemy import func, select, union_all

from app.database.tables import Base
from app.main import create_app
from app.settings import Settings
from tests.support.broken import GOOD, LARGEST, NDJSON, TAKEN_KEY, Case, Line, cases, lines
from tests.support.clients import Client
from tests.support.site import SEED_SITE, TOKEN, Clock, Site
from tests.support.snapshots import table_contents

LINES: Final = list(lines())
CASES: Final = list(cases())
REPORT_BYTES: Final = 8_000
ECHO: Final = 61
"""One more than an excerpt may have."""

KEPT: Final = sorted(Base.metadata.tables.keys() - {"load_results", "actions"})
COUNTED: Final = union_all(
    *(select(func.count()).select_from(Base.metadata.tables[name]) for name in KEPT)
)
LOADS: Final = KEPT.index("loads")

Reported = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Opened:
    """A site, and how many rows its tables have: a report adds one, to `loads`."""

    site: Site
    counts: list[int]


@pytest.fixture(scope="module")
def sqlite_site(new_sqlite_database: Callable[[], str]) -> Iterator[Opened]:
    yield from opened(new_sqlite_database())


@pytest.fixture(scope="module")
def postgres_site(new_postgres_database: Callable[[], str]) -> Iterator[Opened]:
    yield from opened(new_postgres_database())


def opened(url: str) -> Iterator[Opened]:
    """Yield a site for all cases: they change nothing, so none can tell that others came before."""
    settings = Settings(
        database_url=url, public_base_url=SEED_SITE, admin_token=TOKEN, max_feed_bytes=LARGEST
    )
    clock = Clock()
    app = create_app(settings, clock)
    with Client(app) as client:
        site = Site(client, app.state.service.database, clock, settings)
        site.loaded(GOOD, **{"Idempotency-Key": TAKEN_KEY})
        before = table_contents(site.database)
        yield Opened(site, counted(site))
        assert table_contents(site.database) == before


@pytest.fixture(scope="module")
def on_sqlite(sqlite_site: Opened) -> Reported:
    return reported(sqlite_site, LINES)


@pytest.fixture(scope="module")
def on_postgresql(postgres_site: Opened) -> Reported:
    return reported(postgres_site, [line for line in LINES if line.stored])


def reported(opened: Opened, broken: list[Line]) -> Reported:
    """Load `broken` between good lines, and return what is said of each, by its name."""
    found: dict[str, Mapping[str, Any]] = {}
    while broken:  # some at a time: all of them together are too large
        some = broken[:50]
        broken = broken[50:]
        feed = b"\n".join(part for line in some for part in (GOOD, line.raw))
        report = opened.site.loaded(feed, **{"Content-Type": NDJSON})
        opened.counts[LOADS] += 1
        told = report["results"]
        assert [each["outcome"] for each in told] == ["unchanged", "rejected"] * len(some)
        assert [each["line"] for each in told] == list(range(1, 2 * len(some) + 1))
        found |= zip((line.name for line in some), told[1::2], strict=True)
    return found


def test_there_are_hundreds_of_kinds_and_no_two_are_one() -> None:
    names = [*(line.name for line in LINES), *(case.name for case in CASES)]
    assert len(set(names)) == len(names) >= 200
    assert len({line.raw for line in LINES}) == len(LINES)
    assert len({(case.body, case.query, case.fields) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_i03_a_broken_line_is_reported_by_pointer_and_reason_and_costs_one_record_only(
    on_sqlite: Reported, line: Line
) -> None:
    check_line(on_sqlite[line.name], line)


@pytest.mark.parametrize(
    "line", [line for line in LINES if line.stored], ids=lambda line: line.name
)
def test_i16_a_line_that_cannot_be_stored_is_rejected_before_postgresql_sees_it(
    on_postgresql: Reported, line: Line
) -> None:
    check_line(on_postgresql[line.name], line)


def check_line(told: Mapping[str, Any], line: Line) -> None:
    fault = told["faults"][0]
    assert fault["pointer"] == line.pointer
    assert line.reason in fault["reason"]
    check_small(str(told), line.raw)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_i03_broken_input_is_reported_with_its_position_and_changes_nothing(
    sqlite_site: Opened, case: Case
) -> None:
    check(sqlite_site, case)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.stored], ids=lambda case: case.name
)
def test_i16_text_that_postgresql_cannot_store_is_refused_before_the_database(
    postgres_site: Opened, case: Case
) -> None:
    check(postgres_site, case)


def check(opened: Opened, case: Case) -> None:
    site, counts = opened.site, opened.counts
    answer = site.client.post(
        f"/admin/loads?{case.query}",
        content=case.body,
        headers=[(b"Authorization", b"Bearer " + TOKEN.encode()), *case.fields],
    )
    said: dict[str, Any] = answer.json()
    assert answer.status_code == case.status, said
    place, reason = of_report(said) if "summary" in said else of_problem(answer)
    assert place.startswith(case.place) if case.place.endswith(":") else place == case.place
    assert case.reason in reason
    if "summary" in said and said["load"]:
        counts[LOADS] += 1
    assert counted(site) == counts
    check_small(answer.text, case.body)


def of_report(said: dict[str, Any]) -> tuple[str, str]:
    """Return the place of the last record that is rejected, and why. The others are unchanged."""
    summary = {outcome: count for outcome, count in said["summary"].items() if count}
    assert summary.keys() <= {"rejected", "unchanged"}, summary
    rejected = [result for result in said["results"] if result["outcome"] == "rejected"]
    fault = rejected[-1]["faults"][0]
    return f"{rejected[-1]['line']} {fault['pointer']}".strip(), fault["reason"]


def of_problem(answer: Response) -> tuple[str, str]:
    """Return the place in the feed that the answer tells, if any, and what is said of it."""
    said = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    return f"{said['line']}:{said['column']}" if "line" in said else "", said["detail"]


def counted(site: Site) -> list[int]:
    with site.database.reading() as session:
        return list(session.scalars(COUNTED))


def check_small(text: str, sent: bytes) -> None:
    """See that `text` is short (I-22): an echo of two excerpts' length has a whole piece in it."""
    assert len(text) < REPORT_BYTES
    pieces = [text[at : at + ECHO] for at in range(0, len(text) - ECHO, ECHO)]
    assert not [piece for piece in pieces if piece.encode() in sent]
