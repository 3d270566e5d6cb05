"""The dates of RSS, written as the other formats write theirs."""

import re
from typing import Final

# RFC 822, section 5.1, with the years of four digits that RSS 2.0 prefers, and RFC 5322's leave to
# do without the day of the week and the seconds.
_DATE = re.compile(
    r"""(?:[a-z]{3,9},?[ ]+)? (?P<day>\d{1,2})[ ]+ (?P<month>[a-z]{3})[a-z]{0,6}[ ]+
        (?P<year>\d{4}|\d\d)[ ]+ (?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?
        (?:[ ]*(?P<zone>[a-z]{1,3}|[+-]\d\d:?\d\d))?""",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
_MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
# The zones that RFC 822 names. Its military letters but Z are left out: RFC 5322, section 4.3, has
# them mean nothing, because RFC 822 had their signs wrong.
_ZONES: Final = {
    "ut": "Z", "utc": "Z", "gmt": "Z", "z": "Z", "est": "-05:00", "edt": "-04:00", "cst": "-06:00",
    "cdt": "-05:00", "mst": "-07:00", "mdt": "-06:00", "pst": "-08:00", "pdt": "-07:00",
}  # fmt: skip


def to_rfc3339(text: str) -> str:
    """Return the date `text` of RFC 822 as RFC 3339 writes it, and anything else as it is.

    A date without a zone stays without one, and a zone that nobody can know is none: that is for
    the record to judge.
    """
    found = _DATE.fullmatch(text)
    if found is None or found["month"].lower() not in _MONTHS:
        return text
    zone = (found["zone"] or "").lower()
    if zone[:1] not in {"+", "-"}:
        zone = _ZONES.get(zone, "")
    month = _MONTHS.index(found["month"].lower()) + 1
    date = f"{_year(found['year'])}-{month:02}-{int(found['day']):02}"
    return f"{date}T{int(found['hour']):02}:{found['minute']}:{found['second'] or '00'}{zone}"


def _year(digits: str) -> str:
    """Return a year of four digits. RFC 5322, section 4.3: "00 through 49" are of this century."""
    if len(digits) > len("99"):
        return digits
    return ("20" if digits < "50" else "19") + digits
