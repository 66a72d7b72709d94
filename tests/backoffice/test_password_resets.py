"""Password reset by e-mail: one response for every address, counted, and a link that works once, for an hour."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.core.mail import Outbox, outbox
from apps.tenancy import sign_ins
from apps.tenancy.models import User
from apps.tenancy.passwords import HASHING_LIMIT

EMAIL = "kim@brand.example"
PASSWORD = "correct horse battery"
NEW = "another horse battery"
REQUEST = reverse("admin:admin_password_reset")


@pytest.fixture(autouse=True)
def kim(db: None) -> User:  # noqa: ARG001 - opens the database
    return User.objects.create_user(username=EMAIL, email=EMAIL, password=PASSWORD, is_staff=True)


def request_link(email: str = EMAIL, *, address: str = "192.0.2.1", **headers: str) -> Any:
    return Client().post(REQUEST, {"email": email}, REMOTE_ADDR=address, headers=headers)


def links() -> list[str]:
    outbox.flush()
    return [link for message in mail.outbox for link in re.findall(r"https?://\S+", str(message.body))]


def follow(link: str) -> tuple[Client, str]:
    """Open the link of a message in a browser; Django goes on to a path without the token."""
    browser = Client()
    return browser, browser.get("/admin/" + link.split("/admin/")[1]).headers["Location"]


def choose(browser: Client, path: str, password: str = NEW) -> Any:
    return browser.post(path, {"new_password1": password, "new_password2": password})


def sign_in(client: Client, password: str) -> int:
    return client.post(reverse("admin:login"), {"username": EMAIL, "password": password}).status_code


class TestReset:
    def test_sets_a_password_and_ends_the_sessions(self, kim: User) -> None:
        elsewhere = Client()
        assert sign_in(elsewhere, PASSWORD) == 302
        assert request_link().status_code == 302
        browser, path = follow(*links())
        answer = choose(browser, path)
        assert answer.headers["Location"] == reverse("admin:login")
        assert browser.get(reverse("admin:index")).headers["Location"].startswith(reverse("admin:login"))
        assert elsewhere.get(reverse("admin:index")).headers["Location"].startswith(reverse("admin:login"))
        kim.refresh_from_db()
        assert kim.check_password(NEW)
        assert sign_in(Client(), PASSWORD) == 200
        assert sign_in(Client(), NEW) == 302

    def test_link_works_once(self) -> None:
        request_link()
        (first, path), (second, _) = follow(*links()), follow(*links())
        choose(first, path)
        assert choose(second, path, "a third horse battery").status_code == 404
        assert sign_in(Client(), NEW) == 302

    def test_link_ends_after_an_hour(self, settings: Settings) -> None:
        request_link()
        browser, path = follow(*links())
        assert settings.PASSWORD_RESET_TIMEOUT == 3600
        settings.PASSWORD_RESET_TIMEOUT = -1
        assert choose(browser, path).status_code == 404
        assert sign_in(Client(), PASSWORD) == 302

    @pytest.mark.parametrize("password", ["short", "password1234", ""])
    def test_holds_the_password_to_the_validators(self, password: str) -> None:
        request_link()
        browser, path = follow(*links())
        assert "alert" in choose(browser, path, password).content.decode()
        assert sign_in(Client(), PASSWORD) == 302

    def test_link_has_the_admins_own_address_whatever_the_host_header(self, settings: Settings) -> None:
        settings.ADMIN_URL = "https://admin.example"
        request_link(host="localhost")
        assert links()[0].startswith("https://admin.example/admin/password/reset/")

    def test_waits_while_passwords_are_hashed(self, settings: Settings) -> None:
        request_link()
        browser, path = follow(*links())
        settings.PASSWORD_HASHERS = ["apps.tenancy.passwords.LimitedPBKDF2PasswordHasher"]
        with full_lane():
            assert choose(browser, path).status_code == 429


class TestUnknownAddress:
    def test_gets_the_same_response_and_no_message(self) -> None:
        User.objects.create_user(username="gone", email="gone@brand.example", password=PASSWORD, is_active=False)
        User.objects.create_user(username="shopper", email="shopper@brand.example", password=PASSWORD)
        User.objects.create_user(username="open", email="open@brand.example", is_staff=True)
        names = ("kim", "gone", "shopper", "open", "nobody")
        answers = [request_link(f"{name}@brand.example") for name in names]
        assert {(one.status_code, one.headers["Location"]) for one in answers} == {
            (302, reverse("admin:password_reset_done"))
        }
        assert links()
        assert [message.to for message in mail.outbox] == [[EMAIL]]

    def test_that_is_none_is_told_so(self) -> None:
        for email in ("", "kim", "kim@brand.example\u0000", "x" * 300 + "@brand.example"):
            assert request_link(email).status_code == 200
        assert not links()


class TestCounting:
    def test_ends_requests_from_one_address(self) -> None:
        for email in (EMAIL, "nobody@brand.example"):
            answers = [request_link(email).status_code for _ in range(sign_ins.MOST_PER_ACCOUNT_AND_ADDRESS + 1)]
            assert answers == [302] * sign_ins.MOST_PER_ACCOUNT_AND_ADDRESS + [429]

    def test_bounds_the_messages_to_one_account_from_everywhere(self) -> None:
        answers = [request_link(address=f"192.0.2.{number}").status_code for number in range(30)]
        assert set(answers) == {302}
        assert len(links()) == sign_ins.MOST_PER_DEVICE

    def test_locks_no_sign_in_out(self) -> None:
        for _ in range(sign_ins.MOST_PER_ACCOUNT_AND_ADDRESS + 1):
            request_link(address="127.0.0.1")
        assert sign_in(Client(), PASSWORD) == 302


class TestOutbox:
    def test_that_is_full_drops_messages(self, caplog: pytest.LogCaptureFixture) -> None:
        full = Outbox(1)
        full._places.acquire()
        full.post(mail.EmailMessage("subject", "body", to=[EMAIL]))
        full.flush()
        assert not mail.outbox
        assert [line.message for line in caplog.records] == ["mail dropped"]

    def test_logs_a_failure_without_the_message_and_goes_on(
        self, settings: Settings, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nothing listens there
        assert request_link().status_code == 302
        outbox.flush()
        (line,) = (line for line in caplog.records if line.name == "resale.mail")
        assert (line.message, vars(line)["code"]) == ("mail not sent", "mail_unavailable")
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        request_link()
        assert len(links()) == 1


@contextmanager
def full_lane() -> Iterator[None]:
    """Have as many passwords hashed and waiting as may."""
    taken = 0
    while HASHING_LIMIT._places.acquire(blocking=False):
        taken += 1
    yield
    HASHING_LIMIT._places.release(taken)
