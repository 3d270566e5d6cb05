"""`/negotiate`: what is explained is what happens, for any header, and costs little."""

import time
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.http.accept import negotiate, parse_accept, scores
from app.http.accept_explained import TOLD_AT_MOST, Rule, explain
from app.representations.article import BY_MEDIA_TYPE
from app.web.diagnostics.negotiate import LONGEST, parse_accept_query
from tests.support.paths import SEED
from tests.support.site import SEED_SLUG, Site, one_database

pytestmark = one_database

OFFERS = tuple(BY_MEDIA_TYPE)
MACHINE = {"Accept": "application/json"}
SHOWN = ("Content-Type", "Content-Location", "Vary", "Cache-Control", "CDN-Cache-Control")

# What a field may hold (RFC 9110 section 5.5), and mostly what looks like Accept.
pieces = st.sampled_from(
    [*OFFERS, "text/*", "*/*", "application/pdf", ",", ", ", ";q=0.5", ";q=0", ";q=2", ";x=y", '"']
)
visible = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]))
accepts = st.lists(pieces, max_size=8).map("".join) | st.lists(
    st.sampled_from([*OFFERS, "*/*", "text/*;q=0.7", "application/json;q=0.7"]), max_size=4
).map(", ".join) | visible  # fmt: skip


@pytest.fixture
def loaded(site: Site) -> Site:
    site.loaded(SEED.read_bytes())
    return site


def told(site: Site, accept: str) -> dict[str, Any]:
    answer = site.client.get(f"/negotiate?accept={quote(accept)}", headers=MACHINE)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("accept", "chosen", "rule"),
    [
        (None, "text/html", Rule.SITE),
        (";;;,,/", "text/html", Rule.SITE),
        ("*/*", "text/html", Rule.SITE),
        ("text/html;q=0.9, text/markdown", "text/markdown", Rule.WEIGHT),
        ("*/*, text/plain", "text/plain", Rule.NAMED),
        ("text/markdown, text/html, */*", "text/markdown", Rule.ORDER),
        ("application/json", "application/json", None),
        ("application/pdf", None, None),
    ],
)
def test_n04_the_deciding_rule_is_named(
    accept: str | None, chosen: str | None, rule: Rule | None
) -> None:
    explanation = explain(accept, OFFERS)
    assert (explanation.chosen, explanation.rule) == (chosen, rule)
    assert explanation.reason.endswith(".")


def test_each_member_of_accept_is_listed_with_its_matches_and_effect() -> None:
    accept = "text/*;q=0.5, text/html;level=1;q=0, a/b;q=abc, application/pdf, text/html;q=0.2"
    told_ = explain(accept, OFFERS).members
    assert [(m.position, m.media_range, m.q, m.has_parameters) for m in told_] == [
        (1, "text/*", 0.5, False),
        (2, "text/html", 0, True),
        (3, None, None, False),
        (4, "application/pdf", 1, False),
        (5, "text/html", 0.2, False),
    ]
    assert told_[0].matches == ("text/html", "text/markdown", "text/plain")
    assert told_[0].decides == ("text/markdown", "text/plain")
    assert (told_[1].matches, told_[1].decides) == (("text/html",), ())
    assert told_[4].decides == ("text/html",)
    assert [m.matches for m in told_[2:4]] == [(), ()]


@given(accepts)
@example("text/html;q=0, */*")
@example('text/plain;x="y, text/html')
def test_the_explanation_agrees_with_the_negotiation(accept: str) -> None:
    explanation = explain(accept, OFFERS)
    assert explanation.chosen == negotiate(accept, OFFERS)
    by_offer = {score.offer: score for score in scores(parse_accept(accept), OFFERS)}
    for standing in explanation.standings:
        score = by_offer[standing.media_type]
        assert standing.q == score.q / 1000
        beaten = standing.q > 0 and standing.media_type != explanation.chosen
        assert (standing.lost_by is not None) == beaten
        decider = [m for m in explanation.members if standing.media_type in m.decides]
        assert [m.position for m in decider] == [standing.decided_by] * bool(score.decided_by)


@given(accept=accepts)
@example(accept="application/ld+json")
@example(accept="application/pdf")
def test_n04_the_explained_answer_is_the_one_that_an_article_gives(
    loaded: Site, accept: str
) -> None:
    expected = told(loaded, accept)["answer"]
    # As bytes, so that any Latin-1 goes.
    answer = loaded.client.get(
        f"/news/{SEED_SLUG}", headers=[(b"Accept", accept.encode("latin-1"))]
    )
    assert answer.status_code == expected["status"]
    fields = {
        name: value.replace("{slug}", SEED_SLUG) for name, value in expected["headers"].items()
    }
    assert fields == {name: answer.headers[name] for name in SHOWN if name in answer.headers}


@pytest.mark.parametrize("setting", ["safe", "vary"])
def test_c04_the_explained_cache_policy_follows_the_settings(open_site: Any, setting: str) -> None:
    site = open_site(negotiation_cache=setting, max_age=7)
    headers = told(site, "text/markdown")["answer"]["headers"]
    assert ("CDN-Cache-Control" in headers) == (setting == "safe")
    assert headers["Cache-Control"].startswith(
        "private, max-age=7" if setting == "safe" else "public, max-age=7"
    )


