"""Servers that are killed in the middle of what they do, I-20: what is left is what is told.

A world is one database on which one server after the other works until it is killed, and a second
one on which nobody is: in the end, both hold the same.
"""

import json
import logging
import random
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.database.tables import (
    Article,
    ArticleEntity,
    ArticleTopic,
    Change,
    Entity,
    Load,
    LoadResult,
    Revision,
    SlugAlias,
    Topic,
)
from app.database.transactions import Database
from app.ingest.decide import WRITING_OUTCOMES
from app.main import create_app
from app.settings import Settings
from app.store import articles
from tests.support.instrumented_command import BATCH
from tests.support.processes import INSTRUMENTED, answers, environment, free_port
from tests.support.site import DEPTH, TOKEN
from tests.support.snapshots import assert_public_index_is_complete, table_contents

RECORDS: Final = 110
BATCH_RECORDS: Final = 20
EDITED: Final = 5
AUTHORIZED: Final = {"Authorization": f"Bearer {TOKEN}"}
START_SECONDS: Final = 30

logger = logging.getLogger(__name__)
tally: Counter[tuple[str, str, str]] = Counter()


# --- what is sent -------------------------------------------------------------------------------


def record(number: int, version: int, slug: str | None = None) -> dict[str, Any]:
    """Return a record, every tenth of which moves to another slug with each version."""
    suffix = f"-{version}" if number % 10 == 3 else ""
    return {
        "slug": slug or f"a-{number}{suffix}",
        "title": f"Version {version} of {number}",
        "body_md": f"Text of version {version}. " * 20,
        "canonical_source": f"https://example.com/{slug or number}",
        "published_at": "2026-06-23T23:00:06Z",
        "updated_at": instant(version),
        "lang": "en",
        "topics": list(dict.fromkeys((f"t-{(number + version) % 7}", f"v-{version % 3}"))),
        "entities": [f"Person {number % 11}", f"Place {version}"],
    }


def instant(version: int, second: int = 0) -> str:
    return f"2026-06-24T{version // 60:02}:{version % 60:02}:{second:02}Z"


def feed(version: int) -> bytes:
    return b"\n".join(json.dumps(record(n, version)).encode() for n in range(RECORDS))


def edits(version: int) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    """Yield method, path and body of edits that change something, but nothing if repeated."""
    for number in range(EDITED):
        slug = f"e-{version}-{number}"
        patch = {"title": f"Edited {version}", "updated_at": instant(version, 30)}
        yield "PUT", f"/admin/articles/{slug}", record(number, version, slug)
        yield "PATCH", f"/admin/articles/a-{10 * number}", patch
        yield "DELETE", f"/admin/articles/{slug}?reason=Why", None
        if number % 2:
            yield "POST", f"/admin/articles/{slug}/restore", None


# --- worlds -------------------------------------------------------------------------------------


@dataclass
class World:
    """A database whose servers are killed, and one that is left in peace."""

    server: "subprocess.Popen[bytes]" = field(init=False)
    folder: Path
    database: Database
    peaceful: TestClient
    peace: Database
    port: int = 0
    version: int = 0
    usual: dict[str, float] = field(default_factory=dict)
    client: httpx2.Client = field(default_factory=httpx2.Client)

    def start(self) -> None:
        """Start a server, and wait until it answers."""
        self.port = free_port()
        env = environment(
            SLUGLINE_DATABASE_URL=self.database.url.render_as_string(hide_password=False),
            SLUGLINE_ADMIN_TOKEN=TOKEN,
            **{BATCH: str(BATCH_RECORDS)},
        )
        command = [*INSTRUMENTED, "serve", "--port", str(self.port)]
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                command, cwd=self.folder, env=env, stdout=log, stderr=log
            )
        self.client.close()
        self.client = httpx2.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers=AUTHORIZED, timeout=60, verify=False
        )
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.port):
            assert time.monotonic() < deadline
            time.sleep(0.03)

    def kill(self) -> None:
        """Kill the server, and wait until nothing of it is left."""
        self.server.kill()
        self.server.wait()
        deadline = time.monotonic() + START_SECONDS
        while self._is_there():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def _is_there(self) -> bool:
        with suppress(ConnectionRefusedError):
            with suppress(ConnectionResetError):  # it is on its way out
                socket.create_connection(("127.0.0.1", self.port), 5).close()
            return True
        if self.database.embedded:
            return False
        # PostgreSQL ends what a connection was doing before it sees that nobody is there any more.
        others = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        self.database.close()
        with self.database.reading() as session:
            return bool(session.scalar(others))


