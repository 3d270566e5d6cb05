"""`/admin/articles/<slug>`: reading with history, PUT, PATCH, withdrawal and restoration."""

import gzip
import json
from typing import Any

import pytest
import zstandard

from app.article.record import MAX_RECORD_BYTES
from app.article.timestamps import format_instant
from app.feeds import ITEM_BYTES
from tests.support.feed_records import later, ndjson, outcomes, record
from tests.support.paths import SEED
from tests.support.site import SEED_SLUG, Site, undo_load
from tests.support.snapshots import articles_and_aliases, table_contents

BASE = "/admin/articles/a"


def request(site: Site, method: str, path: str = BASE, **options: Any) -> Any:
    headers = {**site.authorized, **options.pop("headers", {})}
    return site.client.request(method, path, headers=headers, **options)


def test_an_article_is_returned_as_stored_with_its_complete_history(site: Site) -> None:
    site.loaded(ndjson(record("a", note=1, canonical_source="https://e.com/1")))
    site.loaded(ndjson(record("b", canonical_source="https://e.com/1", updated_at=later(hours=1))))
    shown = request(site, "GET", "/admin/articles/b")
    assert shown.status_code == 200
    kept = shown.json()
    assert kept["record"]["slug"] == "b"
    assert kept["aliases"] == ["a"]
    assert [(c["kind"], c["load_id"]) for c in kept["changes"]] == [("moved", 2), ("created", 1)]
    assert [r["record"]["slug"] for r in kept["revisions"]] == ["a"]
    gone = request(site, "GET", BASE)
    assert gone.status_code == 404
    assert "/admin/articles/b" in gone.json()["detail"]


def test_put_creates_or_replaces_and_reports_the_outcome(site: Site) -> None:
    assert outcomes(request(site, "PUT", json=record("a")).json()) == ["created"]
    assert outcomes(request(site, "PUT", json=record("a")).json()) == ["unchanged"]
    newer = record("a", title="B", updated_at=later(hours=1))
    assert outcomes(request(site, "PUT", json=newer).json()) == ["updated"]
    assert site.get("/news/a.json").json()["title"] == "B"
    stale = request(site, "PUT", json=record("a"))
    assert (stale.status_code, stale.json()["outcome"]) == (409, "skipped_stale")
    assert request(site, "PUT", json=record("b")).status_code == 409
    invalid = request(site, "PUT", json=record("a", title=""))
    assert invalid.status_code == 422
    assert invalid.json()["faults"][0]["pointer"] == "/title"
    assert request(site, "PUT", content=b"{").status_code == 400


