"""Preconditions, as RFC 9110 section 13 evaluates them."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.preconditions import Conditions, PreconditionFailedError, http_date, is_unmodified
from app.web.response_headers import http_date as written
from tests.support.strategies import SIGNS

CHANGED = datetime(2026, 6, 24, 0, 49, 22, tzinfo=UTC)
BEFORE, SINCE, AFTER = (written(CHANGED + timedelta(hours=hours)) for hours in (-1, 0, 1))
ETAG = '"abc"'


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, None),
        ({"if_none_match": '"abc"'}, "unmodified"),
        ({"if_none_match": 'W/"abc"'}, "unmodified"),
        ({"if_none_match": '"x", W/"y" , "abc"'}, "unmodified"),
        ({"if_none_match": '"a,b", "abc"'}, "unmodified"),
        ({"if_none_match": "*"}, "unmodified"),
        ({"if_none_match": " * "}, "unmodified"),
        ({"if_none_match": '"other"'}, None),
        ({"if_none_match": '"ABC"'}, None),
        ({"if_none_match": "abc"}, None),
        ({"if_none_match": ""}, None),
        ({"if_none_match": '"*"'}, None),
        # E-01: the date is ignored beside the tag.
        ({"if_none_match": '"other"', "if_modified_since": AFTER}, None),
        ({"if_none_match": '"abc"', "if_modified_since": BEFORE}, "unmodified"),
        ({"if_modified_since": SINCE}, "unmodified"),
        ({"if_modified_since": AFTER}, "unmodified"),
        ({"if_modified_since": BEFORE}, None),
        ({"if_modified_since": "Wednesday, 24-Jun-26 00:49:22 GMT"}, "unmodified"),
        ({"if_modified_since": "Wed Jun 24 00:49:22 2026"}, "unmodified"),
        # ... and where it is no HTTP-date.
        ({"if_modified_since": "2026-12-31T00:00:00Z"}, None),
        ({"if_modified_since": "Wed, 24 Jun 2026 00:49:22 +0100"}, None),
        ({"if_modified_since": "Fri, 31 Feb 2027 00:00:00 GMT"}, None),
        ({"if_modified_since": f"{SINCE}, {SINCE}"}, None),
        ({"if_modified_since": "2000000000"}, None),
        ({"if_modified_since": ""}, None),
        ({"if_match": '"abc"'}, None),
        ({"if_match": "*"}, None),
        ({"if_match": 'W/"abc"'}, "failed"),
        ({"if_match": '"other"'}, "failed"),
        ({"if_match": '"abc"', "if_unmodified_since": BEFORE}, None),
        ({"if_unmodified_since": BEFORE}, "failed"),
        ({"if_unmodified_since": SINCE}, None),
        ({"if_unmodified_since": "nonsense"}, None),
        ({"if_match": '"other"', "if_none_match": '"abc"'}, "failed"),
        ({"if_match": '"abc"', "if_none_match": '"abc"'}, "unmodified"),
    ],
)
def test_e01_preconditions_are_evaluated_in_their_order(
    fields: dict[str, str], verdict: str | None
) -> None:
    conditions = Conditions(**fields)
    if verdict == "failed":
        with pytest.raises(PreconditionFailedError):
            is_unmodified(conditions, ETAG, CHANGED)
    else:
        assert is_unmodified(conditions, ETAG, CHANGED) == (verdict == "unmodified")


@given(st.text(SIGNS), st.text(SIGNS))
def test_e01_any_field_is_read_without_an_error(tag: str, date: str) -> None:
    with suppress(PreconditionFailedError):
        is_unmodified(Conditions(tag, None, date, date), ETAG, CHANGED)
    is_unmodified(Conditions(None, tag, date), ETAG, CHANGED)


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(9999, 1, 1)))  # noqa: DTZ001 - the zone follows
def test_e01_the_dates_that_are_sent_come_back(instant: datetime) -> None:
    whole = instant.replace(microsecond=0, tzinfo=UTC)
    assert http_date(written(whole)) == whole


def test_e01_dates_are_ignored_where_there_is_none_to_compare_them_with() -> None:
    for field in "if_modified_since", "if_unmodified_since":
        for date in BEFORE, AFTER:
            assert not is_unmodified(Conditions(**{field: date}), ETAG, None)
