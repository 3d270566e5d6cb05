"""Instants: parsed from strings with a UTC offset, held in UTC, formatted as RFC 3339."""

import re
from datetime import UTC, datetime

from app.text import excerpt

# RFC 3339 section 5.6, whose note allows a space instead of "T". The ranges of the hours and of the
# offset's minutes are explicit because `fromisoformat` accepts 24:00 from Python 3.14 on, and 60
# minutes in an offset.
_INSTANT = re.compile(
    r"""\d{4}-\d\d-\d\d [Tt\ ] (?:[01]\d|2[0-3]):\d\d:\d\d (?:\.\d+)?
        (?P<offset>[Zz]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?""",
    re.ASCII | re.VERBOSE,
)


def parse_instant(value: object) -> datetime:
    """Parse an instant such as `2026-06-23 23:00:06+00:00` and return it in UTC.

    Digits beyond microseconds are dropped. Raises ValueError for everything but strings with a
    date, a time and a UTC offset, and aware datetimes.
    """
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if not isinstance(value, str):
        raise ValueError("must be a string such as 2026-06-23T23:00:06Z")  # noqa: TRY004 - pydantic reports ValueError
    match = _INSTANT.fullmatch(value)
    if match is None:
        raise ValueError(
            f"{excerpt(value)!r} is not a date and time with offset, such as 2026-06-23T23:00:06Z"
        )
    if match["offset"] is None:
        raise ValueError(f"{excerpt(value)!r} has no UTC offset: append Z or ±hh:mm")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{excerpt(value)!r} is not a date and time: {error}") from None


def format_instant(instant: datetime) -> str:
    """Return `instant` as RFC 3339 with `T` and `Z`, and with microseconds unless they are 0."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.isoformat()[: -len("+00:00")] + "Z"
