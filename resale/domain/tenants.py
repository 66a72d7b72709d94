"""A tenant: one brand, one AWS account, one write region, and the map of what lies in it."""

from enum import StrEnum

import msgspec

from resale.domain.ids import TenantId


class TenantStatus(StrEnum):
    """Where a tenant is in its life."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class Queue(msgspec.Struct, frozen=True):
    """One queue and its dead-letter queue. ``name`` is the SQS name, unique over all tenants."""

    name: str
    url: str
    dlq_url: str


class Tables(msgspec.Struct, frozen=True):
    """Table names."""

    listings: str
    orders: str
    customers: str
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
    """The stack's outputs. Code takes names from here and never formats one."""

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


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """What every door and adapter may know of a tenant. No secrets but the external id."""

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
