"""Signing in: guesses are bounded however the account is spelled, and nobody is locked out by a stranger."""

from collections.abc import Iterator
from typing import ClassVar

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from apps.tenancy import sign_ins
from apps.tenancy.models import SignInCount, User
from apps.tenancy.passwords import HASHING_LIMIT

PASSWORD = "correct horse battery"
EMAIL = "kim@brand.example"
MOST = sign_ins.MOST_PER_ACCOUNT_AND_ADDRESS
BALANCER = {"X-Forwarded-Proto": "https"}


@pytest.fixture(autouse=True)
def _accounts(db: None) -> None:  # noqa: ARG001 - opens the database
    for name in ("robin", EMAIL):
        User.objects.create_user(username=name, password=PASSWORD, is_staff=True)


def sign_in(name: str, password: str = "wrong", *, address: str = "192.0.2.1", client: Client | None = None) -> int:
    form = {"username": name, "password": password}
    return (client or Client()).post(reverse("admin:login"), form, REMOTE_ADDR=address).status_code


def wide(text: str) -> str:
    """Spell in full-width letters."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


def guess(name: str = "robin", *, times: int = MOST, address: str = "192.0.2.1") -> list[int]:
    return [sign_in(name, address=address) for _ in range(times)]


def pass_time() -> None:
    SignInCount.objects.update(ends_at=F("ends_at") - sign_ins.WINDOW)


class TestGuessing:
    def test_ends_after_ten_tries_even_for_the_right_password(self) -> None:
        assert guess() == [200] * 10
        assert sign_in("robin") == 429
        assert sign_in("robin", PASSWORD) == 429

    @pytest.mark.parametrize(
        "spelling",
        ["ROBIN", " robin", "robin\t", "robin\u3000", "\u3000robin", wide("robin"), wide("ROBIN") + "\xa0"],
        ids=ascii,
    )
    def test_gains_nothing_by_another_spelling(self, spelling: str) -> None:
        assert [sign_in(name) for name in ("robin", spelling) for _ in range(MOST // 2)] == [200] * MOST
        assert sign_in(spelling, PASSWORD) == 429
        assert sign_in("robin", PASSWORD) == 429

    def test_is_the_same_for_an_account_that_does_not_exist(self) -> None:
        assert guess("nobody") == [200] * 10
        assert sign_in("nobody") == 429

    def test_of_one_account_locks_out_no_other_and_no_other_address(self) -> None:
        guess()
        assert sign_in(EMAIL, PASSWORD) == 302
        assert sign_in("robin", PASSWORD, address="192.0.2.2") == 302

    def test_begins_anew_after_a_sign_in(self) -> None:
        for _ in range(3):
            assert guess(times=9) == [200] * 9
            assert sign_in("robin", PASSWORD) == 302

    def test_begins_anew_after_a_while(self) -> None:
        guess()
        pass_time()
        assert sign_in("robin", PASSWORD) == 302

    def test_someone_signed_in_guesses_no_more_than_others(self) -> None:
        client = Client()
        assert sign_in(EMAIL, PASSWORD, client=client) == 302
        assert [sign_in("robin", client=client) for _ in range(MOST + 1)][-1] == 429

    def test_is_told_how_long_to_wait(self) -> None:
        guess()
        answer = Client().post(reverse("admin:login"), {"username": "robin", "password": "x"}, REMOTE_ADDR="192.0.2.1")
        assert 0 < int(answer.headers["Retry-After"]) <= sign_ins.WINDOW.total_seconds()
        assert "Retry in 15 minutes" in answer.content.decode()

    def test_keeps_neither_names_nor_addresses(self) -> None:
        guess(times=1)
        kept = " ".join(SignInCount.objects.values_list("key", flat=True))
        assert kept
        assert "robin" not in kept
        assert "192.0.2.1" not in kept


class TestDistributedGuessing:
    def test_from_one_address_ends_whatever_the_accounts(self) -> None:
        tries = [sign_in(f"user{number}") for number in range(sign_ins.MOST_PER_ADDRESS + 1)]
        assert tries == [200] * sign_ins.MOST_PER_ADDRESS + [429]
        assert sign_in("robin", PASSWORD, address="192.0.2.2") == 302

    def test_of_one_account_ends_whatever_the_addresses(self) -> None:
        _fill("robin")
        assert sign_in("robin", PASSWORD, address="192.0.2.99") == 429
        assert sign_in(EMAIL, PASSWORD, address="192.0.2.99") == 302

    def test_of_everything_from_everywhere_ends(self) -> None:
        sign_in("nobody")
        _set_counts(sign_ins.MOST)
        assert sign_in("someone", address="192.0.2.99") == 429

    def test_that_is_refused_counts_nowhere(self) -> None:
        guess(times=MOST + 60)
        assert sign_in(EMAIL, PASSWORD) == 302  # 50 an address would be reached

    def test_right_passwords_fill_no_bound(self) -> None:
        for _ in range(sign_ins.MOST_PER_ADDRESS + 1):
            assert sign_in("robin", PASSWORD) == 302

    def test_leaves_nothing_behind(self) -> None:
        guess(times=2)
        pass_time()
        guess("nobody", times=1, address="192.0.2.7")
        assert SignInCount.objects.count() == 4


class TestKnownBrowser:
    def test_is_let_in_while_strangers_guess(self) -> None:
        client = Client()
        assert sign_in("robin", PASSWORD, client=client) == 302
        _fill("robin")
        guess(address="192.0.2.1")
        assert sign_in("robin", PASSWORD) == 429
        assert sign_in("Robin ", PASSWORD, client=client) == 302

    def test_guesses_no_more_than_others(self) -> None:
        client = Client()
        sign_in("robin", PASSWORD, client=client)
        assert [sign_in("robin", client=client) for _ in range(MOST + 1)] == [200] * MOST + [429]

    def test_is_known_for_its_own_accounts_only(self) -> None:
        client = Client()
        sign_in(EMAIL, PASSWORD, client=client)
        _fill("robin")
        assert sign_in("robin", PASSWORD, client=client) == 429

    def test_cannot_be_forged(self) -> None:
        client, stranger = Client(), Client()
        sign_in(EMAIL, PASSWORD, client=client)
        sign_in("robin", PASSWORD, client=stranger)
        mine = next(one for one in client.cookies.values() if one.key.startswith("resale_device_"))
        theirs = next(name for name in stranger.cookies if name.startswith("resale_device_"))
        _fill("robin")
        for value in (mine.value, mine.value[:-1], "x"):
            forger = Client()
            forger.cookies[theirs] = value
            assert sign_in("robin", PASSWORD, client=forger) == 429

    def test_keeps_its_cookie_from_scripts_and_other_pages(self) -> None:
        client = Client()
        sign_in("robin", PASSWORD, client=client)
        cookie = next(one for one in client.cookies.values() if one.key.startswith("resale_device_"))
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", reverse("admin:login"))


class TestAddress:
    def test_is_the_one_the_load_balancer_saw(self, settings: Settings) -> None:
        settings.PROXY_HOPS = 1
        answers = [_forwarded(f"198.51.100.{number}, 203.0.113.1") for number in range(MOST + 1)]
        assert answers == [200] * MOST + [429]
        assert _forwarded("198.51.100.1, 203.0.113.2") == 200

    def test_is_the_one_cloudfront_saw(self, settings: Settings) -> None:
        settings.PROXY_HOPS = 2
        answers = [_forwarded(f"198.51.100.{number}, 203.0.113.1, 130.176.0.{number}") for number in range(MOST + 1)]
        assert answers == [200] * MOST + [429]

    def test_is_the_connections_where_there_is_no_proxy(self, settings: Settings) -> None:
        settings.PROXY_HOPS = 0
        assert [_forwarded(f"198.51.100.{number}") for number in range(MOST + 1)] == [200] * MOST + [429]


class TestOneAccount:
    @pytest.mark.parametrize("spelling", ["Kim@Brand.example", " KIM@BRAND.EXAMPLE ", wide(EMAIL)], ids=ascii)
    def test_is_signed_in_to_in_any_case(self, spelling: str) -> None:
        assert sign_in(spelling, PASSWORD) == 302

    def test_a_charset_that_makes_half_characters_is_no_error_of_ours(self) -> None:
        body = b'--b\r\nContent-Disposition: form-data; name="username"\r\n\r\n\\ud800\r\n--b--\r\n'
        kind = "multipart/form-data; boundary=b; charset=unicode_escape"
        assert Client().post(reverse("admin:login"), body, content_type=kind).status_code == 200


class Counting(MD5PasswordHasher):
    """Counts what is hashed."""

    passwords: ClassVar[list[str]] = []

    def encode(self, password: str, salt: str) -> str:
        self.passwords.append(password)
        return super().encode(password, salt)


class TestUnknownAccounts:
    def test_cost_as_much_and_look_the_same(self, settings: Settings) -> None:
        User.objects.create_user(username="gone", password=PASSWORD, is_staff=True, is_active=False)
        User.objects.create_user(username="shopper", password=PASSWORD)
        User.objects.create_user(username="invited", is_staff=True)
        settings.PASSWORD_HASHERS = ["tests.backoffice.test_sign_in.Counting"]
        seen = {name: _hashes_and_page(name) for name in ("robin", "gone", "shopper", "invited", "nobody")}
        assert {hashes for hashes, _ in seen.values()} == {1}
        assert len({page for _, page in seen.values()}) == 1

    def test_no_password_is_hashed_once_the_bound_is_reached(self, settings: Settings) -> None:
        settings.PASSWORD_HASHERS = ["tests.backoffice.test_sign_in.Counting"]
        for name in ("robin", "nobody"):
            guess(name)
            assert _hashes_and_page(name)[0] == 0


class TestLane:
    @pytest.fixture
    def _full(self, settings: Settings) -> Iterator[None]:
        settings.PASSWORD_HASHERS = ["apps.tenancy.passwords.LimitedPBKDF2PasswordHasher"]
        places = HASHING_LIMIT._places
        taken = 0
        while places.acquire(blocking=False):
            taken += 1
        yield
        places.release(taken)

    @pytest.mark.usefixtures("_full")
    def test_full_asks_for_a_moment_and_counts_no_guess(self) -> None:
        answers = [
            Client().post(reverse("admin:login"), {"username": name, "password": "x"})
            for name in ("robin", "nobody")
            for _ in range(MOST + 1)
        ]
        assert {answer.status_code for answer in answers} == {429}
        assert {answer.headers["Retry-After"] for answer in answers} == {"2"}
        assert Client().get(reverse("admin:login")).status_code == 200

    @pytest.mark.usefixtures("_full")
    def test_full_changes_no_password(self) -> None:
        client = Client()
        user = User.objects.get(username="robin")
        client.force_login(user)
        form = {"old_password": PASSWORD, "new_password1": "another horse", "new_password2": "another horse"}
        assert client.post(reverse("admin:password_change"), form).status_code == 429


def _fill(account: str) -> None:
    """Guess at an account from many addresses, until it takes no more."""
    for number in range(sign_ins.MOST_PER_ACCOUNT):
        attempt = sign_ins.Attempt(account, f"198.51.100.{number % 20}")
        assert sign_ins.count_attempt(attempt, now=timezone.now()) is None


def _set_counts(count: int) -> None:
    SignInCount.objects.update(count=count)


def _forwarded(forwarded: str) -> int:
    form = {"username": "robin", "password": "wrong"}
    return Client().post(reverse("admin:login"), form, headers={"X-Forwarded-For": forwarded, **BALANCER}).status_code


def _hashes_and_page(name: str) -> tuple[int, str]:
    Counting.passwords.clear()
    form = {"username": name, "password": "wrong"}
    page = Client().post(reverse("admin:login"), form, REMOTE_ADDR="192.0.2.1").content.decode()
    without_token = page.split('name="csrfmiddlewaretoken"')
    return len(Counting.passwords), without_token[0] + without_token[-1][100:].replace(name, "")
