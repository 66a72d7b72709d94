"""One process of many that play seeds: with engines of its own, as the tests' fixtures start them."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from pathlib import Path

from deploy.local.engines.install import ENGINES_DIR, install
from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.platform import ensure_platform_key
from resale.bootstrap import Container
from resale.settings import Settings
from tests.fixtures.engines import ACCOUNT_A
from tests.fixtures.provisioned import PLATFORM_ACCOUNT, PLATFORM_REGION, tenant_of
from tests.simulation.engine import describe_tables
from tests.simulation.stage import Played, Stage, as_played


@contextmanager
def open_stage(folder: Path) -> Iterator[Stage]:
    """Start engines of this process's own and provision a tenant, as the tests' fixtures do."""
    binary = install(ENGINES_DIR, lambda _line: None).dynoxide
    if binary is None:
        raise SystemExit("the engine that a run has to itself is published for linux-x64 only")
    with LocalEngines(folder, (ACCOUNT_A,), say=lambda _line: None) as engines:
        os.environ["AWS_ENDPOINT_URL"] = engines.aws_endpoint_url
        key = ensure_platform_key(
            aws_url=engines.aws_endpoint_url, account_id=PLATFORM_ACCOUNT, region=PLATFORM_REGION, known=None
        )
        settings = Settings(
            platform_region=PLATFORM_REGION,
            access_key_id=key.access_key_id,
            secret_access_key=key.secret_access_key,
            dynamodb_endpoints=dict(engines.dynamodb_endpoints),
            lookup_secret=b"lookup secret of the runs",
            cursor_secret=b"cursor secret of the runs",
        )
        tenant = tenant_of("northwind", ACCOUNT_A, "eu-west-2", currency="GBP", market="GB", engines=engines)
        tables = describe_tables(engines.dynamodb_endpoints[ACCOUNT_A], tenant, folder / "tables.json")
        base = Container(settings)
        try:
            yield Stage(base=base, tenant=as_played(tenant), binary=binary, tables=tables)
        finally:
            base.close()


def work(seeds: "Queue[int | None]", played: "Queue[Played]") -> None:
    """Play seeds until there are none."""
    logging.disable(logging.CRITICAL)  # what goes wrong in a run goes wrong on purpose
    with tempfile.TemporaryDirectory(prefix="simulation-") as folder, open_stage(Path(folder)) as stage:
        while (seed := seeds.get()) is not None:
            played.put(stage.play(seed))