@contextmanager
def world(folder: Path, url: str, peaceful_url: str) -> Iterator[World]:
    settings = Settings(database_url=peaceful_url, admin_token=TOKEN)
    app = create_app(settings)
    with TestClient(app, headers=AUTHORIZED, base_url="http://testserver") as peaceful:
        made = World(folder, Database(url), peaceful, Database(peaceful_url))
        made.start()
        try:
            yield made
        finally:
            made.kill()
            made.client.close()
            made.database.close()
            made.peace.close()
    assert "Traceback" not in (folder / "server.log").read_text()


@dataclass(frozen=True)
class Left:
    """What a database holds: its rows, and how many loads it has seen."""

    rows: dict[str, list[Any]]
    loads: int


def left(database: Database) -> Left:
    with database.reading() as session:
        return Left(table_contents(database), session.scalar(select(func.max(Load.id))) or 0)


def killed(world: World, mode: str, action: Callable[[], Any]) -> Any:
    """Kill the server at some moment of `action`, and return what that returned, or None."""
    usual = world.usual.setdefault(mode, world.usual.get("partial", 1.0))
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        acting = pool.submit(action)
        deadline = began + random.uniform(0, usual * 1.2)  # noqa: S311 - any moment will do
        while time.monotonic() < deadline and not acting.done():
            time.sleep(0.002)
        if acting.done():
            world.usual[mode] = time.monotonic() - began
        world.kill()
        try:
            return acting.result()
        except httpx2.TransportError:
            return None


# --- what holds at any moment -------------------------------------------------------------------


def check_sound(database: Database) -> None:
    """See that changes, results, revisions and articles agree with each other, and are whole."""
    with database.reading() as session:
        if database.embedded:
            assert session.scalar(text("PRAGMA integrity_check")) == "ok"
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []
        seqs = session.scalars(select(Change.seq).order_by(Change.seq)).all()
        assert seqs == list(range(1, len(seqs) + 1))
        check_receipts(session)
        check_articles(session)
    assert_public_index_is_complete(database)


def check_receipts(session: Session) -> None:
    results: Counter[int] = Counter()
    changing: Counter[int] = Counter()
    for load_id, position, outcome in session.execute(
        select(LoadResult.load_id, LoadResult.position, LoadResult.outcome).order_by(
            LoadResult.load_id, LoadResult.position
        )
    ):
        results[load_id] += 1
        assert position == results[load_id]
        changing[load_id] += outcome in WRITING_OUTCOMES | {"withdrawn", "undone"}
    loads = session.execute(select(Load.id, Load.summary))
    assert results == +Counter({row.id: sum(row.summary.values()) for row in loads})
    changed = Counter(session.scalars(select(Change.load_id)))
    assert changed == +changing


def check_articles(session: Session) -> None:
    digests = {row.id: row.digest for row in session.execute(select(Article.id, Article.digest))}
    states = articles.current_states(session, digests)
    assert {i: state.record.digest for i, state in states.items()} == digests
    of_articles = select(Change.article_id).where(Change.article_id.is_not(None))
    changed = Counter(session.scalars(of_articles))
    numbers = session.execute(
        select(Revision.article_id, Revision.number).order_by(Revision.article_id, Revision.number)
    )
    revisions: Counter[int] = Counter()
    for article_id, number in numbers:
        revisions[article_id] += 1
        assert number == revisions[article_id]
    # Each change but the first left what was there before it.
    assert changed == Counter({i: revisions[i] + 1 for i in digests})
    for link in ArticleTopic, ArticleEntity:
        held: Counter[int] = Counter()
        rows = select(link.article_id, link.position).order_by(link.article_id, link.position)
        for article_id, position in session.execute(rows):
            assert position == held[article_id]
            held[article_id] += 1


