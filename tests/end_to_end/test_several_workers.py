"""Several processes on one database: what one writes, all others answer with."""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from app.main import GC_THRESHOLDS
from tests.support.instrumented_command import BATCH
from tests.support.paths import SEED
from tests.support.processes import INSTRUMENTED, environment, run, serving
from tests.support.site import DEPTH, SEED_SLUG, TOKEN

VERSIONS = 100 * DEPTH
RECORDS = 1_000
SEEDED: dict[str, Any] = json.loads(SEED.read_text())


class Seen(NamedTuple):
    """A version that an answer had, and when it was asked for."""

    at: float
    version: int


class Reader(threading.Thread):
    """Asks one server for one article, over and over, as a browser would: conditionally."""

    def __init__(self, base: str, path: str) -> None:
        super().__init__(daemon=True)
        self.connection = HTTPConnection(urlsplit(base).netloc, timeout=20)
        self.path = path
        self.seen: list[Seen] = []
        self.strange: list[int] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        etag, version = "", 0
        while not self.stopping.is_set():
            at = time.monotonic()
            headers = {"If-None-Match": etag} if etag else {}
            self.connection.request("GET", self.path, headers=headers)
            answer = self.connection.getresponse()
            body = answer.read()
            if answer.status == 200:
                etag, version = answer.headers["etag"], int(json.loads(body)["title"].split()[-1])
            elif answer.status != 304:
                self.strange.append(answer.status)
            self.seen.append(Seen(at, version))
            time.sleep(0.01)
        self.connection.close()


def version(number: int) -> str:
    updated = f"2026-06-25T00:{number // 60:02}:{number % 60:02}Z"
    return json.dumps(SEEDED | {"title": f"Version {number}", "updated_at": updated})


def test_c05_no_worker_answers_with_old_bytes_a_second_after_a_load_through_another(
    tmp_path: Path, database_url: str
) -> None:
    folders = [tmp_path / name for name in ("writer", "other")]
    for folder in folders:
        folder.mkdir()
    env = environment(SLUGLINE_DATABASE_URL=database_url, SLUGLINE_ADMIN_TOKEN=TOKEN)
    with (
        serving(folders[0], env=env) as writer,
        serving(folders[1], env=env) as other,
        httpx2.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20) as client,
    ):

        def load(number: int) -> Seen:
            answer = client.post(f"{writer.base}/admin/loads", content=version(number))
            assert answer.json()["summary"]["rejected"] == 0, answer.text
            return Seen(time.monotonic(), number)

        loaded = [load(0)]
        path = f"/news/{SEED_SLUG}.json"
        near, far = Reader(writer.base, path), Reader(other.base, path)
        for reader in near, far:
            reader.start()
        loaded += [load(number) for number in range(1, VERSIONS + 1)]
        time.sleep(1.2)
        for reader in near, far:
            reader.stopping.set()
            reader.join(20)
    for reader, allowed in (near, 0.0), (far, 1.0):
        assert reader.strange == []
        assert reader.seen[-1].version == VERSIONS
        acknowledged = iter([*loaded, Seen(float("inf"), VERSIONS)])
        due, following = 0, next(acknowledged)
        for seen in reader.seen:
            while following.at + allowed <= seen.at:
                due, following = following.version, next(acknowledged)
            assert seen.version >= due
    # It was under load, and it had something to forget.
    assert len(far.seen) > VERSIONS
    assert len({seen.version for seen in far.seen}) > VERSIONS // 10


def test_i20_a_stopping_server_ends_a_load_and_its_receipt_says_so(
    tmp_path: Path, database_url: str
) -> None:
    feed = "\n".join(
        json.dumps(SEEDED | {"slug": f"a-{number}", "canonical_source": None})
        for number in range(RECORDS)
    )
    authorized = {"Authorization": f"Bearer {TOKEN}"}
    env = environment(
        SLUGLINE_DATABASE_URL=database_url, SLUGLINE_ADMIN_TOKEN=TOKEN, **{BATCH: "50"}
    )
    with (
        serving(tmp_path, command=INSTRUMENTED, env=env) as server,
        httpx2.Client(base_url=server.base, headers=authorized, timeout=60) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        loading = pool.submit(client.post, "/admin/loads", content=feed)
        while not client.get("/admin/loads").json()["loads"]:
            assert not loading.done()
        server.process.terminate()
        answer = loading.result(60)
        server.process.wait(20)
    assert answer.status_code == 503, answer.text
    assert "Traceback" not in server.log.read_text()
    with (
        serving(tmp_path, env=env) as server,
        httpx2.Client(base_url=server.base, headers=authorized, timeout=60) as client,
    ):
        receipt = client.get(f"{answer.json()['receipt']}?limit=1").json()
        assert receipt["load"]["state"] == "interrupted"
        loaded = answer.json()["position"]
        assert 0 < loaded < RECORDS
        assert sum(receipt["summary"].values()) == loaded
        summary = client.post("/admin/loads", content=feed).json()["summary"]
        assert (summary["unchanged"], summary["created"]) == (loaded, RECORDS - loaded)


def test_a_process_that_serves_is_set_up_so_that_a_load_keeps_no_reader_waiting(
    tmp_path: Path,
) -> None:
    # What a garbage collection would look through by then, and how long a turn is, in seconds.
    asked = (
        "import gc, sys; print(len(gc.get_objects()), sys.getswitchinterval(), *gc.get_threshold())"
    )
    code = f"from app.main import app_from_environment; app_from_environment(); {asked}"
    done = run(cwd=tmp_path, command=(sys.executable, "-c", code))
    left, turn, *thresholds = map(float, done.stdout.split())
    assert left < 5_000
    assert turn <= 0.001
    assert tuple(thresholds) == GC_THRESHOLDS
