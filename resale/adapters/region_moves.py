"""Move of a tenant's write Region, with its administrator's rights: table policies, comparison of replicas, Pipes."""

import hashlib
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError

from resale.adapters.faults import code_of, unavailable_on_fault
from resale.adapters.table_restores import AccountTables
from resale.domain.tenant_moves import TableDigest
from resale.domain.tenants import Tenant

_ABSENT: Final = frozenset({"PolicyNotFoundException", "UnknownOperationException"})
_BITS: Final = 256
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class AccountRegions(AccountTables):
    """Implements ``resale.application.ports.RegionMoves``; ``client_for`` takes account and Region of the tenant."""

    def open_table(self, tenant: Tenant, table: str) -> None:
        """Remove the policy of a table."""
        arn = self._require(tenant, table)["TableArn"]
        with unavailable_on_fault("DynamoDB"):
            try:
                self._client_for(tenant, "dynamodb").delete_resource_policy(ResourceArn=arn)
            except ClientError as error:
                if code_of(error) not in _ABSENT:
                    raise

    def digest(self, tenant: Tenant, table: str) -> TableDigest:
        """Return the sum of the hashes of all items, which does not depend on their order."""
        count, total = 0, 0
        with unavailable_on_fault("DynamoDB"):
            pages = self._client_for(tenant, "dynamodb").get_paginator("scan")
            for page in pages.paginate(TableName=table, ConsistentRead=True):
                for item in page["Items"]:
                    count += 1
                    total += int.from_bytes(hashlib.sha256(_encode(item)).digest())
        return TableDigest(count, f"{total % 2**_BITS:x}")

    def start_changes(self, tenant: Tenant) -> None:
        """Start the Pipes of the tenant in its Region."""
        self._set_pipes(tenant, "RUNNING")

    def stop_changes(self, tenant: Tenant) -> None:
        """Stop them."""
        self._set_pipes(tenant, "STOPPED")

    def _set_pipes(self, tenant: Tenant, wanted: str) -> None:
        pipes: Any = self._client_for(tenant, "pipes")
        for table in self._tables_with_pipes(tenant):
            for pipe in self._pipes_of(tenant, table):
                if pipe["DesiredState"] != wanted:
                    change = pipes.start_pipe if wanted == "RUNNING" else pipes.stop_pipe
                    with unavailable_on_fault("EventBridge Pipes"):
                        change(Name=pipe["Name"])

    @staticmethod
    def _tables_with_pipes(tenant: Tenant) -> tuple[str, ...]:
        tables = tenant.resources.tables
        return (tables.listings, tables.orders, tables.customers)
