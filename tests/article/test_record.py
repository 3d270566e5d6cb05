"""Validation of records: I-15 to I-18, I-22 and N-10."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.article.record import (
    ENTITY_LENGTH,
    EXTRA_DEPTH,
    FAULTS_REPORTED,
    LANGUAGE_LENGTH,
    LIST_LENGTH,
    RESERVED_SUFFIXES,
    SLUG_LENGTH,
    ExportMetadata,
    Fault,
    InvalidRecordError,
    Record,
    is_slug,
    json_pointer,
    parse_record,
    restore_record,
    to_ndjson_line,
)
from app.article.timestamps import format_instant, parse_instant
from app.representations.article import FORMATS, Links, Site, article_links, json_record
from tests.support.site import DEPTH
from tests.support.strategies import EXTRAS, INSTANTS, SIGNS, SLUGS, UPKEEPS, records

STORY: dict[str, Any] = {
    "slug": "a-story",
    "title": "A story",
    "body_md": "# A story\n\nOf things.",
    "published_at": "2026-06-23 23:00:06+00:00",
    "updated_at": "2026-06-24T00:49:22.205399Z",
    "lang": "en",
}
REQUIRED = tuple(STORY)
OPTIONAL = ("summary", "canonical_source", "topics", "entities", "url", "alternates", "upkeep")
SITE = Site("https://wpnews.pro", "Slugline")


def story(**changed: object) -> dict[str, Any]:
    return {**STORY, **changed}


def refused(value: object) -> InvalidRecordError:
    """Return the error that `value` is rejected with."""
    with pytest.raises(InvalidRecordError) as caught:
        parse_record(value)
    return caught.value


def faults_of(**changed: object) -> tuple[Fault, ...]:
    return refused(story(**changed)).faults


def test_i19_a_record_restored_from_a_revision_equals_the_original() -> None:
    made = parse_record(story(whim=[1], url="https://elsewhere.example/news/a", topics=["a", "b"]))
    dumped = json.loads(json.dumps(made.model_dump(mode="json")))
    again = restore_record(dumped)
    assert again == made
    assert (again.digest, again.model_dump()) == (made.digest, made.model_dump())


def pointers(**changed: object) -> list[str]:
    return [fault.pointer for fault in faults_of(**changed)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-06-23 23:00:06+00:00", "2026-06-23T23:00:06Z"),
        ("2026-06-23T23:00:06Z", "2026-06-23T23:00:06Z"),
        ("2026-06-23t23:00:06z", "2026-06-23T23:00:06Z"),
        ("2026-06-23 23:00:06Z", "2026-06-23T23:00:06Z"),
        ("2026-06-23T23:00:06+0000", "2026-06-23T23:00:06Z"),
        ("2026-06-23T23:00:06-00:00", "2026-06-23T23:00:06Z"),
        ("2026-06-23T23:00:06+05:45", "2026-06-23T17:15:06Z"),
        ("2026-06-23T23:00:06-0930", "2026-06-24T08:30:06Z"),
        ("2026-06-23T23:00:06+23:59", "2026-06-22T23:01:06Z"),
        ("2026-06-23T23:00:06.5Z", "2026-06-23T23:00:06.500000Z"),
        ("2026-06-23T23:00:06.205399Z", "2026-06-23T23:00:06.205399Z"),
        ("2026-06-23T23:00:06.000000Z", "2026-06-23T23:00:06Z"),
        ("2026-06-23T23:00:06.123456999Z", "2026-06-23T23:00:06.123456Z"),
        ("2026-06-23T23:59:59.999999999+00:00", "2026-06-23T23:59:59.999999Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_i15_an_instant_is_parsed_with_its_offset_and_held_in_utc(written: str, meant: str) -> None:
    record = parse_record(story(published_at=written))
    assert record.published_at.tzinfo is UTC
    assert format_instant(record.published_at) == meant


@pytest.mark.parametrize("field", ["published_at", "updated_at"])
@pytest.mark.parametrize("written", ["2026-06-23T23:00:06", "2026-06-23 23:00:06.205399"])
def test_i15_an_instant_without_an_offset_is_rejected(field: str, written: str) -> None:
    (fault,) = faults_of(**{field: written})
    assert fault.pointer == f"/{field}"
    assert "has no UTC offset" in fault.reason


@pytest.mark.parametrize(
    "written",
    [
        "", "now", "1782255606", "1782255606.5", "-1", "٢٠٢٦-06-23T23:00:06Z",
        "2026-06-23", "2026-06-23Z", "2026-06-23+02:00", "20260623T230006Z", "2026-W26-2T23:00:06Z",
        "2026-174T23:00:06Z", "2026-06-23T23Z", "2026-06-23T23:00Z", "2026-06-23T23:00:06,5Z",
        "2026-06-23T23:00:06.Z", "2026-06-23T23:00:06 Z", "2026-06-23T23:00:06+00", "T23:00:06Z",
        "2026-06-23T23:00:06+0:00", "2026-06-23T23:00:06+000", "2026-06-23T23:00:06+00:00:00",
        "2026-06-23T23:00:06UTC", "2026-06-23T23:00:06Z[Europe/Berlin]", "2026-06-23_23:00:06Z",
        " 2026-06-23T23:00:06Z", "2026-06-23T23:00:06Z ", "2026-06-23T23:00:06Z\n",
        "2026-06-23T24:00:00Z", "2026-06-23T23:60:00Z", "2016-12-31T23:59:60Z",
        "2026-06-23T23:00:06+24:00", "2026-06-23T23:00:06+00:60", "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-06-00T00:00:00Z", "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "Tue, 23 Jun 2026 23:00:06 GMT",
        "−026-06-23T23:00:06Z", "12026-06-23T23:00:06Z",
    ],
)  # fmt: skip
def test_i15_an_incomplete_or_invalid_instant_is_rejected(written: str) -> None:
    assert pointers(published_at=written) == ["/published_at"]


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, 1782255606, 1782255606000, -1, 1782255606.5, [], {},
        ["2026-06-23T23:00:06Z"], {"$date": "2026-06-23T23:00:06Z"}, {"seconds": 1782255606},
        b"2026-06-23T23:00:06Z",
    ],
)  # fmt: skip
def test_i15_an_instant_must_be_a_string(value: object) -> None:
    assert pointers(published_at=value, updated_at=value) == ["/published_at", "/updated_at"]


def test_i15_a_naive_datetime_is_rejected() -> None:
    naive = datetime(2026, 6, 23)  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="must be a string such as"):
        parse_instant(naive)


@given(INSTANTS)
def test_i15_formatting_and_parsing_an_instant_are_inverse(instant: datetime) -> None:
    # In UTC, because Python never calls datetimes equal that are in the repeated hour of a zone.
    meant = instant.astimezone(UTC)
    written = format_instant(instant)
    assert parse_instant(written) == parse_instant(instant) == meant
    assert format_instant(parse_instant(written)) == written
    assert written.endswith("Z")


@given(INSTANTS, st.integers(-1439, 1439), st.sampled_from("tT "), st.sampled_from([":", ""]))
def test_i15_all_notations_of_an_instant_are_parsed_alike(
    instant: datetime, minutes: int, separator: str, colon: str
) -> None:
    meant = instant.astimezone(UTC)
    written = meant.astimezone(timezone(timedelta(minutes=minutes))).isoformat(separator)
    assert parse_instant(written[:-3] + colon + written[-2:]) == meant


@pytest.mark.parametrize(
    "slug",
    [
        "a", "0", "2026", "a-b", "-a", "a-", "a--b", "v1.2", "a.b.c", "a.-", "x.htm", "x.mdx",
        "html",
        "md", "x.md-2", "json.x", "node.js", "s" * SLUG_LENGTH,
    ],
)  # fmt: skip
def test_n10_a_slug_consists_of_letters_digits_hyphens_and_single_dots(slug: str) -> None:
    assert is_slug(slug)
    record = parse_record(story(slug=slug, topics=[slug]))
    assert (record.slug, record.topics) == (slug, (slug,))


@pytest.mark.parametrize(
    "slug",
    [
        "", "-", "---", "-.-", ".", "..", "...", ".a", "a.", "a..b", "../a", "a/b", "a%2fb",
        "a%2Fb",
        "/a", "a/", "A", "aB", "a b", " a", "a ", "a\n", "\na", "a\t", "a_b", "a+b", "a?b",
        "a#b", "a&b",
        "a:b", "a\\b", "a'b", 'a"b', "a<b", "é", "ß", "٣", "２", "ⅷ", "ª", "中文", "a\u200bb",
        "a\u0301",
        "ſ", "\u212a", "a\0", "\ud800", "s" * (SLUG_LENGTH + 1), "s" * 100_000,
    ],
)  # fmt: skip
def test_n10_an_invalid_slug_is_rejected_as_slug_and_as_topic(slug: str) -> None:
    assert not is_slug(slug)
    assert pointers(slug=slug) == ["/slug"]
    assert pointers(topics=["fine", slug]) == ["/topics/1"]


@pytest.mark.parametrize("suffix", RESERVED_SUFFIXES)
def test_n10_a_slug_must_not_end_in_a_reserved_suffix(suffix: str) -> None:
    (fault,) = faults_of(slug=f"a{suffix}")
    assert fault == Fault("/slug", f"must not end in {suffix!r}, which selects a representation")
    assert not is_slug(f"a.b{suffix}")
    assert is_slug(f"a{suffix}-b")


def test_n10_the_suffix_of_every_format_is_reserved() -> None:
    assert {form.suffix for form in FORMATS if form.suffix} | {".html"} <= set(RESERVED_SUFFIXES)
    # Each of them would be a valid end of a slug if it were not reserved.
    assert all(suffix.startswith(".") and is_slug(f"a{suffix}z") for suffix in RESERVED_SUFFIXES)


@given(st.text(SIGNS, max_size=90) | SLUGS)
def test_n10_a_slug_needs_no_escaping_in_a_path(text: str) -> None:
    if is_slug(text):
        assert text.isascii()
        assert len(text) <= SLUG_LENGTH
        assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
        assert ".." not in text
        assert not text.startswith(".")
        assert not text.endswith((".", *RESERVED_SUFFIXES))


@pytest.mark.parametrize(
    "lang",
    [
        "en", "EN", "de-DE", "zh-Hant", "zh-Hant-TW", "zh-cmn-Hans-CN", "yue", "es-419", "sl-rozaj",
        "sl-rozaj-biske-1994", "de-CH-1901", "hy-Latn-IT-arevela", "de-DE-u-co-phonebk",
        "en-a-bbb-x-y",
        "en-t-jp-m0-ungegn", "x-whatever", "qaa-Qaaa-QM-x-southern", "i-klingon", "I-Default",
        "en-GB-oed", "sgn-BE-FR", "art-lojban", "cel-gaulish", "zh-min-nan", "und", "mul", "abcde",
        "abcdefgh", "az-arab-x-aze-derbend",
    ],
)  # fmt: skip
def test_i18_any_well_formed_bcp_47_tag_is_a_language(lang: str) -> None:
    assert parse_record(story(lang=lang)).lang == lang


@pytest.mark.parametrize(
    "lang",
    [
        "", "e", "1", "en_US", "en-", "-en", "en--US", "en US", "en ", " en", "en\n", "en-us-",
        "english!",
        "abcdefghi", "en-a", "en-x", "x", "x-", "x-abcdefghi", "a-DE", "i-esperanto",
        "en-USA1x1y1z",
        "de-419-DE", "de-Latn-Latn", "en-u-", "e3", "dé", "ｅｎ", "\u212ao", "en\0", "en\ud800",
        "en;q=1",
        "en, de", "*", '"><script>', "en-x-" + "-".join(["aaaaaaaa"] * 4),
    ],
)  # fmt: skip
def test_i18_an_invalid_language_tag_is_rejected(lang: str) -> None:
    assert pointers(lang=lang) == ["/lang"]


def test_i18_a_language_tag_has_a_maximum_length() -> None:
    longest = "en-x-" + "-".join(["a" * 7, "b" * 7, "c" * 7, "d" * 6])
    assert len(longest) == LANGUAGE_LENGTH
    assert parse_record(story(lang=longest)).lang == longest
    assert pointers(lang=longest + "d") == ["/lang"]
    assert pointers(lang="en" + "-x-aaaaaaaa" * 100_000) == ["/lang"]


UNSTORABLE = [("\0", "NUL (U+0000)"), ("\ud800", "a lone surrogate (U+D800)")]
UNSTORABLE += [("\udfff", "a lone surrogate (U+DFFF)"), ("\udc80", "a lone surrogate (U+DC80)")]


@pytest.mark.parametrize(("character", "name"), UNSTORABLE)
@pytest.mark.parametrize(
    ("pointer", "changed"),
    [
        ("/title", lambda text: {"title": text}),
        ("/summary", lambda text: {"summary": text}),
        ("/body_md", lambda text: {"body_md": text}),
        ("/entities/1", lambda text: {"entities": ["fine", text]}),
        ("/url", lambda text: {"url": text}),
        ("/alternates/html", lambda text: {"alternates": {"html": text}}),
        ("/canonical_source", lambda text: {"canonical_source": text}),
        ("/x", lambda text: {"x": text}),
        ("/x/a/1/b", lambda text: {"x": {"a": [0, {"b": text}]}}),
        ("/x/0/0", lambda text: {"x": [[text], "fine"]}),
    ],
)
def test_i16_nul_and_lone_surrogates_are_rejected_in_every_field(
    character: str, name: str, pointer: str, changed: Any
) -> None:
    (fault,) = faults_of(**changed(f"https://a/b{character}c"))
    assert fault == Fault(pointer, f"{name} at character 11")


@pytest.mark.parametrize(("character", "name"), UNSTORABLE)
def test_i16_nul_and_lone_surrogates_are_rejected_in_names_too(character: str, name: str) -> None:
    reason = f"{name} at character 1"
    written = repr(character)[1:-1]
    assert faults_of(**{f"k{character}": 1}) == (Fault(f"/k{written}", reason),)
    assert faults_of(x={"a": [{f"k{character}": 1}]}) == (Fault(f"/x/a/0/k{written}", reason),)
    (fault,) = faults_of(alternates={f"k{character}": "fine"})
    assert fault.reason == reason
    assert fault.pointer.startswith("/alternates/k")
    assert "[key]" not in fault.pointer


@pytest.mark.parametrize(
    "character", ["\x01", "\x7f", "\x85", "\ufffe", "\ufdd0", "\u202e", "\U000e0041"]
)
def test_i16_suspicious_characters_are_stored_unchanged(character: str) -> None:
    text = f"a{character}b"
    record = parse_record(story(summary=text, body_md=text, x=text))
    assert (record.summary, record.body_md, record.extra["x"]) == (text, text, text)


@pytest.mark.parametrize(
    "blank",
    ["", " ", "\t", "\n", "\xa0", "\u3000", "\u200b", "\ufeff\u2060", "\u202e \u202c", "\x01\x7f",
     "\ufffe", "\u200d", "\xad"],
)  # fmt: skip
def test_i16_an_invisible_title_or_entity_is_rejected(blank: str) -> None:
    assert faults_of(title=blank, entities=["fine", blank]) == (
        Fault("/title", "must not be blank"),
        Fault("/entities/1", "must not be blank"),
    )


@pytest.mark.parametrize(
    "line_break", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
)
def test_i16_a_title_and_an_entity_must_be_single_lines(line_break: str) -> None:
    found = faults_of(title=f"a{line_break}b", entities=[f"a{line_break}"])
    assert [fault.pointer for fault in found] == ["/title", "/entities/0"]
    assert all("a line break (U+00" in f.reason or "(U+202" in f.reason for f in found)


def test_i18_topics_and_entities_are_deduplicated_with_their_order_kept() -> None:
    record = parse_record(
        story(topics=["b", "a", "b", "c", "a"], entities=["Z", "z", "Z", " Z", "a", "z"])
    )
    assert record.topics == ("b", "a", "c")
    assert record.entities == ("Z", "z", " Z", "a")


def test_i18_the_pointer_of_a_fault_counts_repeated_members() -> None:
    assert pointers(entities=["a", "a", "a", ""], topics=["a", "a", "A"]) == [
        "/topics/2",
        "/entities/3",
    ]


def test_i22_lists_have_limits() -> None:
    names = [f"n{number}" for number in range(LIST_LENGTH + 1)]
    claims = dict.fromkeys(names, "x")
    longest = parse_record(story(topics=names[1:], entities=names[1:]))
    assert len(longest.topics) == len(longest.entities) == LIST_LENGTH
    assert faults_of(topics=names, entities=names, alternates=claims) == tuple(
        Fault(f"/{field}", f"has {LIST_LENGTH + 1} members; at most {LIST_LENGTH} are allowed")
        for field in ("topics", "entities", "alternates")
    )


def test_i22_an_entity_has_a_limit() -> None:
    assert parse_record(story(entities=["é" * ENTITY_LENGTH])).entities == ("é" * ENTITY_LENGTH,)
    (fault,) = faults_of(entities=["é" * (ENTITY_LENGTH + 1)])
    assert fault.pointer == "/entities/0"
    assert str(ENTITY_LENGTH) in fault.reason


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "a story", [], [STORY], b"{}"])
def test_a_record_is_a_json_object(value: object) -> None:
    assert refused(value).faults == (Fault("", "an article record must be a JSON object"),)


@pytest.mark.parametrize("field", REQUIRED)
def test_required_fields_must_be_present(field: str) -> None:
    value = {name: part for name, part in STORY.items() if name != field}
    assert refused(value).faults == (Fault(f"/{field}", "is missing"),)


def test_all_missing_fields_are_reported_at_once() -> None:
    assert [f.pointer for f in refused({}).faults] == [f"/{field}" for field in (
        "slug", "title", "body_md", "published_at", "updated_at", "lang"
    )]  # fmt: skip


def test_optional_fields_have_defaults() -> None:
    record = parse_record(STORY)
    assert record.summary == ""
    assert record.canonical_source is None
    assert record.canonical_key is None
    assert record.topics == record.entities == ()
    assert record.extra == record.claims.alternates == {}
    assert record.claims.url is None


WRONG: dict[str, list[object]] = {
    "text": [None, True, False, 0, 1, 1.5, [], ["a"], {}, {"a": "b"}, b"a"],
    "list": [None, True, 0, 1.5, "a", "", {}, {"a": "b"}, {"0": "a"}],
    "object": [None, True, 0, 1.5, "a", "", [], ["a"]],
}
KINDS = {
    **dict.fromkeys(("slug", "title", "summary", "body_md", "published_at"), "text"),
    **dict.fromkeys(("updated_at", "lang", "canonical_source", "url"), "text"),
    **dict.fromkeys(("topics", "entities"), "list"),
    **dict.fromkeys(("alternates", "upkeep"), "object"),
}
NULLABLE = {"canonical_source", "url"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (field, value)
        for field, kind in KINDS.items()
        for value in WRONG[kind]
        if not (value is None and field in NULLABLE)
    ],
)
def test_a_value_of_the_wrong_type_is_rejected_and_never_converted(
    field: str, value: object
) -> None:
    (fault,) = faults_of(**{field: value})
    assert fault.pointer == f"/{field}"
    assert fault.reason
    assert len(fault.reason) < 150


@pytest.mark.parametrize("member", [None, True, 1, 1.5, [], {}, ["a"], b"a"])
def test_a_member_of_the_wrong_type_is_rejected(member: object) -> None:
    assert pointers(topics=["a", member]) == ["/topics/1"]
    assert pointers(entities=[member, "a"]) == ["/entities/0"]
    assert pointers(alternates={"html": member}) == ["/alternates/html"]


@pytest.mark.parametrize("field", sorted(NULLABLE))
def test_a_url_may_be_null(field: str) -> None:
    assert parse_record(story(**{field: None})) == parse_record(STORY)


def test_wrong_types_are_tested_for_every_field() -> None:
    assert set(KINDS) == {*REQUIRED, *OPTIONAL}
    assert set(KINDS) == (set(Record.model_fields) - {"claims", "extra"}) | {"url", "alternates"}


def test_a_record_may_include_export_metadata() -> None:
    upkeep = {
        "aliases": ["old", "older", "old"],
        "withdrawn_at": "2026-07-01 14:00:00+02:00",
        "withdrawn_reason": "A court\nsaid so.",
    }
    assert parse_record(story(upkeep=upkeep)).upkeep == ExportMetadata(
        aliases=("old", "older"),
        withdrawn_at=datetime(2026, 7, 1, 12, tzinfo=UTC),
        withdrawn_reason="A court\nsaid so.",
    )
    nothing: dict[str, object] = {"withdrawn_at": None, "withdrawn_reason": None, "aliases": []}
    for said in nothing, {}:
        assert parse_record(story(upkeep=said)) == parse_record(STORY)


@pytest.mark.parametrize(
    ("upkeep", "pointer"),
    [
        ({"aliases": "old"}, "/upkeep/aliases"),
        ({"aliases": None}, "/upkeep/aliases"),
        ({"aliases": ["fine", "Not"]}, "/upkeep/aliases/1"),
        ({"aliases": ["a.md"]}, "/upkeep/aliases/0"),
        ({"aliases": [None]}, "/upkeep/aliases/0"),
        ({"withdrawn_at": "2026-07-01"}, "/upkeep/withdrawn_at"),
        ({"withdrawn_at": 1782255606}, "/upkeep/withdrawn_at"),
        ({"withdrawn_at": "now", "withdrawn_reason": "why"}, "/upkeep/withdrawn_at"),
        ({"withdrawn_at": True, "withdrawn_reason": "why"}, "/upkeep/withdrawn_at"),
        ({"withdrawn_reason": "why"}, "/upkeep/withdrawn_reason"),
        ({"withdrawn_at": None, "withdrawn_reason": ""}, "/upkeep/withdrawn_reason"),
        ({"withdrawn_reason": 1}, "/upkeep/withdrawn_reason"),
        ({"withdrawn_reason": "\0"}, "/upkeep/withdrawn_reason"),
        ({"unknown": 1}, "/upkeep/unknown"),
        ({"a/b~": 1}, "/upkeep/a~1b~0"),
        ({"\ud800": 1}, "/upkeep"),
        ({"": {"": "\0"}}, "/upkeep/"),
    ],
)
def test_i03_a_fault_in_export_metadata_is_reported_with_its_pointer(
    upkeep: dict[str, object], pointer: str
) -> None:
    assert pointers(upkeep=upkeep) == [pointer]


def test_i22_the_number_of_aliases_is_limited() -> None:
    names = [f"n{number}" for number in range(LIST_LENGTH + 1)]
    assert len(parse_record(story(upkeep={"aliases": names[1:]})).upkeep.aliases) == LIST_LENGTH
    assert pointers(upkeep={"aliases": names}) == ["/upkeep/aliases"]
    assert pointers(upkeep=dict.fromkeys(names)) == ["/upkeep"]


@given(records(), UPKEEPS)
def test_r05_a_record_formatted_as_ndjson_is_parsed_back_as_an_equal_record(
    value: dict[str, Any], upkeep: dict[str, Any]
) -> None:
    record = parse_record({**value, "upkeep": upkeep})
    line = to_ndjson_line(record)
    assert line.count(b"\n") == 1
    assert parse_record(json.loads(line)) == record
    assert to_ndjson_line(parse_record(json.loads(line))) == line


@given(records(), UPKEEPS)
def test_r05_export_metadata_is_neither_served_nor_dumped_nor_in_the_digest(
    value: dict[str, Any], upkeep: dict[str, Any]
) -> None:
    with_it, without = parse_record({**value, "upkeep": upkeep}), parse_record(value)
    assert served(with_it) == served(without)
    assert with_it.digest == without.digest
    assert with_it.model_dump_json() == without.model_dump_json()
    links = article_links(with_it, SITE)
    for form in FORMATS:
        assert form.represent(with_it, links) == form.represent(without, links)


def test_i17_unknown_fields_keep_their_order() -> None:
    value = {
        "zeta": 1,
        **STORY,
        "alpha": [None, True, {"b": 1.5}],
        "Slug": "x",
        "": "",
        "author": {},
    }
    record = parse_record(value)
    assert list(record.extra.items()) == [
        ("zeta", 1),
        ("alpha", [None, True, {"b": 1.5}]),
        ("Slug", "x"),
        ("", ""),
        ("author", {}),
    ]


def test_i17_names_of_internal_fields_are_unknown_fields() -> None:
    record = parse_record(story(extra={"slug": "evil"}, claims={"url": 1}, digest="x"))
    assert record.extra == {"extra": {"slug": "evil"}, "claims": {"url": 1}, "digest": "x"}
    assert record.claims.url is None


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), 1e999])
def test_i17_a_number_that_json_cannot_hold_is_rejected_in_unknown_fields(number: float) -> None:
    assert faults_of(x={"y": [number]}) == (Fault("/x/y/0", "is a number too large for JSON"),)


def test_i17_the_nesting_depth_of_unknown_fields_is_limited() -> None:
    def nested(depth: int) -> object:
        value: object = 1
        for _ in range(depth):
            value = [value]
        return value

    assert parse_record(story(x=nested(EXTRA_DEPTH - 1))).extra
    (fault,) = faults_of(x=nested(EXTRA_DEPTH))
    assert fault.reason == f"is nested deeper than {EXTRA_DEPTH} levels"
    assert faults_of(x=nested(900)) == (fault,)


def test_i22_the_number_of_reported_faults_is_limited_and_the_rest_counted() -> None:
    error = refused(story(entities=[0] * LIST_LENGTH, x=["\0"] * 7))
    assert len(error.faults) == FAULTS_REPORTED
    assert error.left_out == LIST_LENGTH + 7 - FAULTS_REPORTED
    assert refused(story(title=1)).left_out == 0
    assert refused(story(entities=[0] * FAULTS_REPORTED)).left_out == 0


HOSTILE = "<script>" + "A" * 100_000
BAD_VALUES: list[dict[str, object]] = [
    {field: HOSTILE} for field in ("slug", "lang", "canonical_source", "published_at", "topics")
]
BAD_VALUES += [
    {"topics": [HOSTILE]},
    {"entities": [HOSTILE]},
    {"title": HOSTILE + "\n"},
    {"title": HOSTILE + "\0"},
    {"title": [HOSTILE] * 100},
    {"alternates": {HOSTILE: 1}},
    {"alternates": {HOSTILE + "\ud800": ""}},
    {HOSTILE: "\0"},
    {HOSTILE + "\0": HOSTILE},
    {"x": {HOSTILE: {HOSTILE: "\0"}}},
    {"canonical_source": "https://" + HOSTILE},
    {"canonical_source": "ftp://" + "\U0001f600" * 490},
    {"lang": "\u202e" * 100_000},
    {"slug": "\x1b[31m"},
]


@pytest.mark.parametrize("changed", BAD_VALUES, ids=range(len(BAD_VALUES)))
def test_i22_a_message_contains_only_a_short_excerpt_of_the_input(
    changed: dict[str, object],
) -> None:
    found = faults_of(**changed)
    assert found
    for fault in found:
        assert len(fault.reason) < 800
        assert fault.reason.count("A") + fault.reason.count("\\U") <= 70
        assert len(fault.pointer) < 300
        assert fault.pointer.isprintable()
        assert fault.reason.isprintable()
    assert len(str(refused(story(**changed)))) < 1_200


def test_i22_an_excerpt_escapes_invisible_characters() -> None:
    assert "\\x1b[31m" in faults_of(slug="\x1b[31m")[0].reason


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"a/b": "\0"}, "/a~1b"),
        ({"a~b": "\0"}, "/a~0b"),
        ({"~1": "\0"}, "/~01"),
        ({"/": {"~/": ["\0"]}}, "/~1/~0~1/0"),
        ({"": {"": "\0"}}, "//"),
        ({"alternates": {"a/b~c": 1}}, "/alternates/a~1b~0c"),
        ({"alternates": {"claims": 1}}, "/alternates/claims"),
        ({"alternates": {"[key]": 1}}, "/alternates/[key]"),
        ({"claims": "\0"}, "/claims"),
    ],
)
def test_i03_a_json_pointer_escapes_slash_and_tilde(
    changed: dict[str, object], pointer: str
) -> None:
    assert pointers(**changed) == [pointer]


@given(st.lists(st.text(st.sampled_from("~/01ab"), max_size=5) | st.integers(0, 9), max_size=4))
def test_i03_a_json_pointer_leads_back_to_its_path(path: list[str | int]) -> None:
    steps = json_pointer(*path).split("/")[1:]
    assert [s.replace("~1", "/").replace("~0", "~") for s in steps] == [str(p) for p in path]


def served(record: Record) -> str:
    """Return the record as served: as it arrived, with its URLs derived."""
    links: Links = article_links(record, SITE)
    return json_record.render(record, links).decode()


def in_order(value: object) -> str:
    return json.dumps(value, sort_keys=True)


@given(records())
def test_r05_a_served_record_is_loaded_again_as_the_same_record(value: dict[str, Any]) -> None:
    record = parse_record(value)
    back = parse_record(json.loads(served(record)))
    assert back.model_copy(update={"claims": record.claims}) == record
    assert served(back) == served(record)
    assert back.digest == record.digest
    assert list(back.extra) == list(record.extra)


@given(records(), st.none() | st.text(SIGNS, max_size=9).map(lambda s: s.replace("\0", "")))
def test_i07_the_digest_does_not_depend_on_claims(value: dict[str, Any], url: str | None) -> None:
    other = {**value, "url": url, "alternates": {"html": url or "x"}}
    assert parse_record(other).digest == parse_record(value).digest


@settings(max_examples=15 * DEPTH)
@given(records(), st.data())
def test_i07_the_digest_differs_exactly_if_the_served_record_differs(
    value: dict[str, Any], data: st.DataObject
) -> None:
    donor = data.draw(records())
    names = data.draw(st.lists(st.sampled_from(sorted({*value, *donor})), max_size=2))
    other = {**value, **{name: donor[name] for name in names if name in donor}}
    one, two = parse_record(value), parse_record(other)
    same = in_order(json.loads(served(one))) == in_order(json.loads(served(two)))
    assert (one.digest == two.digest) is same


@pytest.mark.parametrize(
    "changed",
    [
        {"slug": "b"}, {"title": "a story"}, {"summary": "x"}, {"body_md": ""}, {"lang": "EN"},
        {"canonical_source": "https://a.example"}, {"published_at": "2026-06-23T23:00:06.000001Z"},
        {"updated_at": "2026-06-24T00:49:22Z"}, {"topics": ["a"]}, {"entities": ["a"]},
        {"x": None}, {"x": 1}, {"x": 1.0}, {"x": True}, {"x": "1"}, {"x": [1]}, {"y": 1},
    ],
)  # fmt: skip
def test_i07_the_digest_covers_every_field(changed: dict[str, object]) -> None:
    assert parse_record(story(**changed)).digest != parse_record(STORY).digest


def test_i07_the_digest_distinguishes_json_values_that_are_equal_in_python() -> None:
    values: list[object] = [1, 1.0, True, "1", "true", [1], {"1": 1}]
    assert len({parse_record(story(x=value)).digest for value in values}) == len(values)
    lists = [["a", "b"], ["b", "a"], ["ab"], ["a"]]
    assert len({parse_record(story(entities=names)).digest for names in lists}) == len(lists)


def test_i07_the_digest_does_not_depend_on_the_notation_of_instants() -> None:
    other = story(
        published_at="2026-06-24T01:00:06+02:00", updated_at="2026-06-24 00:49:22.205399000Z"
    )
    assert parse_record(other).digest == parse_record(STORY).digest
    assert parse_record(dict(reversed(STORY.items()))).digest == parse_record(STORY).digest


def test_a_record_is_immutable() -> None:
    record = parse_record(STORY)
    with pytest.raises(ValueError, match="frozen"):
        record.title = "another"  # type: ignore[misc]  # what is tried is what the type forbids


@given(
    st.dictionaries(
        st.sampled_from([*KINDS, "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(SIGNS, max_size=5),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(st.text(SIGNS), inner, max_size=2)
            ),
            max_leaves=4,
        ),
        max_size=4,
    )
    | EXTRAS
)
def test_i03_any_json_is_either_a_record_or_rejected_with_faults(value: dict[str, Any]) -> None:
    try:
        parse_record(story(**value))
    except InvalidRecordError as error:
        assert 0 < len(error.faults) <= FAULTS_REPORTED  # noqa: PT017 - any value may go either way
        json.dumps([fault.reason + fault.pointer for fault in error.faults]).encode()


@given(value=records())
def test_the_digest_is_the_sha256_of_the_served_fields_as_canonical_json(
    value: dict[str, Any],
) -> None:
    record = parse_record(value)
    served = record.model_dump(mode="json", exclude={"claims"})
    packed = json.dumps(served, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    assert record.digest == hashlib.sha256(packed.encode()).hexdigest()
