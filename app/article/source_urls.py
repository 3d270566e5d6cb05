"""Source URLs: which are valid, and when two of them identify the same story."""

import re
from typing import Final
from urllib.parse import urlsplit

from app.text import excerpt

MAX_URL_BYTES: Final = 2_000
"""Keeps the canonical key within the size limit of an index entry on both databases."""

# Characters that RFC 3987 excludes from IRIs: controls, spaces, delimiters and noncharacters
# (section 2.2) and bidirectional marks (section 4.1). Also invisible characters, except joiners.
_UNSAFE_IN_URL = re.compile(
    r"[\x00-\x20\x7f-\xa0<>\"\\^`{|}\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff"
    r"\ufff0-\uffff\U000e0000-\U000e0fff"
    + "".join(
        f"{chr(plane | 0xFFFE)}{chr(plane | 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000)
    )
    + "]"
)
# The ASCII characters outside that set, of which nearly all URLs consist: matching the large set is
# slow.
_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~]*")
_IP_LITERAL = re.compile(r"\[[^\[\]]*\](?::[0-9]*)?")
_TRACKING = frozenset({"fbclid", "gclid", "mc_cid", "mc_eid", "igshid"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_source_url(value: str) -> str:
    """Return `value`. Raises ValueError if it is not an absolute http or https URL."""
    if len(value.encode()) > MAX_URL_BYTES:
        raise ValueError(f"is longer than {MAX_URL_BYTES} bytes")
    if not _PLAIN.fullmatch(value) and (match := _UNSAFE_IN_URL.search(value)):
        raise ValueError(
            f"U+{ord(match[0]):04X} at character {match.start()} must be percent-encoded"
        )
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{excerpt(value)!r} is not a URL: {error}") from None
    host = parts.netloc.rpartition("@")[2]
    if "[" in host and not _IP_LITERAL.fullmatch(host):  # not every Python checks
        raise ValueError(f"{excerpt(value)!r} is not a URL: text next to the brackets of the host")
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
        raise ValueError(f"{excerpt(value)!r} is not an absolute http or https URL")
    return value


def canonical_key(url: str) -> str:
    """Return the canonical key of `url`: URLs with equal keys identify the same story.

    It has a lower-case scheme and host, no default port, no fragment, no tracking parameters, a
    sorted query and no trailing slash. `http` and `https` stay different. The function is
    idempotent. `url` must have passed `check_source_url`.
    """
    parts = urlsplit(url)
    userinfo, at, _ = parts.netloc.rpartition("@")
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    pairs = [pair for pair in parts.query.split("&") if pair and not is_tracking_parameter(pair)]
    query = "?" + "&".join(sorted(pairs)) if pairs else ""
    return f"{parts.scheme}://{userinfo}{at}{host}{port}{parts.path.rstrip('/')}{query}"


def is_tracking_parameter(pair: str) -> bool:
    """Return whether `pair`, one `name=value` of a query, is a tracking parameter."""
    name = pair.partition("=")[0].lower()
    return name.startswith("utm_") or name in _TRACKING
