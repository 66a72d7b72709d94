"""The pytest plugin of a mutation run."""

import json
from pathlib import Path
from typing import Final

import pytest

_STATS: Final = Path("mutmut-stats.json")  # beside the mutated copy of the tree


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Register the engines after the fixtures of the conftest files, which they replace."""
    session.config.pluginmanager.import_plugin("tests.mutation.engines")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that need no engine first, then the quick ones: most mutants do not survive them."""
    durations = json.loads(_STATS.read_text())["duration_by_test"] if _STATS.exists() else {}
    items.sort(key=lambda item: (not item.nodeid.startswith("tests/unit"), durations.get(item.nodeid, 0)))
