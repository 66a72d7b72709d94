"""Two-factor sign-in: required of managers and operators, counted, and no page is reached without it."""

import base64
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.tenancy import sign_ins
from apps.tenancy.models import SecondFactor, User
from resale.domain.access import Role
from tests.backoffice.staff_clients import OF_THE_FACTOR, OPEN, Backoffice, StaffClient, all_paths

PASSWORD = "correct horse battery"
LOGIN = reverse("admin:login")
FACTOR = reverse("admin:second-factor")
ENROLMENT = reverse("admin:second-factor-enrolment")
CONFIRMATION = reverse("admin:second-factor-confirmation")
INDEX = reverse("admin:index")
CLOSED = [path for name, path in all_paths() if name not in OPEN | OF_THE_FACTOR]


@pytest.fixture(autouse=True)
def _required(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = True


@pytest.fixture
def kim(backoffice: Backoffice) -> User:
    """A manager."""
    user = User.objects.create_user(username="kim@brand.example", password=PASSWORD, is_staff=True)
    backoffice.add_member(user, Role.MANAGER)
    return user


def sign_in(user: User, client: Client | None = None) -> Client:
    """Sign in with a password."""
    browser = client or Client()
    answer = browser.post(LOGIN, {"username": user.username, "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, INDEX)
    return browser


def enrol(browser: Client) -> list[str]:
    """Set up an app, and return the recovery codes."""
    shown = browser.get(ENROLMENT).content.decode()
    answer = browser.post(ENROLMENT, {"code": code_of(shown)})
    return re.findall(r"<code[^>]*>([A-Z0-9]{5}-[A-Z0-9]{5})</code>", answer.content.decode())


def code_of(page: str) -> str:
    found = re.search(r"data-secret(?:=\"\")?>([A-Z2-7]+)<", page)
    assert found is not None
    secret = base64.b32decode(found[1])
    return TOTP(secret, 6, SHA1(), 30).generate(int(datetime.now(UTC).timestamp())).decode()  # noqa: S303 - as apps do


def send(browser: Client, code: str, path: str = FACTOR) -> Any:
    return browser.post(path, {"code": code})


def is_in(browser: Client) -> bool:
    return browser.get(INDEX).status_code == 200


def assert_shut(browser: Client, page: str) -> None:
    """Every page leads to the sign-in, and the sign-in to a page of the factor."""
    for path in CLOSED:
        for answer in (browser.get(path), browser.post(path)):
            assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, LOGIN), path
    shown = browser.get(f"{LOGIN}?next={INDEX}", follow=True)
    assert shown.request["PATH_INFO"] == page
    assert "Northwind" not in shown.content.decode()


class TestEnrolment:
    def test_is_all_that_a_manager_without_a_factor_reaches(self, kim: User) -> None:
        browser = sign_in(kim)
        assert_shut(browser, ENROLMENT)
        assert len(enrol(browser)) == 10
        assert is_in(browser)

    def test_is_all_that_an_operator_without_a_factor_reaches(self, operator: StaffClient) -> None:
        assert_shut(operator.client, ENROLMENT)
        enrol(operator.client)
        assert operator.get("tenancy_tenant_changelist").status == 200

    def test_is_not_asked_of_others_nor_where_it_is_not_required(
        self, viewer: StaffClient, kim: User, settings: Settings
    ) -> None:
        assert is_in(viewer.client)
        settings.STAFF_MFA_REQUIRED = False
        assert is_in(sign_in(kim))

    def test_of_a_wrong_code_is_refused(self, kim: User) -> None:
        browser = sign_in(kim)
        browser.get(ENROLMENT)
        assert send(browser, "000000", ENROLMENT).status_code == 422
        assert send(browser, "", ENROLMENT).status_code == 422
        assert send(sign_in(kim), "000000", ENROLMENT).headers["Location"] == ENROLMENT  # no secret was shown
        assert not SecondFactor.objects.exclude(secret="").exists()

    def test_by_choice_is_asked_for_ever_after(self, viewer: StaffClient, settings: Settings) -> None:
        viewer.user.set_password(PASSWORD)
        viewer.user.save()
        enrol(sign_in(viewer.user))
        settings.STAFF_MFA_REQUIRED = False
        assert_shut(sign_in(viewer.user), FACTOR)

    def test_ends_the_other_sessions(self, kim: User) -> None:
        elsewhere, browser = sign_in(kim), sign_in(kim)
        enrol(browser)
        assert elsewhere.get(FACTOR).headers["Location"].startswith(LOGIN)
        assert is_in(browser)

    def test_of_another_app_needs_a_code_of_the_present_one(self, kim: User) -> None:
        browser = sign_in(kim)
        codes = enrol(browser)
        assert (
            browser.get(ENROLMENT).headers["Location"] == f"{CONFIRMATION}?next=%2Fadmin%2Fsecond_factor%2Fenrolment%2F"
        )
        assert browser.post(ENROLMENT, {"code": "000000"}).headers["Location"].startswith(CONFIRMATION)
        assert send(browser, "000000", CONFIRMATION).status_code == 422
        assert browser.get(ENROLMENT).status_code == 302
        assert send(browser, codes[0], f"{CONFIRMATION}?next={ENROLMENT}").headers["Location"] == ENROLMENT
        assert len(enrol(browser)) == 10
        assert browser.get(ENROLMENT).status_code == 302
        assert send(sign_in(kim), codes[1]).status_code == 422

    def test_shows_a_secret_once_and_stores_it_encrypted(self, kim: User) -> None:
        browser = sign_in(kim)
        found = re.search(r"data-secret>([A-Z2-7]+)<", browser.get(ENROLMENT).content.decode())
        assert found is not None
        assert found[1] not in str(dict(browser.session))
        assert found[1] not in browser.get(ENROLMENT).content.decode()


class TestSignIn:
    def test_with_a_password_alone_reaches_only_the_second_step(self, kim: User) -> None:
        enrol(sign_in(kim))
        browser = sign_in(kim)
        assert_shut(browser, FACTOR)
        assert browser.get(ENROLMENT).headers["Location"] == FACTOR
        assert browser.post(ENROLMENT, {"code": "000000"}).headers["Location"] == FACTOR
        assert browser.post(reverse("admin:logout")).headers["Location"] == LOGIN

    def test_goes_on_where_it_was_on_its_way_to(self, kim: User) -> None:
        codes = enrol(sign_in(kim))
        orders = reverse("admin:orders")
        for target, reached in ((orders, orders), ("https://evil.example/", INDEX), ("//evil.example", INDEX)):
            browser = sign_in(kim)
            assert send(browser, codes.pop(), f"{FACTOR}?next={target}").headers["Location"] == reached
            assert is_in(browser)

    def test_gets_a_new_session_key(self, kim: User) -> None:
        codes = enrol(sign_in(kim))
        browser = sign_in(kim)
        before = browser.session.session_key
        send(browser, codes[0])
        assert browser.session.session_key != before

    def test_of_one_user_is_not_of_another(self, kim: User, operator: StaffClient) -> None:
        codes = enrol(sign_in(kim))
        enrol(operator.client)
        browser = sign_in(kim)
        send(browser, codes[0])
        assert is_in(browser)
        operator.user.set_password(PASSWORD)
        operator.user.save()
        sign_in(operator.user, browser)
        assert_shut(browser, FACTOR)

    def test_guesses_are_counted_from_everywhere(self, kim: User) -> None:
        codes = enrol(sign_in(kim))
        browser = sign_in(kim)
        answers = [
            browser.post(FACTOR, {"code": "000000"}, REMOTE_ADDR=f"192.0.2.{number}").status_code
            for number in range(sign_ins.MOST_PER_DEVICE + 1)
        ]
        assert answers == [422] * sign_ins.MOST_PER_DEVICE + [429]
        assert send(browser, codes[0]).status_code == 429
        assert not is_in(browser)

    def test_forgets_the_guesses_before_a_right_code(self, kim: User) -> None:
        codes = enrol(sign_in(kim))
        for _ in range(3):
            browser = sign_in(kim)
            for _ in range(sign_ins.MOST_PER_DEVICE - 1):
                send(browser, "000000")
            assert send(browser, codes.pop()).status_code == 302


class TestReset:
    def test_by_an_operator_ends_the_sessions_and_leads_to_another_enrolment(
        self, kim: User, operator: StaffClient
    ) -> None:
        enrol(operator.client)
        browser = sign_in(kim)
        enrol(browser)
        place = {"object_id": str(kim.pk)}
        assert kim.username in operator.get("user-second-factor", **place).text
        assert operator.send("user-second-factor", object_id=place["object_id"]).status_code == 302
        assert not is_in(browser)
        assert_shut(sign_in(kim), ENROLMENT)

    def test_of_nobody_is_not_found(self, operator: StaffClient) -> None:
        enrol(operator.client)
        for object_id in ("0", "none", "9" * 30):
            assert operator.get("user-second-factor", object_id=object_id).status == 404
