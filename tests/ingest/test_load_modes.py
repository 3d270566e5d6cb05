"""Ways of loading: atomic, rehearsed, strict, repeated, answered before it is done, undone."""

import json
import time
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.database.tables import Article, Change, Load, LoadResult, Revision, SlugAlias
from tests.conftest import Site, service_in
from tests.support.paths import DATA
from tests.web.admin.test_loads import contents, later, ndjson, outcomes, record, rows


def post(site: Site, feed: str, query: str = "", **headers: str) -> Any:
    return site.client.post(
        f"/admin/loads?{query}", content=feed, headers={**site.authorized, **headers}
    )


def everything(site: Site) -> dict[str, list[Any]]:
    """Return every row of every table."""
    with site.database.reading() as session:
        receipts = {
            table.__name__: sorted(map(repr, session.execute(select(table.__table__))))
            for table in (Load, LoadResult)
        }
    return contents(site.database) | receipts


# --- atomic ------------------------------------------------------------------------------------


def test_i05_an_atomic_load_goes_in_as_a_whole(site: Site) -> None:
    feed = ndjson(*(record(f"a-{n}") for n in range(1_100)))
    answer = post(site, feed, "mode=atomic")
    assert answer.status_code == 200, answer.text
    assert answer.json()["summary"]["created"] == 1_100
    assert answer.json()["load"]["state"] == "finished"
    assert answer.json()["load"]["options"] == {"mode": "atomic"}
    assert rows(site.database, Article) == rows(site.database, Change) == 1_100


@pytest.mark.parametrize("bad", [record("b", lang=5), record("there", title="Other")])
def test_i05_an_atomic_load_with_anything_against_it_changes_nothing_and_says_why(
    site: Site, bad: dict[str, Any]
) -> None:
    site.loaded(ndjson(record("there")))
    before = contents(site.database)
    feed = ndjson(*(record(f"a-{n}") for n in range(600)), bad, record("z"))
    answer = post(site, feed, "mode=atomic")
    assert answer.status_code == 422
    report = answer.json()
    assert report["load"]["state"] == "refused"
    assert "1 record" in report["load"]["refused"]
    assert [result["position"] for result in report["results"]] == [601]
    assert contents(site.database) == before
    receipt = site.client.get(f"/admin/loads/{report['load']['id']}", headers=site.authorized)
    assert receipt.json() == report


# --- rehearsed ---------------------------------------------------------------------------------


def test_i09_a_rehearsal_reports_every_field_that_would_change_and_writes_nothing(
    site: Site,
) -> None:
    site.loaded(ndjson(record("a", topics=["x"], note="kept"), record("b")))
    before = everything(site)
    newer = record("a", title="New", topics=["x", "y"], updated_at=later(hours=1), more=1)
    feed = ndjson(
        newer, record("b"), record("c"), record("c", title="C", updated_at=later(hours=2))
    )
    rehearsed = post(site, feed + "\n{}", "dry_run=true")
    assert rehearsed.status_code == 200
    report = rehearsed.json()
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
    assert everything(site) == before
    loaded = site.loaded(feed)
    assert [r["outcome"] for r in loaded["results"]] == outcomes(report)[:4]


def test_i09_a_rehearsal_of_an_atomic_load_is_refused_as_that_would_be(site: Site) -> None:
    assert post(site, ndjson(record("a"), {}), "dry_run=true&mode=atomic").status_code == 422
    assert post(site, ndjson(record("a")), "dry_run=true&mode=atomic").status_code == 200
    assert rows(site.database, Load) == 0


# --- strict, and what is not known -------------------------------------------------------------


def test_i17_a_strict_load_rejects_what_it_does_not_know_by_name(site: Site) -> None:
    report = post(site, ndjson(record("a"), record("b", **{"x/y": 1})), "strict=true").json()
    assert outcomes(report) == ["created", "rejected"]
    assert report["results"][1]["faults"] == [{"pointer": "/x~1y", "reason": "is unknown"}]


