"""What operators do leaves a row, and each request has an id that is said everywhere. I-01."""

import logging
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, Response
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.pool import QueuePool

from app.auth import tokens
from app.auth.tokens import StoredToken
from app.database.transactions import Database
from app.store import audit_log
from app.store import tokens as stored
from app.store.audit_log import StoredAuditEntry
from app.web.admin.authentication import require_scope
from app.web.asgi import audit_middleware
from app.web.state import ANONYMOUS_AUDITS_A_MINUTE
from tests.support.commands import Shell
from tests.support.paths import SEED
from tests.support.processes import environment, serving
from tests.support.site import NOW, SEED_SLUG, TOKEN, Site

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


def kept(site: Site) -> list[StoredAuditEntry]:
    """Return the audit, the oldest first."""
    with site.database.reading() as session:
        return audit_log.newest(session, before=None, limit=1_000)[::-1]


def told(site: Site) -> list[tuple[str, str, str, str]]:
    return [(each.operator, each.action, each.target, each.outcome) for each in kept(site)]


def editor(site: Site) -> dict[str, str]:
    token_id, token = tokens.create_token()
    row = StoredToken(token_id, "editor", tokens.hash_token(token), ("edit",), NOW, None, None)
    with site.database.writing() as session:
        stored.create(session, row)
    return {"Authorization": f"Bearer {token}"}


def test_i01_each_action_is_audited_whatever_its_outcome(site: Site) -> None:
    client = site.client
    site.load(SEED.read_bytes())
    site.clock.move(seconds=1)
    site.load("[")
    site.load("{}")
    client.post("/admin/loads", content="[]", headers=editor(site))
    client.post("/admin/loads", content="[]", headers={"Authorization": "Bearer wrong"})
    client.post("/admin/loads", content="[]")
    client.put("/admin/loads/7", headers=AUTHORIZED)
    client.delete("/admin/nothing/at/all", headers=AUTHORIZED)
    assert told(site) == [
        ("bootstrap", "POST /admin/loads", "/admin/loads", "200 load 1"),
        ("bootstrap", "POST /admin/loads", "/admin/loads", "400"),
        ("bootstrap", "POST /admin/loads", "/admin/loads", "422 load 2"),
        ("editor", "POST /admin/loads", "/admin/loads", "403"),
        ("", "POST /admin/loads", "/admin/loads", "401"),
        ("", "POST /admin/loads", "/admin/loads", "401"),
        ("", "PUT /admin/loads/{load_id}", "/admin/loads/7", "405"),
        ("", "DELETE", "/admin/nothing/at/all", "404"),
    ]
    assert [(each.at - NOW).seconds for each in kept(site)] == [0] + [1] * 7
    assert all(re.fullmatch("[0-9a-f]{16}", each.request_id) for each in kept(site))


def test_i01_reads_and_public_paths_are_not_audited(site: Site) -> None:
    for method in "GET", "HEAD", "OPTIONS":
        site.client.request(method, "/admin/loads", headers=AUTHORIZED)
    site.client.post("/news/x", headers=AUTHORIZED)
    site.client.post("/administrators", headers=AUTHORIZED)
    assert kept(site) == []


def test_i01_new_routes_and_failing_routes_are_audited_too(own_site: Site) -> None:
    routes = APIRouter(prefix="/admin")
    allowed = Depends(require_scope("edit"))

    @routes.patch("/pages/{slug}", dependencies=[allowed])
    def change(slug: str) -> None:
        raise RuntimeError(slug)

    @routes.post("/later", dependencies=[allowed])
    def accept() -> Response:
        return Response(None, 202, {"Location": "/admin/loads/12"})

    app: Any = own_site.client.app
    app.include_router(routes)
    client = TestClient(app, raise_server_exceptions=False)
    answer = client.patch("/admin/pages/story", headers=AUTHORIZED)
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == kept(own_site)[0].request_id
    client.post("/admin/later", headers=AUTHORIZED)
    assert told(own_site) == [
        ("bootstrap", "PATCH /admin/pages/{slug}", "/admin/pages/story", "500"),
        ("bootstrap", "POST /admin/later", "/admin/later", "202 load 12"),
    ]


@pytest.mark.parametrize(
    "path", ["/admin/" + "x" * 5_000, "/admin/%00%0A%C2%85%E2%80%AE", "/admin"]
)
def test_i22_an_audited_path_is_short_and_printable(site: Site, path: str) -> None:
    site.client.post(path, headers=AUTHORIZED)
    [(_, action, target, outcome)] = told(site)
    assert (action, outcome) == ("POST", "404")
    assert len(target) <= 61
    assert target.isprintable()


def test_i01_requests_without_a_token_cannot_fill_the_disk(open_site: Callable[..., Site]) -> None:
    site = open_site(failed_tokens=3)
    for headers in {}, {"Authorization": "Bearer wrong"}:
        for path in "/admin/loads", "/admin/nothing":
            for _ in range(3):
                site.client.post(path, headers=headers)
    assert len(kept(site)) == 3
    site.load("[]")
    assert len(kept(site)) == 4
    for number in range(100):
        TestClient(site.client.app, client=(f"192.0.2.{number}", 1)).post("/admin/loads")
    assert len(kept(site)) == 4 + ANONYMOUS_AUDITS_A_MINUTE - 3
    site.clock.move(minutes=1)
    site.client.post("/admin/loads")
    assert len(kept(site)) == 5 + ANONYMOUS_AUDITS_A_MINUTE - 3


