"""Whether clients can ask again for what they have: ETags, conditional requests, HEAD."""

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
        asked = each.question
        if not asked.condition:
            continue
        if asked.foreign:
            if each.status == HTTPStatus.NOT_MODIFIED:
                yield f"{each} with the page's ETag is answered 304"
        elif each.status != HTTPStatus.NOT_MODIFIED:
            yield f"{each} with its ETag is answered {each.status} instead of 304"
        elif not each.etag:
            yield f"{each} is answered 304 without an ETag"
        elif each.etag.removeprefix("W/") != asked.condition.removeprefix("W/"):
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
        "Nobody can ask whether an article has changed without getting all of it again. Something"
        " in front removes the field, often where it changes or compresses bodies: turn that off.",
    ),
    Check(
        "Strong ETag",
        _weak,
        "Something in front changes bodies, or compresses what the site would have compressed,"
        " and weakens the field: parts cannot be asked for any more. Turn its compression off.",
    ),
    Check(
        "An ETag for each representation",
        _shared,
        "A client that has one representation is told that it has the other. Let the site make"
        " the ETags.",
    ),
    Check(
        "Conditional requests",
        _conditional_requests,
        "Clients get again what they have, or keep what they have not. Let If-None-Match through"
        " to the site, and its 304 back as it is.",
    ),
    Check(
        "HEAD",
        _head_requests,
        "Who asks before fetching is told of another answer than GET gives. Let HEAD through as"
        " it is.",
    ),
)
