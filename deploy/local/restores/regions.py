"""The move providers of the local platform: two engines of one account, each its tables in one Region."""

from collections.abc import Callable

from deploy.local.provisioning.connections import RootAccount
from resale.adapters.region_moves import AccountRegions
from resale.domain.tenants import Tenant


class LocalRegions(AccountRegions):
    """Implements ``resale.application.ports.RegionMoves``. The relay follows the resource map, so it needs no Pipe.

    dynoxide has no policies of tables: a move waits until no process can write on an old row any more.
    """

    poll_seconds = 0.5

    def __init__(self, account_of: Callable[[Tenant], RootAccount]) -> None:
        super().__init__(lambda tenant, service: getattr(account_of(tenant), service))

    def start_changes(self, tenant: Tenant) -> None:
        """Do nothing: the relay follows the resource map."""

    def stop_changes(self, tenant: Tenant) -> None:
        """Do nothing, likewise."""
