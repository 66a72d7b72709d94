"""A rollout: one tenant after another by the machine that onboarded it, with a test, a bake time and a way back."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from django.db import transaction

from apps.core import clock
from apps.tenancy import registry
from apps.tenancy.errors import TenantClosed
from apps.tenancy.models import Rollout, Tenant, TenantUpgrade
from apps.tenancy.onboarding.machine import Onboarding
from apps.tenancy.upgrades.plan import PlannedUpgrade, plan_upgrades
from resale.domain.tenant_onboarding import OnboardingInProgress
from resale.domain.tenant_upgrades import (
    RolloutNotFound,
    RolloutState,
    RolloutUnfinished,
    TemplateUnknown,
    UpgradeState,
    UpgradeStopped,
    UpgradeUnhealthy,
)
from resale.domain.tenants import SERVED
from resale.domain.tenants import Tenant as KnownTenant
from resale.domain.waves import Wave
from resale.errors import Outcome

_UNEXPECTED: Final = "unexpected"
_DONE: Final = (UpgradeState.UPGRADED.value, UpgradeState.AWAITING_APPROVAL.value, UpgradeState.LEFT.value)


class Rollouts:
    """Rolls templates and settings out on one platform.

    ``count_errors`` returns how many messages of a tenant are dead letters. ``say`` receives a line for each tenant.
    ``pause`` waits for some seconds.
    """

    def __init__(
        self,
        onboarding: Onboarding,
        *,
        count_errors: Callable[[KnownTenant], int],
        bake_seconds: float,
        say: Callable[[str], None],
        now: Callable[[], datetime] = clock.for_platform,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._onboarding = onboarding
        self._count_errors = count_errors
        self._bake_seconds = bake_seconds
        self._say = say
        self._now = now
        self._pause = pause

    def release_template(self) -> str:
        """Return the name of this release's template."""
        return self._onboarding.release_template()

    def plan(self, *, wave: Wave, keeps_templates: bool) -> tuple[PlannedUpgrade, ...]:
        """Return the tenants that a rollout would reach, in order. Writes nothing. Raises Unavailable."""
        return plan_upgrades(self._onboarding, wave=wave, keeps_templates=keeps_templates)

    def start(self, *, wave: Wave, keeps_templates: bool) -> None:
        """Roll out to a wave and the waves before it; tenants that have this release's template are passed over.

        Args:
            wave: The last wave.
            keeps_templates: Renew the settings only, each tenant with the template that it has.

        Raises:
            RolloutUnfinished: One was started before and has not ended.
            TemplateUnknown: The template that a tenant is to keep is not known; nothing was begun.
            UpgradeStopped: A tenant could not be upgraded. It is back at its former template if that was possible.
            OnboardingInProgress: Another process works on a tenant.
        """
        unfinished = Rollout.objects.exclude(state=RolloutState.COMPLETED).first()
        if unfinished is not None:
            raise RolloutUnfinished(
                f"The rollout of {unfinished.template} is {unfinished.state}. Continue it with --resume."
            )
        planned = self.plan(wave=wave, keeps_templates=keeps_templates)
        if keeps_templates:
            for one in planned:
                _require_template(one.slug, one.former)
        self._run(self._record(planned, wave=wave, keeps_templates=keeps_templates))

    def resume(self) -> None:
        """Continue the rollout that has not ended, with what is not upgraded; ``start`` has the errors.

        Raises:
            RolloutNotFound: All have ended.
        """
        rollout = Rollout.objects.exclude(state=RolloutState.COMPLETED).first()
        if rollout is None:
            raise RolloutNotFound("There is no rollout to continue. Start one without --resume.")
        rollout.state = RolloutState.RUNNING
        rollout.template = self._onboarding.release_template()
        rollout.save(update_fields=["state", "template"])
        self._run(rollout)

    def _record(self, planned: Iterable[PlannedUpgrade], *, wave: Wave, keeps_templates: bool) -> Rollout:
        with transaction.atomic():
            rollout = Rollout.objects.create(
                wave=wave.value,
                keeps_templates=keeps_templates,
                template=self._onboarding.release_template(),
                state=RolloutState.RUNNING,
                started_at=self._now(),
            )
            for one in planned:
                if not one.is_current:
                    rollout.upgrades.create(
                        tenant=Tenant.objects.get(slug=one.slug),
                        wave=one.wave.value,
                        state=UpgradeState.AWAITING_APPROVAL if one.awaits_approval else UpgradeState.PENDING,
                    )
        return rollout

    def _run(self, rollout: Rollout) -> None:
        for upgrade in rollout.upgrades.exclude(state__in=_DONE).select_related("tenant"):
            try:
                self._upgrade(rollout, upgrade)
            except Exception:
                self._end(rollout, RolloutState.STOPPED)
                raise
        for upgrade in rollout.upgrades.filter(state=UpgradeState.AWAITING_APPROVAL).select_related("tenant"):
            self._say(f"{upgrade.tenant.slug:<24} awaits the brand's approval")
        self._end(rollout, RolloutState.COMPLETED)

    def _end(self, rollout: Rollout, state: RolloutState) -> None:
        rollout.state, rollout.finished_at = state, self._now()
        rollout.save(update_fields=["state", "finished_at"])

    def _upgrade(self, rollout: Rollout, upgrade: TenantUpgrade) -> None:
        """Upgrade a tenant as it is now: those before it took their time, and it can have left."""
        upgrade.tenant.refresh_from_db()
        if upgrade.tenant.status not in SERVED:
            self._finish(upgrade, UpgradeState.LEFT)
            return
        if _awaits_approval(rollout, upgrade.tenant):
            upgrade.state = UpgradeState.AWAITING_APPROVAL
            upgrade.save(update_fields=["state"])
            return
        try:
            self._attempt(rollout, upgrade)
        except TenantClosed:  # its stacks are the offboarding's
            self._finish(upgrade, UpgradeState.LEFT)

    def _attempt(self, rollout: Rollout, upgrade: TenantUpgrade) -> None:
        slug = upgrade.tenant.slug
        self._begin(upgrade)
        try:
            kept = _require_template(slug, upgrade.former_template) if rollout.keeps_templates else ""
            self._onboarding.upgrade(slug, template=self._onboarding.stored_name(kept))
            self._watch(slug, errors_before=upgrade.errors_before or 0)
        except (OnboardingInProgress, TenantClosed):  # another process has the tenant: nothing of it is ours to change
            raise
        except Outcome as fault:
            self._roll_back(upgrade, code=fault.code, detail=fault.detail)
            raise UpgradeStopped(f"{slug} is {upgrade.state}: {fault.detail} No other tenant was begun.") from fault
        except Exception as fault:
            self._roll_back(upgrade, code=_UNEXPECTED, detail=f"{type(fault).__name__}. The log has the cause.")
            raise
        self._finish(upgrade, UpgradeState.UPGRADED)

    def _begin(self, upgrade: TenantUpgrade) -> None:
        """Record what a way back needs, before anything is changed; after a crash, what was recorded holds."""
        slug = upgrade.tenant.slug
        if upgrade.state == UpgradeState.ROLLED_BACK or not upgrade.former_template:
            upgrade.former_template = self._onboarding.applied_template(slug)
        if upgrade.state != UpgradeState.RUNNING:
            upgrade.errors_before = self._count_errors(registry.by_slug(slug))
        upgrade.state, upgrade.started_at = UpgradeState.RUNNING, self._now()
        upgrade.attempts += 1
        upgrade.error_code = upgrade.error_detail = ""
        upgrade.save()

    def _watch(self, slug: str, *, errors_before: int) -> None:
        """Test a tenant that was changed, and wait whether its messages fail. Raises Outcome."""
        tenant = registry.by_slug(slug)
        self._onboarding.check_served(tenant)
        self._pause(self._bake_seconds)
        errors = self._count_errors(tenant)
        if errors > errors_before:
            raise UpgradeUnhealthy(
                f"{slug} has {errors} dead letters and set-aside changes, {errors - errors_before} more than before."
            )

    def _roll_back(self, upgrade: TenantUpgrade, *, code: str, detail: str) -> None:
        """Return a tenant to its former template; it stays there until it is upgraded again. Raises TenantClosed."""
        slug, former = upgrade.tenant.slug, upgrade.former_template
        upgrade.error_code, upgrade.error_detail = code, detail
        is_another = former not in ("", self.release_template()) and not upgrade.rollout.keeps_templates
        if not is_another:  # the same again would be no way back
            self._finish(upgrade, UpgradeState.FAILED)
            return
        try:
            self._onboarding.upgrade(slug, template=self._onboarding.stored_name(former))
        except TenantClosed:
            raise
        except Exception as fault:
            upgrade.error_detail = f"{detail} The rollback failed, too: {fault}"
            self._finish(upgrade, UpgradeState.FAILED)
            raise
        self._finish(upgrade, UpgradeState.ROLLED_BACK)

    def _finish(self, upgrade: TenantUpgrade, state: UpgradeState) -> None:
        upgrade.state, upgrade.finished_at = state, self._now()
        upgrade.save()
        self._say(f"{upgrade.tenant.slug:<24} {upgrade.wave:<7} {state}")


def _awaits_approval(rollout: Rollout, tenant: Tenant) -> bool:
    """Return whether a tenant's brand has to approve the template of a rollout; a resumed one can have a newer."""
    needs_approval = tenant.approves_upgrades and not rollout.keeps_templates
    return needs_approval and tenant.approved_template != rollout.template


def _require_template(slug: str, template: str) -> str:
    """Return the template that a tenant keeps. Raises TemplateUnknown."""
    if not template:
        raise TemplateUnknown(
            f"The template of {slug}'s stacks is not known, so it cannot be kept. Bring {slug} to this release's with "
            "--templates first."
        )
    return template
