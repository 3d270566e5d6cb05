"""Kinds of loads: atomic, dry run, strict, repeated, asynchronous, undone."""

import json
import time
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.database.tables import Article, Change, Load, Revision, SlugAlias
from tests.support.feed_records import later, ndjson, outcomes, record
from tests.support.paths import DATA
from tests.support.site import Site, app_state, post_feed, undo_load
from tests.support.snapshots import (
    all_table_contents,
    articles_and_aliases,
    count_rows,
    table_contents,
)

# --- atomic ------------------------------------------------------------------------------------


def test_i05_an_atomic_load_writes_all_records(site: Site) -> None:
    feed = ndjson(*(record(f"a-{n}") for n in range(1_100)))
    answer = post_feed(site, feed, "mode=atomic")
    assert answer.status_code == 200, answer.text
    assert answer.json()["summary"]["created"] == 1_100
    assert answer.json()["load"]["state"] == "finished"
    assert answer.json()["load"]["options"] == {"mode": "atomic"}
    assert count_rows(site.database, Article) == count_rows(site.database, Change) == 1_100


@pytest.mark.parametrize("bad", [record("b", lang=5), record("there", title="Other")])
def test_i05_a_refused_atomic_load_changes_nothing_and_reports_the_reason(
    site: Site, bad: dict[str, Any]
) -> None:
    site.loaded(ndjson(record("there")))
    before = table_contents(site.database)
    feed = ndjson(*(record(f"a-{n}") for n in range(600)), bad, record("z"))
    answer = post_feed(site, feed, "mode=atomic")
    assert answer.status_code == 422
    report = answer.json()
    assert report["load"]["state"] == "refused"
    assert "1 record" in report["load"]["refused"]
    assert [result["position"] for result in report["results"]] == [601]
    assert table_contents(site.database) == before
    receipt = site.client.get(f"/admin/loads/{report['load']['id']}", headers=site.authorized)
    assert receipt.json() == report


# --- dry runs ----------------------------------------------------------------------------------


def test_i09_a_dry_run_reports_every_field_that_would_change_and_writes_nothing(
    site: Site,
) -> None:
    site.loaded(ndjson(record("a", topics=["x"], note="kept"), record("b")))
    before = all_table_contents(site)
    newer = record("a", title="New", topics=["x", "y"], updated_at=later(hours=1), more=1)
    feed = ndjson(
        newer, record("b"), record("c"), record("c", title="C", updated_at=later(hours=2))
    )
    dry_run = post_feed(site, feed + "\n{}", "dry_run=true")
    assert dry_run.status_code == 200
    report = dry_run.json()
    assert report["load"] is None
    assert outcomes(report) == ["updated", "unchanged", "created", "updated", "rejected"]
    changed = {
        each["pointer"]: (each["old"], each["new"]) for each in report["results"][0]["differences"]
    }
    assert changed["/title"] == ("A headline", "New")
    assert changed["/topics"] == ('["x"]', '["x", "y"]')
    assert changed["/note"] == ("kept", None)
    assert changed["/more"] == (None, "1")
    assert set(changed) == {"/title", "/topics", "/updated_at", "/note", "/more"}
    assert all_table_contents(site) == before
    loaded = site.loaded(feed)
    assert [r["outcome"] for r in loaded["results"]] == outcomes(report)[:4]


def test_i09_a_dry_run_of_an_atomic_load_is_refused_as_the_load_would_be(site: Site) -> None:
    assert post_feed(site, ndjson(record("a"), {}), "dry_run=true&mode=atomic").status_code == 422
    assert post_feed(site, ndjson(record("a")), "dry_run=true&mode=atomic").status_code == 200
    assert count_rows(site.database, Load) == 0


# --- strict loads and unknown fields -----------------------------------------------------------


def test_i17_a_strict_load_rejects_unknown_fields_and_names_them(site: Site) -> None:
    report = post_feed(site, ndjson(record("a"), record("b", **{"x/y": 1})), "strict=true").json()
    assert outcomes(report) == ["created", "rejected"]
    assert report["results"][1]["faults"] == [{"pointer": "/x~1y", "reason": "is unknown"}]


