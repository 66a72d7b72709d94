"""Onboarding of a tenant: the providers of accounts, stacks and shop settings, and the smoke test."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from resale.domain.partners import Connection
from resale.domain.tenant_onboarding import AccountUnit, TenantRequest
from resale.domain.tenants import Resources, Tenant


class Pending(msgspec.Struct, frozen=True):
    """A probe's result: the provider is working on it. ``what`` is shown to the operator."""

    what: str


class Broken(msgspec.Struct, frozen=True):
    """A probe's result: the provider gave up. ``reason`` is its own message; acting again can succeed."""

    reason: str


class StackRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The stacks of one account and Region."""

    tenant_id: str
    slug: str
    account_id: str
    region: str
    external_id: str
    sandbox: bool
    allowed_origins: tuple[str, ...]
    template: str = ""  # the name of a stored template; empty: this release's


class ShopSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a shop that depend on where the platform runs."""

    oidc_issuer: str
    oidc_audience: str
    allowed_origins: tuple[str, ...]
    sandbox: bool


class AccountProvider(Protocol):
    """The AWS accounts of the organisation. Every method is idempotent and can raise Unavailable."""

    def find(self, request: TenantRequest) -> str | Pending | Broken | None:
        """Find the account of a request: the named one, or the one created for its slug; None: there is none.

        The search prevents a second account: creating has no idempotency token.

        Raises:
            AccountDuplicated: Several accounts were created for the slug.
            AccountUnknown: The request names an account that is not in the organisation.
        """

    def create(self, request: TenantRequest) -> None:
        """Start to create the account of a slug; ``find`` returns it when it exists.

        Raises:
            AccountQuotaReached: The organisation has as many accounts as it can.
            AccountCreationFailed: The provider refused.
        """

    def is_in_unit(self, account_id: str, unit: AccountUnit) -> bool:
        """Return whether an account is in an organisational unit."""

    def move(self, account_id: str, unit: AccountUnit) -> None:
        """Move an account to an organisational unit."""

    def find_baseline(self, account_id: str, region: str) -> bool | Pending:
        """Return whether the Region is enabled in the account and its security baseline is in place."""

    def apply_baseline(self, account_id: str, region: str) -> None:
        """Start to enable the Region and its security baseline."""


class StackProvider(Protocol):
    """The stacks of tenants' accounts. Every method is idempotent and can raise Unavailable."""

    def release_template(self) -> str:
        """Return the name of this release's template."""

    def applied_template(self, stack: StackRequest) -> str:
        """Return the name of the template that the stacks have now; empty: it is not known."""

    def find(self, stack: StackRequest) -> str | Pending | Broken | None:
        """Return a version that is the same while template and parameters are; None: the stacks are not current."""

    def apply(self, stack: StackRequest) -> None:
        """Start to create or update the stacks; ``find`` returns when they are current.

        Raises:
            TemplateNotAvailable: No template of this name is stored.
        """

    def read_outputs(self, stack: StackRequest) -> Resources:
        """Return the outputs of current stacks as the resource map.

        Raises:
            TemplateTooNew: The stacks are of a newer template than this release knows.
        """


class ShopProvider(Protocol):
    """What surrounds a shop where the platform runs: its issuer and its partners."""

    def settings_of(self, request: TenantRequest) -> ShopSettings:
        """Return issuer, audience and origins: those of the request, or those that this provider has.

        Raises:
            OnboardingInvalid: The request must name them, and does not.
        """

    def connect(self, request: TenantRequest, *, account_id: str, resources: Resources) -> tuple[Connection, ...]:
        """Prepare the connections to partners that every tenant has here, with their secrets. Idempotent."""

    def finish(self, account_id: str) -> None:
        """Make durable what was provisioned, before the tenant is served. Idempotent. Raises Unavailable."""


class OnboardingProviders(Protocol):
    """The providers of one platform."""

    @property
    def poll_seconds(self) -> float:
        """Seconds between two probes of what a provider works on."""

    @property
    def accounts(self) -> AccountProvider:
        """Provider of accounts."""

    @property
    def stacks(self) -> StackProvider:
        """Provider of stacks."""

    @property
    def shops(self) -> ShopProvider:
        """Provider of issuers and partners."""


class SmokeTest(Protocol):
    """The test of an account through the role that the service uses."""

    def run(
        self, tenant: Tenant, *, sentinel: str, other_external_id: str, is_served: bool = False
    ) -> Mapping[str, str]:
        """Test every kind of resource; return what was tested.

        Args:
            tenant: The tenant.
            sentinel: Identifies the records and messages of this run.
            other_external_id: Another tenant's; the role must refuse it.
            is_served: Workers poll its queues and would receive canaries, so that its queues are only looked at.

        Raises:
            SmokeTestFailed: A resource does not work as the service requires; the message names it.
            Unavailable: A service did not respond.
        """
