"""Checks that every client gets the representation that it requested."""

from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Final

from app.deployment_check.exchanges import HTML, Check, Exchange, Judge, Probe


def _refusals(exchanges: Sequence[Exchange]) -> Iterator[str]:
    for each in exchanges:
        if not each.question.condition and each.status != HTTPStatus.OK:
            yield f"{each} is answered {each.status}"


def _wrong_representation(concerns: Callable[[Probe], bool]) -> Judge:
    def judge(exchanges: Sequence[Exchange]) -> Iterator[str]:
        for each in exchanges:
            if each.status == HTTPStatus.OK and concerns(each.question) and not each.is_sound:
                when = ", even with a cold cache" if each.question.cold else ""
                yield f"{each} gives {each.media_type or 'no Content-Type'}{when}"

    return judge


CHECKS: Final = (
    Check(
        "Status",
        _refusals,
        "A firewall, a rate limit or a path rule refuses or redirects requests: let GET and HEAD of"
        " /news/* pass.",
    ),
    Check(
        "Browsers get the page",
        _wrong_representation(lambda probe: probe.form is HTML),
        "A cache stores one representation for the URL and serves it to all clients, although the"
        " headers forbid it: readers see source text. Make it obey Cache-Control and"
        " CDN-Cache-Control, or exclude bare URLs from it.",
    ),
    Check(
        "Agents get what they accept",
        _wrong_representation(lambda probe: probe.form is not HTML and not probe.at_twin),
        "A cache ignores Vary, or a proxy removes Accept: at the bare URL agents get what another"
        " client requested. Make Accept part of the cache key, exclude bare URLs from the cache,"
        " or send agents to the twins.",
    ),
    Check(
        "Twins keep their form",
        _wrong_representation(lambda probe: probe.at_twin),
        "A rewrite rule or a cache key drops the suffix: the twins are not what they are linked as."
        " Pass paths unchanged.",
    ),
)
