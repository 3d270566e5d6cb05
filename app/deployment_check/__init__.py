"""Check that CDNs and proxies in front of a site leave its responses unchanged. Pure.

`probes` lists the requests; its siblings judge the responses. The expected values are never
repeated here: they come from the code that defines formats, headers and ETags.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.deployment_check import bodies, conditional_requests, headers, negotiation
from app.deployment_check.exchanges import Exchange
from app.representations.article import FORMATS
from app.web.response_headers import policy_headers

CHECKS: Final = (*negotiation.CHECKS, *headers.CHECKS, *conditional_requests.CHECKS, *bodies.CHECKS)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: what is `wrong` and what to do about it, or "" if nothing is."""

    check: str
    wrong: str


def judge(exchanges: Sequence[Exchange]) -> tuple[Finding, ...]:
    """Return the finding of each check, in the order of CHECKS."""
    return tuple(
        Finding(check.name, _summarise(tuple(check.judge(exchanges)), check.advice))
        for check in CHECKS
    )


def is_slugline(exchange: Exchange) -> bool:
    """Return whether a response looks like Slugline's. One indication is enough."""
    link = exchange.fields.get("link", "")
    others = (form for form in FORMATS if form.media_type != exchange.media_type)
    if all(headers.is_linked(link, exchange.slug, form) for form in others):
        return True
    if exchange.etag and bodies.has_original_bytes(exchange):
        return True
    policy = policy_headers(exchange.media_type).get("Content-Security-Policy")
    return policy is not None and exchange.fields.get("content-security-policy") == policy


def _summarise(seen: Sequence[str], advice: str) -> str:
    if not seen:
        return ""
    more = f" (and {len(seen) - 1} more like it)" if len(seen) > 1 else ""
    return f"{seen[0]}{more}. {advice}"