def test_i20_the_row_is_committed_before_the_response_starts(site: Site) -> None:
    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen.append(len(kept(site)))
            await send(message)

        await site.client.app(scope, receive, watched)

    client = TestClient(app)
    client.post("/admin/loads", content="[]", headers=AUTHORIZED)
    client.post("/admin/loads")
    assert seen == [1, 2]


def test_c06_a_response_does_not_wait_long_for_its_row_which_is_written_later(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit_middleware, "AUDIT_TIMEOUT_SECONDS", 0.2)
    began = time.monotonic()
    with site.database.writing() as session:
        if not site.database.embedded:
            session.execute(text("LOCK TABLE actions"))
        assert site.load("[", **{"X-Request-ID": "patient"}).status_code == 400
        assert time.monotonic() - began < 3
    assert "audit entry not written yet" in caplog.text
    assert "request_id='patient'" in caplog.text
    pool = site.database.engine.pool
    assert isinstance(pool, QueuePool)
    # Also until its connection is back: else it would be open when the test is over.
    while not (rows := kept(site)) or pool.checkedout():
        assert time.monotonic() - began < 15
        time.sleep(0.05)
    assert [(row.request_id, row.outcome) for row in rows] == [("patient", "400")]


def test_c06_an_action_succeeds_while_the_audit_log_is_unavailable(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with site.database.writing() as session:
        session.execute(text("ALTER TABLE actions RENAME TO elsewhere"))
    try:
        report = site.loaded(SEED.read_bytes())
    finally:
        with site.database.writing() as session:
            session.execute(text("ALTER TABLE elsewhere RENAME TO actions"))
    assert report["summary"]["created"] == 1
    assert "audit entry not written" in caplog.text
    assert "outcome='200 load 1'" in caplog.text
    assert kept(site) == []


def test_i01_audit_rows_and_receipts_have_the_same_request_id(site: Site) -> None:
    article = f"/admin/articles/{SEED_SLUG}"
    feed = SEED.read_bytes()
    for number, (method, path, content) in enumerate(
        (
            ("POST", "/admin/loads", feed),
            ("POST", "/admin/loads?dry_run=true", feed),
            ("PATCH", article, b'{"title": "Corrected"}'),
            ("POST", "/admin/loads/2/undo", b""),
            ("DELETE", article, b""),
        )
    ):
        headers = {**AUTHORIZED, "X-Request-ID": f"r{number}"}
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        if method in {"PATCH", "DELETE"}:
            headers["If-Match"] = site.client.get(article, headers=AUTHORIZED).headers["etag"]
        answer = site.client.request(method, path, content=content, headers=headers)
        assert answer.status_code == 200, answer.text
    assert [(action, outcome) for _, action, _, outcome in told(site)] == [
        ("POST /admin/loads", "200 load 1"),
        ("POST /admin/loads", "200"),
        ("PATCH /admin/articles/{slug}", "200 load 2"),
        ("POST /admin/loads/{load_id}/undo", "200 load 3"),
        ("DELETE /admin/articles/{slug}", "200 load 4"),
    ]
    receipts = site.client.get("/admin/loads", headers=AUTHORIZED).json()["loads"]
    assert [each["load"]["request_id"] for each in receipts] == ["r4", "r3", "r2", "r0"]


def test_i01_the_row_of_an_asynchronous_load_names_the_load(site: Site) -> None:
    headers = {"Prefer": "respond-async", "X-Request-ID": "later"}
    assert site.load(SEED.read_bytes(), **headers).status_code == 202
    assert told(site)[0][3] == "202 load 1"


# --- request ids -------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", ["7f", "a-b.c_d~e", "x" * 64, "!#$%&'*+.^_`|~"])
def test_i01_a_valid_request_id_of_the_client_is_used(site: Site, sent: str) -> None:
    answer = site.client.post("/admin/loads", headers={"X-Request-ID": sent})
    assert answer.headers.get_list("x-request-id") == [sent]
    assert kept(site)[0].request_id == sent


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "a\tb", 'a"b', "a,b", "<b>", "é", "{{x}}"])
def test_i22_an_invalid_request_id_is_not_repeated(site: Site, sent: str) -> None:
    headers = [(b"X-Request-ID", sent.encode())]
    answer = site.client.post("/admin/loads", headers=headers)
    [given] = answer.headers.get_list("x-request-id")
    assert re.fullmatch("[0-9a-f]{16}", given)
    assert kept(site)[0].request_id == given


def test_i01_of_two_request_ids_neither_is_used(site: Site) -> None:
    headers = [(b"X-Request-ID", b"one"), (b"X-Request-ID", b"two")]
    answer = site.client.get("/admin/loads", headers=headers)
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


