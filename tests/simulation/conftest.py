"""What all runs of a session share: data keys, sessions, and the description of the tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.engines.install import ENGINES_DIR, install
from resale.bootstrap import Container
from resale.domain.tenants import Tenant
from resale.settings import Settings
from tests.simulation.engine import describe_tables
from tests.simulation.stage import Stage, as_played


@pytest.fixture(scope="session")
def stage(
    resale_settings: Settings, tenants: tuple[Tenant, Tenant], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    installed = install(ENGINES_DIR, lambda _line: None)
    if installed.dynoxide is None:
        pytest.skip("the engine that a run has to itself is published for linux-x64 only")
    tenant, folder = tenants[0], Path(tmp_path_factory.mktemp("simulation"))
    url = resale_settings.dynamodb_endpoints[tenant.account_id]
    tables = describe_tables(url, tenant, folder / "tables.json")
    base = Container(resale_settings)
    yield Stage(base=base, tenant=as_played(tenant), binary=installed.dynoxide, tables=tables)
    base.close()
