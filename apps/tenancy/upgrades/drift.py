"""Drift: where a tenant's account is not what the registry recorded of it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from apps.tenancy.models import Tenant
from apps.tenancy.onboarding.machine import Onboarding
from apps.tenancy.onboarding.steps import Work
from resale.application.ports import Broken, Pending
from resale.domain.tenant_onboarding import OnboardingStep
from resale.errors import Rejected


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One difference: what it is about, what the registry has, and what the account has."""

    subject: str
    recorded: str
    actual: str


def find_drift(onboarding: Onboarding, slug: str) -> tuple[Drift, ...]:
    """Compare template, settings and resource map of a tenant with its stacks. Writes nothing.

    Raises:
        OnboardingNotFound: The tenant was not onboarded by this platform.
        Unavailable: The account does not respond.
    """
    work = onboarding.open_work(slug)
    recorded = str(work.records.get(OnboardingStep.STACKS, {}).get("template", ""))
    return (
        *_compare("template", recorded, onboarding.applied_template(slug)),
        *_iter_settings(work, template=onboarding.stored_name(recorded)),
        *_iter_resources(work, slug),
    )


def _iter_settings(work: Work, *, template: str) -> Iterator[Drift]:
    """Compare the parameters of the stacks with those that the registry gives them."""
    try:
        found = work.providers.stacks.find(msgspec.structs.replace(work.stack, template=template))
    except Rejected as refusal:
        yield Drift(subject="settings", recorded="current", actual=refusal.detail)
        return
    match found:
        case None:
            yield Drift(subject="settings", recorded="current", actual="other parameters, or no stacks")
        case Pending(what):
            yield Drift(subject="settings", recorded="current", actual=f"the stacks change: {what}")
        case Broken(reason):
            yield Drift(subject="settings", recorded="current", actual=reason)


def _iter_resources(work: Work, slug: str) -> Iterator[Drift]:
    row = Tenant.objects.filter(slug=slug).first()
    if row is None:
        return
    try:
        actual = msgspec.to_builtins(work.providers.stacks.read_outputs(work.stack))
    except Rejected as refusal:
        yield Drift(subject="resources", recorded="readable", actual=refusal.detail)
        return
    yield from _compare_maps("resources", row.resources, actual)
    stack = work.stack
    yield from _compare("allowed_origins", ",".join(row.allowed_origins), ",".join(stack.allowed_origins))
    if row.external_id != work.external_id:  # a secret, so that neither is shown
        yield Drift(subject="external_id", recorded="one", actual="another")


def _compare_maps(subject: str, recorded: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[Drift]:
    for name in sorted({*recorded, *actual}):
        before, now = recorded.get(name), actual.get(name)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from _compare_maps(f"{subject}.{name}", before, now)
        elif name in actual:  # what an older map does not have has its default
            yield from _compare(f"{subject}.{name}", before, now)


def _compare(subject: str, recorded: object, actual: object) -> Iterator[Drift]:
    if recorded != actual:
        yield Drift(subject=subject, recorded=str(recorded), actual=str(actual))
