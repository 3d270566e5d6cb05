"""Every store operation under every failure of its database (C-06).

Operations are discovered: each public function of `app.store` with a session or a connection takes
part, called with the sample arguments below, by the names of its parameters. A new operation joins
by existing; one with a new parameter fails until it has a sample here.
"""

import inspect
import resource
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import Connection, make_url, text

import app.store
from app.auth.tokens import StoredToken
from app.database.tables import Base
from app.database.transactions import Database, DatabaseUnavailableError, Session
from app.ingest.batch_state import BatchState
from app.ingest.candidate import Candidate
from app.search.listing_query import ListingQuery
from app.store import article_writes, loads, tokens
from app.store.articles import SELECT_RECORD
from app.store.audit_log import AuditEntry
from app.store.change_log import ChangeEvent
from app.store.listing.filter_lookup import resolve_filter
from app.store.listing.filters import Keyset
from app.store.loads import LoadOrigin, RecordResult
from tests.database.test_transactions import STORY
from tests.support.feed_records import ndjson, record
from tests.support.site import NOW, Site

# SQLAlchemy leaves a server-side cursor to the collector when its first statement fails.
pytestmark = pytest.mark.filterwarnings("ignore:<psycopg.ServerCursor:ResourceWarning")

Operation = Callable[..., object]
Sabotage = Callable[[Session], None]

SEARCH: Final = ListingQuery(any_of={"topic": ("x",)}, q="a", include=frozenset({"total"}))
TOKEN: Final = StoredToken("t", "t", "", (), NOW, None, None, None)
TABLES: Final = [*(table.name for table in Base.metadata.sorted_tables), "article_words"]


def operations() -> dict[str, Operation]:
    """Return the public functions of `app.store` whose first parameter is a transaction."""
    found: dict[str, Operation] = {}
    for module in walk_packages(app.store.__path__, "app.store."):
        for name, function in inspect.getmembers(import_module(module.name), inspect.isfunction):
            parameters = list(inspect.signature(function).parameters.values())
            takes_one = parameters and parameters[0].annotation in {Session, Connection}
            if function.__module__ == module.name and not name.startswith("_") and takes_one:
                found[f"{module.name}.{name}".removeprefix("app.store.")] = function
    return found


OPERATIONS: Final = operations()


@dataclass
class Samples:
    """A database with an article, a load and a token, and arguments for operations on them."""

    database: Database
    article_id: int
    load_id: int
    resolved: Any

    def arguments(self, name: str, function: Operation) -> dict[str, object]:
        """Return the arguments of an operation after its first. Raises KeyError."""
        names = list(inspect.signature(function).parameters)[1:]
        special = self._special().get(name, {})
        samples = self._common()
        return {each: special[each] if each in special else samples[each] for each in names}

    def _common(self) -> dict[str, object]:
        return {
            "action": AuditEntry(
                at=NOW, operator="o", action="a", target="t", outcome="ok", request_id="r"
            ),
            "after": 0,
            "alias": "old",
            "aliases": {"old": None},
            "before": 9,
            "connection": None,
            "count": 5,
            "cursor": None,
            "drafts": self._drafts(),
            "exactly": False,
            "facet": "topic",
            "finished_at": None,
            "firsts": {self.article_id: 1},
            "columns": SELECT_RECORD,
            "found": SELECT_RECORD,
            "ids": [self.article_id],
            "keyset": Keyset(5),
            "keys": ["https://example.com/a"],
            "lease": timedelta(minutes=3),
            "limit": 5,
            "load_id": self.load_id,
            "name": "t",
            "names": ["Somebody new"],
            "now": NOW,
            "origin": LoadOrigin("json", "0", 1, "o", idempotency_key="k"),
            "order_by": "listed_at",
            "outcome": None,
            "prefix": "",
            "query": SEARCH,
            "read": 1,
            "reason": "r",
            "record": STORY,
            "resolved": self.resolved,
            "results": [RecordResult(1, None, 1, "a", "created", None, [], [])],
            "seq": 0,
            "slug": "a",
            "slugs": ["a", "new-topic"],
            "sort": "name",
            "steps": [ChangeEvent("updated", None, "a")],
            "summary": {"created": 1},
            "tier": "body",
            "token": replace(TOKEN, id="u", name="u"),
            "token_id": "t",
            "unread": frozenset(),
        }

    def _special(self) -> dict[str, dict[str, object]]:
        shown = {self.article_id: STORY}
        changed = {self.article_id: STORY.model_copy(update={"title": "Other", "topics": ("y",)})}
        return {
            "listing.vocabulary_pages.page": {"after": "x"},
            "public_index.update_articles": {"before": shown, "after": changed},
        }

    def _drafts(self) -> Sequence[article_writes.ArticleWrite]:
        state = BatchState()
        other = {"slug": "b", "body_md": "A long body. " * 10_000, "entities": ("E",)}
        state.create(Candidate.from_record(STORY.model_copy(update=other)))
        return state.writes


