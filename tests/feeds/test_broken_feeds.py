"""Broken feeds, I-03, I-05, I-16 and I-22: what is said of them, and what is read anyway."""

import io
import json

import pytest

from app.feeds import Entry, MalformedFeedError, Rejected, read

STORY = {
    "slug": "a-story",
    "title": "A story",
    "body_md": 'Of [links](x) and "quotes" {and} \\braces',
    "published_at": "2026-06-23 23:00:06+00:00",
    "updated_at": "2026-06-24T00:49:22.205399Z",
    "lang": "en",
}
GOOD = json.dumps(STORY).encode()

# Kind, feed with "@" for a good record, what `places` makes of it, and a piece of the last reason.
JSON, LINES = "json", "ndjson"
DEEP, DIGITS = b"[" * 101 + b"]" * 101, b"9" * 4301
TABLE: list[tuple[str, bytes, str, str]] = [
    # Not JSON from the start.
    (JSON, b"hello", "! 1:1", "not JSON: Expecting value"),
    (JSON, b"hello world", "! 1:1", "not JSON: Expecting value"),
    (JSON, b"\n\n <rss>@</rss>", "! 3:2", "not JSON: Expecting value"),
    (JSON, b"'a'", "! 1:1", "not JSON"),
    (JSON, b"\xff\xfe[\x00", "! 1:1", "byte 0xff is not UTF-8"),
    (JSON, b"\x00", "! 1:1", "not JSON"),
    (JSON, b"\x0c@", "! 1:1", "not JSON"),
    (JSON, b"}", "! 1:1", "not JSON"),
    (JSON, b"]", "! 1:1", "not JSON"),
    (JSON, b",@", "! 1:1", "not JSON"),
    (JSON, b"+1", "! 1:1", "not JSON"),
    (JSON, b"01", "! 1:2", "not JSON: Extra data"),
    (JSON, b"nulls", "! 1:5", "not JSON: Extra data"),
    (JSON, b"{", "! 1:2", "nothing closes the value that starts at line 1, column 1; not JSON"),
    (JSON, b"{]", "! 1:2", "not JSON"),
    (JSON, b'{"a" 1}', "! 1:6", "Expecting ':' delimiter"),
    (JSON, b'{"a":\n 1 "b"}', "! 2:4", "Expecting ',' delimiter"),
    (JSON, b'{"a": 1', "! 1:8", "nothing closes the value that starts at line 1, column 1"),
    (JSON, b'{"a": "b\\', "! 1:7", "Unterminated string"),
    (JSON, b'{"a": "b\nc"}', "! 1:9", "Invalid control character"),
    (JSON, b'{"a": "\\x"}', "! 1:8", "Invalid \\escape"),
    (JSON, b'{"a": "\\u12G4"}', "! 1:9", "Invalid \\uXXXX escape"),
    (JSON, b"{'a': 1}", "! 1:2", "not JSON"),
    (JSON, b"{a: 1}", "! 1:2", "not JSON"),
    (JSON, b"// comment\n@", "! 1:1", "not JSON"),
    # JSON, but no record.
    (JSON, b"42", "1", "an article record must be a JSON object"),
    (JSON, b'"a, [string]"', "1", "an article record must be a JSON object"),
    (JSON, b"null", "1", "an article record must be a JSON object"),
    (JSON, b"{}", "1 /slug", "is missing"),
    (JSON, b'["a]", 1.5, [[]], null,\n\n@]', "1 /0, 1 /1, 1 /2, 1 /3, 3 ok", "JSON object"),
    (JSON, b"[@,\n[@]]", "1 ok, 2 /1", "an article record must be a JSON object"),
    # An array that is broken between its items.
    (JSON, b"[", "! 1:2", "not JSON: Expecting value"),
    (JSON, b"[,@]", "! 1:2", "not JSON: Expecting value"),
    (JSON, b"[@,\n,@]", "1 ok, 2", "Expecting value at column 1; the rest was not read"),
    (JSON, b"[@,]", "1 ok, 1", "expected another item after item 0 and its ','"),
    (JSON, b"[\n@,\n\n  ]", "2 ok, 4", " at column 3; the rest was not read"),
    (JSON, b"[@,\n", "1 ok, 2", "the feed ends, expected another item after item 0"),
    (JSON, b"[@\n @]", "1 ok, 2", "expected ',' or ']' after item 0 at column 2; the rest"),
    (JSON, b"[1 2]", "1 /0, 1", "expected ',' or ']' after item 0 at column 4; the rest"),
    (JSON, b"[@", "1 ok, 1", "the feed ends, expected ',' or ']' after item 0"),
    (JSON, b"[@;@]", "1 ok, 1", "expected ',' or ']'"),
    (JSON, b"[@}", "1 ok, 1", "expected ',' or ']'"),
    (JSON, b"[}", "! 1:2", "not JSON: Expecting value"),
    (JSON, b'["a": @]', "1 /0, 1", "expected ',' or ']' after item 0 at column 5"),
    (JSON, b"[] []", "! 1:4", "unexpected data after the end of the document"),
    (JSON, b"[@]\n\x00", "1 ok, 2", "unexpected data after the end of the document"),
    (JSON, b"[@]]", "1 ok, 1", "unexpected data after the end of the document"),
    (JSON, b"@\n@", "1 ok, 2", "(is it NDJSON?) at column 1; the rest was not read"),
    # An array that is broken inside an item.
    (JSON, b'[@,\n{"a": 1,},\n@]', "1 ok, 2", "; the rest was not read"),
    (JSON, b'[@, {"a": 1]', "1 ok, 1", "not JSON: Expecting ',' delimiter"),
    (JSON, b'[@,\n {"a": 1], @]', "1 ok, 2", "Expecting ',' delimiter at column 9; the rest"),
    (
        JSON,
        b'[@,\n {"a": "b"c"},\n@]',
        "1 ok, 2",
        "not JSON: Expecting ',' delimiter at column 11; the rest",
    ),
    (JSON, b'[@,\n {"a": "b\xe9"},@]', "1 ok, 2, 2 ok", "byte 0xe9 is not UTF-8 at column 10"),
    (
        JSON,
        b'[@,\n "\xc3',
        "1 ok, 2",
        "column 2; not JSON: byte 0xc3 is not UTF-8 at column 3; the rest",
    ),
    (JSON, b"[@,\n\xff,@]", "1 ok, 2", "0xff is not UTF-8 at column 1; the rest"),
    (JSON, b'[@,\n {"a": "\xff"b"},@]', "1 ok, 2", "0xff is not UTF-8 at column 9; the rest"),
    (JSON, b'[@, {"a": NaN, "b" 1}, @]', "1 ok, 1", "Expecting ':' delimiter"),
    (JSON, b"[@,\ntru", "1 ok, 2", "not JSON: Expecting value at column 1; the rest"),
    (JSON, b"[@, undefined,@]", "1 ok, 1", "not JSON: Expecting value"),
    # What JSON leaves open, or what cannot be kept.
    (JSON, b'[@,\n{"a": {"b": 1, "b": 1}}, @]', "1 ok, 2 /1, 2 ok", "the name 'b' occurs twice"),
    (JSON, b'{"slug": 1, "sl\\u0075g": 2}', "1", "the name 'slug' occurs twice"),
    (JSON, b'[{"a": NaN}, @]', "1 /0, 1 ok", "NaN is not a JSON number"),
    (JSON, b'[{"a": -Infinity}, @]', "1 /0, 1 ok", "-Infinity is not a JSON number"),
    (JSON, b'[{"a": -1e400}, @]', "1 /0, 1 ok", "the number -1e400 is too large"),
    (JSON, b"[" + DIGITS + b", @]", "1 /0, 1 ok", "a number of 4301 digits is too long"),
    (JSON, b'["' + b"[{" * 200 + b'", @]', "1 /0, 1 ok", "an article record must be a JSON object"),
    (
        JSON,
        b"[[" + b"[]," * 200 + b"[]], @]",
        "1 /0, 1 ok",
        "an article record must be a JSON object",
    ),
    (JSON, b"[" + DEEP + b", @]", "1 /0, 1 ok", "nested deeper than 100 levels"),
    (JSON, b'{"a":' * 200_000, "! 1:1000001", "column 1; not JSON: the feed ends"),
    (JSON, b'[@, {"a":1,"a":1, "b', "1 ok, 1", "Unterminated string at column 219; the rest"),
    # Lines.
    (LINES, b"<rss>", "! 1:1", "not JSON: Expecting value"),
    (LINES, b"[@,\n@]", "! 1:204", "not JSON"),
    (LINES, b"[@]", "1", "an article record must be a JSON object"),
    (LINES, b"@ @\n@", "1, 2 ok", "not JSON: Extra data at column "),
    (LINES, b"@,\n@,", "! 1:202", "Extra data"),
    (LINES, b'@\n\t{"a": "b\n@', "1 ok, 2, 3 ok", "Unterminated string at column 8"),
    (LINES, b'@\n{"a": 1', "1 ok, 2", "Expecting ',' delimiter at column 8"),
    (LINES, b"@\x0b\n@", "1, 2 ok", "Extra data"),
    (LINES, b"@\n\x1e@", "1 ok, 2", "not JSON: Expecting value at column 1"),
    (LINES, b"@\n\xff@\n@", "1 ok, 2, 3 ok", "byte 0xff is not UTF-8 at column 1"),
    (LINES, b'@\n{"a": 1, "a": 2}', "1 ok, 2", "the name 'a' occurs twice in one object"),
    (LINES, b'@\n{"a": [Infinity]}', "1 ok, 2", "Infinity is not a JSON number"),
    (LINES, b'@\n{"a": 1e999}', "1 ok, 2", "the number 1e999 is too large"),
    (LINES, b"@\n" + DIGITS, "1 ok, 2", "a number of 4301 digits is too long"),
    (LINES, b"@\n" + DEEP + b"\n@", "1 ok, 2, 3 ok", "nested deeper than 100 levels"),
    (LINES, b"@\nnull\n{}", "1 ok, 2, 3 /slug", "is missing"),
]


