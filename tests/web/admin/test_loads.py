"""`/admin/loads` on both databases: outcomes, input formats, receipts, interruptions, concurrency.

Longer than other files, because all of it shares one small feed and its receipt.
"""

import gzip
import hashlib
import io
import json
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select

from app.article.record import parse_record
from app.article.timestamps import format_instant
from app.background_priority import NICENESS, lower_thread_priority
from app.database.tables import Article, Change, Load, LoadResult, Revision
from app.database.transactions import Database
from app.feeds import Entry, FeedSource
from app.ingest import (
    OUTCOMES,
    LoadContext,
    LoadInterruptedError,
    LoadOptions,
    load,
    partial_load,
)
from app.ingest.batching import BATCH_RECORDS, REJECTED_AT_MOST, read_ahead, split_into_batches
from app.store import loads
from app.store.loads import LoadOrigin
from tests.support.feed_records import later, ndjson, outcomes, record
from tests.support.paths import SEED
from tests.support.site import NOW, SEED_SLUG, Clock, Site, one_database
from tests.support.snapshots import count_rows, table_contents

SEEDED: dict[str, Any] = json.loads(SEED.read_text())


# --- the seed and its outcomes -----------------------------------------------------------------


def test_i07_a_second_load_of_the_seed_is_unchanged_and_writes_no_row(site: Site) -> None:
    first = site.loaded(SEED.read_bytes())
    assert outcomes(first) == ["created"]
    before = table_contents(site.database)
    site.clock.move(hours=1)
    second = site.loaded(SEED.read_bytes())
    assert outcomes(second) == ["unchanged"]
    assert table_contents(site.database) == before
    assert count_rows(site.database, Revision) == 0
    assert count_rows(site.database, Change) == 1


def test_i16_extraction_damage_in_the_seed_is_flagged_and_stored_as_it_is(site: Site) -> None:
    (result,) = site.loaded(SEED.read_bytes())["results"]
    assert {flag["code"] for flag in result["flags"]} == {"tracking-parameters", "glued-link"}
    assert site.get(f"/news/{SEED_SLUG}.json").json()["body_md"] == SEEDED["body_md"]


