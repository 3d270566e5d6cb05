"""Each trap of the framework: a plain application falls into it, and ours does not.

A trap is a request and what is wrong with its answer. What `trapped` says of the plain application
shows that the trap is one; what it says of ours, that it holds.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from httpx2 import Response
from sqlalchemy import Column, Integer, create_engine, event, text
from sqlalchemy.exc import OperationalError

from app.article.record import InvalidRecordError, parse_record
from tests.support import plain
from tests.support.feed_records import record
from tests.support.paths import SEED
from tests.support.site import SEED_SLUG, Site

SECRET: Final = "correct-horse-battery-staple" * 40
BROWSER: Final = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@dataclass(frozen=True)
class Trap:
    """A request to the plain application, the one to ours, and what gives a trapped answer away."""

    name: str
    plain: tuple[str, str]
    ours: tuple[str, str]
    trapped: Callable[[Response], bool]
    options: dict[str, Any] = field(default_factory=dict)


BARE: Final = f"/news/{SEED_SLUG}"
TRAPS: Final = (
    Trap("HEAD is 405", ("HEAD", "/news/x"), ("HEAD", BARE), lambda a: a.status_code == 405),
    Trap(
        "OPTIONS is 405", ("OPTIONS", "/news/x"), ("OPTIONS", BARE), lambda a: a.status_code == 405
    ),
    Trap(
        "Allow names the methods of one route",
        ("DELETE", "/both"),
        ("DELETE", "/admin/loads"),
        lambda a: not {"GET", "POST"} <= {m.strip() for m in a.headers["allow"].split(",")},
        {"headers": {"Authorization": "Bearer a-token-for-the-tests"}},
    ),
    Trap(
        "a slug takes the suffix in",
        ("GET", "/news/foo.md"),
        ("GET", f"{BARE}.md"),
        lambda a: "markdown" not in a.headers["content-type"],
    ),
    Trap(
        "an encoded slash is no part of a slug, and the answer is not for browsers",
        ("GET", "/news/a%2Fb"),
        ("GET", "/news/a%2Fb"),
        lambda a: "text/html" not in a.headers["content-type"],
        {"headers": BROWSER},
    ),
    Trap(
        "a trailing slash leads to another scheme behind TLS",
        ("GET", "/news/x/"),
        ("GET", f"{BARE}/"),
        lambda a: a.headers.get("location", "").startswith("http://"),
        {"headers": {"X-Forwarded-Proto": "https"}},
    ),
    Trap(
        "a browser gets JSON where there is nothing",
        ("GET", "/nothing"),
        ("GET", "/nothing"),
        lambda a: "json" in a.headers["content-type"],
        {"headers": BROWSER},
    ),
    Trap(
        "the documentation loads scripts from other hosts",
        ("GET", "/docs"),
        ("GET", "/docs"),
        lambda a: a.status_code == 200 and 'src="http' in a.text,
    ),
    Trap(
        "a database that is away is 500",
        ("GET", "/away"),
        ("GET", "/away"),
        lambda a: a.status_code == 500,
    ),
)


@pytest.fixture
def plain_client(tmp_path: Path) -> Any:
    return plain.client(tmp_path)


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_a_trap_catches_a_plain_application_and_not_ours(
    plain_client: Any, site: Site, open_site: Callable[[], Site], trap: Trap
) -> None:
    site.loaded(SEED.read_bytes())

    method, path = trap.plain
    assert trap.trapped(plain_client.request(method, path, **trap.options))
    if path == "/away":
        site = open_site()  # the one that stands would keep the route
        app: Any = site.client.app
        app.add_api_route("/away", plain_away(site))
    method, path = trap.ours
    answer = site.client.request(method, path, **trap.options)
    assert not trap.trapped(answer), (answer.status_code, dict(answer.headers))


def plain_away(site: Site) -> Callable[[], None]:
    """Return a handler that meets what SQLAlchemy says of a database that is away."""
    from_plain = OperationalError("SELECT 1", {}, Exception("the database is locked"))

    def away() -> None:
        with site.database.reading():
            raise from_plain

    return away


@pytest.mark.parametrize("value", ["2026-06-23 23:00:06", "1750000000", 1750000000, "2026-06-23"])
def test_i15_pydantic_accepts_invalid_instants_and_we_do_not(
    plain_client: Any, value: object
) -> None:
    story = {"slug": "a", "published_at": value}
    assert plain_client.post("/stories", json=story).status_code == 200
    with pytest.raises(InvalidRecordError):
        parse_record(record("a", published_at=value))


def test_i22_plain_validation_errors_echo_the_input_and_break_json(
    plain_client: Any, site: Site
) -> None:
    odd = plain_client.post("/errors", json={"slug": "odd", "published_at": "2026-01-01"})
    assert odd.status_code == 500
    echoed = plain_client.post("/errors", json={"slug": SECRET, "published_at": SECRET})
    assert SECRET in echoed.text
    told = site.load(json.dumps(record("a", published_at=SECRET)))
    assert told.status_code == 422
    assert SECRET not in told.text


def test_i20_a_commit_after_yield_fails_after_a_200(
    plain_client: Any,
) -> None:
    # That ours does not is proven with both databases, in test_traps.
    assert plain_client.post("/children").status_code == 200
    engine = create_engine(f"sqlite:///{Path(plain_client.app.state.folder) / 'plain.db'}")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM children")).scalar_one() == 0
    engine.dispose()


def test_altering_a_table_on_sqlite_empties_its_children_where_foreign_keys_are_on(
    tmp_path: Path,
) -> None:
    # That ours keeps them is proven with every migration there is, in test_traps.
    engine = create_engine(f"sqlite:///{tmp_path / 'altered.db'}")
    event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA foreign_keys = ON"))
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE parents (id INTEGER PRIMARY KEY)"))
        connection.execute(
            text(
                "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER"
                " REFERENCES parents (id) ON DELETE CASCADE)"
            )
        )
        connection.execute(text("INSERT INTO parents VALUES (1)"))
        connection.execute(text("INSERT INTO children VALUES (1, 1)"))
        connection.commit()
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("parents", recreate="always") as parents:
            parents.add_column(Column("more", Integer))
        assert connection.execute(text("SELECT count(*) FROM children")).scalar_one() == 0
    engine.dispose()


def test_i03_a_large_body_is_awaited_by_a_plain_application(plain_client: Any) -> None:
    # That ours refuses it before it comes is proven over a socket, in test_traps.
    read: list[int] = []

    def pieces() -> Any:
        for _ in range(64):
            read.append(1)
            yield b" " * 65_536

    plain_client.post("/stories", content=pieces(), headers={"Content-Type": "application/json"})
    assert len(read) == 64
