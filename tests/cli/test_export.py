"""`slugline export`: what goes out is what came in, and comes in again as the same."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text, update

from app.article.timestamps import format_instant
from app.database.tables import Article, SlugAlias
from app.database.transactions import Database
from app.store import export as exporting
from tests.support.commands import Shell
from tests.support.instrumented_command import PEAK
from tests.support.paths import SEED
from tests.support.processes import INSTRUMENTED, SLUGLINE, environment, run
from tests.support.site import DEPTH, NOW, Clock, Site, settings_for, start_site
from tests.support.strategies import UPKEEPS, records

SEEDED: dict[str, Any] = json.loads(SEED.read_text())


def record(slug: str, **fields: object) -> dict[str, Any]:
    return {
        "slug": slug,
        "title": "A headline",
        "body_md": "# A headline\n\nText.",
        "published_at": "2026-06-30T12:00:00Z",
        "updated_at": "2026-06-30T13:00:00.5Z",
        "lang": "en",
        **fields,
    }


ODD = [
    record(
        "z-first", title="‘quoted’ — \u2067עברית\u2069", summary="\u200b\ufeff\ufdd0\x01\x7f\x85"
    ),
    record("a-second", body_md="a\r\nb\u2028c\\u0041 </script> \U0001f600", entities=["É", "É"]),
    record("claims", url="nonsense", alternates={"html": "x", "": ""}, topics=["b", "a", "b"]),
    record("none", url=None, alternates={}, canonical_source=None),
    record("later", published_at="2999-01-01T00:00:00+14:00", updated_at="2999-01-01T00:00:00Z"),
    record("extra", zeta=[1.0, -0.0, 1e300, 10**30, None, {"é/~": {"": []}}], alpha="\u2028"),
    record("sourced", canonical_source="HTTPS://Example.com:443/?b=1&a=2&utm_source=x#part"),
]


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture
def exported(shell: Shell, tmp_path: Path) -> Callable[[str], bytes]:
    """A function that exports the database at a URL."""

    def export(url: str) -> bytes:
        done = shell.run("export", "out.ndjson", cwd=tmp_path, SLUGLINE_DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["out.ndjson"]
        return (tmp_path / "out.ndjson").read_bytes()

    return export


def ndjson(*records: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(each).encode() for each in records)


def parsed(feed: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in feed.splitlines()]


@pytest.fixture
def another(new_sqlite_database: Callable[[], str]) -> Iterator[Callable[[bytes], str]]:
    """A function that loads a feed into an empty database and returns its URL."""
    yield from _others(new_sqlite_database)


def _others(make: Callable[[], str]) -> Iterator[Callable[[bytes], str]]:
    def load(feed: bytes) -> str:
        url = make()
        with site_on(url) as site:
            report = site.loaded(feed)
        assert set(report["summary"]) >= {"created", "rejected"}
        assert report["summary"]["rejected"] == 0
        return url

    yield load


@contextmanager
def site_on(url: str) -> Iterator[Site]:
    """Open a site on a database, until the end of the block."""
    site = start_site(settings_for(url), Clock())
    try:
        yield site
    finally:
        site.client.__exit__(None, None, None)


def test_r05_an_export_loads_back_to_an_export_of_the_same_bytes(
    site: Site,
    database_url: str,
    exported: Callable[[str], bytes],
    another: Callable[[bytes], str],
) -> None:
    site.loaded(ndjson(*ODD))
    site.loaded(SEED.read_bytes())
    feed = exported(database_url)
    assert [each["slug"] for each in parsed(feed)] == [
        *(each["slug"] for each in ODD),
        SEEDED["slug"],
    ]
    assert exported(another(feed)) == feed


def test_r05_the_seed_is_exported_key_for_key(
    site: Site, database_url: str, exported: Callable[[str], bytes]
) -> None:
    site.loaded(SEED.read_bytes())
    (out,) = parsed(exported(database_url))
    instants = {"published_at", "updated_at"}
    assert out.keys() == SEEDED.keys()
    assert all(out[name] == SEEDED[name] for name in out.keys() - instants)


def test_r05_fields_that_a_feed_did_not_have_are_not_exported(
    site: Site, database_url: str, exported: Callable[[str], bytes]
) -> None:
    site.loaded(ndjson(*ODD))
    out = {each["slug"]: each for each in parsed(exported(database_url))}
    assert not {"url", "alternates", "upkeep", "claims"} & out["none"].keys()
    assert (out["claims"]["url"], out["claims"]["topics"]) == ("nonsense", ["b", "a"])
    assert list(out["extra"])[-2:] == ["zeta", "alpha"]
    assert str(out["extra"]["zeta"]) == str(ODD[5]["zeta"])
    assert out["z-first"]["summary"] == ODD[0]["summary"]


def test_i14_an_export_says_where_articles_were_and_which_are_withdrawn(
    site: Site, database_url: str, exported: Callable[[str], bytes]
) -> None:
    site.loaded(ndjson(record("here"), record("gone"), record("back")))
    at = NOW - timedelta(hours=1)
    with site.database.writing() as session:
        ids = dict(session.execute(select(Article.slug, Article.id)).all())
        old = [{"slug": slug, "article_id": ids["here"]} for slug in ("b", "a-c", "ab", "a.b")]
        session.execute(insert(SlugAlias), old)
        gone = {"withdrawn_at": at, "withdrawn_reason": "a court’s order"}
        session.execute(update(Article).where(Article.slug == "gone"), gone)
    out = {each["slug"]: each.get("upkeep") for each in parsed(exported(database_url))}
    assert out == {
        "here": {"aliases": ["a-c", "a.b", "ab", "b"]},  # on every database in this order
        "gone": {"withdrawn_at": format_instant(at), "withdrawn_reason": "a court’s order"},
        "back": None,
    }


def test_i14_upkeep_loads_back_to_an_export_of_the_same_bytes(
    site: Site,
    database_url: str,
    exported: Callable[[str], bytes],
    another: Callable[[bytes], str],
) -> None:
    moved = {"aliases": ["old", "older"]}
    gone = {"withdrawn_at": "2026-06-30T15:00:00Z", "withdrawn_reason": "why"}
    site.loaded(ndjson(record("here", upkeep=moved), record("gone", upkeep=gone)))
    feed = exported(database_url)
    assert [each["upkeep"] for each in parsed(feed)] == [moved, gone]
    assert exported(another(feed)) == feed


@settings(max_examples=5 * DEPTH)
@given(st.lists(st.tuples(records(), st.none() | UPKEEPS), max_size=4))
def test_r05_whatever_is_loaded_is_exported_and_loads_back(
    new_sqlite_database: Callable[[], str],
    exported: Callable[[str], bytes],
    items: list[tuple[dict[str, Any], dict[str, Any] | None]],
) -> None:
    given_ = [{**each, "upkeep": upkeep} if upkeep else each for each, upkeep in items]
    (load,) = _others(new_sqlite_database)
    feed = exported(load(ndjson(*given_) or b"[]"))
    assert exported(load(feed or b"[]")) == feed


ROW: dict[str, object] = {
    "slug": "s", "title": "t", "summary": "", "body_md": "", "published_at": NOW, "updated_at": NOW,
    "lang": "en", "claims": {}, "extra": {}, "digest": "",
}  # fmt: skip


def fill(url: str, articles: int, size: int) -> None:
    """Put articles into a database, each with a body of that many characters."""
    database = Database(url)
    with database.writing() as session:
        body = "é" * size
        for number in range(articles):
            row = {**ROW, "slug": f"s{number}-{size}", "body_md": body}
            session.execute(insert(Article), [row])
    database.close()


def peak(folder: Path, url: str) -> int:
    """Return how much memory an export takes at most, in KiB."""
    file = folder / "peak"
    done = run(
        "export",
        "out.ndjson",
        cwd=folder,
        command=INSTRUMENTED,
        SLUGLINE_DATABASE_URL=url,
        **{PEAK: str(file)},
    )
    assert done.returncode == 0, done.stderr
    return int(file.read_text())


def test_i19_the_memory_of_an_export_does_not_grow_with_the_articles(
    tmp_path: Path, database_url: str
) -> None:
    fill(database_url, 50, 100_000)
    little = peak(tmp_path, database_url)
    fill(database_url, 350, 100_001)
    much = peak(tmp_path, database_url)
    assert (tmp_path / "out.ndjson").stat().st_size > 70 << 20
    assert much - little < 25 << 10


def test_an_export_to_a_closed_pipe_ends_quietly(
    tmp_path: Path, shell: Shell, new_sqlite_database: Callable[[], str]
) -> None:
    url = new_sqlite_database()
    fill(url, 300, 5_000)
    for arguments in ["export"], ["export", "-"]:
        done = shell.run(*arguments, cwd=tmp_path, SLUGLINE_DATABASE_URL=url)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == 300
    line = f'{" ".join(SLUGLINE)} export | head -c 10; echo " ${{PIPESTATUS[0]}}"'
    cut = run("-c", line, cwd=tmp_path, command=["bash"], SLUGLINE_DATABASE_URL=url)
    assert cut.stdout.splitlines() == ['{"slug":"s 141']
    assert cut.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_export_that_is_killed_leaves_the_file_as_it_was(
    tmp_path: Path, emptied_postgres_database: Callable[[], str], number: int
) -> None:
    url = emptied_postgres_database()
    (tmp_path / "out.ndjson").write_text("before")
    database = Database(url)
    with database.writing() as session:
        session.execute(text("LOCK TABLE articles"))  # so that the export has to wait
        env = environment(SLUGLINE_DATABASE_URL=url)
        command = [*SLUGLINE, "export", "out.ndjson"]
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE)
        while not list(tmp_path.glob(".*.part")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    database.close()
    assert process.returncode != 0
    assert b"Traceback" not in said
    assert (tmp_path / "out.ndjson").read_text() == "before"
    if number != signal.SIGKILL:
        assert not list(tmp_path.glob(".*.part"))


def test_an_export_writes_to_special_files_and_through_symbolic_links(
    tmp_path: Path, shell: Shell, new_sqlite_database: Callable[[], str]
) -> None:
    url = new_sqlite_database()
    fill(url, 2, 10)
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    for name in "link", "pipe", "/dev/null":
        done = shell.run("export", name, cwd=tmp_path, SLUGLINE_DATABASE_URL=url)
        assert (done.returncode, done.stderr) == (0, "")
    assert os.read(reader, 1 << 16) == (tmp_path / "file").read_bytes()
    os.close(reader)
    assert (tmp_path / "link").is_symlink()
    assert not Path("/dev/null").is_file()


def test_an_export_fails_in_one_readable_line(
    tmp_path: Path, shell: Shell, new_sqlite_database: Callable[[], str]
) -> None:
    there, nowhere = new_sqlite_database(), f"sqlite:///{tmp_path}/none.db"
    outdated = f"sqlite:///{tmp_path}/outdated.db"
    (tmp_path / "outdated.db").touch()
    cases = [
        (nowhere, "-", "there is no database"),
        (outdated, "-", "slugline db upgrade"),
        (there, "no/such/folder/out", "cannot write no/such/folder/out: No such file"),
        ("postgresql://u:secret-word@127.0.0.1:1/x", "-", "the database is unavailable"),
    ]
    for url, target, message in cases:
        done = shell.run("export", target, cwd=tmp_path, SLUGLINE_DATABASE_URL=url)
        assert done.returncode == 1
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "secret-word" not in done.stderr
    assert not (tmp_path / "none.db").exists()


def test_an_export_sees_one_state_of_the_database(database: Database, database_url: str) -> None:
    fill(database_url, 50, 10)
    with database.reading() as session:
        articles = exporting.iter_records(session)
        seen = [next(articles).slug]
        with database.writing() as other:
            other.execute(update(Article).values(title="another"))
            other.execute(insert(Article), [{**ROW, "slug": "late"}])
        rest = list(articles)
        assert {each.title for each in rest} == {"t"}
        assert len(seen) + len(rest) == exporting.count(session) == 50
