"""RSS, Atom and JSON Feed, I-02, I-03, I-15, I-16 and I-18: what stands for what in a record."""

import io
import json
from typing import Any

import feedparser
import pytest

from app.feeds import Entry, MalformedFeedError, Rejected, detect, read
from tests.support.paths import DATA

EXAMPLES = ["article.rss", "article.atom", "article.feed.json"]

ITEM = (
    "<title>A story</title><link>https://source.example/1</link>"
    "<pubDate>Tue, 23 Jun 2026 23:00:06 GMT</pubDate><description>Text.</description>"
)
ENTRY = (
    "<title>A story</title><link href='https://source.example/1'/><id>urn:1</id>"
    "<updated>2026-06-23T23:00:06Z</updated><content>Text.</content>"
)
JSON_ITEM: dict[str, Any] = {
    "id": "1",
    "title": "A story",
    "content_text": "Text.",
    "date_published": "2026-06-23T23:00:06Z",
}


def rss(*items: str, head: str = "") -> bytes:
    spaces = (
        "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:atom='http://www.w3.org/2005/Atom'"
        " xmlns:content='http://purl.org/rss/1.0/modules/content/'"
    )
    listed = "".join(f"<item>{item}</item>\n" for item in items)
    return f"<rss version='2.0' {spaces}><channel>{head}\n{listed}</channel></rss>".encode()


def atom(*entries: str, attributes: str = "") -> bytes:
    listed = "".join(f"<entry>{entry}</entry>\n" for entry in entries)
    return f"<feed xmlns='http://www.w3.org/2005/Atom' {attributes}>\n{listed}</feed>".encode()


def json_feed(*items: Any, **members: Any) -> bytes:
    version = "https://jsonfeed.org/version/1.1"
    return json.dumps({"version": version, **members, "items": items}).encode()


def outcomes(feed: bytes) -> list[Entry | Rejected]:
    return list(read(io.BytesIO(feed), detect(None, feed)))


def record(feed: bytes) -> Any:
    [entry] = outcomes(feed)
    assert isinstance(entry, Entry), entry
    return entry.record


def faults(feed: bytes) -> dict[str, str]:
    """Return what is wrong with the last item of a feed, by pointer."""
    rejected = outcomes(feed)[-1]
    assert isinstance(rejected, Rejected), rejected
    assert len({fault.pointer for fault in rejected.faults}) == len(rejected.faults)
    return {fault.pointer: fault.reason for fault in rejected.faults}


@pytest.mark.parametrize("name", EXAMPLES)
def test_i02_the_examples_give_the_records_beside_them(name: str) -> None:
    found = [
        {"line": entry.line, **entry.record.model_dump(mode="json", exclude_defaults=True)}
        for entry in outcomes((DATA / name).read_bytes())
        if isinstance(entry, Entry)
    ]
    assert found == json.loads((DATA / f"{name}.records.json").read_bytes())


@pytest.mark.parametrize("name", EXAMPLES[:2])
def test_i02_feedparser_reads_the_same_in_the_examples(name: str) -> None:
    feed = (DATA / name).read_bytes()
    theirs = feedparser.parse(io.BytesIO(feed), sanitize_html=False).entries
    ours = [entry.record for entry in outcomes(feed) if isinstance(entry, Entry)]
    assert [entry.link for entry in theirs] == [each.canonical_source for each in ours]
    assert [entry.id for entry in theirs] == [each.extra["guid"] for each in ours]
    for entry, each in zip(theirs, ours, strict=True):
        assert entry.updated_parsed[:6] == each.updated_at.timetuple()[:6]
        assert len({tag.term for tag in entry.get("tags", [])}) >= len(each.topics)


def test_i15_a_missing_date_is_replaced_by_the_other_one() -> None:
    published = record(rss(ITEM))
    assert published.published_at == published.updated_at
    updated = record(atom(ENTRY))
    assert updated.published_at == updated.updated_at
    both = record(json_feed({**JSON_ITEM, "date_modified": "2026-06-24T02:00:00+02:00"}))
    assert both.published_at < both.updated_at


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Tue, 23 Jun 2026 23:00:06 GMT", "2026-06-23T23:00:06Z"),
        ("23 Jun 2026 23:00 +0200", "2026-06-23T21:00:00Z"),
        ("Tue, 23 June 26 23:00:06 EST", "2026-06-24T04:00:06Z"),
        ("  Tue,  3 Jan 1995 01:02:03\n -0000 ", "1995-01-03T01:02:03Z"),
        ("03 jan 95 01:02:03 Z", "1995-01-03T01:02:03Z"),
        ("2026-06-23T23:00:06.5+05:30", "2026-06-23T17:30:06.500000Z"),
    ],
)
def test_i15_dates_of_both_spellings_are_read(date: str, expected: str) -> None:
    found = record(rss(ITEM.replace("Tue, 23 Jun 2026 23:00:06 GMT", date)))
    assert found.model_dump(mode="json")["published_at"] == expected


