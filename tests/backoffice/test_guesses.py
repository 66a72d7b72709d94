"""Guessing a password: a few times, then not for a while, and nobody else suffers for it."""

import time
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.backoffice import guesses
from apps.backoffice import site as entrance
from apps.tenancy.models import User

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _anew(db: None) -> Iterator[None]:  # noqa: ARG001 - opens the database
    for name in ("robin", "kim"):
        User.objects.create_user(username=name, password=PASSWORD, is_staff=True)
    entrance._guesses._counted.clear()
    yield
    entrance._guesses._counted.clear()


def sign_in(name: str, password: str, address: str = "192.0.2.1") -> int:
    form = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address).post(reverse("admin:login"), form).status_code


def guess(name: str = "robin") -> list[int]:
    return [sign_in(name, "wrong") for _ in range(guesses.MOST)]


class TestGuessing:
    def test_ends_after_ten_tries_even_for_the_right_password(self) -> None:
        assert guess() == [200] * 10
        assert sign_in("robin", "wrong") == 429
        assert sign_in("ROBIN", PASSWORD) == 429

    def test_locks_out_no_other_account_and_no_other_address(self) -> None:
        guess()
        assert sign_in("kim", PASSWORD) == 302
        assert sign_in("robin", PASSWORD, address="192.0.2.2") == 302

    def test_begins_anew_after_a_sign_in(self) -> None:
        for _ in range(3):
            assert [sign_in("robin", "wrong") for _ in range(9)] == [200] * 9
            assert sign_in("robin", PASSWORD) == 302

    def test_begins_anew_after_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        guess()
        later = time.monotonic() + guesses.SECONDS
        monkeypatch.setattr(guesses, "_now", lambda: later)
        assert sign_in("robin", PASSWORD) == 302

    def test_someone_signed_in_guesses_no_more_than_others(self) -> None:
        client = Client()
        form = {"username": "kim", "password": PASSWORD}
        assert client.post(reverse("admin:login"), form).status_code == 302
        tries = [client.post(reverse("admin:login"), {"username": "robin", "password": "x"}) for _ in range(11)]
        assert tries[-1].status_code == 429
        assert int(tries[-1].headers["Retry-After"]) == guesses.SECONDS

    def test_from_behind_the_load_balancer_goes_by_the_address_it_saw(self, settings: Settings) -> None:
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        for number in range(guesses.MOST + 1):
            headers = {"X-Forwarded-For": f"198.51.100.{number}, 192.0.2.1", "X-Forwarded-Proto": "https"}
            form = {"username": "robin", "password": "wrong"}
            answer = Client().post(reverse("admin:login"), form, headers=headers)
        assert answer.status_code == 429
