"""Broken input, kind by kind, with what is to be said of it: data for one test of each."""

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import zstandard

LARGEST: Final = 6 << 20
"""How large a feed may be where these are sent."""

STORY: Final[dict[str, Any]] = {
    "slug": "a-story",
    "title": "A stóry",
    "summary": "",
    "body_md": '# A stóry\n\nOf "quotes" and \\braces.\n',
    "canonical_source": "https://example.com/a-story",
    "published_at": "2026-06-23T23:00:06Z",
    "updated_at": "2026-06-24T00:49:22Z",
    "lang": "en",
    "topics": ["news"],
    "entities": ["Ada Lovelace"],
}
GOOD: Final = json.dumps(STORY).encode()
"""A record that stands there already: where it is in a feed, nothing changes."""

TAKEN_KEY: Final = "a-key-that-is-taken"
JSON: Final = b"application/json"
NDJSON: Final = "application/x-ndjson"
FORM: Final = b"multipart/form-data; boundary=xyz"


class Line(NamedTuple):
    """One line of NDJSON, the pointer at which it is at fault, and what is said of it.

    `stored` says that it could be the database that minds.
    """

    name: str
    raw: bytes
    pointer: str
    reason: str
    stored: bool = False


class Case(NamedTuple):
    """A request, and what is to come of it.

    `place` is where the fault is: "line:column" of a feed that is refused as a whole, or the line
    and the pointer of the last record that is rejected. What ends in a colon is the start of it.
    """

    name: str
    body: bytes
    status: int
    place: str
    reason: str
    query: str = ""
    fields: tuple[tuple[bytes, bytes], ...] = ()
    stored: bool = False


def lines() -> Iterator[Line]:
    """Yield what is broken in a way that leaves other lines of the feed alone."""
    yield from _fields()
    yield from _texts()
    yield from _broken_lines()
    yield from _bytes()
    yield from _cut_lines()


def cases() -> Iterator[Case]:
    """Yield what is broken as a whole, or from some place on."""
    yield from _documents()
    yield from _encodings()
    yield from _cut()
    yield from _packed()
    yield from _xml()
    yield from _rss_items()
    yield from _atom_items()
    yield from _json_feeds()
    yield from _forms()
    yield from _types()
    yield from _queries()


# --- records ------------------------------------------------------------------------------------


def _with(field: str, value: object) -> bytes:
    other = {**STORY, "slug": "other", "canonical_source": None}
    return json.dumps({**other, field: value}).encode()


def _without(field: str) -> bytes:
    return json.dumps({name: value for name, value in STORY.items() if name != field}).encode()


_STRING: Final = "Input should be a valid string"
_INSTANT: Final = "must be a string such as"
_NO_INSTANT: Final = "is not a date and time"
_NO_SLUG: Final = "is not a slug"
_NO_URL: Final = "is not an absolute http or https URL"
_NO_TAG: Final = "is not a BCP 47 language tag"
_RESERVED: Final = "which selects a representation"

