"""Staff invitations: a link by e-mail that works once, ends after 7 days or when it is revoked, and is never logged."""

import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.tenancy.invitations import VALID_FOR
from apps.tenancy.models import StaffInvitation, StaffMembership, User
from resale.domain.access import Role
from tests.backoffice.staff_clients import Backoffice, StaffClient

EMAIL = "kim@brand.example"
PASSWORD = "correct horse battery"
PAGE = reverse("admin:invitation")


class Keeping(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, lines: list[logging.LogRecord]) -> None:
        super().__init__()
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record)


@pytest.fixture(autouse=True)
def _lines() -> Iterator[list[logging.LogRecord]]:
    """No log line has the address or the token of the link."""
    lines: list[logging.LogRecord] = []
    handler = Keeping(lines)
    logging.getLogger().addHandler(handler)
    yield lines
    logging.getLogger().removeHandler(handler)
    text = " ".join(str(vars(line)) for line in lines)
    assert EMAIL not in text
    assert not [link for link in links() if link.rsplit("/", 2)[1] in text]


def links() -> list[str]:
    return [link for message in mail.outbox for link in re.findall(r"https?://\S+", str(message.body))]


def sent() -> str:
    """Return the one link that was sent."""
    (link,) = links()
    return link


def invite(operator: StaffClient, slug: str, email: str = EMAIL, role: str = "moderator") -> Any:
    return operator.send("invitations", {"tenant": slug, "email": email, "role": role})


def follow(link: str, client: Client | None = None) -> Client:
    """Open a link of a message in a browser."""
    browser = client or Client()
    answer = browser.get("/admin/" + link.split("/admin/")[1])
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE), answer.content
    return browser


def accept(browser: Client, password: str = PASSWORD) -> Any:
    return browser.post(PAGE, {"new_password1": password, "new_password2": password})


class TestNewAccount:
    def test_sets_its_password_joins_and_is_signed_in(self, operator: StaffClient, backoffice: Backoffice) -> None:
        assert invite(operator, backoffice.slug, " Kim@Brand.example ").status_code == 302
        (message,) = mail.outbox
        assert message.to == [EMAIL]
        browser = follow(sent())
        page = browser.get(PAGE).content.decode()
        assert "Moderator" in page
        assert EMAIL in page
        assert accept(browser).headers["Location"] == reverse("admin:index")
        assert browser.get(reverse("admin:index")).status_code == 200
        user = User.objects.get(username=EMAIL)
        assert (user.email, user.is_staff, user.is_superuser) == (EMAIL, True, False)
        assert user.check_password(PASSWORD)
        assert [(one.tenant.slug, one.role) for one in user.memberships.all()] == [(backoffice.slug, Role.MODERATOR)]

    @pytest.mark.parametrize("password", ["short", "password1234", EMAIL, ""])
    def test_chooses_a_password_that_the_validators_accept(
        self, operator: StaffClient, backoffice: Backoffice, password: str
    ) -> None:
        invite(operator, backoffice.slug)
        assert accept(follow(sent()), password).status_code == 422
        assert not User.objects.filter(username=EMAIL).exists()

    def test_of_an_account_without_a_password_is_the_same_account(
        self, operator: StaffClient, backoffice: Backoffice
    ) -> None:
        user = User.objects.create_user(username=EMAIL, is_staff=True)
        invite(operator, backoffice.slug)
        accept(follow(sent()))
        user.refresh_from_db()
        assert user.check_password(PASSWORD)
        assert user.email == EMAIL


class TestExistingAccount:
    @pytest.fixture
    def kim(self, db: None) -> User:  # noqa: ARG002 - opens the database
        return User.objects.create_user(username=EMAIL, email=EMAIL, password=PASSWORD, is_staff=True)

    def test_signs_in_first_and_keeps_its_password(
        self, operator: StaffClient, backoffice: Backoffice, kim: User
    ) -> None:
        invite(operator, backoffice.slug)
        browser = follow(sent())
        to_login = accept(browser, "another horse battery")
        assert to_login.headers["Location"] == f"{reverse('admin:login')}?next={PAGE}"
        browser.post(to_login.headers["Location"], {"username": EMAIL, "password": PASSWORD, "next": PAGE})
        assert browser.post(PAGE).headers["Location"] == reverse("admin:index")
        kim.refresh_from_db()
        assert kim.check_password(PASSWORD)
        assert kim.memberships.get().tenant.slug == backoffice.slug

    def test_is_not_joined_by_somebody_else_who_is_signed_in(
        self, operator: StaffClient, backoffice: Backoffice, kim: User, viewer: StaffClient
    ) -> None:
        invite(operator, backoffice.slug)
        browser = follow(sent(), viewer.client)
        assert browser.post(PAGE).headers["Location"].startswith(reverse("admin:login"))
        assert not kim.memberships.exists()

    @pytest.mark.parametrize("change", [{"is_active": False}, {"is_superuser": True}, {"is_staff": False}])
    def test_that_cannot_work_for_a_shop_is_not_invited_and_does_not_join(
        self, operator: StaffClient, backoffice: Backoffice, kim: User, change: dict[str, bool]
    ) -> None:
        invite(operator, backoffice.slug)
        browser = follow(sent())
        browser.force_login(kim)
        follow(sent(), browser)
        User.objects.filter(pk=kim.pk).update(**change)
        assert browser.post(PAGE).status_code in {302, 404}
        assert not kim.memberships.exists()
        refused = invite(operator, backoffice.slug)
        assert refused.status_code == 422
        assert "It cannot join a shop" in refused.content.decode()

    def test_of_the_shop_is_not_invited_again(
        self, operator: StaffClient, backoffice: Backoffice, viewer: StaffClient
    ) -> None:
        assert "works for the shop already" in invite(operator, backoffice.slug, viewer.user.username).content.decode()
        assert not mail.outbox


