"""Rate limiting of failed logins, and the tokens that are exempt from it.

Both live in this process's memory and are bounded. Time is an argument.
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
    """Allows each network `limit` failed attempts per WINDOW, which the first of them starts.

    At most `networks` are remembered; beyond that, the one whose last failure is oldest is evicted.
    """

    def __init__(self, limit: int, networks: int = MAX_NETWORKS) -> None:
        self._limit = limit
        self._networks = networks
        self._failures: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """Return the number of networks that are remembered."""
        return len(self._failures)

    def retry_after(self, network: str, now: datetime) -> int:
        """Return how many seconds `network` has to wait before its next attempt, 0 for none."""
        with self._lock:
            start, count = self._current_window(network, now)
        seconds = math.ceil((start + WINDOW - now).total_seconds())
        return seconds if count >= self._limit else 0

    def record_failure(self, network: str, now: datetime) -> None:
        """Count a failed attempt of `network`."""
        with self._lock:
            start, count = self._current_window(network, now)
            self._failures[network] = start, count + 1
            self._failures.move_to_end(network)
            if len(self._failures) > self._networks:
                self._failures.popitem(last=False)

    def clear(self) -> None:
        """Remove all networks."""
        with self._lock:
            self._failures.clear()

    def _current_window(self, network: str, now: datetime) -> tuple[datetime, int]:
        start, count = self._failures.get(network, (now, 0))
        # A window that starts in the future means that the clock was set back: no client is to wait
        # longer than WINDOW for that.
        return (start, count) if start <= now < start + WINDOW else (now, 0)


class ValidTokenCache:
    """The hashes of the tokens that were valid most recently, at most `limit` of them.

    They are exempt from the rate limit, but checked against the database all the same.
    """

    def __init__(self, limit: int = MAX_VALID_TOKENS) -> None:
        self._limit = limit
        self._hashes: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, token_hash: str) -> bool:
        """Return whether the token with this hash was valid recently."""
        return token_hash in self._hashes

    def add(self, token_hash: str) -> None:
        """Add a valid token's hash."""
        with self._lock:
            self._hashes[token_hash] = None
            self._hashes.move_to_end(token_hash)
            if len(self._hashes) > self._limit:
                self._hashes.popitem(last=False)

    def discard(self, token_hash: str) -> None:
        """Remove the hash of a token that is no longer valid, if it is there."""
        with self._lock:
            self._hashes.pop(token_hash, None)

    def clear(self) -> None:
        """Remove all hashes."""
        with self._lock:
            self._hashes.clear()


def network_of(address: str) -> str:
    """Return the network that `address` is counted under: itself, or the /64 of an IPv6 address.

    RFC 4291 section 2.5.4: the last 64 bits identify the interface, so one subscriber has them all.
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
