"""One platform for all tests that need one up; each finds it running."""

from collections.abc import Iterator

import pytest

from tests.e2e.machine import Machine

_ORDER = {"e2e": 0, "backoffice": 1}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with these: they take longest, and pytest-xdist moves to another process only what comes last.

    Tests of the back office follow: their pages add up what lies in a shop, so they come before those that leave a lot.
    """
    items.sort(key=lambda item: _ORDER.get(item.nodeid.split("/")[1], len(_ORDER)))


@pytest.fixture(scope="session")
def _machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    yield machine
    machine.close()


@pytest.fixture
def machine(_machine: Machine) -> Machine:
    _machine.ensure_up()
    return _machine