def standing(database: Database) -> dict[str, list[str]]:
    """Return all there is of articles and their past: by names, and without when it was done."""
    columns = [
        column for column in Article.__table__.c if column.name not in {"id", "withdrawn_at"}
    ]
    by_slug = select(Article.slug)
    questions = {
        "articles": select(*columns, Article.withdrawn_at.is_(None)),
        "topics": by_slug.add_columns(ArticleTopic.position, Topic.slug)
        .join(ArticleTopic, ArticleTopic.article_id == Article.id)
        .join(Topic, Topic.id == ArticleTopic.topic_id),
        "entities": by_slug.add_columns(ArticleEntity.position, Entity.name)
        .join(ArticleEntity, ArticleEntity.article_id == Article.id)
        .join(Entity, Entity.id == ArticleEntity.entity_id),
        "aliases": by_slug.add_columns(SlugAlias.slug).join(
            SlugAlias, SlugAlias.article_id == Article.id
        ),
        "revisions": by_slug.add_columns(
            Revision.number, Revision.record, Revision.withdrawn_reason
        ).join(Revision, Revision.article_id == Article.id),
        "changes": select(Change.seq, Change.kind, Change.slug, Change.previous_slug),
    }
    with database.reading() as session:
        return {
            name: sorted(repr(tuple(row)) for row in session.execute(question))
            for name, question in questions.items()
        }


def check_same(world: World) -> None:
    victims, theirs = standing(world.database), standing(world.peace)
    for name in theirs:
        assert victims[name] == theirs[name], name


# --- the ways to be killed ----------------------------------------------------------------------


def check_load(world: World, before: Left, answer: Any, *, whole: bool) -> str:
    """See that what is in the database is what the receipt says, and say how much that is."""
    with world.database.reading() as session:
        loads = session.scalars(select(Load).where(Load.id > before.loads)).all()
    after = left(world.database)
    if not loads:
        assert after == before
        assert answer is None
        return "nothing"
    (load,) = loads
    done = sum(load.summary.values())
    assert (load.finished_at is not None) == (done == RECORDS)
    assert done in {0, RECORDS} if whole else (done == RECORDS or not done % BATCH_RECORDS)
    if answer is not None and answer.status_code == 200:  # what is acknowledged is there
        assert answer.json()["load"]["id"] == load.id
        assert done == RECORDS
    if not done:
        assert after.rows == before.rows
        return "a receipt"
    check_records(world, done)
    if done < RECORDS:
        return "part"
    return "all, told" if answer is not None else "all, untold"


def check_records(world: World, done: int) -> None:
    """See that the first `done` records of the feed are in, whole, and the others are not."""
    with world.database.reading() as session:
        found = {
            row.canonical_source: row.title
            for row in session.execute(
                select(Article.canonical_source, Article.title).where(Article.slug.like("a-%"))
            )
        }
    for number in range(RECORDS):
        fresh = found.get(f"https://example.com/{number}") == f"Version {world.version} of {number}"
        assert fresh == (number < done)


def complete(world: World, done: int | None, query: str = "") -> None:
    """Send the feed once more, as an operator would whose load was interrupted."""
    world.start()
    answer = world.client.post(f"/admin/loads{query}", content=feed(world.version))
    assert answer.status_code == 200, answer.text
    summary = answer.json()["summary"]
    if done is not None:
        assert summary["unchanged"] == done
    assert sum(summary[each] for each in ("unchanged", "updated", "moved")) == RECORDS
    peaceful = world.peaceful.post("/admin/loads", content=feed(world.version))
    assert peaceful.status_code == 200, peaceful.text


