"""A rollout: one tenant after another by the machine that onboarded it, with a test, a bake time and a way back.

The tenants of a wave bake side by side, while others are upgraded. A tenant whose bake time is over is judged before
the next one is begun, so a bad template reaches no more tenants than are upgraded within one bake time.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from apps.core import clock
from apps.tenancy import registry
from apps.tenancy.entitlement_changes import Cause
from apps.tenancy.errors import TenantClosed
from apps.tenancy.models import Rollout, Tenant, TenantUpgrade
from apps.tenancy.onboarding.machine import Onboarding
from apps.tenancy.upgrades.plan import PlannedUpgrade, plan_upgrades
from apps.tenancy.upgrades.records import require_none_unfinished, require_running, save_rollout
from resale.domain.tenant_onboarding import OnboardingInProgress
from resale.domain.tenant_upgrades import (
    ENDED,
    RolloutAbandoned,
    RolloutNotFound,
    RolloutState,
    TemplateUnknown,
    UpgradeState,
    UpgradeStopped,
    UpgradeUnhealthy,
)
from resale.domain.tenants import SERVED, TenantStatus
from resale.domain.tenants import Tenant as KnownTenant
from resale.domain.waves import Wave
from resale.errors import Outcome

_UNEXPECTED: Final = "unexpected"
_OPEN: Final = (
    UpgradeState.PENDING.value,
    UpgradeState.RUNNING.value,
    UpgradeState.BAKING.value,
    UpgradeState.ROLLED_BACK.value,
    UpgradeState.FAILED.value,
)


class _TenantFrozen(Exception):  # noqa: N818 - named for what happened
    """The tenant of an upgrade is restored or moved."""


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

    @property
    def bake_seconds(self) -> float:
        """How long a tenant that was changed is observed."""
        return self._bake_seconds

    def release_template(self) -> str:
        """Return the name of this release's template."""
        return self._onboarding.release_template()

    def plan(self, *, wave: Wave, keeps_templates: bool) -> tuple[PlannedUpgrade, ...]:
        """Return the tenants that a rollout would reach, in order. Writes nothing. Raises Unavailable."""
        return plan_upgrades(self._onboarding, wave=wave, keeps_templates=keeps_templates)

    def start(
        self,
        *,
        wave: Wave,
        keeps_templates: bool,
        plan: Mapping[str, int] | None = None,
        cause: Cause | None = None,
        after: Rollout | None = None,
    ) -> None:
        """Roll out to a wave and the waves before it; tenants that have this release's template are passed over.

        Args:
            wave: The last wave.
            keeps_templates: Renew the settings only, each tenant with the template that it has.
            plan: Hours by field of ``WavePlan`` after which ``RolloutSchedule`` goes on to the next wave; None: it
                does not.
            cause: Recorded with the rollout; None: nothing is.
            after: The rollout whose next wave this is; nothing begins if that is no more the last one, and completed.

        Raises:
            RolloutAbandoned: An operator abandoned it meanwhile.
            RolloutUnfinished: One was started before and has not ended.
            TemplateUnknown: The template that a tenant is to keep is not known; nothing was begun.
            UpgradeStopped: A tenant could not be upgraded. It is back at its former template if that was possible.
            OnboardingInProgress: Another process works on a tenant.
        """
        if after is None:
            require_none_unfinished()
        planned = self.plan(wave=wave, keeps_templates=keeps_templates)
        if keeps_templates:
            for one in planned:
                _require_template(one.slug, one.former)
        rollout = Rollout(
            wave=wave.value,
            keeps_templates=keeps_templates,
            template=self._onboarding.release_template(),
            state=RolloutState.RUNNING,
            started_at=self._now(),
            scheduled=plan is not None,
            plan=dict(plan or {}),
        )
        save_rollout(rollout, planned, cause, after)
        self._run(rollout)

    def resume(self) -> None:
        """Continue the rollout that has not ended, with what is not upgraded; ``start`` has the errors.

        Raises:
            RolloutNotFound: All have ended.
        """
        rollout = Rollout.objects.exclude(state__in=ENDED).first()
        if rollout is None:
            raise RolloutNotFound("There is no rollout to continue. Start one without --resume.")
        rollout.state, rollout.detail = RolloutState.RUNNING, ""
        rollout.template = self._onboarding.release_template()
        resumed = {"state": rollout.state, "template": rollout.template, "detail": ""}
        if not Rollout.objects.filter(id=rollout.id).exclude(state__in=ENDED).update(**resumed):
            raise RolloutNotFound("The rollout was abandoned meanwhile. Start another one without --resume.")
        self._run(rollout)

    def _run(self, rollout: Rollout) -> None:
        upgrades = rollout.upgrades.filter(state__in=_OPEN).select_related("tenant")
        try:
            for _, upgrades_of_wave in groupby(upgrades, key=lambda upgrade: upgrade.wave):
                self._run_wave(rollout, list(upgrades_of_wave))
        except Exception:
            self._end(rollout, RolloutState.STOPPED)
            raise
        for upgrade in rollout.upgrades.filter(state=UpgradeState.AWAITING_APPROVAL).select_related("tenant"):
            self._say(f"{upgrade.tenant.slug:<24} awaits the brand's approval")
        self._require_none_postponed(rollout)
        self._end(rollout, RolloutState.COMPLETED)

    def _require_none_postponed(self, rollout: Rollout) -> None:
        """Stop a rollout whose frozen tenants were passed over. Raises UpgradeStopped."""
        slugs = list(rollout.upgrades.filter(state=UpgradeState.PENDING).values_list("tenant__slug", flat=True))
        if slugs:
            self._end(rollout, RolloutState.STOPPED)
            raise UpgradeStopped(f"Frozen, so not upgraded yet: {', '.join(slugs)}. Resume when they are served again.")

    def _run_wave(self, rollout: Rollout, upgrades: list[TenantUpgrade]) -> None:
        """Upgrade the tenants of a wave; when one stops it, those that were changed before are judged all the same."""
        baking: list[TenantUpgrade] = []
        try:
            for upgrade in upgrades:
                baking = self._judge_due(baking)
                require_running(rollout)
                if upgrade.state != UpgradeState.BAKING:
                    self._upgrade(rollout, upgrade)
                if upgrade.state == UpgradeState.BAKING:
                    baking.append(upgrade)
        except RolloutAbandoned:  # what was changed keeps its template
            raise
        except Exception:
            self._bake(rollout, baking)
            raise
        faults = self._bake(rollout, baking)
        if faults:
            raise faults[0]

    def _judge_due(self, baking: list[TenantUpgrade]) -> list[TenantUpgrade]:
        """Judge the tenants whose bake time is over; return the others. Raises UpgradeStopped."""
        due = [upgrade for upgrade in baking if self._remaining_seconds(upgrade) <= 0]
        for upgrade in due:
            self._judge(upgrade)
        return [upgrade for upgrade in baking if upgrade not in due]

    def _bake(self, rollout: Rollout, baking: list[TenantUpgrade]) -> list[UpgradeStopped]:
        """Wait for the end of the last bake time, then judge each tenant; return what stops the rollout.

        Raises:
            RolloutAbandoned: Meanwhile; nothing is judged.
        """
        baking = [upgrade for upgrade in baking if upgrade.state == UpgradeState.BAKING]
        if not baking:
            return []
        self._pause(max(*map(self._remaining_seconds, baking), 0))
        require_running(rollout)
        faults = []
        for upgrade in baking:
            try:
                self._judge(upgrade)
            except UpgradeStopped as fault:
                faults.append(fault)
        return faults

    def _remaining_seconds(self, upgrade: TenantUpgrade) -> float:
        changed_at = upgrade.changed_at or self._now()
        return (changed_at + timedelta(seconds=self._bake_seconds) - self._now()).total_seconds()

    def _judge(self, upgrade: TenantUpgrade) -> None:
        """End the bake time of a tenant by its failed messages. Raises UpgradeStopped."""
        try:
            with self._way_back(upgrade):
                self._count_again(upgrade)
        except TenantClosed:
            self._finish(upgrade, UpgradeState.LEFT)
            return
        self._finish(upgrade, UpgradeState.UPGRADED)

    def _end(self, rollout: Rollout, state: RolloutState) -> None:
        """Record the end; one that was abandoned meanwhile stays so."""
        ended = {"state": state, "finished_at": self._now()}
        Rollout.objects.filter(id=rollout.id).exclude(state=RolloutState.ABANDONED).update(**ended)

    def _upgrade(self, rollout: Rollout, upgrade: TenantUpgrade) -> None:
        """Upgrade a tenant as it is now: those before it took their time, and it can have left."""
        if self._is_postponed(upgrade):
            return
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
        except _TenantFrozen:
            self._is_postponed(upgrade)

    def _is_postponed(self, upgrade: TenantUpgrade) -> bool:
        """Pass over a tenant that is frozen, for a restore or a move: its turn comes when the rollout is resumed."""
        upgrade.tenant.refresh_from_db()
        if upgrade.tenant.status != TenantStatus.FROZEN:
            return False
        upgrade.state = UpgradeState.PENDING
        upgrade.save(update_fields=["state"])
        self._say(f"{upgrade.tenant.slug:<24} {upgrade.wave:<7} is frozen: passed over")
        return True

    def _attempt(self, rollout: Rollout, upgrade: TenantUpgrade) -> None:
        slug = upgrade.tenant.slug
        self._begin(upgrade)
        with self._way_back(upgrade):
            kept = _require_template(slug, upgrade.former_template) if rollout.keeps_templates else ""
            self._onboarding.upgrade(slug, template=self._onboarding.stored_name(kept))
            self._onboarding.check_served(registry.by_slug(slug))
        upgrade.state, upgrade.changed_at = UpgradeState.BAKING, self._now()
        upgrade.save(update_fields=["state", "changed_at"])

    @contextmanager
    def _way_back(self, upgrade: TenantUpgrade) -> Iterator[None]:
        """Roll a tenant back when what is done here fails. Raises UpgradeStopped, or what another process causes."""
        slug = upgrade.tenant.slug
        try:
            yield
        except (OnboardingInProgress, TenantClosed):  # another process has the tenant: nothing of it is ours to change
            raise
        except Outcome as fault:
            upgrade.tenant.refresh_from_db()
            if upgrade.tenant.status == TenantStatus.FROZEN:  # its stacks are the restore's, or the move's
                raise _TenantFrozen from fault
            self._roll_back(upgrade, code=fault.code, detail=fault.detail)
            raise UpgradeStopped(f"{slug} is {upgrade.state}: {fault.detail} No further tenant is begun.") from fault
        except Exception as fault:
            self._roll_back(upgrade, code=_UNEXPECTED, detail=f"{type(fault).__name__}. The log has the cause.")
            raise

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

    def _count_again(self, upgrade: TenantUpgrade) -> None:
        """Require that no more messages of a tenant failed than before its upgrade. Raises Outcome."""
        slug, errors_before = upgrade.tenant.slug, upgrade.errors_before or 0
        errors = self._count_errors(registry.by_slug(slug))
        if errors > errors_before:
            raise UpgradeUnhealthy(
                f"{slug} has {errors} dead letters and set-aside changes, {errors - errors_before} more than before."
            )
        upgrade.errors_before = errors

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
