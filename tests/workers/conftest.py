"""A ministack of the workers' own: these tests restart it, which ends every session in it."""

from collections.abc import Iterator

import pytest

from deploy.local.engines.local import LocalEngines
from tests.workers.lab import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two accounts with the tenants' role; DynamoDB is not started."""
    with LocalEngines(tmp_path_factory.mktemp("workers-engines"), ()) as engines:
        yield Lab(engines)
