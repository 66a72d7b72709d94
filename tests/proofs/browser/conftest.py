"""A real browser on the live server, and what it must not see: errors, foreign hosts, broken rules of access."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from pytest_django.live_server_helper import LiveServer

from deploy.local.engines.axe import install_axe
from resale.domain.access import Role
from tests.backoffice.staff_clients import Backoffice, StaffClient, an_operator
from tests.fixtures.storefront import Front
from tests.proofs.browser.visiting import Visits

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# As root there is no sandbox; a container's /dev/shm is small (playwright's own Docker notes).
_SWITCHES = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium, or skip and say why."""
    path = next((found for name in _CHROMIUMS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on the PATH: the pages were not looked at in a browser (Debian: apt install chromium)")
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        # Playwright's synchronous API runs a loop in this thread, which Django takes for an asynchronous caller.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        running = playwright.chromium.launch(executable_path=path, args=_SWITCHES)
        yield running
        running.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script that checks a page."""
    return install_axe().read_text(encoding="utf-8")


@pytest.fixture
def visits(browser: Browser, axe: str, live_server: LiveServer, backoffice: Backoffice) -> Visits:
    """Where pages are opened."""
    media = backoffice.front.shop.tenant.resources.media_base_url
    return Visits(browser, axe, base_url=live_server.url, media_url=media)


@pytest.fixture
def backoffice(front: Front) -> Backoffice:
    return Backoffice(front)


@pytest.fixture
def manager(backoffice: Backoffice) -> StaffClient:
    return backoffice.add_staff(Role.MANAGER)


@pytest.fixture
def operator(db: None) -> StaffClient:  # noqa: ARG001 - opens the database
    return an_operator()
