"""Who may use the admin endpoint, I-01, and how the service says that it is well."""

import logging
from datetime import timedelta

import pytest

from app import tokens
from app.store import tokens as stored
from app.tokens import StoredToken, UnknownScopeError
from conftest import NOW, TOKEN, Site


def give(site: Site, name: str, *scopes: str, days: float | None = None) -> str:
    """Keep a new token and return it."""
    token_id, token = tokens.mint()
    kept = StoredToken(
        id=token_id,
        name=name,
        hash=tokens.hash_of(token),
        scopes=scopes,
        created_at=NOW,
        expires_at=None if days is None else NOW + timedelta(days=days),
        revoked_at=None,
    )
    with site.database.writing() as session:
        assert stored.create(session, kept)
        assert not stored.create(session, kept)
    return token


def status_with(site: Site, authorization: str) -> int:
    headers = {"Authorization": authorization}
    return site.client.get("/admin/loads", headers=headers).status_code


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_i01_without_a_token_the_answer_is_401_and_says_what_is_wanted(
    site: Site, method: str
) -> None:
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
def test_i01_a_token_that_is_none_is_401(site: Site, authorization: str) -> None:
    give(site, "another", "load")
    headers = [(b"Authorization", authorization.encode("latin-1"))]
    answer = site.client.get("/admin/loads", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="slugline"')


def test_i01_a_kept_token_opens_until_it_expires_or_is_revoked(site: Site) -> None:
    lasting, brief = give(site, "lasting", "load"), give(site, "brief", "load", days=1)
    assert status_with(site, f"Bearer {lasting}") == 200
    assert status_with(site, f"bearer {brief}") == 200
    site.clock.move(days=1)
    assert status_with(site, f"Bearer {brief}") == 401
    with site.database.writing() as session:
        assert stored.revoke(session, "lasting", site.clock())
        assert not stored.revoke(session, "lasting", site.clock())
    assert status_with(site, f"Bearer {lasting}") == 401


def test_i01_a_token_without_the_scope_is_403_and_named_in_no_answer(site: Site) -> None:
    token = give(site, "editor", "edit")
    answer = site.client.get("/admin/loads", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert 'scope="load"' in answer.headers["www-authenticate"]
    assert token not in answer.text


def test_i01_the_receipt_says_whose_token_it_was(site: Site) -> None:
    token = give(site, "nightly", "load")
    headers = {"Authorization": f"Bearer {token}"}
    report = site.client.post("/admin/loads", content=b"[]", headers=headers).json()
    assert report["load"]["loaded_by"] == "nightly"
    assert site.loaded("[]")["load"]["loaded_by"] == "bootstrap"


def test_i01_no_token_stands_in_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        token = give(site, "nightly", "load")
        status_with(site, f"Bearer {token}")
        status_with(site, f"Bearer {token}x")
    assert "refused" in caplog.text
    assert token not in caplog.text
    assert token.split("_", 2)[2] not in caplog.text


def test_scopes_are_checked_and_put_in_order() -> None:
    assert tokens.checked_scopes(["edit", "load"]) == ("load", "edit")
    with pytest.raises(UnknownScopeError, match="no such scope: root"):
        tokens.checked_scopes(["load", "root"])


def test_health_tells_running_from_ready(site: Site) -> None:
    for path, word in ("/health/live", "live"), ("/health/ready", "ready"):
        answer = site.client.get(path)
        assert answer.json() == {"status": word}
        assert answer.headers["cache-control"] == "no-store"
        assert site.client.head(path).status_code == 200
