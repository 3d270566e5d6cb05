"""What is odd about a record, I-16 and I-17: flagged as it comes in, stripped as it goes out."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.article import markdown
from app.article.hygiene import MAX_FLAGS, HygieneFlag, clean, flags, printable
from app.article.record import LIST_LENGTH, Record, parse_record
from tests.support.site import DEPTH
from tests.support.strategies import BODIES, TEXT, TRICKY, records

STORY: dict[str, Any] = {
    "slug": "a-story",
    "title": "A story",
    "body_md": "# A story\n\nOf things.",
    "published_at": "2026-06-23T23:00:06Z",
    "updated_at": "2026-06-24T00:49:22Z",
    "lang": "en",
}


def record(**changed: object) -> Record:
    return parse_record({**STORY, **changed})


def flagged(**changed: object) -> list[tuple[str, str]]:
    return [(flag.code, flag.pointer) for flag in flags(record(**changed))]


def details(code: str, **changed: object) -> list[str]:
    return [flag.detail for flag in flags(record(**changed)) if flag.code == code]


def shown(body: str) -> str:
    return clean(record(body_md=body)).body_md


def test_i16_an_ordinary_record_has_nothing_odd_about_it() -> None:
    ordinary = record(
        title="Größe: “Übermut” – naïve 中文 👩\u200d🚀",
        summary="Tab\tand\nnewline",
        body_md='# Größe: "Übermut" - naïve 中文 👩\u200d🚀\n\nA [link](/a), `<b>` <b>x</b>',
        canonical_source="https://a.example/?id=1",
        url="https://wpnews.pro/news/a-story",
        alternates={"html": "/news/a-story", "markdown": "https://b.example/x/news/a-story.md"},
    )
    assert flags(ordinary) == ()
    assert clean(ordinary) is ordinary


def test_i15_an_update_before_publication_is_flagged() -> None:
    assert flagged(updated_at="2026-06-23T23:00:05Z") == [
        ("updated-before-published", "/updated_at")
    ]
    assert flagged(updated_at="2026-06-24T01:00:06+02:00") == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?utm_source=rss&a=1&fbclid=x", ["fbclid, utm_source"]),
        ("?UTM_x&UTM_x", ["UTM_x"]),
        ("?a=utm_source&utm=1", []),
        ("#?utm_source=x", []),
        ("", []),
    ],
)
def test_i16_tracking_parameters_are_flagged_and_named(query: str, names: list[str]) -> None:
    source = f"https://a.example/b{query}"
    assert details("tracking-parameters", canonical_source=source) == names


@pytest.mark.parametrize(
    "url",
    [
        "", "/news/a-story", "https://wpnews.pro/news/a-story", "http://x/y/news/a-story.html",
        "https://wpnews.pro/news/a-story.jsonld", "/news/news/a-story", "/news/a-story?x=1#y",
    ],
)  # fmt: skip
def test_i16_an_address_that_names_the_slug_is_not_flagged(url: str) -> None:
    assert flagged(url=url, alternates={"html": url}) == []


@pytest.mark.parametrize(
    "url",
    [
        "/", "x", "https://wpnews.pro/news/another", "https://wpnews.pro/news/a-story-2",
        "https://wpnews.pro/a-story", "https://wpnews.pro/news/a-story/", "/news/a-story.pdf",
        "https://wpnews.pro/news/A-Story", "https://[broken", "javascript:alert(1)", "\x01",
        "/oldnews/a-story", "https://wpnews.pro/?news/a-story",
    ],
)  # fmt: skip
def test_i16_an_address_that_disagrees_with_the_slug_is_flagged(url: str) -> None:
    assert flagged(url=url) == [("address-mismatch", "/url")]
    assert flagged(alternates={"a/b": url, "html": "/news/a-story"}) == [
        ("address-mismatch", "/alternates/a~1b")
    ]
    assert details("address-mismatch", url=url) == ["does not point to /news/a-story"]


@pytest.mark.parametrize(
    "body",
    [
        "# A story\n\nx", "A story\n===\n\nx", "#  a  STORY #", "# *A* `story`", "# A\u00a0story",
        "", "No heading.\n\n# Another", "## Another section first", "![x](y)\n\n# Another",
    ],
)  # fmt: skip
def test_i16_an_opening_h1_that_is_the_title_is_not_flagged(body: str) -> None:
    assert flagged(body_md=body) == []


@pytest.mark.parametrize("body", ["# Another", "Another\n===\nx", "#", "\n\n# A story, continued"])
def test_i16_an_opening_h1_that_is_not_the_title_is_flagged(body: str) -> None:
    assert flagged(body_md=body) == [("title-mismatch", "/body_md")]


def test_i16_a_link_glued_to_the_next_word_is_flagged() -> None:
    body = "[one](/a)word, [two](/b) word, [three](/c). [four](/d)9 `[five](/e)x` [s](/f)*x*"
    assert details("glued-link", body_md=body) == ["2 links run into the next word"]
    assert details("glued-link", body_md="[one](/a) word [two](/b), [three](/c)\nword") == []


INVISIBLE = [
    "\u200b", "\u2060", "\u2061", "\u2064", "\ufeff", "\u180e",
    "\u202a", "\u202d", "\u202e", "\u2066", "\u2069",
    "\U000e0001", "\U000e0041", "\U000e007f", "\u200d", "\u200c",
]  # fmt: skip
UNPRINTABLE = [
    "\x01", "\x08", "\x0b", "\x0c", "\x0e", "\x1b", "\x1f", "\x7f", "\x80", "\x85", "\x9f",
    "\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff",
]  # fmt: skip
HARMLESS = [
    "\t",
    "\n",
    "\r",
    " ",
    "\xa0",
    "\xad",
    "\u200e",
    "\ufdcf",
    "\ufdf0",
    "\ufffd",
    "\ue000",
    "🚀",
]


@pytest.mark.parametrize(
    ("code", "character"),
    [("invisible-characters", character) for character in INVISIBLE]
    + [("control-characters", character) for character in UNPRINTABLE],
)
def test_i16_an_invisible_character_is_flagged_at_its_position_and_stripped(
    code: str, character: str
) -> None:
    text = f"ab{character}c {character}"
    story = record(summary=text, body_md=text)
    detail = f"2 occurrences, the first U+{ord(character):04X} at character 2"
    found = flags(story)
    assert HygieneFlag(code, "/summary", detail) in found
    assert HygieneFlag(code, "/body_md", detail) in found
    assert {flag.code for flag in found} == {code}
    cleaned = clean(story)
    assert cleaned.summary == cleaned.body_md == "abc "
    assert story.summary == text


@pytest.mark.parametrize("character", HARMLESS)
def test_i16_a_character_with_a_use_is_neither_flagged_nor_stripped(character: str) -> None:
    text = f"ab{character}c"
    assert flagged(summary=text, body_md=text) == []
    assert clean(record(summary=text, body_md=text)).body_md == text


def test_i16_titles_and_entities_are_stripped_too() -> None:
    story = record(title="A\u202e story", entities=["B\x01e", "Be", "Bo\u200b"])
    assert flagged(title="A\u202e story", entities=["fine", "B\x01e"]) == [
        ("title-mismatch", "/body_md"),
        ("invisible-characters", "/title"),
        ("control-characters", "/entities/1"),
    ]
    cleaned = clean(story)
    assert cleaned.title == "A story"
    assert cleaned.entities == ("Be", "Bo")  # each once, I-18


@pytest.mark.parametrize(
    "text",
    [
        "👨\u200d👩\u200d👧\u200d👦",
        "👁️\u200d🗨️",
        "🏳️\u200d🌈",
        "نمی\u200cخواهم",
        "क्\u200dष",
        "ක්\u200dෂ",
    ],
)
def test_i16_joiners_are_kept_where_scripts_and_emoji_need_them(text: str) -> None:
    assert printable(text) == text
    assert flagged(summary=text, title=text, body_md=text, entities=[text]) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\u200db", "ab"),
        ("a\u200dé", "aé"),
        ("é\u200da", "éa"),
        ("\u200dé", "é"),
        ("é\u200c", "é"),
        ("é\u200d\u200dé", "éé"),
        ("é\u200c\u200dé", "éé"),
        ("é\u200b\u200dé", "éé"),
        ("a\u200b\u200dé", "aé"),
        ("é\u200d\x85é", "éé"),
        ("👨\u200d👩 a\u200db", "👨\u200d👩 ab"),
    ],
)
def test_i16_joiners_that_join_nothing_are_stripped(text: str, left: str) -> None:
    assert printable(text) == left
    assert flagged(summary=text)[0] == ("invisible-characters", "/summary")


def test_i17_unknown_fields_are_flagged() -> None:
    assert flags(record(**{"author": "x", "a/b~": 1})) == (
        HygieneFlag("unknown-field", "/author", "is unknown; it is kept and exported"),
        HygieneFlag("unknown-field", "/a~1b~0", "is unknown; it is kept and exported"),
    )


def test_i22_flags_are_capped_and_the_rest_is_counted() -> None:
    hostile = record(
        **{f"unknown{number}{'x' * 1_000}": 1 for number in range(5_000)},
        alternates={f"{number}{'x' * 1_000}": "y" for number in range(LIST_LENGTH)},
        entities=[f"{number}\u200b" for number in range(LIST_LENGTH)],
    )
    found = flags(hostile)
    assert len(found) == MAX_FLAGS + 1
    left_out = 5_000 + 2 * LIST_LENGTH - MAX_FLAGS
    assert found[-1] == HygieneFlag("more-flags", "", f"{left_out} more flags are not listed")
    assert all(len(flag.pointer) < 100 and len(flag.detail) < 100 for flag in found)


def test_i22_a_detail_holds_no_more_than_a_short_excerpt() -> None:
    pairs = "&".join(f"utm_{number}{'y' * 20}=1" for number in range(60))
    found = flags(record(canonical_source=f"https://a.example/?{pairs}"))
    assert [flag.code for flag in found] == ["tracking-parameters"]
    assert len(found[0].detail) <= 200


@settings(max_examples=30 * DEPTH)
@given(records())
def test_i16_cleaning_twice_is_cleaning_once_and_leaves_nothing_to_flag(
    value: dict[str, Any],
) -> None:
    story = parse_record(value)
    before = story.model_dump_json()
    cleaned = clean(story)
    assert clean(cleaned) is cleaned
    assert story.model_dump_json() == before
    codes = {flag.code for flag in flags(cleaned)}
    assert not codes & {"hidden-html", "invisible-characters", "control-characters"}
    assert cleaned.extra == story.extra
    assert cleaned.claims == story.claims


# Pieces of raw HTML, to be put together in the most awkward ways.
PIECES = st.lists(
    st.sampled_from(
        ["<", ">", "</", "<!--", "-->", "<div", "<b", "</b>", "</div>", " hidden", "x", " ", "\n",
         "\n\n", "> ", "- ", "    ", "`", "'", '"', "=", " style=", "display:none", "<script>",
         "</script>", "<?", "?>", "<![CDATA[", "]]>", "\\", "é", "\u200d", "\u200b", "\x85"]
    ),
    max_size=14,
).map("".join)  # fmt: skip


@settings(max_examples=30 * DEPTH)
@given(PIECES | BODIES | TEXT | TRICKY)
def test_i16_cleaning_any_body_twice_is_cleaning_it_once(body: str) -> None:
    once = shown(body)
    assert shown(once) == once
    assert details("hidden-html", body_md=once) == []


@given(TEXT | TRICKY)
def test_i16_only_flagged_characters_are_stripped(text: str) -> None:
    story = record(summary=text, body_md=text)
    codes = {flag.code for flag in flags(story)}
    odd = {"hidden-html", "invisible-characters", "control-characters"}
    assert (clean(story) != story) is bool(codes & odd)


HOSTILE: dict[str, Callable[[int], str]] = {
    "comments": lambda n: "<!--" * n,
    "declarations": lambda n: "<div>\n" + "<!x" * n,
    "open quotes": lambda n: "<div>\n" + '<a "' * n,
    "mixed quotes": lambda n: "<div>\n" + "<a '\"" * n,
    "open values": lambda n: "<div>\n" + "<a b='<c d=\"" * n,
    "equals": lambda n: "<p" + " style= " * n + ">",
    "attributes": lambda n: "<p " + "a " * n + ">",
    "spaces": lambda n: "<p a" + " " * n + "=b>",
    "styles": lambda n: "<p style=" + "display" * n + ">",
    "css comments": lambda n: "<p style='" + "/*" * n + "'>",
    "hidden blocks": lambda n: "<div hidden>" * n,
    "hidden and closed": lambda n: "<b hidden>" * n + "</b>" * n,
    "hidden and closed otherwise": lambda n: "<b hidden>" * n + "</i>" * n,
    "hidden, then plain": lambda n: "<b hidden>" + "<b>" * n,
    "raw text": lambda n: "<div>\n" + "<xmp>" * n,
    "kinds of raw text": lambda n: "<div>\n" + "<xmp><script><style>" * n,
    "lines of a quotation": lambda n: "> <div>\n" + "> <b hidden>\n" * n,
    "one line of a quotation": lambda n: "> <div>\n> " + "<b hidden>" * n,
    "tags made by cutting": lambda n: "<" * n + "!-- -->" * n,
    "quotations": lambda n: ">" * n + "<!-- x -->",
    "joiners": lambda n: "\u200d" * n,
    "invisible": lambda n: "a\u200b" * n,
}


def seconds(body: str) -> float:
    story = record(body_md=body)
    begin = time.process_time()
    flags(story)
    clean(story)
    return time.process_time() - begin


@pytest.mark.parametrize("shape", HOSTILE)
@pytest.mark.no_cover  # the time of the tracer is not ours
def test_i16_time_grows_with_the_body_and_no_faster(shape: str) -> None:
    body = HOSTILE[shape]
    # Four times as long; were time quadratic, sixteen, and in each try. What happens by chance to
    # one of them, such as a collection of garbage, does not happen to all.
    assert any(seconds(body(8_000)) < 9 * seconds(body(2_000)) + 0.05 for _ in range(5))


PIECES = st.sampled_from(
    ["[a](b)", "[a]", "[a][b]", "<http://a.example>", "[a](<b c>)", "![a](b)", "*", "**", "`", "&",
     "&eacute;", "&#65;", "\\", "\n", "\n\n", "> ", "- ", "# ", "|", "~~", "b", "é", "_", " ",
     "<b>", "</b>", "[b]: c\n", "\u200b", "(", ")", "[", "]", ">", "1", "\t", "\r\n", "&lt;",
     "[^a]"]
)  # fmt: skip
MARKUP = st.lists(PIECES, max_size=25).map("".join) | BODIES | TEXT


def runs_together(body: str) -> bool:
    for event, following in pairwise(markdown.events(body)):
        match following:
            case {"Text": str(text)} if event == {"End": "Link"} and text[:1].isalnum():
                return True
    return False


@settings(max_examples=80 * DEPTH)
@given(body=MARKUP)
def test_a_link_glued_to_the_next_word_is_flagged(body: str) -> None:
    assert markdown.may_have_glued_link(body) or not runs_together(body)


@settings(max_examples=80 * DEPTH)
@given(signs=st.sampled_from(["#", "##", "######"]), line=MARKUP | TRICKY, rest=MARKUP)
def test_a_plain_heading_is_read_without_its_events_as_it_is_by_them(
    signs: str, line: str, rest: str
) -> None:
    body = f"{signs} {line}\n{rest}"
    # What is indented is no plain one, and by CommonMark the same heading.
    quick, slow = markdown.opening_heading(body), markdown.opening_heading(f" {body}")
    assert (quick is None) == (slow is None)
    if quick and slow:
        assert (quick.level, quick.text) == (slow.level, slow.text)
        indented = f" {body}".encode()
        left, right = body.encode()[quick.span.end :], indented[slow.span.end :]
        assert (left, indented[: slow.span.start].strip()) == (right, b"")
