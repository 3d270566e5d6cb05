"""`/news/<slug>` over HTTP: what each client gets, and what the answer says of itself."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.client import HTTPConnection
from typing import Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.database.tables import Article, SlugAlias
from app.main import create_app
from app.representations.article import BY_SUFFIX, FORMATS, ArticleFormat
from app.settings import Settings
from tests.support.paths import SEED
from tests.support.site import (
    NOW,
    SEED_SITE,
    SEED_SLUG,
    Site,
    every_database,
    one_database,
    undo_load,
)
from tests.support.strategies import SIGNS

pytestmark = one_database

BARE = f"/news/{SEED_SLUG}"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
TYPES = {form.name: form.content_type for form in FORMATS}
ADDRESSES = [BARE, *(BARE + suffix for suffix in BY_SUFFIX)]

each_form = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)


@pytest.fixture
def seeded(site: Site) -> Site:
    """The site with the seed in it."""
    site.loaded(SEED.read_bytes())
    return site


# --- negotiation, as clients meet it -----------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, "html"),
        ("*/*", "html"),
        (BROWSER, "html"),
        ("text/markdown, text/html, */*", "markdown"),
        ("text/plain", "text"),
        ("application/json, text/plain, */*", "json"),
        ('application/ld+json;profile="http://www.w3.org/ns/json-ld#expanded"', "jsonld"),
    ],
)
@every_database
def test_n01_to_n06_each_client_gets_the_representation_it_asks_for(
    seeded: Site, accept: str | None, name: str
) -> None:
    answer = seeded.get(BARE, accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == TYPES[name]


def test_n02_several_accept_lines_are_one_list(seeded: Site) -> None:
    lines = [("Accept", "text/html;q=0.1"), ("Accept", "text/markdown")]
    answer = seeded.client.get(BARE, headers=lines)
    assert answer.headers["content-type"] == TYPES["markdown"]


def test_n07_406_lists_all_variants_if_none_is_acceptable(seeded: Site) -> None:
    answer = seeded.get(BARE, "application/pdf")
    assert answer.status_code == 406
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert "Accept" in answer.headers["vary"]
    urls = {variant["type"]: variant["url"] for variant in answer.json()["variants"]}
    assert urls == {form.media_type: SEED_SITE + BARE + form.suffix for form in FORMATS}
    assert answer.headers["link"].count('rel="alternate"') == len(FORMATS)


def test_n08_an_unknown_slug_is_404_before_it_is_406(site: Site) -> None:
    assert site.get("/news/nothing", "application/pdf").status_code == 404


@each_form
def test_n09_a_suffix_fixes_the_type_whatever_is_accepted(
    seeded: Site, form: ArticleFormat
) -> None:
    if not form.suffix:
        return
    for accept in None, "text/html", "application/pdf", "*/*;q=0":
        answer = seeded.get(BARE + form.suffix, accept)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == form.content_type
        assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("spelling", "suffix"),
    [(".html", ""), ("/", ""), (".html/", ""), (".md/", ".md"), (".jsonld/", ".jsonld")],
)
def test_n10_and_h04_other_spellings_redirect_with_their_query(
    seeded: Site, spelling: str, suffix: str
) -> None:
    answer = seeded.get(f"{BARE}{spelling}?a=b&c=%2F", **{"X-Forwarded-Proto": "https"})
    assert answer.status_code == 308
    # No scheme, so that none can be wrong behind a proxy.
    assert answer.headers["location"] == f"{BARE}{suffix}?a=b&c=%2F"
    assert answer.headers["cache-control"] == "public, max-age=86400"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("spelling", [".html", "/", ".md/", ".html.html", ".md.html"])
def test_n08_a_missing_article_is_404_however_its_address_is_spelled(
    site: Site, spelling: str
) -> None:
    assert site.get(f"/news/nothing{spelling}").status_code == 404


@every_database
def test_i13_an_old_slug_redirects_in_one_hop_with_suffix_and_query(
    seeded: Site,
) -> None:
    with seeded.database.writing() as session:
        session.add(SlugAlias(slug="an-old-slug", article_id=1))
    for suffix in "", *BY_SUFFIX:
        answer = seeded.get(f"/news/an-old-slug{suffix}?a=b")
        assert answer.status_code == 308
        assert answer.headers["location"] == f"{BARE}{suffix}?a=b"
        # An article may go back to where it was, and then nobody should have it the other way.
        assert answer.headers["cache-control"].startswith("public, max-age=60,")
        assert answer.headers["cache-tag"] == f"article-{SEED_SLUG},article-an-old-slug"
    assert seeded.get("/news/an-old-slug.html").headers["location"] == BARE
    assert seeded.get("/news/an-old-slug.md/").headers["location"] == f"{BARE}.md"


@every_database
def test_i13_a_live_slug_beats_an_alias(seeded: Site) -> None:
    other = json.loads(SEED.read_text()) | {"slug": "other", "canonical_source": None}
    seeded.loaded(json.dumps(other))
    with seeded.database.writing() as session:
        session.add(SlugAlias(slug="other", article_id=1))
    assert seeded.get("/news/other.json").json()["slug"] == "other"


@every_database
def test_i14_a_withdrawn_article_beats_an_alias_too(seeded: Site) -> None:
    other = json.loads(SEED.read_text()) | {"slug": "other", "canonical_source": None}
    seeded.loaded(json.dumps(other))
    with seeded.database.writing() as session:
        session.add(SlugAlias(slug="other", article_id=1))
        session.get_one(Article, 2).withdrawn_at = NOW
    assert seeded.get("/news/other").status_code == 410


@every_database
def test_i14_a_withdrawn_article_is_gone_in_every_format_and_at_every_slug(seeded: Site) -> None:
    with seeded.database.writing() as session:
        session.add(SlugAlias(slug="an-old-slug", article_id=1))
        session.get_one(Article, 1).withdrawn_at = NOW
    for path in *ADDRESSES, f"{BARE}/", "/news/an-old-slug", "/news/an-old-slug.md":
        answer = seeded.get(path, "text/html")
        assert answer.status_code == 410
        assert answer.headers["cache-control"].endswith("max-age=3600")
    report = seeded.loaded(SEED.read_bytes())
    assert report["results"][0]["reason"] == "the article was withdrawn"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (BROWSER, "text/html; charset=utf-8"),
        ("text/markdown", "text/markdown; charset=utf-8"),
        ("text/plain", "text/plain; charset=utf-8"),
        (None, "application/problem+json"),
        ("*/*", "application/problem+json"),
        ("application/json", "application/problem+json"),
        ("application/ld+json", "application/problem+json"),
        ("application/pdf", "application/problem+json"),
    ],
)
@pytest.mark.parametrize("path", ["/news/nothing", "/nothing", "/nothing/at/all", "/news/a%2Fb"])
def test_n11_an_error_is_negotiated_too(
    site: Site, path: str, accept: str | None, content_type: str
) -> None:
    answer = site.get(path, accept)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == content_type
    assert "Accept" in answer.headers["vary"]
    assert "404" in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("suffix", "content_type"),
    [
        (".md", "text/markdown; charset=utf-8"),
        (".txt", "text/plain; charset=utf-8"),
        (".json", "application/problem+json"),
        (".jsonld", "application/problem+json"),
    ],
)
def test_n09_an_error_at_a_twin_has_the_format_of_the_twin(
    site: Site, suffix: str, content_type: str
) -> None:
    answer = site.get(f"/news/nothing{suffix}", BROWSER)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == content_type
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ADDRESSES)
def test_n12_the_user_agent_changes_nothing(seeded: Site, path: str) -> None:
    answers = [seeded.get(path, **{"User-Agent": agent}) for agent in ("curl/8", "Googlebot")]
    assert answers[0].content == answers[1].content
    assert "user-agent" not in answers[0].headers["vary"].lower()


# --- header fields -----------------------------------------------------------------------------


@each_form
@pytest.mark.parametrize("bare", [True, False], ids=["bare", "twin"])
def test_section_2_every_response_has_the_headers_that_describe_it(
    seeded: Site,
    form: ArticleFormat,
    bare: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    path = BARE if bare else BARE + form.suffix
    answer = seeded.get(path, form.media_type)
    fields = answer.headers
    assert fields["content-type"] == form.content_type
    assert fields["content-language"] == "en"
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["content-length"] == str(answer.num_bytes_downloaded)
    assert fields["last-modified"] == "Wed, 24 Jun 2026 00:49:22 GMT"
    assert fields["etag"].startswith('"')
    negotiated = bare or not form.suffix
    assert fields["vary"] == ("Accept, Accept-Encoding" if negotiated else "Accept-Encoding")
    assert fields.get("content-location") == (BARE + form.suffix if negotiated else None)


@each_form
def test_the_link_header_names_alternates_canonical_and_source(
    seeded: Site, form: ArticleFormat
) -> None:
    source = json.loads(SEED.read_text())["canonical_source"]
    link = seeded.get(BARE, form.media_type).headers["link"]
    for other in FORMATS:
        target = f'<{SEED_SITE}{BARE}{other.suffix}>; rel="alternate"; type="{other.media_type}"'
        assert (target in link) == (other is not form)
    assert f'<{source}>; rel="canonical"' in link
    assert f'<{source}>; rel="via"' in link


@pytest.mark.parametrize("canonical", ["source", "self"])
def test_h05_the_link_header_and_the_page_name_one_canonical_url(
    open_site: Callable[..., Site], canonical: str
) -> None:
    site = open_site(canonical=canonical)
    source = "https://example.com/ü?x=ï&y=1"
    feed = json.loads(SEED.read_text()) | {"canonical_source": source}
    site.loaded(json.dumps(feed))
    answer = site.get(BARE)
    encoded = "https://example.com/%C3%BC?x=%C3%AF&y=1"
    expected = encoded if canonical == "source" else SEED_SITE + BARE
    assert f'<{expected}>; rel="canonical"' in answer.headers["link"]
    assert f'<link rel="canonical" href="{expected.replace("&", "&amp;")}">' in answer.text


@every_database
def test_an_etag_differs_between_representations_and_follows_the_content(seeded: Site) -> None:
    before = {form.name: seeded.get(BARE, form.media_type).headers["etag"] for form in FORMATS}
    assert len(set(before.values())) == len(FORMATS)
    assert seeded.get(f"{BARE}.md").headers["etag"] == before["markdown"]
    seeded.loaded(SEED.read_bytes())
    assert seeded.get(BARE).headers["etag"] == before["html"]
    newer = json.loads(SEED.read_text()) | {
        "title": "Corrected",
        "updated_at": "2026-06-25T00:00:00Z",
    }
    seeded.loaded(json.dumps(newer))
    after = {form.name: seeded.get(BARE, form.media_type).headers["etag"] for form in FORMATS}
    assert not set(before.values()) & set(after.values())


@every_database
def test_last_modified_is_never_later_than_now(site: Site) -> None:
    ahead = json.loads(SEED.read_text()) | {"updated_at": "2026-12-31T00:00:00Z"}
    site.loaded(json.dumps(ahead))
    modified = parsedate_to_datetime(site.get(BARE).headers["last-modified"])
    # The server's Date is refreshed once a second, so it may be that much behind the clock.
    assert modified == NOW - timedelta(seconds=1)


@pytest.mark.parametrize("caching", ["safe", "vary"])
def test_c04_only_pages_and_twins_are_for_shared_caches_that_ignore_vary(
    open_site: Callable[..., Site], caching: str
) -> None:
    site = open_site(negotiation_cache=caching)
    site.loaded(SEED.read_bytes())
    for form in FORMATS:
        bare, twin = site.get(BARE, form.media_type), site.get(BARE + form.suffix)
        assert twin.headers["cache-control"].startswith("public, max-age=60")
        shared = bare.headers["cache-control"].startswith("public")
        assert shared == (form.name == "html" or caching == "vary")
        assert (bare.headers.get("cdn-cache-control") == "no-store") == (not shared)
    missing = site.get("/news/nothing", "application/json")
    assert missing.headers["cache-control"].startswith("private") == (caching == "safe")


@every_database
def test_c02_the_response_to_an_authorized_request_is_not_stored(seeded: Site) -> None:
    for path in BARE, "/news/nothing", f"{BARE}.json", f"{BARE}.html", f"{BARE}/":
        assert "no-store" not in seeded.get(path).headers["cache-control"]
        answer = seeded.get(path, **seeded.authorized)
        assert answer.headers["cache-control"] == "private, no-store"


def test_c01_settings_change_the_freshness(open_site: Callable[..., Site]) -> None:
    chosen = {"max_age": 5, "shared_max_age": 3600, "stale_while_revalidate": 7}
    others = {"stale_if_error": 8, "redirect_max_age": 9, "not_found_max_age": 10}
    site = open_site(**chosen, **others)
    site.loaded(SEED.read_bytes())
    fresh = "public, max-age=5, s-maxage=3600, stale-while-revalidate=7, stale-if-error=8"
    assert site.get(BARE).headers["cache-control"] == fresh
    assert site.get(f"{BARE}/").headers["cache-control"] == "public, max-age=9"
    assert site.get("/news/nothing.md").headers["cache-control"] == "public, max-age=10"
    assert site.get(BARE, "application/pdf").headers["cache-control"] == "no-store"


def test_c03_responses_name_the_tags_to_purge_them_by(seeded: Site) -> None:
    record = json.loads(SEED.read_text())
    many = [f"entity number {number}" for number in range(60)]
    other = record | {"slug": "other", "canonical_source": None, "entities": many}
    seeded.loaded(json.dumps(other))
    for slug, count in (
        (SEED_SLUG, 1 + len(record["topics"]) + len(record["entities"])),
        (
            "other",
            50,
        ),
    ):
        for form in FORMATS:
            fields = seeded.get(f"/news/{slug}{form.suffix}").headers
            keys = fields["surrogate-key"].split(" ")
            assert keys == fields["cache-tag"].split(",")
            assert keys[0] == f"article-{slug}"
            assert {f"topic-{topic}" for topic in record["topics"]} <= set(keys)
            assert len(keys) == len(set(keys)) == count
            assert all(key.isascii() and key.isprintable() for key in keys)


def test_the_page_has_a_content_security_policy_without_scripts(seeded: Site) -> None:
    policy = seeded.get(BARE).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in policy
    assert "connect-src 'self'" in policy


# --- methods -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*ADDRESSES, f"{BARE}.html", f"{BARE}/", "/health/live"])
def test_h02_405_and_options_name_all_methods_of_the_path(seeded: Site, path: str) -> None:
    for method in "POST", "PUT", "PATCH", "DELETE":
        refused = seeded.client.request(method, path)
        assert refused.status_code == 405
        assert refused.headers["allow"] == "GET, HEAD, OPTIONS"
    options = seeded.client.options(path)
    assert options.status_code == 204
    assert options.headers["allow"] == "GET, HEAD, OPTIONS"
    assert not options.content


def test_h02_a_path_with_two_routes_names_the_methods_of_both(site: Site) -> None:
    answer = site.client.delete("/admin/loads")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST, OPTIONS"


def test_h02_a_browser_on_another_site_may_read_but_not_administer(seeded: Site) -> None:
    ask = {"Origin": "https://other.example", "Access-Control-Request-Method": "GET"}
    public = seeded.client.options(BARE, headers=ask)
    assert public.headers["access-control-allow-origin"] == "*"
    assert public.headers["access-control-allow-methods"] == "GET, HEAD"
    admin = seeded.client.options("/admin/loads", headers=ask)
    assert "access-control-allow-origin" not in admin.headers
    assert seeded.get(BARE).headers["access-control-allow-origin"] == "*"


def test_options_of_an_unknown_path_is_404(site: Site) -> None:
    assert site.client.options("/nothing").status_code == 404


# --- over a real socket ------------------------------------------------------------------------


@pytest.fixture
def served(new_sqlite_database: Callable[[], str]) -> Iterator[int]:
    """The port of a real server with the seed in it."""
    token = "a-token-for-the-tests"  # noqa: S105 - it opens nothing but this server
    chosen = Settings.model_validate(
        {"database_url": new_sqlite_database(), "public_base_url": SEED_SITE, "admin_token": token}
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(chosen), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port: int = listener.getsockname()[1]
    connection = HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {token}"}
    connection.request("POST", "/admin/loads", SEED.read_bytes(), headers)
    assert connection.getresponse().status == 200
    connection.close()
    yield port
    server.should_exit = True
    thread.join()


def ask(connection: HTTPConnection, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    connection.request(method, path, headers={"Accept": "text/markdown"})
    answer = connection.getresponse()
    fields = {name.lower(): value for name, value in answer.getheaders() if name.lower() != "date"}
    return answer.status, fields, answer.read()


def test_h01_head_is_get_without_the_body_also_for_errors(served: int) -> None:
    connection = HTTPConnection("127.0.0.1", served)
    for path in [*ADDRESSES, "/news/nothing", "/nothing", f"{BARE}.html", "/health/live"]:
        status, fields, body = ask(connection, "GET", path)
        assert ask(connection, "HEAD", path) == (status, fields, b"")
        assert fields["content-length"] == str(len(body))
    connection.close()


@given(junk=st.binary(max_size=40) | st.text(SIGNS, max_size=20).map(lambda text: text.encode()))
def test_a_hostile_path_is_a_404_or_a_redirect_and_never_a_5xx(site: Site, junk: bytes) -> None:
    path = "".join(f"%{byte:02x}" for byte in junk)
    for suffix in "", ".md", ".html", "/":
        answer = site.client.get(f"/news/{path}{suffix}")
        assert answer.status_code in {308, 404}
        assert "\n" not in answer.headers.get("location", "")


@pytest.mark.parametrize(
    "path", ["%00", "%ff", "..%2f..%2fetc", "%2e%2e", "a%0d%0ab: c", "%ed%a0%80", "a" * 5000, ".md"]
)
def test_a_malformed_path_is_404(site: Site, path: str) -> None:
    answer = site.client.get(f"/news/{path}")
    assert answer.status_code == 404
    assert len(answer.content) < 1000


def test_an_article_updated_a_second_ago_has_last_modified(site: Site) -> None:
    fresh = json.loads(SEED.read_text()) | {"updated_at": (NOW - timedelta(seconds=1)).isoformat()}
    site.loaded(json.dumps(fresh))
    assert site.get(BARE).headers["last-modified"] == "Wed, 01 Jul 2026 11:59:59 GMT"


# --- Last-Modified never goes back (C-05a) ----------------------------------------------------


def last_modified(site: Site, path: str = BARE) -> Any:
    """Return Last-Modified, a while after whatever happened last."""
    site.clock.move(seconds=10)
    return parsedate_to_datetime(site.get(path).headers["last-modified"])


def is_not_modified_since(site: Site, instant: datetime, path: str = BARE) -> bool:
    since = {"If-Modified-Since": format_datetime(instant, usegmt=True)}
    return site.get(path, **since).status_code == 304


@every_database
def test_c05a_last_modified_does_not_go_back_with_an_undo(site: Site) -> None:
    seed = json.loads(SEED.read_text())
    site.loaded(json.dumps(seed))
    first = last_modified(site)
    newer = {"title": "Newer", "updated_at": "2026-06-25T00:00:00Z"}
    load = site.loaded(json.dumps(seed | newer))["load"]
    second = last_modified(site)
    assert second > first
    assert not is_not_modified_since(site, first)
    assert is_not_modified_since(site, second)
    assert undo_load(site, load["id"]).status_code == 200
    assert "Newer" not in site.get(BARE).text
    assert not is_not_modified_since(site, second)  # also at once
    third = last_modified(site)
    assert third > second
    assert not is_not_modified_since(site, second)
    assert is_not_modified_since(site, third)
    again = {"title": "Again", "updated_at": "2026-06-26T00:00:00Z"}
    site.loaded(json.dumps(seed | again))
    assert last_modified(site) > third


@every_database
def test_c05a_last_modified_does_not_go_back_where_another_article_takes_the_slug(
    site: Site,
) -> None:
    seed = json.loads(SEED.read_text())
    site.loaded(json.dumps(seed))
    first = last_modified(site)
    older = {"canonical_source": None, "updated_at": "2026-06-24T00:00:00Z", "title": "Other"}
    site.loaded(json.dumps(seed | older | {"slug": "other"}))
    for old, new in (SEED_SLUG, "elsewhere"), ("other", SEED_SLUG):
        edit = site.client.patch(
            f"/admin/articles/{old}", json={"slug": new}, headers=site.authorized
        )
        assert edit.status_code == 200, edit.text
    assert "Other" in site.get(BARE).text
    assert last_modified(site) > first
    assert not is_not_modified_since(site, first)
    assert not is_not_modified_since(site, first, "/news/elsewhere")


@every_database
def test_c05a_last_modified_does_not_go_back_where_a_creation_was_undone(site: Site) -> None:
    seed = json.loads(SEED.read_text())
    load = site.loaded(json.dumps(seed))["load"]
    first = last_modified(site)
    assert undo_load(site, load["id"]).status_code == 200
    site.clock.move(minutes=1)
    older = {"title": "Older", "updated_at": "2026-06-24T00:00:00Z"}
    site.loaded(json.dumps(seed | older))
    assert "Older" in site.get(BARE).text
    assert last_modified(site) > first
    assert not is_not_modified_since(site, first)


@every_database
def test_c05a_a_change_of_settings_or_templates_moves_last_modified(
    open_site: Callable[..., Site],
) -> None:
    old = open_site(site_name="Old name")
    old.loaded(SEED.read_bytes())
    first = last_modified(old)
    assert first == datetime(2026, 6, 24, 0, 49, 22, tzinfo=UTC)
    new = open_site(site_name="New name")
    assert "New name" in new.get(BARE).text
    assert not is_not_modified_since(new, first)
    second = last_modified(new)
    assert second > first
    assert is_not_modified_since(new, second)
    same = open_site(site_name="New name")
    assert last_modified(same) == second


@every_database
def test_c05a_a_database_that_served_before_fingerprints_were_kept_counts_as_changed(
    open_site: Callable[..., Site],
) -> None:
    old = open_site()
    old.loaded(SEED.read_bytes())
    first = last_modified(old)
    with old.database.writing() as session:
        session.execute(text("DELETE FROM properties WHERE name = 'rendering'"))
    assert last_modified(open_site()) > first
