"""Move of a tenant's write Region: its account with the rights of its administrator, in the Region of the tenant."""

from typing import Protocol

from resale.domain.tenant_moves import TableDigest
from resale.domain.tenants import Tenant


class RegionMoves(Protocol):
    """Each call goes to ``tenant.region``. All is idempotent and can raise Unavailable."""

    @property
    def poll_seconds(self) -> float:
        """Seconds between two comparisons of the replicas."""

    def close_table(self, tenant: Tenant, table: str) -> bool:
        """Refuse the platform's role each write to a table; False: the engine has no policies of tables."""

    def open_table(self, tenant: Tenant, table: str) -> None:
        """Undo ``close_table``."""

    def digest(self, tenant: Tenant, table: str) -> TableDigest:
        """Return the digest of a table's contents, from consistent reads of all items."""

    def start_changes(self, tenant: Tenant) -> None:
        """Carry the changes of the Region's streams to its changes queue, from their beginning."""

    def stop_changes(self, tenant: Tenant) -> None:
        """Stop carrying them."""