def load(world: World, query: str = "", **headers: str) -> str:
    before = left(world.database)
    world.version += 1
    mode = query or "".join(headers.values()) or "partial"
    answer = killed(
        world,
        mode,
        lambda: world.client.post(
            f"/admin/loads{query}", content=feed(world.version), headers=headers
        ),
    )
    outcome = check_load(world, before, answer, whole="atomic" in query)
    done = {"nothing": 0, "a receipt": 0, "part": None}.get(outcome, RECORDS)
    complete(world, done, query)
    return outcome


def rehearse(world: World) -> str:
    before = everything(world)
    feed_to_come = feed(world.version + 1)
    answer = killed(
        world,
        "dry_run",
        lambda: world.client.post("/admin/loads?dry_run=true", content=feed_to_come),
    )
    assert everything(world) == before
    world.start()
    return "untold" if answer is None else "told"


def everything(world: World) -> tuple[Left, list[str]]:
    with world.database.reading() as session:
        receipts = sorted(map(repr, session.execute(select(Load.__table__))))
    return left(world.database), receipts


def undo(world: World) -> str:
    world.version += 1
    undone = [
        client.post("/admin/loads", content=feed(world.version)).json()["load"]["id"]
        for client in (world.client, world.peaceful)
    ]
    before = left(world.database)
    path = f"/admin/loads/{undone[0]}/undo"
    answer = killed(world, "undo", lambda: world.client.post(path))
    after = left(world.database)
    outcome = "all, untold" if answer is None else "all, told"
    if after.loads == before.loads:
        assert after == before
        assert answer is None
        outcome = "nothing"
    world.start()
    assert world.client.post(path).status_code == (200 if outcome == "nothing" else 409)
    summary = world.peaceful.post(f"/admin/loads/{undone[1]}/undo").json()["summary"]
    assert summary == {"undone": RECORDS, "left": 0}
    return outcome


def edit(world: World) -> str:
    world.version += 1
    wanted = list(edits(world.version))
    before = left(world.database)
    acknowledged: list[int] = []

    def act() -> None:
        for method, path, body in wanted:
            answer = world.client.request(method, path, json=body)
            assert answer.status_code == 200, answer.text
            acknowledged.append(answer.json()["load"]["id"])

    killed(world, "edits", act)
    after = left(world.database)
    # All that were acknowledged are there, and at most one that was not.
    assert after.loads - before.loads in {len(acknowledged), len(acknowledged) + 1}
    world.start()
    for method, path, body in wanted[len(acknowledged) :]:
        answer = world.client.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
    for method, path, body in wanted:
        assert world.peaceful.request(method, path, json=body).status_code == 200
    return "nothing" if after == before else "all" if len(acknowledged) == len(wanted) else "part"


WAYS: Final[tuple[tuple[str, Callable[[World], str]], ...]] = (
    ("partial", load),
    ("atomic", lambda world: load(world, "?mode=atomic")),
    ("in the background", lambda world: load(world, Prefer="respond-async")),
    ("rehearsal", rehearse),
    ("undo", undo),
    ("edits", edit),
)


@pytest.mark.parametrize("_number", range(DEPTH))
def test_i20_killed_at_any_moment_the_database_is_what_the_receipt_says(
    _number: int, tmp_path: Path, database_url: str, new_sqlite_database: Callable[[], str]
) -> None:
    """I-21 as far as a kill goes: what was acknowledged is there."""
    with world(tmp_path, database_url, new_sqlite_database()) as ours:
        began = time.monotonic()
        for client in ours.client, ours.peaceful:
            assert client.post("/admin/loads", content=feed(0)).status_code == 200
        ours.usual["partial"] = (time.monotonic() - began) / 2
        for name, way in random.sample(WAYS, len(WAYS)):
            outcome = way(ours)
            check_sound(ours.database)
            check_same(ours)
            tally[database_url.partition(":")[0], name, outcome] += 1
    for (kind, name, outcome), count in sorted(tally.items()):
        logger.info("%s, %s: %s, %d times", kind, name, outcome, count)