def outcomes(feed: bytes, kind: str) -> list[Entry | Rejected]:
    return list(read(io.BytesIO(feed), kind))


def places(feed: bytes, kind: str) -> str:
    """Write down what became of a feed: "2 ok", "3 /1/title", or "! 1:5" for a malformed one."""
    try:
        found = outcomes(feed, kind)
    except MalformedFeedError as error:
        return f"! {error.line}:{error.column}"
    told = [
        f"{each.line} {'ok' if isinstance(each, Entry) else each.faults[0].pointer}".strip()
        for each in found
    ]
    return ", ".join(told)


def reasons(feed: bytes, kind: str) -> list[str]:
    """Return everything that is said about a feed."""
    try:
        found = outcomes(feed, kind)
    except MalformedFeedError as error:
        return [error.reason]
    return [fault.reason for each in found if isinstance(each, Rejected) for fault in each.faults]


@pytest.mark.parametrize(("kind", "feed", "expected", "reason"), TABLE)
def test_i03_a_broken_feed_is_reported_with_its_position(
    kind: str, feed: bytes, expected: str, reason: str
) -> None:
    feed = feed.replace(b"@", GOOD)
    assert places(feed, kind) == expected
    assert reason in reasons(feed, kind)[-1]


def test_i03_broken_lines_before_the_first_valid_one_are_reported_in_order() -> None:
    assert places(b"#\n\n!\n" + GOOD + b"\n?", "ndjson") == "1, 3, 4 ok, 5"


