"""Dates of RSS as RFC 822 and its successors write them, I-15."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.feeds.rfc822_dates import to_rfc3339


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Tue, 23 Jun 2026 23:00:06 GMT", "2026-06-23T23:00:06Z"),
        ("23 Jun 2026 23:00 +0200", "2026-06-23T23:00:00+02:00"),
        ("Tue, 23 Jun 2026 23:00:06+02:00", "2026-06-23T23:00:06+02:00"),
        ("Tue, 23 Jun 2026 23:00:06GMT", "2026-06-23T23:00:06Z"),
        ("Tue,23 Jun 2026 23:00:06 UT", "2026-06-23T23:00:06Z"),
        ("Tuesday 23 Sept 2026 23:00:06 utc", "2026-09-23T23:00:06Z"),
        ("Tue, 23 June 26 23:00:06 EST", "2026-06-23T23:00:06-05:00"),
        ("Tue, 23 Jun 2026 23:00:06 -0700 (PDT)", "2026-06-23T23:00:06-07:00"),
        ("Tue, 23 Jun 2026 23:00:06 CEST", "2026-06-23T23:00:06+02:00"),
        ("Tue, 23 Jun 2026 23:00:06 JST", "2026-06-23T23:00:06+09:00"),
        ("Tue, 3 Jan 1995 01:02:03 -0000", "1995-01-03T01:02:03Z"),
        ("03 jan 95 01:02:03 Z", "1995-01-03T01:02:03Z"),
        ("03 Jan 49 01:02:03 Z", "2049-01-03T01:02:03Z"),
        ("03 Jan 50 01:02:03 Z", "1950-01-03T01:02:03Z"),
        ("03 Jan 68 01:02:03 Z", "1968-01-03T01:02:03Z"),
        ("03 Jan 0068 01:02:03 Z", "0068-01-03T01:02:03Z"),
        ("01 Jan 0001 00:00:00 GMT", "0001-01-01T00:00:00Z"),
    ],
)
def test_i15_a_date_keeps_its_instant(date: str, expected: str) -> None:
    assert to_rfc3339(date) == expected


@pytest.mark.parametrize("zone", ["", " A", " IST", " BST", " XYZ"])
def test_i15_a_date_whose_zone_is_missing_unknown_or_ambiguous_has_no_offset(zone: str) -> None:
    assert to_rfc3339(f"Tue, 23 Jun 2026 23:00:06{zone}") == "2026-06-23T23:00:06"


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "1782255606", "2026-06-23", "2026-06-23T23:00:06Z", "23:00", "Tue, 23:00",
        "2026-06-23 23:00:06 +0000", "23 Jun 2026", "Tue, 31 Jun 2026 23:00:06 GMT",
        "Tue, 23 Jux 2026 23:00:06 GMT", "Tue, 23 Jun 126 23:00:06 GMT",
        "Tue, 23 Jun 2026 24:00:06 GMT", "Tue, 23 Jun 2026 23:60 GMT",
        # email.utils alone reads these as other instants, or ignores a part of them.
        "Tue, 23 Jun 2026 23:00:06 +02", "Tue, 23 Jun 2026 23:00:06 +0075",
        "Tue, 23 Jun 2026 23:00:06 GMT+2", "Tue, 23 Jun 2026 23:00:06 0200",
        "Tue, 23 Jun 2026 23:00:06 +0200 x", "Tue, 23 Jun 2026 x 23:00:06 GMT",
        "Tue, 23 Jun 2026 11:00:06 PM GMT", "Tue, 23 Jun 2026 23:00:06.5 GMT",
    ],
)  # fmt: skip
def test_i15_other_text_is_returned_unchanged(text: str) -> None:
    assert to_rfc3339(text) == text


@given(st.text("Tue, 23Jn0:6+-GMTCES()x", max_size=40) | st.text(max_size=20))
def test_i15_no_text_is_an_error(text: str) -> None:
    assert isinstance(to_rfc3339(text), str)


@given(st.datetimes(datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds it
def test_i15_dates_formatted_by_email_utils_are_parsed(instant: datetime) -> None:
    instant = instant.replace(microsecond=0)
    assert datetime.fromisoformat(to_rfc3339(format_datetime(instant))) == instant