def test_i17_elements_of_the_feed_format_are_not_unknown_fields(site: Site) -> None:
    feed = (DATA / "article.rss").read_bytes()
    answer = site.client.post("/admin/loads?strict=true", content=feed, headers=site.authorized)
    assert answer.status_code == 200, answer.text
    assert answer.json()["summary"]["rejected"] == 0


@pytest.mark.parametrize(
    "query",
    ["mode=atomc", "on_collision=guess", "dryrun=true", "strict=perhaps", "file=", "file=%00"],
)
def test_a_load_with_an_invalid_parameter_is_refused_and_names_it(site: Site, query: str) -> None:
    answer = post_feed(site, ndjson(record("a")), query)
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["detail"]
    assert count_rows(site.database, Load) == 0


# --- moved stories -----------------------------------------------------------------------------


SOURCE = {"canonical_source": "https://example.com/story"}


def test_i13_a_moved_story_leaves_an_alias_that_redirects_in_one_hop(site: Site) -> None:
    site.loaded(ndjson(record("a", **SOURCE)))
    for hours, slug in enumerate(("b", "c"), 1):
        report = site.loaded(ndjson(record(slug, updated_at=later(hours=hours), **SOURCE)))
        assert outcomes(report) == ["moved"]
    for old in "a", "b":
        for suffix in "", ".md", ".json":
            answer = site.get(f"/news/{old}{suffix}")
            assert answer.status_code == 308
            assert answer.headers["location"] == f"/news/c{suffix}"
    assert site.get("/news/c").status_code == 200
    assert outcomes(site.loaded(ndjson(record("a", **SOURCE)))) == ["duplicate_of"]
    back = site.loaded(ndjson(record("a", updated_at=later(hours=9), **SOURCE)))
    assert outcomes(back) == ["moved"]
    assert site.get("/news/a").status_code == 200
    assert site.get("/news/c").headers["location"] == "/news/a"
    with site.database.reading() as session:
        kept = session.execute(
            select(Change.kind, Change.slug, Change.previous_slug).order_by(Change.seq)
        ).all()
        assert kept[-1] == ("moved", "a", "c")
        assert sorted(session.scalars(select(SlugAlias.slug))) == ["b", "c"]


def test_i13_a_live_slug_beats_an_alias(site: Site) -> None:
    site.loaded(ndjson(record("a", **SOURCE)))
    site.loaded(ndjson(record("b", updated_at=later(hours=1), **SOURCE)))
    other = record("a", title="Other", canonical_source="https://example.com/other")
    assert outcomes(site.loaded(ndjson(other))) == ["created"]
    assert site.get("/news/a.json").json()["title"] == "Other"
    assert site.get("/news/b").status_code == 200


def test_articles_of_one_batch_can_swap_slugs(site: Site) -> None:
    one, two = {"canonical_source": "https://e.com/1"}, {"canonical_source": "https://e.com/2"}
    site.loaded(ndjson(record("a", title="One", **one), record("b", title="Two", **two)))
    report = site.loaded(
        ndjson(
            record("c", title="One", updated_at=later(hours=1), **one),
            record("a", title="Two", updated_at=later(hours=1), **two),
            record("b", title="One", updated_at=later(hours=2), **one),
        )
    )
    assert outcomes(report) == ["moved"] * 3
    assert site.get("/news/a.json").json()["title"] == "Two"
    assert site.get("/news/b.json").json()["title"] == "One"
    assert site.get("/news/c").headers["location"] == "/news/b"


def test_i12_a_colliding_slug_gets_the_same_suffix_on_each_load_if_requested(site: Site) -> None:
    site.loaded(ndjson(record("a", canonical_source="https://e.com/1")))
    other = ndjson(record("a", title="Two", canonical_source="https://e.com/2"))
    assert outcomes(site.loaded(other)) == ["conflict"]
    report = post_feed(site, other, "on_collision=suffix").json()
    assert outcomes(report) == ["created"]
    slug = report["results"][0]["slug"]
    assert slug.startswith("a-")
    assert site.get(f"/news/{slug}.json").json()["title"] == "Two"
    assert outcomes(post_feed(site, other, "on_collision=suffix").json()) == ["unchanged"]


