"""The list of planted faults: each check has one, and the page shows the list. ``make test-faults`` plants them."""

from tests.simulation.faults import FAULTS
from tests.simulation.invariants import CHECKS, OWN_CHECKS
from tests.simulation.page import PAGE, page


def test_every_check_catches_a_fault() -> None:
    checks = {check.__name__ for check in CHECKS} | OWN_CHECKS.keys()
    assert {fault.caught_by for fault in FAULTS} == checks


def test_the_page_is_the_lists() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make reference` (python -m tests.simulation.page)"