def test_i01_all_admin_responses_and_no_others_have_a_request_id(site: Site) -> None:
    site.loaded(SEED.read_bytes())
    seen = set()
    for path in (
        "/admin",
        "/admin/loads",
        "/admin/loads/1",
        "/admin/nothing",
        "/admin/loads?limit=0",
    ):
        for method in "GET", "HEAD", "POST", "DELETE", "OPTIONS":
            answer = site.client.request(method, path, headers=AUTHORIZED)
            seen.add(answer.headers["x-request-id"])
    assert len(seen) == 25
    for path in "/news/x", "/health/live", "/administrators", "/openapi.json":
        assert "x-request-id" not in site.client.get(path).headers


def test_i01_log_lines_have_the_request_id_in_worker_threads_too(
    own_site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    routes = APIRouter(prefix="/admin")
    logger = logging.getLogger("somewhere")

    @routes.get("/thread")
    def in_thread() -> None:
        logger.warning("in thread %s", threading.current_thread() is threading.main_thread())

    @routes.get("/loop")
    async def in_loop() -> None:
        logger.warning("in loop")

    app: Any = own_site.client.app
    app.include_router(routes)
    logger.warning("before")
    for path in "/admin/thread", "/admin/loop":
        own_site.client.get(path, headers={"X-Request-ID": path[-4:]})
    logger.warning("after")
    said = [record.getMessage() for record in caplog.records if record.name == "somewhere"]
    assert said == [
        "before", "in thread False [request read]", "in loop [request loop]", "after",
    ]  # fmt: skip


def test_i01_the_log_of_a_real_server_has_request_ids(tmp_path: Path) -> None:
    with serving(tmp_path, env=environment(SLUGLINE_ADMIN_TOKEN=TOKEN)) as server:
        wrong = {"Authorization": "Bearer wrong", "X-Request-ID": "from-afar"}
        assert httpx2.post(f"{server.base}/admin/loads", headers=wrong).status_code == 401
        log = server.log.read_text()
    assert "token from 127.0.0.1 [request from-afar]" in log


# --- reading it --------------------------------------------------------------------------------


def test_i01_operators_page_through_the_audit_log_newest_first(site: Site) -> None:
    for number in range(5):
        site.load("[", **{"X-Request-ID": f"r{number}"})
    token = editor(site)
    found, path = [], "/admin/actions?limit=2"
    while path:
        answer = site.client.get(path, headers=token)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        found += answer.json()["actions"]
        path = answer.json()["next"]
    assert [each["request_id"] for each in found] == ["r4", "r3", "r2", "r1", "r0"]
    assert found[0] == {
        "id": found[0]["id"],
        "at": "2026-07-01T12:00:00Z",
        "operator": "bootstrap",
        "action": "POST /admin/loads",
        "target": "/admin/loads",
        "outcome": "400",
        "request_id": "r4",
    }
    assert site.client.get("/admin/actions").status_code == 401
    assert site.client.head("/admin/actions", headers=token).status_code == 200
    for query in "limit=0", "limit=1001", "before=0", "before=x":
        answer = site.client.get(f"/admin/actions?{query}", headers=token)
        assert answer.status_code == 400


def test_i01_a_token_without_scope_cannot_read_the_audit_log(site: Site) -> None:
    token_id, token = tokens.create_token()
    row = StoredToken(token_id, "nobody", tokens.hash_token(token), (), NOW, None, None)
    with site.database.writing() as session:
        stored.create(session, row)
    answer = site.client.get("/admin/actions", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    assert 'scope="load edit"' in answer.headers["www-authenticate"]


def test_i01_the_openapi_document_describes_401_and_403(site: Site) -> None:
    document = site.client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for operation in methods.values() if path.startswith("/admin") else ():
            assert {"401", "403", "429"} <= set(operation["responses"])
            for response in operation["responses"].values():
                assert "X-Request-ID" in response["headers"]
    assert "/admin/actions" in document["paths"]


def test_i01_token_commands_are_audited_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, database: Database, database_url: str
) -> None:
    shell = Shell(capsys)
    for arguments in (
        "create --name nightly --scopes edit,load",
        "create --name nightly",
        "create --name bootstrap",
        "revoke nightly",
        "revoke nightly",
    ):
        shell.run("tokens", *arguments.split(), cwd=tmp_path, SLUGLINE_DATABASE_URL=database_url)
    with database.reading() as session:
        rows = audit_log.newest(session, before=None, limit=9)
    told = [(row.operator, row.action, row.target, row.outcome, row.request_id) for row in rows]
    assert told == [
        ("command line", "tokens revoke", "nightly", "revoked", ""),
        ("command line", "tokens create", "nightly", "created with load, edit", ""),
    ]
    with database.writing() as session:
        stored.create(session, StoredToken("x", "weekly", "", (), NOW, None, None, NOW))
    listed = shell.run("tokens", "list", cwd=tmp_path, SLUGLINE_DATABASE_URL=database_url).stdout
    assert "Last used" in listed
    assert "never" in next(line for line in listed.splitlines() if "nightly" in line)
    assert "2026-07-01T12:00:00Z" in next(line for line in listed.splitlines() if "weekly" in line)
