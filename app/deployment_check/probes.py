"""The requests to send to a site. Their order reveals a misconfigured cache."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from app.deployment_check.exchanges import HTML, Exchange, Probe
from app.http.content_coding import CODINGS, IDENTITY
from app.representations.article import BY_SUFFIX, FORMATS

PARAMETER: Final = "slugline-check"
"""A query parameter that the site ignores and that caches include in their keys."""

_TWINS: Final = tuple(BY_SUFFIX.values())
_CODINGS: Final = (IDENTITY, *CODINGS)
_TWICE: Final = 2


def initial_probes(new_key: Callable[[], str]) -> Iterator[Probe]:
    """Yield the probes that do not depend on responses. `new_key` returns a new text each time."""
    yield from _plain_urls()
    yield from _cold_representations(new_key)
    yield from _twins_after_html(new_key)
    yield from _cold_codings(new_key)
    yield from _conditional_openings(new_key)


def follow_up_probes(exchange: Exchange) -> Iterator[Probe]:
    """Yield HEAD and conditional requests with the ETag of an initial exchange.

    They have the same key, so a cache answers them with what it stored for the first.
    """
    probe, etag = exchange.question, exchange.etag
    if not probe.key.startswith(_VALIDATED) or not exchange.is_sound:
        return
    again = replace(probe, cold=False)
    yield replace(again, method="HEAD")
    if etag:
        yield replace(again, condition=etag)
    if etag and probe.form is HTML:
        yield replace(again, form=FORMATS[1], condition=etag, foreign=True)


def _plain_urls() -> Iterator[Probe]:
    # HTML first: if a bad cache stores it, it does the least harm to the next reader.
    yield from (Probe(form) for form in FORMATS)
    yield from (Probe(form, at_twin=True) for form in _TWINS)


def _cold_representations(new_key: Callable[[], str]) -> Iterator[Probe]:
    """Request each with a cold cache, then all of them twice: some caches store on the second."""
    for first in FORMATS:
        key = new_key()
        yield Probe(first, key=key, cold=True)
        yield from (Probe(form, key=key) for form in FORMATS * _TWICE)


def _twins_after_html(new_key: Callable[[], str]) -> Iterator[Probe]:
    for form in _TWINS:
        key = new_key()
        yield Probe(HTML, key=key, cold=True)
        yield from (Probe(form, at_twin=True, key=key) for _ in range(_TWICE))


def _cold_codings(new_key: Callable[[], str]) -> Iterator[Probe]:
    for form, at_twin in ((HTML, False), (_TWINS[0], True)):
        for first in _CODINGS:
            key = new_key()
            for coding in (first, *_CODINGS):
                yield Probe(form, at_twin, key, coding)


def _conditional_openings(new_key: Callable[[], str]) -> Iterator[Probe]:
    places = chain(((form, False) for form in FORMATS), ((form, True) for form in _TWINS))
    for form, at_twin in places:
        for coding in _CODINGS:
            yield Probe(form, at_twin, _VALIDATED + new_key(), coding, cold=True)


_VALIDATED: Final = "v-"
