"""The forms of listings: what each says agrees with the records, and reads as what it claims."""

import io
import json
from calendar import timegm
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import fromstring

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.article.hygiene import clean
from app.article.record import Record, parse_record
from app.article.timestamps import parse_instant
from app.representations.article import BY_NAME as BY_FORM
from app.representations.article import Site as Origin
from app.representations.article import article_links
from app.representations.listing import BY_NAME, FORMATS, Listing, ListingItem
from app.search.listing_query import FIELDS
from tests.support import html_tree
from tests.support.feed_records import ndjson, record
from tests.support.hostile import PAYLOADS, RUN
from tests.support.site import DEPTH, Site
from tests.support.strategies import records

ORIGIN = Origin("https://news.example", "The <Site> & Co")


def listing(*found: Record, **fields: Any) -> Listing:
    items = [ListingItem(each, article_links(each, ORIGIN)) for each in found]
    told: dict[str, Any] = {
        "site": ORIGIN, "path": "/topics/x", "query": "", "title": 'A "title" <b>', "items": items,
        "fields": frozenset({"slug", "title"}), "filters": {"topic.all": ["x"]},
        "sort": "-published_at", "limit": 20,
    }  # fmt: skip
    return Listing(**{**told, **fields})


def rendered(name: str, page: Listing) -> bytes:
    return BY_NAME[name].render(page)


some = st.lists(records().map(parse_record), min_size=1, max_size=2)
few = settings(max_examples=10 * DEPTH)


@few
@given(found=some)
def test_r06_a_parsed_feed_agrees_with_the_records(found: list[Record]) -> None:
    page = listing(*found)
    for name in "rss", "atom":
        body = rendered(name, page)
        fromstring(body)  # noqa: S314 - our own
        read = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
        assert not read.bozo, read.get("bozo_exception")
        for entry, each in zip(read.entries, map(clean, found), strict=True):
            assert entry.title.split() == each.title.split()
            assert entry.link == entry.id == f"https://news.example/news/{each.slug}"
            assert [tag.term for tag in entry.get("tags", [])] == list(each.topics)
            at = datetime.fromtimestamp(timegm(entry.published_parsed), UTC)
            assert at == each.published_at.replace(microsecond=0)


@few
@given(found=some)
def test_r06_json_feed_and_ndjson_agree_with_the_records(found: list[Record]) -> None:
    feed = json.loads(rendered("feed", listing(*found)))
    for item, each in zip(feed["items"], map(clean, found), strict=True):
        assert item["title"] == each.title
        assert parse_instant(item["date_published"]) == each.published_at
        assert item.get("tags", []) == list(each.topics)
        assert item["url"] == f"https://news.example/news/{each.slug}"
    lines = rendered("ndjson", listing(*found)).splitlines()
    assert [json.loads(line) for line in lines] == [
        {"slug": each.slug, "title": each.title} for each in found
    ]


@given(found=some)
def test_r06_json_items_and_ndjson_lines_match_the_article_json(found: list[Record]) -> None:
    everything = listing(*found, fields=frozenset(FIELDS))
    alone = [
        json.loads(BY_FORM["json"].render(each, article_links(each, ORIGIN))) for each in found
    ]
    wanted = [{name: each[name] for name in each if name in FIELDS} for each in alone]
    lines = rendered("ndjson", everything).splitlines()
    assert [list(json.loads(line).items()) for line in lines] == [list(w.items()) for w in wanted]
    assert json.loads(rendered("json", everything))["items"] == wanted


@few
@given(found=some)
def test_a_list_in_markdown_has_one_link_for_each_article(found: list[Record]) -> None:
    tokens = MarkdownIt().parse(rendered("markdown", listing(*found)).decode())
    inline = [child for token in tokens for child in token.children or []]
    targets = [child.attrs["href"] for child in inline if child.type == "link_open"]
    assert targets == [f"https://news.example/news/{each.slug}" for each in found]
    assert [t.tag for t in tokens if t.type == "heading_open"] == ["h1"]
    assert not any(child.type in {"html_inline", "image"} for child in inline)


def test_r01_nothing_runs_on_a_page_of_hostile_articles() -> None:
    for payload in PAYLOADS:
        line = " ".join(payload.split())
        hostile = parse_record(record(title=line, summary=payload, entities=[line[:200]]))
        page = listing(hostile, title=line, filters={"q": [payload]})
        tree = html_tree.read(rendered("html", page))
        names = [node.name for node in tree.all()]
        assert names.count("h1") == 1
        assert not {"script", "img", "svg", "iframe", "object", "math", "video"} & set(names)
        for node in tree.all():
            assert not any(name.startswith("on") for name in node.attributes)
            target = node.attributes.get("href", "").lower()
            assert not target.startswith(("javascript", "data"))
        for name in "rss", "atom":
            body = rendered(name, page)
            assert RUN.encode() not in body or b"<script" not in body


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_an_empty_page_is_one_in_every_form(form: Any) -> None:
    assert form.render(listing()) or form.name == "ndjson"


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_each_form_is_negotiated_and_has_its_twin(site: Site, form: Any) -> None:
    site.loaded(ndjson(record(topics=["x"]), record("b", topics=["x"])))
    for path in "/news", "/topics/x":
        bare = site.client.get(path, headers={"Accept": form.media_type})
        assert bare.headers["content-type"] == form.content_type
        assert "Accept" in bare.headers["vary"]
        if form.suffix:
            twin = site.client.get(path + form.suffix)
            assert twin.headers["content-type"] == form.content_type
            assert twin.headers["vary"] == "Accept-Encoding"
            assert twin.content == bare.content
        if form.name != "html":
            assert "private" in bare.headers["cache-control"] or form.name == "ndjson"


def test_a_listing_answers_head_and_406(site: Site) -> None:
    site.loaded(ndjson(record()))
    head, got = site.client.head("/news"), site.client.get("/news")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.content == b""
    refused = site.client.get("/news", headers={"Accept": "application/pdf"})
    assert refused.status_code == 406
    assert len(refused.json()["variants"]) == len(FORMATS)
    assert site.client.post("/news").status_code == 405
    assert site.client.options("/news").headers["allow"] == "GET, HEAD, OPTIONS"
    respelt = site.client.get("/news/?topic=x")
    assert respelt.headers["location"] == "/news?topic=x"
    assert respelt.headers["cache-control"] == "public, max-age=86400"
    for path in "/topics", "/entities", "/topics/x", "/news/a/related", "/changes":
        assert site.client.get(f"{path}/?a=b").headers["location"] == f"{path}?a=b"
    assert site.client.get("/").headers["location"] == "/news"
    for path in "/news.ndjson", "/changes.ndjson":
        # RFC 9110 section 8.6: no length, or the one that GET would have.
        assert "content-length" not in site.client.head(path).headers
    for path in "/newsx", "/news.xml", "/news.ndjsonx", "/topics//", "/topics/x/y":
        assert site.client.get(path).status_code == 404
