"""The onboarding providers of AWS."""

from resale.adapters.organizations.accounts import OrganizationAccounts
from resale.adapters.organizations.clients import ManagementClients
from resale.adapters.organizations.stack_sets import StackSetStacks
from resale.application.ports import ShopSettings
from resale.domain.entitlements import Tier
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
        self.shops = BrandShops(organization)


class BrandShops:
    """Shops with their own issuer and partners, which operators connect when the brand has named them.

    Sandboxes share the issuer that the organisation has for them; each has an audience of its own.
    """

    def __init__(self, organization: OrganizationSettings) -> None:
        self._organization = organization

    def settings_of(self, request: TenantRequest) -> ShopSettings:
        """Return the settings of the request."""
        if request.tier == Tier.SANDBOX:
            return self._sandbox_settings(request)
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

    def _sandbox_settings(self, request: TenantRequest) -> ShopSettings:
        issuer = request.oidc_issuer or self._organization.sandbox_issuer
        if issuer is None:
            raise OnboardingInvalid("No issuer for sandboxes is configured. Set sandbox_issuer in RESALE_ORGANIZATION.")
        return ShopSettings(
            oidc_issuer=issuer,
            oidc_audience=request.oidc_audience or f"{request.slug}-shop",
            allowed_origins=request.allowed_origins,
            sandbox=True,
        )

    def connect(self, request: TenantRequest, *, account_id: str, resources: Resources) -> tuple[Connection, ...]:  # noqa: ARG002 - the port's signature
        """Return none: a brand's partners are its own."""
        return ()

    def finish(self, account_id: str) -> None:
        """Do nothing: AWS keeps what it made."""