def populated(database: Database) -> Samples:
    """Fill an empty database and return the samples for it."""
    with database.writing() as session:
        state = BatchState()
        draft = state.create(Candidate.from_record(STORY))
        article_writes.write(session, state.writes, state.aliases, None, NOW)
        article_writes.set_aliases(session, {"old": draft})
        load_id = loads.begin(session, LoadOrigin("json", "0", 1, "o"), {}, NOW)
        tokens.create(session, TOKEN)
    with database.reading() as session:
        resolved = resolve_filter(session.connection(), SEARCH)
    return Samples(database, draft.id or 0, load_id, resolved)


def call(session: Session, name: str, samples: Samples) -> None:
    """Run an operation, to the end of what it yields."""
    function = OPERATIONS[name]
    first = next(iter(inspect.signature(function).parameters.values())).annotation
    on = session if first is Session else session.connection()
    result = function(on, **samples.arguments(name, function))
    if isinstance(result, Iterator):
        list(result)


def escaped(
    samples: Samples,
    sabotage: Sabotage,
    *,
    spares_reads: bool = False,
    transaction: str = "writing",
    commit: bool = False,
) -> dict[str, str]:
    """Return which operations do not raise DatabaseUnavailableError, and what happens instead.

    With `spares_reads`, an operation may succeed if it has written nothing.
    """
    wrong = {}
    for name in OPERATIONS:
        try:
            with getattr(samples.database, transaction)() as session:
                before = _writes(session) if spares_reads else None
                sabotage(session)
                call(session, name, samples)
                if not spares_reads or _writes(session) != before:
                    wrong[name] = "it succeeded"
                if not commit:
                    session.rollback()
        except DatabaseUnavailableError:
            wrong.pop(name, None)  # the commit failed
        except Exception as error:  # noqa: BLE001 - any other error is what the test looks for
            wrong[name] = repr(error)[:300]
    return wrong


def _writes(session: Session) -> object:
    """Return what changes with the first write of a transaction."""
    if session.get_bind().dialect.name == "sqlite":
        return session.scalar(text("SELECT total_changes()"))
    return session.scalar(text("SELECT pg_current_xact_id_if_assigned()::text"))


def test_c06_every_store_operation_is_in_the_matrix(database: Database) -> None:
    samples = populated(database)
    assert len(OPERATIONS) > 50
    for name in OPERATIONS:
        with database.writing() as session:
            call(session, name, samples)
            session.rollback()


@pytest.fixture
def own_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a database of the test's own, where locks are waited for 30 ms."""
    monkeypatch.setattr("app.database.engines.BUSY_SECONDS", 0.03)
    url: str = request.getfixturevalue(request.param)()
    return url


@pytest.fixture
def samples(own_url: str) -> Iterator[Samples]:
    with closing(Database(own_url)) as database:
        yield populated(database)


@pytest.fixture
def other(own_url: str) -> Iterator[Any]:
    """Another connection to the same database, as its driver gives it, in autocommit mode."""
    url = make_url(own_url)
    connection: Any = (
        sqlite3.connect(str(url.database), isolation_level=None)
        if url.get_backend_name() == "sqlite"
        else psycopg.connect(own_url, autocommit=True)
    )
    with closing(connection):
        yield connection


on_postgresql = pytest.mark.parametrize("own_url", ["new_postgres_database"], indirect=True)
on_sqlite = pytest.mark.parametrize("own_url", ["new_sqlite_database"], indirect=True)


def lock_all_tables(other: Any) -> None:
    other.execute("BEGIN")
    other.execute(f"LOCK TABLE {', '.join(TABLES)} IN ACCESS EXCLUSIVE MODE")


@on_postgresql
def test_c06_locked_tables(samples: Samples, other: Any) -> None:
    lock_all_tables(other)
    assert escaped(samples, lambda _session: None) == {}


@on_postgresql
def test_c06_statements_that_take_too_long(samples: Samples, other: Any) -> None:
    lock_all_tables(other)

    def wait_for_statements_only(session: Session) -> None:
        session.execute(text("SET LOCAL lock_timeout = 0"))
        session.execute(text("SET LOCAL statement_timeout = 30"))

    assert escaped(samples, wait_for_statements_only) == {}


