"""Security keys in a real browser, by Chromium's virtual authenticator: registered, signed in with and removed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.urls import reverse
from playwright.sync_api import Page
from pytest_django import Settings

from apps.tenancy.models import SecurityKey, User
from resale.domain.access import Role
from tests.backoffice.staff_clients import Backoffice
from tests.proofs.browser.visiting import THEMES, WIDTHS, Visits, keep_picture

pytestmark = [pytest.mark.proof, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

PASSWORD = "correct horse battery"
EVERY = [(theme, width) for theme in THEMES for width in WIDTHS]
KEYS = reverse("admin:security-keys")
METHODS = reverse("admin:second-factor-methods")
ADD = "Add a security key or passkey…"
USE = "Use a security key or passkey"


@pytest.fixture
def kim(backoffice: Backoffice, settings: Settings, visits: Visits) -> User:
    """A manager, who needs a second factor."""
    settings.STAFF_MFA_REQUIRED = True
    settings.ADMIN_URL = visits.base_url
    user = User.objects.create_user(username="kim@brand.example", password=PASSWORD, is_staff=True)
    backoffice.add_member(user, Role.MANAGER)
    return user


@contextmanager
def plugged_in(page: Page) -> Iterator[None]:
    """Plug a security key in, whose user touches it at once."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield
    session.send("WebAuthn.disable")
    session.detach()


def sign_in(page: Page, user: User, path: str = "/admin/orders/") -> None:
    page.goto(path)
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def add(page: Page, name: str) -> None:
    page.get_by_label("Name of the key").fill(name)
    page.get_by_role("button", name="Register the key").click()


@pytest.mark.parametrize(("theme", "width"), EVERY, ids=map("-".join, EVERY))
def test_a_key_is_registered_used_and_removed(kim: User, visits: Visits, theme: str, width: str) -> None:
    def look(name: str) -> None:
        visits.check(page)
        keep_picture(page, f"{name}-{theme}-{width}")

    with visits.opened(theme=theme, width=width) as page:
        with plugged_in(page):
            sign_in(page, kim)
            page.get_by_role("link", name="Use a security key or passkey instead").click()
            page.get_by_role("heading", name="Add a security key or passkey").wait_for()
            look("security-key")
            add(page, "Blue key")
            page.get_by_role("heading", name="Your recovery codes").wait_for()
            visits.check(page)
            code = page.locator(".bo-codes code").first.inner_text()
            page.get_by_role("link", name="I have stored them").click()
            page.wait_for_url("**/admin/")
            page.context.clear_cookies()

            sign_in(page, kim)
            page.get_by_role("heading", name="Two-factor sign-in").wait_for()
            look("second-factor-with-keys")
            page.get_by_role("button", name=USE).click()
            page.wait_for_url("**/admin/orders/")

            page.goto(METHODS)
            look("second-factor-methods")
            page.get_by_role("link", name=ADD).click()
            page.get_by_role("heading", name="Confirm that it is you").wait_for()
            look("second-factor-confirmation")
            page.get_by_role("button", name=USE).click()
            page.get_by_role("heading", name="Add a security key or passkey").wait_for()
            add(page, "The same key")
            page.get_by_text("This key is registered already").wait_for()
            look("security-key-refused")
        with plugged_in(page):
            add(page, "A key with a name of the greatest length that a name can have")
            page.get_by_text("is registered, and your other sessions are ended").wait_for()
        look("second-factor-methods-two")

        page.get_by_role("link", name="Remove Blue key…").click()
        page.get_by_label("Code", exact=True).fill(code)
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("heading", name="Remove a security key").wait_for()
        look("security-key-removal")
        page.get_by_role("button", name="Remove the key").click()
        page.get_by_text("The security key Blue key is removed").wait_for()
        look("second-factor-methods-one")
    assert [key.name for key in SecurityKey.objects.all()] == [
        "A key with a name of the greatest length that a name can hav"
    ]
    assert not visits.faults, "\n".join(visits.faults)


def test_a_request_that_nobody_confirms_is_reported(kim: User, visits: Visits) -> None:
    with visits.opened() as page, plugged_in(page):
        sign_in(page, kim, KEYS)
        page.goto(KEYS)
        page.evaluate("""() => {
            navigator.credentials.create = () => Promise.reject(new DOMException("cancelled", "NotAllowedError"));
        }""")
        add(page, "Blue key")
        page.get_by_text("Nothing was confirmed").wait_for()
        assert page.get_by_role("button", name="Register the key").is_enabled()
        visits.check(page)
    assert not visits.faults, "\n".join(visits.faults)


def test_a_browser_without_scripts_is_told_so(kim: User, visits: Visits) -> None:
    context = visits.browser.new_context(base_url=visits.base_url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, kim, KEYS)
    page.goto(KEYS)
    page.get_by_role("heading", name="Add a security key or passkey").wait_for()
    assert "need JavaScript" in page.locator("main").inner_text()
    assert not page.get_by_role("button", name="Register the key").is_visible()
    keep_picture(page, "security-key-without-scripts")
    context.close()


def test_another_address_is_led_to_the_right_one(kim: User, visits: Visits, settings: Settings) -> None:
    settings.ADMIN_URL = "https://admin.example"
    with visits.opened(width="phone") as page:
        sign_in(page, kim)
        page.get_by_role("heading", name="Set up an authenticator app").wait_for()
        visits.visit(page, KEYS)
        page.get_by_role("link", name="https://admin.example").wait_for()
        keep_picture(page, "security-key-elsewhere")
    assert not visits.faults, "\n".join(visits.faults)