def test_i05_results_are_in_feed_order_and_the_summary_counts_every_outcome(site: Site) -> None:
    site.loaded(ndjson(record("a"), record("b"), record("c"), record("d")))
    site.loaded(ndjson(record("g", canonical_source="https://example.com/g")))
    moved = record("h", canonical_source="https://example.com/g", updated_at=later(hours=1))
    report = site.loaded(
        ndjson(
            record("a"),
            record("b", title="Newer", updated_at=later(hours=1)),
            record("c", title="Older", updated_at=later(hours=-1)),
            record("d", title="Another"),
            record("e"),
            record("f", lang=5),
            moved,
            record("i", canonical_source="https://example.com/g"),
        )
    )
    expected = ["unchanged", "updated", "skipped_stale", "conflict", "created", "rejected",
                "moved", "duplicate_of"]  # fmt: skip
    assert outcomes(report) == expected
    assert [result["position"] for result in report["results"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert report["summary"] == dict.fromkeys(OUTCOMES, 1) | {"restored": 0}
    assert site.get("/news/b.json").json()["title"] == "Newer"
    assert site.get("/news/c.json").json()["title"] == "A headline"


def test_i05_an_invalid_record_is_reported_by_line_pointer_and_reason(site: Site) -> None:
    bad = record("c", published_at="2026-06-23 23:00:06")
    report = site.loaded(ndjson(record("a"), record("b"), bad))
    assert outcomes(report) == ["created", "created", "rejected"]
    rejected = report["results"][2]
    assert (rejected["line"], rejected["slug"]) == (3, "c")
    (fault,) = rejected["faults"]
    assert fault["pointer"] == "/published_at"
    assert "has no UTC offset" in fault["reason"]


def test_i05_a_load_that_rejects_every_record_is_422_and_has_a_receipt(site: Site) -> None:
    answer = site.load(ndjson(record("a", title=""), "{broken"))
    assert answer.status_code == 422
    assert outcomes(answer.json()) == ["rejected", "rejected"]
    number = answer.json()["load"]["id"]
    kept = site.client.get(f"/admin/loads/{number}", headers=site.authorized)
    assert kept.status_code == 200
    assert kept.json() == answer.json()
    assert count_rows(site.database, Article) == 0


def test_i06_another_story_with_the_same_slug_is_a_conflict(site: Site) -> None:
    site.loaded(ndjson(record("a", canonical_source="https://example.com/one")))
    newer = record("a", canonical_source="https://example.com/two", updated_at=later(hours=1))
    (result,) = site.loaded(ndjson(newer))["results"]
    assert result["outcome"] == "conflict"
    assert "https://example.com/one" in result["reason"]


def test_i11_tracking_parameters_do_not_change_the_canonical_key(site: Site) -> None:
    site.loaded(ndjson(record("a", canonical_source="https://example.com/one")))
    tracked = "https://EXAMPLE.com/one/?utm_source=x#top"
    newer = record("a", canonical_source=tracked, updated_at=later(hours=1))
    assert outcomes(site.loaded(ndjson(newer))) == ["updated"]
    assert site.get("/news/a.json").json()["canonical_source"] == tracked


def test_i06_repeated_slugs_in_one_feed_are_decided_in_order(site: Site) -> None:
    versions = [record("a", title=f"Version {n}", updated_at=later(hours=n)) for n in range(3)]
    report = site.loaded(ndjson(*versions, versions[2], versions[0]))
    assert outcomes(report) == ["created", "updated", "updated", "unchanged", "skipped_stale"]
    assert site.get("/news/a.json").json()["title"] == "Version 2"
    with site.database.reading() as session:
        found = session.scalars(select(Revision).order_by(Revision.number)).all()
        assert [r.record["title"] for r in found] == ["Version 0", "Version 1"]


def test_i18_an_update_replaces_topics_and_entities_in_their_order(site: Site) -> None:
    site.loaded(ndjson(record("a", topics=["x", "y"], entities=["One", "Two"])))
    newer = {"topics": ["z", "y", "x"], "entities": ["Two"], "updated_at": later(hours=1)}
    site.loaded(ndjson(record("a", **newer)))
    kept = site.get("/news/a.json").json()
    assert (kept["topics"], kept["entities"]) == (["z", "y", "x"], ["Two"])


def test_i17_unknown_fields_are_stored_and_returned_unchanged(site: Site) -> None:
    extra = {"zeta": [1, {"b": 1.5, "a": None}], "alpha": "é🙂", "extra": {"x": 10**30}}
    report = site.loaded(ndjson(record("a", **extra)))
    flagged = [f["pointer"] for f in report["results"][0]["flags"] if f["code"] == "unknown-field"]
    assert flagged == ["/zeta", "/alpha", "/extra"]
    kept = site.get("/news/a.json").json()
    assert list(kept)[-3:] == ["zeta", "alpha", "extra"]
    assert {name: kept[name] for name in extra} == extra


# --- the change feed ---------------------------------------------------------------------------


def test_l02_changes_are_numbered_without_gaps_in_feed_order(site: Site) -> None:
    site.loaded(ndjson(record("a"), record("b"), record("c", title=" ")))
    site.loaded(ndjson(record("b", title="B", updated_at=later(hours=1)), record("d")))
    with site.database.reading() as session:
        changes = session.scalars(select(Change).order_by(Change.seq)).all()
        assert [(c.seq, c.kind, c.slug) for c in changes] == [
            (1, "created", "a"),
            (2, "created", "b"),
            (3, "updated", "b"),
            (4, "created", "d"),
        ]


# --- input -------------------------------------------------------------------------------------


def test_i02_gzip_is_recognised_by_content_encoding_or_magic_number(site: Site) -> None:
    plain = ndjson(record("a"), record("b")).encode()
    two_members = gzip.compress(plain[:40]) + gzip.compress(plain[40:])
    report = site.loaded(two_members, **{"Content-Encoding": "gzip"})
    assert outcomes(report) == ["created", "created"]
    assert report["load"]["sha256"] == hashlib.sha256(plain).hexdigest()
    assert report["load"]["size"] == len(plain)
    assert outcomes(site.loaded(gzip.compress(plain))) == ["unchanged", "unchanged"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/x-ndjson", 200),
        ("application/octet-stream", 200),
        ("text/plain", 200),
        ("application/x-www-form-urlencoded", 200),
        ("", 200),
        ("application/pdf", 415),
        ("image/png", 415),
        ("nonsense", 415),
    ],
)
def test_i02_the_format_follows_from_the_content_type_or_the_content(
    site: Site, content_type: str, status: int
) -> None:
    answer = site.load(json.dumps(record()), **{"Content-Type": content_type})
    assert answer.status_code == status
    if status == 415:
        assert "application/x-ndjson" in answer.headers["accept"]


def test_i02_an_unsupported_coding_is_415_and_lists_the_supported_ones(site: Site) -> None:
    answer = site.load(json.dumps(record()), **{"Content-Encoding": "br"})
    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "gzip, zstd"


@pytest.mark.parametrize(
    ("feed", "place"),
    [
        (b"", (1, 1)),
        (b" \n\t", (1, 1)),
        (b"hello", (1, 1)),
        (b'{"slug": "a",\n "title": }', (2, 11)),
        (b"[1, 2", None),
        (b"\xff\xfe{\x00", None),
        (gzip.compress(b'{"slug": 1}', mtime=0)[:-4], (1, 1)),
        (b"\x1f\x8bnot a gzip", (1, 1)),
    ],
)
def test_i03_an_unreadable_feed_is_400_with_line_and_column_and_writes_nothing(
    site: Site, feed: bytes, place: tuple[int, int] | None
) -> None:
    answer = site.load(feed)
    if place is None:
        assert answer.status_code in {400, 422}
        return
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    assert (problem["line"], problem["column"]) == place
    assert count_rows(site.database, Load) == 0


def test_i03_a_feed_over_the_limit_is_413_before_it_is_read(open_site: Any) -> None:
    site = open_site(max_feed_bytes=1000)
    announced = site.load(b" " * 1001)
    assert announced.status_code == 413
    assert announced.json()["limit"] == 1000

    def chunks() -> Any:
        yield from (b" " * 100 for _ in range(11))

    streamed = site.client.post("/admin/loads", content=chunks(), headers=site.authorized)
    assert streamed.status_code == 413


def test_i03_a_feed_over_the_limit_after_decompression_is_413(open_site: Any) -> None:
    site = open_site(max_feed_bytes=100_000)
    bomb = gzip.compress(b" " * 10_000_000)
    assert len(bomb) < 100_000
    assert site.load(bomb).status_code == 413
    assert count_rows(site.database, Load) == 0


def test_i04_a_byte_order_mark_is_ignored(site: Site) -> None:
    feed = b"\xef\xbb\xbf" + json.dumps(record()).encode()
    assert outcomes(site.loaded(feed)) == ["created"]


def test_i03_a_truncated_feed_is_loaded_up_to_the_line_that_is_reported(site: Site) -> None:
    whole = json.dumps([record("a"), record("b"), record("c")], indent=1)
    report = site.loaded(whole[: whole.index('"c"')])
    assert outcomes(report) == ["created", "created", "rejected"]
    assert report["results"][2]["line"] > report["results"][1]["line"]
    assert site.get("/news/b").status_code == 200


def test_i04_an_empty_array_is_a_feed_without_records(site: Site) -> None:
    report = site.loaded("[]")
    assert report["results"] == []
    assert report["load"]["state"] == "finished"


# --- receipts ----------------------------------------------------------------------------------


def test_i19_the_pages_of_a_long_receipt_are_complete(site: Site) -> None:
    report = site.loaded(ndjson(*(record(f"a-{n}") for n in range(1203))))
    assert report["summary"]["created"] == 1203
    assert len(report["results"]) == 1000
    seen = [result["slug"] for result in report["results"]]
    while report["next"]:
        report = site.client.get(report["next"], headers=site.authorized).json()
        seen += [result["slug"] for result in report["results"]]
    assert seen == [f"a-{n}" for n in range(1203)]
    assert count_rows(site.database, LoadResult) == 1203


def test_i19_loads_are_listed_newest_first_in_pages(site: Site) -> None:
    for number in range(5):
        site.loaded(ndjson(record(f"a-{number}")))
        site.clock.move(minutes=1)
    page = site.client.get("/admin/loads?limit=2", headers=site.authorized).json()
    ids = [receipt["load"]["id"] for receipt in page["loads"]]
    while page["next"]:
        page = site.client.get(page["next"], headers=site.authorized).json()
        ids += [receipt["load"]["id"] for receipt in page["loads"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5


def test_h01_receipts_answer_head(site: Site) -> None:
    site.loaded(ndjson(record()))
    for path in "/admin/loads", "/admin/loads/1":
        head = site.client.head(path, headers=site.authorized)
        assert head.status_code == 200
        assert head.headers["cache-control"] == "no-store"
    assert site.client.head("/admin/loads/2", headers=site.authorized).status_code == 404


def test_i22_the_receipt_of_a_hostile_feed_comes_in_small_complete_pages(site: Site) -> None:
    odd = {f"unknown-{number:02}-{'x' * 40}": 1 for number in range(50)}
    site.loaded(ndjson(*(record(f"a-{n}", **odd) for n in range(200))))
    path, positions = "/admin/loads/1", []
    while path:
        answer = site.client.get(path, headers=site.authorized)
        assert len(answer.content) < 512 << 10
        positions += [result["position"] for result in answer.json()["results"]]
        path = answer.json()["next"]
    assert positions == list(range(1, 201))


def test_i22_a_load_stops_after_too_many_rejected_records(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert REJECTED_AT_MOST == 10_000
    monkeypatch.setattr("app.ingest.batching.REJECTED_AT_MOST", 700)
    answer = site.load("{}\n" * 2_000)
    assert answer.status_code == 422
    assert answer.json()["summary"]["rejected"] == 701
    number = answer.json()["load"]["id"]
    last = site.client.get(f"/admin/loads/{number}?after=700", headers=site.authorized)
    last = last.json()["results"]
    assert [result["line"] for result in last] == [701]
    assert "the rest was not read" in last[0]["faults"][0]["reason"]


# --- a load that does not get to its end -------------------------------------------------------


MANY = ndjson(*(record(f"a-{n}") for n in range(BATCH_RECORDS * 3)))


def state(site: Site, load_id: int = 1) -> str:
    answer = site.client.get(f"/admin/loads/{load_id}", headers=site.authorized)
    return str(answer.json()["load"]["state"])


def load_many(site: Site, between: Callable[[], bool]) -> int:
    """Load MANY; `between` is called between batches and returns whether to stop."""
    origin = LoadOrigin("ndjson", "0" * 64, len(MANY), "a test")
    source = FeedSource(None, "ndjson", io.BytesIO(MANY.encode()))
    return load(LoadContext(site.database, site.clock, between), [source], origin, LoadOptions())


def assert_first_batch_alone(site: Site) -> None:
    assert count_rows(site.database, Article) == BATCH_RECORDS
    assert count_rows(site.database, LoadResult) == BATCH_RECORDS
    assert count_rows(site.database, Change) == BATCH_RECORDS
    report = site.client.get("/admin/loads/1?limit=1", headers=site.authorized).json()
    assert sum(report["summary"].values()) == BATCH_RECORDS


def test_i20_a_load_that_stops_between_batches_is_completed_by_the_same_feed(site: Site) -> None:
    with pytest.raises(LoadInterruptedError) as interrupted:
        load_many(site, between=lambda: True)
    assert (interrupted.value.load_id, interrupted.value.position) == (1, BATCH_RECORDS)
    assert state(site) == "interrupted"
    assert_first_batch_alone(site)
    summary = site.loaded(MANY)["summary"]
    assert (summary["unchanged"], summary["created"]) == (BATCH_RECORDS, 2 * BATCH_RECORDS)


def test_i20_a_load_whose_lease_expired_stays_interrupted(site: Site) -> None:
    states = []

    def too_long() -> bool:
        states.append(state(site))
        site.clock.move(minutes=3)
        states.append(state(site))
        return False

    with pytest.raises(LoadInterruptedError):
        load_many(site, between=too_long)
    assert states == ["running", "interrupted"]
    assert state(site) == "interrupted"
    assert_first_batch_alone(site)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, open_site: Callable[..., Site]) -> Site:
    """A site that counts its database as unavailable after a short wait for a lock."""
    monkeypatch.setattr("app.database.engines.BUSY_SECONDS", 0.1)
    monkeypatch.setattr("app.ingest.load_run.RETRY_DELAYS", (0.1, 0.1))
    return open_site()


def test_c06_a_load_waits_while_the_database_is_briefly_unavailable(
    impatient: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ingest.load_run.RETRY_DELAYS", (0.1,) * 50)
    other = Database(impatient.settings.database_url)
    waits: list[threading.Timer] = []

    def lock_for_a_moment() -> bool:
        lock = ExitStack()
        lock.enter_context(other.writing())
        waits.append(threading.Timer(0.15, lock.close))
        waits[-1].start()
        return False

    load_many(impatient, between=lock_for_a_moment)
    other.close()
    assert state(impatient) == "finished"
    assert count_rows(impatient.database, Article) == 3 * BATCH_RECORDS
    assert count_rows(impatient.database, LoadResult) == 3 * BATCH_RECORDS


def test_c06_a_load_that_loses_its_database_is_503_and_names_the_receipt(
    impatient: Site,
) -> None:
    other = Database(impatient.settings.database_url)
    with ExitStack() as lock:

        class Stopping(threading.Event):
            """Locks the database when the load looks whether to stop."""

            def is_set(self) -> bool:
                lock.enter_context(other.writing())
                return False

        app: Any = impatient.client.app
        app.state.service = replace(app.state.service, stopping=Stopping())
        answer = impatient.load(MANY)
    other.close()
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert answer.headers["content-location"] == "/admin/loads/1"
    told = answer.json()
    assert (told["load"], told["position"]) == (1, BATCH_RECORDS)
    assert_first_batch_alone(impatient)
    assert state(impatient) == "running"
    impatient.clock.move(minutes=3)
    assert state(impatient) == "interrupted"


def test_i20_a_batch_retried_after_an_unacknowledged_commit_is_counted_once(site: Site) -> None:
    records = [parse_record(record(f"a-{n}")) for n in range(3)]
    (batch,) = split_into_batches(Entry(1, each) for each in records)
    origin = LoadOrigin("ndjson", "0" * 64, 1, "a test")
    with site.database.writing() as session:
        load_id = loads.begin(session, origin, dict.fromkeys(OUTCOMES, 0), NOW)
    run = LoadContext(site.database, site.clock)
    for _ in range(2):
        partial_load.commit_batch(run, load_id, batch, LoadOptions())
    assert count_rows(site.database, LoadResult) == count_rows(site.database, Change) == 3
    assert state(site) == "finished"


def test_i19_batches_are_bounded_in_records_bytes_and_links() -> None:
    def sizes(entry: Entry, number: int) -> list[int]:
        return [len(batch.items) for batch in split_into_batches([entry] * number)]

    plain = parse_record(record("a"))
    linked = parse_record(record("a", topics=[f"t-{n}" for n in range(1_000)]))
    full = BATCH_RECORDS
    assert sizes(Entry(1, plain, 100), 2 * full + 1) == [full, full, 1]
    assert sizes(Entry(1, plain, 1 << 20), 9) == [4, 4, 1]
    assert sizes(Entry(1, plain, 8 << 20), 2) == [1, 1]
    assert max(sizes(Entry(1, linked, 100), 100)) < 40
    assert sizes(Entry(1, plain, 1), 0) == [0]


def test_c06_the_first_batch_waits_for_the_lock_as_well(
    impatient: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ingest.load_run.RETRY_DELAYS", (0.1,) * 50)
    other = Database(impatient.settings.database_url)
    lock = ExitStack()
    lock.enter_context(other.writing())
    threading.Timer(0.3, lock.close).start()
    assert outcomes(impatient.loaded(ndjson(record("a")))) == ["created"]
    other.close()


def test_i19_repeated_slugs_cost_no_more_statements_than_different_ones(site: Site) -> None:
    def statements(feed: str) -> int:
        counted = 0

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        event.listen(Engine, "before_cursor_execute", count)
        site.loaded(feed)
        event.remove(Engine, "before_cursor_execute", count)
        return counted

    names = [f"name-{n}" for n in range(20)]
    versions = [
        record("a", updated_at=later(minutes=n), topics=names, entities=names) for n in range(400)
    ]
    others = [record(f"b-{n}", topics=names, entities=names) for n in range(400)]
    assert statements(ndjson(*versions)) <= statements(ndjson(*others)) + 10
    assert count_rows(site.database, Revision) == 399
    assert site.get("/news/a.json").json()["updated_at"] == versions[-1]["updated_at"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/admin/loads/0", 404),
        ("/admin/loads/999", 404),
        ("/admin/loads/x", 404),
        (f"/admin/loads/{2**63}", 404),
        ("/admin/loads?limit=0", 400),
        ("/admin/loads?limit=1001", 400),
        ("/admin/loads?limit=abc", 400),
        (f"/admin/loads?before={2**63}", 400),
        ("/admin/loads/1?after=-1", 400),
    ],
)
def test_invalid_receipt_urls_are_short_client_errors(site: Site, path: str, status: int) -> None:
    answer = site.client.get(path, headers=site.authorized)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 1000


# --- two at once, and away ---------------------------------------------------------------------


def test_i10_concurrent_loads_of_one_slug_have_one_winner_and_correct_reports(site: Site) -> None:
    barrier = threading.Barrier(4)

    def load(number: int) -> dict[str, Any]:
        barrier.wait()
        versions = [record(f"s-{n}", title=f"By {number}") for n in range(20)]
        return site.loaded(ndjson(*versions))

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(load, range(4)))
    by_slug = zip(*(outcomes(report) for report in reports), strict=True)
    assert all(sorted(found) == ["conflict"] * 3 + ["created"] for found in by_slug)
    assert count_rows(site.database, Article) == 20
    with site.database.reading() as session:
        assert session.scalars(select(Change.seq).order_by(Change.seq)).all() == list(range(1, 21))
    winner = next(n for n, report in enumerate(reports) if outcomes(report)[0] == "created")
    assert site.get("/news/s-0.json").json()["title"] == f"By {winner}"


# --- the record through the database -----------------------------------------------------------


@given(instant=st.datetimes(timezones=st.just(NOW.tzinfo)))
def test_i15_formatted_instants_are_parsed_back(instant: Any) -> None:
    new = parse_record(record(published_at=format_instant(instant)))
    assert new.published_at == instant


def test_i15_an_article_with_a_future_published_at_is_404_until_then(
    site: Site, clock: Clock
) -> None:
    due = clock() + timedelta(hours=1)
    future = record("a", published_at=format_instant(due), updated_at=format_instant(due))
    assert outcomes(site.loaded(ndjson(future))) == ["created"]
    for path in "/news/a", "/news/a.md", "/news/a.json":
        assert site.get(path).status_code == 404
    clock.move(minutes=59)
    assert site.get("/news/a").status_code == 404
    clock.move(minutes=1)
    assert site.get("/news/a").status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all threads have one priority")
@one_database
def test_threads_that_load_have_a_lower_priority_than_the_event_loop(site: Site) -> None:
    def nicer() -> dict[str, int]:
        usual = os.getpriority(os.PRIO_PROCESS, os.getpid())
        return {
            thread.name.partition("_")[0]: os.getpriority(os.PRIO_PROCESS, thread.native_id) - usual
            for thread in threading.enumerate()
            if thread.native_id
        }

    load_id = site.loaded(SEED.read_bytes())["load"]["id"]
    assert site.load(SEED.read_bytes(), Prefer="respond-async").status_code == 202
    undone = site.client.post(f"/admin/loads/{load_id}/undo", headers=site.authorized)
    assert undone.status_code == 200
    found = nicer()
    nice = {"load", "background", "undo"}
    assert {found.pop(name) for name in nice} == {NICENESS}
    assert set(found.values()) == {0}

    def read() -> int:
        with read_ahead(iter([])) as batches:
            assert list(batches) == []
            return nicer()["feed"]

    # A load reads ahead from a thread that is nice already.
    with ThreadPoolExecutor(1, "load", lower_thread_priority) as threads:
        assert threads.submit(read).result() == NICENESS
