"""The page of the public API in a real browser: no broken rule of access, no error, no other host."""

import pytest

from tests.proofs.browser.visiting import THEMES, WIDTHS, Visits

pytestmark = [pytest.mark.proof, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

EVERY = [(theme, width) for theme in THEMES for width in WIDTHS]
_OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_FOCUSED = "[document.activeElement.tagName, document.activeElement.parentElement.id]"


@pytest.mark.parametrize(("theme", "width"), EVERY, ids=map("-".join, EVERY))
def test_the_api_page(visits: Visits, theme: str, width: str) -> None:
    with visits.opened(theme=theme, width=width) as page:
        page.goto("/v1/docs", wait_until="networkidle")
        visits.check(page)
        page.goto("/v1/docs#createListing", wait_until="networkidle")
        visits.check(page)
    assert not visits.faults, "\n".join(visits.faults)


def test_nothing_is_wider_than_a_narrow_phone(visits: Visits) -> None:
    with visits.opened(width="phone") as page:
        page.set_viewport_size({"width": 360, "height": 740})
        page.goto("/v1/docs")
        page.evaluate(_OPEN_ALL)
        assert page.evaluate(_OVERFLOW) == 0


def test_is_searched_and_opened_by_keyboard(visits: Visits) -> None:
    with visits.opened() as page:
        page.goto("/v1/docs")
        page.keyboard.press("/")
        page.keyboard.type("CLAIM eviDENCE")
        assert page.inner_text("#found") == "1 found"
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate(_FOCUSED)[0] == "SUMMARY":
                break
        assert page.evaluate(_FOCUSED) == ["SUMMARY", "addEvidence"]
        page.keyboard.press("Enter")
        assert page.is_visible("#addEvidence .body")


def test_a_link_opens_what_it_points_at(visits: Visits) -> None:
    with visits.opened() as page:
        page.goto("/v1/docs#submitOrder")
        assert page.is_visible("#submitOrder .body")
        page.click("#submitOrder a[href='#schema-NewOrder']")
        assert page.is_visible("#schema-NewOrder .body")