def test_the_plain_text_response_explains_the_negotiation(site: Site) -> None:
    answer = site.get("/negotiate?accept=text/html;q=0.9,text/markdown,a;b", "*/*")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    first, _, title, *lines = answer.text.splitlines()
    assert first == "markdown: It has the highest weight (q); the next best is text/html."
    assert title == "Accept, as parsed:"
    squeezed = [" ".join(line.split()) for line in lines]
    assert "1. text/html;q=0.9 q=0.9 decides text/html" in squeezed
    assert "3. a;b ignored, because it is malformed" in squeezed
    assert "html text/html q=0.9, by number 1: lower than the winner" in squeezed
    assert "text text/plain not acceptable, because nothing matches it" in squeezed
    assert "Content-Location: /news/{slug}.md" in squeezed
    refused = site.get("/negotiate?accept=text/*;q=0,application/pdf").text
    assert refused.startswith("Not Acceptable: ")
    assert "excludes text/html, text/markdown, text/plain" in refused
    assert "406 Not Acceptable" in refused
    partly = site.get("/negotiate?accept=text/html,text/html;x=y").text
    assert "matches text/html, but others are more specific (without its parameters)" in partly
    assert "(empty)" in site.get("/negotiate?accept=").text


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; charset=utf-8"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/plain; charset=utf-8"),
        ("application/json", "application/json"),
        ("application/json, text/plain;q=0.1", "application/json"),
        ("application/pdf", "text/plain; charset=utf-8"),
    ],
)
def test_an_explanation_is_text_or_json_and_never_406(
    site: Site, accept: str, content_type: str
) -> None:
    answer = site.get("/negotiate?accept=*/*", accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == content_type
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "*"
    head = site.client.head("/negotiate?accept=*/*", headers={"Accept": accept})
    assert (head.content, head.headers) == (b"", answer.headers)
    again = site.get("/negotiate?accept=*/*", accept, **{"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_c01_the_explanation_of_the_requests_own_header_is_not_stored(site: Site) -> None:
    named = site.get("/negotiate?accept=*/*")
    assert named.headers["cache-control"] == "private, max-age=60"
    assert named.headers["cdn-cache-control"] == "no-store"
    own = site.get("/negotiate", "text/markdown")
    assert own.headers["cache-control"] == "no-store"
    assert own.text.startswith("markdown: ")
    assert "The Accept of this request, as parsed:" in own.text
    personal = site.get("/negotiate?accept=*/*", **site.authorized)
    assert personal.headers["cache-control"] == "private, no-store"


def test_n02_repeated_values_are_lines_of_one_header(site: Site) -> None:
    both = "/negotiate?accept=text/html;q=0.1&accept=text/markdown"
    assert site.client.get(both, headers=MACHINE).json()["answer"]["representation"] == "markdown"
    lines = [("Accept", "application/json;q=0.1"), ("Accept", "text/markdown;q=0.2")]
    own = site.client.get("/negotiate", headers=lines).json()
    assert own["accept"] == "application/json;q=0.1, text/markdown;q=0.2"
    assert own["answer"]["representation"] == "markdown"


@pytest.mark.parametrize("accept", ["application/ld+json, text/html;q=0.5", 'a/b; x="c d", */*'])
def test_a_plus_is_a_space_or_itself_however_the_client_encoded_it(accept: str) -> None:
    for encoded in quote(accept), quote_plus(accept), accept.replace(" ", "+"):
        assert parse_accept_query(f"accept={encoded}").replace('"c+d"', '"c d"') == accept  # type: ignore[union-attr] # it is named


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (f"accept={'a' * (LONGEST + 1)}", "4,000"),
        ("accept=*/*&accept-encoding=gzip", "'accept-encoding' is unknown"),
        ("Accept=*/*", "the only one is accept"),
        ("%00=" + "x" * 9000, "\\x00"),
    ],
)
def test_long_values_and_unknown_parameters_are_400_with_the_reason(
    site: Site, query: str, said: str
) -> None:
    answer = site.get(f"/negotiate?{query}")
    assert answer.status_code == 400
    assert answer.headers["cache-control"] == "no-store"
    assert said in answer.json()["detail"]
    assert len(answer.content) < 400
    assert site.get(f"/negotiate?accept={'a' * LONGEST}").status_code == 200
    assert site.get("/negotiate", "a" * (LONGEST + 1)).status_code == 431


@pytest.mark.parametrize("unit", ["a,", "*/*,", ";,", "a/b;x,", '"', "text/html;q=0,", '\\",'])
def test_i22_the_explanation_of_any_value_is_small_and_fast(site: Site, unit: str) -> None:
    accept = (unit * LONGEST)[:LONGEST]
    began = time.perf_counter()
    answer = site.client.get(f"/negotiate?accept={quote(accept)}", headers=MACHINE)
    assert time.perf_counter() - began < 1
    assert len(answer.content) < 60_000
    report = answer.json()
    assert len(report["members"]) <= TOLD_AT_MOST
    words = site.get(f"/negotiate?accept={quote(accept)}").text
    assert (f"and {report['untold']} more" in words) == (report["untold"] > 0)


def test_unprintable_characters_are_escaped(site: Site) -> None:
    text = site.get("/negotiate?accept=a%1b%5b31m%0d%0ax%00,%FF").text
    assert text.replace("\n", "").isprintable()
    assert "a\\x1b[31m\\r\\nx\\x00" in text


def test_the_explanation_is_documented_in_both_media_types(site: Site) -> None:
    document = site.client.get("/openapi.json").json()
    operation = document["paths"]["/negotiate"]["get"]
    assert set(operation["responses"]["200"]["content"]) == {"text/plain", "application/json"}
    assert {"200", "304", "400"} <= set(operation["responses"])
    (parameter,) = operation["parameters"]
    assert (parameter["name"], parameter["in"]) == ("accept", "query")
    assert "NegotiationReport" in document["components"]["schemas"]


def test_h02_other_methods_are_405_with_the_allowed_ones(site: Site) -> None:
    refused = site.client.post("/negotiate")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
