"""Whether everybody gets the representation that they asked for."""

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
                when = ", even as the first of all" if each.question.cold else ""
                yield f"{each} gives {each.media_type or 'no Content-Type'}{when}"

    return judge


CHECKS: Final = (
    Check(
        "Status",
        _refusals,
        "Something in front refuses or redirects what the site answers: look for a firewall, a"
        " limit on requests or a rule about paths, and let GET and HEAD of /news/* pass.",
    ),
    Check(
        "Browsers get the page",
        _wrong_representation(lambda asked: asked.form is HTML),
        "A cache keeps one representation for the address and gives it to everybody, though it is"
        " told not to: readers see source text. Make it heed Cache-Control and CDN-Cache-Control,"
        " or keep bare URLs out of it.",
    ),
    Check(
        "Agents get what they accept",
        _wrong_representation(lambda asked: asked.form is not HTML and not asked.at_twin),
        "What is in front ignores Vary, or does not pass Accept on: at the bare URL agents get"
        " what somebody else asked for. Make Accept part of the cache's key, keep bare URLs out"
        " of it, or send agents to the twins.",
    ),
    Check(
        "Twins keep their form",
        _wrong_representation(lambda asked: asked.at_twin),
        "The suffix is dropped on the way, by a rewritten path or a cache's key: the twins are"
        " not what they are linked as. Leave paths as they are.",
    ),
)
