"""What is asked of a site, and in which order: the order is what brings a bad cache to light."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from app.deployment_check.exchanges import HTML, Exchange, Probe
from app.http.content_coding import CODINGS, IDENTITY
from app.representations.article import BY_SUFFIX, FORMATS

PARAMETER: Final = "slugline-check"
"""A parameter of the query that the site ignores, and that caches keep answers under."""

_TWINS: Final = tuple(BY_SUFFIX.values())
_CODINGS: Final = (IDENTITY, *CODINGS)
_TWICE: Final = 2


def initial_probes(new_key: Callable[[], str]) -> Iterator[Probe]:
    """Yield what is asked whatever the answers are. `new_key` returns another text each time."""
    yield from _plain_urls()
    yield from _cold_representations(new_key)
    yield from _twins_after_html(new_key)
    yield from _cold_codings(new_key)
    yield from _conditional_openings(new_key)


def follow_up_probes(exchange: Exchange) -> Iterator[Probe]:
    """Yield what the answer to an opening leads to: HEAD, and conditional requests with its ETag.

    They have the key of the opening, so what it has left in a cache is what answers them.
    """
    asked, etag = exchange.question, exchange.etag
    if not asked.key.startswith(_VALIDATED) or not exchange.is_sound:
        return
    again = replace(asked, cold=False)
    yield replace(again, method="HEAD")
    if etag:
        yield replace(again, condition=etag)
    if etag and asked.form is HTML:
        yield replace(again, form=FORMATS[1], condition=etag, foreign=True)


def _plain_urls() -> Iterator[Probe]:
    # The page first: what a bad cache keeps of it does the next reader the least harm.
    yield from (Probe(form) for form in FORMATS)
    yield from (Probe(form, at_twin=True) for form in _TWINS)


def _cold_representations(new_key: Callable[[], str]) -> Iterator[Probe]:
    """Each meets a cold cache once and is followed by all, twice: some keep what is asked again."""
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