_VALUES: Final[tuple[tuple[str, object, str], ...]] = (
    ("slug", None, _STRING), ("slug", 5, _STRING), ("slug", True, _STRING), ("slug", ["a"], _STRING),
    ("slug", {}, _STRING), ("slug", "", _NO_SLUG), ("slug", " ", _NO_SLUG), ("slug", "a b", _NO_SLUG),
    ("slug", "Upper", _NO_SLUG), ("slug", "ünï", _NO_SLUG), ("slug", "a_b", _NO_SLUG),
    ("slug", "..", _NO_SLUG), ("slug", ".", _NO_SLUG), ("slug", "../x", _NO_SLUG),
    ("slug", "..\\x", _NO_SLUG), ("slug", "/etc/passwd", _NO_SLUG), ("slug", "a/b", _NO_SLUG),
    ("slug", "a/", _NO_SLUG), ("slug", "a..b", _NO_SLUG), ("slug", ".a", _NO_SLUG),
    ("slug", "a.", _NO_SLUG), ("slug", "%2e%2e%2fx", _NO_SLUG), ("slug", "a%2fb", _NO_SLUG),
    ("slug", "a%00", _NO_SLUG), ("slug", "a\0b", _NO_SLUG), ("slug", "a\n", _NO_SLUG),
    ("slug", "a?b", _NO_SLUG), ("slug", "a#b", _NO_SLUG), ("slug", "a;b", _NO_SLUG),
    ("slug", "-", _NO_SLUG), ("slug", "---", _NO_SLUG), ("slug", "a:b", _NO_SLUG),
    ("slug", "a\u200bb", _NO_SLUG), ("slug", "\u0430", _NO_SLUG), ("slug", "a\uff0eb", _NO_SLUG),
    ("slug", "\ud800", _NO_SLUG), ("slug", "a" * 81, "81 characters; at most 80"),
    ("slug", "a" * 100_000, "100000 characters; at most 80"),
    ("slug", "<script>", _NO_SLUG), ("slug", "' OR 1=1 --", _NO_SLUG),
    *(("slug", f"a{suffix}", _RESERVED) for suffix in (
        ".html", ".md", ".txt", ".json", ".jsonld", ".ndjson", ".rss", ".atom", ".xml")),
    ("title", None, _STRING), ("title", 5, _STRING), ("title", [], _STRING), ("title", {}, _STRING),
    ("title", False, _STRING), ("title", "", "must not be blank"), ("title", " \t", "must not be blank"),
    ("title", "\u200b\u2060", "must not be blank"), ("title", "a\nb", "a line break (U+000A)"),
    ("title", "a\rb", "a line break (U+000D)"), ("title", "a\u2028b", "a line break (U+2028)"),
    ("title", "a\x85b", "a line break (U+0085)"),
    ("summary", None, _STRING), ("summary", 5, _STRING), ("summary", ["a"], _STRING), ("summary", {}, _STRING),
    ("body_md", None, _STRING), ("body_md", 5, _STRING), ("body_md", ["a"], _STRING), ("body_md", {}, _STRING),
    ("canonical_source", 5, _STRING), ("canonical_source", [], _STRING), ("canonical_source", {}, _STRING),
    ("canonical_source", "", _NO_URL), ("canonical_source", "example.com", _NO_URL),
    ("canonical_source", "//example.com", _NO_URL), ("canonical_source", "/a", _NO_URL),
    ("canonical_source", "javascript:alert(1)", _NO_URL), ("canonical_source", "file:///etc/passwd", _NO_URL),
    ("canonical_source", "data:text/html,x", _NO_URL), ("canonical_source", "ftp://example.com/", _NO_URL),
    ("canonical_source", "mailto:a@example.com", _NO_URL), ("canonical_source", "http:", _NO_URL),
    ("canonical_source", "http://", _NO_URL), ("canonical_source", "http:///a", _NO_URL),
    ("canonical_source", "http:a", _NO_URL), ("canonical_source", "http://:80/", _NO_URL),
    ("canonical_source", "http://user@/", _NO_URL), ("canonical_source", "http://example.com:0/", _NO_URL),
    ("canonical_source", "http://example.com:65536/", "Port out of range"),
    ("canonical_source", "http://example.com:-1/", "is not a URL"),
    ("canonical_source", "http://example.com:port/", "is not a URL"),
    ("canonical_source", "http://example.com:80:80/", "is not a URL"),
    ("canonical_source", "http://[::1/", "is not a URL"), ("canonical_source", "http://::1]/", "is not a URL"),
    ("canonical_source", "http://[example.com]/", "is not a URL"),
    ("canonical_source", "http://[::1]x/", "is not a URL"),
    ("canonical_source", "http://[v1.x", "is not a URL"),
    ("canonical_source", "http://exam ple.com/", "U+0020 at character 11 must be percent-encoded"),
    ("canonical_source", "http://example.com/a\nb", "U+000A at character 20 must be percent-encoded"),
    ("canonical_source", "http://example.com/\u202e", "U+202E at character 19 must be percent-encoded"),
    ("canonical_source", "http://example.com\\@evil.example/", "U+005C at character 18"),
    ("canonical_source", 'http://example.com/"onclick="', "U+0022 at character 19"),
    ("canonical_source", "http://example.com/<script>", "U+003C at character 19"),
    ("canonical_source", "http://example.com/" + "a" * 2_000, "longer than 2000 bytes"),
    *((field, value, reason) for field in ("published_at", "updated_at") for value, reason in (
        (None, _INSTANT), (1_782_255_606, _INSTANT), (1.5, _INSTANT), (True, _INSTANT), ({}, _INSTANT),
        ("", _NO_INSTANT), ("yesterday", _NO_INSTANT), ("2026-06-23", _NO_INSTANT),
        ("1782255606", _NO_INSTANT), ("23:00:06Z", _NO_INSTANT), ("2026-06-23T23:00Z", _NO_INSTANT),
        ("2026-06-23T23:00:06", "has no UTC offset"), ("2026-02-30T00:00:00Z", _NO_INSTANT),
        ("2026-13-01T00:00:00Z", _NO_INSTANT), ("2026-06-23T24:00:00Z", _NO_INSTANT),
        ("2026-06-23T23:60:00Z", _NO_INSTANT), ("2026-06-23T23:59:60Z", _NO_INSTANT),
        ("2026-06-23T23:00:06+24:00", _NO_INSTANT), ("2026-06-23T23:00:06+05:60", _NO_INSTANT),
        ("2026-06-23T23:00:06 CEST", _NO_INSTANT), ("0000-01-01T00:00:00Z", _NO_INSTANT),
        ("0001-01-01T00:00:00+01:00", _NO_INSTANT), ("9999-12-31T23:59:59-01:00", _NO_INSTANT),
        ("10000-01-01T00:00:00Z", _NO_INSTANT), ("-2026-06-23T23:00:06Z", _NO_INSTANT),
        ("2026-W26-2T23:00:06Z", _NO_INSTANT), ("2026-174T23:00:06Z", _NO_INSTANT),
        ("Tue, 23 Jun 2026 23:00:06 GMT", _NO_INSTANT), ("2026-06-23T23:00:06Z\n", _NO_INSTANT),
        ("２０２６-06-23T23:00:06Z", _NO_INSTANT), ("2026-06-23T23:00:06.Z", _NO_INSTANT),
    )),
    ("lang", None, _STRING), ("lang", 5, _STRING), ("lang", ["en"], _STRING), ("lang", {}, _STRING),
    ("lang", "", _NO_TAG), ("lang", "e", _NO_TAG), ("lang", "english language", _NO_TAG),
    ("lang", "en_US", _NO_TAG), ("lang", "en-", _NO_TAG), ("lang", "en--US", _NO_TAG), ("lang", "*", _NO_TAG),
    ("lang", "123", _NO_TAG), ("lang", "en\n", _NO_TAG), ("lang", "ën", _NO_TAG),
    ("lang", "en\0", _NO_TAG), ("lang", "en-" + "x" * 9_999, _NO_TAG), ("lang", 'en"><script>', _NO_TAG),
    ("topics", None, "must be an array"), ("topics", "news", "must be an array"),
    ("topics", 5, "must be an array"), ("topics", {"news": 1}, "must be an array"),
    ("topics", ["news"] * 1_001, "1001 members; at most 1000"),
    ("entities", None, "must be an array"), ("entities", "Ada", "must be an array"),
    ("entities", {}, "must be an array"), ("entities", ["Ada"] * 1_001, "1001 members; at most 1000"),
    ("url", 5, _STRING), ("url", {}, _STRING), ("alternates", "x", "Input should be a valid dict"),
    ("alternates", [], "Input should be a valid dict"),
    ("alternates", {str(n): "x" for n in range(1_001)}, "1001 members; at most 1000"),
    ("upkeep", 5, "Input should be"), ("upkeep", "x", "Input should be"),
)  # fmt: skip

_MEMBERS: Final[tuple[tuple[str, object, str, str], ...]] = (
    ("topics", ["news", 5], "/topics/1", _STRING), ("topics", [None], "/topics/0", _STRING),
    ("topics", [["a"]], "/topics/0", _STRING), ("topics", ["A Topic"], "/topics/0", _NO_SLUG),
    ("topics", ["../x"], "/topics/0", _NO_SLUG), ("topics", ["a.json"], "/topics/0", _RESERVED),
    ("topics", ["a" * 81], "/topics/0", "at most 80"), ("topics", [""], "/topics/0", _NO_SLUG),
    ("entities", [5], "/entities/0", _STRING), ("entities", [""], "/entities/0", "must not be blank"),
    ("entities", ["a\nb"], "/entities/0", "a line break"), ("entities", [{}], "/entities/0", _STRING),
    ("entities", ["a" * 256], "/entities/0", "256 characters; at most 255"),
    ("alternates", {"html": 5}, "/alternates/html", _STRING),
    ("upkeep", {"aliases": "x"}, "/upkeep/aliases", "must be an array"),
    ("upkeep", {"aliases": ["../x"]}, "/upkeep/aliases/0", _NO_SLUG),
    ("upkeep", {"withdrawn_at": "today"}, "/upkeep/withdrawn_at", _NO_INSTANT),
    ("upkeep", {"withdrawn_reason": "x"}, "/upkeep/withdrawn_reason", "given without withdrawn_at"),
    ("upkeep", {"more": 1}, "/upkeep/more", "not permitted"),
)  # fmt: skip


def _fields() -> Iterator[Line]:
    for number, (field, value, reason) in enumerate(_VALUES):
        name = f"{field} {number}: {str(value)[:40]!a}"
        yield Line(name, _with(field, value), f"/{field}", reason, stored=_odd(value))
    for field, value, pointer, reason in _MEMBERS:
        name = f"in {field}: {str(value)[:40]!a}"
        yield Line(name, _with(field, value), pointer, reason)
    for field in "slug", "title", "body_md", "published_at", "updated_at", "lang":
        yield Line(f"no {field}", _without(field), f"/{field}", "is missing")


