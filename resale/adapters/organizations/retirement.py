"""The offboarding providers of AWS."""

from resale.adapters.organizations.accounts import OrganizationAccounts
from resale.adapters.organizations.clients import ManagementClients
from resale.adapters.retirement import AccountRetirement
from resale.domain.tenant_onboarding import AccountUnit
from resale.domain.tenants import Tenant
from resale.settings import OrganizationSettings


class OrganizationRetirement(AccountRetirement):
    """Implements ``resale.application.ports.OffboardingProviders``.

    Closing the account is an operator's: a closed account counts against the organisation's quota for 90 days.
    """

    poll_seconds = 5.0

    def __init__(self, clients: ManagementClients, organization: OrganizationSettings) -> None:
        super().__init__(
            lambda tenant, service: clients.client_of(tenant.account_id, tenant.region, service),
        )
        self._accounts = OrganizationAccounts(clients, organization)

    def retire(self, tenant: Tenant) -> None:
        """Move the account to the unit of closed accounts."""
        self._accounts.move(tenant.account_id, AccountUnit.CLOSED)