def test_e05_an_edit_whose_if_match_is_outdated_is_412(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    etag = request(site, "GET").headers["etag"]
    patch = {"title": "Seen"}
    assert request(site, "PATCH", json=patch, headers={"If-Match": '"other"'}).status_code == 412
    assert request(site, "DELETE", headers={"If-Match": '"other"'}).status_code == 412
    assert request(site, "PATCH", json=patch, headers={"If-Match": etag}).status_code == 200
    assert request(site, "PATCH", json=patch, headers={"If-Match": etag}).status_code == 412
    taken = request(site, "PUT", json=record("a"), headers={"If-None-Match": "*"})
    assert taken.status_code == 412
    missing = request(site, "PUT", "/admin/articles/b", json=record("b"), headers={"If-Match": "*"})
    assert missing.status_code == 412


def test_patch_changes_the_fields_it_names_and_updated_at(site: Site) -> None:
    site.loaded(SEED.read_bytes())
    path = f"/admin/articles/{SEED_SLUG}"
    before = site.get(f"/news/{SEED_SLUG}.json").json()
    report = request(site, "PATCH", path, json={"title": "Corrected", "summary": None, "note": "x"})
    assert outcomes(report.json()) == ["updated"], report.text
    after = site.get(f"/news/{SEED_SLUG}.json").json()
    assert after.pop("updated_at") == format_instant(site.clock())
    assert after.pop("note") == "x"
    before.pop("updated_at")
    assert after == before | {"title": "Corrected", "summary": ""}
    assert request(site, "PATCH", "/admin/articles/none", json={}).status_code == 404
    assert outcomes(request(site, "PATCH", path, json={}).json()) == ["unchanged"]
    assert request(site, "PATCH", path, json=[1]).status_code == 422


def test_i13_a_rename_leaves_an_alias_even_without_a_canonical_source(site: Site) -> None:
    site.loaded(ndjson(record("a"), record("taken")))
    assert outcomes(request(site, "PATCH", json={"slug": "b"}).json()) == ["moved"]
    assert site.get("/news/a.md").headers["location"] == "/news/b.md"
    assert outcomes(site.loaded(ndjson(record("a")))) == ["duplicate_of"]
    refused = request(site, "PATCH", "/admin/articles/b", json={"slug": "taken"})
    assert (refused.status_code, refused.json()["outcome"]) == (409, "conflict")


def test_i14_a_withdrawn_article_is_410_in_every_representation_until_it_is_restored(
    site: Site,
) -> None:
    site.loaded(ndjson(record("a")))
    report = request(site, "DELETE", f"{BASE}?reason=It%20was%20wrong")
    assert report.json()["results"][0]["outcome"] == "withdrawn"
    for suffix in "", ".md", ".txt", ".json", ".jsonld":
        assert site.get(f"/news/a{suffix}").status_code == 410
    assert request(site, "GET").json()["withdrawn_reason"] == "It was wrong"
    assert outcomes(request(site, "DELETE").json()) == ["unchanged"]
    newer = ndjson(record("a", title="B", updated_at=later(hours=1)))
    assert outcomes(site.loaded(newer)) == ["conflict"]
    assert request(site, "PATCH", json={"title": "B"}).status_code == 409
    assert outcomes(request(site, "POST", f"{BASE}/restore").json()) == ["restored"]
    assert outcomes(request(site, "POST", f"{BASE}/restore").json()) == ["unchanged"]
    assert site.get("/news/a").status_code == 200
    kinds = [change["kind"] for change in request(site, "GET").json()["changes"]]
    assert kinds == ["restored", "deleted", "created"]


def test_i14_a_load_with_restore_brings_a_withdrawn_article_back(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    request(site, "DELETE")
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
        report = request(site, method, path, **options).json()
        assert articles_and_aliases(site) != before
        assert undo_load(site, report["load"]["id"]).json()["summary"] == {"undone": 1, "left": 0}
        assert articles_and_aliases(site) == before


@pytest.mark.parametrize("slug", ["%00", "a%2Fb", "..", "x" * 300, "%F0%9F%99%82", "A"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "PUT"])
def test_an_invalid_slug_is_a_short_client_error(site: Site, method: str, slug: str) -> None:
    answer = request(site, method, f"/admin/articles/{slug}", json={})
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("state", ["live", "moved", "withdrawn"])
def test_e05_put_at_an_unused_slug_changes_no_other_article(site: Site, state: str) -> None:
    source = {"canonical_source": "https://example.com/1"}
    site.loaded(ndjson(record("victim", **source)))
    if state == "moved":
        assert (
            request(site, "PATCH", "/admin/articles/victim", json={"slug": "v"}).status_code == 200
        )
    if state == "withdrawn":
        assert request(site, "DELETE", "/admin/articles/victim").status_code == 200
    before = table_contents(site.database)
    newer = record("b", title="Other", updated_at=later(days=9), **source)
    for headers in {}, {"If-None-Match": "*"}:
        answer = request(site, "PUT", "/admin/articles/b", json=newer, headers=headers)
        assert (answer.status_code, answer.json()["outcome"]) == (409, "conflict")
    if state == "moved":
        former = record("victim", title="Other", updated_at=later(days=9))
        assert request(site, "PUT", "/admin/articles/victim", json=former).status_code == 409
    assert table_contents(site.database) == before


def test_an_article_with_the_latest_possible_updated_at_cannot_be_changed(site: Site) -> None:
    site.loaded(ndjson(record("a", updated_at="9999-12-31T23:59:59.999999Z")))
    answer = request(site, "PATCH", json={"title": "B"})
    assert (answer.status_code, answer.json()["outcome"]) == (409, "conflict")
    assert request(site, "PATCH", json={"title": "A headline"}).status_code == 200


def test_r05_an_edit_that_could_not_be_loaded_back_is_refused(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    large = "x" * (MAX_RECORD_BYTES // 2)
    assert request(site, "PATCH", json={"note": large}).status_code == 200
    for field in "summary", "body_md", "other":
        answer = request(site, "PATCH", json={field: large})
        assert answer.status_code == 422
        assert "bytes" in answer.json()["detail"]
    kept = site.get("/news/a.json").json()
    assert kept["note"] == large
    assert kept["summary"] == ""


def test_an_overlong_withdrawal_reason_is_400_and_withdraws_nothing(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    answer = request(site, "DELETE", f"{BASE}?reason={'x' * 1_001}")
    assert answer.status_code == 400
    assert "1000 characters" in answer.json()["detail"]
    assert site.get("/news/a.json").status_code == 200


def test_i22_the_history_of_large_revisions_is_cut_short(site: Site) -> None:
    for number in range(5):
        body = f"{number}" * 2_500_000
        site.loaded(ndjson(record("a", body_md=body, updated_at=later(hours=number))))
    shown = request(site, "GET").json()["revisions"]
    assert [each["record"]["body_md"][0] for each in shown] == ["3", "2"]


JSON_PATCH = b'[{"op": "replace", "path": "/title", "value": "B"}]'


@pytest.mark.parametrize(
    ("method", "content_type", "header", "supported"),
    [
        ("PUT", "application/merge-patch+json", "accept", "application/json"),
        ("PUT", "application/xml", "accept", "application/json"),
        ("PUT", "application/json; charset=utf-16", "accept", "application/json"),
        ("PUT", "\xff", "accept", "application/json"),
        ("PATCH", "application/json-patch+json", "accept-patch", "application/merge-patch+json"),
        ("PATCH", "application/octet-stream", "accept-patch", "application/merge-patch+json"),
        ("PATCH", "text/plain;charset=utf-8", "accept-patch", "application/merge-patch+json"),
        ("PATCH", None, "accept-patch", "application/merge-patch+json"),
    ],
)
def test_an_edit_with_an_unsupported_media_type_is_415_and_lists_the_supported_ones(
    site: Site, method: str, content_type: str | None, header: str, supported: str
) -> None:
    site.loaded(ndjson(record("a")))
    headers = {} if content_type is None else {"Content-Type": content_type.encode("latin-1")}
    answer = request(site, method, content=JSON_PATCH, headers=headers)
    assert answer.status_code == 415
    assert supported in answer.headers[header]
    assert supported in answer.json()["detail"]
    assert answer.json()["supported"] == answer.headers[header].split(", ")
    assert site.get("/news/a.json").json()["title"] == "A headline"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/octet-stream",
        "application/x-www-form-urlencoded",  # curl's default
    ],
)
def test_put_takes_json_and_the_media_types_of_clients_that_name_none(
    site: Site, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = request(site, "PUT", content=json.dumps(record("a")), headers=headers)
    assert outcomes(answer.json()) == ["created"]


@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "application/json"])
@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
def test_i02_a_compressed_edit_is_decompressed(
    site: Site, content_type: str, coding: str, compress: Any
) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    put = request(site, "PUT", content=compress(json.dumps(record("a")).encode()), headers=headers)
    assert outcomes(put.json()) == ["created"]
    headers["Content-Type"] = content_type
    patch = request(site, "PATCH", content=compress(b'{"title": "B"}'), headers=headers)
    assert outcomes(patch.json()) == ["updated"]
    assert patch.json()["load"]["size"] == len(b'{"title": "B"}')
    assert site.get("/news/a.json").json()["title"] == "B"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_i03_a_compressed_edit_is_bound_by_the_same_limits_as_a_feed(
    site: Site, method: str
) -> None:
    def status(content: bytes, *codings: str) -> tuple[int, Any]:
        lines = [(b"Content-Encoding", coding.encode()) for coding in codings]
        token = (b"Authorization", site.authorized["Authorization"].encode())
        headers = [token, (b"Content-Type", b"application/json"), *lines]
        answer = site.client.request(method, BASE, content=content, headers=headers)
        return answer.status_code, answer

    bomb = gzip.compress(b" " * (ITEM_BYTES + 1))
    assert status(bomb, "gzip")[0] == 413
    assert status(bomb[:-9], "gzip")[0] in {400, 413}
    broken, answer = status(gzip.compress(b"{}")[:-9], "gzip")
    assert (broken, "truncated" in answer.json()["detail"]) == (400, True)
    assert status(b"{}", "gzip")[0] == 400
    for codings in ("br",), ("gzip", "gzip"), ("gzip, gzip",):
        refused, answer = status(gzip.compress(gzip.compress(b"{}")), *codings)
        assert refused == 415
        assert answer.headers["accept-encoding"] == "gzip, zstd"
