"""The rate limit of failed logins for each network, with bounded memory (I-01)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.failed_logins import WINDOW, FailedLoginLimiter, ValidTokenCache, network_of
from tests.support.site import NOW

SECOND = timedelta(seconds=1)


def test_i01_a_network_that_reaches_the_limit_waits_until_the_window_ends() -> None:
    limiter = FailedLoginLimiter(3)
    for second in range(3):
        assert limiter.retry_after("a", NOW + second * SECOND) == 0
        limiter.record_failure("a", NOW + second * SECOND)
    assert limiter.retry_after("a", NOW + 2 * SECOND) == 58
    assert limiter.retry_after("a", NOW + 59.5 * SECOND) == 1
    assert limiter.retry_after("b", NOW + 3 * SECOND) == 0
    assert limiter.retry_after("a", NOW + WINDOW) == 0
    limiter.record_failure("a", NOW + WINDOW)
    assert limiter.retry_after("a", NOW + WINDOW) == 0


def test_i01_a_clock_that_is_set_back_locks_no_network_out() -> None:
    limiter = FailedLoginLimiter(1)
    limiter.record_failure("a", NOW)
    assert limiter.retry_after("a", NOW) == 60
    assert limiter.retry_after("a", NOW - SECOND) == 0


def test_i01_the_number_of_networks_is_bounded_and_the_oldest_are_evicted() -> None:
    limiter = FailedLoginLimiter(1, networks=100)
    for number in range(1_000):
        limiter.record_failure(str(number), NOW)
    assert len(limiter) == 100
    assert limiter.retry_after("899", NOW) == 0
    assert limiter.retry_after("900", NOW) == 60


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 90)), max_size=60))
def test_i01_no_network_fails_more_often_than_allowed_or_waits_longer_than_a_window(
    tries: list[tuple[str, int]],
) -> None:
    limiter = FailedLoginLimiter(4)
    now, failed = NOW, {"a": [NOW] * 0, "b": [NOW] * 0}
    for network, seconds in tries:
        now += seconds * SECOND
        pause = limiter.retry_after(network, now)
        assert 0 <= pause <= 60
        if pause:
            assert limiter.retry_after(network, now + pause * SECOND) == 0
            assert sum(now - at < WINDOW for at in failed[network]) >= 4
        else:
            limiter.record_failure(network, now)
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
def test_i01_all_addresses_of_an_ipv6_subscriber_count_as_one_network(
    address: str, network: str
) -> None:
    assert network_of(address) == network


def test_i01_the_cache_of_valid_tokens_is_bounded() -> None:
    valid_tokens = ValidTokenCache(2)
    for name in "a", "b", "a", "c":
        valid_tokens.add(name)
    assert "a" in valid_tokens
    assert "b" not in valid_tokens
    valid_tokens.discard("a")
    valid_tokens.discard("a")
    assert "a" not in valid_tokens
