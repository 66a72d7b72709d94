"""Security keys at the second step of the sign-in, their pages, and what a change of a factor needs."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.core import clock
from apps.tenancy import sign_ins
from apps.tenancy.models import SecurityKey, User
from resale.domain.access import Role
from tests.backoffice.staff_clients import Backoffice, StaffClient
from tests.backoffice.test_second_factors import ENROLMENT, FACTOR, INDEX, assert_shut, enrol, is_in, sign_in
from tests.fixtures.authenticators import Authenticator

ORIGIN = "http://testserver"
KEYS = reverse("admin:security-keys")
METHODS = reverse("admin:second-factor-methods")
CONFIRMATION = reverse("admin:second-factor-confirmation")


@pytest.fixture(autouse=True)
def _required(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = True
    settings.ADMIN_URL = ORIGIN


@pytest.fixture
def kim(backoffice: Backoffice) -> User:
    """A manager."""
    user = User.objects.create_user(username="kim@brand.example", password="correct horse battery", is_staff=True)
    backoffice.add_member(user, Role.MANAGER)
    return user


def a_key() -> Authenticator:
    return Authenticator(origin=ORIGIN)


def options_of(page: Any) -> str:
    found = re.search(r'data-options="([^"]*)"', page.content.decode())
    assert found is not None
    return html.unescape(found[1])


def register(browser: Client, key: Authenticator, name: str = "Blue key") -> list[str]:
    """Register a key, and return the recovery codes where there are new ones."""
    response = key.create(options_of(browser.get(KEYS)))
    return codes_of(browser.post(KEYS, {"name": name, "response": response}))


def codes_of(page: Any) -> list[str]:
    return re.findall(r"<code[^>]*>([A-Z0-9]{5}-[A-Z0-9]{5})</code>", page.content.decode())


def use(browser: Client, key: Authenticator, path: str = FACTOR) -> Any:
    return browser.post(path, {"response": key.get(options_of(browser.get(path)))})


def confirm(browser: Client, key: Authenticator, target: str = KEYS) -> None:
    answer = use(browser, key, f"{CONFIRMATION}?next={target}")
    assert (answer.status_code, answer.headers["Location"]) == (302, target)


def removal_of(key: SecurityKey) -> str:
    return reverse("admin:security-key-removal", args=[key.id])


class TestRegistration:
    def test_satisfies_a_required_factor(self, kim: User) -> None:
        browser = sign_in(kim)
        assert KEYS in browser.get(ENROLMENT).content.decode()
        assert not is_in(browser)
        assert len(register(browser, a_key())) == 10
        assert is_in(browser)
        shown = browser.get(METHODS).content.decode()
        assert "Blue key" in shown
        assert "not used yet" in shown
        assert "10 left" in shown

    def test_satisfies_it_for_an_operator(self, operator: StaffClient) -> None:
        assert_shut(operator.client, ENROLMENT)
        register(operator.client, a_key())
        assert operator.get("tenancy_tenant_changelist").status == 200

    def test_ends_the_other_sessions(self, kim: User) -> None:
        elsewhere, browser = sign_in(kim), sign_in(kim)
        before = browser.session.session_key
        register(browser, a_key())
        assert elsewhere.get(FACTOR).status_code == 302
        assert not is_in(elsewhere)
        assert browser.session.session_key != before

    def test_uses_a_challenge_once(self, kim: User) -> None:
        browser, key = sign_in(kim), a_key()
        response = key.create(options_of(browser.get(KEYS)))
        refused = browser.post(KEYS, {"name": "", "response": response})
        assert refused.status_code == 422
        assert browser.post(KEYS, {"name": "Blue key", "response": response}).status_code == 422
        assert not SecurityKey.objects.exists()

    @pytest.mark.parametrize("name", ["", " ", "x" * 61, "4242 4242 4242 4242", "a\nb"])
    def test_holds_the_name_to_the_rules_of_text(self, kim: User, name: str) -> None:
        browser = sign_in(kim)
        response = a_key().create(options_of(browser.get(KEYS)))
        assert browser.post(KEYS, {"name": name, "response": response}).status_code == 422
        assert not SecurityKey.objects.exists()

    def test_of_a_second_needs_the_first(self, kim: User) -> None:
        browser, blue = sign_in(kim), a_key()
        register(browser, blue)
        assert browser.get(KEYS).headers["Location"] == f"{CONFIRMATION}?next={KEYS.replace('/', '%2F')}"
        assert browser.post(KEYS, {"name": "Laptop", "response": "{}"}).status_code == 302
        confirm(browser, blue)
        assert register(browser, a_key(), "Laptop") == []
        assert [key.name for key in SecurityKey.objects.all()] == ["Blue key", "Laptop"]
        assert browser.get(KEYS).status_code == 302  # a confirmation is for one change

    def test_after_an_app_keeps_the_recovery_codes(self, kim: User) -> None:
        browser = sign_in(kim)
        codes = enrol(browser)
        assert browser.post(f"{CONFIRMATION}?next={KEYS}", {"code": codes[0]}).headers["Location"] == KEYS
        key = a_key()
        assert register(browser, key) == []
        for way in ({"code": codes[1]}, None):
            other = sign_in(kim)
            assert (use(other, key) if way is None else other.post(FACTOR, way)).status_code == 302
            assert is_in(other)

    def test_is_offered_at_the_public_address_alone(self, kim: User, settings: Settings) -> None:
        browser = sign_in(kim)
        settings.ADMIN_URL = "https://admin.example"
        shown = browser.get(KEYS).content.decode()
        assert "data-options" not in shown
        assert "https://admin.example" in shown
        settings.ADMIN_URL = "http://127.0.0.1:8000"
        assert "not available" in browser.get(KEYS).content.decode()
        assert browser.post(KEYS, {"name": "Blue key", "response": "{}"}).headers["Location"] == KEYS
        assert "open for too long" in browser.get(KEYS).content.decode()


class TestSignIn:
    def test_with_a_key_is_the_second_step(self, kim: User) -> None:
        key = a_key()
        register(sign_in(kim), key)
        browser = sign_in(kim)
        assert_shut(browser, FACTOR)
        for path in (KEYS, METHODS, CONFIRMATION, removal_of(SecurityKey.objects.get())):
            assert browser.get(path).headers["Location"] == FACTOR
            assert browser.post(path).headers["Location"] == FACTOR
        before = browser.session.session_key
        orders = reverse("admin:orders")
        assert use(browser, key, f"{FACTOR}?next={orders}").headers["Location"] == orders
        assert is_in(browser)
        assert browser.session.session_key != before
        assert "last used" in browser.get(METHODS).content.decode()

    def test_goes_nowhere_else(self, kim: User) -> None:
        key = a_key()
        register(sign_in(kim), key)
        assert use(sign_in(kim), key, f"{FACTOR}?next=https://evil.example/").headers["Location"] == INDEX

    def test_uses_a_challenge_once_and_in_its_session(self, kim: User) -> None:
        key = a_key()
        register(sign_in(kim), key)
        browser, other = sign_in(kim), sign_in(kim)
        response = key.get(options_of(browser.get(FACTOR)))
        other.get(FACTOR)
        assert other.post(FACTOR, {"response": response}).status_code == 422
        assert browser.post(FACTOR, {"response": "{}"}).status_code == 422
        assert browser.post(FACTOR, {"response": response}).status_code == 422
        assert not is_in(browser)
        assert use(browser, key).status_code == 302

    def test_of_a_passkey_is_no_confirmation(self, kim: User) -> None:
        passkey = Authenticator(origin=ORIGIN, sign_count=None)
        register(sign_in(kim), passkey)
        browser = sign_in(kim)
        response = passkey.get(options_of(browser.get(FACTOR)))
        assert browser.post(FACTOR, {"response": response}).status_code == 302
        assert browser.post(CONFIRMATION, {"response": response}).status_code == 422

    def test_with_a_challenge_that_is_too_old_is_refused(self, kim: User, monkeypatch: pytest.MonkeyPatch) -> None:
        key = a_key()
        register(sign_in(kim), key)
        browser = sign_in(kim)
        response = key.get(options_of(browser.get(FACTOR)))
        later = datetime.now(UTC) + timedelta(minutes=5, seconds=1)
        with monkeypatch.context() as patch:
            patch.setattr(clock, "for_platform", lambda: later)
            assert browser.post(FACTOR, {"response": response}).status_code == 422
        assert not is_in(browser)

    def test_does_not_count_for_another_user(self, kim: User, operator: StaffClient) -> None:
        key = a_key()
        register(operator.client, key)
        register(sign_in(kim), a_key())
        browser = sign_in(kim)
        options = options_of(browser.get(FACTOR))
        party, challenge = re.findall(r'"(?:rpId|challenge)": "([^"]+)"', options)[::-1]
        assert browser.post(FACTOR, {"response": key.sign(party, challenge)}).status_code == 422
        assert not is_in(browser)

    def test_attempts_are_counted_with_those_of_codes(self, kim: User) -> None:
        key = a_key()
        register(sign_in(kim), key)
        browser = sign_in(kim)
        for number in range(sign_ins.MOST_PER_DEVICE):
            wrong = {"response": "{}"} if number % 2 else {"code": "000000"}
            assert browser.post(FACTOR, wrong).status_code == 422
        assert use(browser, key).status_code == 429
        assert not is_in(browser)

    def test_ends_with_a_reset(self, kim: User, operator: StaffClient) -> None:
        key = a_key()
        enrol(operator.client)
        browser = sign_in(kim)
        register(browser, key)
        operator.send("user-second-factor", object_id=str(kim.pk))
        assert not is_in(browser)
        assert not SecurityKey.objects.exists()
        assert_shut(sign_in(kim), ENROLMENT)


class TestConfirmation:
    def test_expires(self, kim: User, monkeypatch: pytest.MonkeyPatch) -> None:
        browser, key = sign_in(kim), a_key()
        register(browser, key)
        confirm(browser, key)
        assert browser.get(KEYS).status_code == 200
        later = datetime.now(UTC) + timedelta(minutes=5, seconds=1)
        with monkeypatch.context() as patch:
            patch.setattr(clock, "for_platform", lambda: later)
            assert browser.get(KEYS).status_code == 302

    def test_is_not_a_sign_in(self, kim: User) -> None:
        key = a_key()
        register(sign_in(kim), key)
        browser = sign_in(kim)
        use(browser, key)
        assert browser.get(ENROLMENT).status_code == 302  # the sign-in is no confirmation either


class TestRemoval:
    def test_needs_a_confirmation_and_ends_the_other_sessions(self, kim: User) -> None:
        browser, blue, laptop = sign_in(kim), a_key(), a_key()
        register(browser, blue)
        confirm(browser, blue)
        register(browser, laptop, "Laptop")
        elsewhere = sign_in(kim)
        use(elsewhere, laptop)
        path = removal_of(SecurityKey.objects.get(name="Blue key"))
        assert browser.post(path).headers["Location"].startswith(CONFIRMATION)
        confirm(browser, laptop, path)
        assert "Blue key" in browser.get(path).content.decode()
        assert browser.post(path).headers["Location"] == METHODS
        assert is_in(browser)
        assert not is_in(elsewhere)
        assert [key.name for key in SecurityKey.objects.all()] == ["Laptop"]

    def test_of_the_last_factor_is_refused_where_one_is_needed(self, kim: User, settings: Settings) -> None:
        browser, key = sign_in(kim), a_key()
        register(browser, key)
        path = removal_of(SecurityKey.objects.get())
        confirm(browser, key, path)
        assert browser.post(path).status_code == 422
        settings.STAFF_MFA_REQUIRED = False
        assert browser.post(path).status_code == 302
        assert is_in(browser)
        assert is_in(sign_in(kim))

    def test_of_another_users_key_is_not_found(self, kim: User, operator: StaffClient) -> None:
        register(operator.client, a_key())
        path = removal_of(SecurityKey.objects.get())
        browser = sign_in(kim)
        assert browser.get(path).status_code == 404
        assert browser.post(path).status_code == 404
        assert SecurityKey.objects.count() == 1
