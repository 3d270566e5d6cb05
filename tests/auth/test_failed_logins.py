"""Failed attempts are limited for each network, and what is remembered of them is bounded. I-01."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.failed_logins import WINDOW, FailedLoginLimiter, ValidTokenCache, network_of
from tests.support.site import NOW

SECOND = timedelta(seconds=1)


def test_i01_the_limit_is_reached_by_failures_of_one_minute_and_lasts_until_it_is_over() -> None:
    attempts = FailedLoginLimiter(3)
    for second in range(3):
        assert attempts.retry_after("a", NOW + second * SECOND) == 0
        attempts.record_failure("a", NOW + second * SECOND)
    assert attempts.retry_after("a", NOW + 2 * SECOND) == 58
    assert attempts.retry_after("a", NOW + 59.5 * SECOND) == 1
    assert attempts.retry_after("b", NOW + 3 * SECOND) == 0
    assert attempts.retry_after("a", NOW + WINDOW) == 0
    attempts.record_failure("a", NOW + WINDOW)
    assert attempts.retry_after("a", NOW + WINDOW) == 0


def test_i01_a_clock_that_is_put_back_keeps_nobody_out() -> None:
    attempts = FailedLoginLimiter(1)
    attempts.record_failure("a", NOW)
    assert attempts.retry_after("a", NOW) == 60
    assert attempts.retry_after("a", NOW - SECOND) == 0


def test_i01_however_many_networks_fail_memory_is_bounded_and_the_latest_are_known() -> None:
    attempts = FailedLoginLimiter(1, networks=100)
    for number in range(1_000):
        attempts.record_failure(str(number), NOW)
    assert len(attempts) == 100
    assert attempts.retry_after("899", NOW) == 0
    assert attempts.retry_after("900", NOW) == 60


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 90)), max_size=60))
def test_i01_nobody_fails_more_often_in_a_minute_than_is_allowed_nor_waits_longer(
    tries: list[tuple[str, int]],
) -> None:
    attempts = FailedLoginLimiter(4)
    now, failed = NOW, {"a": [NOW] * 0, "b": [NOW] * 0}
    for network, seconds in tries:
        now += seconds * SECOND
        pause = attempts.retry_after(network, now)
        assert 0 <= pause <= 60
        if pause:
            assert attempts.retry_after(network, now + pause * SECOND) == 0
            assert sum(now - at < WINDOW for at in failed[network]) >= 4
        else:
            attempts.record_failure(network, now)
            failed[network].append(now)
    for times in failed.values():
        for first, last in zip(times, times[8:], strict=False):
            assert last - first >= WINDOW  # two limits, where one minute touches the next


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", "testclient"),
        ("x" * 500, "x" * 60 + "…"),
    ],
)
def test_i01_an_ipv6_subscriber_counts_as_one_however_many_addresses_there_are(
    address: str, network: str
) -> None:
    assert network_of(address) == network


def test_i01_tokens_that_were_accepted_are_remembered_in_bounds() -> None:
    accepted = ValidTokenCache(2)
    for name in "a", "b", "a", "c":
        accepted.add(name)
    assert "a" in accepted
    assert "b" not in accepted
    accepted.discard("a")
    accepted.discard("a")
    assert "a" not in accepted
