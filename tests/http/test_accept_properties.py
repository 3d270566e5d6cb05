"""Negotiation: what holds for every header, and a second opinion from werkzeug and webob.

The two weigh an Accept header each in its own way. Where they agree and the contract (N-01 to N-05)
does not decide otherwise, ours must agree with them; every header left out is accounted for.
"""

import time
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from app.http.accept import negotiate, parse_accept, scores
from tests.support.site import DEPTH
from tests.support.strategies import SIGNS

with warnings.catch_warnings():
    # webob imports the standard library's cgi, which says at once that it is deprecated.
    warnings.filterwarnings("ignore", "'cgi' is deprecated", DeprecationWarning)
    from webob.acceptparse import create_accept_header

OFFERS = ("text/html", "text/markdown", "text/plain", "application/json", "application/ld+json")
QVALUES = ["0", "0.0", "0.001", "0.3", "0.333", "0.50", "0.8", "0.9", "0.999", "1", "1.000"]
MALFORMED = ["text/html;q=2", "*/html", "text", ";q=1", "text/html;level", "a b/c", "/", '"a,b"']


class Member(NamedTuple):
    """A well-formed member of an Accept header, in pieces."""

    media: str
    parameters: tuple[str, ...] = ()
    weight: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return ";".join([self.media, *self.parameters, *self.weight])

    def matches(self, offer: str) -> bool:
        return self.media in {"*/*", offer.partition("/")[0] + "/*", offer}


class Opinion(NamedTuple):
    """What another implementation makes of a header: each offer's weight, and the winner."""

    weights: dict[str, int]
    winner: str | None


members = st.builds(
    Member,
    st.sampled_from([*OFFERS, "text/*", "application/*", "*/*", "application/pdf"]),
    # Most carry no parameters: what a range with parameters matches is not for the others to judge.
    st.sampled_from([(), (), (), (), ("charset=utf-8",), ('profile="a, b;q=0"', "x=y")]),
    st.sampled_from([(), *((f"q={qvalue}",) for qvalue in QVALUES)]),
)
headers = st.lists(members, max_size=6), st.lists(st.sampled_from(MALFORMED), max_size=2)


def werkzeug_opinion(accept: str, offers: Sequence[str]) -> Opinion:
    mime = parse_accept_header(accept, MIMEAccept)
    weights = {offer: round(mime.quality(offer) * 1000) for offer in offers}
    return Opinion(weights, mime.best_match(offers))


def webob_opinion(accept: str, offers: Sequence[str]) -> Opinion:
    acceptable = create_accept_header(accept).acceptable_offers(offers)
    weights = dict.fromkeys(offers, 0) | {offer: round(q * 1000) for offer, q in acceptable}
    return Opinion(weights, acceptable[0][0] if acceptable else None)


def weights_of(accept: str) -> dict[str, int]:
    return {score.offer: score.q for score in scores(parse_accept(accept), OFFERS)}


def judged_offers(accept: str, listed: Sequence[Member], sound: str) -> list[str]:
    """Compare the weights; return the offers that the others had a say in."""
    ours = weights_of(accept)
    werkzeug, webob = werkzeug_opinion(sound, OFFERS), webob_opinion(sound, OFFERS)
    judged = []
    for offer in OFFERS:
        matching = [member for member in listed if member.matches(offer)]
        if any(member.parameters for member in matching):
            continue  # N-05: to the others a range with parameters names no bare type.
        # Of a range listed twice webob takes the first weight; N-03 and werkzeug take the highest.
        repeated = len({member.media for member in matching}) < len(matching)
        assert repeated or werkzeug.weights[offer] == webob.weights[offer]
        assert ours[offer] == werkzeug.weights[offer]
        if ours[offer] == webob.weights[offer]:
            judged.append(offer)
    return judged


def judge_of_the_winner(
    accept: str, listed: Sequence[Member], sound: str, offers: Sequence[str]
) -> str:
    """Compare the winner among offers whose weights are agreed on; return who had a say in it."""
    winner = negotiate(accept, offers)
    werkzeug, webob = werkzeug_opinion(sound, offers), webob_opinion(sound, offers)
    best = max(webob.weights.values())
    tied = {offer for offer in offers if webob.weights[offer] == best > 0}
    if len(tied) < 2:
        assert winner == werkzeug.winner == webob.winner
        return "both judge the winner"
    # N-04 (a) is werkzeug's rule as well; in a tie webob goes by the order of the server alone.
    named = tied.intersection(member.media for member in listed)
    assert winner in (named or tied)
    if len(named) == 1:
        assert winner == werkzeug.winner
        return "werkzeug judges the winner"
    return "N-04 (b) or (c) decides the winner"


