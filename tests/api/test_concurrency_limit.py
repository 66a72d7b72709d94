"""A concurrency limit runs a bounded number at a time, queues a few, and refuses the rest at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from apps.core.concurrency import ConcurrencyLimit, ConcurrencyLimitError
from apps.tenancy.passwords import LimitedPBKDF2PasswordHasher

CALLERS = 24


def test_of_24_at_once_one_runs_two_wait_and_the_rest_are_free_again() -> None:
    limit = ConcurrencyLimit(running=1, waiting=2, wait_seconds=30)
    refused, most = threading.Semaphore(0), 0
    inside = threading.Lock()

    def one(_: int) -> bool:
        nonlocal most
        try:
            with limit.enter():
                assert inside.acquire(blocking=False), "two at once"
                if most == 0:
                    for _ in range(CALLERS - 3):  # until everybody else was sent away
                        assert refused.acquire(timeout=30)
                most += 1
                inside.release()
        except ConcurrencyLimitError:
            refused.release()
            return False
        return True

    with ThreadPoolExecutor(CALLERS) as threads:
        entered = list(threads.map(one, range(CALLERS)))
    assert (entered.count(True), most) == (3, 3)


def test_waits_no_longer_than_it_says() -> None:
    limit = ConcurrencyLimit(running=1, waiting=1, wait_seconds=0.01)
    with limit.enter():
        with pytest.raises(ConcurrencyLimitError), limit.enter():
            pass
        with pytest.raises(ConcurrencyLimitError), limit.enter():  # who waited left its place
            pass
    with limit.enter():
        pass


def test_is_free_again_after_a_failure() -> None:
    limit = ConcurrencyLimit(running=1, waiting=0, wait_seconds=0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limit.enter():
            raise ZeroDivisionError


def test_passwords_hashed_before_the_lane_was_there_are_still_right() -> None:
    old = PBKDF2PasswordHasher().encode("correct horse battery", "salt", 1000)
    hasher = LimitedPBKDF2PasswordHasher()
    assert hasher.verify("correct horse battery", old)
    assert hasher.algorithm == "pbkdf2_sha256"
