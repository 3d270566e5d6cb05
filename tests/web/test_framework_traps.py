"""Traps of the framework and its company that no other module is about: each has a test."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient
from sqlalchemy import inspect, text

from app.database.transactions import Database
from app.representations.article import BY_SUFFIX
from tests.support.paths import SEED
from tests.support.processes import Server, environment, serving
from tests.support.site import SEED_SLUG, TOKEN, Site, one_database
from tests.support.snapshots import assert_public_index_is_complete, changes

BARE: Final = f"/news/{SEED_SLUG}"
SECRET: Final = "correct-horse-battery-staple"  # noqa: S105 - it opens nothing


@pytest.fixture
def own(database_url: str, request: pytest.FixtureRequest) -> str:
    """The URL of a database whose schema a test may spoil: no other test gets it."""
    if database_url.startswith("sqlite"):
        return database_url
    make: Callable[[], str] = request.getfixturevalue("new_postgres_database")
    return make()


# --- a slash that came encoded -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{BARE}%2F", 308),
        (f"{BARE}.md%2f", 308),
        (f"{BARE}%2Fx", 404),
        (f"/news/x%2F..%2F{SEED_SLUG}", 404),
        (f"/news/%2F{SEED_SLUG}", 404),
        ("/news/%2F%2Fevil.example%2F", 404),
        (f"/news/{SEED_SLUG[:9]}%2F{SEED_SLUG[9:]}", 404),
    ],
)
@one_database
def test_h04_an_encoded_trailing_slash_redirects_like_a_plain_one(
    site: Site, path: str, status: int
) -> None:
    site.loaded(SEED.read_bytes())
    for _ in range(2):  # the second may come from memory
        answer = site.get(path, "text/html")
        assert answer.status_code == status
        if status == 308:
            assert answer.headers["location"] in {BARE, *(BARE + suffix for suffix in BY_SUFFIX)}


# --- validation errors -------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["application/json", "text/html", "text/markdown", "text/plain"])
@one_database
def test_i22_a_validation_error_with_values_that_json_lacks_is_reported(
    own_site: Site, accept: str
) -> None:
    held = {"input": b"\xff\xfe", "ctx": {"error": ValueError(SECRET), "limit": float("nan")}}
    faults = [{"type": "x", "loc": ("query", "a", 1), "msg": "is no good", **held}]

    def fail() -> None:
        raise RequestValidationError(faults, body=object())

    app: Any = own_site.client.app
    app.add_api_route("/fails", fail)
    answer = own_site.get("/fails", accept)
    assert answer.status_code == 400
    assert "a.1: is no good" in answer.text
    assert SECRET not in answer.text


@pytest.mark.parametrize("accept", ["application/json", "text/html", "text/plain"])
@pytest.mark.parametrize(
    "path",
    [
        f"/admin/loads?limit={SECRET}",
        f"/admin/loads?before={SECRET * 300}",
        f"/admin/loads/{SECRET}",
        f"/admin/loads/1?after={SECRET}",
        f"/admin/loads?limit=1&limit={SECRET}",
        f"/news/x-{SECRET * 300}",
    ],
)
@one_database
def test_i22_no_error_echoes_the_input(site: Site, path: str, accept: str) -> None:
    answer = site.get(path, accept, **site.authorized)
    assert answer.status_code in {400, 404}
    assert len(answer.content) < 8_000
    if path.startswith("/admin"):
        assert SECRET not in answer.text
    else:
        assert answer.text.count(SECRET) < 10


# --- a commit that fails -----------------------------------------------------------------------

REFUSING: Final = {
    "sqlite": [
        "CREATE TABLE nobody (id INTEGER PRIMARY KEY)",
        "CREATE TABLE refused (id INTEGER REFERENCES nobody (id) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER refuse AFTER INSERT ON articles BEGIN INSERT INTO refused VALUES (1); END",
    ],
    "postgresql": [
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN RAISE EXCEPTION ''refused''; END'""",
        """CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON articles
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()""",
    ],
}
"""Statements after which every insert of an article succeeds, and its commit fails."""


def test_i20_a_load_whose_commit_fails_does_not_report_success(
    own: str, open_site: Callable[..., Site]
) -> None:
    site = open_site(database_url=own)
    backend = site.database.engine.dialect.name
    with site.database.writing() as session:
        for statement in REFUSING[backend]:
            session.execute(text(statement))
    client = TestClient(site.client.app, raise_server_exceptions=False)
    answer = client.post("/admin/loads", content=SEED.read_bytes(), headers=site.authorized)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert "refused" not in answer.text
    assert site.get(BARE).status_code == 404
    for load in site.client.get("/admin/loads", headers=site.authorized).json()["loads"]:
        assert load["load"]["state"] != "finished"
        assert not any(load["summary"].values())
    with site.database.writing() as session:
        on = " ON articles" if backend == "postgresql" else ""
        session.execute(text(f"DROP TRIGGER refuse{on}"))
    assert site.loaded(SEED.read_bytes())["summary"]["created"] == 1
    assert site.get(BARE).status_code == 200


