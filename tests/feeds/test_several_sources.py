"""Several feeds in one load, I-02 and I-03: one after the other, each with its name."""

import io
import json

import pytest

from app.feeds import Entry, FeedSource, MalformedFeedError, Rejected, read, read_all

STORY = {
    "slug": "a-story",
    "title": "A story",
    "body_md": "Text.",
    "published_at": "2026-06-23T23:00:06Z",
    "updated_at": "2026-06-23T23:00:06Z",
    "lang": "en",
}
GOOD = json.dumps(STORY).encode()


def source(feed: bytes, file: str | None = "a.json", kind: str = "json") -> FeedSource:
    return FeedSource(file, kind, io.BytesIO(feed))


def told(*sources: FeedSource) -> list[tuple[str | None, int, str]]:
    return [
        (each.file, each.line, "ok" if isinstance(each, Entry) else each.faults[0].reason)
        for each in read_all(sources)
    ]


def test_i02_one_source_is_read_as_a_feed_and_named() -> None:
    assert told(source(b"\n" + GOOD)) == [("a.json", 2, "ok")]
    assert list(read_all([source(GOOD, None)])) == list(read(io.BytesIO(GOOD), "json"))
    with pytest.raises(MalformedFeedError, match=r"^line 2, column 1: not JSON"):
        list(read_all([source(b"\nhello")]))


def test_i02_all_of_one_comes_after_all_of_the_other_with_lines_of_its_own() -> None:
    two = GOOD + b"\n" + GOOD
    assert told(source(two, "a", "ndjson"), source(b"[]", "b"), source(GOOD, "c")) == [
        ("a", 1, "ok"),
        ("a", 2, "ok"),
        ("c", 1, "ok"),
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0)])
def test_i03_a_file_in_which_nothing_is_readable_is_one_rejection(order: tuple[int, ...]) -> None:
    feeds = [source(GOOD, "good"), source(b"\nhello", "bad"), source(b"", "empty")]
    expected = [
        ("good", 1, "ok"),
        ("bad", 2, "not JSON: Expecting value at column 1; no record of this file was read"),
        ("empty", 1, "the feed is empty at column 1; no record of this file was read"),
    ]
    assert told(*(feeds[place] for place in order)) == [expected[place] for place in order]


def test_i03_only_where_all_of_them_are_unreadable_the_first_error_is_raised() -> None:
    feeds = [source(b"\nhello", "bad.json"), source(b"", "empty")]
    with pytest.raises(MalformedFeedError) as caught:
        list(read_all(feeds))
    assert (caught.value.line, caught.value.column) == (2, 1)
    assert caught.value.reason == "bad.json: not JSON: Expecting value"


def test_i03_a_feed_without_records_is_readable() -> None:
    [(file, _, _)] = told(source(b"hello", "bad"), source(b"[]", "none"))
    assert file == "bad"
    assert told(source(b"[]", "a"), source(b"[]", "b")) == []


def test_a_rejected_record_names_its_file() -> None:
    [_, rejected] = read_all([source(GOOD, "a"), source(b"{}", "b")])
    assert isinstance(rejected, Rejected)
    assert rejected.file == "b"
