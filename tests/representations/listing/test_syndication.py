"""Listings as feeds: well-formed whatever is in them, and read back as what the records say."""

import io
import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.article.hygiene import clean, printable
from app.article.record import Record, parse_record
from app.article.timestamps import format_instant, parse_instant
from app.feeds import Entry, detect, read
from app.feeds.rfc822_dates import to_rfc3339
from app.feeds.slug_from_title import slug_from_title
from app.representations.article import Site, article_links
from app.representations.listing import BY_SUFFIX, Listing, ListingItem, syndication
from tests.support import html_tree
from tests.support.hostile import PAYLOADS
from tests.support.strategies import records

SITE = Site("https://news.example", "The <News> & \x01\ufffe Co")
ATOM = "{http://www.w3.org/2005/Atom}"
DC = "{http://purl.org/dc/elements/1.1/}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
FEEDS = [".rss", ".atom", ".feed.json"]
STORY: dict[str, Any] = {
    "slug": "a-story",
    "title": "A story",
    "summary": "In short.",
    "body_md": "# A story\n\nOf things.",
    "published_at": "2026-06-23T23:00:06Z",
    "updated_at": "2026-06-24T00:49:22.205399Z",
    "lang": "en",
}
# RFC 822 with the years of RFC 2822, and RFC 3339.
RFC822 = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    r" \d{4} \d\d:\d\d:\d\d GMT"
)
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def record(**changed: object) -> Record:
    return parse_record({**STORY, **changed})


def listing(*found: Record, **fields: Any) -> Listing:
    told: dict[str, Any] = {
        "site": SITE, "path": "/topics/x", "query": "", "title": "Of \x00\x01 <x> & \ufffe things",
        "items": [ListingItem(each, article_links(each, SITE)) for each in found],
        "fields": frozenset(), "filters": {}, "sort": "-published_at", "limit": 20,
    }  # fmt: skip
    return Listing(**{**told, **fields})


def rendered(suffix: str, *found: Record, **fields: Any) -> bytes:
    return BY_SUFFIX[suffix].render(listing(*found, **fields))


def channel(*found: Record, **fields: Any) -> ET.Element:
    (node,) = ET.fromstring(rendered(".rss", *found, **fields))  # noqa: S314 - our own
    return node


def atom(*found: Record, **fields: Any) -> ET.Element:
    return ET.fromstring(rendered(".atom", *found, **fields))  # noqa: S314 - our own


def json_feed(*found: Record, **fields: Any) -> dict[str, Any]:
    feed: dict[str, Any] = json.loads(rendered(".feed.json", *found, **fields))
    return feed


def links(parent: ET.Element) -> dict[str, str]:
    return {node.attrib["rel"]: node.attrib["href"] for node in parent.findall(f"{ATOM}link")}


several = st.lists(records().map(parse_record), min_size=1, max_size=3)


@given(several)
def test_r06_our_own_parsers_read_our_feeds_back(found: list[Record]) -> None:
    for suffix in FEEDS:
        feed = rendered(suffix, *found)
        read_back = list(read(io.BytesIO(feed), detect(None, feed)))
        assert len(read_back) == len(found)
        for entry, each in zip(read_back, map(clean, found), strict=True):
            if not isinstance(
                entry, Entry
            ):  # not every title gives a slug, and not all have bodies
                assert slug_from_title(each.title) is None or not syndication.content_html(
                    each, article_links(each, SITE)
                )
                continue
            told = entry.record
            assert told.title.split() == each.title.split()
            assert told.canonical_source == f"https://news.example/news/{each.slug}"
            assert set(told.topics) <= {slug_from_title(topic) for topic in each.topics}
            exact = suffix != ".rss"
            published = each.published_at if exact else each.published_at.replace(microsecond=0)
            assert (told.published_at, told.updated_at) == (published, each.updated_at)
            if told.summary:
                assert told.summary.split() == each.summary.split()


