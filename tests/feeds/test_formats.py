"""Feeds, I-02 to I-04 and I-22: which are taken, as what, and what comes out of them."""

import io
import json

import pytest

from app.article.record import parse_record
from app.feeds import (
    FEED_FORMATS,
    Entry,
    MalformedFeedError,
    Rejected,
    UnsupportedFeedError,
    detect,
    read,
)
from tests.support.paths import SEED

STORY = {
    "slug": "a-story",
    "title": "A story",
    "body_md": 'Of [links](x) and "quotes" {and} \\braces',
    "published_at": "2026-06-23 23:00:06+00:00",
    "updated_at": "2026-06-24T00:49:22.205399Z",
    "lang": "en",
}
GOOD = json.dumps(STORY).encode()


def outcomes(feed: bytes, kind: str) -> list[Entry | Rejected]:
    return list(read(io.BytesIO(feed), kind))


def sniffed(feed: bytes) -> str:
    return detect(None, feed)


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded", "text/plain"])
def test_i04_the_seed_is_read_as_it_lies_there(content_type: str | None) -> None:
    feed = SEED.read_bytes()
    [entry] = outcomes(feed, detect(content_type, feed))
    assert entry == Entry(1, parse_record(json.loads(feed)))


@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_i04_a_byte_order_mark_is_tolerated_at_the_start_only(kind: str) -> None:
    assert len(outcomes(b"\xef\xbb\xbf" + GOOD, kind)) == 1
    assert sniffed(b"\xef\xbb\xbf [") == "json"
    with pytest.raises(MalformedFeedError, match=r"^line 2, column 1: "):
        outcomes(b"\n\xef\xbb\xbf" + GOOD, kind)


@pytest.mark.parametrize("feed", [b"", b"\xef\xbb\xbf", b" \r\n\t\n "])
def test_i04_an_empty_feed_is_malformed(feed: bytes) -> None:
    for kind in FEED_FORMATS:
        with pytest.raises(MalformedFeedError, match=r"^line 1, column 1: the feed is empty$"):
            outcomes(feed, kind)
    with pytest.raises(MalformedFeedError, match=r"^line 1, column 1: the feed is empty$"):
        sniffed(feed)


def test_an_empty_array_is_a_feed_without_records() -> None:
    assert outcomes(b" [ \n ] \n", "json") == []


def test_i02_an_array_an_object_and_lines_give_the_same_records() -> None:
    record = parse_record(STORY)
    array = b"[\n " + GOOD + b",\n\n " + GOOD + b"\n]\n"
    assert outcomes(array, "json") == [Entry(2, record), Entry(4, record)]
    assert outcomes(json.dumps(STORY, indent=2).encode(), "json") == [Entry(1, record)]
    assert outcomes(b"\r\n" + GOOD + b"\r\n \r\n" + GOOD, "ndjson") == [
        Entry(2, record),
        Entry(4, record),
    ]


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("application/json", "json"),
        ("Application/JSON; charset=UTF-8", "json"),
        ('application/json ;charset="us-ascii"', "json"),
        *((media_type, "ndjson") for media_type in FEED_FORMATS["ndjson"].media_types),
        ("application/feed+json", "jsonfeed"),
        ("application/rss+xml", "rss"),
        ("text/xml", "rss"),
        ("application/atom+xml; charset=utf-8", "atom"),
        ("application/x-ndjson; charset=utf8; header=present", "ndjson"),
    ],
)
def test_i02_a_specific_content_type_decides(content_type: str, kind: str) -> None:
    assert detect(content_type, b"<anything>") == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"[", "json"),
        (b" \r\n[]", "json"),
        (GOOD, "json"),
        (b'{"body_md": "one long line that the head does not hold', "json"),
        (json.dumps(STORY, indent=1).encode(), "json"),
        (b"{\n}", "json"),
        (GOOD + b"\n", "ndjson"),
        (GOOD + b"\r\n\r\n" + GOOD[:50], "ndjson"),
        (b"\n\n" + GOOD + b"\nbroken", "ndjson"),
        (b'{"broken": \n' + GOOD, "ndjson"),
        (b'{"a": 1, "a": NaN}\n"', "ndjson"),
    ],
)
@pytest.mark.parametrize("content_type", [None, "", " ; charset=utf-8", "application/octet-stream"])
def test_i02_an_unspecific_content_type_lets_the_bytes_decide(
    content_type: str | None, head: bytes, kind: str
) -> None:
    assert detect(content_type, head) == kind


JSON_FEED = b'{"title": "T", "version": "https://jsonfeed.org/version/1.1", "items": []}'


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (JSON_FEED, "jsonfeed"),
        (JSON_FEED + b"\n", "jsonfeed"),
        (JSON_FEED[:62], "jsonfeed"),
        (JSON_FEED.replace(b"jsonfeed.org", b"example.org"), "json"),
        (b'{"version": 1}', "json"),
        (b'{"body_md": "version https://jsonfeed.org/version/1", "x": {"version": 1}}', "json"),
        (b"<rss/>", "rss"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><!-- <feed> --><rss>", "rss"),
        (b"\n <rss version='2.0'>", "rss"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'>", "atom"),
        (b"<a:feed xmlns:a='http://www.w3.org/2005/Atom'>", "atom"),
        ("<?xml version='1.0' encoding='utf-16'?><feed>".encode("utf-16"), "atom"),
        (b"<!-- and no root in sight", "rss"),
    ],
)
def test_i02_json_feed_is_detected_by_its_version_and_xml_by_its_root(
    head: bytes, kind: str
) -> None:
    assert sniffed(head) == kind
    exact = "application/json" if head.startswith(b"{") else "application/atom+xml"
    if b"no root" not in head:
        assert detect(exact, head) == kind