def _odd(value: object) -> bool:
    """Say whether a database may have an opinion on `value`."""
    text = str(value)
    return "\0" in text or "\ud800" in text or len(text) > 9_999


def _texts() -> Iterator[Line]:
    """Yield texts that no database can hold, wherever a record may have one."""
    for name, bad, reason in (
        ("NUL", "a\0b", "NUL (U+0000) at character 1"),
        ("high surrogate", "ab\ud83d", "a lone surrogate (U+D83D) at character 2"),
        ("low surrogate", "\ude00", "a lone surrogate (U+DE00) at character 0"),
        ("surrogates in the wrong order", "\ude00\ud83d", "a lone surrogate (U+DE00)"),
    ):
        for field, value, pointer in (
            ("title", bad, "/title"), ("summary", bad, "/summary"), ("body_md", bad, "/body_md"),
            ("entities", [bad], "/entities/0"), ("url", bad, "/url"),
            ("alternates", {"html": bad}, "/alternates/html"), ("note", bad, "/note"),
            ("note", {"deep": [1, bad]}, "/note/deep/1"),
            ("upkeep", {"withdrawn_at": STORY["published_at"], "withdrawn_reason": bad}, "/upkeep/withdrawn_reason"),
        ):  # fmt: skip
            yield Line(f"{name} at {pointer}", _with(field, value), pointer, reason, stored=True)
        shown = bad.encode("unicode_escape").decode()
        within = _with("note", {bad: 1})
        yield Line(f"{name} in a name", _with(bad, 1), f"/{shown}", reason, stored=True)
        yield Line(f"{name} in a name within", within, f"/note/{shown}", reason, stored=True)
    deep: object = 1
    for _ in range(33):
        deep = [deep]
    place = "/note" + "/0" * 32
    yield Line(
        "too deep to be kept", _with("note", deep), place, "nested deeper than 32", stored=True
    )


# --- JSON ---------------------------------------------------------------------------------------


def _broken_lines() -> Iterator[Line]:
    """Yield lines that are no records, in a feed that goes on behind them."""
    story = GOOD[:-1]
    for name, line, pointer, reason in (
        ("null", b"null", "", "an article record must be a JSON object"),
        ("a number", b"42", "", "an article record must be a JSON object"),
        ("a string", b'"a-story"', "", "an article record must be a JSON object"),
        ("true", b"true", "", "an article record must be a JSON object"),
        ("an array", b"[" + GOOD + b"]", "", "an article record must be a JSON object"),
        ("an empty object", b"{}", "/slug", "is missing"),
        ("a name twice", story + b', "slug": "b"}', "", "the name 'slug' occurs twice"),
        ("a name twice, escaped", story + rb', "sl\u0075g": "b"}', "", "the name 'slug' occurs twice"),
        ("a long name twice", story + b', "%s": 1, "%s": 1}' % ((b"n" * 9_999,) * 2), "", "occurs twice"),
        ("NaN", story + b', "n": NaN}', "", "NaN is not a JSON number"),
        ("Infinity", story + b', "n": Infinity}', "", "Infinity is not a JSON number"),
        ("-Infinity", story + b', "n": [-Infinity]}', "", "-Infinity is not a JSON number"),
        ("1e999999", story + b', "n": 1e999999}', "", "the number 1e999999 is too large"),
        ("-1e400", story + b', "n": -1e400}', "", "the number -1e400 is too large"),
        ("5000 digits", story + b', "n": 1' + b"0" * 5_000 + b"}", "", "a number of 5001 digits is too long"),
        ("5000 digits below 0", story + b', "n": -1' + b"0" * 5_000 + b"}", "", "digits is too long"),
        ("an endless exponent", story + b', "n": 1e' + b"9" * 5_000 + b"}", "", "is too large"),
        ("arrays too deep", b"[" * 101 + b"]" * 101, "", "nested deeper than 100 levels"),
        ("arrays without end", b"[" * 1_000_000, "", "nested deeper than 100 levels"),
        ("objects without end", b'{"a":' * 200_000, "", "nested deeper than 100 levels"),
        ("objects too deep", b'{"a":' * 101 + b"1" + b"}" * 101, "", "nested deeper than 100 levels"),
        ("a leading zero", story + b', "n": 01}', "", "not JSON"),
        ("a plus sign", story + b', "n": +1}', "", "not JSON"),
        ("a point at the end", story + b', "n": 1.}', "", "not JSON"),
        ("a point at the start", story + b', "n": .5}', "", "not JSON"),
        ("hexadecimal", story + b', "n": 0x10}', "", "not JSON"),
        ("a comma at the end", story + b",}", "", "not JSON"),
        ("a comma too many", story + b',, "n": 1}', "", "not JSON"),
        ("no comma", story + b' "n": 1}', "", "not JSON"),
        ("no colon", story + b', "n" 1}', "", "not JSON"),
        ("single quotes", b"{'slug': 'a'}", "", "not JSON"),
        ("no quotes", b"{slug: 1}", "", "not JSON"),
        ("a comment", b"/* a */ " + GOOD, "", "not JSON"),
        ("True", story + b', "n": True}', "", "not JSON"),
        ("undefined", story + b', "n": undefined}', "", "not JSON"),
        ("an unknown escape", story + rb', "n": "\x41"}', "", "not JSON: Invalid \\escape"),
        ("a short escape", story + rb', "n": "\u12"}', "", "not JSON: Invalid \\uXXXX escape"),
        ("a raw tab in a string", story + b', "n": "\t"}', "", "not JSON: Invalid control character"),
        ("a raw NUL in a string", story + b', "n": "\0"}', "", "not JSON: Invalid control character"),
        ("a raw NUL outside", b"\0" + GOOD, "", "not JSON"),
        ("a no-break space", b"\xc2\xa0" + GOOD, "", "not JSON"),
        ("a byte order mark on the way", codecs.BOM_UTF8 + GOOD, "", "not JSON"),
        ("two on a line", GOOD + b" " + GOOD, "", "not JSON: Extra data"),
        ("a record in CSV", b"a-story,A story,Text,en", "", "not JSON"),
        ("XML", b"<rss/>", "", "not JSON"),
        ("larger than allowed", b'{"note": "' + b"x" * (4 << 20) + b'"}', "", "larger than 4194304 bytes"),
    ):  # fmt: skip
        numeric = "digits" in name or "1e" in name or "exponent" in name
        yield Line(f"a line: {name}", line, pointer, reason, stored=numeric)