@given(several)
def test_i16_the_feeds_are_well_formed_and_strict_about_dates(found: list[Record]) -> None:
    seen = [clean(each) for each in found]
    for item, each in zip(channel(*found).findall("item"), seen, strict=True):
        assert RFC822.fullmatch(told := item.findtext("pubDate", ""))
        assert parse_instant(to_rfc3339(told)) == each.published_at.replace(microsecond=0)
        assert item.findtext(f"{ATOM}updated") == format_instant(each.updated_at)
        assert item.findtext("title", "") == each.title
        assert item.findtext("link") == item.findtext("guid")
        assert [node.text for node in item.findall("category")] == list(each.topics)
        assert item.findtext(f"{DC}language") == each.lang
        assert printable(text := "".join(item.itertext())) == text
    for entry, each in zip(atom(*found).findall(f"{ATOM}entry"), seen, strict=True):
        instants = [entry.findtext(f"{ATOM}{name}", "") for name in ("published", "updated")]
        assert instants == [format_instant(each.published_at), format_instant(each.updated_at)]
        assert all(map(RFC3339.fullmatch, instants))
        assert entry.findtext(f"{ATOM}title") == each.title
        assert entry.findtext(f"{ATOM}id") == links(entry)["alternate"]
        assert [n.attrib["term"] for n in entry.findall(f"{ATOM}category")] == list(each.topics)
        assert entry.attrib[XML_LANG] == each.lang
        assert ("via" in links(entry)) == (each.canonical_source is not None)
        assert links(entry).get("via", "").isascii()
    for item, each in zip(json_feed(*found)["items"], seen, strict=True):
        assert all(RFC3339.fullmatch(item[f"date_{name}"]) for name in ("published", "modified"))
        assert (item["title"], item["language"]) == (each.title, each.lang)
        assert item.get("external_url") == each.canonical_source
        assert item["id"] == item["url"]
        assert isinstance(item["content_html"], str)


@given(several)
def test_r06_the_three_feeds_have_one_and_the_same_body(found: list[Record]) -> None:
    inside = [item.findtext(CONTENT, "") for item in channel(*found).findall("item")]
    entries = atom(*found).findall(f"{ATOM}entry")
    assert inside == [entry.findtext(f"{ATOM}content", "") for entry in entries]
    told = [item["content_html"].replace("\r\n", "\n") for item in json_feed(*found)["items"]]
    assert [text.replace("\r", "\n") for text in told] == inside


@pytest.mark.parametrize("suffix", FEEDS[:2])
def test_feedparser_reads_them_without_a_complaint(suffix: str) -> None:
    story = record(topics=["a", "b"], canonical_source="https://source.example/é?a=1&b=(2)")
    read_back = feedparser.parse(io.BytesIO(rendered(suffix, story)))
    assert not read_back.bozo, read_back.get("bozo_exception")
    (entry,) = read_back.entries
    assert (entry.title, entry.summary) == ("A story", "In short.")
    assert entry.link == entry.id == "https://news.example/news/a-story"
    assert entry.published_parsed[:6] == (2026, 6, 23, 23, 0, 6)
    assert entry.updated_parsed[:6] == (2026, 6, 24, 0, 49, 22)
    assert [tag.term for tag in entry.tags] == ["a", "b"]
    assert entry.content[0].value.strip() == "<p>Of things.</p>"
    assert read_back.feed.language == "en"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_r01_nothing_hostile_goes_out_in_a_feed(payload: str) -> None:
    line = " ".join(payload.split())
    story = record(title=f"x {line}", summary=payload, body_md=payload, entities=[line[:200]])
    item, entry = channel(story)[-1], atom(story)[-1]
    feed = json_feed(story)["items"][0]
    pieces = [item.findtext("description", ""), item.findtext(CONTENT, ""), feed["content_html"],
              entry.findtext(f"{ATOM}content", "")]  # fmt: skip
    for piece in pieces:
        tree = html_tree.read(piece)
        unwanted = {"script", "style", "iframe", "object", "embed", "form", "svg", "math", "base"}
        assert not {node.name for node in tree.all()} & unwanted
        for node in tree.all():
            assert not [name for name in node.attributes if name.startswith("on")]
            target = node.attributes.get("href", node.attributes.get("src", "https:"))
            assert target.startswith(("http://", "https://", "https:", "mailto:"))
    # What is text stays text: no element comes of a synopsis.
    assert not html_tree.read(pieces[0]).all()
    assert html_tree.read(pieces[0]).words == " ".join(clean(story).summary.split())
    assert entry.findtext(f"{ATOM}title") == feed["title"] == clean(story).title