# --- repeated ----------------------------------------------------------------------------------


def test_i08_a_repeated_key_gets_the_stored_response_and_loads_nothing(site: Site) -> None:
    feed = ndjson(record("a"))
    first = post_feed(site, feed, **{"Idempotency-Key": "k-1"})
    again = post_feed(site, feed, **{"Idempotency-Key": "k-1"})
    assert outcomes(first.json()) == ["created"]
    assert again.content == first.content
    other = post_feed(site, ndjson(record("b")), **{"Idempotency-Key": "k-1"})
    assert other.status_code == 422
    assert post_feed(site, feed, "mode=atomic", **{"Idempotency-Key": "k-1"}).status_code == 422
    assert count_rows(site.database, Load) == count_rows(site.database, Article) == 1
    site.clock.move(hours=25)
    assert outcomes(post_feed(site, ndjson(record("b")), **{"Idempotency-Key": "k-1"}).json()) == [
        "created"
    ]


def test_i08_the_key_of_a_running_load_is_409_and_of_an_interrupted_load_reusable(
    site: Site,
) -> None:
    feed = ndjson(record("a"))
    post_feed(site, feed, **{"Idempotency-Key": "k"})
    with site.database.writing() as session:
        session.execute(update(Load).values(finished_at=None))
    running = post_feed(site, feed, **{"Idempotency-Key": "k"})
    assert running.status_code == 409
    assert running.headers["retry-after"]
    assert running.json()["receipt"] == "/admin/loads/1"
    site.clock.move(minutes=3)
    assert outcomes(post_feed(site, feed, **{"Idempotency-Key": "k"}).json()) == ["unchanged"]


# --- asynchronous loads ------------------------------------------------------------------------


def test_i19_an_asynchronous_load_is_202_and_its_receipt_reports_the_end(site: Site) -> None:
    feed = ndjson(*(record(f"a-{n}") for n in range(1_200)))
    answer = post_feed(site, feed, Prefer="respond-async")
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"
    place = answer.headers["location"]
    deadline = time.monotonic() + 30
    while True:
        receipt = site.client.get(f"{place}?limit=1", headers=site.authorized).json()
        if receipt["load"]["state"] == "finished":
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert receipt["summary"]["created"] == 1_200
    assert receipt["load"]["read"] == receipt["load"]["size"]
    assert post_feed(site, "rubbish", Prefer="respond-async").status_code == 400


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["respond-async"], 202),
        (["Respond-Async; x=1, wait=10"], 202),
        (["return=minimal", "wait=5", "respond-async"], 202),
        (["return=representation"], 200),
        (["not-respond-async"], 200),
        (['handling="respond-async"', "respond-async-not"], 200),
        (['x="a, respond-async"'], 200),
    ],
)
def test_i19_prefer_is_a_list_over_all_its_lines(site: Site, lines: list[str], status: int) -> None:
    headers = [*site.authorized.items(), *(("Prefer", line) for line in lines)]
    answer = site.client.post("/admin/loads", content=ndjson(record("a")), headers=headers)
    assert answer.status_code == status
    applied = answer.headers.get("preference-applied")
    assert applied == ("respond-async" if status == 202 else None)


