"""The restore providers of the local platform: tables that are copied from a snapshot."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from deploy.local.engines import dynoxide
from deploy.local.provisioning.connections import Endpoints, RootAccount
from deploy.local.restores.snapshots import Snapshots
from deploy.local.supervisor import Supervisor
from deploy.local.supervisor.ports import pick
from resale.adapters.faults import unavailable_on_fault
from resale.adapters.table_restores import AccountTables
from resale.domain.tenant_restores import RestorableRange, TableState
from resale.domain.tenants import Tenant
from resale.errors import Unavailable

_BATCH: Final = 25  # items that one BatchWriteItem takes (API Reference)
_COPIED: Final = ("KeySchema", "AttributeDefinitions")


class LocalTables(AccountTables):
    """Implements ``resale.application.ports.TableRestores`` with snapshots.

    A restored table has keys and indexes and, as in AWS, no stream, TTL or tags. A copy that was interrupted has no
    marker, and is made again. The relay reads the streams of the resource map, so it needs no Pipe.
    """

    poll_seconds = 0.2
    purge_seconds = 0.0

    def __init__(
        self, snapshots: Snapshots, binary: Path | None, account_of: Callable[[Tenant], RootAccount], *, markers: Path
    ) -> None:
        """Store the parts. ``binary`` is dynoxide's; None: the stand-in's tables are in no file of their own."""
        super().__init__(lambda tenant, service: getattr(account_of(tenant), service))
        self._snapshots = snapshots
        self._binary = binary
        self._account_of = account_of
        self._markers = markers

    def find_range(self, tenant: Tenant, table: str) -> RestorableRange | None:  # noqa: ARG002 - the port's signature
        """Return the first snapshot's moment, and the present: any other has the data of the snapshot before it."""
        moments = self._snapshots.moments(tenant.account_id)
        return RestorableRange(moments[0], datetime.now(UTC)) if moments else None

    def moment_of(self, tenant: Tenant, at: datetime) -> datetime:
        """Return the moment of the newest snapshot that has nothing after ``at``."""
        return self._find(tenant, at)[0]

    def find(self, tenant: Tenant, table: str) -> TableState | None:
        """Return the state of a restored table; one that was copied in part is none."""
        return super().find(tenant, table) if self._marker(table).exists() else None

    def restore(self, tenant: Tenant, source: str, target: str, *, at: datetime) -> None:
        """Copy a table of the snapshot, with its keys and indexes, and nothing else."""
        live = self._account_of(tenant).dynamodb
        with unavailable_on_fault("DynamoDB"):
            described: Mapping[str, Any] = live.describe_table(TableName=source)["Table"]
            if super().find(tenant, target) is not None:
                live.delete_table(TableName=target)
            create: Any = live.create_table
            create(TableName=target, BillingMode="PAY_PER_REQUEST", **_shape_of(described))
            with self._engine_of(tenant, self._find(tenant, at)[1]) as past:
                pages = past.get_paginator("scan").paginate(TableName=source)
                found = (item for page in pages for item in page["Items"])
                while items := list(islice(found, _BATCH)):
                    live.batch_write_item(RequestItems={target: [{"PutRequest": {"Item": item}} for item in items]})
        self._markers.mkdir(parents=True, exist_ok=True)
        self._marker(target).touch()

    def carry_changes(self, tenant: Tenant, tables: Mapping[str, str], *, generation: str) -> tuple[str, ...]:  # noqa: ARG002 - the port's signature
        """Do nothing: the relay follows the resource map."""
        return ()

    def find_delay(self, tenant: Tenant, tables: tuple[str, ...]) -> None:
        """Return None: nothing has to start."""

    def retire_changes(self, tenant: Tenant, tables: tuple[str, ...]) -> bool:  # noqa: ARG002 - the port's signature
        """Purge the changes queue, its dead letters, and what the relay set aside."""
        return self._purge_changes(tenant)

    def _find(self, tenant: Tenant, at: datetime) -> tuple[datetime, Path]:
        found = self._snapshots.find(tenant.account_id, at)
        if found is None:
            raise Unavailable("No snapshot is that old. Take them with keep_snapshots.", retry_after_seconds=60)
        return found

    @contextmanager
    def _engine_of(self, tenant: Tenant, snapshot: Path) -> Iterator[Any]:
        """Run an engine on a copy of a snapshot, and give its client."""
        if self._binary is None:
            raise Unavailable("Only dynoxide's tables are in a file that can be copied.", retry_after_seconds=60)
        with tempfile.TemporaryDirectory(prefix="resale-restore-") as folder:
            data_file, port = Path(folder) / snapshot.name, pick()
            shutil.copyfile(snapshot, data_file)
            with Supervisor(log_dir=Path(folder), say=lambda _line: None) as supervisor:
                described = dynoxide.spec(self._binary, account=tenant.account_id, data_file=data_file, port=port)
                dynoxide.start(supervisor, described, data_file)
                url = f"http://127.0.0.1:{port}"
                endpoints = Endpoints(aws_url=url, dynamodb_url=url)
                yield RootAccount(account_id=tenant.account_id, region=tenant.region, endpoints=endpoints).dynamodb

    def _marker(self, table: str) -> Path:
        return self._markers / table


def _shape_of(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a restore brings with it: keys, indexes and encryption."""
    shape: dict[str, Any] = {name: described[name] for name in _COPIED}
    indexes = [
        {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
        for index in described.get("GlobalSecondaryIndexes", ())
    ]
    if indexes:
        shape["GlobalSecondaryIndexes"] = indexes
    key = described.get("SSEDescription", {}).get("KMSMasterKeyArn")
    if key:
        shape["SSESpecification"] = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    return shape
