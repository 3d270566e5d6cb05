"""Negotiation, N-01 to N-06: the table of the contract and its rules one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.accept import Range, Score, negotiate, parse_accept, scores
from tests.support.accept_headers import (
    HTML,
    JSON,
    JSON_LD,
    MARKDOWN,
    NEGOTIATION_TABLE,
    OFFERS,
    TEXT,
)


@pytest.mark.parametrize(
    ("accept", "answer"),
    NEGOTIATION_TABLE,
    ids=[repr(accept) if accept else str(accept) for accept, _ in NEGOTIATION_TABLE],
)
def test_the_table_of_the_contract_holds(accept: str | None, answer: str | None) -> None:
    assert negotiate(accept, OFFERS) == answer


def weights(accept: str) -> dict[str, int]:
    return {score.offer: score.q for score in scores(parse_accept(accept), OFFERS)}


@pytest.mark.parametrize(
    "accept", [None, "", " \t", ",", " , ,, ", "text", "*/html", '"', "a/b;q=2"]
)
def test_n01_nothing_valid_is_no_preference(accept: str | None) -> None:
    assert negotiate(accept, OFFERS) == HTML
    assert negotiate(accept, [JSON_LD, HTML]) == JSON_LD


def test_n01_no_preference_scores_every_offer_in_full_and_names_no_range() -> None:
    assert scores((), [TEXT, JSON]) == (Score(TEXT, 1000, None), Score(JSON, 1000, None))


def test_nothing_offered_is_nothing_chosen() -> None:
    assert negotiate("*/*", ()) is None
    assert negotiate(None, ()) is None


MALFORMED = [
    "text",
    "/",
    "text/",
    "/html",
    "*",
    "*/html",
    "text/html/plain",
    "te xt/html",
    "text /html",
    "text/ html",
    "text/html plain",
    "tëxt/html",
    "text/html\n",
    "\x0btext/html",
    ";text/html",
    ";q=1",
    '"text/html"',
    "text/html;level",
    "text/html;=1",
    "text/html;level=",
    "text/html;level =1",
    "text/html;level= 1",
    'text/html;level="1"2',
    'text/html;level="\x07"',
    "text/html;q",
    "text/html;q=",
    "text/html;q=abc",
    "text/html;q=1.1",
    "text/html;q=1.001",
    "text/html;q=2",
    "text/html;q=-1",
    "text/html;q=-0",
    "text/html;q=.5",
    "text/html;q=00.5",
    "text/html;q=0.1234",
    "text/html;q=1.0000",
    "text/html;q=0x",
    "text/html;q=1e0",
    "text/html;q=\u0661",
    "text/html;q=0.\u0665",
    "text/html;q =1",
    "text/html;q= 1",
    'text/html;q="1"',
    "text/html;q=1 x",
]


@pytest.mark.parametrize("member", MALFORMED, ids=repr)
def test_n02_a_malformed_member_is_ignored_and_its_neighbours_are_not(member: str) -> None:
    assert parse_accept(member) == ()
    assert parse_accept(f"text/plain, {member}, text/markdown;q=0.5") == (
        Range("text", "plain", has_parameters=False, q=1000, position=0),
        Range("text", "markdown", has_parameters=False, q=500, position=2),
    )


def test_n02_a_quotation_never_closed_takes_the_rest_of_the_field_with_it() -> None:
    assert negotiate('text/markdown;q=0.1, text/plain;x="y, text/html', OFFERS) == MARKDOWN
    assert parse_accept('text/plain;x="y\\", text/html') == ()
    assert parse_accept('text/plain;x="y\\') == ()


def test_n02_commas_semicolons_and_weights_inside_a_quotation_are_data() -> None:
    accept = r'text/plain;x="a, text/html;q=1, \", \\";q=0.25, text/markdown;q=0.5'
    assert parse_accept(accept) == (
        Range("text", "plain", has_parameters=True, q=250, position=0),
        Range("text", "markdown", has_parameters=False, q=500, position=1),
    )


@pytest.mark.parametrize("thousandths", [0, 1, 9, 10, 100, 333, 500, 999, 1000])
def test_n02_weights_are_exact(thousandths: int) -> None:
    accept = f"text/html;q={thousandths / 1000:.3f}"
    assert [range_.q for range_ in parse_accept(accept)] == [thousandths]


@pytest.mark.parametrize(
    ("qvalue", "thousandths"),
    [("0", 0), ("0.", 0), ("0.0", 0), ("0.5", 500), ("0.05", 50), ("1", 1000), ("1.", 1000)],
)
def test_n02_digits_after_the_point_may_be_left_out(qvalue: str, thousandths: int) -> None:
    assert [range_.q for range_ in parse_accept(f"text/html;Q={qvalue}")] == [thousandths]


def test_n02_the_weight_defaults_to_one() -> None:
    assert weights("text/html, text/plain;q=0.999")[HTML] == 1000


def test_n02_empty_members_and_empty_parameters_say_nothing() -> None:
    assert parse_accept(",, text/html; ;;q=0.5 ; , ,text/plain;") == (
        Range("text", "html", has_parameters=False, q=500, position=0),
        Range("text", "plain", has_parameters=False, q=1000, position=1),
    )


@pytest.mark.parametrize("extension", [";level=1", ";x", ';x="a, b"', ";q=0.9", ";q=abc", ";;"])
def test_n02_parameters_after_the_weight_are_ignored(extension: str) -> None:
    assert parse_accept(f"text/html;q=0.5{extension}") == (
        Range("text", "html", has_parameters=False, q=500, position=0),
    )


def test_n02_a_weight_of_zero_excludes() -> None:
    assert negotiate("text/html;q=0.000, application/*;q=0, text/plain;q=0.001", OFFERS) == TEXT
    assert negotiate("text/html;q=0", OFFERS) is None


def test_n03_the_most_specific_range_decides_even_when_its_weight_is_lower() -> None:
    accept = "*/*, text/*;q=0.5, text/html;q=0.1"
    expected = {HTML: 100, MARKDOWN: 500, TEXT: 500, JSON: 1000, JSON_LD: 1000}
    assert weights(accept) == expected
    assert weights(", ".join(reversed(accept.split(", ")))) == expected
    assert negotiate(accept, OFFERS) == JSON


def test_n03_an_exclusion_is_overridden_by_a_more_specific_range() -> None:
    assert negotiate("*/*;q=0, text/*;q=0, text/plain;q=0.1", OFFERS) == TEXT


def test_n03_the_highest_weight_wins_over_name_and_listing_order() -> None:
    assert negotiate("text/html;q=0.8, text/*;q=0.9", OFFERS) == MARKDOWN
    assert negotiate("text/html;q=0.998, text/plain;q=0.999", OFFERS) == TEXT


def test_n03_of_equally_specific_ranges_the_highest_weight_decides_then_the_earliest() -> None:
    accept = "text/html;q=0.2, text/html;q=0.7, text/html;q=0.7, text/html;q=0"
    (score,) = scores(parse_accept(accept), [HTML])
    assert score == Score(HTML, 700, Range("text", "html", has_parameters=False, q=700, position=1))


def test_n03_a_score_names_the_range_that_decided_or_none() -> None:
    everything = Range("*", "*", has_parameters=False, q=100, position=1)
    html = Range("text", "html", has_parameters=False, q=0, position=0)
    assert scores((html, everything), [TEXT, HTML]) == (
        Score(TEXT, 100, everything),
        Score(HTML, 0, html),
    )
    assert scores((html,), [TEXT]) == (Score(TEXT, 0, None),)


@pytest.mark.parametrize("accept", ["*/*, text/plain", "text/*, text/plain", "text/plain, */*"])
def test_n04_a_type_named_exactly_beats_one_matched_by_a_wildcard(accept: str) -> None:
    assert negotiate(accept, OFFERS) == TEXT


@given(st.permutations(OFFERS), st.sampled_from(["", ";q=0.3", ";q=1.0"]))
def test_n04_of_types_named_exactly_the_first_listed_wins(named: list[str], weight: str) -> None:
    accept = ", ".join(f"{media}{weight}" for media in [*named, "*/*"])
    assert negotiate(accept, OFFERS) == named[0]
    assert negotiate(f"*/*{weight}, {accept}", OFFERS) == named[0]


@pytest.mark.parametrize(
    ("accept", "answer"),
    [
        ("application/*, text/*", JSON),
        ("text/*, application/*", HTML),
        ("*/*, text/*", JSON),
        ("text/*, */*", HTML),
        ("text/html;q=0, image/png, application/*, */*", JSON),
    ],
)
def test_n04_among_wildcard_matches_the_first_listed_wildcard_wins(
    accept: str, answer: str
) -> None:
    assert negotiate(accept, OFFERS) == answer


@given(st.permutations(OFFERS))
def test_n04_the_order_of_the_server_is_the_last_resort(offers: list[str]) -> None:
    assert negotiate("*/*", offers) == offers[0]
    assert negotiate("image/png, */*;q=0.1", offers) == offers[0]


@pytest.mark.parametrize(
    "parameter", ["charset=utf-8", "variant=GFM", 'profile="x"', "q2=0", "a=b;c=d"]
)
@pytest.mark.parametrize("offer", OFFERS)
def test_n05_parameters_never_make_a_type_unacceptable(offer: str, parameter: str) -> None:
    assert negotiate(f"{offer};{parameter}", OFFERS) == offer
    assert negotiate(f"*/*, {offer};{parameter}", OFFERS) == offer
    assert weights(f"*/*, {offer};{parameter};q=0.3")[offer] == 300


@pytest.mark.parametrize(
    "parametrised", ["text/html;x=y", "text/html;x=y;q=0", "text/html;x=y;q=0.9"]
)
def test_n05_where_a_type_is_listed_bare_as_well_the_bare_one_scores(parametrised: str) -> None:
    assert weights(f"{parametrised}, text/html;q=0.4")[HTML] == 400
    assert weights(f"text/html;q=0.4, {parametrised}")[HTML] == 400


def test_n05_a_wildcard_may_carry_parameters_too() -> None:
    assert negotiate("text/*;charset=utf-8", OFFERS) == HTML
    assert weights("*/*;x=y, */*;q=0.5")[HTML] == 500


def test_n06_a_group_gives_the_first_of_its_types_in_the_order_of_the_server() -> None:
    assert negotiate("application/*", OFFERS) == JSON
    assert negotiate("text/*", OFFERS) == HTML
