"""Where a story came from: which addresses are taken, and when two of them are one story."""

import re
from typing import Final
from urllib.parse import urlsplit

from app.text import excerpt

MAX_URL_BYTES: Final = 2_000
"""Keeps the canonical key inside an entry of an index, on either database."""

# What RFC 3987 keeps out of an IRI: controls, spaces, delimiters and noncharacters (section 2.2),
# and marks of direction (section 4.1); and what no reader can see. Joiners may stay.
_UNSAFE_IN_URL = re.compile(
    r"[\x00-\x20\x7f-\xa0<>\"\\^`{|}\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff"
    r"\ufff0-\uffff\U000e0000-\U000e0fff"
    + "".join(
        f"{chr(plane | 0xFFFE)}{chr(plane | 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000)
    )
    + "]"
)
# What nearly all consist of: the ASCII that is not in it. A set with all of Unicode is slow.
_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~]*")
_IP_LITERAL = re.compile(r"\[[^\[\]]*\](?::[0-9]*)?")
_TRACKING = frozenset({"fbclid", "gclid", "mc_cid", "mc_eid", "igshid"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_source_url(value: str) -> str:
    """Return `value`. Raises ValueError where it is no absolute http or https URL."""
    if len(value.encode()) > MAX_URL_BYTES:
        raise ValueError(f"longer than {MAX_URL_BYTES} bytes")
    if not _PLAIN.fullmatch(value) and (match := _UNSAFE_IN_URL.search(value)):
        raise ValueError(f"U+{ord(match[0]):04X} at character {match.start()} must be %-encoded")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{excerpt(value)!r} is no URL: {error}") from None
    host = parts.netloc.rpartition("@")[2]
    if "[" in host and not _IP_LITERAL.fullmatch(host):  # not every Python looks
        raise ValueError(f"{excerpt(value)!r} is no URL: something stands beside the brackets")
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
        raise ValueError(f"{excerpt(value)!r} is no absolute http or https URL")
    return value


def canonical_key(url: str) -> str:
    """Return the key under which two addresses of one story are the same.

    Lower-case scheme and host, no default port, no fragment, no tracking parameters, the query
    sorted, no trailing slash. `http` and `https` stay apart. Applying it twice changes nothing.
    `url` is one that `check_source_url` took.
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
    """Say whether `pair`, one `name=value` of a query, only tracks who clicked."""
    name = pair.partition("=")[0].lower()
    return name.startswith("utm_") or name in _TRACKING
