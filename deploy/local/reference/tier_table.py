"""``docs/reference/tiers.md``: what each tier includes, the features, and the waves in which they are released."""

from collections.abc import Iterator, Mapping

import msgspec

from deploy.local.reference.markdown import code, opening, page, table
from resale.domain.entitlements import DELIVERIES, ENTITLEMENTS, Delivery, Entitlement, Limits, Tier
from resale.domain.features import FEATURES, Declaration, Feature
from resale.domain.waves import MEANINGS, WavePlan, hours_of


def tier_page() -> str:
    """Return the page."""
    return page(_lines())


def _lines() -> Iterator[str]:
    yield from opening(
        "Tiers and features",
        "What each tier of tenants includes, and how a new feature reaches them. An operator overrides a limit of one "
        "tenant on its page in the admin; who, when and why is recorded and shown there. "
        "[Release a feature](../guides/release-a-feature.md) explains the commands.",
        source="`resale/domain/entitlements.py`, `resale/domain/features.py` and `resale/domain/waves.py`",
    )
    yield from ("## Tiers", "")
    yield from table(("what", *Tier), _tier_rows())
    yield from ("## Features", "")
    yield from table(
        ("feature", "what it is", "since", "default wave", "waves begin by themselves", "every tenant has it from"),
        _feature_rows(),
    )
    yield from ("## Waves", "", "Each wave contains the ones before it. A schedule observes each for some hours.", "")
    plan = WavePlan()
    rows = ((code(wave), meaning, str(hours_of(wave, plan) or "-")) for wave, meaning in MEANINGS.items())
    yield from table(("wave", "which tenants", "hours, unless a schedule has others"), rows)


def _tier_rows() -> Iterator[tuple[str, ...]]:
    yield from (_row(described, name, ENTITLEMENTS) for name, described in _describe(Entitlement) if name != "limits")
    limits = {tier: entitlement.limits for tier, entitlement in ENTITLEMENTS.items()}
    yield from (_row(described, name, limits) for name, described in _describe(Limits))


def _row(described: str, name: str, of: Mapping[Tier, object]) -> tuple[str, ...]:
    return (described, *(_show(getattr(of[tier], name)) for tier in Tier))


def _show(value: object) -> str:
    if isinstance(value, Delivery):
        return DELIVERIES[value]
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _feature_rows() -> Iterator[tuple[str, ...]]:
    return (_feature_row(feature, declared) for feature, declared in FEATURES.items())


def _feature_row(feature: Feature, declared: Declaration) -> tuple[str, ...]:
    begins = "-" if declared.begins_on is None else str(declared.begins_on)
    wave = code(declared.default_wave)
    return (code(feature), declared.summary, str(declared.since), wave, begins, str(declared.latest))


def _describe(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    properties = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]
    yield from ((name, str(body["description"])) for name, body in properties.items())
