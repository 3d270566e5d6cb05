"""Explain a negotiation step by step. Pure.

No rule is repeated here: everything is computed by the functions that decide (`members`, `scores`,
`rank`, `negotiate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.http.accept import (
    FULL_WEIGHT,
    Range,
    Score,
    members,
    negotiate,
    parse_accept,
    rank,
    scores,
)
from app.text import excerpt

TOLD_AT_MOST: Final = 100
"""Maximum number of members explained one by one; further ones are only counted."""


class Rule(StrEnum):
    """The rules that decide between two representations, in order of precedence."""

    WEIGHT = "weight"
    NAMED = "named"
    ORDER = "order"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of the header. `position` counts from 1; `q` is 0 to 1.

    `text` is an excerpt. A malformed member is ignored: it has no `media_range` and no `q`.
    `matches` are the offers that it matches, `decides` those whose weight it determines.
    """

    position: int
    text: str
    media_range: str | None
    q: float | None
    has_parameters: bool
    matches: tuple[str, ...]
    decides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfferScore:
    """The score of an offer. `q` is 0 to 1; `decided_by` is the position of the deciding member.

    `lost_by` is the rule by which the winner was better; None for the winner and if `q` is 0.
    """

    media_type: str
    q: float
    decided_by: int | None
    lost_by: Rule | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A negotiation: the members parsed, the result, and the reason.

    `chosen` is the selected offer, None if none is acceptable. `rule` is what decided between it
    and the next best, None if there was no other. `untold` counts the members not explained.
    """

    members: tuple[Member, ...]
    untold: int
    standings: tuple[OfferScore, ...]
    chosen: str | None
    rule: Rule | None
    reason: str


def explain(accept: str | None, offers: Sequence[str]) -> Explanation:
    """Explain the result of `negotiate` for the same arguments."""
    header = accept or ""
    chosen = negotiate(accept, offers)
    fared = scores(parse_accept(header), offers)
    acceptable = sorted((score for score in fared if score.q), key=rank)
    rules = {score.offer: _between(acceptable[0], score) for score in acceptable[1:]}
    listed = members(header)
    return Explanation(
        members=tuple(
            _member(index, text, range_, fared)
            for index, (text, range_) in enumerate(listed[:TOLD_AT_MOST])
        ),
        untold=max(len(listed) - TOLD_AT_MOST, 0),
        standings=tuple(_standing(score, rules.get(score.offer)) for score in fared),
        chosen=chosen,
        rule=next(iter(rules.values()), None),
        reason=_reason(acceptable, next(iter(rules.values()), None)),
    )


def _between(winner: Score[str], other: Score[str]) -> Rule:
    """Return the first rule by which `winner` is better than `other`."""
    better = (ours != theirs for ours, theirs in zip(rank(winner), rank(other), strict=True))
    return next((rule for rule, differs in zip(Rule, better, strict=False) if differs), Rule.SITE)


def _member(index: int, text: str, range_: Range | None, fared: Sequence[Score[str]]) -> Member:
    offers = [score.offer for score in fared]
    alone = scores((range_,), offers) if range_ else ()
    return Member(
        position=index + 1,
        text=excerpt(text),
        media_range=excerpt(f"{range_.type}/{range_.subtype}") if range_ else None,
        q=range_.q / FULL_WEIGHT if range_ else None,
        has_parameters=range_ is not None and range_.has_parameters,
        matches=tuple(score.offer for score in alone if score.decided_by),
        decides=tuple(
            score.offer for score in fared if score.decided_by and score.decided_by == range_
        ),
    )


def _standing(score: Score[str], lost_by: Rule | None) -> OfferScore:
    by = score.decided_by
    return OfferScore(score.offer, score.q / FULL_WEIGHT, by.position + 1 if by else None, lost_by)


def _reason(best: Sequence[Score[str]], rule: Rule | None) -> str:
    if not best:
        return "Nothing that is offered is acceptable: no range matches it, or q=0 excludes it."
    winner = best[0]
    if winner.decided_by is None:
        return "No preference is stated, so the site's own order decides."
    if rule is None:
        return "It is the only one that is acceptable."
    return _REASONS[rule].format(next_best=best[1].offer)


_REASONS: Final = {
    Rule.WEIGHT: "It has the highest weight (q); the next best is {next_best}.",
    Rule.NAMED: "It is named; {next_best}, of the same weight, is matched by a wildcard only.",
    Rule.ORDER: "The client lists it before {next_best}, which has the same weight.",
    Rule.SITE: "The header ranks {next_best} as high; the site's own order puts this one first.",
}