def second_opinion(listed: Sequence[Member], malformed: Sequence[str]) -> Counter[str]:
    """Compare one header with the others; count what they had a say in."""
    accept = ", ".join([*malformed, *(member.text for member in listed)])
    if not listed:
        # N-01: to the others such a header makes everything acceptable, or nothing.
        assert negotiate(accept, OFFERS) == OFFERS[0]
        return Counter(["headers", "N-01 decides"])
    # N-02: one malformed member makes the others drop more than that member, so they see none.
    sound = ", ".join(member.text for member in listed)
    heard = Counter(["headers"])
    judged = judged_offers(accept, listed, sound)
    heard.update(offers=len(OFFERS), judged=len(judged))
    heard.update([judge_of_the_winner(accept, listed, sound, judged) if judged else "none judged"])
    return heard


@settings(max_examples=100 * DEPTH, deadline=None)
@given(*headers)
def test_two_other_implementations_agree(listed: list[Member], malformed: list[str]) -> None:
    for subject in second_opinion(listed, malformed):
        event(subject)


def test_the_other_implementations_are_heard_on_most_headers() -> None:
    heard: Counter[str] = Counter()

    @settings(max_examples=500, deadline=None, derandomize=True, database=None)
    @given(*headers)
    def listen(listed: list[Member], malformed: list[str]) -> None:
        heard.update(second_opinion(listed, malformed))

    listen()
    assert heard["headers"] >= 500
    assert heard["judged"] > 0.5 * heard["offers"]
    assert heard["both judge the winner"] > 0.4 * heard["headers"]
    assert heard["werkzeug judges the winner"] > 0


@given(
    st.text(SIGNS)
    | st.text(alphabet=' \t,;/*"\\=qQ01.5ax')
    | st.lists(st.sampled_from(MALFORMED) | members.map(lambda member: member.text)).map(",".join)
)
@example('a/b;c="' + "\\" * 3)
@example("\ud800/\udfff;q=\x00")
def test_any_text_is_answered_with_an_offer_or_with_none(accept: str) -> None:
    assert negotiate(accept, OFFERS) in {*OFFERS, None}


@given(st.data(), st.lists(members, min_size=1, max_size=6))
def test_n02_case_and_optional_whitespace_change_nothing(
    data: st.DataObject, listed: list[Member]
) -> None:
    ows = st.text(alphabet=" \t", max_size=3)
    case = st.sampled_from([str.upper, str.lower, str.title])

    def respelled(member: Member) -> str:
        pieces = [member.media, *member.parameters, *member.weight]
        return ";".join(data.draw(ows) + data.draw(case)(each) + data.draw(ows) for each in pieces)

    separator = data.draw(st.sampled_from([",", ",,", ", ,\t,"]))
    plain = ", ".join(member.text for member in listed)
    assert parse_accept(separator.join(map(respelled, listed))) == parse_accept(plain)


@pytest.mark.parametrize(
    "unit",
    [
        ",",
        '"',
        "a/b,",
        '",',
        '"\\',
        "\\",
        ";",
        " ",
        " ;",
        "a",
        "a/",
        "*/*,",
        'a/b;c="",',
        "a/b;c=d;",
    ],
    ids=repr,
)
@pytest.mark.parametrize("start", ["", "a/b", 'a/b;c="', "a/b;c=d;"], ids=repr)
@pytest.mark.no_cover  # the time of the tracer is not ours
def test_time_grows_with_the_length_of_the_header_and_not_with_its_square(
    start: str, unit: str
) -> None:
    def cpu_seconds(length: int, times: int) -> float:
        accept = (start + unit * length)[:length] + "x"
        begin = time.thread_time()
        for _ in range(times):
            negotiate(accept, OFFERS)
        return time.thread_time() - begin

    # One long header against sixteen short ones: about 1 if linear, about 16 if quadratic. CPU time
    # of this thread alone, so that a busy machine does not count; and what happens by chance to one
    # lap does not happen to all, while what is quadratic is so in each.
    assert any(cpu_seconds(32_000, 1) < 6 * cpu_seconds(2_000, 16) for _ in range(5))