class TestLink:
    def test_works_once(self, operator: StaffClient, backoffice: Backoffice) -> None:
        invite(operator, backoffice.slug)
        first, second = follow(sent()), follow(sent())
        accept(first)
        assert accept(second, "another horse battery").status_code == 404
        assert User.objects.get(username=EMAIL).check_password(PASSWORD)
        assert_ended(sent())

    def test_ends_after_seven_days(self, operator: StaffClient, backoffice: Backoffice) -> None:
        invite(operator, backoffice.slug)
        browser = follow(sent())
        StaffInvitation.objects.update(expires_at=F("expires_at") - VALID_FOR + timedelta(minutes=1))
        follow(sent())
        StaffInvitation.objects.update(expires_at=F("expires_at") - timedelta(minutes=1))
        assert accept(browser).status_code == 404
        assert_ended(sent())

    def test_ends_when_it_is_revoked(self, operator: StaffClient, backoffice: Backoffice) -> None:
        invite(operator, backoffice.slug)
        browser = follow(sent())
        invitation_id = StaffInvitation.objects.get().id
        for _ in range(2):  # idempotent
            assert operator.send("invitation-revoke", invitation_id=invitation_id).status_code == 302
        assert accept(browser).status_code == 404
        assert_ended(sent())
        assert EMAIL not in operator.get("invitations").text

    def test_is_replaced_by_a_later_one(self, operator: StaffClient, backoffice: Backoffice) -> None:
        invite(operator, backoffice.slug)
        invite(operator, backoffice.slug, role="viewer")
        first, second = links()
        assert_ended(first)
        accept(follow(second))
        assert StaffMembership.objects.get(user__username=EMAIL).role == Role.VIEWER

    @pytest.mark.parametrize("token", ["none", "a:b", "\u0000", "x" * 3000])
    @pytest.mark.django_db
    def test_made_up_is_refused(self, token: str) -> None:
        assert Client().get(reverse("admin:invitation-link", kwargs={"token": token})).status_code == 404
        assert Client().get(PAGE).status_code == 404
        assert accept(Client()).status_code == 404

    def test_is_stored_as_a_hash_only(self, operator: StaffClient, backoffice: Backoffice) -> None:
        invite(operator, backoffice.slug)
        browser = follow(sent())
        random = links()[0].rstrip("/").rsplit("/", 1)[1].partition(":")[0]
        assert random not in str(StaffInvitation.objects.values().get())
        assert random not in str(dict(browser.session))


class TestMail:
    def test_that_is_not_accepted_leaves_no_invitation(
        self, operator: StaffClient, backoffice: Backoffice, settings: Settings
    ) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nothing listens there
        page = operator.post("invitations", {"tenant": backoffice.slug, "email": EMAIL, "role": "viewer"})
        assert "could not be sent" in page.text
        assert EMAIL not in page.text

    def test_has_the_admins_own_address_whatever_the_host_header(
        self, operator: StaffClient, backoffice: Backoffice, settings: Settings
    ) -> None:
        settings.ADMIN_URL = "https://admin.example/"
        invite(operator, backoffice.slug)
        assert links()[0].startswith("https://admin.example/admin/invitation/")


class TestCommand:
    def test_invites_and_revokes(self, backoffice: Backoffice, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("invite_staff", backoffice.slug, EMAIL, "--role", "manager")
        printed = capsys.readouterr().out
        assert "admin" not in printed  # the link is in the message only
        assert StaffInvitation.objects.get().role == Role.MANAGER
        call_command("revoke_invitation", printed.split()[0])
        assert_ended(sent())

    @pytest.mark.parametrize(
        ("slug", "email", "code"),
        [
            ("nobody", EMAIL, "tenant_not_found"),
            ("northwind", "kim", "staff_email_invalid"),
            ("northwind", f"{'k' * 60}@{'b' * 60}.{'c' * 60}.example", "staff_email_invalid"),
        ],
    )
    def test_reports_what_is_wrong(self, backoffice: Backoffice, slug: str, email: str, code: str) -> None:
        assert backoffice.slug == "northwind"
        with pytest.raises(CommandError, match=code):
            call_command("invite_staff", slug, email, "--role", "viewer")
        with pytest.raises(CommandError, match="invitation_invalid"):
            call_command("revoke_invitation", "inv_0")


def assert_ended(link: str) -> None:
    answer = Client().get("/admin/" + link.split("/admin/")[1])
    assert answer.status_code == 404
    assert "not valid" in answer.content.decode()
