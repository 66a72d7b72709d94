"""Entitlements: what each tier of tenants includes. One table; an operator can override a limit of one tenant.

``resale.domain.features`` has the features, and decides by the tier's ``delivery`` which of them a tenant has.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

import msgspec

_MAX_RATE: Final = 100_000  # requests a second, far above what one service carries: no limit in practice
_MAX_BURST: Final = 200_000
_MAX_CONCURRENT: Final = 256


def _rate(description: str) -> msgspec.Meta:
    return msgspec.Meta(ge=1, le=_MAX_RATE, description=description)


def _burst(description: str) -> msgspec.Meta:
    return msgspec.Meta(ge=1, le=_MAX_BURST, description=description)


class Tier(StrEnum):
    """Whether pooled services or its own serve a tenant; a sandbox is served by the pooled ones, in test mode."""

    SANDBOX = "sandbox"
    STANDARD = "standard"
    PREMIUM = "premium"


class Delivery(StrEnum):
    """How new features and templates reach the tenants of a tier."""

    WAVES = "waves"
    CHOICE = "choice"


#: What a delivery means, for the reference.
DELIVERIES: Final[Mapping[Delivery, str]] = {
    Delivery.WAVES: "by themselves, wave by wave",
    Delivery.CHOICE: "when the brand opts in, at the latest on the feature's last date",
}


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the web service one tenant can use. Rates and bursts are of all processes together."""

    tenant_requests_per_second: Annotated[int, _rate("Requests per second of the shop, over all its keys.")]
    tenant_burst: Annotated[int, _burst("Requests of the shop that can arrive at once after a quiet time.")]
    key_requests_per_second: Annotated[int, _rate("Requests per second with one API key.")]
    key_burst: Annotated[int, _burst("Requests with one API key that can arrive at once after a quiet time.")]
    shopper_requests_per_second: Annotated[int, _rate("Requests per second of one shopper.")]
    shopper_burst: Annotated[int, _burst("Requests of one shopper that can arrive at once after a quiet time.")]
    concurrent_requests: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=_MAX_CONCURRENT,
            description="Requests of the shop that one web process handles at the same time; a process has 8 threads.",
        ),
    ]


class Entitlement(msgspec.Struct, frozen=True, kw_only=True):
    """What a tier includes."""

    delivery: Annotated[Delivery, msgspec.Meta(description="How new features reach its tenants.")]
    own_processes: Annotated[
        bool, msgspec.Meta(description="Whether its tenants can have web processes and workers of their own.")
    ]
    limits: Annotated[Limits, msgspec.Meta(description="How much of the web service one tenant can use.")]


#: What each tier includes. Stripe's limit for an account: 100 requests a second (docs.stripe.com/rate-limits, 2026-11).
ENTITLEMENTS: Final[Mapping[Tier, Entitlement]] = {
    Tier.SANDBOX: Entitlement(
        delivery=Delivery.WAVES,
        own_processes=False,
        limits=Limits(
            tenant_requests_per_second=10,
            tenant_burst=60,
            key_requests_per_second=10,
            key_burst=60,
            shopper_requests_per_second=5,
            shopper_burst=30,
            concurrent_requests=2,
        ),
    ),
    Tier.STANDARD: Entitlement(
        delivery=Delivery.WAVES,
        own_processes=False,
        limits=Limits(
            tenant_requests_per_second=100,
            tenant_burst=300,
            key_requests_per_second=80,
            key_burst=240,
            shopper_requests_per_second=10,
            shopper_burst=60,
            concurrent_requests=6,
        ),
    ),
    Tier.PREMIUM: Entitlement(
        delivery=Delivery.CHOICE,
        own_processes=True,
        limits=Limits(
            tenant_requests_per_second=500,
            tenant_burst=1500,
            key_requests_per_second=400,
            key_burst=1200,
            shopper_requests_per_second=20,
            shopper_burst=120,
            concurrent_requests=7,
        ),
    ),
}
#: Nothing that one machine can send reaches these.
UNLIMITED: Final = Limits(
    tenant_requests_per_second=_MAX_RATE,
    tenant_burst=_MAX_BURST,
    key_requests_per_second=_MAX_RATE,
    key_burst=_MAX_BURST,
    shopper_requests_per_second=_MAX_RATE,
    shopper_burst=_MAX_BURST,
    concurrent_requests=_MAX_CONCURRENT,
)


def limits_of(tier: Tier, overrides: Mapping[str, object]) -> Limits:
    """Return the limits of a tenant: those of its tier, except the overridden ones.

    Raises:
        msgspec.ValidationError: An override has an unknown name, or a value outside its bounds.
    """
    return msgspec.convert({**msgspec.structs.asdict(ENTITLEMENTS[tier].limits), **overrides}, Limits)
