"""Tenants: one brand, one AWS account, one write Region, and its resource map."""

import re
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from resale.domain.ids import TenantId
from resale.domain.money import AmountMinor
from resale.domain.partners import Connection


class TenantStatus(StrEnum):
    """The status of a tenant."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


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


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of a shop: price limits, deadlines, rates, and whether only purchased items can be listed.

    The defaults are the field's (DOMAIN.md, default timers). A price of 0 is no bound; prices are in minor units of the
    shop's currency.
    """

    min_price_minor: AmountMinor = 0
    max_price_minor: AmountMinor = 0
    listing_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 90
    hold_minutes: Annotated[int, msgspec.Meta(ge=1, le=30)] = 15
    ship_by_business_days: Annotated[int, msgspec.Meta(ge=1, le=30)] = 5
    claim_window_hours: Annotated[int, msgspec.Meta(ge=1, le=24 * 30)] = 72
    return_ship_hours: Annotated[int, msgspec.Meta(ge=24, le=24 * 30)] = 72
    auto_receive_days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 14
    claim_close_days: Annotated[int, msgspec.Meta(ge=1, le=180)] = 60
    refund_window_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 180
    payout_delay_hours: Annotated[int, msgspec.Meta(ge=0, le=24 * 30)] = 48
    store_credit_bonus_basis_points: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    purchase_required: bool = False

    def __post_init__(self) -> None:
        """Verify the price limits. Raises ValueError, which msgspec converts into its own error."""
        if 0 < self.max_price_minor < self.min_price_minor:
            raise ValueError("The lowest price is higher than the highest price.")


#: The developer's own machine, on any port, as browsers write it in Origin.
_LOCAL_ORIGIN: Final = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?")


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
    connections: tuple[Connection, ...] = ()

    def allows_origin(self, origin: str) -> bool:
        """Return whether the API permits an origin: the shop's, and in a sandbox a developer's.

        ``deploy/tenant/data.yaml`` gives the media bucket the same rule (AllowedOrigins, Sandbox).
        """
        return origin in self.allowed_origins or (self.sandbox and _LOCAL_ORIGIN.fullmatch(origin) is not None)
