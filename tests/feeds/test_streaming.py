"""Feeds as streams, I-03, I-16 and I-19: however they are cut, and however large they are."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from itertools import chain, cycle, repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.article.record import Fault, parse_record
from app.feeds import (
    FEED_FORMATS,
    ITEM_BYTES,
    Entry,
    FeedItem,
    MalformedFeedError,
    Rejected,
    UnsupportedFeedError,
    detect,
    json_stream,
    ndjson,
    read,
)
from tests.support.strategies import SIGNS

STORY: dict[str, Any] = {
    "slug": "a-story",
    "title": "A story",
    "body_md": 'Of [links](x) and "quotes" {and} \\braces',
    "published_at": "2026-06-23 23:00:06+00:00",
    "updated_at": "2026-06-24T00:49:22.205399Z",
    "lang": "en",
}
GOOD = json.dumps(STORY).encode()

# What could be taken for structure, what takes several bytes, and what has to be escaped.
AWKWARD = st.text(st.sampled_from('"\\[]{},: \n\tué漢😀\u2028'), max_size=12)
EXTRA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | AWKWARD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(AWKWARD, inner, max_size=3),
    max_leaves=6,
)
STORIES = st.builds(
    lambda slug, body, extra: {**STORY, "slug": slug, "body_md": body, "x": extra},
    st.from_regex(r"[a-z]{1,9}", fullmatch=True, alphabet=SIGNS),
    AWKWARD,
    EXTRA,
)
# How much the window asks for at least, and how much it is given each time.
CUTS = st.tuples(
    st.sampled_from([1, 3, 64 * 1024]), st.lists(st.integers(1, 9), min_size=1, max_size=5)
)


class Drip(io.BytesIO):
    """A stream that returns less than it is asked for."""

    def __init__(self, feed: bytes, sizes: list[int]) -> None:
        super().__init__(feed)
        self.sizes = cycle(sizes)

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert size > 0
        return super().read(min(size, next(self.sizes)))


class Endless(io.RawIOBase):
    """A stream over chunks that are made while it is read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self.rest = self.rest or next(self.chunks, b"")
        part, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def records(feed: bytes, kind: str, cuts: tuple[int, list[int]]) -> list[Any]:
    """Return the records in a feed, and None for what is rejected, up to where it is malformed."""
    found: list[Any] = []
    chunk, sizes = cuts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.feeds.byte_scanner.CHUNK_BYTES", chunk)
        try:
            for each in read(Drip(feed, sizes), kind):
                found.append(each.record if isinstance(each, Entry) else None)
                if isinstance(each, Rejected):
                    assert each.faults
                    assert all(len(fault.reason) < 250 for fault in each.faults)
        except MalformedFeedError:
            assert not found
    return found


def documents(stories: list[Any], *, ascii_only: bool) -> Iterator[tuple[str, bytes]]:
    """Write the same stories down in every way that a feed may have."""
    texts = [json.dumps(story, ensure_ascii=ascii_only) for story in stories]
    yield "json", ("[" + ",".join(texts) + "]").encode()
    yield "json", ("\ufeff[\n" + "\n,\r\n".join(texts) + "\n]\n").encode()
    yield "json", json.dumps(stories, ensure_ascii=ascii_only, indent=2).encode()
    if texts:
        yield "ndjson", "\n".join(texts).encode()
        yield "ndjson", ("\ufeff" + "\r\n".join(texts) + "\r\n").encode()
        yield "ndjson", ("\n \n" + "\n\n".join(texts) + "\n\n\t").encode()


@given(stories=st.lists(STORIES, max_size=4), cuts=CUTS, ascii_only=st.booleans())
def test_a_feed_gives_the_same_records_in_every_format_and_however_it_is_cut(
    stories: list[Any], cuts: tuple[int, list[int]], *, ascii_only: bool
) -> None:
    expected = [parse_record(story) for story in stories]
    for kind, feed in documents(stories, ascii_only=ascii_only):
        assert records(feed, kind, cuts) == expected
        if len(stories) > 1:
            assert detect(None, feed) == kind


