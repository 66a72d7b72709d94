"""Fixtures of a mutation run: engines provisioned once, and for each mutant a copy of the tables as they were.

Without the copy, what one mutant wrote could fail the tests of the next ones.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from deploy.local.engines.install import install
from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.platform import AccessKey
from deploy.local.supervisor.ports import PortRegistry
from resale.domain.tenants import Tenant

STAGE_VARIABLE: Final = "MUTATION_STAGE"  # the path of a stage


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What is shared by all mutants: the engine of the other services, and the files of the tables to copy."""

    aws_endpoint_url: str
    engines_dir: str
    data_dir: str
    platform_key: AccessKey
    tenants: tuple[Tenant, Tenant]


class EnginesOfOneMutant(LocalEngines):
    """The shared ministack, and dynoxides of its own on copies of the tables."""

    def __init__(self, data_dir: Path, stage: Stage) -> None:
        """Copy the tables; nothing is started."""
        accounts = [tenant.account_id for tenant in stage.tenants]
        super().__init__(data_dir, accounts, engines_dir=Path(stage.engines_dir))
        shutil.copytree(Path(stage.data_dir) / "dynamodb", self.data_dir / "dynamodb")
        self.aws_endpoint_url = stage.aws_endpoint_url

    def start(self) -> None:
        """Start the dynoxides."""
        self._start_dynamodb(install(self._engines_dir, self._say), PortRegistry(self.data_dir / "ports.json"))


@pytest.fixture(scope="session")
def stage() -> Stage:
    return msgspec.json.decode(Path(os.environ[STAGE_VARIABLE]).read_bytes(), type=Stage)


@pytest.fixture(scope="session")
def engines(stage: Stage) -> Iterator[LocalEngines]:
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder, EnginesOfOneMutant(Path(folder), stage) as running:
        yield running


@pytest.fixture(scope="session")
def platform_key(stage: Stage) -> AccessKey:
    return stage.platform_key


@pytest.fixture(scope="session")
def tenants(stage: Stage) -> tuple[Tenant, Tenant]:
    return stage.tenants
