"""Tenants: one brand, one AWS account, one write Region, and its resource map."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.amount_rules import AmountRules, rules_of
from resale.domain.entitlements import ENTITLEMENTS, Limits, Tier
from resale.domain.features import Feature
from resale.domain.ids import TenantId
from resale.domain.partners import Connection, PartnerKind, Provider
from resale.domain.policies import Policies
from resale.domain.price_rules import PriceRules


class TenantStatus(StrEnum):
    """The status of a tenant.

    ``FROZEN``: its data is restored or moved, nothing changes it meanwhile, and its messages wait. ``CLOSING``: it is
    offboarded and nothing changes its data; ``CLOSED``: for good.
    """

    ACTIVE = "active"
    SUSPENDED = "suspended"
    FROZEN = "frozen"
    CLOSING = "closing"
    CLOSED = "closed"


#: Tenants whose workers and webhooks run.
SERVED: Final = frozenset({TenantStatus.ACTIVE, TenantStatus.SUSPENDED})
#: Every process knows of a tenant's new status after 30 s (``apps.tenancy.registry``); and 5 s for what it was doing.
SETTLE: Final = timedelta(seconds=35)
#: A tenant with a standby is not served on a registry row older than this, and a command for it commits within it.
WRITE_LEASE: Final = timedelta(seconds=60)
#: So no process writes on a row that it read so long ago: its age, 10 s until workers look again, and the command.
WRITE_LEASE_ENDS: Final = 2 * WRITE_LEASE + timedelta(seconds=30)


class Queue(msgspec.Struct, frozen=True):
    """A queue and its dead-letter queue. ``name`` is the SQS name, unique over all tenants."""

    name: str
    url: str
    dlq_url: str


class Tables(msgspec.Struct, frozen=True):
    """Table names."""

    listings: str
    orders: str
    customers: str
    ledger: str
    history: str
    keys: str
    lookups: str
    idempotency: str


class Queues(msgspec.Struct, frozen=True):
    """Queues by purpose."""

    changes: Queue
    orders: Queue
    images: Queue


class Resources(msgspec.Struct, frozen=True):
    """The resource map: outputs of the tenant's stack. Code takes names from here and never formats them."""

    tables: Tables
    queues: Queues
    media_bucket: str
    audit_bucket: str
    topic_arn: str
    key_arn: str
    access_role_arn: str
    media_base_url: str  # where public renditions are served from, no trailing slash
    index_shards: int
    sweep_interval_seconds: int = 60
    pipes_dlq_url: str = ""  # where a Pipe sends what it gives up on; none in a map of before there was one


#: The developer's own machine, on any port, as browsers write it in Origin.
_LOCAL_ORIGIN: Final = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?")


class Standby(msgspec.Struct, frozen=True, kw_only=True):
    """The replica of a tenant: the Region to which its writes can move, and the resource map there."""

    region: str
    resources: Resources


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant as entrypoints and adapters know it. It has no secrets except the external id."""

    id: TenantId
    slug: str
    name: str
    account_id: str
    region: str
    tier: str
    status: TenantStatus
    sandbox: bool
    currency: str
    market: str  # the default market, ISO 3166-1 alpha-2
    locale: str  # BCP 47
    commission_basis_points: int
    oidc_issuer: str
    oidc_audience: str
    allowed_origins: tuple[str, ...]
    external_id: str
    resources: Resources
    policies: Policies = Policies()
    price_rules: PriceRules = PriceRules()
    limits: Limits = ENTITLEMENTS[Tier.STANDARD].limits
    features: frozenset[Feature] = frozenset()
    connections: tuple[Connection, ...] = ()
    standby: Standby | None = None
    write_epoch: int = 0  # how often the write Region was moved
    own_processes: bool = False  # its own web processes and workers serve it, the pooled ones do not

    def is_enabled(self, feature: Feature) -> bool:
        """Return whether the tenant has a feature. No call is made: it was decided when the tenant was read."""
        return feature in self.features

    def amount_rules(self, currency: str) -> AmountRules:
        """Return which amounts of a currency the tenant's payment provider can move. No call is made."""
        providers = (one.provider for one in self.connections if one.kind is PartnerKind.PAYMENTS)
        return rules_of(next(providers, Provider.SANDBOX), currency)

    def allows_origin(self, origin: str) -> bool:
        """Return whether the API permits an origin: the shop's, and in a sandbox a developer's.

        ``deploy/tenant/data.yaml`` gives the media bucket the same rule (AllowedOrigins, Sandbox).
        """
        return origin in self.allowed_origins or (self.sandbox and _LOCAL_ORIGIN.fullmatch(origin) is not None)
