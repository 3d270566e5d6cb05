"""XML from strangers, I-02, I-03, I-16, I-19 and I-22: what is refused, where, and at what cost."""

import io
import subprocess
import sys
import textwrap
import tracemalloc
from contextlib import suppress
from itertools import chain, repeat
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.feeds import (
    FEED_FORMATS,
    Entry,
    MalformedFeedError,
    Rejected,
    UnsupportedFeedError,
    atom,
    detect,
    read,
    rss,
)
from app.feeds.xml_items import MAX_ELEMENTS
from app.feeds.xml_stream import MAX_DEPTH
from tests.support.paths import DATA, ROOT

RSS, ATOM = (DATA / "article.rss").read_bytes(), (DATA / "article.atom").read_bytes()
JSON = (DATA / "article.feed.json").read_bytes()
ITEM = (
    b"<item><title>A story</title><pubDate>Tue, 23 Jun 2026 23:00:06 GMT</pubDate>"
    b"<description>Text.</description></item>"
)


def outcomes(feed: bytes, kind: str = "rss") -> list[Entry | Rejected]:
    return list(read(io.BytesIO(feed), kind))


def feed_of(*items: bytes, head: bytes = b"") -> bytes:
    return head + b"<rss><channel>\n" + b"\n".join(items) + b"</channel></rss>"


def declared(encoding: str, text: str) -> bytes:
    head = f"<?xml version='1.0' encoding='{encoding}'?>"
    return (head + feed_of(ITEM).decode().replace("A story", text)).encode(encoding)


@pytest.mark.parametrize(
    ("feed", "place", "reason"),
    [
        (b"<rss><channel>\n  <item></rss>", (2, 11), "not XML: mismatched tag"),
        (b"<rss><channel>", (1, 15), "not XML: no element found"),
        (b"<rss>&nbsp;</rss>", (1, 6), "not XML: undefined entity"),
        (b"<!DOCTYPE rss SYSTEM 'x'><rss>&nbsp;</rss>", (1, 31), "'nbsp' is not declared"),
        (b"<!DOCTYPE rss [<!ENTITY a 'b'>]><rss>&a;</rss>", (1, 15), "a DTD with declarations"),
        (b"<!DOCTYPE r [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><rss/>", (1, 13), "a DTD with"),
        (b"<!DOCTYPE r [<!ENTITY % a SYSTEM 'http://x/'> %a;]><rss/>", (1, 13), "a DTD with"),
        (b"<rss><x:y/></rss>", (1, 6), "not XML: unbound prefix"),
        (b"<rss>\xff</rss>", (1, 6), "not XML: not well-formed"),
        (b"<rss>\x00</rss>", (1, 6), "not XML: not well-formed"),
        (b"<rss>&#x0;</rss>", (1, 6), "not XML: reference to invalid character"),
        (b"<rss>&#xD800;</rss>", (1, 6), "not XML: reference to invalid character"),
        (b"<feed/>", (1, 1), "the root element is <feed>, not <rss>"),
        (b"<?xml version='1.0' encoding='nope'?><rss/>", (1, 1), "'nope' is not supported"),
        (b"<?xml version='1.0' encoding='utf-7'?><rss/>", (1, 1), "'utf-7' is not supported"),
        (b"<?xml version='1.0' encoding='idna'?><rss/>", (1, 1), "'idna' is not supported"),
        (b"<?xml version='1.0' encoding='iso-8859-99'?><rss/>", None, "encoding"),
        (b"<?xml version='1.0' encoding='utf-16'?><rss/>", None, "encoding"),
        (b"\n<?xml version='1.0'?><rss/>", (2, 1), "XML or text declaration not at start"),
        (
            b"<rss>" + b"<a>" * MAX_DEPTH,
            (1, 6 + 3 * (MAX_DEPTH - 1)),
            f"deeper than {MAX_DEPTH} levels",
        ),
    ],
)
def test_i03_xml_that_is_not_taken_is_malformed_at_its_place(
    feed: bytes, place: tuple[int, int] | None, reason: str
) -> None:
    with pytest.raises(MalformedFeedError) as caught:
        outcomes(feed)
    assert reason in caught.value.reason
    assert place in {None, (caught.value.line, caught.value.column)}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252", "ISO-8859-15", "us-ascii"]
)
def test_i02_encodings_that_the_document_declares_are_read(encoding: str) -> None:
    title = "A story" if encoding == "us-ascii" else "Zoë’s" if encoding[0] in "uw" else "Zoë's"
    feed = declared(encoding, title)
    [entry] = outcomes(feed, detect(None, feed))
    assert isinstance(entry, Entry)
    assert entry.record.title == title


