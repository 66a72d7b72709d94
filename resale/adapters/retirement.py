"""A tenant's account while it is offboarded: its items, backups, key and secrets, with its administrator's rights."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError

from resale.adapters.faults import code_of, unavailable_on_fault
from resale.domain.tenant_offboarding import KEY_DELETION_DELAY, KeyDestruction
from resale.domain.tenants import Tenant

#: What engines respond that do not know an operation.
_UNKNOWN: Final = frozenset({"UnknownOperationException", "UnknownOperation", "InvalidAction", "NotImplemented"})
_PENDING: Final = frozenset({"PendingDeletion", "PendingReplicaDeletion"})
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


class AccountRetirement:
    """The calls of an offboarding to one tenant's account. ``client_for`` returns the client of a service there."""

    def __init__(self, client_for: Callable[[Tenant, str], Any]) -> None:
        self._client_for = client_for

    def iter_items(self, tenant: Tenant, table: str) -> Iterator[bytes]:
        """Iterate over all items, by consistent scans of 1 MB each; binary values as base64."""
        with unavailable_on_fault("DynamoDB"):
            pages = self._client_for(tenant, "dynamodb").get_paginator("scan")
            for page in pages.paginate(TableName=table, ConsistentRead=True):
                yield from map(_encode, page["Items"])

    def back_up(self, tenant: Tenant, table: str, *, name: str) -> str | None:
        """Make an on-demand backup unless one of this name exists."""
        dynamodb = self._client_for(tenant, "dynamodb")
        with unavailable_on_fault("DynamoDB"):
            try:
                known = dynamodb.list_backups(TableName=table)["BackupSummaries"]
                made = [one["BackupArn"] for one in known if one["BackupName"] == name]
                if made:
                    return str(made[0])
                created = dynamodb.create_backup(TableName=table, BackupName=name)
            except ClientError as error:
                if code_of(error) in _UNKNOWN:
                    return None
                raise
        return str(created["BackupDetails"]["BackupArn"])

    def destroy_key(self, tenant: Tenant) -> KeyDestruction:
        """Schedule the deletion of the key, after the shortest delay that KMS has, unless it is scheduled."""
        kms, key_arn = self._client_for(tenant, "kms"), tenant.resources.key_arn
        with unavailable_on_fault("KMS"):
            known = kms.describe_key(KeyId=key_arn)["KeyMetadata"]
            if known["KeyState"] in _PENDING:
                deleted_at = known["DeletionDate"]
            else:
                scheduled = kms.schedule_key_deletion(KeyId=key_arn, PendingWindowInDays=KEY_DELETION_DELAY.days)
                deleted_at = scheduled["DeletionDate"]
        return KeyDestruction(key_arn=key_arn, deleted_at=deleted_at.isoformat())

    def list_secrets(self, tenant: Tenant) -> Sequence[str]:
        """List the secrets whose names begin with the tenant's slug."""
        secrets, prefix = self._client_for(tenant, "secretsmanager"), f"{tenant.slug}/"
        with unavailable_on_fault("Secrets Manager"):
            pages = secrets.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [prefix]}])
            return sorted(
                secret["Name"] for page in pages for secret in page["SecretList"] if secret["Name"].startswith(prefix)
            )

    def destroy_secret(self, tenant: Tenant, name: str) -> None:
        """Delete a secret without recovery."""
        secrets = self._client_for(tenant, "secretsmanager")
        with unavailable_on_fault("Secrets Manager"):
            try:
                secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise
