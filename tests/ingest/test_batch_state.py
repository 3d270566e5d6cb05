"""Decisions depend on earlier records of the feed, however it is split into batches."""

import io
from typing import Any

import pytest

from app.feeds import FeedSource
from app.ingest import LoadContext, LoadOptions, atomic_load, load
from app.ingest.decide import slug_with_suffix
from app.store.loads import LoadOrigin
from tests.support.feed_records import later, ndjson, outcomes, record
from tests.support.site import Site, post_feed
from tests.support.snapshots import all_table_contents, articles_and_aliases

ONE, TWO, THREE = ({"canonical_source": f"https://e.com/{n}"} for n in range(3))


@pytest.fixture(params=[1, 2, 500])
def batch_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    size: int = request.param
    monkeypatch.setattr("app.ingest.batching.BATCH_RECORDS", size)
    return size


def dry_run_and_load(site: Site, feed: str, query: str = "") -> Any:
    """Load a feed after a dry run. Return the report, which must be the same both times."""
    before = all_table_contents(site)
    dry_run = post_feed(site, feed, f"dry_run=true&{query}")
    assert all_table_contents(site) == before
    answer = post_feed(site, feed, query)
    assert answer.status_code == dry_run.status_code
    report, simulated = answer.json(), dry_run.json()
    for result in simulated["results"]:
        del result["differences"]
    assert (simulated["summary"], simulated["results"]) == (report["summary"], report["results"])
    return report


@pytest.mark.usefixtures("batch_size")
def test_i06_a_story_given_up_earlier_in_the_same_feed_becomes_a_new_article(
    site: Site,
) -> None:
    """I-06, I-09: an article that has given up its source does not conflict with its new owner."""
    site.loaded(ndjson(record("a", **ONE)))
    feed = ndjson(
        record("a", updated_at=later(hours=1)),
        record("b", updated_at=later(hours=2), **ONE),
        record("a", updated_at=later(hours=3), **TWO),
        record("b", updated_at=later(hours=4), **ONE),
    )
    report = dry_run_and_load(site, feed)
    assert outcomes(report) == ["updated", "created", "updated", "updated"]


@pytest.mark.usefixtures("batch_size")
def test_i09_a_dry_run_knows_that_an_earlier_batch_took_an_alias(site: Site) -> None:
    site.loaded(ndjson(record("b", **ONE)))
    site.loaded(ndjson(record("z", updated_at=later(hours=1), **ONE), record("a", **TWO)))
    feed = ndjson(
        record("b", updated_at=later(hours=2), **TWO), record("b", updated_at=later(hours=3))
    )
    assert outcomes(dry_run_and_load(site, feed)) == ["moved", "updated"]


@pytest.mark.usefixtures("batch_size")
def test_i12_a_suffixed_slug_that_belongs_to_a_third_story_is_a_conflict(site: Site) -> None:
    key = TWO["canonical_source"]
    site.loaded(ndjson(record("a", **ONE), record(slug_with_suffix("a", key), **THREE)))
    before = articles_and_aliases(site)
    feed = ndjson(record("a", title="Two", updated_at=later(hours=1), **TWO), record("c"))
    report = dry_run_and_load(site, feed, "on_collision=suffix")
    assert outcomes(report) == ["conflict", "created"]
    assert report["results"][0]["slug"] == slug_with_suffix("a", key)
    assert THREE["canonical_source"] in report["results"][0]["reason"]
    assert [each for each in articles_and_aliases(site)["articles"] if "'c'" not in each] == before[
        "articles"
    ]


@pytest.mark.usefixtures("batch_size")
def test_i12_a_suffixed_slug_is_kept_after_the_first_story_is_withdrawn(site: Site) -> None:
    slug = slug_with_suffix("a", TWO["canonical_source"])
    feed = ndjson(record("a", **ONE), record("a", title="Two", **TWO))
    for expected in ["created", "created"], ["unchanged", "unchanged"]:
        report = dry_run_and_load(site, feed, "on_collision=suffix")
        assert outcomes(report) == expected
        assert [result["slug"] for result in report["results"]] == ["a", slug]
    site.client.delete("/admin/articles/a", headers=site.authorized)
    newer = ndjson(record("a", title="Newer", updated_at=later(hours=1), **TWO))
    report = dry_run_and_load(site, newer, "on_collision=suffix")
    assert (outcomes(report), report["results"][0]["slug"]) == (["updated"], slug)


@pytest.mark.parametrize("mode", ["partial", "atomic"])
@pytest.mark.parametrize("restore", ["true", "false"])
def test_i07_a_feed_with_withdrawn_records_is_unchanged_the_second_time(
    site: Site, mode: str, restore: str
) -> None:
    """I-07, I-14: loading an export does not restore articles that it marks as withdrawn."""
    gone = {"withdrawn_at": "2026-06-30T12:00:00Z", "withdrawn_reason": "an error"}
    feed = ndjson(record("a", upkeep=gone), record("b", upkeep={"aliases": ["c"]}))
    query = f"mode={mode}&restore={restore}"
    assert outcomes(dry_run_and_load(site, feed, query)) == ["created", "created"]
    before = articles_and_aliases(site)
    assert outcomes(dry_run_and_load(site, feed, query)) == ["unchanged", "unchanged"]
    assert articles_and_aliases(site) == before
    newer = ndjson(record("a", updated_at=later(hours=1), upkeep=gone), record("b"))
    assert outcomes(post_feed(site, newer, f"restore={restore}").json()) == [
        "conflict",
        "unchanged",
    ]
    assert articles_and_aliases(site) == before


def test_i14_restore_brings_a_withdrawn_story_back_under_its_new_slug(
    site: Site,
) -> None:
    """I-13, I-14: without `restore` it is a conflict; afterwards the old slug redirects."""
    site.loaded(ndjson(record("a", **ONE)))
    site.client.delete("/admin/articles/a", headers=site.authorized)
    newer = ndjson(record("b", updated_at=later(hours=1), **ONE))
    assert outcomes(dry_run_and_load(site, newer)) == ["conflict"]
    assert site.get("/news/a").status_code == 410
    assert site.get("/news/b").status_code == 404
    assert outcomes(dry_run_and_load(site, newer, "restore=true")) == ["restored"]
    assert site.get("/news/a").headers["location"] == "/news/b"
    assert site.get("/news/b").status_code == 200


def test_i05_an_atomic_load_whose_commit_was_not_confirmed_is_applied_once(site: Site) -> None:
    """I-05, I-20: retrying a transaction that had been committed changes nothing."""
    feed = ndjson(record("a"), record("b")).encode()
    origin = LoadOrigin("ndjson", "0" * 64, len(feed), "a test")
    run = LoadContext(site.database, site.clock)
    sources, options = [FeedSource(None, "ndjson", io.BytesIO(feed))], LoadOptions(atomic=True)
    number = load(run, sources, origin, options)
    before = all_table_contents(site)
    atomic_load.commit_all(run, sources, options, number)
    assert all_table_contents(site) == before
