"""The command line: what it does, and how it fails."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest
from sqlalchemy import select

from app.database.tables import Token
from app.database.transactions import Database
from tests.support.commands import CompletedCommand, Shell
from tests.support.paths import SEED
from tests.support.processes import SLUGLINE, Server, environment, run, serving
from tests.support.site import TOKEN

COMMANDS = ["serve", "load", "export", "tokens", "tokens create", "tokens list", "tokens revoke",
            "db", "db upgrade", "db check"]  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server on an embedded database of its own."""
    folder = tmp_path_factory.mktemp("served")
    with serving(folder, env=environment(SLUGLINE_ADMIN_TOKEN=TOKEN)) as server:
        yield server
        assert TOKEN not in server.log.read_text()


def to(server: Server) -> dict[str, str]:
    """Return the variables that tell `slugline load` where to go."""
    return {"SLUGLINE_PUBLIC_BASE_URL": server.base, "SLUGLINE_ADMIN_TOKEN": TOKEN}


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(shell: Shell, tmp_path: Path, command: str) -> None:
    done = shell.run(*command.split(), "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert f"Usage: python -m app {command}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "command"),
    [
        (["tokens", "--help"], 0, SLUGLINE),
        (["load", "nothing.json", "--token", TOKEN], 1, SLUGLINE),
        (["serve"], 1, SLUGLINE),
        (["serve", "--port", "many"], 2, SLUGLINE),
    ],
)
def test_a_command_prints_the_same_in_a_process_of_its_own(
    shell: Shell, tmp_path: Path, arguments: list[str], status: int, command: tuple[str, ...]
) -> None:
    """What is shown of commands in this process is true of those that users start."""
    done = run(*arguments, cwd=tmp_path, command=command, SLUGLINE_CANONICAL="both")
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    here = shell.run(*arguments, cwd=tmp_path, SLUGLINE_CANONICAL="both")
    assert here == CompletedCommand(done.returncode, done.stdout, done.stderr)


def test_load_shows_a_table_of_outcomes_and_loading_again_changes_nothing(
    served: Server, shell: Shell, tmp_path: Path
) -> None:
    story = {**json.loads(SEED.read_text()), "slug": "another-story", "canonical_source": None}
    feed, packed = tmp_path / "feed.json", tmp_path / "feed.gz"
    feed.write_text(json.dumps(story))
    packed.write_bytes(gzip.compress(feed.read_bytes()))
    done = shell.run("load", str(feed), str(packed), **to(served), cwd=tmp_path)
    assert done.returncode == 0
    _, head, _, *rows, _ = done.stdout.splitlines()
    table = [[cell.strip() for cell in row[1:-1].split(row[0])] for row in (head, *rows)]
    first, second = (dict(zip(table[0], row, strict=True)) for row in table[1:])
    assert (first["Feed"], first["created"], first["unchanged"]) == ("feed.json", "1", "0")
    assert (second["Feed"], second["created"], second["unchanged"]) == ("feed.gz", "0", "1")
    assert httpx2.get(f"{served.base}/news/another-story.json").json()["slug"] == "another-story"


