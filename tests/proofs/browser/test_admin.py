"""Every page of the admin in a real browser: light and dark, on a desktop and on a phone.

No rule of WCAG 2.1 AA that axe-core can check is broken, no script fails, the content security policy stops nothing,
and nothing is asked of another host.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from django.core import mail
from django.urls import URLPattern, reverse
from playwright.sync_api import Page
from pytest_django import Settings

from apps.backoffice import urls
from apps.core.mail import outbox
from apps.tenancy import sign_ins
from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.models import Tenant, User
from apps.tenancy.sandboxes import SandboxPool
from apps.tenancy.upgrades.rollout import Rollouts
from apps.tenancy.upgrades.schedule import request_rollout
from resale.domain.access import Role
from resale.domain.entitlements import Tier
from resale.domain.task_names import ADVANCE_ORDER
from resale.domain.waves import Wave
from tests.backoffice.staff_clients import OF_THE_FACTOR, OPERATORS, Backoffice, StaffClient
from tests.backoffice.test_claims import opened
from tests.backoffice.test_money import pay_out
from tests.backoffice.test_second_factors import code_of
from tests.fixtures.graveyard import Graveyard
from tests.operations.partners import Partners
from tests.proofs.browser.visiting import THEMES, WIDTHS, Visits, keep_picture
from tests.tenancy.offboarding_world import Account, OffboardingTerminal
from tests.tenancy.onboarding_world import REQUEST, Organisation, Terminal

pytestmark = [pytest.mark.proof, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

PASSWORD = "correct horse battery"
ORGANISATION: list[Organisation] = []
EVERY = [(theme, width) for theme in THEMES for width in WIDTHS]
#: They lead on to another page, and show none.
_LEAD_ON = {"search", "original", "logout", "invitation-link"}
#: They are looked at before the sign-in, with a link of a message.
_BY_LINK = {"invitation", "admin_password_reset", "password_reset_done", "password_reset_confirm"}


@dataclass(frozen=True)
class Shop:
    """A shop in which everything is there to be looked at: the name of each page, and where it is."""

    staff: dict[str, str]
    operators: dict[str, str]


def open_organisation() -> Organisation:
    """Return the organisation of the present test, for ``settings.ONBOARDING_PROVIDERS``."""
    return ORGANISATION[-1]


def upgrade_a_tenant() -> None:
    """Onboard a premium tenant, upgrade it, request the next rollout, and let its row differ from its account."""
    ORGANISATION[:] = [Organisation()]
    onboarding = Terminal(ORGANISATION[-1], ORGANISATION[-1]).onboarding
    onboarding.start(msgspec.structs.replace(REQUEST, tier=Tier.PREMIUM))
    ORGANISATION[-1].release = "1-b"
    rollouts = Rollouts(onboarding, count_errors=lambda _: 0, bake_seconds=0, say=lambda _: None, pause=lambda _: None)
    rollouts.start(wave=Wave.ALL, keeps_templates=False)
    request_rollout(template="1-b", hours={}, cause=Cause(by="stf_1", reason="Release 2.4"))
    row = Tenant.objects.get(slug=REQUEST.slug)
    row.approves_upgrades = True
    row.resources["tables"]["orders"] = "restored"
    row.save()


def offboard_a_tenant(folder: Path) -> None:
    """Close one tenant, and begin to use the sandbox of another."""
    terminal = Terminal(ORGANISATION[-1], ORGANISATION[-1])
    terminal.onboarding.start(msgspec.structs.replace(REQUEST, slug="fourth"))
    OffboardingTerminal(Account(), folder).offboarding.start("fourth", hold_days=0)
    pool = SandboxPool(terminal.onboarding, say=terminal.lines.append)
    pool.create(name="Trial of Robin", region=REQUEST.region)
    pool.fill(count=1, region=REQUEST.region)


@pytest.fixture
def shop(
    backoffice: Backoffice, graveyard: Graveyard, manager: StaffClient, settings: Settings, tmp_path: Path
) -> Shop:
    world = backoffice.front.world
    waiting = backoffice.pending()
    order = world.delivered(Partners())
    claim = opened(backoffice, order)
    payout = pay_out(backoffice)
    transfer = world.transfer(order)
    letter_id = graveyard.bury_task(ADVANCE_ORDER, order_id=order.id)
    for entity_id in (waiting.id, order.id, claim.id, payout.id, transfer.id):
        backoffice.record(entity_id)
    settings.ONBOARDING_PROVIDERS = f"{__name__}.open_organisation"
    upgrade_a_tenant()
    offboard_a_tenant(tmp_path)
    (membership,) = manager.user.memberships.all()
    places: dict[str, dict[str, str]] = {
        "listing": {"listing_id": waiting.id},
        "order": {"order_id": order.id},
        "transfer": {"order_id": order.id, "transfer_id": transfer.id},
        "claim": {"claim_id": claim.id},
        "payout": {"payout_id": payout.id},
        "dead-letter": {"letter_id": letter_id},
        "tenant": {"slug": backoffice.slug},
        "tenant-features": {"slug": "third"},
        "tenant-drift": {"slug": "third"},
        "onboarding": {"slug": "third"},
        "offboarding": {"slug": "fourth"},
        "tenancy_user_change": {"object_id": str(manager.user.pk)},
        "user-second-factor": {"object_id": str(manager.user.pk)},
        "tenancy_user_password": {"id": str(manager.user.pk)},
        "tenancy_staffmembership_change": {"object_id": str(membership.pk)},
        "tenancy_staffmembership_delete": {"object_id": str(membership.pk)},
        "tenancy_tenant_change": {"object_id": membership.tenant_id},
    }
    paths = {name: reverse(f"admin:{name}", kwargs=places.get(name)) for name in _shown()}
    of_operators = {name for name, path in paths.items() if path.startswith(OPERATORS)}
    assert manager.get("claim", claim_id=claim.id).status == 200
    return Shop(
        staff={name: path for name, path in paths.items() if name not in of_operators},
        operators={name: path for name, path in paths.items() if name in of_operators},
    )


@pytest.mark.parametrize(("theme", "width"), EVERY, ids=map("-".join, EVERY))
def test_pages_of_staff(shop: Shop, visits: Visits, manager: StaffClient, theme: str, width: str) -> None:
    with visits.opened(theme=theme, width=width, client=manager) as page:
        for name, path in shop.staff.items():
            visits.visit(page, path)
            keep_picture(page, f"{name}-{theme}-{width}")
        visits.visit(page, f"{shop.staff['listings']}?status=active")
        visits.visit(page, f"{shop.staff['balances']}?sum=1")
        visits.visit(page, f"{shop.staff['dead-letter']}?dry_run=1")
        for details in page.locator("details:not(.bo-menu) > summary").all():
            details.click()
        visits.check(page)
    assert not visits.faults, "\n".join(visits.faults)


@pytest.mark.parametrize(("theme", "width"), EVERY, ids=map("-".join, EVERY))
def test_pages_of_operators(shop: Shop, visits: Visits, operator: StaffClient, theme: str, width: str) -> None:
    with visits.opened(theme=theme, width=width, client=operator) as page:
        for name, path in shop.operators.items():
            visits.visit(page, path)
            keep_picture(page, f"{name}-{theme}-{width}")
        visits.visit(page, f"{shop.operators['tenancy_user_changelist']}?q=nobody&is_active__exact=1")
        for name in ("tenancy_user_add", "tenancy_staffmembership_add", "tenancy_user_password"):
            page.goto(shop.operators[name])
            page.locator("main form").get_by_role("button").last.click()
            page.get_by_role("alert").first.wait_for()
            visits.check(page)
            keep_picture(page, f"{name}-refused-{theme}-{width}")
    assert not visits.faults, "\n".join(visits.faults)


@pytest.mark.parametrize(("theme", "width"), EVERY, ids=map("-".join, EVERY))
def test_pages_that_refuse(
    backoffice: Backoffice, visits: Visits, manager: StaffClient, theme: str, width: str
) -> None:
    nobody = StaffClient(User.objects.create_user(username="new@brand.example", is_staff=True))
    with visits.opened(theme=theme, width=width, client=manager) as page:
        visits.visit(page, f"/admin/listings/lst_{'0' * 32}/", status=404)
        visits.visit(page, "/admin/no/such/page/", status=404)
    with visits.opened(theme=theme, width=width, client=nobody) as page:
        visits.visit(page, "/admin/", status=403)
    User.objects.create_user(username="robin", password=PASSWORD, is_staff=True)
    with visits.opened(theme=theme, width=width) as page:
        visits.visit(page, reverse("admin:login"))
        keep_picture(page, f"login-{theme}-{width}")
        _send(page, "robin", "wrong")
        page.get_by_text("Please enter the correct").wait_for()
        visits.check(page)
        page.context.clear_cookies(name="csrftoken")
        _send(page, "robin", "wrong")
        page.get_by_role("heading", name="Please send the form again").wait_for()
        visits.check(page)
        for _ in range(sign_ins.MOST_PER_ACCOUNT_AND_ADDRESS - 1):
            sign_ins.count_attempt(sign_ins.Attempt("robin", "127.0.0.1"), now=datetime.now(UTC))
        page.goto(reverse("admin:login"))
        _send(page, "Robin", PASSWORD)
        page.get_by_text("Retry in").wait_for()
        visits.check(page)
        keep_picture(page, f"429-{theme}-{width}")
    assert backoffice.slug
    assert not visits.faults, "\n".join(visits.faults)


@pytest.mark.parametrize(("theme", "width"), EVERY, ids=map("-".join, EVERY))
def test_pages_by_a_link_of_a_message(
    backoffice: Backoffice, visits: Visits, operator: StaffClient, theme: str, width: str
) -> None:
    known = User.objects.create_user(username="kim@brand.example", password=PASSWORD, is_staff=True)
    for email in ("new@brand.example", known.username):
        operator.post("invitations", {"tenant": backoffice.slug, "email": email, "role": "viewer"})
    for_new, for_known = _links()
    with visits.opened(theme=theme, width=width, client=operator) as page:
        visits.visit(page, reverse("admin:invitations"))
        page.locator(".bo-details > summary").first.click()
        visits.check(page)
        keep_picture(page, f"invitations-open-{theme}-{width}")
    with visits.opened(theme=theme, width=width) as page:
        visits.visit(page, for_known)
        keep_picture(page, f"invitation-known-{theme}-{width}")
        visits.visit(page, for_new)
        keep_picture(page, f"invitation-{theme}-{width}")
        _choose(page, "short")
        page.get_by_role("alert").first.wait_for()
        visits.check(page)
        _choose(page, PASSWORD)
        page.wait_for_url("**/admin/")
        visits.check(page)
        visits.visit(page, for_new, status=404)
        keep_picture(page, f"invitation-ended-{theme}-{width}")
        page.context.clear_cookies()
        page.goto(reverse("admin:login"))
        page.get_by_role("link", name="Forgotten your password").click()
        page.get_by_role("heading", name="Reset your password").wait_for()
        visits.check(page)
        keep_picture(page, f"password-reset-{theme}-{width}")
        page.get_by_label("E-mail").fill("new@brand.example")
        page.get_by_role("button", name="Send the link").click()
        page.get_by_role("heading", name="Check your e-mail").wait_for()
        visits.check(page)
        outbox.flush()
        for_reset = _links()[-1]
        visits.visit(page, for_reset)
        keep_picture(page, f"password-reset-confirm-{theme}-{width}")
        _choose(page, "another horse battery")
        page.get_by_text("Your password is changed").wait_for()
        visits.check(page)
        visits.visit(page, for_reset, status=404)
    assert not visits.faults, "\n".join(visits.faults)


@pytest.mark.parametrize(("theme", "width"), EVERY, ids=map("-".join, EVERY))
def test_pages_of_the_second_factor(
    backoffice: Backoffice, visits: Visits, operator: StaffClient, settings: Settings, theme: str, width: str
) -> None:
    settings.STAFF_MFA_REQUIRED = True
    user = User.objects.create_user(username="kim@brand.example", password=PASSWORD, is_staff=True)
    backoffice.add_member(user, Role.MANAGER)
    with visits.opened(theme=theme, width=width) as page:
        page.goto("/admin/orders/")
        _send(page, user.username, PASSWORD)
        page.get_by_role("heading", name="Set up an authenticator app").wait_for()
        page.get_by_text("Enter it by hand").click()
        visits.check(page)
        keep_picture(page, f"second-factor-enrolment-{theme}-{width}")
        _enter(page, "000000", "Set up")
        page.get_by_role("alert").wait_for()
        page.get_by_text("Enter it by hand").click()
        _enter(page, code_of(page.content()), "Set up")
        page.get_by_role("heading", name="Your recovery codes").wait_for()
        visits.check(page)
        keep_picture(page, f"recovery-codes-{theme}-{width}")
        recovery_code = page.locator(".bo-codes code").first.inner_text()
        page.get_by_role("link", name="I have stored them").click()
        page.wait_for_url("**/admin/")
        visits.visit(page, reverse("admin:second-factor-enrolment"))
        keep_picture(page, f"second-factor-replacement-{theme}-{width}")
        page.context.clear_cookies()
        page.goto("/admin/orders/")
        _send(page, user.username, PASSWORD)
        page.get_by_role("heading", name="Two-factor sign-in").wait_for()
        visits.check(page)
        _enter(page, "000000", "Continue")
        page.get_by_role("alert").wait_for()
        visits.check(page)
        keep_picture(page, f"second-factor-{theme}-{width}")
        _enter(page, recovery_code, "Continue")
        page.wait_for_url("**/admin/orders/")
    settings.STAFF_MFA_REQUIRED = False
    with visits.opened(theme=theme, width=width, client=operator) as page:
        for name in ("tenancy_user_change", "user-second-factor"):
            visits.visit(page, reverse(f"admin:{name}", kwargs={"object_id": str(user.pk)}))
            keep_picture(page, f"{name}-enrolled-{theme}-{width}")
    assert not visits.faults, "\n".join(visits.faults)


class TestFrame:
    def test_is_signed_in_to_and_left(self, backoffice: Backoffice, visits: Visits) -> None:
        user = User.objects.create_user(username="kim@brand.example", password=PASSWORD, is_staff=True)
        backoffice.add_member(user, Role.MANAGER)
        with visits.opened() as page:
            page.goto("/admin/orders/")
            _send(page, "Kim@Brand.example", PASSWORD)
            page.wait_for_url("**/admin/orders/")
            page.locator(".bo-menu > summary").click()
            visits.check(page)
            page.get_by_role("button", name="Log out").click()
            page.wait_for_url("**/admin/login/**")
        assert not visits.faults, "\n".join(visits.faults)

    def test_theme_is_chosen_and_kept(self, visits: Visits, manager: StaffClient) -> None:
        with visits.opened(theme="light", client=manager) as page:
            page.goto("/admin/")
            assert not _is_dark(page)
            page.locator(".bo-menu > summary").click()
            page.get_by_role("button", name="Dark").click()
            assert _is_dark(page)
            visits.check(page)
            page.keyboard.press("Escape")
            assert not page.get_by_role("button", name="Dark").is_visible()
            page.goto("/admin/orders/")
            assert _is_dark(page)
            page.locator(".bo-menu > summary").click()
            page.get_by_role("button", name="System").click()
            assert not _is_dark(page)
            page.emulate_media(color_scheme="dark")
            page.wait_for_function("document.documentElement.classList.contains('dark')")
        assert not visits.faults, "\n".join(visits.faults)

    def test_sidebar_opens_and_closes(self, visits: Visits, manager: StaffClient) -> None:
        with visits.opened(width="phone", client=manager) as page:
            page.goto("/admin/")
            orders = page.get_by_role("link", name="Orders", exact=True)
            assert not orders.first.is_visible()
            page.get_by_role("button", name="Menu", exact=True).click()
            assert orders.first.is_visible()
            visits.check(page)
            page.get_by_role("button", name="Close the menu").click()
            assert not orders.first.is_visible()
        with visits.opened(client=manager) as page:
            page.goto("/admin/")
            sidebar = page.locator("#nav-sidebar")
            assert sidebar.is_visible()
            page.get_by_role("button", name="Menu", exact=True).click()
            assert not sidebar.is_visible()
            page.goto("/admin/orders/")
            assert not sidebar.is_visible()
            visits.check(page)
        assert not visits.faults, "\n".join(visits.faults)

    def test_first_tab_skips_to_the_content(self, visits: Visits, manager: StaffClient) -> None:
        with visits.opened(client=manager) as page:
            page.goto("/admin/orders/")
            page.keyboard.press("Tab")
            skip = page.get_by_role("link", name="Skip to content")
            assert skip.evaluate("link => link === document.activeElement")
            assert (skip.bounding_box() or {"y": -1})["y"] >= 0
            visits.check(page)
            page.keyboard.press("Enter")
            page.keyboard.press("Tab")
            assert page.evaluate("document.getElementById('content').contains(document.activeElement)")
        assert not visits.faults, "\n".join(visits.faults)

    def test_photos_are_enlarged_in_place(self, backoffice: Backoffice, visits: Visits, manager: StaffClient) -> None:
        listing = backoffice.pending()
        with visits.opened(client=manager) as page:
            page.goto(reverse("admin:listing", kwargs={"listing_id": listing.id}))
            page.locator("[data-enlarge]").first.click()
            assert page.locator("dialog[data-lightbox]").is_visible()
            visits.check(page)
            page.keyboard.press("Escape")
            assert not page.locator("dialog[data-lightbox]").is_visible()
        assert not visits.faults, "\n".join(visits.faults)


def test_a_written_in_script_does_not_run(visits: Visits, manager: StaffClient) -> None:
    with visits.opened(client=manager) as page:
        page.goto("/admin/")
        page.evaluate("""() => {
            document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = true'>");
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
        }""")
        assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in fault for fault in visits.faults)


def _shown() -> set[str]:
    """Name every page of the admin that shows something."""
    functions = {"password_change", "password_change_done"}
    patterns = [one for one in urls.urlpatterns if isinstance(one, URLPattern)]
    views = {str(one.name) for one in patterns if hasattr(getattr(one.callback, "view_class", None), "get")}
    return (views | functions) - _LEAD_ON - _BY_LINK - OF_THE_FACTOR


def _send(page: Page, name: str, password: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def _links() -> list[str]:
    """Name the paths of the links that were sent."""
    return [path for one in mail.outbox for path in re.findall(r"https?://[^/]+(/\S+)", str(one.body))]


def _choose(page: Page, password: str) -> None:
    page.get_by_label("New password", exact=True).fill(password)
    page.get_by_label("New password confirmation").fill(password)
    page.get_by_role("button", name="Set the password").click()


def _enter(page: Page, code: str, button: str) -> None:
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name=button).click()


def _is_dark(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.classList.contains('dark')"))