def test_i17_what_the_format_of_a_feed_knows_is_not_unknown(site: Site) -> None:
    feed = (DATA / "article.rss").read_bytes()
    answer = site.client.post("/admin/loads?strict=true", content=feed, headers=site.authorized)
    assert answer.status_code == 200, answer.text
    assert answer.json()["summary"]["rejected"] == 0


@pytest.mark.parametrize(
    "query",
    ["mode=atomc", "on_collision=guess", "dryrun=true", "strict=perhaps", "file=", "file=%00"],
)
def test_a_load_with_a_parameter_that_is_none_is_refused_and_says_which(
    site: Site, query: str
) -> None:
    answer = post(site, ndjson(record("a")), query)
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()["detail"]
    assert rows(site.database, Load) == 0


# --- stories that move -------------------------------------------------------------------------


SOURCE = {"canonical_source": "https://example.com/story"}


def test_i13_a_story_that_moves_leaves_an_alias_that_leads_there_in_one_hop(site: Site) -> None:
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


def test_articles_of_one_batch_may_change_places(site: Site) -> None:
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


def test_i12_a_collision_gets_a_suffix_where_asked_for_and_the_same_one_again(site: Site) -> None:
    site.loaded(ndjson(record("a", canonical_source="https://e.com/1")))
    other = ndjson(record("a", title="Two", canonical_source="https://e.com/2"))
    assert outcomes(site.loaded(other)) == ["conflict"]
    report = post(site, other, "on_collision=suffix").json()
    assert outcomes(report) == ["created"]
    slug = report["results"][0]["slug"]
    assert slug.startswith("a-")
    assert site.get(f"/news/{slug}.json").json()["title"] == "Two"
    assert outcomes(post(site, other, "on_collision=suffix").json()) == ["unchanged"]


# --- repeated ----------------------------------------------------------------------------------


def test_i08_a_repeated_key_gets_the_stored_answer_and_loads_nothing(site: Site) -> None:
    feed = ndjson(record("a"))
    first = post(site, feed, **{"Idempotency-Key": "k-1"})
    again = post(site, feed, **{"Idempotency-Key": "k-1"})
    assert outcomes(first.json()) == ["created"]
    assert again.content == first.content
    other = post(site, ndjson(record("b")), **{"Idempotency-Key": "k-1"})
    assert other.status_code == 422
    assert post(site, feed, "mode=atomic", **{"Idempotency-Key": "k-1"}).status_code == 422
    assert rows(site.database, Load) == rows(site.database, Article) == 1
    site.clock.move(hours=25)
    assert outcomes(post(site, ndjson(record("b")), **{"Idempotency-Key": "k-1"}).json()) == [
        "created"
    ]


def test_i08_a_key_whose_load_is_running_is_409_and_interrupted_is_taken_up_again(
    site: Site,
) -> None:
    feed = ndjson(record("a"))
    post(site, feed, **{"Idempotency-Key": "k"})
    with site.database.writing() as session:
        session.execute(update(Load).values(finished_at=None))
    running = post(site, feed, **{"Idempotency-Key": "k"})
    assert running.status_code == 409
    assert running.headers["retry-after"]
    assert running.json()["receipt"] == "/admin/loads/1"
    site.clock.move(minutes=3)
    assert outcomes(post(site, feed, **{"Idempotency-Key": "k"}).json()) == ["unchanged"]


# --- answered before it is done ----------------------------------------------------------------


def test_i19_a_load_that_nobody_waits_for_is_202_and_its_receipt_tells_the_end(site: Site) -> None:
    feed = ndjson(*(record(f"a-{n}") for n in range(1_200)))
    answer = post(site, feed, Prefer="respond-async")
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
    assert post(site, "rubbish", Prefer="respond-async").status_code == 400