def _documents() -> Iterator[Case]:
    """Yield documents of which nothing is readable, or only what comes before the fault."""
    for name, body, place, reason in (
        ("nothing", b"", "1:1", "the feed is empty"),
        ("blanks", b" \n\t\r\n ", "1:1", "the feed is empty"),
        ("a byte order mark alone", codecs.BOM_UTF8, "1:1", "the feed is empty"),
        ("a word", b"hello", "1:1", "begins neither JSON nor XML"),
        ("a closing bracket", b"]", "1:1", "begins neither JSON nor XML"),
        ("a NUL", b"\0", "1:1", "begins neither JSON nor XML"),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "1:1", "begins neither JSON nor XML"),
        ("a PDF", b"%PDF-1.7\n", "1:1", "begins neither JSON nor XML"),
        ("a ZIP", b"PK\x03\x04\x14\0\0\0", "1:1", "begins neither JSON nor XML"),
        ("Markdown", b"\n\n# A story\n", "3:1", "begins neither JSON nor XML"),
        ("CSV", b"slug,title\na,b\n", "1:1", "begins neither JSON nor XML"),
        ("YAML", b"---\nslug: a\n", "1:1", "begins neither JSON nor XML"),
        ("a closed array, empty but for a comma", b"[,]", "1:2", "not JSON"),
        ("a wrong bracket", b"[}", "1:2", "not JSON"),
        ("an object closed as an array", b'{"slug": 1]', "1:11", "not JSON"),
        ("two arrays", b"[] []", "1:4", "unexpected data after the end of the document"),
        ("a single line that is cut", GOOD[:-9], "1:", "nothing closes the value that starts at line 1, column 1"),
    ):  # fmt: skip
        yield Case(f"a document: {name}", body, 400, place, reason)
    for name, body, place, reason in (
        ("no comma between items", b"[" + GOOD + b"\n" + GOOD + b"]", "2", "expected ',' or ']'"),
        ("a comma at the end", b"[" + GOOD + b",\n]", "2", "expected another item after item 0"),
        ("a wrong bracket at the end", b"[" + GOOD + b"\n}", "2", "expected ',' or ']'"),
        ("something behind the end", b"[" + GOOD + b"]\nx", "2", "unexpected data after the end"),
        ("a NUL behind the end", b"[" + GOOD + b"]\n\0", "2", "unexpected data after the end"),
        ("no end", b"[" + GOOD + b"\n", "2", "the feed ends, expected ',' or ']'"),
        ("an array in an array", b"[" + GOOD + b",\n[" + GOOD + b"]]", "2 /1", "must be a JSON object"),
        ("null in an array", b"[" + GOOD + b",\nnull]", "2 /1", "must be a JSON object"),
        ("a record at fault in an array", b"[" + GOOD + b",\n{}]", "2 /1/slug", "is missing"),
        ("a quotation mark too few", b"[" + GOOD + b',\n{"slug: 1},\n' + GOOD + b"]", "2", "the rest was not read"),
        ("arrays without end in an array", b"[" + GOOD + b",\n" + b"[" * 100_000, "2", "nothing closes the value that starts at line 2"),
        ("a large item", b"[" + GOOD + b',\n{"note": "' + b"x" * (4 << 20) + b'"},\n' + GOOD + b"]", "2 /1", "larger than 4194304"),
    ):  # fmt: skip
        yield Case(
            f"a document: {name}", body, 200, place, reason, fields=((b"Content-Type", JSON),)
        )


def _encodings() -> Iterator[Case]:
    text = json.dumps([STORY, {**STORY, "slug": "ä"}], ensure_ascii=False)
    for encoding in (
        "utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-7", "cp037", "latin-1",
        "gb18030", "mac-roman",
    ):  # fmt: skip
        body = text.encode(encoding)
        yield Case(f"JSON in {encoding}", body, 400, "1:", "", fields=((b"Content-Type", JSON),))
    yield Case(
        "a byte order mark of UTF-16 before UTF-8",
        codecs.BOM_UTF16_LE + GOOD,
        400,
        "1:1",
        "begins neither",
    )
    yield Case("two byte order marks", codecs.BOM_UTF8 * 2 + GOOD, 400, "1:1", "begins neither")


def _bytes() -> Iterator[Line]:
    for name, raw in (
        ("an overlong slash", b"\xc0\xaf"), ("an overlong NUL", b"\xc0\x80"), ("overlong in three", b"\xe0\x80\xaf"),
        ("overlong in four", b"\xf0\x80\x80\xaf"), ("surrogates in UTF-8", b"\xed\xa0\xbd\xed\xb8\x80"),
        ("five bytes", b"\xf8\x88\x80\x80\x80"), ("six bytes", b"\xfc\x84\x80\x80\x80\x80"),
        ("beyond Unicode", b"\xf4\x90\x80\x80"), ("a continuation alone", b"\x80"), ("0xfe", b"\xfe"),
        ("0xff", b"\xff"), ("a character cut short", b"\xe6\xbc"),
    ):  # fmt: skip
        line = b'{"slug": "a", "title": "' + raw + b'"}'
        reason = f"byte 0x{raw[0]:02x} is not UTF-8 at column 25"
        yield Line(f"in a line: {name}", line, "", reason, stored=raw == b"\xc0\x80")
    named = b'{"slug": "a", "\xff": 1}'
    yield Line("a name that is no UTF-8", named, "", "byte 0xff is not UTF-8")


def _pieces() -> Iterator[tuple[str, bytes]]:
    """Yield a record that breaks off, at each kind of place."""
    whole = json.dumps(STORY, ensure_ascii=False).encode()[:-1]
    whole += b', "note": {"n": [12.5e3, true, null]}}'
    for name, before in (
        ("in a name", b'"sl'), ("behind a name", b'"slug"'), ("behind a colon", b'"slug":'),
        ("in a text", b'"a-st'), ("behind a text", b'"a-story"'), ("behind a comma", b'"a-story",'),
        ("in an escape", b"\\nOf \\"), ("in a character", b"\xc3"), ("in a list", b'["news"'),
        ("at the start of a list", b'"entities": ['), ("in a number", b"[12."),
        ("in an exponent", b"12.5e"), ("in a literal", b"tru"), ("in null", b"nul"),
        ("in an object within", b'{"n":'), ("before the end", b"]}"),
    ):  # fmt: skip
        yield name, whole[: whole.index(before) + len(before)]


def _cut_lines() -> Iterator[Line]:
    for name, piece in _pieces():
        yield Line(f"a line cut {name}", piece, "", "not JSON")


def _cut() -> Iterator[Case]:
    for name, piece in _pieces():
        yield Case(f"an object cut {name}", piece, 400, "1:", "not JSON")
        array, said = b"[" + GOOD + b",\n" + piece, "the rest was not read"
        fields = ((b"Content-Type", JSON),)
        yield Case(f"an array cut {name}", array, 200, "2", said, fields=fields)


# --- packed -------------------------------------------------------------------------------------


def _zstd(plain: bytes, **parameters: Any) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True, **parameters).compress(plain)


