"""Proactive negotiation: select a representation by the Accept header. Pure; RFC 9110, section 12.

If `negotiate` returns None, the caller answers 406. Weights are integers in thousandths, so that
comparisons are exact. Any header is parsed in linear time, and none raises an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Offer = TypeVar("Offer", bound=str)

FULL_WEIGHT = 1000

# Nothing that could fail follows the repetition in these two patterns, so they never backtrack.
# A quoted string without an end extends to the end of the header.
_QUOTATION = r'"(?:\\.|[^"])*"?'
_MEMBER = re.compile(rf'(?:[^",]|{_QUOTATION})+', re.DOTALL)
_PARAMETER = re.compile(rf'(?:[^";]|{_QUOTATION})+', re.DOTALL)

# RFC 9110, 5.6.2 and 5.6.4. All non-ASCII characters count as obs-text.
_TOKEN = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"  # noqa: S105 - a grammar's token, not a credential
_QUOTED_STRING = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"'
_MEDIA_RANGE = re.compile(rf"({_TOKEN})/({_TOKEN})[ \t]*(?:;|\Z)")
_WELL_FORMED_PARAMETER = re.compile(rf"{_TOKEN}=(?:{_TOKEN}|{_QUOTED_STRING})")
_QVALUE = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_OWS = " \t"


@dataclass(frozen=True, slots=True)
class Range:
    """One well-formed member of an Accept header.

    `type` and `subtype` are in lower case, `q` is in thousandths, and `position` counts the members
    before this one as the client listed them, malformed ones too. `has_parameters` refers
    to media-type parameters, those before the weight.
    """

    type: str
    subtype: str
    has_parameters: bool
    q: int
    position: int

    @property
    def is_exact(self) -> bool:
        """Whether the range names one media type, without a wildcard."""
        return self.subtype != "*"


@dataclass(frozen=True, slots=True)
class Score(Generic[Offer]):
    """The score of an offer: `q` in thousandths, 0 for not acceptable, and the deciding range.

    `decided_by` is None if no range matched (q is 0) or the client stated no preference (q is
    1000).
    """

    offer: Offer
    q: int
    decided_by: Range | None


def negotiate(accept: str | None, offers: Sequence[Offer]) -> Offer | None:
    """Return the best of `offers`, or None if none is acceptable.

    `offers` are lower-case media types without parameters, in the server's order of preference.
    `accept` is the value of all Accept lines joined with ", ", None if there are none.
    """
    # RFC 9110, 12.4.2: 'a value of 0 means "not acceptable"'.
    acceptable = [score for score in scores(parse_accept(accept or ""), offers) if score.q]
    # `min` returns the first of equals, so the server's order breaks the last ties.
    return min(acceptable, key=rank).offer if acceptable else None


def scores(ranges: Sequence[Range], offers: Sequence[Offer]) -> tuple[Score[Offer], ...]:
    """Score every offer, in the order of `offers`."""
    if not ranges:
        # RFC 9110, 12.4.1: "a request that does not contain the field implies that the sender has
        # no preference on that dimension of negotiation." The same holds if no member is
        # valid.
        return tuple(Score(offer, FULL_WEIGHT, None) for offer in offers)
    return tuple(_score(ranges, offer) for offer in offers)


def parse_accept(header: str) -> tuple[Range, ...]:
    """Return the well-formed members in the client's order; malformed ones are ignored."""
    return tuple(range_ for _, range_ in members(header) if range_ is not None)


def members(header: str) -> tuple[tuple[str, Range | None], ...]:
    """Return all members in the client's order: the text, and the range or None if malformed."""
    # RFC 9110, 5.6.1.2: "Empty elements do not contribute to the count of elements present."
    texts = filter(None, (member.strip(_OWS) for member in _MEMBER.findall(header)))
    return tuple((text, _parse_member(text, position)) for position, text in enumerate(texts))


def rank(score: Score[Offer]) -> tuple[int, bool, int]:
    """Return a sort key, best first: weight, exact match before wildcard, then the client's order.

    The RFC gives the order no meaning, but agents rely on it: `text/markdown, text/html, */*` is
    sent by agents that prefer Markdown.
    """
    by = score.decided_by
    return (-score.q, not by.is_exact, by.position) if by else (-score.q, True, 0)


def _score(ranges: Sequence[Range], offer: Offer) -> Score[Offer]:
    type_, _, subtype = offer.partition("/")
    # RFC 9110, 12.5.1: '"*/*" indicating all media types and "type/*" indicating all subtypes of
    # that type'.
    specificity = {("*", "*"): 0, (type_, "*"): 1, (type_, subtype): 2}

    def precedence(range_: Range) -> tuple[int, bool, int, int]:
        # RFC 9110, 12.5.1: "If more than one media range applies to a given type, the most specific
        # reference has precedence." What is offered is bare, so a bare range is the closer one;
        # a range with parameters speaks for the type only where no bare one does.
        specific = specificity[range_.type, range_.subtype]
        return specific, not range_.has_parameters, range_.q, -range_.position

    matching = (range_ for range_ in ranges if (range_.type, range_.subtype) in specificity)
    decided_by = max(matching, key=precedence, default=None)
    return Score(offer, decided_by.q if decided_by else 0, decided_by)


def _parse_member(member: str, position: int) -> Range | None:
    media = _MEDIA_RANGE.match(member)
    if media is None:
        return None
    type_, subtype = media[1].lower(), media[2].lower()
    weighed = _parse_parameters(member[media.end() :])
    if weighed is None or (type_ == "*" and subtype != "*"):
        return None
    has_parameters, q = weighed
    return Range(type_, subtype, has_parameters, q, position)


def _parse_parameters(parameters: str) -> tuple[bool, int] | None:
    """Tell whether any parameter precedes the weight, and the weight; None if malformed.

    What follows the weight is not read: it was `accept-ext` once, and RFC 9110 knows it no more.
    """
    has_parameters = False
    # RFC 9110, 5.6.6 allows empty parameters: 'parameters = *( OWS ";" OWS [ parameter ] )'.
    for parameter in filter(None, (each.strip(_OWS) for each in _PARAMETER.findall(parameters))):
        name, _, value = parameter.partition("=")
        if name in {"q", "Q"}:
            return (has_parameters, _thousandths(value)) if _QVALUE.fullmatch(value) else None
        if _WELL_FORMED_PARAMETER.fullmatch(parameter) is None:
            return None
        has_parameters = True
    # RFC 9110, 12.4.2: 'If no "q" parameter is present, the default weight is 1.'
    return has_parameters, FULL_WEIGHT


def _thousandths(qvalue: str) -> int:
    return int(qvalue.replace(".", "").ljust(4, "0"))
