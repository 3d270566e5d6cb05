"""Instants: read from strings with an offset, kept in UTC, written as RFC 3339."""

import re
from datetime import UTC, datetime

from app.text import excerpt

# RFC 3339 section 5.6, with the space that its note allows in place of "T". The hours are spelt
# out because Python takes 24:00 from 3.14 on, the offset's minutes because it takes 60 of them.
_INSTANT = re.compile(
    r"""\d{4}-\d\d-\d\d [Tt\ ] (?:[01]\d|2[0-3]):\d\d:\d\d (?:\.\d+)?
        (?P<offset>[Zz]|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?""",
    re.ASCII | re.VERBOSE,
)


def parse_instant(value: object) -> datetime:
    """Read an instant such as `2026-06-23 23:00:06+00:00` and return it in UTC.

    Only strings with a date, a time and an offset are instants. Digits beyond the microsecond are
    cut off. Raises ValueError for everything else.
    """
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if not isinstance(value, str):
        raise ValueError("an instant is a string such as 2026-06-23T23:00:06Z")  # noqa: TRY004 - pydantic reports ValueError
    match = _INSTANT.fullmatch(value)
    if match is None:
        raise ValueError(
            f"{excerpt(value)!r} is no instant: date, time and offset as 2026-06-23T23:00:06Z"
        )
    if match["offset"] is None:
        raise ValueError(f"{excerpt(value)!r} has no offset: end it in Z or ±hh:mm")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{excerpt(value)!r} is no instant: {error}") from None


def format_instant(instant: datetime) -> str:
    """Return `instant` in RFC 3339 with `T` and `Z`, with microseconds only where it has any."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.isoformat()[: -len("+00:00")] + "Z"