def test_i02_a_file_is_known_by_its_suffix_where_nothing_else_tells() -> None:
    for file in ("a.ndjson", "A.JSONL"):
        assert detect("application/octet-stream", GOOD, file) == "ndjson"
        assert detect("application/json", GOOD, file) == "json"
    assert detect("", GOOD, "a.json") == "json"


@pytest.mark.parametrize("head", [b"<html>", b"<!DOCTYPE html><html>", b"<rdf:RDF xmlns:rdf='x'>"])
def test_i03_xml_of_another_kind_is_malformed_at_its_root(head: bytes) -> None:
    with pytest.raises(MalformedFeedError, match=r"the root element is <.*>, not <rss> or <feed>"):
        sniffed(head)


@pytest.mark.parametrize(
    ("charset", "head", "taken"),
    [
        ("iso-8859-1", b"<?xml version='1.0' encoding='ISO-8859-1'?><rss>", True),
        ("utf-8", b"<?xml version='1.0' encoding='ISO-8859-1'?><rss>", False),
        ("iso-8859-1", b"<rss>", False),
        ("utf-16", "<?xml version='1.0' encoding='utf-16'?><rss>".encode("utf-16"), True),
        ("utf-8", b"<?xml version='1.0' encoding='UTF-8'?><rss>", True),
    ],
)
def test_i02_a_charset_that_contradicts_the_xml_is_not_taken(
    charset: str, head: bytes, *, taken: bool
) -> None:
    if taken:
        assert detect(f"text/xml; charset={charset}", head) == "rss"
        return
    with pytest.raises(UnsupportedFeedError):
        detect(f"text/xml; charset={charset}", head)


@pytest.mark.parametrize(
    ("head", "column"),
    [(b"#rss", 1), (b"\n\n  #rss", 3), (b"\xef\xbb\xbf#", 1), (b"---", 1), (b"\xff\xfe[", 1)],
)
def test_i03_bytes_that_begin_no_feed_are_malformed(head: bytes, column: int) -> None:
    with pytest.raises(MalformedFeedError, match="begins neither JSON nor XML") as caught:
        sniffed(head)
    assert (caught.value.line, caught.value.column) == (head.count(b"\n") + 1, column)


@pytest.mark.parametrize(
    ("content_type", "media_type"),
    [
        ("application/rss+json", "application/rss+json"),
        ("text/html; charset=utf-8", "text/html"),
        ("multipart/form-data; boundary=x", "multipart/form-data"),
        ("nonsense", "nonsense"),
        ("application/json; Charset=ISO-8859-1", "application/json; charset=ISO-8859-1"),
        ("text/plain;charset=utf-16", "text/plain; charset=utf-16"),
    ],
)
def test_i02_other_media_types_and_charsets_are_not_taken(
    content_type: str, media_type: str
) -> None:
    with pytest.raises(UnsupportedFeedError, match="supported") as caught:
        detect(content_type, GOOD)
    assert caught.value.media_type == media_type


def test_i03_an_invalid_record_is_reported_with_its_line_slug_and_pointers() -> None:
    bad = json.dumps({**STORY, "slug": "Not A Slug", "topics": ["fine", "N/A"]}).encode()
    array = b"[\n" + GOOD + b",\n" + bad + b"\n,\n" + GOOD + b"]"
    first, rejected, last = outcomes(array, "json")
    assert isinstance(rejected, Rejected)
    assert (rejected.line, rejected.slug) == (3, "Not A Slug")
    assert {fault.pointer for fault in rejected.faults} == {"/1/slug", "/1/topics/1"}
    assert (first.line, last.line) == (2, 5)
    [_, alone] = outcomes(GOOD + b"\n" + bad, "ndjson")
    assert isinstance(alone, Rejected)
    assert {fault.pointer for fault in alone.faults} == {"/slug", "/topics/1"}


def test_i22_the_slug_of_a_rejected_item_is_shortened() -> None:
    [rejected] = outcomes(json.dumps({"slug": "A\n" * 5000}).encode(), "json")
    assert isinstance(rejected, Rejected)
    assert rejected.slug is not None
    assert rejected.slug.startswith("A\\nA")
    assert len(rejected.slug) < 100


def test_i22_the_faults_of_an_item_are_capped_and_counted() -> None:
    feed = json.dumps([{**STORY, "topics": [f"N/{n}" for n in range(500)]}]).encode()
    [rejected] = outcomes(feed, "json")
    assert isinstance(rejected, Rejected)
    assert len(rejected.faults) + rejected.left_out == 500
    assert len(rejected.faults) == 20


def test_i22_a_long_content_type_is_shortened() -> None:
    for content_type in ("A" * 5000, "text/plain; charset=" + "A" * 5000):
        with pytest.raises(UnsupportedFeedError) as caught:
            detect(content_type, b"")
        assert len(caught.value.media_type) < 100
        assert len(str(caught.value)) < 150