def _packed() -> Iterator[Case]:
    packed, zipped = gzip.compress(GOOD, mtime=0), _zstd(GOOD)
    bomb = b" " * (LARGEST + 1)
    wide = zstandard.ZstdCompressionParameters(window_log=27)
    windowed = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    no_gzip, no_zstd = "invalid gzip data", "invalid or unsupported zstd data"
    for name, body, status, place, reason in (
        ("gzip cut in its head", packed[:5], 400, "1:1", "the gzip data is truncated"),
        ("gzip cut behind its head", packed[:10], 400, "1:1", "the gzip data is truncated"),
        ("gzip cut in its data", packed[:40], 400, "1:1", "the gzip data is truncated"),
        ("gzip cut in its checksum", packed[:-6], 400, "1:1", "the gzip data is truncated"),
        ("gzip cut in its length", packed[:-2], 400, "1:1", "the gzip data is truncated"),
        ("gzip with a wrong checksum", packed[:-8] + b"\0\0\0\0" + packed[-4:], 400, "1:1", no_gzip),
        ("gzip with a wrong length", packed[:-4] + b"\0\0\0\0", 400, "1:1", no_gzip),
        ("gzip with garbage behind", packed + b"garbage", 400, "1:1", no_gzip),
        ("gzip with garbage after padding", packed + b"\0\0garbage", 400, "1:1", no_gzip),
        ("gzip with a second part that is cut", packed + packed[:30], 400, "1:1", "the gzip data is truncated"),
        ("gzip with an unknown method", packed[:2] + b"\x07" + packed[3:], 400, "1:1", no_gzip),
        ("gzip with unknown flags", packed[:3] + b"\xe0" + packed[4:], 400, "1:1", no_gzip),
        ("gzip with broken data", packed[:20] + b"\xff\xff\xff" + packed[23:], 400, "1:1", no_gzip),
        ("gzip that begins as such", b"\x1f\x8b", 400, "1:1", "the gzip data is truncated"),
        ("gzip of nothing", gzip.compress(b""), 400, "1:1", "the feed is empty"),
        ("gzip in gzip", gzip.compress(packed), 400, "1:1", "begins neither JSON nor XML"),
        ("a bomb of gzip", gzip.compress(bomb), 413, "", f"exceeds the limit of {LARGEST} bytes"),
        ("a bomb of gzip in parts", gzip.compress(bomb[: LARGEST // 2]) * 3, 413, "", "as sent or decompressed"),
        ("a bomb of gzip in a bomb", gzip.compress(gzip.compress(bomb)), 400, "1:1", "begins neither JSON"),
        ("zstd cut in its head", zipped[:5], 400, "1:1", "zstd"),
        ("zstd cut in its data", zipped[:40], 400, "1:1", "zstd"),
        ("zstd cut in its checksum", zipped[:-2], 400, "1:1", "zstd"),
        ("zstd with a wrong checksum", zipped[:-4] + b"\0\0\0\0", 400, "1:1", no_zstd),
        ("zstd with garbage behind", zipped + b"garbage", 400, "1:1", no_zstd),
        ("zstd of nothing", _zstd(b""), 400, "1:1", "the feed is empty"),
        ("zstd with too wide a window", windowed.compress(GOOD) + windowed.flush(), 400, "1:1", no_zstd),
        ("zstd that wants a dictionary", _with_dictionary(), 400, "1:1", no_zstd),
        ("a bomb of zstd", _zstd(bomb), 413, "", f"exceeds the limit of {LARGEST} bytes"),
        ("too large as it is", bomb, 413, "", f"exceeds the limit of {LARGEST} bytes"),
    ):  # fmt: skip
        yield Case(name, body, status, place, reason)
    for name, body, coding, status, reason in (
        ("plain, and said to be gzip", GOOD, "gzip", 400, no_gzip),
        ("plain, and said to be zstd", GOOD, "zstd", 400, no_zstd),
        ("zstd, and said to be gzip", zipped, "gzip", 400, no_gzip),
        ("gzip, and said to be zstd", packed, "zstd", 400, no_zstd),
        ("zlib, and said to be gzip", zlib.compress(GOOD), "gzip", 400, no_gzip),
        ("nothing, and said to be gzip", b"", "gzip", 400, "the feed is empty"),
        ("br", GOOD, "br", 415, "he content coding 'br' is not supported"),
        ("deflate", zlib.compress(GOOD), "deflate", 415, "he content coding 'deflate' is not supported"),
        ("compress", GOOD, "compress", 415, "is not supported"),
        ("gzip twice", gzip.compress(packed), "gzip, gzip", 415, "is not supported"),
        ("gzip with a parameter", packed, "gzip;q=1", 415, "is not supported"),
        ("a coding that is none", GOOD, "x" * 5_000, 415, "is not supported"),
    ):  # fmt: skip
        fields = ((b"Content-Encoding", coding.encode()),)
        yield Case(
            f"coding: {name}", body, status, "1:1" if status == 400 else "", reason, fields=fields
        )


def _with_dictionary() -> bytes:
    dictionary = zstandard.ZstdCompressionDict(
        b"\x37\xa4\x30\xec" + bytes(60) + GOOD * 4, zstandard.DICT_TYPE_RAWCONTENT
    )
    compressor = zstandard.ZstdCompressor(dict_data=dictionary)
    return compressor.compress(GOOD[20:] + GOOD[:20])


# --- XML ----------------------------------------------------------------------------------------

_RSS: Final = b'<rss version="2.0"><channel><language>en</language>%s</channel></rss>'
_ITEM: Final = (
    b"<item><title>A st\xc3\xb3ry</title><link>https://example.com/a</link><description>Text.</description>"
    b"<pubDate>Tue, 23 Jun 2026 23:00:06 GMT</pubDate></item>"
)
_ENTRY: Final = (
    b"<entry><title>A story</title><link href='https://example.com/a'/><content>Text.</content>"
    b"<updated>2026-06-23T23:00:06Z</updated></entry>"
)
_ATOM: Final = b"<feed xmlns='http://www.w3.org/2005/Atom' xml:lang='en'>%s</feed>"


def _xml() -> Iterator[Case]:
    """Yield XML that is broken before there is an item."""
    rss = _RSS % b""
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    dtd, undeclared = "a DTD with declarations is not allowed", "is not declared"
    for name, body, place, reason in (
        ("a billion laughs", b'<!DOCTYPE rss [<!ENTITY l0 "lol">' + laughs + b"]>" + _RSS % b"&l9;", "1:", dtd),
        ("a quadratic blow-up", b'<!DOCTYPE rss [<!ENTITY a "' + b"a" * 50_000 + b'">]>' + _RSS % (b"&a;" * 9_999), "1:", dtd),
        ("a file as an entity", b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + _RSS % b"&x;", "1:", dtd),
        ("an address as an entity", b'<!DOCTYPE rss [<!ENTITY x SYSTEM "http://127.0.0.1/">]>' + rss, "1:", dtd),
        ("a parameter entity", b'<!DOCTYPE rss [<!ENTITY % x SYSTEM "http://127.0.0.1/">%x;]>' + rss, "1:", dtd),
        ("an entity within itself", b'<!DOCTYPE rss [<!ENTITY a "&a;">]>' + _RSS % b"&a;", "1:", dtd),
        ("an attribute that is declared", b'<!DOCTYPE rss [<!ATTLIST rss a CDATA "b">]>' + rss, "1:", dtd),
        ("an entity of a DTD elsewhere", b'<!DOCTYPE rss SYSTEM "http://127.0.0.1/x.dtd">' + _RSS % b"&x;", "1:", undeclared),
        ("an entity of HTML", _RSS % b"&nbsp;", "1:", "not XML: undefined entity"),
        ("an inclusion", b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>', "1:1", "the root element is <include>"),
        ("HTML", b"<!DOCTYPE html><html><body>A story</body></html>", "1:", "the root element is <html>"),
        ("RSS 1.0", b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>", "1:1", "the root element is <RDF>"),
        ("a sitemap", b"<urlset/>", "1:1", "the root element is <urlset>, not <rss>"),
        ("a long root", b"<" + b"r" * 5_000 + b"/>", "1:1", "the root element is <rrr"),
        ("Atom without its namespace", b"<feed/>", "1:1", "the root element is <feed>, not <feed>"),
        ("two roots", rss + rss, "1:", "not XML: junk after document element"),
        ("text behind the root", rss + b"text", "1:", "not XML"),
        ("no end tag", b"<rss><channel>", "1:15", "not XML: no element found"),
        ("a wrong end tag", b"<rss><channel></rss>", "1:", "not XML: mismatched tag"),
        ("a declaration on the second line", b"\n<?xml version='1.0'?>" + rss, "2:1", "not XML"),
        ("an unknown encoding", b"<?xml version='1.0' encoding='klingon'?>" + rss, "1:", "the encoding 'klingon' is not supported"),
        ("an encoding that executes", b"<?xml version='1.0' encoding='unicode_escape'?>" + rss, "1:", "is not"),
        ("UTF-7", b"<?xml version='1.0' encoding='utf-7'?>" + rss, "1:", "is not supported"),
        ("UTF-16 that is none", b"<?xml version='1.0' encoding='utf-16'?>" + rss, "1:", "not XML"),
        ("UTF-32", rss.decode().encode("utf-32"), "1:", ""),
        ("an invalid byte", _RSS % b"\xff", "1:", "not XML: not well-formed (invalid token)"),
        ("a raw NUL", _RSS % b"\0", "1:", "not XML"),
        ("a control", _RSS % b"\x01", "1:", "not XML"),
        ("NUL by reference", _RSS % b"&#0;", "1:", "not XML: reference to invalid character"),
        ("a control by reference", _RSS % b"&#x1;", "1:", "not XML: reference to invalid character"),
        ("a surrogate by reference", _RSS % b"&#xD800;", "1:", "not XML: reference to invalid character"),
        ("U+FFFE by reference", _RSS % b"&#xFFFE;", "1:", "not XML: reference to invalid character"),
        ("beyond Unicode by reference", _RSS % b"&#x110000;", "1:", "not XML: reference to invalid character"),
        ("an endless reference", _RSS % (b"&#" + b"9" * 9_999 + b";"), "1:", "not XML"),
        ("a bare ampersand", _RSS % b"a & b", "1:", "not XML"),
        ("no quotes", b"<rss version=2.0/>", "1:", "not XML"),
        ("an attribute twice", b"<rss a='1' a='2'/>", "1:", "not XML: duplicate attribute"),
        ("a prefix that is none", b"<rss><x:y/></rss>", "1:", "not XML: unbound prefix"),
        ("two hyphens in a comment", b"<rss><!-- a -- b --></rss>", "1:", "not XML"),
        ("the end of CDATA in text", b"<rss>]]></rss>", "1:", "not XML"),
        ("endless elements within each other", b"<rss>" + b"<a>" * 100_000, "1:", "nested deeper than 200 levels"),
        ("a tag without end", b'<rss a="' + b"a" * (5 << 20), "1:", "larger than 4194304 bytes"),
        ("a comment without end", b"<rss><!--" + b"a" * (5 << 20), "1:", "larger than 4194304 bytes"),
        ("cut in a declaration", b"<?xml ver", "1:1", "not XML: unclosed token"),
        ("cut in a tag", b"<rss>\n<cha", "2:1", "not XML: unclosed token"),
        ("cut in an attribute", b"<rss>\n<channel a='1", "2:1", "not XML: unclosed token"),
        ("cut in a comment", b"<rss>\n <!-- a ", "2:2", "not XML: unclosed token"),
        ("cut behind a tag", b"<rss>\n<channel>", "2:10", "not XML: no element found"),
    ):  # fmt: skip
        yield Case(
            f"XML: {name}", body, 400, place, reason, fields=((b"Content-Type", b"text/xml"),)
        )


def _rss_items() -> Iterator[Case]:
    channel = "/rss/channel/item[1]"
    for name, old, new, place, reason in (
        ("no title", b"<title>A st\xc3\xb3ry</title>", b"", "/title", "is missing"),
        ("an empty title", b"A st\xc3\xb3ry", b" ", "/title", "to make a slug of"),
        ("a title without a letter", b"A st\xc3\xb3ry", b"\xe2\x80\xa6!", "/title", "to make a slug of"),
        ("a relative link", b"https://example.com/a", b"/a", "/link", _NO_URL),
        ("a script as a link", b"https://example.com/a", b"javascript:alert(1)", "/link", _NO_URL),
        ("no date", b"<pubDate>Tue, 23 Jun 2026 23:00:06 GMT</pubDate>", b"", "/pubDate", "is missing"),
        ("an empty date", b"Tue, 23 Jun 2026 23:00:06 GMT", b"", "/pubDate", _NO_INSTANT),
        ("a date without a zone", b" GMT", b"", "/pubDate", "has no UTC offset"),
        ("a zone that means nothing", b"GMT", b"Q", "/pubDate", "has no UTC offset"),
        ("a zone of a country", b"GMT", b"IST", "/pubDate", "has no UTC offset"),
        ("a day that is none", b"23 Jun", b"31 Jun", "/pubDate", _NO_INSTANT),
        ("a month that is none", b"Jun", b"Jux", "/pubDate", _NO_INSTANT),
        ("an hour that is none", b"23:00:06", b"25:00:06", "/pubDate", _NO_INSTANT),
        ("no text", b"<description>Text.</description>", b"", "/content:encoded", "is missing"),
        ("markup too deep", b"Text.", b"&lt;div&gt;" * 5_000, "/description", "nests elements too deep"),
    ):  # fmt: skip
        body = _RSS % _ITEM.replace(old, new)
        yield Case(f"RSS: {name}", body, 422, f"1 {channel}{place}", reason)
    for name, tail, reason in (
        ("an item without an end", b"<item><title>A", "not XML"),
        ("a title without an end", b"<item><title>A</item>", "not XML: mismatched tag"),
        ("an undeclared entity", b"<item>&hellip;</item>", "not XML: undefined entity"),
        ("a control in an item", b"<item>\x02</item>", "not XML"),
        ("CDATA without an end", b"<item><![CDATA[ a", "not XML"),
    ):  # fmt: skip
        items = b"<item/>\n" + tail
        yield Case(f"RSS that breaks off: {name}", _RSS % items, 422, "2", reason)
    large = b"<item><title>A</title><description>" + b"a" * (4 << 20) + b"</description></item>"
    yield Case(
        "RSS: an item that is too large",
        _RSS % large,
        422,
        f"1 {channel}",
        "larger than 4194304 bytes",
    )


def _atom_items() -> Iterator[Case]:
    for name, old, new, place, reason in (
        ("no title", b"<title>A story</title>", b"", "/title", "is missing"),
        ("no date", b"<updated>2026-06-23T23:00:06Z</updated>", b"", "/published", "is missing"),
        ("a date without an offset", b"06Z", b"06", "/updated", "has no UTC offset"),
        ("a date of RSS", b"2026-06-23T23:00:06Z", b"Tue, 23 Jun 2026 23:00:06 GMT", "/updated", _NO_INSTANT),
        ("a link to a file", b"https://example.com/a", b"file:///etc/passwd", "/link", _NO_URL),
        ("no content", b"<content>Text.</content>", b"", "/summary", "is missing"),
        ("content elsewhere", b"<content>Text.</content>", b"<content src='http://x.example/'/>", "/summary", "is missing"),
        ("a picture as content", b"<content>", b"<content type='image/png'>", "/summary", "is missing"),
        ("an unknown namespace", b"<title>", b"<title xmlns='urn:x'>", "/title", "is missing"),
    ):  # fmt: skip
        body = _ATOM % _ENTRY.replace(old, new)
        yield Case(f"Atom: {name}", body, 422, f"1 /feed/entry[1]{place}", reason)
    bad = _ATOM % (_ENTRY.replace(b"<updated>", b"<x>") + b"<entry>")
    yield Case("Atom: no end tag", bad, 400, "1:", "not XML: mismatched tag")


# --- JSON Feed ----------------------------------------------------------------------------------

_FEED_TYPE: Final = ((b"Content-Type", b"application/feed+json"),)


def _json_feeds() -> Iterator[Case]:
    version = b'{"version": "https://jsonfeed.org/version/1.1", '
    for name, body, place, reason in (
        ("an array", b"[]", "1:1", "a JSON Feed must be an object"),
        ("no items", version + b'"title": "A"}', "1:", "it has no items"),
        ("items that are an object", version + b'"items": {}}', "1:", "expected one array of items"),
        ("items that are null", version + b'"items": null}', "1:", "expected one array of items"),
        ("items that are a text", version + b'"items": "x"}', "1:", "expected one array of items"),
        ("items twice", version + b'"items": [], "items": []}', "1:", "expected one array of items"),
        ("a name without quotes", version + b"items: []}", "1:", "expected a name in quotation marks"),
        ("no colon", version + b'"items" []}', "1:", "expected ':' after a name"),
        ("no end", version + b'"items": []', "1:", "expected ',' or '}' after a value"),
        ("a feed of lines", version + b'"items": []}\n' + GOOD, "2:1", "unexpected data after the end"),
    ):  # fmt: skip
        yield Case(f"JSON Feed: {name}", body, 400, place, reason, fields=_FEED_TYPE)
    for name, said in (
        ("version", b'"version": "https://example.com/version/1"'), ("version of a number", b'"version": 1.1'),
        ("version of null", b'"version": null'), ("no version", b'"title": "A"'),
    ):  # fmt: skip
        body = b"{" + said + b', "items": []}'
        yield Case(f"JSON Feed: {name}", body, 422, "1 /slug", "is missing")
    item = {
        "id": "1", "url": "https://example.com/a", "title": "A story", "content_text": "Text.",
        "date_published": "2026-06-23T23:00:06Z",
    }  # fmt: skip
    for field, value, place, reason in (
        ("title", None, "/title", "is missing"), ("title", 5, "/title", _STRING), ("title", "!", "/title", "to make a slug of"),
        ("url", 5, "/url", _STRING), ("url", "ftp://x", "/url", _NO_URL),
        ("date_published", None, "/date_published", "is missing"), ("date_published", 5, "/date_published", _INSTANT),
        ("date_published", "2026-06-23", "/date_published", _NO_INSTANT),
        ("date_modified", "now", "/date_modified", _NO_INSTANT),
        ("content_text", None, "/content_html", "is missing"), ("content_text", 5, "/content_text", _STRING),
        ("content_html", {}, "/content_html", _STRING), ("summary", [], "/summary", _STRING),
        ("tags", "a", "/tags", "must be an array"), ("tags", [5], "/tags/0", _STRING),
        ("note", "a\0", "/note", "NUL (U+0000)"), ("content_text", "a\0", "/content_text", "NUL (U+0000)"),
    ):  # fmt: skip
        one = json.dumps({**item, field: value}).encode()
        body = version + b'"items": [' + one + b"]}"
        name = f"JSON Feed: {field} {value!a}"
        yield Case(name, body, 422, f"1 /items/0{place}", reason, stored="\0" in str(value))
    for name, one in ("a text", b'"a"'), ("null", b"null"), ("an array", b"[]"):
        body = version + b'"items": [' + one + b"]}"
        reason = "an item of a JSON Feed must be a JSON object"
        yield Case(f"JSON Feed: {name} as an item", body, 422, "1 /items/0", reason)


# --- forms --------------------------------------------------------------------------------------


def _part(disposition: bytes, content: bytes, more: bytes = b"") -> bytes:
    return (
        b"--xyz\r\nContent-Disposition: "
        + disposition
        + b"\r\n"
        + more
        + b"\r\n"
        + content
        + b"\r\n"
    )


def _forms() -> Iterator[Case]:
    file, end = b'form-data; name="f"; filename="a.json"', b"--xyz--\r\n"
    whole = _part(file, GOOD) + end
    for name, body, reason in (
        ("no form", b"hello", "not multipart/form-data"),
        ("JSON", GOOD, "not multipart/form-data"),
        ("no end", _part(file, GOOD), "is truncated"),
        ("cut in a boundary", whole[:4], "is truncated"),
        ("cut in a field", whole[:20], "is truncated"),
        ("cut in a file", whole[:120], "is truncated"),
        ("cut in the last boundary", whole[:-5], "is truncated"),
        ("another boundary", whole.replace(b"--xyz", b"--abc"), "not multipart/form-data"),
        ("newlines alone", whole.replace(b"\r\n", b"\n"), "not multipart/form-data"),
        ("no file", end, ""),
        ("a field that is no file", _part(b'form-data; name="mode"', b"atomic") + end, "the form field 'mode' is not a file"),
        ("no disposition", b"--xyz\r\n\r\n" + GOOD + b"\r\n" + end, "is not a file"),
        ("another disposition", _part(b'attachment; filename="a"', GOOD) + end, "is not a file"),
        ("an empty name with content", _part(b'form-data; name="f"; filename=""', GOOD) + end, "a file in the form has no name"),
        ("an empty name without content", _part(b'form-data; name="f"; filename=""', b"") + end, "the form has no file"),
        ("base64", _part(file, GOOD, b"Content-Transfer-Encoding: base64\r\n") + end, "has a Content-Transfer-Encoding"),
        ("a field without a colon", b"--xyz\r\nContent-Disposition\r\n\r\n" + end, "not multipart/form-data"),
        ("an endless field", _part(file, GOOD, b"X: " + b"x" * 99_999 + b"\r\n") + end, "not multipart/form-data"),
        ("too many files", _part(file, GOOD) * 101 + end, "the form has more than 100 files"),
        ("an empty file", _part(file, b"") + end, "the feed is empty"),
        ("a file of rubbish", _part(file, b"#") + end, "begins neither JSON nor XML"),
        ("a file of broken gzip", _part(file, gzip.compress(GOOD)[:-4]) + end, "the gzip data is truncated"),
    ):  # fmt: skip
        yield Case(f"a form: {name}", body, 400, "1:1", reason, fields=((b"Content-Type", FORM),))
    for name, boundary in (
        ("no boundary", "multipart/form-data"), ("an empty boundary", "multipart/form-data; boundary="),
        ("a long boundary", "multipart/form-data; boundary=" + "x" * 500),
    ):  # fmt: skip
        yield Case(
            f"a form: {name}", whole, 400, "1:1", "", fields=((b"Content-Type", boundary.encode()),)
        )
    picture = _part(file, b"x", b"Content-Type: image/png\r\n") + end
    yield Case(
        "a form: a picture", picture, 415, "", "image/png", fields=((b"Content-Type", FORM),)
    )
    bomb = _part(file, gzip.compress(b" " * (LARGEST // 2 + 1))) * 2 + end
    yield Case(
        "a form: two halves of a bomb",
        bomb,
        413,
        "",
        f"exceeds the limit of {LARGEST} bytes",
        fields=((b"Content-Type", FORM),),
    )
    for name, second, place, reason in (
        ("a broken file behind a good one", b"#", "1", "no record of this file was read"),
        ("an empty file behind a good one", b"", "1", "the feed is empty"),
        ("a record at fault in the second file", b"\n{}", "2 /slug", "is missing"),
    ):  # fmt: skip
        body = _part(file, GOOD) + _part(file.replace(b"a.json", b"../../b\\x1b"), second) + end
        yield Case(f"a form: {name}", body, 200, place, reason, fields=((b"Content-Type", FORM),))


# --- the request itself -------------------------------------------------------------------------


def _types() -> Iterator[Case]:
    for said in (
        "application/pdf", "image/png", "text/html", "text/csv", "text/markdown", "nonsense", "/", "*/*",
        "application/*", "multipart/mixed; boundary=xyz", "application/zip", "application/x-tar",
        "application/json, application/json", "application/vnd.api+json", "x" * 5_000 + "/y", "\u00e9/\u00e9",
        "message/http", "application/yaml", "application/json;charset=utf-16", "application/json; charset=latin-1",
        'application/json; charset="windows-1252"', "text/xml; charset=utf-16",
    ):  # fmt: skip
        yield Case(
            f"type: {said[:60]}", GOOD, 415, "", "", fields=((b"Content-Type", said.encode()),)
        )
    for said, reason in (
        ("application/rss+xml", "not XML"), ("application/atom+xml", "not XML"), ("text/xml", "not XML"),
    ):  # fmt: skip
        yield Case(
            f"JSON, and said to be {said}",
            GOOD,
            400,
            "1:1",
            reason,
            fields=((b"Content-Type", said.encode()),),
        )
    for said in "application/json", NDJSON, "application/feed+json":
        xml = _RSS % _ITEM
        yield Case(
            f"RSS, and said to be {said}",
            xml,
            400,
            "1:1",
            "",
            fields=((b"Content-Type", said.encode()),),
        )
    lines = GOOD + b"\n" + GOOD
    reason = "unexpected data after the end of the document (is it NDJSON?)"
    yield Case(
        "lines, and said to be JSON", lines, 200, "2", reason, fields=((b"Content-Type", JSON),)
    )


def _queries() -> Iterator[Case]:
    for query, reason in (
        ("mode=", "mode"), ("mode=ATOMIC", "mode"), ("mode=all", "mode"), ("dry_run=2", "dry_run"), ("dry_run=", "dry_run"),
        ("dry_run=perhaps", "dry_run"), ("strict=null", "strict"), ("strict=%00", "strict"), ("on_collision=", "on_collision"),
        ("on_collision=overwrite", "on_collision"), ("restore=maybe", "restore"), ("file=", "file"),
        ("file=" + "x" * 256, "file"), ("file=%00", "file"), ("file=a%0Ab", "file"), ("file=%20", "file"),
        ("dryrun=true", "dryrun"), ("Mode=atomic", "Mode"), ("x" * 5_000 + "=1", "Extra inputs"), ("%00=1", "Extra inputs"),
        ("%ED%A0%80=1", "Extra inputs"), ("mode[]=atomic", "mode[]"), ("mode=atomic%00", "mode"),
    ):  # fmt: skip
        yield Case(f"?{query[:60]}", GOOD, 400, "", reason, query=query, stored="%00" in query)
    strict = GOOD + b"\n" + _with("unheard_of", 1)
    yield Case(
        "strict: an unknown field", strict, 200, "2 /unheard_of", "is unknown", query="strict=true"
    )
    atomic = GOOD + b"\n" + _with("lang", 5)
    yield Case("atomic: a record at fault", atomic, 422, "2 /lang", _STRING, query="mode=atomic")
    for rehearsed in "dry_run=true", "dry_run=true&mode=atomic":
        status = 422 if "atomic" in rehearsed else 200
        yield Case(
            f"?{rehearsed}: a record at fault", atomic, status, "2 /lang", _STRING, query=rehearsed
        )
        yield Case(f"?{rehearsed}: no JSON", b"#", 400, "1:1", "begins neither", query=rehearsed)
    later = ((b"Prefer", b"respond-async"),)
    yield Case("in the background: no JSON", b"#", 400, "1:1", "begins neither", fields=later)
    yield Case("in the background: nothing", b"", 400, "1:1", "the feed is empty", fields=later)
    for name, key, status, reason in (
        ("empty", b"", 400, "Idempotency-Key"), ("too long", b"k" * 256, 400, "Idempotency-Key"),
        ("that of another feed", TAKEN_KEY.encode(), 422, "has the same Idempotency-Key"),
        ("with a NUL", b"a\0b", 400, "NUL (U+0000) at character 1"),
    ):  # fmt: skip
        yield Case(
            f"a key: {name}",
            GOOD + b" ",
            status,
            "",
            reason,
            fields=((b"Idempotency-Key", key),),
            stored=True,
        )