@on_postgresql
def test_c06_connections_that_are_lost(samples: Samples, other: Any) -> None:
    def disconnect(session: Session) -> None:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    assert escaped(samples, disconnect) == {}


@on_postgresql
def test_c06_a_server_that_became_a_standby(samples: Samples) -> None:
    def make_read_only(session: Session) -> None:
        session.execute(text("SET TRANSACTION READ ONLY"))

    assert escaped(samples, make_read_only, spares_reads=True) == {}


SQLSTATES: Final = {
    "08006": "connection failure",
    "25P03": "idle transaction timeout",
    "40001": "serialization failure",
    "40P01": "deadlock",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "57P01": "administrator shutdown",
    "57P03": "still starting up",
    "58030": "I/O error",
}


@on_postgresql
@pytest.mark.parametrize("sqlstate", SQLSTATES, ids=SQLSTATES.values())
def test_c06_errors_that_a_server_raises(samples: Samples, other: Any, sqlstate: str) -> None:
    other.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '{sqlstate}'; END$$"
    )
    for table in TABLES:
        other.execute(
            f"CREATE TRIGGER fail BEFORE INSERT OR UPDATE OR DELETE ON {table}"
            " EXECUTE FUNCTION fail()"
        )
    assert escaped(samples, lambda _session: None, spares_reads=True) == {}


@on_postgresql
def test_c06_a_server_that_accepts_no_more_connections(own_url: str, other: Any) -> None:
    role = "slugline_test_refused"
    other.execute(f"DROP ROLE IF EXISTS {role}")
    other.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 0 PASSWORD 'x'")
    refused = make_url(own_url).set(username=role, password="x")  # noqa: S106 - of a test's role
    try:
        with closing(Database(refused.render_as_string(hide_password=False))) as database:
            for transaction in database.reading, database.writing:
                with pytest.raises(DatabaseUnavailableError), transaction():
                    pytest.fail("it connected")
            with pytest.raises(DatabaseUnavailableError):
                database.query(lambda connection: connection.scalar(text("SELECT 1")))
    finally:
        other.execute(f"DROP ROLE {role}")


@on_sqlite
def test_c06_a_sqlite_file_that_another_process_writes_to(samples: Samples, other: Any) -> None:
    other.execute("BEGIN EXCLUSIVE")
    found = escaped(samples, lambda _session: None, spares_reads=True, transaction="reading")
    assert found == {}


@on_sqlite
def test_c06_a_sqlite_file_that_another_process_has_locked_for_reading(
    own_url: str, other: Any
) -> None:
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with closing(Database(own_url)) as database:
        for transaction in database.reading, database.writing:
            with pytest.raises(DatabaseUnavailableError), transaction() as session:
                session.connection()


@on_sqlite
def test_c06_a_sqlite_file_that_is_read_only(samples: Samples) -> None:
    def make_read_only(session: Session) -> None:
        session.execute(text("PRAGMA query_only = 1"))

    assert escaped(samples, make_read_only, spares_reads=True) == {}


@on_sqlite
def test_c06_a_disk_that_fails_under_a_sqlite_file(samples: Samples) -> None:
    """The process may write to no file, so that the log fails: "disk I/O error", at a commit."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fail(_session: Session) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))

    try:
        assert escaped(samples, fail, spares_reads=True, commit=True) == {}
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@on_sqlite
def test_c06_a_sqlite_file_that_may_not_grow(samples: Samples) -> None:
    def write() -> None:
        with samples.database.writing() as session:
            pages = session.scalar(text("PRAGMA page_count"))
            session.execute(text(f"PRAGMA max_page_count = {pages}"))
            call(session, "article_writes.write", samples)

    with pytest.raises(DatabaseUnavailableError, match="full"):
        write()


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("failure", ["locked", "disk full"])
def test_c06_a_load_that_copies_rows_into_a_failing_table_is_answered_503(
    open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    """Rows are copied by the driver itself, whose errors SQLAlchemy does not wrap."""
    monkeypatch.setattr("app.database.engines.BUSY_SECONDS", 0.1)
    site = open_site()
    with psycopg.connect(site.settings.database_url) as other:
        if failure == "locked":
            other.execute("LOCK TABLE articles IN SHARE MODE")  # which lets others read
        else:
            other.execute(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
                " $$BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = '53100'; END$$;"
                "CREATE TRIGGER fail BEFORE INSERT ON articles EXECUTE FUNCTION fail()"
            )
            other.commit()
        try:
            response = site.load(ndjson(record("a")))
        finally:
            other.rollback()
            other.execute("DROP FUNCTION IF EXISTS fail CASCADE")
            other.commit()
    assert response.status_code == 503
    assert response.headers["retry-after"]
