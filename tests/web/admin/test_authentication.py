"""Authentication under `/admin` (I-01): tokens, scopes, rate limiting; and health checks."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, Engine, event, text

from app.auth import tokens
from app.auth.tokens import StoredToken, TokenNameError, UnknownScopeError
from app.database.transactions import Database
from app.store import tokens as stored
from tests.support.site import NOW, TOKEN, Site


def create_token(site: Site, name: str, *scopes: str, days: float | None = None) -> str:
    """Store a new token and return it."""
    token_id, token = tokens.create_token()
    row = StoredToken(
        id=token_id,
        name=name,
        hash=tokens.hash_token(token),
        scopes=scopes,
        created_at=NOW,
        expires_at=None if days is None else NOW + timedelta(days=days),
        revoked_at=None,
    )
    with site.database.writing() as session:
        assert stored.create(session, row)
        assert not stored.create(session, row)
    return token


def status_with(site: Site, authorization: str) -> int:
    headers = {"Authorization": authorization}
    return site.client.get("/admin/loads", headers=headers).status_code


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_i01_a_request_without_a_token_is_401_with_a_challenge(site: Site, method: str) -> None:
    answer = site.client.request(method, "/admin/loads")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="slugline"'
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer wrong",
        "Bearer ",
        "Bearer",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        "Bearer slg_",
        "Bearer slg__x",
        "Bearer slg_0123456789ab_wrong",
        "Bearer slg_'; DROP TABLE tokens; --_x",
        "Bearer " + "x" * 5000,
        "Bearer \xff\xfe",
    ],
)
def test_i01_an_invalid_token_is_401(site: Site, authorization: str) -> None:
    create_token(site, "another", "load")
    headers = [(b"Authorization", authorization.encode("latin-1"))]
    answer = site.client.get("/admin/loads", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="slugline"')


def test_i01_a_stored_token_is_valid_until_it_expires_or_is_revoked(site: Site) -> None:
    lasting, brief = (
        create_token(site, "lasting", "load"),
        create_token(site, "brief", "load", days=1),
    )
    assert status_with(site, f"Bearer {lasting}") == 200
    assert status_with(site, f"bearer {brief}") == 200
    site.clock.move(days=1)
    assert status_with(site, f"Bearer {brief}") == 401
    with site.database.writing() as session:
        assert stored.revoke(session, "lasting", site.clock())
        assert not stored.revoke(session, "lasting", site.clock())
    assert status_with(site, f"Bearer {lasting}") == 401


def test_i01_a_token_without_the_scope_is_403_and_never_echoed(site: Site) -> None:
    token = create_token(site, "editor", "edit")
    answer = site.client.get("/admin/loads", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert 'scope="load"' in answer.headers["www-authenticate"]
    assert token not in answer.text


def test_i01_the_receipt_names_the_token(site: Site) -> None:
    token = create_token(site, "nightly", "load")
    headers = {"Authorization": f"Bearer {token}"}
    report = site.client.post("/admin/loads", content=b"[]", headers=headers).json()
    assert report["load"]["loaded_by"] == "nightly"
    assert site.loaded("[]")["load"]["loaded_by"] == "bootstrap"


def test_i01_tokens_are_never_logged_and_failures_are_logged_with_address_and_request_id(
    open_site: Callable[..., Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = open_site(failed_tokens=2)
    with caplog.at_level(logging.DEBUG):
        token = create_token(site, "nightly", "load")
        status_with(site, f"Bearer {token}")
        for _ in range(4):
            headers = {"Authorization": f"Bearer {token}x", "X-Request-ID": "from-afar"}
            site.client.post("/admin/loads", headers=headers)
    refused = [line for line in caplog.messages if line.startswith("refused")]
    expected = "refused an unknown, expired or revoked token from testclient [request from-afar]"
    assert refused == [expected, expected]
    written = [
        text for record in caplog.records for text in (record.getMessage(), repr(vars(record)))
    ]
    assert token.split("_", 2)[2] not in "".join(written)
    assert TOKEN not in "".join(written)


def uses(site: Site, name: str) -> datetime | None:
    with site.database.reading() as session:
        return {token.name: token.last_used_at for token in stored.list_all(session)}[name]


def test_i01_the_last_use_of_a_token_is_recorded_once_a_minute(site: Site) -> None:
    bearer = f"Bearer {create_token(site, 'nightly', 'load')}"
    assert uses(site, "nightly") is None
    status_with(site, bearer + "x")
    assert uses(site, "nightly") is None
    for seconds, known in (0, 0), (59, 0), (1, 60), (30, 60), (90, 180):
        site.clock.move(seconds=seconds)
        assert status_with(site, bearer) == 200
        assert uses(site, "nightly") == NOW + timedelta(seconds=known)


def test_i01_concurrent_uses_within_a_minute_are_recorded_once(database: Database) -> None:
    token_id, _ = tokens.create_token()
    row = StoredToken(token_id, "nightly", "", ("load",), NOW, None, None)
    with database.writing() as session:
        stored.create(session, row)
        for seconds in 0, 20, 59:
            stored.record_use(session, token_id, NOW + timedelta(seconds=seconds))
        assert stored.list_all(session)[0].last_used_at == NOW


def test_i01_authentication_does_not_wait_to_record_a_use(site: Site) -> None:
    bearer = f"Bearer {create_token(site, 'nightly', 'load')}"
    began = time.monotonic()
    with site.database.writing() as session:
        session.execute(text("UPDATE tokens SET name = name"))
        assert status_with(site, bearer) == 200
        assert status_with(site, bearer) == 200
    assert time.monotonic() - began < 2
    assert uses(site, "nightly") is None
    assert status_with(site, bearer) == 200
    assert uses(site, "nightly") == NOW


def test_i01_authentication_works_on_a_read_only_database(own_site: Site) -> None:
    bearer = f"Bearer {create_token(own_site, 'nightly', 'load')}"
    backend = own_site.database.engine.dialect.name

    @event.listens_for(Engine, "begin")
    def refuse(connection: Connection) -> None:
        if "slugline_writes" in connection.get_execution_options():
            only = "PRAGMA query_only = 1" if backend == "sqlite" else "SET TRANSACTION READ ONLY"
            connection.exec_driver_sql(only)

    try:
        assert status_with(own_site, bearer) == 200
    finally:
        event.remove(Engine, "begin", refuse)
    assert uses(own_site, "nightly") is None


def test_i01_a_network_with_too_many_failed_logins_is_429_for_the_rest_of_the_minute(
    open_site: Callable[..., Site],
) -> None:
    site = open_site(failed_tokens=3)
    fresh, known = create_token(site, "fresh", "load"), create_token(site, "known", "load")
    assert status_with(site, f"Bearer {known}") == 200
    for _ in range(3):
        assert status_with(site, "Bearer wrong") == 401
    site.clock.move(seconds=20)
    answer = site.client.get("/admin/loads", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "40"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/problem+json"
    # A token that was not valid before is not looked up; recently valid tokens still work.
    assert status_with(site, f"Bearer {fresh}") == 429
    assert status_with(site, f"Bearer {known}") == 200
    assert status_with(site, f"Bearer {TOKEN}") == 200
    # A request without a token is no guess, and is challenged as usual.
    assert site.client.get("/admin/loads").status_code == 401
    site.clock.move(seconds=40)
    assert status_with(site, f"Bearer {fresh}") == 200
    assert status_with(site, "Bearer wrong") == 401


def test_i01_a_revoked_token_loses_its_exemption_from_the_rate_limit(
    open_site: Callable[..., Site],
) -> None:
    site = open_site(failed_tokens=1)
    bearer = f"Bearer {create_token(site, 'nightly', 'load')}"
    assert status_with(site, bearer) == 200
    assert status_with(site, "Bearer wrong") == 401
    with site.database.writing() as session:
        stored.revoke(session, "nightly", site.clock())
    assert [status_with(site, bearer) for _ in range(2)] == [401, 429]


def test_i01_failed_logins_are_counted_for_each_network(
    open_site: Callable[..., Site],
) -> None:
    site = open_site(failed_tokens=1)

    def status_from(address: str) -> int:
        client = TestClient(site.client.app, client=(address, 1))
        return client.get("/admin/loads", headers={"Authorization": "Bearer x"}).status_code

    assert [status_from("2001:db8::1"), status_from("2001:db8::ffff")] == [401, 429]
    assert [status_from("2001:db8:0:1::1"), status_from("192.0.2.1")] == [401, 401]
    assert status_from("::ffff:192.0.2.1") == 429


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (" ", "blank"),
        ("a\nb", "line break"),
        ("bootstrap", "reserved for another operator"),
        ("command line ", "another operator"),
        ("\ud800", "surrogate"),
        ("x" * 101, "100 characters"),
    ],
)
def test_i01_token_names_are_printable_short_and_not_reserved(name: str, reason: str) -> None:
    with pytest.raises(TokenNameError, match=reason):
        tokens.validate_name(name)
    assert tokens.validate_name("Nachtlauf №1") == "Nachtlauf №1"


def test_scopes_are_validated_and_ordered() -> None:
    assert tokens.validate_scopes(["edit", "load"]) == ("load", "edit")
    with pytest.raises(UnknownScopeError, match="no such scope: root"):
        tokens.validate_scopes(["load", "root"])


def test_liveness_and_readiness_are_separate_checks(site: Site) -> None:
    for path, word in ("/health/live", "live"), ("/health/ready", "ready"):
        answer = site.client.get(path)
        assert answer.json() == {"status": word}
        assert answer.headers["cache-control"] == "no-store"
        assert site.client.head(path).status_code == 200
