"""Listings and vocabularies for people, and as Markdown: R-01 for pages of many articles."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.article.hygiene import clean, printable
from app.article.record import Record, parse_record
from app.representations.article import Site, article_links
from app.representations.listing import (
    BY_NAME,
    FORMATS,
    Listing,
    ListingItem,
    Total,
    UnresolvedSlug,
)
from app.representations.listing.vocabulary import VocabularyPage, render_html
from app.store.listing.vocabulary_pages import VocabularyEntry
from tests.support import html_tree
from tests.support.hostile import PAYLOADS
from tests.support.html_tree import Node
from tests.support.strategies import SIGNS, records

SITE = Site("https://news.example", "The <News> & Co")
BASE = "https://news.example"
STORY: dict[str, Any] = {
    "slug": "a-story",
    "title": "A story",
    "summary": "In short.",
    "body_md": "Of things.",
    "published_at": "2026-06-23T23:00:06Z",
    "updated_at": "2026-06-24T00:49:22.205399Z",
    "lang": "en",
}
HOSTILE = {"script", "img", "svg", "iframe", "object", "embed", "math", "video", "base", "details"}
several = st.lists(records().map(parse_record), max_size=3)


def record(**changed: object) -> Record:
    return parse_record({**STORY, **changed})


def listing(*found: Record, **fields: Any) -> Listing:
    told: dict[str, Any] = {
        "site": SITE, "path": "/topics/x", "query": "", "title": "Of <x> & things",
        "items": [ListingItem(each, article_links(each, SITE)) for each in found],
        "fields": frozenset(), "filters": {}, "sort": "-published_at", "limit": 20,
    }  # fmt: skip
    return Listing(**{**told, **fields})


def page(*found: Record, **fields: Any) -> Node:
    return html_tree.read(BY_NAME["html"].render(listing(*found, **fields)))


def test_p02_the_datetime_attribute_has_at_most_three_digits_of_a_second() -> None:
    shown = page(record(published_at="2026-06-23T23:00:06.205399Z"))
    assert shown.one("time").attributes["datetime"] == "2026-06-23T23:00:06.205Z"


def assert_sound(shown: Node) -> None:
    """Assert that nothing runs, that it leads where it may, and that it is in order."""
    names = [node.name for node in shown.all()]
    assert not HOSTILE & set(names)
    assert [names.count(name) for name in ("h1", "title", "style", "form", "main")] == [1] * 5
    levels = [int(name[1]) for name in names if name in {"h1", "h2", "h3", "h4", "h5", "h6"}]
    assert levels[0] == 1
    assert all(level <= before + 1 for before, level in pairwise(levels))
    for node in shown.all():
        assert not [name for name in node.attributes if name.startswith("on") or name == "style"]
        for name in {"href", "src", "action"} & node.attributes.keys():
            value = node.attributes[name]
            assert value.startswith("/") or urlsplit(value).scheme == "https"


@given(several)
def test_r01_the_page_of_any_articles_is_safe_and_sound(found: list[Record]) -> None:
    shown = page(*found)
    assert_sound(shown)
    articles = shown.all("article")
    assert len(articles) == len(found)
    for node, each in zip(articles, map(clean, found), strict=True):
        assert (node.attributes["lang"], node.attributes["dir"]) == (each.lang, "auto")
        heading = node.one("h2").one("a")
        assert heading.attributes["href"] == f"{BASE}/news/{each.slug}"
        assert heading.words == " ".join(each.title.split())
        topics = [link.attributes["href"] for link in node.all("a") if link is not heading]
        assert topics == [f"/topics/{topic}" for topic in each.topics]
        briefs = [brief.words for brief in node.classed("brief")]
        assert briefs == [" ".join(each.summary.split())] * bool(each.summary.strip())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_r01_no_hostile_markup_survives_in_any_field(payload: str) -> None:
    line = " ".join(payload.split())
    story = record(title=f"x {line}", summary=payload, entities=[line[:200]])
    plain = page(story, title=line, filters={"q": [payload]}, site=Site(BASE, line))
    assert_sound(plain)
    assert plain.one("h1").words == " ".join(printable(line).split())
    # Highlights are HTML of our own: what else is in them, should they ever be wrong, is not shown.
    found = {"title": f"<mark>x</mark> {line}", "summary": payload, "body": payload}
    marked = page(items=[ListingItem(story, article_links(story, SITE), found)])
    assert_sound(marked)
    (article,) = marked.all("article")
    inside = {node.name for part in article.all("h2", "p") for node in part.all()}
    assert inside <= {"a", "mark", "time"}
    shown = VocabularyPage(
        SITE, "/entities", line, [VocabularyEntry("x", line, 1, None)], payload, "", 9, None
    )
    assert_sound(html_tree.read(render_html(shown)))


def test_highlighted_matches_replace_the_title_and_add_an_excerpt() -> None:
    story = record()
    found = {"title": "A <mark>story</mark> &lt;b&gt;", "body": "Of <mark>things</mark>."}
    shown = page(
        items=[ListingItem(story, article_links(story, SITE), found)], filters={"q": ["story"]}
    )
    assert [node.words for node in shown.all("mark")] == ["story", "things"]
    assert shown.one("h2").words == "A story <b>"
    assert [node.words for node in shown.classed("brief")] == ["In short.", "Of things."]
    assert shown.one("meta", name="robots").attributes["content"] == "noindex"
    assert shown.one("input", name="q").attributes["value"] == "story"


def test_the_head_links_to_adjacent_pages_and_formats_and_to_feeds_from_the_first_page() -> None:
    query = "lang=en&cursor=b"
    shown = page(record(), query=query, next="lang=en&cursor=c", prev="lang=en&cursor=a")
    head = shown.one("head")
    by_relation = {
        node.attributes["rel"]: node.attributes["href"]
        for node in head.all("link")
        if node.attributes["rel"] != "alternate"
    }
    assert by_relation == {
        "canonical": f"{BASE}/topics/x?{query}",
        "prev": f"{BASE}/topics/x?lang=en&cursor=a",
        "next": f"{BASE}/topics/x?lang=en&cursor=c",
    }
    alternates = [node for node in head.all("link") if node.attributes["rel"] == "alternate"]
    assert [(node.attributes["type"], node.attributes["href"]) for node in alternates] == [
        (
            form.media_type,
            f"{BASE}/topics/x{form.suffix}?lang=en{'' if form.is_feed else '&cursor=b'}",
        )
        for form in FORMATS
        if form.suffix
    ]
    assert all("Of <x> & things" in node.attributes["title"] for node in alternates)
    (nav,) = shown.classed("pages")
    links = {node.attributes["rel"]: node.attributes["href"] for node in nav.all("a")}
    assert links == {name: by_relation[name] for name in ("prev", "next")}


def test_a_search_keeps_the_filters_of_the_page() -> None:
    shown = page(query="lang=en&q=old&sort=relevance&limit=5&cursor=b", filters={"q": ["old"]})
    form = shown.one("form")
    assert form.attributes["action"] == "/topics/x"
    assert "method" not in form.attributes
    fields = {node.attributes["name"]: node.attributes["value"] for node in form.all("input")}
    assert fields == {"q": "old", "lang": "en", "limit": "5"}
    asked = shown.classed("asked")[0]
    assert asked.words == "Results for old lang: en Show all"
    assert asked.one("a").attributes["href"] == "/topics/x"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "There are no articles here."),
        ("q=x", "No articles found. Try fewer or different words."),
        ("topic.not=a&topic.not=b&published_from=2026-01-01", "No articles match these filters."),
    ],
)
def test_a_page_without_articles_says_so_in_words(query: str, said: str) -> None:
    shown = page(query=query, filters={"q": ["x"]} if query == "q=x" else {})
    assert shown.classed("empty")[0].words == said
    assert_sound(shown)
    if "not" in query:
        words = shown.classed("asked")[0].words
        assert words == "topic: not a or b published from: 2026-01-01 Show all"


def test_totals_and_missing_slugs_are_shown() -> None:
    missing = [
        UnresolvedSlug("a", 404),
        UnresolvedSlug("b", 410),
        UnresolvedSlug("c", 308, f"{BASE}/news/d"),
    ]
    shown = page(total=Total(1000, exact=False), missing=missing)
    assert shown.classed("asked")[0].words == "At least 1000 articles"
    told = [node.words for node in shown.classed("missing")[0].all("li")]
    assert told == ["a does not exist", "b was withdrawn", "c has moved"]
    assert page(total=Total(1, exact=True)).classed("asked")[0].words == "1 article"


@given(several, st.text(SIGNS, max_size=20), st.sampled_from([None, "q=%28a%29&copy;=1&cursor=c"]))
def test_markdown_has_these_links_and_no_others(
    found: list[Record], title: str, following: str | None
) -> None:
    told = replace(listing(*found), title=f"x {title}", next=following)
    tokens = MarkdownIt().parse(BY_NAME["markdown"].render(told).decode())
    inline = [child for token in tokens for child in token.children or []]
    opened = [at for at, child in enumerate(inline) if child.type == "link_open"]
    targets = [(inline[at].attrs["href"], inline[at + 1].content) for at in opened]
    articles = [(f"{BASE}/news/{each.slug}", each.title) for each in map(clean, found)]
    pages = [] if following is None else [(f"{BASE}/topics/x.md?{following}", "Next page")]
    wanted = [(url, " ".join(text.split())) for url, text in [*articles, *pages]]
    assert [url for url, _ in targets] == [url for url, _ in wanted]
    for at, (_, text) in zip(opened, wanted, strict=True):
        close = next(n for n in range(at, len(inline)) if inline[n].type == "link_close")
        assert "".join(child.content for child in inline[at + 1 : close]) == text
    kinds = {child.type for child in inline}
    assert kinds <= {"text", "text_special", "link_open", "link_close"}
    blocks = [token.type for token in tokens if token.nesting == 1]
    assert blocks.count("heading_open") == 1
    assert blocks.count("list_item_open") == len(found)


def test_markdown_tells_of_an_article_on_one_line() -> None:
    story = record(title="A *b* [c] & <d> #1 _e_", summary="One\n\n# Two\t|three|")
    text = BY_NAME["markdown"].render(listing(story)).decode()
    assert text == (
        "# Of \\<x\\> \\& things\n\n"
        f"- [A \\*b\\* \\[c\\] \\& \\<d\\> \\#1 \\_e\\_]({BASE}/news/a-story)"
        " (2026-06-23T23:00:06Z) — One \\# Two \\|three\\|\n"
    )


def test_the_terms_of_a_vocabulary_are_listed_with_their_counts() -> None:
    latest = datetime(2026, 7, 1, tzinfo=UTC)
    entries = [VocabularyEntry("a", "A <b>", 1, None), VocabularyEntry("c", "ג\u202e", 2, latest)]
    told = VocabularyPage(SITE, "/entities", "Entities", entries, "A\ufffe", "name", 2, "after=c")
    shown = html_tree.read(render_html(told))
    assert_sound(shown)
    (listed,) = shown.classed("terms")
    terms = [(node.one("a").attributes["href"], node.words) for node in listed.all("li")]
    assert terms == [("/entities/a", "A <b> 1 article"), ("/entities/c", "ג 2 articles")]
    assert shown.one("input", name="prefix").attributes["value"] == "A"
    assert shown.one("a", rel="next").attributes["href"] == f"{BASE}/entities?after=c"
    empty = html_tree.read(render_html(replace(told, entries=[], next=None)))
    assert empty.classed("empty")[0].words == "No entries start with this."
