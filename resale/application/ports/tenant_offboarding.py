"""Offboarding of a tenant: its account with the rights of its administrator, and the signer of certificates."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from resale.domain.tenant_offboarding import KeyDestruction
from resale.domain.tenants import Tenant


class OffboardingProviders(Protocol):
    """The accounts of tenants, with their administrators' rights. All is idempotent and can raise Unavailable."""

    @property
    def poll_seconds(self) -> float:
        """Seconds between two probes of what changes by itself."""

    def iter_items(self, tenant: Tenant, table: str) -> Iterator[bytes]:
        """Iterate over all items of a table, each as one line of DynamoDB's JSON without its line break."""

    def back_up(self, tenant: Tenant, table: str, *, name: str) -> str | None:
        """Make a backup of this name unless there is one; return its ARN. None: the engine has no backups."""

    def destroy_key(self, tenant: Tenant) -> KeyDestruction:
        """Schedule the deletion of the key that wraps all data keys; return when it is deleted."""

    def list_secrets(self, tenant: Tenant) -> Sequence[str]:
        """List the names of the tenant's secrets."""

    def destroy_secret(self, tenant: Tenant, name: str) -> None:
        """Delete a secret without recovery; one that does not exist is ignored."""

    def retire(self, tenant: Tenant) -> None:
        """Move the account to the unit of closed accounts, and forget what the platform keeps of it elsewhere."""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A signature of the platform: both as base64, of 32 and 64 bytes."""

    algorithm: str
    public_key: str
    signature: str


class Signer(Protocol):
    """Signs what the platform certifies. The key is the same as long as the platform lives."""

    def sign(self, content: bytes) -> Signed:
        """Sign content."""
