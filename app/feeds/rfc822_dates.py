"""The dates of RSS (RFC 822), rewritten in the notation of the other feed formats (RFC 3339)."""

import re
from email.utils import parsedate_to_datetime
from typing import Final

# email.utils ignores what follows the zone and reads "+02" as two minutes, so the zone is found
# here. RFC 5322 section 3.2.2 allows a comment after it, such as "(PDT)".
_DATE = re.compile(
    r"(?P<date>.*?\d:\d\d)[ ]*(?P<zone>[+-](?:[01]\d|2[0-3]):?[0-5]\d|[a-z]{1,5})?"
    r"(?:[ ]*\([ \w]*\))?",
    re.IGNORECASE | re.ASCII,
)
# Names in common use that mean one offset only, beyond those of RFC 822 that email.utils knows.
_OFFSETS: Final = {
    "-0000": "+0000",
    "HST": "-1000", "AKST": "-0900", "AKDT": "-0800", "WET": "+0000", "WEST": "+0100",
    "CET": "+0100", "CEST": "+0200", "EET": "+0200", "EEST": "+0300", "MSK": "+0300",
    "HKT": "+0800", "JST": "+0900", "KST": "+0900", "AEST": "+1000", "AEDT": "+1100",
    "NZST": "+1200", "NZDT": "+1300",
}  # fmt: skip
_DATE_WORDS: Final = 4  # day, month, year and time


def to_rfc3339(text: str) -> str:
    """Return the RFC 822 date `text` in RFC 3339 notation, and anything else unchanged.

    A date without a zone, or with one whose offset is not certain, has no offset in the result.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return text
    # "Tuesday" and "Sept" are common, but email.utils knows only names of three letters.
    words = re.sub("([A-Za-z]{3})[a-z]+", r"\1", found["date"]).split()
    weekday = words[0].rstrip(",").isalpha()
    zone = (found["zone"] or "").upper().replace(":", "")
    if len(words) - weekday != _DATE_WORDS:
        return text
    try:
        instant = parsedate_to_datetime(" ".join([*words, _OFFSETS.get(zone, zone)]))
        if early := re.search(r"\b00\d\d\b", found["date"]):  # email.utils reads two digits
            instant = instant.replace(year=int(early[0]))
    except ValueError:
        return text
    if f"{instant.year:04}" not in text:
        if instant.year < 1000:  # noqa: PLR2004 - three digits
            return text
        # RFC 5322 section 4.3: "50" to "99" are years of the last century.
        instant = instant.replace(year=instant.year - 100 * (instant.year >= 2050))  # noqa: PLR2004
    return instant.isoformat().replace("+00:00", "Z")