def test_a_doctype_without_declarations_is_passed_over() -> None:
    public = b'<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://x/rss-0.91.dtd">'
    [entry] = outcomes(feed_of(ITEM, head=public))
    assert isinstance(entry, Entry)


def test_i03_each_item_is_reported_with_its_line_and_number() -> None:
    broken = ITEM.replace(b"A story", b"?")
    first, second, third = outcomes(feed_of(ITEM, b"<x>\n\n</x>" + broken, b"<item\n/>"))
    assert isinstance(first, Entry)
    assert isinstance(second, Rejected)
    assert isinstance(third, Rejected)
    assert [first.line, second.line, third.line] == [2, 5, 6]
    assert second.faults[0].pointer == "/rss/channel/item[2]/title"
    assert third.faults[0].pointer == "/rss/channel/item[3]/title"


def test_i03_items_before_a_syntax_error_are_read_and_its_position_is_reported() -> None:
    entry, rejected = outcomes(feed_of(ITEM, b"<item>&bad;</item>"))
    assert isinstance(entry, Entry)
    assert isinstance(rejected, Rejected)
    assert rejected.line == 3
    assert rejected.faults[0].reason == (
        "not XML: undefined entity at column 7; the rest was not read"
    )


def test_i19_an_item_that_is_too_large_is_passed_over() -> None:
    large = ITEM.replace(b"Text.", b"Text.\n" * 100_000)
    for filler in (b"Text.\n", b"<b/>", b"<!-- -->", b"&lt;", b"<![CDATA[x]]>"):
        large = ITEM.replace(b"Text.", filler * 100_000)
        found = list(rss.read(io.BytesIO(feed_of(ITEM, large, ITEM)), 10_000))
        assert isinstance(found[1], Rejected)
        [fault] = found[1].faults
        assert fault.pointer == "/rss/channel/item[2]"
        assert fault.reason.startswith("larger than 10000 bytes; it ends at line")
        assert not isinstance(found[2], Rejected | MalformedFeedError)
        assert found[2].pointer == "/rss/channel/item[3]"


def test_i19_an_item_of_too_many_elements_is_rejected() -> None:
    many = ITEM.replace(b"</item>", b"<category>a</category>" * (MAX_ELEMENTS + 1) + b"</item>")
    found, entry = outcomes(feed_of(many, ITEM))
    assert isinstance(found, Rejected)
    assert f"more than {MAX_ELEMENTS} elements" in found.faults[0].reason
    assert isinstance(entry, Entry)


