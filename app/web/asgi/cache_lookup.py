"""Which cache may answer a request, under which key, and what builds the response on a miss."""

from collections.abc import Callable
from typing import Final, NamedTuple

from app.cache.response_cache import CachedResponse, CacheKey, ResponseCache
from app.web.public import articles, listings
from app.web.request_headers import RequestPreferences
from app.web.state import AppState

_READS: Final = frozenset({"GET", "HEAD"})


class CacheLookup(NamedTuple):
    """Where the response to a request is cached, and the function that builds it."""

    cache: ResponseCache
    key: CacheKey
    respond: Callable[[AppState, RequestPreferences], CachedResponse]


def cache_lookup(
    state: AppState, method: str, preferences: RequestPreferences
) -> CacheLookup | None:
    """Return where to look, or None where the response to such a request is never cached.

    Clients can make up any number of queries, so listings with one are in a cache of their own:
    they never evict an address that the site itself links to.
    """
    if method not in _READS or not preferences.is_anonymous_read:
        return None
    key = articles.cache_key(preferences)
    if key is not None:
        return CacheLookup(state.article_cache, key, articles.respond)
    key = listings.cache_key(preferences)
    if key is None:
        return None
    cache = state.search_cache if "?" in key.address else state.listing_cache
    return CacheLookup(cache, key, listings.respond)
