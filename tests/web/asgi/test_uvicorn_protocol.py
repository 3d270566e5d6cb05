"""The wire: what is at hand goes out at once, and every byte as the server itself would send it."""

import asyncio
import gc
import logging
import subprocess
import sys
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import httpx2
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.importer import import_from_string
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.cli.serve import serve
from app.web.asgi.fast_path import STATE, CacheMiddleware
from app.web.asgi.uvicorn_protocol import CachingProtocol
from tests.support.paths import SEED
from tests.support.processes import environment, serving
from tests.support.site import SEED_SLUG, Site, one_database

BARE = f"/news/{SEED_SLUG}"
DATE = b"Wed, 24 Jun 2026 00:49:22 GMT"
PATIENCE_SECONDS = 20
LAST = "Connection: close"


@pytest.fixture
def seeded(site: Site) -> Site:
    site.loaded(SEED.read_bytes())
    site.get(BARE, "text/html", **{"Accept-Encoding": ""})
    return site


def ask(path: str, *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", "Accept: text/html", *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Line(NamedTuple):
    """A connection: the client's end of it, and the protocol at the other end."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    protocol: HttpToolsProtocol


@asynccontextmanager
async def line(
    kind: type[HttpToolsProtocol], app: Any, front: object = None, **settings: Any
) -> AsyncIterator[Line]:
    """Yield a connection to `app`, before which there is `front`, spoken by `kind`."""
    config = uvicorn.Config(
        app, **{"access_log": False, "lifespan": "off", "log_config": None, **settings}
    )
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", DATE)]
    protocol = kind(config, state, {STATE: front})
    server = await asyncio.get_running_loop().create_server(lambda: protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield Line(reader, writer, protocol)
    finally:
        writer.close()
        server.close()


async def said(kind: type[HttpToolsProtocol], site: Site, pieces: Sequence[bytes]) -> bytes:
    """Return all that `kind` answers to what comes in `pieces`, until it hangs up."""
    app: Any = site.client.app
    async with line(kind, app, front(app)) as (reader, writer, _):
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        return await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)


def front(app: Any) -> CacheMiddleware:
    middleware: CacheMiddleware = app.cache_middleware
    return middleware


async def untaken(scope: Any, _receive: Any, _send: Any) -> None:
    """Be asked for nothing: all of it should have been at hand."""
    raise AssertionError(scope["path"])


PATHS = st.sampled_from(
    [BARE, f"{BARE}.md", f"{BARE}?a=b", f"http://elsewhere{BARE}.json", f"{BARE}%2Emd", "/news",
     "/news/nothing", f"{BARE}/", "/health/live"]
)  # fmt: skip
FIELDS = st.sampled_from(
    ["Accept: text/markdown", "Accept-Encoding: gzip", "If-None-Match: *", "Expect: 100-continue",
     "Connection: keep-alive", "Content-Length: 0", "Authorization: Bearer nobody", "Upgrade: h2c"]
)  # fmt: skip
REQUESTS = st.builds(
    lambda path, fields, method: ask(path, *fields, method=method),
    PATHS,
    st.lists(FIELDS, max_size=2, unique=True),
    st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS"]),
)
ENDINGS = st.sampled_from(
    [ask(BARE, LAST), ask(BARE, version="1.0"), ask(f"{BARE}.txt", LAST, method="HEAD"),
     ask("/health/live", LAST)]
)  # fmt: skip


@given(requests=st.lists(REQUESTS, max_size=6), ending=ENDINGS, data=st.data())
@one_database
def test_responses_are_byte_identical_to_uvicorns(
    seeded: Site, requests: list[bytes], ending: bytes, data: st.DataObject
) -> None:
    whole = b"".join([*requests, ending])
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    expected = asyncio.run(said(HttpToolsProtocol, seeded, pieces))
    assert asyncio.run(said(CachingProtocol, seeded, pieces)) == expected


def test_a_cached_response_does_not_call_the_application(seeded: Site) -> None:
    app: Any = seeded.client.app

    async def talk() -> list[bytes]:
        async with line(CachingProtocol, untaken, front(app)) as (reader, writer, _):
            answers = []
            for _ in range(3):
                writer.write(ask(BARE))
                answers.append(await reader.readuntil(b"</html>"))
            return answers

    answers = asyncio.run(talk())
    assert answers[0].startswith(b"HTTP/1.1 200 OK\r\ndate: " + DATE)
    assert answers[1:] == answers[:2]


def test_slugline_serve_uses_the_caching_protocol(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUGLINE_DATABASE_URL", f"sqlite:///{tmp_path / 'served.db'}")
    with mock.patch.object(uvicorn, "run") as run:
        serve()
    assert import_from_string(run.call_args.kwargs["http"]) is CachingProtocol


OTHER_UVICORN = """
from uvicorn.protocols.http import httptools_impl as uvicorn_http
protocol, cycle = uvicorn_http.HttpToolsProtocol, uvicorn_http.RequestResponseCycle
original = protocol._start_asgi_task
"""
WARNING = "cached responses are served through ASGI"


def test_a_uvicorn_with_another_private_interface_serves_through_asgi_and_logs_it_once(
    tmp_path: Path,
) -> None:
    change = (
        "protocol._start_asgi_task = lambda self, cycle, app, more=0: original(self, cycle, app)"
    )
    code = f"{OTHER_UVICORN}{change}\nfrom app.__main__ import main\nmain()"
    command = (sys.executable, "-c", code)
    with serving(tmp_path, "--workers", "2", command=command, env=environment()) as server:
        assert httpx2.get(f"{server.base}/news").status_code == 200
        log = server.log.read_text()
    assert log.count(WARNING) == 1


@pytest.mark.parametrize(
    "change",
    [
        "del protocol._start_asgi_task",
        "protocol._unset_keepalive_if_required = lambda self, now: None",
        "del uvicorn_http.STATUS_LINE",
        "cycle.__init__ = lambda self: None",
    ],
)
def test_a_missing_private_name_is_noticed_before_the_server_starts(change: str) -> None:
    code = f"{OTHER_UVICORN}{change}\nfrom app.cli.serve import http_protocol\n"
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}print(http_protocol())"],
        env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout == "auto\n"
    assert ended.stderr.count(WARNING) == 1


def test_a_thousand_pipelined_requests_are_served_in_order(seeded: Site) -> None:
    app: Any = seeded.client.app
    missing = ask("/health/live")  # the application's, and it takes its time

    async def talk() -> list[int]:
        async with line(CachingProtocol, app, front(app)) as (reader, writer, _):
            tails = [ask(f"/news/{number}" if number % 100 == 50 else f"{BARE}.txt", method="HEAD")
                     for number in range(2_000)]  # fmt: skip
            writer.write(b"".join([missing, *tails, ask(BARE, LAST, method="HEAD")]))
            heads = (await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)).split(b"HTTP/1.1 ")
            return [int(head[:3]) for head in heads[1:]]

    statuses = asyncio.run(talk())
    wanted = [404 if number % 100 == 50 else 200 for number in range(2_000)]
    assert statuses == [200, *wanted, 200]


def test_a_client_that_does_not_read_responses_does_not_fill_the_memory(seeded: Site) -> None:
    app: Any = seeded.client.app
    size = len(seeded.get(BARE, "text/html").content)
    asked = 4_000

    async def talk() -> tuple[int, int]:
        async with line(CachingProtocol, app, front(app)) as (reader, writer, protocol):
            writer.write(ask(BARE) * asked + ask("/health/live", LAST))
            await asyncio.sleep(0.5)
            waiting = protocol.transport.get_write_buffer_size()
            return waiting, len(await asyncio.wait_for(reader.read(), PATIENCE_SECONDS))

    waiting, taken = asyncio.run(talk())
    assert waiting < 1 << 20
    assert taken > asked * size


def test_nothing_after_connection_close_is_processed(seeded: Site) -> None:
    app: Any = seeded.client.app
    reached: list[str] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        await app(scope, receive, send)

    async def talk() -> bytes:
        async with line(CachingProtocol, noting, front(app)) as (reader, writer, _):
            writer.write(ask(BARE, LAST) + ask("/admin/loads", "Content-Length: 0", method="POST"))
            return await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)

    assert asyncio.run(talk()).count(b"HTTP/1.1 ") == 1
    assert reached == []


def test_an_access_log_has_a_line_for_each_request(
    seeded: Site, caplog: pytest.LogCaptureFixture
) -> None:
    app: Any = seeded.client.app
    caplog.set_level(logging.INFO, "uvicorn.access")

    async def talk() -> None:
        async with line(CachingProtocol, app, front(app), access_log=True) as (
            reader,
            writer,
            _,
        ):
            writer.write(ask(BARE) + ask(BARE, LAST))
            await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)

    asyncio.run(talk())
    lines = [each.getMessage() for each in caplog.records if each.name == "uvicorn.access"]
    assert len(lines) == 2
    assert all(f'"GET {BARE} HTTP/1.1" 200' in each for each in lines)


def test_the_concurrency_limit_applies_to_cached_responses_too(seeded: Site) -> None:
    app: Any = seeded.client.app

    async def talk() -> bytes:
        async with line(CachingProtocol, app, front(app), limit_concurrency=1) as (
            reader,
            writer,
            _,
        ):
            writer.write(ask(BARE, LAST))
            return await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 503 ")


def test_an_idle_connection_is_closed_after_the_keep_alive_timeout(seeded: Site) -> None:
    app: Any = seeded.client.app

    async def talk() -> bytes:
        async with line(CachingProtocol, app, front(app), timeout_keep_alive=1) as (
            reader,
            writer,
            _,
        ):
            writer.write(ask(BARE, method="HEAD"))
            return await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 200 OK")


def test_a_pipelined_request_after_a_cached_response_is_served(seeded: Site) -> None:
    app: Any = seeded.client.app
    slow = ask("/changes?since=latest&wait=2", "Accept: application/json", LAST)

    async def talk() -> bytes:
        async with line(CachingProtocol, app, front(app), timeout_keep_alive=1) as (
            reader,
            writer,
            _,
        ):
            writer.write(ask(BARE, method="HEAD") + slow)
            return await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)

    assert asyncio.run(talk()).count(b"HTTP/1.1 200 OK") == 2


def test_a_closed_connection_is_freed_without_the_garbage_collector(seeded: Site) -> None:
    app: Any = seeded.client.app

    async def talk() -> weakref.ref[HttpToolsProtocol]:
        async with line(CachingProtocol, untaken, front(app)) as (
            reader,
            writer,
            protocol,
        ):
            writer.write(ask(BARE, method="HEAD"))
            await reader.readuntil(b"\r\n\r\n")
            return weakref.ref(protocol.cycle)  # type: ignore[arg-type] # its request

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(talk())() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("content", ["Transfer-Encoding: identity", "Transfer-Encoding: xchunked"])
def test_a_request_with_an_unknown_transfer_encoding_gets_one_response(
    seeded: Site, content: str
) -> None:
    pieces = [ask(BARE, content)]
    answers = asyncio.run(said(CachingProtocol, seeded, pieces))
    assert answers == asyncio.run(said(HttpToolsProtocol, seeded, pieces))
    assert answers.startswith(b"HTTP/1.1 400 ")
    assert answers.count(b"HTTP/1.1 ") == 1