@pytest.mark.parametrize(
    ("opening", "filler"),
    [
        (b"<item><description>", b"<b/>"),
        (b"<item><description>", b"x"),
        (b"<item><description>", b"<!---->"),
        (b"<item>", b"<category>a</category>"),
        (b"<item>", b"<author>a</author>"),
        (b"<language>", b"x"),
        (b"<title>", b"<language>x</language>"),
    ],
)
def test_i19_memory_does_not_grow_with_the_content_of_an_item(
    opening: bytes, filler: bytes
) -> None:
    piece = filler * (64_000 // len(filler))
    stream = Pieces(chain([b"<rss><channel>" + opening], repeat(piece, 8)))
    tracemalloc.start()
    try:
        with pytest.raises(MalformedFeedError, match="no element found"):
            list(rss.read(cast("BinaryIO", stream), 50_000))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_language_is_read_far_from_the_beginning() -> None:
    head = b"<x>" + b"y" * 5_000_000 + b"</x><language>de</language>"
    [entry] = outcomes(b"<rss><channel>" + head + ITEM + b"</channel></rss>")
    assert isinstance(entry, Entry)
    assert entry.record.lang == "de"


@pytest.mark.parametrize("opening", [b"<a b='", b"<!-- ", b"<?a "])
def test_i19_a_tag_without_an_end_is_not_waited_for(opening: bytes) -> None:
    pieces = chain([b"<rss><channel>" + opening], repeat(b"x" * 60_000, 10_000))
    stream = Pieces(pieces)
    with pytest.raises(MalformedFeedError, match="a tag or a comment is larger than 4194304 bytes"):
        list(rss.read(cast("BinaryIO", stream)))
    assert stream.given < 6_000_000


@pytest.mark.parametrize("long", ["A" * 5000, "9" * 5000])
def test_i22_no_more_than_a_short_piece_of_the_feed_is_echoed(long: str) -> None:
    for text in (
        f"<{long}/>", f"<rss><{long}:x/></rss>", f"<rss>&{long};</rss>",
        f"<!DOCTYPE a SYSTEM 'x'><rss>&{long};</rss>",
        f"<?xml version='1.0' encoding='{long}'?><a/>",
        f"<rss><channel><item><title>{long}</title><pubDate>{long}</pubDate></item></channel></rss>",
        f"<rss><channel><item><link>{long}</link><guid>{long}</guid></item></channel></rss>",
    ):  # fmt: skip
        try:
            told = str([each for each in outcomes(text.encode()) if isinstance(each, Rejected)])
        except MalformedFeedError as error:
            told = str(error)
        assert told
        assert long[:101] not in told


class Pieces(io.RawIOBase):
    """A stream over pieces that are made while it is read."""

    def __init__(self, pieces: Any) -> None:
        self.pieces = iter(pieces)
        self.given = 0

    def read(self, _size: int | None = -1, /) -> bytes:
        piece: bytes = next(self.pieces, b"")
        self.given += len(piece)
        return piece


def survives(feed: bytes) -> None:
    """Read a feed as everything it could be; only what is declared may be raised."""
    for kind in FEED_FORMATS:
        try:
            for each in outcomes(feed, kind):
                assert each.line >= 1
        except MalformedFeedError as error:
            assert 1 <= error.line <= feed.count(b"\n") + feed.count(b"\r") + 2  # noqa: PT017 - either is fine
            assert len(error.reason) < 300  # noqa: PT017 - either is fine
    for content_type in (None, "text/xml", "application/json"):
        with suppress(MalformedFeedError, UnsupportedFeedError):
            assert detect(content_type, feed) in FEED_FORMATS


PIECES = st.sampled_from(
    [b"<rss>", b"<channel>", b"<item>", b"</item>", b"<title>", b"</title>", b"</channel>",
     b"<feed xmlns='http://www.w3.org/2005/Atom'>", b"<entry>", b"</entry>", b"<link href='",
     b"'/>", b"</rss>",
     b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?xml version='1.0' encoding='", b"utf-16", b"'?>",
     b"&lt;", b"&#1;", b"&", b"\xff", b"\xef\xbb\xbf", b"<!DOCTYPE", b"[", b"x", b" ", b"\n",
     b"xml:base='http://['", b"xmlns:a=''", b"{", b'"items":', b'"version":', b"[{", b"}]", ITEM]
)  # fmt: skip


@given(st.lists(PIECES, max_size=14).map(b"".join) | st.binary(max_size=60))
def test_no_bytes_raise_anything_that_is_not_declared(feed: bytes) -> None:
    survives(feed)


@given(st.sampled_from([RSS, ATOM, JSON]), st.data())
def test_no_mutation_of_a_feed_raises_anything_that_is_not_declared(
    feed: bytes, data: st.DataObject
) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(feed)))
        cut = data.draw(st.integers(0, 40))
        feed = feed[:at] + data.draw(PIECES | st.binary(max_size=4)) + feed[at + cut :]
    survives(feed)


def test_i19_memory_does_not_grow_with_a_feed_of_a_hundred_megabytes() -> None:
    script = """
        import resource, sys
        sys.path.insert(0, ".")
        from itertools import chain, repeat
        from app.feeds import read
        from tests.feeds.test_xml import ITEM, Pieces

        item = ITEM.replace(b"Text.", b"<![CDATA[" + b"<p>A paragraph.</p>\\n" * 50_000 + b"]]>")
        small = ITEM + b"<x>" + (b"<y>" + b"beside " * 1_000 + b"</y>\\n") * 140 + b"</x>"

        def load(count):
            feed = chain([b"<rss><channel>"], repeat(small, count), [item, b"</channel></rss>"])
            return sum(1 for _ in read(Pieces(feed), "rss"))

        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        load(2)
        before = peak()
        assert load(100) == 101
        print(peak() - before)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert int(run.stdout) < 8_000  # kilobytes, for a hundred thousand of them


@pytest.mark.parametrize("read_", [rss.read, atom.read])
def test_i04_blanks_before_the_root_are_no_feed(read_: Any) -> None:
    with pytest.raises(MalformedFeedError, match="the feed is empty"):
        list(read_(io.BytesIO(b"\xef\xbb\xbf \n")))
