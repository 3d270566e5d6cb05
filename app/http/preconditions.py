"""Conditional requests: what a client's preconditions come to. Pure, after RFC 9110, section 13."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
# Section 5.6.7: an IMF-fixdate, or one of the two obsolete forms.
_HTTP_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:"
    r", [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
    r"|[a-z]{3,6}, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
    r"| [A-Z][a-z]{2} [0-9 ][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4})"
)


class PreconditionFailedError(Exception):
    """What would be answered is not what the client's preconditions ask for."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """The precondition fields of a request: of each the value, all its lines joined, or None."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None


def is_unmodified(conditions: Conditions, etag: str, last_modified: datetime | None) -> bool:
    """Say whether the client of a GET or HEAD has already what would be answered.

    `etag` is strong and quoted, `last_modified` a whole second, or None where nobody knows it.
    Raises PreconditionFailedError.
    """
    # Section 13.2.2 gives the order. Sections 13.1.3 and 13.1.4: a field that is no valid HTTP-date
    # is ignored, and so is any where there is no date to compare it with.
    if conditions.if_match is not None:
        if not _matches(conditions.if_match, etag, weakly=False):
            raise PreconditionFailedError
    elif last_modified is not None:
        since = http_date(conditions.if_unmodified_since)
        if since is not None and last_modified > since:
            raise PreconditionFailedError
    if conditions.if_none_match is not None:
        return _matches(conditions.if_none_match, etag, weakly=True)
    since = http_date(conditions.if_modified_since)
    return since is not None and last_modified is not None and last_modified <= since


def check_writable(conditions: Conditions, etag: str | None) -> None:
    """Raise PreconditionFailedError where a client would not have what is there changed.

    `etag` is that of what is there, strong and quoted, or None where there is nothing.
    """
    # Sections 13.1.1 and 13.1.2: '*' stands for anything that is there.
    wanted, unwanted = conditions.if_match, conditions.if_none_match
    if wanted is not None and (etag is None or not _matches(wanted, etag, weakly=False)):
        raise PreconditionFailedError
    if unwanted is not None and etag is not None and _matches(unwanted, etag, weakly=True):
        raise PreconditionFailedError


def http_date(value: str | None) -> datetime | None:
    """Return the instant that an HTTP-date names, in UTC, or None where it is none."""
    if value is None or not _HTTP_DATE.fullmatch(value):
        return None
    try:
        return parsedate_to_datetime(value).replace(tzinfo=UTC)
    except ValueError:  # the 31st of February
        return None


def _matches(field: str, etag: str, *, weakly: bool) -> bool:
    if field.strip(" \t") == "*":
        return True
    # Section 8.8.3.2: weak comparison looks at the opaque tags alone; strong comparison takes no
    # weak tag at all.
    tags = (found for found in _ENTITY_TAG.finditer(field) if weakly or found[0][0] != "W")
    return any(found[1] == etag for found in tags)
