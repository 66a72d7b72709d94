"""The onboarding providers of AWS."""

from resale.adapters.organizations.accounts import OrganizationAccounts
from resale.adapters.organizations.clients import ManagementClients
from resale.adapters.organizations.stack_sets import StackSetStacks
from resale.application.ports import ShopSettings
from resale.domain.partners import Connection
from resale.domain.tenant_onboarding import OnboardingInvalid, TenantRequest
from resale.domain.tenants import Resources
from resale.settings import OrganizationSettings


class OrganizationProviders:
    """Implements ``resale.application.ports.OnboardingProviders``."""

    poll_seconds = 5.0

    def __init__(self, clients: ManagementClients, organization: OrganizationSettings) -> None:
        self.accounts = OrganizationAccounts(clients, organization)
        self.stacks = StackSetStacks(clients, organization)
        self.shops = BrandShops()


class BrandShops:
    """Shops with their own issuer and partners, which operators connect when the brand has named them."""

    def settings_of(self, request: TenantRequest) -> ShopSettings:
        """Return the settings of the request."""
        if request.oidc_issuer is None:
            raise OnboardingInvalid("Name the issuer of the shoppers' tokens with --issuer.")
        if not request.allowed_origins:
            raise OnboardingInvalid("Name the origins of the storefront with --origin.")
        return ShopSettings(
            oidc_issuer=request.oidc_issuer,
            oidc_audience=request.oidc_audience or f"{request.slug}-shop",
            allowed_origins=request.allowed_origins,
            sandbox=False,
        )

    def connect(self, request: TenantRequest, *, account_id: str, resources: Resources) -> tuple[Connection, ...]:  # noqa: ARG002 - the port's signature
        """Return none: a brand's partners are its own."""
        return ()

    def finish(self, account_id: str) -> None:
        """Do nothing: AWS keeps what it made."""