def test_i19_progress_events_end_with_the_load(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    headers = {**site.authorized, "Accept": "text/event-stream"}
    answer = site.client.get("/admin/loads/1", headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    kind, data = answer.text.strip().split("\n")
    assert kind == "event: end"
    assert json.loads(data.removeprefix("data: "))["summary"]["created"] == 1


def test_i19_results_are_filtered_by_outcome_and_available_as_ndjson(site: Site) -> None:
    site.loaded(ndjson(*(record(f"a-{n}") for n in range(1_100)), {}, "[]"))
    path = "/admin/loads/1"
    some = site.client.get(f"{path}?outcome=rejected&limit=1", headers=site.authorized).json()
    assert [result["position"] for result in some["results"]] == [1_101]
    more = site.client.get(some["next"], headers=site.authorized).json()
    assert [result["position"] for result in more["results"]] == [1_102]
    lines = site.client.get(f"{path}.ndjson", headers=site.authorized)
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["position"] for line in lines.text.splitlines()] == list(
        range(1, 1_103)
    )


# --- undone ------------------------------------------------------------------------------------


def test_i19_undoing_a_load_restores_the_previous_state(site: Site) -> None:
    site.loaded(ndjson(record("a", topics=["x"], **SOURCE), record("b")))
    before = articles_and_aliases(site)
    report = site.loaded(
        ndjson(
            record("moved", topics=["y", "x"], updated_at=later(hours=1), **SOURCE),
            record("b", title="B", updated_at=later(hours=1)),
            record("new"),
            record("a", title="Another", canonical_source="https://e.com/other"),
        )
    )
    assert outcomes(report) == ["moved", "updated", "created", "created"]
    answer = undo_load(site, report["load"]["id"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["summary"] == {"undone": 4, "left": 0}
    assert articles_and_aliases(site) == before
    assert site.get("/news/a.json").json()["topics"] == ["x"]
    assert site.get("/news/moved").status_code == 404
    assert site.get("/news/new").status_code == 404
    assert undo_load(site, report["load"]["id"]).status_code == 409
    assert undo_load(site, answer.json()["load"]["id"]).status_code == 409
    assert undo_load(site, 999).status_code == 404
    receipt = site.client.get(f"/admin/loads/{report['load']['id']}", headers=site.authorized)
    assert receipt.json()["load"]["undone_by"] == answer.json()["load"]["id"]


def test_i19_an_undo_leaves_articles_changed_later_and_names_the_later_load(site: Site) -> None:
    first = site.loaded(ndjson(record("a"), record("b")))["load"]["id"]
    second = site.loaded(ndjson(record("b", title="B", updated_at=later(hours=1))))["load"]["id"]
    answer = undo_load(site, first).json()
    assert answer["summary"] == {"undone": 1, "left": 1}
    left = next(result for result in answer["results"] if result["outcome"] == "left")
    assert left["slug"] == "b"
    assert f"load {second}" in left["reason"]
    assert site.get("/news/a").status_code == 404
    assert site.get("/news/b.json").json()["title"] == "B"
    with site.database.reading() as session:
        assert session.scalars(select(Change.seq).order_by(Change.seq)).all() == [1, 2, 3, 4]
        assert session.scalar(select(func.count()).select_from(Revision)) == 1


def test_i14_a_withdrawn_record_does_not_change_a_published_article(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    withdrawn = {"upkeep": {"withdrawn_at": later(hours=1), "withdrawn_reason": "It was wrong"}}
    before = table_contents(site.database)
    for changed in {}, {"title": "Newer", "updated_at": later(hours=2)}:
        for query in "", "restore=true":
            report = post_feed(site, ndjson(record("a", **changed, **withdrawn)), query).json()
            assert outcomes(report) == ["conflict"]
    assert table_contents(site.database) == before


def test_i05_a_repeated_parameter_is_refused(site: Site) -> None:
    answer = post_feed(site, ndjson(record("a")), "mode=atomic&mode=partial")
    assert answer.status_code == 400
    assert "repeated: mode" in answer.json()["detail"]
    assert site.get("/news/a").status_code == 404


def test_i20_a_stopping_server_ends_a_dry_run_and_an_undo(own_site: Site) -> None:
    own_site.loaded(ndjson(record("a")))
    before = all_table_contents(own_site)
    app_state(own_site).stopping.set()
    for answer in (
        post_feed(own_site, ndjson(record("b")), "dry_run=true"),
        own_site.client.post("/admin/loads/1/undo", headers=own_site.authorized),
    ):
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "stopping" in answer.json()["detail"]
    assert all_table_contents(own_site) == before
