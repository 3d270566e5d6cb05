"""`slugline load`: what it finds, what it sends, and how it gets it there."""

import hashlib
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.cli.input_files import FeedArgumentError, resolve_feeds
from tests.support.commands import CompletedCommand, Shell
from tests.support.faulty_proxy import Fault, FaultyProxy, faulty_proxy
from tests.support.processes import SLUGLINE, Server, environment, run, serving
from tests.support.site import TOKEN


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server on an embedded database of its own."""
    folder = tmp_path_factory.mktemp("served")
    with serving(folder, env=environment(SLUGLINE_ADMIN_TOKEN=TOKEN)) as server:
        yield server
        assert "Traceback" not in server.log.read_text()


@pytest.fixture
def load(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., CompletedCommand]:
    """A function that loads feeds in this process's stead, through a server."""

    def load_(base: str, *arguments: str) -> CompletedCommand:
        variables = {"SLUGLINE_PUBLIC_BASE_URL": base, "SLUGLINE_ADMIN_TOKEN": TOKEN}
        done = Shell(capsys).run("load", *arguments, cwd=tmp_path, **variables)
        assert TOKEN not in done.stdout + done.stderr
        return done

    return load_


def record(slug: str, **fields: object) -> dict[str, Any]:
    return {
        "slug": slug,
        "title": "A headline",
        "body_md": "# A headline\n\nText.",
        "published_at": "2026-06-20T12:00:00Z",
        "updated_at": "2026-06-20T13:00:00Z",
        "lang": "en",
        **fields,
    }


def write(path: Path, *records: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def table(done: CompletedCommand) -> list[dict[str, str]]:
    """Return the rows of the table that a command has printed."""
    _, head, _, *rows, _ = done.stdout.splitlines()
    cells = [[cell.strip() for cell in row[1:-1].split(row[0])] for row in (head, *rows)]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]


def stored(server: Server, slug: str) -> int:
    return httpx2.get(f"{server.base}/news/{slug}.json").status_code


# --- which feeds are meant ---------------------------------------------------------------------


def test_a_directory_means_the_feeds_in_it_in_the_order_of_their_names(tmp_path: Path) -> None:
    names = ["b/z.json", "b/a.NDJSON", "b/c/d/e.jsonl.gz", "a.txt", "c.xml.zst", "é.atom", "r.rss"]
    others = [
        "b/readme.md",
        "b/.hidden.json",
        ".git/x.json",
        "x.json.part",
        "json",
        "x.gz",
        "y.zip",
    ]
    for name in names + others:
        write(tmp_path / "in" / name)
    (tmp_path / "in" / "folder.json").mkdir()
    (tmp_path / "in" / "b" / "round").symlink_to(tmp_path / "in")
    found = [feed.name for feed in resolve_feeds([tmp_path / "in"])]
    assert found == [
        "in/a.txt", "in/c.xml.zst", "in/r.rss", "in/é.atom", "in/b/a.NDJSON", "in/b/z.json",
        "in/b/c/d/e.jsonl.gz",
    ]  # fmt: skip


def test_a_file_argument_is_a_feed_whatever_its_name_and_its_name_is_printable(
    tmp_path: Path,
) -> None:
    names = [b"plain.md", b"\xff\x1b[31m\n.json", b"n" * 250]
    paths = [Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)) for name in names]
    for path in paths:
        path.touch()
    found = [feed.name for feed in resolve_feeds(paths)]
    assert found == ["plain.md", "\\udcff\\x1b[31m\\n.json", "n" * 250]


def test_an_argument_that_is_no_feed_is_reported_before_anything_is_sent(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path
) -> None:
    feed = write(tmp_path / "first.json", record("not-sent"))
    (tmp_path / "empty").mkdir()
    for bad, message in [
        (["nothing", "neither"], "no such file: nothing, neither"),
        (["empty"], "no feeds in empty"),
        (["-", "-"], "standard input can be read only once"),
    ]:
        done = load(served.base, str(feed), *bad)
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert stored(served, "not-sent") == 404
    assert load(served.base).returncode == 2
    with pytest.raises(FeedArgumentError):
        resolve_feeds([tmp_path / "empty"])