def test_i19_progress_is_told_as_events_and_ends_with_the_load(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    headers = {**site.authorized, "Accept": "text/event-stream"}
    answer = site.client.get("/admin/loads/1", headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    kind, data = answer.text.strip().split("\n")
    assert kind == "event: end"
    assert json.loads(data.removeprefix("data: "))["summary"]["created"] == 1


def test_i19_results_are_filtered_by_outcome_and_all_of_them_are_lines(site: Site) -> None:
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


def undo(site: Site, load_id: int) -> Any:
    return site.client.post(f"/admin/loads/{load_id}/undo", headers=site.authorized)


def standing(site: Site) -> dict[str, list[Any]]:
    """Return what articles, their lists and aliases are, by names and not by numbers."""
    with site.database.reading() as session:
        columns = [c for c in Article.__table__.c if c.name != "id"]
        articles = session.execute(select(*columns)).all()
        aliases = session.execute(
            select(SlugAlias.slug, Article.slug).join(Article, Article.id == SlugAlias.article_id)
        ).all()
    return {"articles": sorted(map(repr, articles)), "aliases": sorted(map(repr, aliases))}


def test_i19_an_undone_load_leaves_what_was_there_before_it(site: Site) -> None:
    site.loaded(ndjson(record("a", topics=["x"], **SOURCE), record("b")))
    before = standing(site)
    report = site.loaded(
        ndjson(
            record("moved", topics=["y", "x"], updated_at=later(hours=1), **SOURCE),
            record("b", title="B", updated_at=later(hours=1)),
            record("new"),
            record("a", title="Another", canonical_source="https://e.com/other"),
        )
    )
    assert outcomes(report) == ["moved", "updated", "created", "created"]
    answer = undo(site, report["load"]["id"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["summary"] == {"undone": 4, "left": 0}
    assert standing(site) == before
    assert site.get("/news/a.json").json()["topics"] == ["x"]
    assert site.get("/news/moved").status_code == 404
    assert site.get("/news/new").status_code == 404
    assert undo(site, report["load"]["id"]).status_code == 409
    assert undo(site, answer.json()["load"]["id"]).status_code == 409
    assert undo(site, 999).status_code == 404
    receipt = site.client.get(f"/admin/loads/{report['load']['id']}", headers=site.authorized)
    assert receipt.json()["load"]["undone_by"] == answer.json()["load"]["id"]


def test_i19_an_undo_leaves_what_something_later_has_touched_and_names_it(site: Site) -> None:
    first = site.loaded(ndjson(record("a"), record("b")))["load"]["id"]
    second = site.loaded(ndjson(record("b", title="B", updated_at=later(hours=1))))["load"]["id"]
    answer = undo(site, first).json()
    assert answer["summary"] == {"undone": 1, "left": 1}
    left = next(result for result in answer["results"] if result["outcome"] == "left")
    assert left["slug"] == "b"
    assert f"load {second}" in left["reason"]
    assert site.get("/news/a").status_code == 404
    assert site.get("/news/b.json").json()["title"] == "B"
    with site.database.reading() as session:
        assert session.scalars(select(Change.seq).order_by(Change.seq)).all() == [1, 2, 3, 4]
        assert session.scalar(select(func.count()).select_from(Revision)) == 1


def test_i14_a_record_that_is_withdrawn_leaves_an_article_that_is_not_alone(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    withdrawn = {"upkeep": {"withdrawn_at": later(hours=1), "withdrawn_reason": "It was wrong"}}
    before = contents(site.database)
    for changed in {}, {"title": "Newer", "updated_at": later(hours=2)}:
        for query in "", "restore=true":
            report = post(site, ndjson(record("a", **changed, **withdrawn)), query).json()
            assert outcomes(report) == ["conflict"]
    assert contents(site.database) == before


def test_i05_a_parameter_that_is_there_twice_is_refused(site: Site) -> None:
    answer = post(site, ndjson(record("a")), "mode=atomic&mode=partial")
    assert answer.status_code == 400
    assert site.get("/news/a").status_code == 404


def test_i20_a_server_that_is_told_to_stop_ends_a_rehearsal_and_an_undo(own_site: Site) -> None:
    own_site.loaded(ndjson(record("a")))
    before = everything(own_site)
    service_in(own_site).stopping.set()
    for answer in (
        post(own_site, ndjson(record("b")), "dry_run=true"),
        own_site.client.post("/admin/loads/1/undo", headers=own_site.authorized),
    ):
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "stopping" in answer.json()["detail"]
    assert everything(own_site) == before
