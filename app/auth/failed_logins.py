"""Failed attempts: how many each network has made, so that those who guess are slowed down.

Counts are kept in this process alone, by the minute, and of a bounded number of networks: where
there are more, the one that failed longest ago is forgotten. Time is an argument.
"""

import math
from collections import OrderedDict
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Final

from app.text import excerpt

WINDOW: Final = timedelta(minutes=1)
MAX_NETWORKS: Final = 10_000
MAX_VALID_TOKENS: Final = 1_000


class FailedLoginLimiter:
    """What has failed: `limit` attempts of one network within a minute, then none until it is over.

    The minute begins with the first of them, and what is tried after the last is not counted.
    """

    def __init__(self, limit: int, networks: int = MAX_NETWORKS) -> None:
        self._limit = limit
        self._networks = networks
        self._failed: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """Return of how many networks something is remembered."""
        return len(self._failed)

    def retry_after(self, network: str, now: datetime) -> int:
        """Return for how many seconds `network` may not try again: 0 where it may."""
        with self._lock:
            since, count = self._current(network, now)
        left = math.ceil((since + WINDOW - now).total_seconds())
        return left if count >= self._limit else 0

    def record_failure(self, network: str, now: datetime) -> None:
        """Count a failed attempt of `network`."""
        with self._lock:
            since, count = self._current(network, now)
            self._failed[network] = since, count + 1
            self._failed.move_to_end(network)
            if len(self._failed) > self._networks:
                self._failed.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._failed.clear()

    def _current(self, network: str, now: datetime) -> tuple[datetime, int]:
        since, count = self._failed.get(network, (now, 0))
        # Also where the clock was put back: nobody waits longer than a minute.
        return (since, count) if since <= now < since + WINDOW else (now, 0)


class ValidTokenCache:
    """The hashes of tokens that opened something not long ago, a bounded number of them.

    They say whose turn it is where a network is to wait, never that a token is live.
    """

    def __init__(self, at_most: int = MAX_VALID_TOKENS) -> None:
        self._at_most = at_most
        self._hashes: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, token_hash: str) -> bool:
        """Say whether the token of that hash was accepted."""
        return token_hash in self._hashes

    def add(self, token_hash: str) -> None:
        """Remember that the token of that hash was accepted."""
        with self._lock:
            self._hashes[token_hash] = None
            self._hashes.move_to_end(token_hash)
            if len(self._hashes) > self._at_most:
                self._hashes.popitem(last=False)

    def discard(self, token_hash: str) -> None:
        """Forget a token that opens nothing any more."""
        with self._lock:
            self._hashes.pop(token_hash, None)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._hashes.clear()


def network_of(address: str) -> str:
    """Return whom `address` is counted for: itself, or the /64 of an IPv6 address.

    RFC 4291 section 2.5.4: the last 64 bits are the interface's, so one subscriber has all of them.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return excerpt(address)
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
