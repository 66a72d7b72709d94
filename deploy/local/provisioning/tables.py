"""Tables: keys, indexes, stream, TTL, encryption, point-in-time recovery, deletion protection."""

from typing import TYPE_CHECKING, Any

import msgspec

from deploy.local.provisioning.concessions import Gap, attempt
from deploy.local.provisioning.connections import RootAccount
from deploy.local.provisioning.shapes import Spec, Tag, read_spec, to_api
from deploy.local.provisioning.sources import TemplateError
from deploy.local.provisioning.templates import Applied, Template

if TYPE_CHECKING:  # the stubs are not installed where the platform runs
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef


class AttributeDefinition(Spec):
    """A key attribute and its type."""

    attribute_name: str
    attribute_type: str


class KeyElement(Spec):
    """One part of a key."""

    attribute_name: str
    key_type: str


class Projection(Spec):
    """The projected attributes of an index."""

    projection_type: str
    non_key_attributes: tuple[str, ...] = ()


class IndexSpec(Spec):
    """A global secondary index."""

    index_name: str
    key_schema: tuple[KeyElement, ...]
    projection: Projection


class StreamSpec(Spec):
    """The contents of stream records."""

    stream_view_type: str


class TimeToLiveSpec(Spec):
    """The TTL attribute."""

    attribute_name: str
    enabled: bool


class RecoverySpec(Spec):
    """Point-in-time recovery."""

    point_in_time_recovery_enabled: bool


class EncryptionSpec(Spec):
    """Encryption with a key of the account."""

    sse_enabled: bool = msgspec.field(name="SSEEnabled")
    sse_type: str = msgspec.field(name="SSEType")


class ReplicaEncryptionSpec(Spec):
    """The key of one Region."""

    key: str = msgspec.field(name="KMSMasterKeyId")


class ReplicaSpec(Spec):
    """The table in one Region."""

    region: str
    deletion_protection_enabled: bool
    point_in_time_recovery_specification: RecoverySpec
    sse_specification: ReplicaEncryptionSpec = msgspec.field(name="SSESpecification")
    tags: tuple[Tag, ...] = ()


class TableSpec(Spec):
    """AWS::DynamoDB::GlobalTable with one replica."""

    table_name: str
    billing_mode: str
    attribute_definitions: tuple[AttributeDefinition, ...]
    key_schema: tuple[KeyElement, ...]
    sse_specification: EncryptionSpec = msgspec.field(name="SSESpecification")
    replicas: tuple[ReplicaSpec]
    global_secondary_indexes: tuple[IndexSpec, ...] = ()
    stream_specification: StreamSpec | None = None
    time_to_live_specification: TimeToLiveSpec | None = None


def apply_table(account: RootAccount, template: Template, logical_id: str) -> Applied:
    """Create a table, or add missing parts to an existing one.

    Raises:
        TemplateError: The old table has another key: it cannot become this one.
    """
    spec = read_spec(TableSpec, template.properties(logical_id), logical_id)
    found = _find(account, spec.table_name) or _create(account, spec)
    _check_key(found, spec)
    _add_indexes(account, found, spec)
    _set_stream(account, found, spec)
    _set_time_to_live(account, spec)
    _set_recovery(account, spec)
    _set_deletion_protection(account, found, spec)
    arn = f"arn:aws:dynamodb:{account.region}:{account.account_id}:table/{spec.table_name}"
    return Applied(ref=spec.table_name, attributes={"Arn": arn, "StreamArn": f"{arn}/stream/latest"})


def _find(account: RootAccount, name: str) -> "TableDescriptionTypeDef | None":
    try:
        return account.dynamodb.describe_table(TableName=name)["Table"]
    except account.dynamodb.exceptions.ResourceNotFoundException:
        return None


def _create(account: RootAccount, spec: TableSpec) -> "TableDescriptionTypeDef":
    optional = (
        {"GlobalSecondaryIndexes": to_api(spec.global_secondary_indexes)} if spec.global_secondary_indexes else {}
    )
    account.dynamodb.create_table(
        TableName=spec.table_name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=to_api(spec.attribute_definitions),
        KeySchema=to_api(spec.key_schema),
        StreamSpecification=_stream(spec),
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": spec.replicas[0].sse_specification.key},
        Tags=to_api(spec.replicas[0].tags),
        **optional,
    )
    account.dynamodb.get_waiter("table_exists").wait(TableName=spec.table_name, WaiterConfig={"Delay": 1})
    return account.dynamodb.describe_table(TableName=spec.table_name)["Table"]


def _check_key(found: "TableDescriptionTypeDef", spec: TableSpec) -> None:
    if found["KeySchema"] != to_api(spec.key_schema):
        raise TemplateError(f"table {spec.table_name} has another key; a key cannot be changed")


def _add_indexes(account: RootAccount, found: "TableDescriptionTypeDef", spec: TableSpec) -> None:
    there = {index["IndexName"]: index for index in found.get("GlobalSecondaryIndexes", [])}
    for index in spec.global_secondary_indexes:
        if index.index_name not in there:
            _add_index(account, spec, index)
        elif there[index.index_name]["KeySchema"] != to_api(index.key_schema):
            raise TemplateError(f"index {index.index_name} of {spec.table_name} has another key; give it a new name")


def _add_index(account: RootAccount, spec: TableSpec, index: IndexSpec) -> None:
    account.dynamodb.update_table(
        TableName=spec.table_name,
        AttributeDefinitions=to_api(spec.attribute_definitions),
        GlobalSecondaryIndexUpdates=[{"Create": to_api(index)}],
    )


def _stream(spec: TableSpec) -> Any:
    if spec.stream_specification is None:
        return {"StreamEnabled": False}
    return {"StreamEnabled": True, "StreamViewType": spec.stream_specification.stream_view_type}


def _set_stream(account: RootAccount, found: "TableDescriptionTypeDef", spec: TableSpec) -> None:
    is_on = found.get("StreamSpecification", {}).get("StreamEnabled", False)
    if spec.stream_specification is not None and not is_on:
        account.dynamodb.update_table(TableName=spec.table_name, StreamSpecification=_stream(spec))


def _set_time_to_live(account: RootAccount, spec: TableSpec) -> None:
    wanted = spec.time_to_live_specification
    if wanted is None:
        return
    described = account.dynamodb.describe_time_to_live(TableName=spec.table_name)["TimeToLiveDescription"]
    if described.get("AttributeName") != wanted.attribute_name:  # setting it again is an error in AWS
        account.dynamodb.update_time_to_live(TableName=spec.table_name, TimeToLiveSpecification=to_api(wanted))


def _set_recovery(account: RootAccount, spec: TableSpec) -> None:
    wanted = to_api(spec.replicas[0].point_in_time_recovery_specification)
    account.note(
        attempt(
            Gap.POINT_IN_TIME_RECOVERY,
            lambda: account.dynamodb.update_continuous_backups(
                TableName=spec.table_name, PointInTimeRecoverySpecification=wanted
            ),
        )
    )


def _set_deletion_protection(account: RootAccount, found: "TableDescriptionTypeDef", spec: TableSpec) -> None:
    wanted = spec.replicas[0].deletion_protection_enabled
    if found.get("DeletionProtectionEnabled", False) != wanted:
        account.dynamodb.update_table(TableName=spec.table_name, DeletionProtectionEnabled=wanted)
