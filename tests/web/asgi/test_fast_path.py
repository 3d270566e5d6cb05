"""Ready answers: the same as built ones, bounded, and gone when the article changes."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, event

from app.cache.change_follower import ChangeFollower
from app.database.tables import Change
from app.database.transactions import Database
from app.http.content_coding import CODINGS
from app.representations.article import BY_SUFFIX, FORMATS
from app.store import change_log
from app.store.change_log import ChangeEvent
from app.web.state import NOT_FOUND_BYTES
from tests.support.paths import SEED
from tests.support.site import NOW, SEED_SLUG, TOKEN, Site, app_state, one_database

BARE = f"/news/{SEED_SLUG}"
SEEDED: dict[str, Any] = json.loads(SEED.read_text())
TWINS = [BARE + suffix for suffix in BY_SUFFIX]
Fields = Iterable[tuple[str, str]]


async def exchange(
    app: Any, path: str, fields: Fields = (), method: str = "GET", query: bytes = b""
) -> Any:
    """Return the messages that the application sends, exactly."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in fields],
        "server": ("testserver", 80),
        "client": ("testclient", 50_000),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append({**message, "headers": list(message.get("headers", ()))})

    await app(scope, receive, send)
    return sent


def call(app: Any, path: str, fields: Fields = (), method: str = "GET", query: bytes = b"") -> Any:
    return asyncio.run(exchange(app, path, fields, method, query))


