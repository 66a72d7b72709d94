"""Opening a page in a browser and noting everything that is wrong with it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route

from tests.backoffice.staff_clients import StaffClient
from tests.fixtures.pictures import jpeg, scene

WIDTHS: Final = {"desktop": 1440, "phone": 390}
THEMES: Final = ("light", "dark")
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
_AXE: Final = """async ([runOnly, without]) => {
    const rules = Object.fromEntries(without.map((id) => [id, {enabled: false}]));
    const found = await axe.run(document, {runOnly, rules, resultTypes: ["violations"]});
    return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(" ")} `
        + `${node.any.concat(node.all, node.none).map((check) => check.message).join("; ")}`));
}"""
_OVERFLOW: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: An icon that the font does not have is shown as its name, which is wider than an icon.
_NAMED_ICONS: Final = """[...document.querySelectorAll(".material-symbols-outlined")]
    .filter((icon) => icon.checkVisibility() && icon.scrollWidth > 2 * parseFloat(getComputedStyle(icon).fontSize))
    .map((icon) => icon.textContent.trim())"""
_PHOTO: Final = jpeg(scene(320, 320))


@dataclass
class Visits:
    """Opens pages; ``faults`` says what was wrong with them, page by page."""

    browser: Browser
    axe: str
    base_url: str
    media_url: str
    faults: list[str] = field(default_factory=list)

    @contextmanager
    def opened(
        self, *, theme: str = "light", width: str = "desktop", client: StaffClient | None = None
    ) -> Iterator[Page]:
        """Open a browser window of its own, signed in as somebody."""
        context = self.browser.new_context(
            base_url=self.base_url,
            color_scheme="dark" if theme == "dark" else "light",
            viewport={"width": WIDTHS[width], "height": 900},
        )
        context.set_default_timeout(60_000)  # ms: a busy machine
        if client is not None:
            _sign_in(context, client, self.base_url)
        try:
            context.route(f"{self.media_url}/**", _show_photo)
            page = context.new_page()
            _Watch(self, page)
            yield page
        finally:
            context.close()

    def visit(self, page: Page, path: str, *, status: int = 200) -> None:
        """Go to a page and check it."""
        response = page.goto(path)
        assert response is not None
        if response.status != status:
            self.faults.append(f"{path}: {response.status} instead of {status}")
        self.check(page)

    def check(self, page: Page, *, without: tuple[str, ...] = ()) -> None:
        """Check the page as it is now; ``without`` names rules of axe-core that others' markup breaks."""
        where = f"{urlsplit(page.url).path} {page.evaluate('innerWidth')}"
        page.wait_for_load_state()  # after a click: before it, no font has been asked for yet
        page.evaluate("document.fonts.ready.then(() => null)")  # before it has come, an icon is read as its name
        page.evaluate(self.axe)
        self.faults += [f"{where}: {fault}" for fault in page.evaluate(_AXE, [_RULES, list(without)])]
        self.faults += [f"{where}: the font has no icon {name}" for name in page.evaluate(_NAMED_ICONS)]
        if page.evaluate(_OVERFLOW) > 0:
            self.faults.append(f"{where}: is wider than the window by {page.evaluate(_OVERFLOW)} px")

    def is_own(self, url: str) -> bool:
        """Whether a request stays with the platform: its server, or the tenant's pictures."""
        return url.startswith((f"{self.base_url}/", f"{self.media_url}/", "data:", "blob:"))


class _Watch:
    """Notes what a page's scripts, policy and requests do wrong."""

    def __init__(self, visits: Visits, page: Page) -> None:
        self._visits = visits
        self._page = page
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._note(f"script failed: {error}"))
        page.on("request", lambda request: self._on_request(request.url))

    def _on_console(self, message: ConsoleMessage) -> None:
        its_own_status = message.location.get("url") == self._page.url and "the server responded" in message.text
        if message.type in {"error", "warning"} and not its_own_status:
            self._note(f"console {message.type}: {message.text}")

    def _on_request(self, url: str) -> None:
        if not self._visits.is_own(url):
            self._note(f"asked {url}")

    def _note(self, fault: str) -> None:
        self._visits.faults.append(f"{urlsplit(self._page.url).path}: {fault}")


def _sign_in(context: BrowserContext, client: StaffClient, base_url: str) -> None:
    context.add_cookies(
        [
            {"name": name, "value": cookie.value, "domain": urlsplit(base_url).hostname or "", "path": "/admin/"}
            for name, cookie in client.client.cookies.items()
        ]
    )


def _show_photo(route: Route) -> None:
    """Stand in for the tenant's pictures: what lies in its bucket is not what is looked at here."""
    body: Any = _PHOTO
    route.fulfill(body=body, content_type="image/jpeg")


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture for whoever wants to look: ``BROWSER_PICTURES=folder make test-browser``."""
    folder = os.environ.get("BROWSER_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