def test_a_directory_is_loaded_and_one_bad_feed_does_not_stop_the_others(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path
) -> None:
    write(tmp_path / "in/1.ndjson", record("dir-1"), record("dir-2"))
    write(tmp_path / "in/2.json", {"slug": "x"}).write_text("no JSON")
    write(tmp_path / "in/sub/3.json", record("dir-3", lang="en_US"))
    write(tmp_path / "in/sub/4.json", record("dir-4"))
    done = load(served.base, "in")
    assert done.returncode == 1
    first, third, fourth = table(done)
    assert (first["Feed"], first["created"]) == ("in/1.ndjson", "2")
    assert (third["Feed"], third["rejected"]) == ("in/sub/3.json", "1")
    assert (fourth["Feed"], fourth["created"]) == ("in/sub/4.json", "1")
    malformed, rejected = done.stderr.splitlines()
    assert malformed.startswith("in/2.json: 400 ")
    assert rejected.startswith("in/sub/3.json:1 /lang: 'en_US' is not a BCP 47 language tag")


# --- what is sent ------------------------------------------------------------------------------


def test_options_and_the_name_of_the_file_go_along(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path
) -> None:
    write(tmp_path / "ü &.json", record("optional"))
    every = ["--dry-run", "--atomic", "--strict", "--restore", "--on-collision", "suffix"]
    for options, query in [
        ([], {}),
        (["--dry-run"], {"dry_run": ["true"]}),
        (every, {
            "dry_run": ["true"], "mode": ["atomic"], "strict": ["true"],
            "restore": ["true"], "on_collision": ["suffix"],
        }),
    ]:  # fmt: skip
        with faulty_proxy(served.base) as proxy:
            assert load(proxy.base, "ü &.json", *options).returncode == 0
        (sent,) = proxy.posted
        assert sent.path == "/admin/loads"
        assert sent.query == {**query, "file": ["ü &.json"]}
        assert sent.fields["prefer"] == "respond-async"


def test_i08_each_feed_and_each_run_has_a_key_of_its_own(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path
) -> None:
    for name in "a.json", "b.json":
        write(tmp_path / name, record("keyed"))
    with faulty_proxy(served.base) as proxy:
        for arguments in ["a.json", "b.json"], ["a.json"], ["a.json", "--strict"]:
            load(proxy.base, *arguments)
    keys = [each.fields["idempotency-key"] for each in proxy.posted]
    assert len(set(keys)) == len(keys) == 4
    assert all(len(key) == 64 and key.isalnum() for key in keys)


def test_a_compressed_feed_is_sent_with_its_content_encoding(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path
) -> None:
    for name in "a.json", "a.json.gz", "a.json.ZST":
        (tmp_path / name).write_bytes(b"?")
    with faulty_proxy(served.base) as proxy:
        load(proxy.base, "a.json", "a.json.gz", "a.json.ZST")
    codings = [each.fields.get("content-encoding") for each in proxy.posted]
    assert codings == [None, "gzip", "zstd"]


def test_standard_input_and_a_pipe_are_sent_in_chunks_and_again_where_they_did_not_arrive(
    served: Server, tmp_path: Path
) -> None:
    many = [record(f"piped-{number}", summary="x" * 1_000) for number in range(200)]
    feed = write(tmp_path / "feed", *many)
    for source, first in ("-", "created"), ("<(cat feed)", "unchanged"):
        with faulty_proxy(served.base, ["cut"]) as proxy:
            line = f"{' '.join(SLUGLINE)} load {source} < feed"
            done = run(
                "-c", line, cwd=tmp_path, command=["bash"],
                SLUGLINE_PUBLIC_BASE_URL=proxy.base, SLUGLINE_ADMIN_TOKEN=TOKEN,
            )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert f" {first} " in done.stdout
        cut, sent = proxy.posted
        assert cut.body == sent.body == feed.read_bytes()
        assert "content-length" not in sent.fields
        assert sent.fields["idempotency-key"] == cut.fields["idempotency-key"]


# --- how it gets there -------------------------------------------------------------------------


BUSY: Fault = (
    503,
    {"Retry-After": "1"},
    b'{"title": "Service Unavailable", "detail": "The database."}',
)
RUNNING: Fault = (409, {}, b'{"title": "Conflict", "detail": "It is still running."}')


