"""Conditional requests: evaluate preconditions. Pure; RFC 9110, section 13."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
# Section 5.6.7: an IMF-fixdate, or one of the two obsolete forms.
_HTTP_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:"
    r", [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
    r"|[a-z]{3,6}, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
    r"| [A-Z][a-z]{2} [0-9 ][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4})"
)


class PreconditionFailedError(Exception):
    """A precondition of the request is false."""


class Conditions(NamedTuple):
    """The precondition headers of a request; repeated lines are joined, None if absent."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: str | None = None
    if_unmodified_since: str | None = None


def is_unmodified(conditions: Conditions, etag: str, last_modified: datetime | None) -> bool:
    """Return whether the client of a GET or HEAD already has the response (304).

    `etag` is strong and quoted; `last_modified` is a whole second, or None if unknown.
    Raises PreconditionFailedError (412).
    """
    # Section 13.2.2 gives the order. Sections 13.1.3 and 13.1.4: a header that is not a valid
    # HTTP-date is ignored, and so is any if there is no date to compare it with.
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
    """Raise PreconditionFailedError (412) if the preconditions of a write are false.

    `etag` is that of the current representation, strong and quoted, or None if there is none.
    """
    # Sections 13.1.1 and 13.1.2: '*' matches any current representation.
    if_match, if_none_match = conditions.if_match, conditions.if_none_match
    if if_match is not None and (etag is None or not _matches(if_match, etag, weakly=False)):
        raise PreconditionFailedError
    if if_none_match is not None and etag and _matches(if_none_match, etag, weakly=True):
        raise PreconditionFailedError


def http_date(value: str | None) -> datetime | None:
    """Return the instant of an HTTP-date, in UTC, or None if `value` is not one."""
    if value is None or not _HTTP_DATE.fullmatch(value):
        return None
    try:
        return parsedate_to_datetime(value).replace(tzinfo=UTC)
    except ValueError:  # such as the 31st of February
        return None


def _matches(field: str, etag: str, *, weakly: bool) -> bool:
    if field.strip(" \t") == "*":
        return True
    # Section 8.8.3.2: weak comparison compares the opaque tags only; strong comparison never
    # matches a weak tag.
    tags = (found for found in _ENTITY_TAG.finditer(field) if weakly or found[0][0] != "W")
    return any(found[1] == etag for found in tags)