def test_load_fails_where_a_record_is_rejected_and_names_its_place(
    served: Server, shell: Shell, tmp_path: Path
) -> None:
    story = json.loads(SEED.read_text())
    feed = tmp_path / "feed.ndjson"
    feed.write_text(json.dumps(story) + "\n" + json.dumps({**story, "lang": "en_US"}))
    done = shell.run("load", str(feed), **to(served), cwd=tmp_path)
    assert done.returncode == 1
    assert "feed.ndjson:2 /lang: 'en_US' is not a BCP 47 language tag" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.json", "--token", TOKEN], "no such file: nothing.json"),
        ([str(SEED)], "a token is required"),
        ([str(SEED), "--token", "wrong-" + TOKEN], "401 The token is unknown"),
        ([str(SEED), "--token", "wr\nong"], "the token contains invalid characters"),
        ([str(SEED), "--token", TOKEN, "--url", "http://127.0.0.1:1"], "does not respond"),
        ([str(SEED), "--token", TOKEN, "--url", "nonsense"], "nonsense"),
    ],
)
def test_load_fails_in_one_readable_line(
    served: Server, shell: Shell, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = shell.run("load", *arguments, cwd=tmp_path, SLUGLINE_PUBLIC_BASE_URL=served.base)
    assert done.returncode == 1
    assert message in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_i01_a_token_is_shown_once_stored_as_a_hash_and_valid_until_revoked(
    shell: Shell, tmp_path: Path, database_url: str
) -> None:
    def tokens(*arguments: str) -> "tuple[int, str, str]":
        done = shell.run("tokens", *arguments, cwd=tmp_path, SLUGLINE_DATABASE_URL=database_url)
        return done.returncode, done.stdout.strip(), done.stderr

    status, token, _ = tokens("create", "--name", "nightly", "--expires", "2")
    assert status == 0
    _, editor, _ = tokens("create", "--name", "editor", "--scopes", "edit")
    assert tokens("create", "--name", "nightly")[0] == 1
    assert tokens("create", "--name", "x", "--scopes", "load,root")[2].count("\n") == 1
    assert tokens("create", "--name", " ")[0] == 1
    database = Database(database_url)
    with database.reading() as session:
        kept = repr(session.execute(select(Token.__table__)).all())
    database.close()
    assert token not in kept
    _, _, secret = token.split("_", 2)  # which may have such a mark itself
    assert len(secret) > 40
    assert secret not in kept
    with serving(tmp_path, env=environment(SLUGLINE_DATABASE_URL=database_url)) as server:

        def status_with(bearer: str) -> int:
            headers = {"Authorization": f"Bearer {bearer}"}
            return httpx2.get(f"{server.base}/admin/loads", headers=headers).status_code

        assert status_with(token) == 200
        assert status_with(editor) == 403
        assert status_with(token + "x") == 401
        assert tokens("revoke", "nightly")[0] == 0
        assert status_with(token) == 401
        assert tokens("revoke", "nightly")[0] == 1
        listed = tokens("list")[1]
        assert "revoked" in listed
        assert "live" in listed
        assert token not in server.log.read_text()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PUBLIC_BASE_URL", "https://example.com/path"),
        ("PUBLIC_BASE_URL", "example.com"),
        ("PUBLIC_BASE_URL", "https://例え.jp"),
        ("PUBLIC_BASE_URL", "https://example.com:abc"),
        ("PUBLIC_BASE_URL", "https://example.com:99999"),
        ("PUBLIC_BASE_URL", "https://example.com?"),
        ("PUBLIC_BASE_URL", "https://a b.example"),
        ("PUBLIC_BASE_URL", 'https://x"><script>.example'),
        ("PUBLIC_BASE_URL", "https://user@example.com"),
        ("CANONICAL", "both"),
        ("NEGOTIATION_CACHE", "always"),
        ("ADMIN_TOKEN", "too-short"),
        ("MAX_FEED_BYTES", "0"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "mysql://root:secret-word@localhost/x"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "postgresql://u:secret-word@127.0.0.1:1/x"),
        ("DATABASE_URL", "sqlite:////no/such/folder/x.db"),
    ],
)
def test_a_setting_that_cannot_be_is_one_readable_line(
    shell: Shell, tmp_path: Path, variable: str, value: str
) -> None:
    done = shell.run("serve", cwd=tmp_path, **{f"SLUGLINE_{variable}": value})
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert len(said) == 1, done.stderr
    assert "secret-word" not in done.stderr
    if variable == "ADMIN_TOKEN":
        assert value not in done.stderr


def test_a_port_in_use_is_reported(served: Server, tmp_path: Path) -> None:
    port = served.base.rpartition(":")[2]
    done = run("serve", "--port", port, cwd=tmp_path)
    assert done.returncode != 0
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_schema_of_a_new_database_can_be_made_and_checked(
    shell: Shell, tmp_path: Path, new_sqlite_database: Callable[[], str]
) -> None:
    assert shell.run("db", "upgrade", cwd=tmp_path).returncode == 0
    assert (tmp_path / "slugline.db").exists()
    assert shell.run("db", "check", cwd=tmp_path).returncode == 0
    unlike = new_sqlite_database()
    database = Database(unlike)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE load_results")
    database.close()
    done = shell.run("db", "check", cwd=tmp_path, SLUGLINE_DATABASE_URL=unlike)
    assert done.returncode == 1
    assert "load_results" in done.stderr


def test_c06_a_database_that_goes_away_is_503_and_its_return_is_noticed(
    tmp_path: Path, new_postgres_database: Callable[[], str], postgres_server: str
) -> None:
    url = new_postgres_database()
    name = url.partition("?")[0].rpartition("/")[2]
    with (
        serving(tmp_path, env=environment(SLUGLINE_DATABASE_URL=url)) as server,
        psycopg.connect(postgres_server, autocommit=True) as admin,
    ):
        # One address after the other, for what was answered a moment ago is remembered.
        article = f"{server.base}/news/nothing"
        assert httpx2.get(article).status_code == 404
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        assert httpx2.get(article).status_code == 404
        away = httpx2.get(f"{article}-1")
        assert away.status_code == 503
        assert away.headers["retry-after"] == "5"
        assert httpx2.get(f"{server.base}/health/ready").status_code == 503
        assert httpx2.get(f"{server.base}/health/live").status_code == 200
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
        assert httpx2.get(f"{article}-2").status_code == 404
    assert "Traceback" not in server.log.read_text()


def test_two_servers_may_start_on_one_new_database(shell: Shell, tmp_path: Path) -> None:
    env = environment(SLUGLINE_ADMIN_TOKEN=TOKEN)
    with serving(tmp_path, "--workers", "2", env=env) as server:
        assert shell.run("load", str(SEED), **to(server), cwd=tmp_path).returncode == 0
