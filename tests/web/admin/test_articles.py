"""Single articles: read with their history, put, patched, withdrawn and restored."""

from typing import Any

import pytest

from app.article.record import MAX_RECORD_BYTES
from app.article.timestamps import format_instant
from tests.support.feed_records import later, ndjson, outcomes, record
from tests.support.paths import SEED
from tests.support.site import SEED_SLUG, Site, undo_load
from tests.support.snapshots import articles_and_aliases, table_contents

BASE = "/admin/articles/a"


def ask(site: Site, method: str, path: str = BASE, **options: Any) -> Any:
    headers = {**site.authorized, **options.pop("headers", {})}
    return site.client.request(method, path, headers=headers, **options)


def test_an_article_is_shown_as_it_is_kept_with_all_that_it_has_been_through(site: Site) -> None:
    site.loaded(ndjson(record("a", note=1, canonical_source="https://e.com/1")))
    site.loaded(ndjson(record("b", canonical_source="https://e.com/1", updated_at=later(hours=1))))
    shown = ask(site, "GET", "/admin/articles/b")
    assert shown.status_code == 200
    kept = shown.json()
    assert kept["record"]["slug"] == "b"
    assert kept["aliases"] == ["a"]
    assert [(c["kind"], c["load_id"]) for c in kept["changes"]] == [("moved", 2), ("created", 1)]
    assert [r["record"]["slug"] for r in kept["revisions"]] == ["a"]
    gone = ask(site, "GET", BASE)
    assert gone.status_code == 404
    assert "/admin/articles/b" in gone.json()["detail"]


def test_put_creates_replaces_and_says_what_it_did(site: Site) -> None:
    assert outcomes(ask(site, "PUT", json=record("a")).json()) == ["created"]
    assert outcomes(ask(site, "PUT", json=record("a")).json()) == ["unchanged"]
    newer = record("a", title="B", updated_at=later(hours=1))
    assert outcomes(ask(site, "PUT", json=newer).json()) == ["updated"]
    assert site.get("/news/a.json").json()["title"] == "B"
    stale = ask(site, "PUT", json=record("a"))
    assert (stale.status_code, stale.json()["outcome"]) == (409, "skipped_stale")
    assert ask(site, "PUT", json=record("b")).status_code == 409
    invalid = ask(site, "PUT", json=record("a", title=""))
    assert invalid.status_code == 422
    assert invalid.json()["faults"][0]["pointer"] == "/title"
    assert ask(site, "PUT", content=b"{").status_code == 400