# --- migrations that alter a table -------------------------------------------------------------


def rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table that the database has."""
    tables = set(inspect(database.engine).get_table_names()) - {"alembic_version"}
    with database.reading() as session:
        return {
            name: [
                dict(row)
                for row in session.execute(text(f"SELECT * FROM {name}")).mappings()  # noqa: S608 - our own names
            ]
            for name in tables
        }


def kept(all_of_them: dict[str, list[dict[str, Any]]], columns: dict[str, set[str]]) -> Any:
    """Return of the rows what the columns hold, each table in an order of its own."""
    return {
        name: sorted(str({key: row[key] for key in sorted(keys)}) for row in all_of_them[name])
        for name, keys in columns.items()
    }


def test_a_migration_that_alters_a_table_keeps_its_rows_and_their_children(
    own: str, open_site: Callable[..., Site]
) -> None:
    """SQLite alters a table by making it anew, which can empty those that refer to it."""
    site = open_site(database_url=own)
    seed = json.loads(SEED.read_text())
    site.loaded(SEED.read_bytes())
    site.loaded(json.dumps(seed | {"title": "New", "updated_at": "2026-06-25T00:00:00Z"}))
    site.loaded(json.dumps(seed | {"slug": "other", "canonical_source": None}))
    site.load(json.dumps(seed | {"lang": "?"}))
    ahead = {"slug": "ahead", "canonical_source": None, "published_at": "2031-01-01T00:00:00Z"}
    site.loaded(json.dumps(seed | ahead))
    database = Database(own)
    before = rows(database)
    filled = {"articles", "article_topics", "article_entities", "revisions", "changes", "loads"}
    assert all(before[name] for name in filled)
    database.downgrade("0001")
    older = rows(database)
    columns = {name: {*found[0]} & {*before[name][0]} for name, found in older.items() if found}
    assert filled <= columns.keys()
    assert kept(older, columns) == kept(before, columns)
    database.upgrade()
    assert_public_index_is_complete(database)
    assert kept(rows(database), columns) == kept(before, columns)
    database.check()
    assert "ahead" not in {each.slug for each in changes(database) if each.public}
    with database.reading() as session:
        if database.embedded:
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []
            assert session.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
    with pytest.raises(Exception, match=r"(?i)foreign key"), database.writing() as session:
        session.execute(
            text("INSERT INTO article_topics (article_id, position, topic_id) VALUES (999, 0, 999)")
        )
    database.close()
    assert site.get("/news/other.json").json()["topics"] == seed["topics"]


# --- a body that is announced and never comes --------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    with serving(folder, env=environment(SLUGLINE_ADMIN_TOKEN=TOKEN)) as server:
        yield server


AUTHORIZED: Final = f"Authorization: Bearer {TOKEN}\r\n"
TWO_GIGABYTES: Final = "Content-Length: 2147483648\r\n"


@pytest.mark.parametrize(
    ("line", "fields", "status"),
    [
        ("POST /admin/loads", AUTHORIZED + TWO_GIGABYTES, 413),
        ("POST /admin/loads", AUTHORIZED + TWO_GIGABYTES + "Expect: 100-continue\r\n", 413),
        ("POST /admin/loads", AUTHORIZED + f"Content-Length: {2**63 - 1}\r\n", 413),
        ("POST /admin/loads", TWO_GIGABYTES, 401),
        ("POST /admin/loads", "Transfer-Encoding: chunked\r\n", 401),
        ("PUT /admin/loads", AUTHORIZED + TWO_GIGABYTES, 405),
        ("POST /news/x", TWO_GIGABYTES, 405),
        ("POST /nothing", TWO_GIGABYTES, 404),
        ("GET /news/x", TWO_GIGABYTES, 404),
    ],
)
def test_i03_a_too_large_body_is_refused_before_it_is_received(
    served: Server, line: str, fields: str, status: int
) -> None:
    host, port = served.base.removeprefix("http://").split(":")
    began = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode())
        first = connection.recv(65_536)
    assert first.startswith(f"HTTP/1.1 {status} ".encode())
    assert time.monotonic() - began < 5
