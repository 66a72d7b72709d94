"""Restore of a tenant's tables in its account, with its administrator's rights: recovery, Pipes, policies."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError

from resale.adapters.dynamodb.attribute_values import from_wire
from resale.adapters.dynamodb.stream_records import row_of
from resale.adapters.faults import code_of, unavailable_on_fault
from resale.application.ports import Broken, HistoryRow, Pending
from resale.domain.tenant_restores import RestorableRange, TableSetting, TableState
from resale.domain.tenants import Tenant

#: What engines respond that do not know an operation.
_UNKNOWN: Final = frozenset({"UnknownOperationException", "UnknownOperation", "InvalidAction", "NotImplemented"})
_NO_RECOVERY: Final = frozenset({"PointInTimeRecoveryUnavailableException", *_UNKNOWN})
_MISSING: Final = "ResourceNotFoundException"
_PURGING: Final = frozenset({"AWS.SimpleQueueService.PurgeQueueInProgress", "PurgeQueueInProgress"})
_BROKEN_PIPE: Final = frozenset({"CREATE_FAILED", "START_FAILED", "STOPPED", "STOP_FAILED", "UPDATE_FAILED"})
_WRITES: Final = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem")
#: Fields of a Pipe that its successor has, too. A Pipe's source cannot be changed (API Reference, UpdatePipe).
_PIPE_FIELDS: Final = ("RoleArn", "Target", "TargetParameters", "SourceParameters", "LogConfiguration", "Tags")

Client = Callable[[Tenant, str], Any]
_encode: Final = msgspec.json.Encoder().encode


class AccountTables:
    """The calls of a restore to one tenant's account. ``client_for`` returns the client of a service there.

    Implements ``resale.application.ports.TableRestores``.
    """

    poll_seconds = 10.0
    purge_seconds = 60.0  # the deletion of messages takes so long (API Reference, PurgeQueue)

    def __init__(self, client_for: Client) -> None:
        self._client_for = client_for

    # ---------------------------------------------------------------- recovery
    def find_range(self, tenant: Tenant, table: str) -> RestorableRange | None:
        """Return the moments to which a table can be restored; None: it has no recovery."""
        with unavailable_on_fault("DynamoDB"):
            described = self._client_for(tenant, "dynamodb").describe_continuous_backups(TableName=table)
        recovery = described["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
            return None
        return RestorableRange(recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"])

    def find(self, tenant: Tenant, table: str) -> TableState | None:
        """Return the state of a table; None if there is none."""
        described = self._describe(tenant, table)
        if described is None:
            return None
        return TableState.ACTIVE if described["TableStatus"] == "ACTIVE" else TableState.CREATING

    def moment_of(self, tenant: Tenant, at: datetime) -> datetime:  # noqa: ARG002 - the port's signature
        """Return the same moment: DynamoDB restores to the second."""
        return at.replace(microsecond=0)

    def restore(self, tenant: Tenant, source: str, target: str, *, at: datetime) -> None:
        """Begin to restore a table under a new name."""
        with unavailable_on_fault("DynamoDB"):
            self._client_for(tenant, "dynamodb").restore_table_to_point_in_time(
                SourceTableName=source,
                TargetTableName=target,
                RestoreDateTime=at.replace(microsecond=0),
                UseLatestRestorableTime=False,
            )

    # ---------------------------------------------------------------- settings
    def find_missing_settings(self, tenant: Tenant, source: str, target: str) -> tuple[TableSetting, ...]:
        """Return the settings that the source has and the target lacks, of those that the engine knows."""
        wanted, found = self._settings_of(tenant, source), self._settings_of(tenant, target)
        return tuple(setting for setting in TableSetting if wanted[setting] != found[setting])

    def apply_setting(self, tenant: Tenant, source: str, target: str, setting: TableSetting) -> None:
        """Give the target a setting of the source. A table takes one update at a time, so each is awaited."""
        dynamodb, wanted = self._client_for(tenant, "dynamodb"), self._settings_of(tenant, source)[setting]
        with unavailable_on_fault("DynamoDB"):
            if setting is TableSetting.STREAM:
                dynamodb.update_table(TableName=target, StreamSpecification=wanted)
            elif setting is TableSetting.DELETION_PROTECTION:
                dynamodb.update_table(TableName=target, DeletionProtectionEnabled=wanted)
            elif setting is TableSetting.TIME_TO_LIVE:
                specification = {"AttributeName": wanted, "Enabled": True}
                dynamodb.update_time_to_live(TableName=target, TimeToLiveSpecification=specification)
            elif setting is TableSetting.RECOVERY:
                specification = {"PointInTimeRecoveryEnabled": True}
                dynamodb.update_continuous_backups(TableName=target, PointInTimeRecoverySpecification=specification)
            else:
                arn = self._require(tenant, target)["TableArn"]
                tags = [{"Key": key, "Value": value} for key, value in wanted.items()]
                dynamodb.tag_resource(ResourceArn=arn, Tags=tags)

    def find_index_faults(self, tenant: Tenant, source: str, target: str) -> tuple[str, ...]:
        """Return what differs in keys, indexes and encryption, and which indexes are not active."""
        wanted, found = self._require(tenant, source), self._require(tenant, target)
        faults = [
            f"{target} has another {what} than {source}"
            for what, read in _COMPARED.items()
            if read(wanted) != read(found)
        ]
        inactive = [
            f"the index {index['IndexName']} of {target} is {index['IndexStatus']}"
            for index in found.get("GlobalSecondaryIndexes", ())
            if index.get("IndexStatus", "ACTIVE") != "ACTIVE"
        ]
        return (*faults, *inactive)

    # ---------------------------------------------------------------- contents
    def iter_heads(self, tenant: Tenant, table: str) -> Iterator[HistoryRow]:
        """Iterate over the current version of every entity, by consistent scans of 1 MB each."""
        with unavailable_on_fault("DynamoDB"):
            pages = self._client_for(tenant, "dynamodb").get_paginator("scan")
            for page in pages.paginate(TableName=table, ConsistentRead=True):
                yield from (row_of(from_wire(item)) for item in page["Items"] if "change" in item)

    # ---------------------------------------------------------------- changes
    def carry_changes(self, tenant: Tenant, tables: Mapping[str, str], *, generation: str) -> tuple[str, ...]:
        """Make a Pipe for each restored table that does what the Pipe of its source does; return their names."""
        return tuple(
            self._create_successor(tenant, pipe, target=target, generation=generation)
            for source, target in tables.items()
            for pipe in self._pipes_of(tenant, source)
        )

    def find_delay(self, tenant: Tenant, tables: tuple[str, ...]) -> Pending | Broken | None:
        """Return the first Pipe of these tables that does not run: one is created and started by and by."""
        for table in tables:
            for pipe in self._pipes_of(tenant, table):
                state = pipe["CurrentState"]
                if state in _BROKEN_PIPE:
                    return Broken(
                        f"The Pipe {pipe['Name']} is {state}: {pipe.get('StateReason', 'no reason is given')}."
                    )
                if state != "RUNNING":
                    return Pending(f"the Pipe {pipe['Name']} is {state}")
        return None

    def retire_changes(self, tenant: Tenant, tables: tuple[str, ...]) -> bool:
        """Stop the Pipes of these tables; once they have, purge the changes queue, its dead letters, and the Pipes'."""
        pipes, are_stopped = self._client_for(tenant, "pipes"), True
        for table in tables:
            for pipe in self._pipes_of(tenant, table):
                are_stopped = are_stopped and pipe["CurrentState"] == "STOPPED"
                if pipe["DesiredState"] != "STOPPED":
                    with unavailable_on_fault("EventBridge Pipes"):
                        pipes.stop_pipe(Name=pipe["Name"])
        return are_stopped and self._purge_changes(tenant)

    def _purge_changes(self, tenant: Tenant) -> bool:
        changes = tenant.resources.queues.changes
        for url in filter(None, (changes.url, changes.dlq_url, tenant.resources.pipes_dlq_url)):
            self._purge(tenant, url)
        return True

    def close_table(self, tenant: Tenant, table: str) -> bool:
        """Deny the platform's role each write to a table, by a policy of the table.

        It names that one role: a policy against everybody would also stop DynamoDB's own replication (Developer Guide,
        Global tables security).
        """
        arn = self._require(tenant, table)["TableArn"]
        statement = {
            "Sid": "ClosedToWrites",
            "Effect": "Deny",
            "Principal": "*",
            "Action": list(_WRITES),
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:PrincipalArn": tenant.resources.access_role_arn}},
        }
        policy = _encode({"Version": "2012-10-17", "Statement": [statement]}).decode()
        with unavailable_on_fault("DynamoDB"):
            try:
                self._client_for(tenant, "dynamodb").put_resource_policy(ResourceArn=arn, Policy=policy)
            except ClientError as error:
                if code_of(error) in _UNKNOWN:
                    return False
                raise
        return True

    # ---------------------------------------------------------------- parts
    def _describe(self, tenant: Tenant, table: str) -> dict[str, Any] | None:
        with unavailable_on_fault("DynamoDB"):
            try:
                described: dict[str, Any] = self._client_for(tenant, "dynamodb").describe_table(TableName=table)[
                    "Table"
                ]
            except ClientError as error:
                if code_of(error) == _MISSING:
                    return None
                raise
        return described

    def _require(self, tenant: Tenant, table: str) -> dict[str, Any]:
        described = self._describe(tenant, table)
        if described is None:
            raise KeyError(f"the table {table} does not exist any more")
        return described

    def _settings_of(self, tenant: Tenant, table: str) -> Mapping[TableSetting, Any]:
        dynamodb, described = self._client_for(tenant, "dynamodb"), self._require(tenant, table)
        with unavailable_on_fault("DynamoDB"):
            ttl = dynamodb.describe_time_to_live(TableName=table).get("TimeToLiveDescription", {})
            tags = dynamodb.list_tags_of_resource(ResourceArn=described["TableArn"]).get("Tags", ())
        return {
            TableSetting.STREAM: described.get("StreamSpecification") or None,
            TableSetting.TIME_TO_LIVE: ttl.get("AttributeName"),
            TableSetting.TAGS: {tag["Key"]: tag["Value"] for tag in tags if not tag["Key"].startswith("aws:")},
            TableSetting.RECOVERY: self._has_recovery(tenant, table),
            TableSetting.DELETION_PROTECTION: described.get("DeletionProtectionEnabled", False),
        }

    def _has_recovery(self, tenant: Tenant, table: str) -> bool:
        try:
            described = self._client_for(tenant, "dynamodb").describe_continuous_backups(TableName=table)
        except ClientError as error:
            if code_of(error) in _NO_RECOVERY:
                return False
            raise
        recovery = described["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        return bool(recovery.get("PointInTimeRecoveryStatus") == "ENABLED")

    def _pipes_of(self, tenant: Tenant, table: str) -> Sequence[dict[str, Any]]:
        """Return the Pipes whose source is a stream of this table."""
        pipes = self._client_for(tenant, "pipes")
        prefix = f"{self._require(tenant, table)['TableArn']}/stream/"
        with unavailable_on_fault("EventBridge Pipes"):
            listed = pipes.get_paginator("list_pipes").paginate(SourcePrefix=prefix)
            return [pipes.describe_pipe(Name=one["Name"]) for page in listed for one in page["Pipes"]]

    def _create_successor(self, tenant: Tenant, pipe: Mapping[str, Any], *, target: str, generation: str) -> str:
        name = f"{tenant.slug}-{pipe['Name'].removeprefix(f'{tenant.slug}-').partition('-')[0]}-{generation}"
        pipes, source = self._client_for(tenant, "pipes"), self._require(tenant, target)["LatestStreamArn"]
        fields = {field: pipe[field] for field in _PIPE_FIELDS if pipe.get(field)}
        with unavailable_on_fault("EventBridge Pipes"):
            try:
                pipes.create_pipe(Name=name, Source=source, DesiredState="RUNNING", **fields)
            except ClientError as error:
                if code_of(error) != "ConflictException":  # made before this process was interrupted
                    raise
        return name

    def _purge(self, tenant: Tenant, url: str) -> None:
        with unavailable_on_fault("SQS"):
            try:
                self._client_for(tenant, "sqs").purge_queue(QueueUrl=url)
            except ClientError as error:  # one purge a minute, by this run: nobody has sent since
                if code_of(error) not in _PURGING:
                    raise


def _indexes_of(described: Mapping[str, Any]) -> Any:
    return {
        index["IndexName"]: (index["KeySchema"], _projection_of(index))
        for index in described.get("GlobalSecondaryIndexes", ())
    }


def _projection_of(index: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    projection = index["Projection"]
    return projection["ProjectionType"], tuple(sorted(projection.get("NonKeyAttributes", ())))


_COMPARED: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "key": lambda described: described["KeySchema"],
    "set of indexes": _indexes_of,
    "key of encryption": lambda described: described.get("SSEDescription", {}).get("KMSMasterKeyArn"),
}
