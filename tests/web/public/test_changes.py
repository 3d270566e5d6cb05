"""The public change feed (L-02): as pages, as NDJSON and as server-sent events."""

import asyncio
import json
import threading
import time
from typing import Any

import httpx2
import pytest
from sqlalchemy import event

from app.cache.change_broadcast import ChangeBroadcast
from app.store.change_log import PublicChange
from app.web.public.change_streams import events
from tests.support.feed_records import later, ndjson, numbered_record, record, scheduled_record
from tests.support.processes import environment, serving
from tests.support.site import NOW, TOKEN, Site, app_state


def page(site: Site, query: str = "") -> dict[str, Any]:
    answer = site.client.get(f"/changes.json{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_l02_pages_list_all_public_changes_in_order(site: Site) -> None:
    site.loaded(ndjson(record("a"), scheduled_record("hidden"), record("b")))
    site.client.patch("/admin/articles/a", json={"slug": "c"}, headers=site.authorized)
    site.client.delete("/admin/articles/b", headers=site.authorized)
    first = page(site, "?limit=2")
    assert [(c["seq"], c["kind"], c["slug"]) for c in first["changes"]] == [
        (1, "created", "a"), (3, "created", "b"),
    ]  # fmt: skip
    assert first["more"]
    assert first["last"] == 3
    rest = page(site, "?since=3&include=record")
    assert [(c["kind"], c["slug"], c.get("previous_slug")) for c in rest["changes"]] == [
        ("moved", "c", "a"), ("deleted", "b", None),
    ]  # fmt: skip
    assert rest["changes"][0]["record"] == site.get("/news/c.json").json()
    assert rest["changes"][1]["record"] is None
    assert not rest["more"]
    assert page(site, f"?since={rest['last']}")["changes"] == []


def test_l02_since_latest_skips_all_changes_so_far(site: Site) -> None:
    site.loaded(ndjson(record("a")))
    start = page(site, "?since=latest")
    assert start == {"changes": [], "last": 1, "more": False}
    site.loaded(ndjson(record("b")))
    assert [change["slug"] for change in page(site, "?since=1")["changes"]] == ["b"]


def test_i15_scheduled_articles_are_not_in_the_feed(site: Site) -> None:
    site.loaded(ndjson(scheduled_record("hidden")))
    assert page(site) == {"changes": [], "last": 1, "more": False}


@pytest.mark.parametrize(
    "query", ["since=-1", "since=x", "limit=0", "limit=1001", "wait=61", "a=b", "include=all",
              "since=1&since=2", "since=99999999999999999999", "limit=0005",
              "wait=" + "0" * 30 + "9",
              "since=" + "9" * 5_000],
)  # fmt: skip
def test_l02_invalid_parameters_are_400_and_named(site: Site, query: str) -> None:
    answer = site.client.get(f"/changes?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_l02_a_page_with_records_has_at_most_a_hundred_changes(site: Site) -> None:
    site.loaded(ndjson(*map(numbered_record, range(101))))
    first = page(site, "?include=record&limit=101")
    assert (len(first["changes"]), first["last"], first["more"]) == (100, 100, True)
    assert all(change["record"]["slug"] == change["slug"] for change in first["changes"])
    assert len(page(site, "?since=100&include=record&limit=101")["changes"]) == 1


def test_l02_a_number_no_change_has_is_409(site: Site) -> None:
    for suffix in ".json", ".ndjson":
        answer = site.client.get(f"/changes{suffix}?since=5")
        assert answer.status_code == 409
        assert answer.json()["last"] == 0


def test_l02_the_feed_is_negotiated_and_readable_from_any_origin(site: Site) -> None:
    site.loaded(ndjson(record()))
    answer = site.client.get("/changes")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["cdn-cache-control"] == "no-store"
    assert site.client.get("/changes.json").headers["cache-control"] == "no-cache"
    assert answer.headers["access-control-allow-origin"] == "*"
    again = site.client.get("/changes", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    lines = site.client.get("/changes", headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line)["seq"] for line in lines.text.splitlines()] == [1]
    assert site.client.get("/changes", headers={"Accept": "text/html"}).status_code == 406
    assert site.client.head("/changes").content == b""
    assert site.client.post("/changes").status_code == 405
    personal = site.client.get("/changes", headers=site.authorized)
    assert personal.headers["cache-control"] == "private, no-store"


def test_l02_an_article_that_becomes_scheduled_while_it_moves_is_deleted_at_its_old_slug(
    site: Site,
) -> None:
    site.loaded(ndjson(record("a", canonical_source="https://e.com/1")))
    ahead = scheduled_record("b")["published_at"]
    told = record(
        "b", canonical_source="https://e.com/1", published_at=ahead, updated_at=later(hours=1)
    )
    site.loaded(ndjson(told))
    assert [(c["kind"], c["slug"]) for c in page(site)["changes"]] == [
        ("created", "a"), ("deleted", "a"),
    ]  # fmt: skip


def test_l02_only_clients_that_name_the_event_stream_get_it_and_head_has_no_body(
    site: Site,
) -> None:
    site.loaded(ndjson(record("a"), record("b"), record("c")))
    assert site.client.get("/changes", headers={"Accept": "text/*"}).status_code == 406
    stream = site.client.head("/changes", headers={"Accept": "text/event-stream"})
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert site.client.head("/changes.ndjson").content == b""
    assert stream.headers["vary"] == "Accept, Accept-Encoding"
    lines = site.client.get("/changes.ndjson?limit=2")
    assert len(lines.text.splitlines()) == 2
    assert lines.headers["vary"] == "Accept-Encoding"
    gone = {"Accept": "text/event-stream", "Last-Event-ID": "9"}
    assert site.client.get("/changes", headers=gone).status_code == 409
    # Each of a thousand listeners would have the same articles read for itself.
    with_records = site.client.head(
        "/changes?include=record", headers=gone | {"Last-Event-ID": "1"}
    )
    assert with_records.status_code == 400
    assert "include=record" in site.client.get("/changes?include=record").headers["link"]


def test_l02_long_polling_returns_as_soon_as_something_changes(site: Site) -> None:
    heard: list[float] = []

    def wait() -> None:
        found = page(site, "?since=0&wait=20")
        assert [change["slug"] for change in found["changes"]] == ["a"]
        heard.append(time.monotonic())

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.2)
    begun = time.monotonic()
    site.loaded(ndjson(record()))
    waiting.join(10)
    assert heard
    assert heard[0] - begun < 2


def test_l02_events_arrive_as_they_happen_and_resume_at_last_event_id(tmp_path: Any) -> None:
    authorized = {"Authorization": f"Bearer {TOKEN}"}
    with serving(tmp_path, env=environment(SLUGLINE_ADMIN_TOKEN=TOKEN)) as server:
        url = server.base
        with httpx2.Client(base_url=url, timeout=20) as client:

            def listen(headers: dict[str, str], count: int) -> list[dict[str, Any]]:
                found: list[dict[str, Any]] = []
                accept = {"Accept": "text/event-stream", **headers}
                with client.stream("GET", "/changes", headers=accept) as stream:
                    assert stream.headers["content-type"].startswith("text/event-stream")
                    assert stream.headers["cache-control"] == "no-store"
                    for line in stream.iter_lines():
                        if line.startswith("data: "):
                            found.append(json.loads(line.removeprefix("data: ")))
                        if line.startswith("retry") and not headers:
                            load("late")
                        if len(found) == count:
                            return found
                return found

            def load(slug: str) -> None:
                answer = httpx2.post(
                    f"{url}/admin/loads", content=ndjson(record(slug)), headers=authorized
                )
                assert answer.status_code == 200

            load("a")
            load("b")
            assert [c["slug"] for c in listen({"Last-Event-ID": "0"}, 2)] == ["a", "b"]
            assert [c["slug"] for c in listen({"Last-Event-ID": "1"}, 1)] == ["b"]
            assert [c["slug"] for c in listen({}, 1)] == ["late"]


def test_l02_a_thousand_listeners_share_a_handful_of_queries(site: Site) -> None:
    service = app_state(site)
    asked: list[str] = []

    def count(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "changes.public" in statement:
            asked.append(statement)

    async def listen(ready: list[int]) -> tuple[str, float]:
        stream = events(service, service.broadcast.last)
        assert (await anext(stream)).startswith("retry")
        ready.append(1)
        heard = await anext(stream)
        await stream.aclose()
        return heard, time.monotonic()

    async def all_of_them() -> list[tuple[str, float]]:
        ready: list[int] = []
        waiting = [asyncio.create_task(listen(ready)) for _ in range(1_000)]
        await asyncio.sleep(0.5)  # in which all of them come to where they wait
        assert len(ready) == len(waiting)
        await asyncio.to_thread(site.loaded, ndjson(record()))
        begun.append(time.monotonic())
        return await asyncio.gather(*waiting)

    begun: list[float] = []
    event.listen(site.database.engine, "before_cursor_execute", count)
    try:
        heard = asyncio.run(all_of_them())
    finally:
        event.remove(site.database.engine, "before_cursor_execute", count)
    assert all('"slug": "a"' in text for text, _ in heard)
    assert max(at for _, at in heard) - begun[0] < 1
    assert len(asked) <= 5


def test_the_broadcast_returns_only_ranges_it_holds_completely() -> None:
    broadcast = ChangeBroadcast()
    broadcast.restart(5)
    broadcast.add([PublicChange(n, "created", f"a{n}", None, NOW) for n in (6, 8)], 9)
    assert broadcast.since(4) is None

    def held(seq: int) -> tuple[list[int], int]:
        found = broadcast.since(seq)
        assert found is not None
        return [change.seq for change in found[0]], found[1]

    assert held(5) == ([6, 8], 9)
    assert held(6) == ([8], 9)
    assert held(9) == ([], 9)
    assert broadcast.since(10) is None
    broadcast.add([PublicChange(n, "created", "x", None, NOW) for n in range(10, 3_000)], 2_999)
    assert broadcast.since(5) is None
    assert len(held(2_000)[0]) == 999
