"""Operators who work at once, through two processes: no report is false, and nobody fails."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.article.timestamps import format_instant
from app.database.tables import Revision
from tests.support.feed_records import ndjson, record
from tests.support.processes import environment, serving
from tests.support.site import DEPTH, TOKEN, Site
from tests.support.snapshots import (
    ChangeFeedFollower,
    assert_public_index_is_complete,
    assert_receipt_matches_rows,
    changes,
    snapshot,
)

ROUNDS = 3 * DEPTH
SLUGS = [f"s-{number}" for number in range(12)]
SOURCES = [None, *(f"https://e.com/{number}" for number in range(12))]
REFUSALS = {404, 409, 412}

Client = httpx2.Client | TestClient


class Operators:
    """What operators do to one database, and what they were told."""

    def __init__(self, near: Client, far: Client, seed: int) -> None:
        self.near = near
        self.far = far
        self.random = Random(seed)  # noqa: S311 - it is to be foreseen
        self.begun = datetime.now(UTC)
        self.told: list[dict[str, Any]] = []
        self.seen: dict[int, dict[str, Any]] = {}

    def ask(self, client: Client, method: str, url: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}", **options.pop("headers", {})}
        answer = client.request(method, url, headers=headers, **options)
        assert answer.status_code == 200 or answer.status_code in REFUSALS, answer.text
        if answer.status_code == 200 and method != "GET":
            self.told.append(answer.json())
        return answer

    def feed(self, size: int, age: int) -> str:
        """Return a feed whose records meet each other, and those of all other feeds."""
        return ndjson(
            *(
                record(
                    self.random.choice(SLUGS),
                    title=f"Number {self.random.randrange(1_000)}",
                    canonical_source=self.random.choice(SOURCES),
                    updated_at=format_instant(
                        self.begun - timedelta(days=9) + timedelta(hours=age, minutes=number // 3)
                    ),
                )
                for number in range(size)
            )
        )

    def round(self, age: int) -> None:
        """Load two overlapping feeds at once, and edit and undo meanwhile."""
        whole = self.feed(24, age)
        pieces = [self.feed(8, age) for _ in range(3)]
        edited = [self.random.choice(SLUGS) for _ in range(4)]
        back = [self.random.randrange(3) for _ in range(2)]
        start = threading.Barrier(4)

        def load_whole() -> None:
            self.ask(self.near, "POST", "/admin/loads", content=whole)

        def load_pieces() -> None:
            for piece in pieces:
                self.ask(self.far, "POST", "/admin/loads", content=piece)

        def edit() -> None:
            for slug in edited:
                self.edit(slug)

        def undo() -> None:
            for each in back:
                self.undo(each)

        def together(work: Callable[[], None]) -> None:
            start.wait(60)
            work()

        with ThreadPoolExecutor(4) as pool:
            for done in pool.map(together, (load_whole, load_pieces, edit, undo), timeout=60):
                assert done is None

    def edit(self, slug: str) -> None:
        """Change an article's title, if it is still what was seen of it."""
        path = f"/admin/articles/{slug}"
        found = self.ask(self.far, "GET", path)
        if found.status_code != 200:
            return
        headers = {"If-Match": found.headers["etag"]}
        title = {"title": f"Edited from {found.headers['etag'][1:9]}"}
        answer = self.ask(self.far, "PATCH", path, json=title, headers=headers)
        if answer.status_code == 200:
            self.seen[answer.json()["load"]["id"]] = found.json()["record"]

    def undo(self, back: int) -> None:
        """Undo one of the newest loads, which may still be running."""
        loads = self.ask(self.far, "GET", "/admin/loads?limit=3").json()["loads"]
        if back < len(loads):
            self.ask(self.far, "POST", f"/admin/loads/{loads[back]['load']['id']}/undo")


def test_i10_the_reports_of_concurrent_operators_are_true(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I-10, I-19, E-05, L-02: overlapping feeds, edits and undos, through two processes at once.

    No failure, no article twice, no edit over what nobody had seen, and the receipts together are
    what is in the database and in the change feed.
    """
    monkeypatch.setattr("app.ingest.batching.BATCH_RECORDS", 4)
    site.clock.now = datetime.now(UTC)
    env = environment(SLUGLINE_DATABASE_URL=site.settings.database_url, SLUGLINE_ADMIN_TOKEN=TOKEN)
    mirror = ChangeFeedFollower()
    with (
        serving(tmp_path, env=env) as server,
        httpx2.Client(base_url=server.base, timeout=60) as far,
    ):
        operators = Operators(site.client, far, seed=ROUNDS)
        for age in range(ROUNDS):
            site.clock.now = datetime.now(UTC)
            operators.round(age)
            now = snapshot(site.database)
            now.assert_consistent()
            mirror.follow(site.database, now)
            assert_public_index_is_complete(site.database)
    assert "Traceback" not in server.log.read_text()
    assert_told_is_done(site, operators.told)
    made = [change for change in changes(site.database) if change.kind == "created"]
    # Those that an undo removed are in the feed without a number.
    assert {change.article_id for change in made} - {None} == now.articles.keys()
    assert_seen_before(site, operators.seen)


def assert_told_is_done(site: Site, reports: list[dict[str, Any]]) -> None:
    """Hold all receipts together against the change feed."""
    undos = {each["load"]["id"] for each in reports if each["load"]["kind"] == "undo"}
    told: Counter[str] = Counter()
    for report in reports:
        told.update(report["summary"])
        if report["load"]["id"] not in undos:
            assert_receipt_matches_rows(site.database, report["load"]["id"])
    fed = changes(site.database)
    done = Counter(change.kind for change in fed if change.load_id not in undos)
    assert done == Counter({kind: told[kind] for kind in ("created", "updated", "moved")})
    # More where a ring of articles went back: one of them is told twice.
    assert told["undone"] <= sum(change.load_id in undos for change in fed)
    assert {change.load_id for change in fed} <= {each["load"]["id"] for each in reports}


def assert_seen_before(site: Site, seen: dict[int, dict[str, Any]]) -> None:
    """Hold what an edit replaced against what its operator had seen."""
    with site.database.reading() as session:
        found = select(Revision.load_id, Revision.record).where(Revision.load_id.in_(seen))
        for load_id, replaced in session.execute(found):
            assert replaced | seen[load_id or 0] == replaced


def test_i08_a_key_that_comes_several_times_at_once_loads_once(site: Site) -> None:
    """I-08, I-10: all get one receipt, or are told that it is on its way."""
    feed = ndjson(*(record(f"a-{number}") for number in range(200)))
    start = threading.Barrier(4)

    def send(_: int) -> Any:
        start.wait(60)
        return site.load(feed, **{"Idempotency-Key": "k"})

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    told = {answer.content for answer in answers if answer.status_code == 200}
    assert len(told) == 1
    assert {change.load_id for change in changes(site.database)} == {1}
    assert len(snapshot(site.database).articles) == 200