def test_e05_what_an_editor_has_not_seen_is_not_overwritten(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    etag = ask(site, "GET").headers["etag"]
    patch = {"title": "Seen"}
    assert ask(site, "PATCH", json=patch, headers={"If-Match": '"other"'}).status_code == 412
    assert ask(site, "DELETE", headers={"If-Match": '"other"'}).status_code == 412
    assert ask(site, "PATCH", json=patch, headers={"If-Match": etag}).status_code == 200
    assert ask(site, "PATCH", json=patch, headers={"If-Match": etag}).status_code == 412
    taken = ask(site, "PUT", json=record("a"), headers={"If-None-Match": "*"})
    assert taken.status_code == 412
    missing = ask(site, "PUT", "/admin/articles/b", json=record("b"), headers={"If-Match": "*"})
    assert missing.status_code == 412


def test_patch_changes_what_it_names_and_the_time_of_the_last_change(site: Site) -> None:
    site.loaded(SEED.read_bytes())
    path = f"/admin/articles/{SEED_SLUG}"
    before = site.get(f"/news/{SEED_SLUG}.json").json()
    report = ask(site, "PATCH", path, json={"title": "Corrected", "summary": None, "note": "x"})
    assert outcomes(report.json()) == ["updated"], report.text
    after = site.get(f"/news/{SEED_SLUG}.json").json()
    assert after.pop("updated_at") == format_instant(site.clock())
    assert after.pop("note") == "x"
    before.pop("updated_at")
    assert after == before | {"title": "Corrected", "summary": ""}
    assert ask(site, "PATCH", "/admin/articles/none", json={}).status_code == 404
    assert outcomes(ask(site, "PATCH", path, json={}).json()) == ["unchanged"]
    assert ask(site, "PATCH", path, json=[1]).status_code == 422


def test_a_rename_leaves_an_alias_also_for_an_article_without_a_source(site: Site) -> None:
    site.loaded(ndjson(record("a"), record("taken")))
    assert outcomes(ask(site, "PATCH", json={"slug": "b"}).json()) == ["moved"]
    assert site.get("/news/a.md").headers["location"] == "/news/b.md"
    assert outcomes(site.loaded(ndjson(record("a")))) == ["duplicate_of"]
    refused = ask(site, "PATCH", "/admin/articles/b", json={"slug": "taken"})
    assert (refused.status_code, refused.json()["outcome"]) == (409, "conflict")


def test_i14_a_withdrawn_article_is_410_everywhere_until_it_is_restored(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    report = ask(site, "DELETE", f"{BASE}?reason=It%20was%20wrong")
    assert report.json()["results"][0]["outcome"] == "withdrawn"
    for suffix in "", ".md", ".txt", ".json", ".jsonld":
        assert site.get(f"/news/a{suffix}").status_code == 410
    assert ask(site, "GET").json()["withdrawn_reason"] == "It was wrong"
    assert outcomes(ask(site, "DELETE").json()) == ["unchanged"]
    newer = ndjson(record("a", title="B", updated_at=later(hours=1)))
    assert outcomes(site.loaded(newer)) == ["conflict"]
    assert ask(site, "PATCH", json={"title": "B"}).status_code == 409
    assert outcomes(ask(site, "POST", f"{BASE}/restore").json()) == ["restored"]
    assert outcomes(ask(site, "POST", f"{BASE}/restore").json()) == ["unchanged"]
    assert site.get("/news/a").status_code == 200
    kinds = [change["kind"] for change in ask(site, "GET").json()["changes"]]
    assert kinds == ["restored", "deleted", "created"]


def test_i14_a_reload_restores_where_it_is_told_to(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    ask(site, "DELETE")
    answer = site.client.post(
        "/admin/loads?restore=true", content=ndjson(record("a")), headers=site.authorized
    )
    assert outcomes(answer.json()) == ["restored"]
    assert site.get("/news/a").status_code == 200


def test_i19_every_edit_can_be_undone(site: Site) -> None:
    site.loaded(ndjson(record("a"), record("b")))
    edits: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("PATCH", BASE, {"json": {"title": "Other", "topics": ["x"]}}),
        ("PATCH", BASE, {"json": {"slug": "c"}}),
        ("DELETE", BASE, {}),
        ("PUT", "/admin/articles/d", {"json": record("d")}),
    )
    for method, path, options in edits:
        before = articles_and_aliases(site)
        report = ask(site, method, path, **options).json()
        assert articles_and_aliases(site) != before
        assert undo_load(site, report["load"]["id"]).json()["summary"] == {"undone": 1, "left": 0}
        assert articles_and_aliases(site) == before


@pytest.mark.parametrize("slug", ["%00", "a%2Fb", "..", "x" * 300, "%F0%9F%99%82", "A"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "PUT"])
def test_a_slug_that_is_none_is_a_clear_error(site: Site, method: str, slug: str) -> None:
    answer = ask(site, method, f"/admin/articles/{slug}", json={})
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("fate", ["live", "moved", "withdrawn"])
def test_e05_an_article_that_is_put_where_none_is_touches_no_other(site: Site, fate: str) -> None:
    source = {"canonical_source": "https://example.com/1"}
    site.loaded(ndjson(record("victim", **source)))
    if fate == "moved":
        assert ask(site, "PATCH", "/admin/articles/victim", json={"slug": "v"}).status_code == 200
    if fate == "withdrawn":
        assert ask(site, "DELETE", "/admin/articles/victim").status_code == 200
    before = table_contents(site.database)
    newer = record("b", title="Other", updated_at=later(days=9), **source)
    for headers in {}, {"If-None-Match": "*"}:
        answer = ask(site, "PUT", "/admin/articles/b", json=newer, headers=headers)
        assert (answer.status_code, answer.json()["outcome"]) == (409, "conflict")
    if fate == "moved":
        former = record("victim", title="Other", updated_at=later(days=9))
        assert ask(site, "PUT", "/admin/articles/victim", json=former).status_code == 409
    assert table_contents(site.database) == before


def test_an_article_of_the_last_instant_there_is_can_be_edited_but_not_dated(site: Site) -> None:
    site.loaded(ndjson(record("a", updated_at="9999-12-31T23:59:59.999999Z")))
    answer = ask(site, "PATCH", json={"title": "B"})
    assert (answer.status_code, answer.json()["outcome"]) == (409, "conflict")
    assert ask(site, "PATCH", json={"title": "A headline"}).status_code == 200


def test_r05_an_edit_makes_no_article_that_would_not_load_back(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    large = "x" * (MAX_RECORD_BYTES // 2)
    assert ask(site, "PATCH", json={"note": large}).status_code == 200
    for field in "summary", "body_md", "other":
        answer = ask(site, "PATCH", json={field: large})
        assert answer.status_code == 422
        assert "bytes" in answer.json()["detail"]
    kept = site.get("/news/a.json").json()
    assert kept["note"] == large
    assert kept["summary"] == ""


def test_a_reason_that_is_none_is_a_clear_error(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    answer = ask(site, "DELETE", f"{BASE}?reason={'x' * 1_001}")
    assert answer.status_code == 400
    assert "1000 characters" in answer.json()["detail"]
    assert site.get("/news/a.json").status_code == 200


def test_i22_of_long_revisions_few_are_shown_at_once(site: Site) -> None:
    for number in range(5):
        body = f"{number}" * 2_500_000
        site.loaded(ndjson(record("a", body_md=body, updated_at=later(hours=number))))
    shown = ask(site, "GET").json()["revisions"]
    assert [each["record"]["body_md"][0] for each in shown] == ["3", "2"]