@pytest.mark.parametrize(
    "troubles", [["cut"], [BUSY], [RUNNING], [(502, {}, b"<html>")], ["cut", BUSY, RUNNING]]
)
def test_i08_a_feed_is_sent_again_with_the_same_key_until_it_arrives(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path, troubles: list[Any]
) -> None:
    slug = f"tried-{hashlib.sha256(repr(troubles).encode()).hexdigest()[:9]}"
    write(tmp_path / "feed.json", record(slug))
    with faulty_proxy(served.base, troubles) as proxy:
        done = load(proxy.base, "feed.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert table(done)[0]["created"] == "1"
    assert len(proxy.posted) == len(troubles) + 1
    assert len({each.fields["idempotency-key"] for each in proxy.posted}) == 1
    assert len({each.body for each in proxy.posted}) == 1


def test_i08_a_feed_whose_answer_was_lost_is_not_loaded_twice(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path
) -> None:
    write(tmp_path / "feed.json", record("answer-lost"))
    with faulty_proxy(served.base, ["swallow", "swallow"]) as proxy:
        done = load(proxy.base, "feed.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(proxy.posted) == 3
    assert table(done)[0]["created"] == "1"  # which is the answer to the first


def test_i19_a_load_that_takes_its_time_is_followed_by_its_receipt(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path
) -> None:
    write(tmp_path / "feed.ndjson", *(record(f"many-{number}") for number in range(1_500)))
    with faulty_proxy(served.base) as proxy:
        done = load(proxy.base, "feed.ndjson")
    assert table(done)[0]["created"] == "1500"
    assert any(each.method == "GET" for each in proxy.received)


def test_i20_a_load_that_a_restart_interrupts_is_completed(tmp_path: Path) -> None:
    write(tmp_path / "feed.ndjson", *(record(f"r-{number}") for number in range(4_000)))
    env = environment(SLUGLINE_ADMIN_TOKEN=TOKEN)
    with faulty_proxy("http://127.0.0.1:1") as proxy:
        with serving(tmp_path, env=env) as first:
            proxy.target = first.base
            process = subprocess.Popen(
                [*SLUGLINE, "load", "feed.ndjson"], cwd=tmp_path,
                env={**env, "SLUGLINE_PUBLIC_BASE_URL": proxy.base}, stdout=subprocess.PIPE,
            )  # fmt: skip
            deadline = time.monotonic() + 60
            while stored(first, "r-0") != 200:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        with serving(tmp_path, env=env) as second:
            assert stored(second, "r-3999") == 404
            proxy.target = second.base
            said, _ = process.communicate(timeout=90)
            assert process.returncode == 0
            assert stored(second, "r-3999") == 200
    (row,) = table(CompletedCommand(0, said.decode(), ""))
    assert sum(int(row[name]) for name in ("created", "unchanged")) == 4_000
    assert len({each.fields["idempotency-key"] for each in proxy.posted}) == 1


def test_it_gives_up_in_one_line_that_names_the_receipt(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path
) -> None:
    write(tmp_path / "a.json", record("given-up"))
    write(tmp_path / "b.json", record("given-up"))
    stopped: Fault = (503, {}, b'{"detail": "The load stopped.", "receipt": "/admin/loads/7"}')
    with faulty_proxy(served.base, [stopped] * 9) as proxy:
        done = load(proxy.base, "a.json", "b.json", "--patience", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "a.json: gave up after 1 seconds: 503 The load stopped.; the receipt is /admin/loads/7\n"
    )
    assert len(proxy.posted) == 2
    assert all(each.fields["content-length"] for each in proxy.posted)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((422, {}, b'{"detail": "The key is that of another load."}'), "422 The key is that of"),
        ((200, {}, b"<html>welcome"), "answers 200 without a receipt"),
        ((202, {"Location": "https://evil.example/x"}, b"{}"), "answers 202 without a receipt"),
        ((308, {"Location": "https://evil.example/"}, b""), "answers 308 without a receipt"),
        ((413, {}, b'{"detail": "two\\nlines\\u001b[31m"}'), "413 two\\nlines\\x1b[31m"),
    ],
)
def test_a_final_error_is_reported_in_one_line(
    load: Callable[..., CompletedCommand],
    served: Server,
    tmp_path: Path,
    answer: tuple[int, dict[str, str], bytes],
    message: str,
) -> None:
    write(tmp_path / "a.json", record("final"))
    with faulty_proxy(served.base, [answer]) as proxy:
        done = load(proxy.base, "a.json")
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert len(proxy.received) == 1


