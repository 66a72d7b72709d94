"""Counts of sign-ins: in the registry, so that every process of the web server counts the same."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from apps.tenancy import sign_ins
from apps.tenancy.models import SignInCount
from apps.tenancy.sign_ins import Attempt

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ROBIN = Attempt("robin", "192.0.2.1")


@pytest.mark.django_db(transaction=True)
def test_tries_at_the_same_moment_are_all_counted() -> None:
    """Each thread has a connection of its own, as each process has."""

    def one(number: int) -> bool:
        try:
            return (
                sign_ins.count_attempt(Attempt("robin", "192.0.2.1"), now=NOW + timedelta(milliseconds=number)) is None
            )
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as threads:
        allowed = list(threads.map(one, range(36)))
    assert allowed.count(True) == sign_ins.MOST_PER_ACCOUNT_AND_ADDRESS


@pytest.mark.django_db
class TestTake:
    def test_says_how_long_the_window_still_is(self) -> None:
        for _ in range(sign_ins.MOST_PER_ACCOUNT_AND_ADDRESS):
            assert sign_ins.count_attempt(ROBIN, now=NOW) is None
        assert sign_ins.count_attempt(ROBIN, now=NOW + timedelta(minutes=5)) == 600
        assert sign_ins.count_attempt(ROBIN, now=NOW + sign_ins.WINDOW - timedelta(microseconds=1)) == 1
        assert sign_ins.count_attempt(ROBIN, now=NOW + sign_ins.WINDOW) is None

    def test_a_refused_try_lengthens_no_window_and_counts_nowhere(self) -> None:
        for _ in range(sign_ins.MOST_PER_ACCOUNT_AND_ADDRESS):
            sign_ins.count_attempt(ROBIN, now=NOW)
        before = _rows()
        sign_ins.count_attempt(ROBIN, now=NOW + timedelta(minutes=1))
        assert _rows() == before

    def test_given_back_was_never_taken(self) -> None:
        for _ in range(sign_ins.MOST_PER_ACCOUNT + 1):
            assert sign_ins.count_attempt(ROBIN, now=NOW) is None
            sign_ins.uncount_attempt(ROBIN)

    def test_one_site_of_ipv6_does_not_fill_the_bound_of_all(self) -> None:
        tries = [_try(f"2001:db8:1:{network:x}::/64", network) for network in range(sign_ins.MOST_PER_SITE + 5)]
        assert tries == [True] * sign_ins.MOST_PER_SITE + [False] * 5
        assert _try("2001:db8:2:1::/64", 1)
        assert _try("192.0.2.1", 1)

    @pytest.mark.parametrize("address", ["192.0.2.1", "", "unix:"])
    def test_other_addresses_have_no_site(self, address: str) -> None:
        for number in range(sign_ins.MOST_PER_ADDRESS):
            assert _try(address, number)
        assert SignInCount.objects.count() == sign_ins.MOST_PER_ADDRESS * 2 + 2

    def test_forgets_what_has_ended(self) -> None:
        for number in range(5):
            sign_ins.count_attempt(Attempt(f"user{number}", "192.0.2.1"), now=NOW)
        sign_ins.count_attempt(ROBIN, now=NOW + sign_ins.WINDOW)
        assert SignInCount.objects.count() == 4


def _try(address: str, number: int) -> bool:
    return sign_ins.count_attempt(Attempt(f"user{number}", address), now=NOW) is None


def _rows() -> list[tuple[str, int, datetime]]:
    return list(SignInCount.objects.order_by("key").values_list("key", "count", "ends_at"))