@contextmanager
def counted(site: Site) -> Iterator[list[str]]:
    """Yield a list that grows with each statement that a request costs."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if threading.current_thread().name != "follower":
            statements.append(statement)

    database = site.database
    engines = {database.engine, database._autocommit_engine, database._write_engine}  # noqa: SLF001 - all count
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield statements
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def seeded(site: Site) -> Site:
    site.loaded(SEED.read_bytes())
    return site


# --- the same bytes ----------------------------------------------------------------------------


ACCEPTS = st.sampled_from(
    ["", "*/*", "text/markdown", "text/plain;q=0.5, text/markdown", "application/*", "text/html",
     "application/ld+json", "application/pdf", ";;,", "application/json, text/plain, */*",
     "text/plain, " * 60]
)  # fmt: skip
ENCODINGS = st.sampled_from(["", "gzip", "br", "gzip, deflate, br", "gzip;q=0", "*", "zstd"])
DATES = st.sampled_from(
    ["Wed, 24 Jun 2026 00:49:22 GMT", "Wed, 24 Jun 2026 00:49:21 GMT", "yesterday"]
)
PATHS = st.sampled_from(
    [BARE, *TWINS, f"{BARE}.html", f"{BARE}/", "/news/nothing", "/news/nothing.md", "/news/no?",
     "/news/no#", "/health/live", "/news", "/news/"]
)  # fmt: skip
METHODS = st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS", "DELETE"])


@given(data=st.data())
@one_database
def test_a_cached_response_equals_the_one_of_the_framework_route(
    seeded: Site, data: st.DataObject
) -> None:
    app: Any = seeded.client.app
    ordinary = partial(FastAPI.__call__, app)
    for memory in app.state.service.article_cache, app.state.service.not_found_cache:
        memory.clear()
    for _ in range(data.draw(st.integers(1, 8))):
        path, method = data.draw(PATHS), data.draw(METHODS)
        fields = [
            (name, value)
            for name, values in (("Accept", ACCEPTS), ("Accept-Encoding", ENCODINGS))
            for value in data.draw(st.lists(values, max_size=2))
        ]
        known = call(ordinary, path, fields)
        tags = [value.decode() for name, value in known[0]["headers"] if name == b"etag"]
        asked = st.sampled_from([*tags, 'W/"x", ' + "".join(tags), '"x"', "*"])
        fields += [("If-None-Match", tag) for tag in data.draw(st.lists(asked, max_size=2))]
        fields += [("If-Modified-Since", date) for date in data.draw(st.lists(DATES, max_size=1))]
        for name in ("If-Match", "If-Unmodified-Since", "Authorization"):
            if data.draw(st.integers(0, 9)) == 0:
                fields.append((name, data.draw(asked if name == "If-Match" else DATES)))
        expected = call(ordinary, path, fields, method)
        for _ in range(2):
            assert call(app, path, fields, method) == expected


def test_c05_a_cached_article_costs_no_statement_in_any_format_and_coding(seeded: Site) -> None:
    def everything() -> None:
        for coding in *CODINGS, "":
            for form in FORMATS:
                call(
                    seeded.client.app,
                    BARE,
                    [("Accept", form.media_type), ("Accept-Encoding", coding)],
                )
                call(seeded.client.app, BARE + form.suffix, [("Accept-Encoding", coding)], "HEAD")

    with counted(seeded) as statements:
        everything()
    assert len(statements) == (2 * len(FORMATS) - 1) * (1 + len(CODINGS))
    with counted(seeded) as statements:
        everything()
    assert statements == []


def test_an_article_with_its_topics_and_entities_is_one_statement(seeded: Site) -> None:
    with counted(seeded) as statements:
        assert seeded.get(f"{BARE}.json").json()["entities"] == SEEDED["entities"]
    assert len([each for each in statements if not each.startswith("BEGIN")]) == 1


def test_concurrent_misses_are_built_once(seeded: Site) -> None:
    async def together() -> list[Any]:
        return await asyncio.gather(*(exchange(seeded.client.app, BARE) for _ in range(20)))

    with counted(seeded) as statements:
        answers = asyncio.run(together())
    assert len(statements) == 1
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0]["status"] == 200


def test_concurrent_requests_for_an_uncacheable_response_are_all_served(seeded: Site) -> None:
    async def together() -> list[Any]:
        asked = [("Accept", "application/pdf")]
        return await asyncio.gather(*(exchange(seeded.client.app, BARE, asked) for _ in range(20)))

    assert [answer[0]["status"] for answer in asyncio.run(together())] == [406] * 20


@one_database
def test_a_client_that_reads_slowly_delays_no_other_client(seeded: Site) -> None:
    async def together() -> None:
        stuck = asyncio.Event()
        app: Any = seeded.client.app

        async def never(message: Any) -> None:
            if message["type"] == "http.response.body":
                await stuck.wait()

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {"type": "http", "method": "GET", "path": BARE, "query_string": b"", "headers": []}
        slow = asyncio.create_task(app(scope, receive, never))
        await asyncio.wait_for(exchange(seeded.client.app, BARE), timeout=20)
        stuck.set()
        await slow

    asyncio.run(together())


# --- freshness ---------------------------------------------------------------------------------


def corrected(title: str, hours: int = 1) -> str:
    updated = f"2026-06-25T{hours:02}:00:00Z"
    return json.dumps(SEEDED | {"title": title, "updated_at": updated})


def test_c05_the_worker_that_wrote_serves_the_new_bytes_at_once(seeded: Site) -> None:
    for number in range(5):
        for path in BARE, *TWINS:
            assert f"Version {number}" not in seeded.get(path).text
        seeded.loaded(corrected(f"Version {number}", number))
        for path in BARE, *TWINS:
            assert f"Version {number}" in seeded.get(path).text


def test_c05_another_worker_serves_the_new_bytes_within_a_second(
    open_site: Callable[..., Site],
) -> None:
    writer, reader = open_site(), open_site()
    writer.loaded(SEED.read_bytes())
    for number in range(3):
        assert f"Version {number}" not in reader.get(BARE).text
        writer.loaded(corrected(f"Version {number}", number))
        deadline = time.monotonic() + 1
        while f"Version {number}" not in reader.get(BARE).text:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_correction_invalidates_that_article_only(seeded: Site) -> None:
    other = SEEDED | {"slug": "other", "canonical_source": None}
    seeded.loaded(json.dumps(other))
    seeded.get("/news/other")
    seeded.get(BARE)
    seeded.loaded(corrected("New"))
    answers = seeded.client.app.state.service.article_cache  # type: ignore[attr-defined]
    assert list(answers) == ["/news/other"]


@one_database
def test_an_article_dated_in_the_future_is_not_cached(site: Site) -> None:
    ahead = SEEDED | {"updated_at": "2026-07-01T13:00:00Z"}
    site.loaded(json.dumps(ahead))
    first = site.get(BARE).headers["last-modified"]
    site.clock.move(minutes=30)
    assert site.get(BARE).headers["last-modified"] != first


@one_database
def test_c02_an_authorized_request_neither_reads_nor_fills_the_cache(seeded: Site) -> None:
    assert seeded.get(BARE, **seeded.authorized).headers["cache-control"] == "private, no-store"
    assert seeded.get(BARE).headers["cache-control"].startswith("public")
    assert seeded.get(BARE, **seeded.authorized).headers["cache-control"] == "private, no-store"


def test_c06_cached_responses_are_served_while_the_database_is_unavailable(
    open_site: Callable[..., Site], new_postgres_database: Callable[[], str], postgres_server: str
) -> None:
    url = new_postgres_database()
    site = open_site(database_url=url)
    site.loaded(SEED.read_bytes())
    assert site.get(BARE).status_code == 200
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        assert site.get(BARE).status_code == 200
        assert site.get(f"{BARE}.md").status_code == 503
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
    assert site.get(f"{BARE}.md").status_code == 200


def test_c05_a_request_after_a_write_does_not_share_a_build_begun_before_it(seeded: Site) -> None:
    engine = seeded.database._autocommit_engine  # noqa: SLF001 - whose first answer is held back
    asked, told = threading.Event(), threading.Event()

    def hold(*_: Any) -> None:
        if threading.current_thread().name != "follower" and not asked.is_set():
            asked.set()
            told.wait(20)

    event.listen(engine, "after_cursor_execute", hold)
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(seeded.get, f"{BARE}.txt")
        try:
            assert asked.wait(20)
            newer = {"title": "Newer", "updated_at": "2026-06-25T00:00:00Z"}
            seeded.loaded(json.dumps(SEEDED | newer))
            assert seeded.get(f"{BARE}.txt").text.startswith("Newer\n")
        finally:
            told.set()
            event.remove(engine, "after_cursor_execute", hold)
        assert early.result().status_code == 200
    assert seeded.get(f"{BARE}.txt").text.startswith("Newer\n")


def test_c05_the_change_feed_is_followed_again_after_any_error(
    open_site: Callable[..., Site], new_postgres_database: Callable[[], str]
) -> None:
    """As where a dump is restored over a database that is being served from."""
    url = new_postgres_database()
    writer, other = open_site(database_url=url), open_site(database_url=url)
    writer.loaded(SEED.read_bytes())
    assert other.get(f"{BARE}.txt").status_code == 200
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("ALTER TABLE changes RENAME TO away")
        time.sleep(0.5)
        admin.execute("ALTER TABLE away RENAME TO changes")
    newer = {"title": "Newer", "updated_at": "2026-06-25T00:00:00Z"}
    writer.loaded(json.dumps(SEEDED | newer))
    time.sleep(1)
    assert other.get(f"{BARE}.txt").text.startswith("Newer\n")


def changed(database: Database, *slugs: str) -> None:
    """Write changes as a load would, of an article that is there."""
    with database.writing() as session:
        change_log.record(
            session, [ChangeEvent("updated", None, slug) for slug in slugs], None, NOW
        )


def test_c05_changed_articles_are_invalidated_by_slug_and_all_if_uncertain(
    seeded: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cache.change_follower.SLUGS_AT_ONCE", 3)
    forgotten: list[Collection[str] | None] = []
    follower = ChangeFollower(seeded.database, forgotten.append, seeded.clock)
    follower.catch_up()
    assert forgotten.pop() == {SEED_SLUG}
    follower.catch_up()
    assert forgotten == []
    changed(seeded.database, "a", "b", "a")
    follower.catch_up()
    assert forgotten.pop() == {"a", "b"}
    changed(seeded.database, "a", "b", "c", "d")
    follower.catch_up()
    assert forgotten.pop() is None  # too many
    with seeded.database.writing() as session:
        session.execute(delete(Change).where(Change.seq > 2))
    follower.catch_up()
    assert forgotten.pop() is None  # another database in the place of the one it knew


def test_c05_written_articles_are_invalidated_even_if_the_database_is_gone(
    new_postgres_database: Callable[[], str], postgres_server: str
) -> None:
    url = new_postgres_database()
    forgotten: list[Collection[str] | None] = []
    database = Database(url)
    follower = ChangeFollower(database, forgotten.append, lambda: NOW)
    follower.start()
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        follower.invalidate_written()
    assert forgotten == [None]
    follower.stop()
    database.close()


# --- too much to read --------------------------------------------------------------------------


@pytest.mark.parametrize("path", [BARE, "/news/nothing", "/admin/loads", "/health/live"])
@pytest.mark.parametrize(
    "fields",
    [
        [("Accept", "a/b")] * 129,
        [("Accept", "text/html," * 401)],
        [("Accept-Encoding", "gzip," * 801)],
        [("X", "y" * 40_000)],
        [("X" * 40_000, "y")],
    ],
    ids=["many", "accept", "coding", "unknown", "name"],
)
@one_database
def test_a_request_with_too_many_or_too_large_headers_is_431(
    seeded: Site, path: str, fields: list[tuple[str, str]]
) -> None:
    start, body = call(seeded.client.app, path, fields)
    assert start["status"] == 431
    assert (b"cache-control", b"no-store") in start["headers"]
    assert json.loads(body["body"])["status"] == 431


def test_c06_a_database_that_does_not_answer_is_503(
    seeded: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.asgi.fast_path.BUILD_TIMEOUT_SECONDS", 0.2)
    held = threading.Event()

    @event.listens_for(seeded.database._autocommit_engine, "checkout")  # noqa: SLF001 - a server that hangs
    def hang(*_: Any) -> None:
        held.wait(20)

    async def ask() -> Any:
        try:
            return await exchange(seeded.client.app, BARE, [("Accept", "text/html")])
        finally:
            held.set()

    start, body = asyncio.run(ask())
    event.remove(seeded.database._autocommit_engine, "checkout", hang)  # noqa: SLF001
    assert start["status"] == 503
    assert b"retry-after" in dict(start["headers"])
    assert b"<h1>" in body["body"]


# --- what there is not -------------------------------------------------------------------------


def test_a_404_is_cached_for_two_seconds_and_not_beyond_a_load(seeded: Site) -> None:
    with counted(seeded) as statements:
        first = seeded.get("/news/other", "text/html")
        asked = len(statements)
        assert seeded.get("/news/other", "text/html").content == first.content
        assert len(statements) == asked
        assert (
            seeded.get("/news/other", "text/plain").headers["content-type"].startswith("text/plain")
        )
        seeded.clock.move(seconds=3)
        asked = len(statements)
        seeded.get("/news/other", "text/html")
        assert len(statements) > asked
    seeded.loaded(json.dumps(SEEDED | {"slug": "other", "canonical_source": None}))
    assert seeded.get("/news/other").status_code == 200


def test_c05_a_404_at_another_spelling_does_not_outlive_a_load(seeded: Site) -> None:
    spellings = [f"/news/other{spelling}" for spelling in (".html", "/", ".md/", ".md", "")]
    for path in spellings:
        assert seeded.get(path).status_code == 404
    seeded.loaded(json.dumps(SEEDED | {"slug": "other", "canonical_source": None}))
    for path in spellings:
        assert seeded.get(path).status_code in {200, 308}


@one_database
def test_h04_the_query_of_a_redirect_is_quoted(seeded: Site) -> None:
    (start, _) = call(seeded.client.app, f"{BARE}/", query=b'a=%2F&b="<\xff>')
    location = dict(start["headers"])[b"location"].decode()
    assert location == f"{BARE}?a=%2F&b=%22%3C%FF%3E"


@one_database
def test_an_encoded_question_mark_is_part_of_the_path(seeded: Site) -> None:
    for path in f"{BARE}%3Fx", f"{BARE}%23x", f"{BARE}.md%3F":
        assert seeded.get(path).status_code == 404
    assert seeded.get(BARE).status_code == 200
    assert seeded.get(f"{BARE}.md").status_code == 200


@one_database
def test_c05a_a_scan_of_random_slugs_evicts_no_article(
    seeded: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded.get(BARE)
    service = seeded.client.app.state.service  # type: ignore[attr-defined]
    size = service.article_cache.size
    assert service.not_found_cache.limit == NOT_FOUND_BYTES
    monkeypatch.setattr(service.not_found_cache, "limit", 50_000)
    for number in range(100):
        call(seeded.client.app, f"/news/{'scan' * 15}-{number}")
    assert service.article_cache.size == size
    assert list(service.article_cache) == [BARE]
    assert 25_000 < service.not_found_cache.size <= service.not_found_cache.limit


@one_database
def test_c05a_queries_that_clients_make_up_never_evict_an_address_of_the_site(
    seeded: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = app_state(seeded)
    topic = SEEDED["topics"][0]
    linked = ["/news", "/news.json", f"/topics/{topic}", BARE]
    for path in linked:
        assert seeded.get(path, "text/html").status_code == 200
    before = state.listing_cache.size, state.article_cache.size
    monkeypatch.setattr(state.listing_cache, "limit", state.listing_cache.size + 5_000)
    monkeypatch.setattr(state.article_cache, "limit", state.article_cache.size + 5_000)
    monkeypatch.setattr(state.search_cache, "limit", 60_000)
    made_up = [
        *(f"/news?topic=nope-{n}&limit={n % 100 + 1}" for n in range(300)),
        *(f"/news.json?limit={n % 100 + 1}&include=facets&q=word{n}" for n in range(150)),
        *(f"/topics/{topic}?limit={n + 1}&include=total" for n in range(100)),
        *(f"/topics/nope-{n}" for n in range(100)),
        *(f"/news?topic={topic}&lang=x{n}" for n in range(50)),
    ]
    assert len(made_up) >= 600
    for address in made_up:
        path, _, query = address.partition("?")
        call(seeded.client.app, path, [("Accept", "text/html")], query=query.encode())
    assert (state.listing_cache.size, state.article_cache.size) == before
    assert state.search_cache.size <= state.search_cache.limit
    with counted(seeded) as statements:
        for path in linked:
            assert seeded.get(path, "text/html").status_code == 200
    assert statements == []


@one_database
def test_c05a_all_spellings_of_one_query_share_one_cached_response(seeded: Site) -> None:
    state = app_state(seeded)
    spellings = [
        b"limit=5&lang=en", b"lang=en&limit=5", b"lang=%65n&limit=5", b"lang=en&&limit=5",
        b"sort=-published_at&lang=en&limit=5",
    ]  # fmt: skip
    responses = [call(seeded.client.app, "/news.json", query=query) for query in spellings]
    assert all(response == responses[0] for response in responses)
    assert list(state.search_cache) == ["/news.json?lang=en&limit=5"]
    assert call(seeded.client.app, "/news", query=b"limit=20") == call(seeded.client.app, "/news")
    assert list(state.listing_cache) == ["/news"]


@one_database
def test_c05a_queries_and_accept_headers_add_no_entries_for_an_article(
    seeded: Site,
) -> None:
    service = seeded.client.app.state.service  # type: ignore[attr-defined]
    seeded.get(BARE, "text/html")
    size = service.article_cache.size
    for number in range(50):
        seeded.get(f"{BARE}?{number}=x", f"text/html, x/{number}")
    assert service.article_cache.size == size


# --- conditional requests and codings, over HTTP -----------------------------------------------


def variants() -> Iterator[tuple[str, str, str]]:
    for coding in *CODINGS, "identity":
        for form in FORMATS:
            yield BARE, form.media_type, coding
        for twin in TWINS:
            yield twin, "", coding


@one_database
def test_e02_each_representation_and_coding_has_an_etag_of_its_own(
    seeded: Site,
) -> None:
    tags: dict[tuple[str, str], str] = {}
    for path, accept, coding in variants():
        answer = seeded.get(path, accept, **{"Accept-Encoding": coding})
        assert answer.headers.get("content-encoding", "identity") == coding
        assert "accept-encoding" in answer.headers["vary"].lower()
        form = answer.headers["content-type"]
        assert tags.setdefault((form, coding), answer.headers["etag"]) == answer.headers["etag"]
    assert len(set(tags.values())) == len(tags) == len(FORMATS) * (1 + len(CODINGS))
    for path, accept, coding in variants():
        asked = {"Accept-Encoding": coding}
        own = seeded.get(path, accept, **asked).headers["etag"]
        assert seeded.get(path, accept, **asked, **{"If-None-Match": own}).status_code == 304
        others = ", ".join(tag for tag in tags.values() if tag != own)
        assert seeded.get(path, accept, **asked, **{"If-None-Match": others}).status_code == 200


@one_database
def test_h03_a_304_repeats_what_a_cache_needs_and_describes_no_body(seeded: Site) -> None:
    repeated = {"cache-control", "content-location", "etag", "vary", "link"}
    for path, accept, coding in variants():
        asked = {"Accept-Encoding": coding}
        whole = seeded.get(path, accept, **asked)
        for method in "GET", "HEAD":
            fields = {"Accept": accept, **asked, "If-None-Match": whole.headers["etag"]}
            answer = seeded.client.request(method, path, headers=fields)
            assert answer.status_code == 304
            assert answer.content == b""
            for name in repeated & set(whole.headers):
                assert answer.headers[name] == whole.headers[name]
            told = {"content-type", "content-encoding", "content-language", "last-modified"}
            assert not (told | {"content-security-policy"}) & set(answer.headers)


@one_database
def test_e01_if_modified_since_is_evaluated_without_if_none_match(seeded: Site) -> None:
    modified = seeded.get(BARE).headers["last-modified"]
    for _ in range(2):
        since = {"If-Modified-Since": modified}
        assert seeded.get(BARE, **since).status_code == 304
        assert seeded.get(BARE, **since, **{"If-None-Match": '"x"'}).status_code == 200


@one_database
def test_a_precondition_that_fails_is_412(seeded: Site) -> None:
    for _ in range(2):
        answer = seeded.get(BARE, **{"If-Match": '"x"'})
        assert answer.status_code == 412
        assert answer.headers["cache-control"] == "no-store"
        assert seeded.get(BARE, **{"If-Match": "*"}).status_code == 200


@one_database
def test_e03_reloading_an_identical_record_changes_no_etag(seeded: Site) -> None:
    before = seeded.get(BARE).headers["etag"]
    seeded.loaded(SEED.read_bytes())
    assert seeded.get(BARE).headers["etag"] == before


@one_database
def test_e04_a_body_too_small_to_compress_varies_too(site: Site) -> None:
    tiny = {
        "slug": "a",
        "title": "A",
        "body_md": "",
        "published_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "lang": "en",
    }
    site.loaded(json.dumps(tiny), Authorization=f"Bearer {TOKEN}")
    answer = site.get("/news/a.txt", **{"Accept-Encoding": "br"})
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"