@pytest.mark.parametrize(
    ("date", "reason"),
    [
        ("Tue, 23 Jun 2026 23:00:06", "has no UTC offset"),
        ("Tue, 23 Jun 2026 23:00:06 A", "has no UTC offset"),
        ("Tue, 23 Jun 2026 23:00:06 IST", "has no UTC offset"),
        ("2026-06-23T23:00:06", "has no UTC offset"),
        ("2026-06-23", "is not a date and time"),
        ("1782255606", "is not a date and time"),
        ("Tue, 31 Jun 2026 23:00:06 GMT", "is not a date and time"),
        ("Tue, 23 Jux 2026 23:00:06 GMT", "is not a date and time"),
        ("yesterday", "is not a date and time"),
        ("", "is not a date and time"),
    ],
)
def test_i15_an_invalid_date_is_rejected_at_its_pointer(date: str, reason: str) -> None:
    dated = ITEM.replace("Tue, 23 Jun 2026 23:00:06 GMT", date)
    found = faults(rss(ITEM, dated))
    assert list(found) == ["/rss/channel/item[2]/pubDate"]
    assert reason in found["/rss/channel/item[2]/pubDate"]


def test_i03_a_missing_field_is_reported_at_its_expected_pointer() -> None:
    for feed, item, names in (
        (rss(ITEM, "<guid>1</guid>"), "/rss/channel/item[2]", "title content:encoded pubDate"),
        (atom(ENTRY, ""), "/feed/entry[2]", "title summary published"),
        (json_feed(JSON_ITEM, {}), "/items/1", "title content_html date_published"),
    ):
        assert faults(feed) == {f"{item}/{name}": "is missing" for name in names.split()}


def test_i03_a_wrong_value_is_reported_under_its_name_in_the_feed() -> None:
    wrong = {
        "title": 5, "url": "ftp://x", "tags": "none", "date_published": 5, "summary": [],
        "content_html": "<p>",
    }  # fmt: skip
    assert set(faults(json_feed(wrong))) == {
        "/items/0/title", "/items/0/url", "/items/0/tags", "/items/0/date_published",
        "/items/0/summary",
    }  # fmt: skip
    assert set(faults(rss(ITEM.replace("https://", "ftp://")))) == {"/rss/channel/item[1]/link"}
    assert set(faults(atom(ENTRY.replace("https://", "/")))) == {"/feed/entry[1]/link"}
    guid = ITEM.replace(
        "<link>https://source.example/1</link>", "<guid isPermaLink='true'>x</guid>"
    )
    assert set(faults(rss(guid))) == {"/rss/channel/item[1]/guid"}


def test_i03_a_title_that_gives_no_slug_says_so() -> None:
    for feed, pointer in (
        (rss(ITEM.replace("A story", "?!")), "/rss/channel/item[1]/title"),
        (json_feed({**JSON_ITEM, "title": "🎉"}), "/items/0/title"),
    ):
        assert faults(feed) == {pointer: "has no letter or digit to make a slug of"}


def test_i03_html_that_nests_too_deep_is_rejected_and_not_cut() -> None:
    deep = json_feed({**JSON_ITEM, "content_html": "<div>" * 2000 + "text"})
    assert "too deep" in faults(deep)["/items/0/content_html"]
    summary = {**JSON_ITEM, "content_html": "\x00", "summary": "fine"}
    assert "NUL" in faults(json_feed(summary))["/items/0/content_html"]


@pytest.mark.parametrize("item", [5, [], None, "text"])
def test_i03_an_item_that_is_not_an_object_is_reported_at_its_position(item: Any) -> None:
    assert faults(json_feed(JSON_ITEM, item)) == {
        "/items/1": "an item of a JSON Feed must be a JSON object"
    }


@pytest.mark.parametrize(
    ("guid", "source"),
    [
        ("<guid>https://source.example/2</guid>", "https://source.example/2"),
        ("<guid isPermaLink='true'>https://source.example/2</guid>", "https://source.example/2"),
        ("<guid isPermaLink='false'>https://source.example/2</guid>", None),
        ("<guid>2</guid>", None),
        ("<link> </link><guid>https://source.example/2</guid>", "https://source.example/2"),
    ],
)
def test_a_permalink_is_the_source_where_there_is_no_link(guid: str, source: str | None) -> None:
    found = record(rss(ITEM.replace("<link>https://source.example/1</link>", guid)))
    assert found.canonical_source == source
    assert found.extra["guid"] in {"2", "https://source.example/2"}


def test_a_link_is_kept_verbatim_and_completed_by_the_base_of_the_document() -> None:
    query = "https://source.example/?a=1&amp;b;c=%7E&amp;utm_source=x"
    found = record(rss(ITEM.replace("https://source.example/1", query)))
    assert found.canonical_source == "https://source.example/?a=1&b;c=%7E&utm_source=x"
    based = atom(
        ENTRY.replace("https://source.example/1", "1"), attributes="xml:base='http://a/b/c'"
    )
    assert record(based).canonical_source == "http://a/b/1"