def test_i03_a_feed_of_nothing_but_broken_lines_is_malformed_at_the_first() -> None:
    assert places(b"\n  slug,title\na,b\n", "ndjson") == "! 2:3"


def test_i03_a_hundred_broken_lines_are_waited_for_and_no_more() -> None:
    assert places(b"#\n" * 100 + GOOD, "ndjson").endswith("100, 101 ok")
    stream = io.BytesIO(b"#\n" * 1_000_000 + GOOD)
    with pytest.raises(MalformedFeedError, match=r"^line 1, column 1: "):
        next(read(stream, "ndjson"))
    assert stream.tell() < 100_000


def test_i05_records_before_a_syntax_error_are_loaded() -> None:
    feed = b"[" + GOOD + b",\n" + GOOD[:35]
    assert places(feed, "json") == "1 ok, 2"
    [reason] = reasons(feed, "json")
    assert reason == (
        "nothing closes the value that starts at line 2, column 1; not JSON: Unterminated string"
        " at column 30; the rest was not read"
    )


def test_i16_invalid_utf8_is_reported_by_column_and_costs_one_record_only() -> None:
    broken = '{"title": "é漢😀'.encode() + b'\xe9"}'
    expected = ["not JSON: byte 0xe9 is not UTF-8 at column 15"]
    lines = b"\n".join([GOOD, broken, GOOD])
    assert places(lines, "ndjson") == "1 ok, 2, 3 ok"
    assert reasons(lines, "ndjson") == expected
    array = b"[\n" + b"\n,\n".join([GOOD, broken, GOOD]) + b"]"
    assert places(array, "json") == "2 ok, 4, 6 ok"
    assert reasons(array, "json") == expected


def test_i16_a_feed_in_another_encoding_is_malformed() -> None:
    latin = json.dumps({**STORY, "title": "Zoë"}, ensure_ascii=False).encode("latin-1")
    column = latin.index(b"\xeb") + 1
    assert places(latin, "json") == places(latin, "ndjson") == f"! 1:{column}"
    assert places(b"[" + latin + b"," + latin + b"]", "json") == f"! 1:{column + 1}"
    assert places(GOOD.decode().encode("utf-16"), "json") == "! 1:1"


def test_i16_escaped_lone_surrogates_and_nul_are_the_records_to_reject() -> None:
    bad = GOOD.replace(b"A story", rb"A \ud800 story").replace(b"Of", rb"\u0000Of")
    [rejected] = outcomes(b"[" + bad + b"]", "json")
    assert isinstance(rejected, Rejected)
    assert {fault.pointer for fault in rejected.faults} == {"/0/title", "/0/body_md"}


@pytest.mark.parametrize(
    "feed",
    [
        b"%s",
        b"[%s]",
        b'"%s"',
        b'[@, "%s"]',
        b'{"%s": 1, "%s": 2}',
        b'{"slug": "%s"}',
        b'{"slug": ["%s"]}',
        b'{"published_at": "%s", "topics": ["%s"]}',
        b'[{"extra": {"%s": "\\u0000"}}]',
        b"1%s",
        b"1e%s",
        b"[@ %s",
        b"@\n%s",
        b"{%s",
    ],
)
@pytest.mark.parametrize("long", [b"A" * 5000, b"9" * 5000])
def test_i22_no_more_than_a_short_piece_of_the_feed_is_echoed(feed: bytes, long: bytes) -> None:
    hostile = feed.replace(b"%s", long).replace(b"@", GOOD)
    for kind in ("json", "ndjson"):
        told = reasons(hostile, kind)
        assert told
        assert not [reason for reason in told if long.decode()[:101] in reason or len(reason) > 250]
        assert long.decode()[:101] not in places(hostile, kind)
