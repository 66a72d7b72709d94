"""The page of the public API in a real browser: no broken rule of access, no error, no other host."""

import pytest

from tests.proofs.browser.visiting import THEMES, WIDTHS, Visits

pytestmark = [pytest.mark.proof, pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

#: Broken by Swagger UI's own markup and colours (5.x, in drf-spectacular-sidecar), not by ours.
SWAGGERS = ("nested-interactive", "select-name", "color-contrast")
EVERY = [(theme, width) for theme in THEMES for width in WIDTHS]


@pytest.mark.parametrize(("theme", "width"), EVERY, ids=map("-".join, EVERY))
def test_the_api_page(visits: Visits, theme: str, width: str) -> None:
    with visits.opened(theme=theme, width=width) as page:
        page.goto("/v1/docs", wait_until="networkidle")
        visits.check(page, without=SWAGGERS)
    assert not visits.faults, "\n".join(visits.faults)