@pytest.mark.parametrize(
    ("claimed", "tag"),
    [
        ("en", "en"),
        ("EN_us", "en-US"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("de-CH-1996", "de-CH-1996"),
        ("es-419", "es-419"),
        ("x-private", "x-private"),
        ("English", "und"),
        ("", "und"),
        ("en;q=1", "und"),
        ("e" * 500, "und"),
    ],
)
def test_i18_a_language_that_is_no_tag_is_undetermined(claimed: str, tag: str) -> None:
    assert record(rss(ITEM, head=f"<language>{claimed}</language>")).lang == tag
    assert record(atom(ENTRY, attributes=f"xml:lang='{claimed}'")).lang == tag
    assert record(json_feed(JSON_ITEM, language=claimed)).lang == tag
    assert record(json_feed({**JSON_ITEM, "language": claimed}, language="fr")).lang == tag


def test_i18_without_a_language_it_is_undetermined() -> None:
    assert record(rss(ITEM)).lang == record(atom(ENTRY)).lang == "und"
    assert record(json_feed(JSON_ITEM, language=5)).lang == "und"


def test_i18_tags_become_topics_in_their_order() -> None:
    tags = ["AI policy", "ai-policy", "🎉", "Żółć", "AI & policy"]
    topics = ("ai-policy", "zolc")
    assert record(json_feed({**JSON_ITEM, "tags": tags})).topics == topics
    categories = "".join(f"<category>{tag}</category>" for tag in tags).replace("&", "&amp;")
    assert record(rss(ITEM + categories)).topics == topics


def test_markup_in_plain_text_stays_text() -> None:
    title = "A &lt;b&gt; &amp;amp; *c*"
    assert record(rss(ITEM.replace("A story", title))).title == "A <b> &amp; *c*"
    assert record(atom(ENTRY.replace("A story", title))).title == "A <b> &amp; *c*"
    marked = ENTRY.replace("<title>A story", "<title type='html'>" + title)
    assert record(atom(marked)).title == "A & *c*"


def test_i16_damaged_text_is_not_repaired() -> None:
    odd = "Ã© \ufffd \u0092"
    assert record(rss(ITEM.replace("A story", odd))).title == odd
    assert record(json_feed({**JSON_ITEM, "title": odd})).title == odd


def test_i17_unknown_members_of_a_json_feed_are_stored_unless_they_name_record_fields() -> None:
    item = {
        **JSON_ITEM,
        "_ext": {"a": 1},
        "image": "https://a/",
        "slug": "other",
        "entities": ["X"],
    }
    found = record(json_feed(item))
    assert (found.slug, found.entities) == ("a-story", ())
    assert found.extra == {"guid": "1", "_ext": {"a": 1}, "image": "https://a/"}


def test_only_the_items_own_elements_are_read() -> None:
    nested = "<x><title>Other</title><link>https://other.example/</link></x>"
    assert record(rss(nested + ITEM + nested)).title == "A story"
    source = "<source><title>Other</title><id>urn:2</id><updated>now</updated></source>"
    assert record(atom(source + ENTRY)).extra == {"guid": "urn:1"}
    foreign = "<f:title xmlns:f='urn:f'>Other</f:title>"
    assert record(rss(foreign + ITEM)).title == "A story"


def test_atom_content_that_is_elsewhere_or_no_text_leaves_the_summary() -> None:
    for content in ("<content src='https://a/'/>", "<content type='image/png'>QUJD</content>"):
        entry = ENTRY.replace("<content>Text.</content>", f"<summary>Short.</summary>{content}")
        found = record(atom(entry))
        assert (found.body_md, found.summary) == ("Short.", "")


@pytest.mark.parametrize(
    ("feed", "reason"),
    [
        (b"[]", "not a JSON Feed: a JSON Feed must be an object"),
        (b"{}", "it has no items"),
        (b'{"items": {}}', "expected one array of items"),
        (b'{"items": [', "Expecting value"),
        (b'{"a" 1}', "expected ':' after a name"),
        (b'{"a": 1 "b"}', "expected ',' or '}' after a value"),
        (b"{1: 2}", "expected a name in quotation marks"),
        (b'{"items": []', "expected ',' or '}'"),
    ],
)
def test_i03_a_json_feed_that_is_none_is_malformed(feed: bytes, reason: str) -> None:
    with pytest.raises(MalformedFeedError) as caught:
        list(read(io.BytesIO(feed), "jsonfeed"))
    assert reason in caught.value.reason


def test_i03_items_before_the_break_stand() -> None:
    for feed in (
        json_feed(JSON_ITEM) + b"x",
        json_feed(JSON_ITEM)[:-1] + b', "items": []}',
        rss(ITEM)[:-5],
        atom(ENTRY) + b"<more/>",
    ):
        entry, rejected = outcomes(feed)
        assert isinstance(entry, Entry)
        assert isinstance(rejected, Rejected)
        assert rejected.faults[0].reason.endswith("the rest was not read")
