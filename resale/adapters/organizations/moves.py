"""The move providers of AWS."""

from resale.adapters.organizations.clients import ManagementClients
from resale.adapters.region_moves import AccountRegions


class OrganizationRegions(AccountRegions):
    """Implements ``resale.application.ports.RegionMoves`` with the administrator's role of each account."""

    def __init__(self, clients: ManagementClients) -> None:
        super().__init__(lambda tenant, service: clients.client_of(tenant.account_id, tenant.region, service))