@pytest.mark.parametrize("fields", [{}, {"summary": ""}, {"body_md": ""}])
def test_p03_the_description_of_an_rss_item_precedes_its_content(fields: Any) -> None:
    names = [node.tag for node in channel(record(**fields))[-1]]
    assert names.count("description") == 1
    if "body_md" not in fields:
        assert names.index("description") < names.index(CONTENT)


def test_rfc5005_the_pages_of_a_feed_make_up_one() -> None:
    page = {"query": "lang=en&cursor=b", "next": "lang=en&cursor=c", "prev": "lang=en&cursor=a"}
    base = "https://news.example/topics/x"
    for suffix, parent in ((".rss", channel(record(), **page)), (".atom", atom(record(), **page))):
        told = {name: href for name, href in links(parent).items() if name != "alternate"}
        assert told == {
            "self": f"{base}{suffix}?lang=en&cursor=b",
            "first": f"{base}{suffix}?lang=en",
            "next": f"{base}{suffix}?lang=en&cursor=c",
            "previous": f"{base}{suffix}?lang=en&cursor=a",
        }
    ids = {atom(**{**page, "query": q}).findtext(f"{ATOM}id") for q in ("lang=en", page["query"])}
    assert ids == {f"{base}?lang=en"}
    feed = json_feed(record(), **page)
    assert feed["next_url"] == f"{base}.feed.json?lang=en&cursor=c"
    assert feed["feed_url"] == f"{base}.feed.json?lang=en&cursor=b"
    assert "next_url" not in json_feed()


def test_a_feed_names_a_language_only_where_all_of_it_is_in_one() -> None:
    one, both = [record()], [record(), record(lang="he")]
    assert languages(one) == {"en"}
    assert languages(both) == languages([]) == {None}


def languages(found: list[Record]) -> set[str | None]:
    feed = json_feed(*found)
    lang = atom(*found).get(XML_LANG)
    return {channel(*found).findtext("language"), lang, feed.get("language")}


def test_atom_has_all_that_a_feed_must_have_even_without_an_article() -> None:
    feed = atom()
    assert feed.findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z"
    assert feed.findtext(f"{ATOM}author/{ATOM}name") == "The <News> &  Co"
    assert feed.findtext(f"{ATOM}title") == "Of  <x> &  things · The <News> &  Co"
    assert feed.findtext(f"{ATOM}id") == "https://news.example/topics/x"


def test_a_note_in_a_feed_leads_to_the_article_and_text_that_looks_like_one_is_left() -> None:
    story = record(body_md='x[^1] `<a href="#2">`\n\n<b title="#3">y</b>\n\n[^1]: note')
    html = json_feed(story)["items"][0]["content_html"]
    (link,) = html_tree.read(html).all("a")
    assert link.attributes["href"] == "https://news.example/news/a-story#1"
    assert '<a href="#2">' in html_tree.read(html).text


def test_an_article_without_a_body_has_none_in_a_feed_but_where_one_has_to_be() -> None:
    story = record(body_md="", summary="")
    (item,) = json_feed(story)["items"]
    assert item["content_html"] == ""
    assert "summary" not in item
    assert channel(story)[-1].find(CONTENT) is None
    assert atom(story)[-1].find(f"{ATOM}content") is None