@given(st.lists(STORIES, min_size=1, max_size=3), CUTS, st.data())
def test_a_feed_that_breaks_off_gives_the_records_up_to_there(
    stories: list[Any], cuts: tuple[int, list[int]], data: st.DataObject
) -> None:
    expected = [parse_record(story) for story in stories]
    for kind, feed in documents(stories, ascii_only=False):
        end = data.draw(st.integers(0, len(feed) - 1))
        found = records(feed[:end], kind, cuts)
        if found and found[-1] is None:
            found.pop()
        assert found == expected[: len(found)]


@given(
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from(
            [b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\n", b" ", b"1", b"e9", b"NaN",
             b'"a"', b'"slug":', b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\\ud800", b"null", GOOD]
        ),
        max_size=12,
    ).map(b"".join),
    CUTS,
)  # fmt: skip
def test_no_bytes_raise_anything_that_is_not_declared(
    feed: bytes, cuts: tuple[int, list[int]]
) -> None:
    for kind in FEED_FORMATS:
        records(feed, kind, cuts)
    try:
        assert detect("", feed) in FEED_FORMATS
    except MalformedFeedError as error:
        assert 1 <= error.line <= feed.count(b"\n") + 1  # noqa: PT017 - either is fine


@given(st.text(SIGNS, max_size=40), st.binary(max_size=5))
def test_no_content_type_raises_anything_that_is_not_declared(header: str, head: bytes) -> None:
    try:
        assert detect(header, head) in FEED_FORMATS
    except (MalformedFeedError, UnsupportedFeedError) as error:
        assert len(str(error)) < 800  # noqa: PT017 - either is fine


def too_large(line: int, pointer: str, limit: int, until: tuple[int, int]) -> Rejected:
    end = f"line {until[0]}, column {until[1]}"
    reason = f"larger than {limit} bytes; it ends at {end}"
    return Rejected(line, None, (Fault(pointer, reason),))


def test_i19_an_item_that_is_too_large_is_passed_over() -> None:
    large = b'{"slug": "' + b'\\"]x\n' * 100_000 + b'\xff"}'
    limit = len(GOOD)
    array = io.BytesIO(b"[\n" + b",\n".join([GOOD, large, GOOD]) + b"]")
    assert list(json_stream.read(array, limit)) == [
        FeedItem(2, "/0", STORY),
        too_large(3, "/1", limit, (100_003, 4)),
        FeedItem(100_004, "/2", STORY),
    ]
    lines = io.BytesIO(b"\n".join([GOOD, large.replace(b"\n", "é".encode()), GOOD]))
    assert list(ndjson.read(lines, limit)) == [
        FeedItem(1, "", STORY),
        too_large(2, "", limit, (2, 500_014)),
        FeedItem(3, "", STORY),
    ]


def test_i19_the_limit_of_an_item_is_exact() -> None:
    for reader in (json_stream.read, ndjson.read):
        assert list(reader(io.BytesIO(GOOD), len(GOOD))) == [FeedItem(1, "", STORY)]
        assert list(reader(io.BytesIO(GOOD), len(GOOD) - 1)) == [
            too_large(1, "", len(GOOD) - 1, (1, len(GOOD) + 1))
        ]


def story_of(size: int) -> bytes:
    return json.dumps({**STORY, "body_md": '# "A" [story](x)\n' * (size // 20)}).encode()


def peak_of(feed: Iterator[bytes], kind: str) -> tuple[int, int]:
    """Read a feed and return how many pieces it gave, and the most bytes that were held."""
    stream = io.BufferedReader(Endless(feed))
    tracemalloc.start()
    try:
        count = sum(1 for _ in read(stream, kind))
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_i19_memory_does_not_grow_with_the_feed(kind: str) -> None:
    story, count = story_of(100_000), 500
    between = b"\n" if kind == "ndjson" else b",\n"
    feed = chain([story], repeat(between + story, count - 1))
    feed = chain([b"["], feed, [b"]"]) if kind == "json" else feed
    found, peak = peak_of(feed, kind)
    assert found == count
    assert peak < 2_000_000


@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_i19_memory_does_not_grow_with_an_item(kind: str) -> None:
    huge = chain([b'{"body_md": "'], repeat(b'\\"}]' * 25_000, 500), [b'"}'])
    found, peak = peak_of(huge, kind)
    assert found == 1
    assert peak < 5 * ITEM_BYTES