def test_i05_an_atomic_load_that_is_refused_fails_and_says_so(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path
) -> None:
    write(tmp_path / "feed.ndjson", record("all"), record("or-nothing", lang="en_US"))
    done = load(served.base, "--atomic", "feed.ndjson")
    assert done.returncode == 1
    assert "feed.ndjson:2 /lang: " in done.stderr
    assert stored(served, "all") == 404


def test_i09_a_dry_run_reports_outcomes_and_changes_nothing(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path
) -> None:
    write(tmp_path / "feed.ndjson", record("would-be"), record("would-not", lang="en_US"))
    done = load(served.base, "--dry-run", "feed.ndjson")
    assert done.returncode == 1
    (row,) = table(done)
    assert (row["Load"], row["created"], row["rejected"]) == ("dry run", "1", "1")
    assert "feed.ndjson:2 /lang: " in done.stderr
    assert stored(served, "would-be") == 404


def test_i17_a_strict_load_rejects_unknown_fields(
    load: Callable[..., CompletedCommand], served: Server, tmp_path: Path
) -> None:
    write(tmp_path / "feed.json", record("stricter", author="N. N."))
    done = load(served.base, "--strict", "feed.json")
    assert done.returncode == 1
    assert "feed.json:1 /author: " in done.stderr


def test_a_terminal_is_shown_how_far_it_is_and_a_pipe_gets_nothing_but_the_table(
    served: Server, tmp_path: Path
) -> None:
    write(tmp_path / "feed.json", record("shown"))
    outer, inner = pty.openpty()
    env = environment(SLUGLINE_PUBLIC_BASE_URL=served.base, SLUGLINE_ADMIN_TOKEN=TOKEN)
    command = [*SLUGLINE, "load", "feed.json"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**env, "TERM": "xterm"}, stdout=subprocess.PIPE, stderr=inner,
        check=True, timeout=60,
    )  # fmt: skip
    os.close(inner)
    shown = os.read(outer, 1 << 16).decode()
    os.close(outer)
    assert "feed.json" in shown
    assert "\x1b" not in done.stdout.decode()
    assert table(CompletedCommand(0, done.stdout.decode(), ""))[0]["created"] == "1"


# --- directories that are followed -------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_directory_that_is_followed_is_loaded_as_feeds_come_and_change(
    served: Server, tmp_path: Path, number: int
) -> None:
    folder, slug = tmp_path / "in", f"watched-{number}"
    write(folder / "1.json", record(slug))
    with faulty_proxy(served.base) as proxy:
        env = environment(SLUGLINE_PUBLIC_BASE_URL=proxy.base, SLUGLINE_ADMIN_TOKEN=TOKEN)
        command = [*SLUGLINE, "load", "--watch", "in"]
        process = subprocess.Popen(
            command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            arrived(proxy, 1)
            (folder / "2.json").write_text("broken")
            arrived(proxy, 2)
            write(folder / "sub" / "same.json", record(slug))
            write(
                folder / "1.json", record(slug, title="Another", updated_at="2026-06-21T00:00:00Z")
            )
            arrived(proxy, 3)
            time.sleep(2.5)  # in which nothing else may come
        finally:
            process.send_signal(number)
            said, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert [each.query["file"] for each in proxy.posted] == [
        ["in/1.json"],
        ["in/2.json"],
        ["in/1.json"],
    ]
    assert said.decode().splitlines() == ["in/1.json: 1 created", "in/1.json: 1 updated"]
    (line,) = errors.decode().splitlines()
    assert line.startswith("in/2.json: 400 ")


def arrived(proxy: FaultyProxy, number: int) -> None:
    """Wait until so many feeds have come."""
    deadline = time.monotonic() + 30
    while len(proxy.posted) < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)
