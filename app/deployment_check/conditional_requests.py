"""Checks of ETags, conditional requests and HEAD."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

from app.deployment_check.exchanges import Check, Exchange

_SAME_IN_HEAD: Final = ("content-type", "content-encoding", "content-location", "vary", "etag")


def _missing(exchanges: Sequence[Exchange]) -> Iterator[str]:
    return (f"{each} has none" for each in exchanges if each.is_sound and not each.etag)


def _weak(exchanges: Sequence[Exchange]) -> Iterator[str]:
    return (f"{each} has {each.etag}" for each in exchanges if each.etag.startswith("W/"))


def _shared(exchanges: Sequence[Exchange]) -> Iterator[str]:
    owners: dict[str, Exchange] = {}
    for each in exchanges:
        if not each.is_sound or not each.etag:
            continue
        owner = owners.setdefault(each.etag.removeprefix("W/"), each)
        if (owner.media_type, owner.codings) != (each.media_type, each.codings):
            yield f"{each} has the one of {owner}"


def _conditional_requests(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in exchanges:
        probe = each.question
        if not probe.condition:
            continue
        if probe.foreign:
            if each.status == HTTPStatus.NOT_MODIFIED:
                yield f"{each} with the page's ETag is answered 304"
        elif each.status != HTTPStatus.NOT_MODIFIED:
            yield f"{each} with its ETag is answered {each.status} instead of 304"
        elif not each.etag:
            yield f"{each} is answered 304 without an ETag"
        elif each.etag.removeprefix("W/") != probe.condition.removeprefix("W/"):
            yield f"{each} is answered 304 with another ETag"


def _head_requests(exchanges: Sequence[Exchange]) -> Iterator[str]:
    gets = {each.question.key: each for each in exchanges if each.question.cold}
    for each in exchanges:
        if each.question.method != "HEAD" or each.status != HTTPStatus.OK:
            continue
        get = gets[each.question.key]
        other = [name for name in _SAME_IN_HEAD if each.fields.get(name) != get.fields.get(name)]
        if other:
            yield f"{each} differs from GET in {', '.join(other)}"


CHECKS: Final = (
    Check(
        "ETag",
        _missing,
        "Clients cannot revalidate an article without downloading it again. A CDN or proxy removes"
        " the header, often because it changes or compresses bodies: turn that off.",
    ),
    Check(
        "Strong ETag",
        _weak,
        "A CDN or proxy changes bodies, or compresses what the site would have compressed, and"
        " weakens the ETag. Turn its compression off.",
    ),
    Check(
        "An ETag for each representation",
        _shared,
        "Clients that hold one representation get a 304 for another. Let the ETags of the site"
        " pass unchanged.",
    ),
    Check(
        "Conditional requests",
        _conditional_requests,
        "Clients download again what they have, or keep what is outdated. Pass If-None-Match to the"
        " site, and its 304 to the client.",
    ),
    Check(
        "HEAD",
        _head_requests,
        "HEAD describes another response than GET returns. Pass HEAD to the site unchanged.",
    ),
)
