"""The schema and the transactions of the database."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import InvalidRequestError, StatementError

from app.article.record import Record, parse_record
from app.database.tables import Article, Base, Change, Token
from app.database.transactions import (
    Connection,
    Database,
    DatabaseUnavailableError,
    SchemaOutdatedError,
    Session,
)
from app.ingest.batch_state import BatchState
from app.ingest.candidate import Candidate
from app.store import article_writes, articles, change_log
from app.store.article_writes import ArticleWrite
from app.store.change_log import ChangeEvent
from tests.support.site import NOW

STORY = parse_record(
    {
        "slug": "a",
        "title": "A",
        "body_md": "",
        "published_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "lang": "en",
        "topics": ["x"],
    }
)


@pytest.fixture(params=["new_sqlite_database", "new_postgres_database"])
def own(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database whose schema a test may spoil: no other test gets it."""
    database = Database(request.getfixturevalue(request.param)())
    yield database
    database.close()


def find(connection: Connection, slug: str) -> Record | None:
    """Return the published record at `slug`."""
    found = articles.find_published(connection, slug, NOW)
    return found and found.record


def test_the_migrations_create_exactly_the_tables(own: Database) -> None:
    own.check()
    own.downgrade("base")
    assert set(inspect(own.engine).get_table_names()) == {"alembic_version"}
    own.upgrade()
    own.check()
    assert own.is_current()


@pytest.mark.databases("sqlite")
def test_on_sqlite_bodies_are_the_last_column_and_links_have_no_rowid(database: Database) -> None:
    """`check` compares neither the order of columns nor the storage of rows."""
    columns = [each["name"] for each in inspect(database.engine).get_columns("articles")]
    assert columns == list(Article.__table__.columns.keys())
    assert columns[-1] == "body_md"
    made = text(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%WITHOUT ROWID%'"
        " AND name NOT LIKE 'article_words%'"
    )
    with database.reading() as session:
        by_key = set(session.scalars(made))
        merging = text("SELECT v FROM article_words_config WHERE k = 'automerge'")
        assert session.scalar(merging) == 8
    assert by_key == {"article_topics", "article_entities"}


def test_every_constraint_has_a_name(database: Database) -> None:
    found = inspect(database.engine)
    for table in Base.metadata.sorted_tables:
        assert found.get_pk_constraint(table.name)["name"] == f"pk_{table.name}"
        for foreign in found.get_foreign_keys(table.name):
            assert str(foreign["name"]).startswith(f"fk_{table.name}_")
        for unique in found.get_unique_constraints(table.name):
            assert str(unique["name"]).startswith(f"uq_{table.name}_")


def test_a_schema_that_a_newer_version_wrote_is_refused(own: Database) -> None:
    with own.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert not own.is_current()
    with pytest.raises(SchemaOutdatedError):
        own.prepare()


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
def test_i15_an_instant_keeps_its_microseconds_and_comes_back_in_utc(
    database: Database, zone: timezone
) -> None:
    instant = datetime(2026, 6, 24, 0, 49, 22, 205399, zone)
    with database.writing() as session:
        session.add(Token(id="t", name="t", hash="", scopes=[], created_at=instant))
    with database.reading() as session:
        found = session.scalars(select(Token.created_at)).one()
    assert found == instant
    assert found.tzinfo is UTC


def test_a_naive_instant_is_refused_before_it_reaches_the_database(database: Database) -> None:
    with pytest.raises(StatementError, match="naive"), database.writing() as session:
        session.scalars(select(Token).where(Token.created_at < NOW.replace(tzinfo=None))).all()


def written(session: Session, record: Record) -> int:
    """Write a record whose slug is free, and return the article's id."""
    return draft_of(session, record).id or 0


def draft_of(session: Session, record: Record) -> ArticleWrite:
    scene = BatchState()
    draft = scene.create(Candidate.from_record(record))
    article_writes.write(session, scene.writes, scene.aliases, None, NOW)
    return draft


def test_a_relationship_that_was_not_loaded_raises(database: Database) -> None:
    with database.writing() as session:
        written(session, STORY)
    with database.reading() as session:
        article = session.scalars(select(Article)).one()
        with pytest.raises(InvalidRequestError, match="raise"):
            _ = article.topics


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    def write() -> None:
        with database.writing() as session:
            written(session, STORY)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    with database.reading() as session:
        assert find(session.connection(), "a") is None


def test_l02_concurrent_writers_number_their_changes_without_gaps(
    database: Database,
) -> None:
    with database.writing() as session:
        draft = draft_of(session, STORY)

    def write() -> None:
        for _ in range(10):
            with database.writing() as session:
                change_log.record(session, [ChangeEvent("updated", draft, "a")], None, NOW)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        assert session.scalars(select(Change.seq).order_by(Change.seq)).all() == list(range(1, 41))


def test_a_reading_session_sees_one_snapshot_while_others_write(database: Database) -> None:
    with database.reading() as reader:
        assert find(reader.connection(), "a") is None
        with database.writing() as writer:
            written(writer, STORY)
        assert find(reader.connection(), "a") is None
    with database.reading() as reader:
        assert find(reader.connection(), "a") == STORY


def test_i21_a_commit_on_sqlite_is_on_disk_when_it_is_acknowledged(
    new_sqlite_database: Callable[[], str],
) -> None:
    database = Database(new_sqlite_database())
    with database.writing() as session:
        pragmas = ("synchronous", "journal_mode", "foreign_keys")
        found = [session.execute(text(f"PRAGMA {name}")).scalar() for name in pragmas]
    database.close()
    assert found == [2, "wal", 1]


def test_c06_a_database_that_stays_locked_is_unavailable(
    new_sqlite_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.engines.BUSY_SECONDS", 0.1)
    url = new_sqlite_database()
    one, other = Database(url), Database(url)
    with one.writing() as session:
        written(session, STORY)
        begun = time.monotonic()
        with pytest.raises(DatabaseUnavailableError, match="locked"), other.writing():
            pass
        assert time.monotonic() - begun < 5
    one.close()
    other.close()


@given(names=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_any_entity_name_of_a_valid_record_can_be_stored(
    database: Database, names: list[str]
) -> None:
    kept = STORY.model_copy(update={"entities": tuple(dict.fromkeys(names))})
    with database.writing() as session:
        article_id = written(session, kept.model_copy(update={"slug": "n"}))
        found = find(session.connection(), "n")
        assert found is not None
        assert found.entities == kept.entities
        session.expunge_all()
        article_writes.remove(session, [article_id])


def test_c06_a_connection_that_the_server_closed_is_replaced_without_an_error(
    new_postgres_database: Callable[[], str], postgres_server: str
) -> None:
    url = new_postgres_database()
    database = Database(url)

    def cut() -> None:
        with psycopg.connect(postgres_server, autocommit=True) as admin:
            name = url.partition("?")[0].rpartition("/")[2]
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )

    with database.writing() as session:
        written(session, STORY)
    cut()
    with database.writing() as session:
        assert find(session.connection(), "a") == STORY
    cut()
    with database.reading() as session:
        assert find(session.connection(), "a") == STORY
    for _ in range(2):
        assert database.query(lambda asked: find(asked, "a")) == STORY
        cut()
    database.close()


def test_c06_a_file_that_is_not_a_database_is_reported_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("These are notes, not a database.")
    database = Database(f"sqlite:///{tmp_path}/notes.db")
    with pytest.raises(DatabaseUnavailableError, match="file is not a database"):
        database.is_current()
    database.close()
