"""The schedule of rollouts: one that is scheduled goes on to its next wave by itself, and one can be abandoned."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.conf import settings
from django.db import transaction

from apps.core import clock
from apps.tenancy import registry
from apps.tenancy.entitlement_changes import SCHEDULE, Cause
from apps.tenancy.models import Rollout, TenantUpgrade
from apps.tenancy.upgrades.records import record_rollout, require_none_unfinished, waits_for_next_wave
from apps.tenancy.upgrades.rollout import Rollouts
from resale.domain.feature_schedules import change_plan
from resale.domain.tenant_upgrades import ENDED, RolloutNotFound, RolloutState, UpgradeState, UpgradeUnhealthy
from resale.domain.tenants import SERVED, Tenant
from resale.domain.waves import Wave, WavePlan, hours_of

#: A process that upgrades a tenant leaves a trace of it more often.
_LONGEST_QUIET: Final = timedelta(hours=2)
_SHOWN_TENANTS: Final = 3


class RolloutSchedule:
    """Begins the next wave of a scheduled rollout, if the tenants of the waves before are healthy."""

    def __init__(
        self,
        rollouts: Rollouts,
        *,
        count_errors: Callable[[Tenant], int],
        now: Callable[[], datetime] = clock.for_platform,
    ) -> None:
        self._rollouts = rollouts
        self._count_errors = count_errors
        self._now = now

    def advance(self) -> str:
        """Begin the next wave of the last rollout if its hours are over and no message of its tenants failed since.

        Idempotent until the next wave is due. Several may run at once: one begins the wave.

        Returns:
            What was done, or what it waits for, as a sentence for the operator.

        Raises:
            UpgradeUnhealthy: Messages failed; the rollout is stopped, and ``--resume`` observes its wave anew.
            RolloutUnfinished: It is stopped, or its process was killed.
            Outcome: As of ``Rollouts.start``, or a tenant cannot be counted.
        """
        rollout = Rollout.objects.first()
        if rollout is None or not rollout.scheduled or rollout.state == RolloutState.ABANDONED:
            return "no rollout is scheduled"
        if rollout.state == RolloutState.RUNNING and is_alive(
            rollout, now=self._now(), bake_seconds=self._rollouts.bake_seconds
        ):
            return f"the wave {rollout.wave} of {rollout.template} is running"
        if not waits_for_next_wave(rollout):
            require_none_unfinished()
            return f"{rollout.template} has reached all tenants"
        if rollout.template != self._rollouts.release_template():
            return f"this release has another template than {rollout.template}: --abandon that, then start another"
        return self._go_on(rollout)

    def _go_on(self, rollout: Rollout) -> str:
        healthy = self._count_reached(rollout)
        due_at = next_wave_at(rollout)
        if self._now() < due_at:
            return f"the wave {rollout.wave} of {rollout.template} is observed until {due_at:%Y-%m-%dT%H:%MZ}"
        wave = _next_wave(rollout)
        reason = f"No new failed message of {healthy} tenants in the wave {rollout.wave}"
        cause = Cause(by=SCHEDULE, reason="Begun as requested" if rollout.wave == Wave.NONE else reason)
        self._rollouts.start(wave=wave, keeps_templates=False, plan=rollout.plan, cause=cause, after=rollout)
        return f"the wave {wave} of {rollout.template} is completed"

    def _count_reached(self, rollout: Rollout) -> int:
        """Count the tenants that have the template, and keep the lowest failures seen. Raises UpgradeUnhealthy."""
        upgrades = _list_reached(rollout)
        counts = {upgrade.id: self._count_errors(registry.by_slug(upgrade.tenant.slug)) for upgrade in upgrades}
        worse = [one for one in upgrades if counts[one.id] > (one.errors_before or 0)]
        if worse:
            detail = _describe(worse, counts)
            self._stop(rollout, upgrades, counts, detail)
            raise UpgradeUnhealthy(f"{detail}. The rollout of {rollout.template} is stopped.")
        self._keep(upgrades, counts)
        return len(upgrades)

    def _stop(self, rollout: Rollout, upgrades: list[TenantUpgrade], counts: Mapping[int, int], detail: str) -> None:
        """Stop it where it is; what is counted now is what a resumed one is compared with."""
        with transaction.atomic():
            done = Rollout.objects.filter(id=rollout.id, state=RolloutState.COMPLETED)
            if done.update(state=RolloutState.STOPPED, detail=detail):
                self._keep(upgrades, counts)
                rollout.state = RolloutState.STOPPED
                record_rollout(rollout, Cause(by=SCHEDULE, reason=detail))

    def _keep(self, upgrades: list[TenantUpgrade], counts: Mapping[int, int]) -> None:
        for upgrade in upgrades:
            upgrade.errors_before = counts[upgrade.id]
        TenantUpgrade.objects.bulk_update(upgrades, ["errors_before"])


def is_alive(rollout: Rollout, *, now: datetime | None = None, bake_seconds: float | None = None) -> bool:
    """Return whether a rollout that runs left a trace lately; default: now, with the bake time of the settings."""
    times = rollout.upgrades.values_list("started_at", "changed_at", "finished_at")
    last = max((moment for row in times for moment in row if moment), default=rollout.started_at)
    bake = settings.UPGRADE_BAKE_SECONDS if bake_seconds is None else bake_seconds
    return (now or clock.for_platform()) - max(last, rollout.started_at) < _LONGEST_QUIET + timedelta(seconds=bake)


def request_rollout(*, template: str, hours: Mapping[str, int], cause: Cause) -> None:
    """Request a scheduled rollout: ``RolloutSchedule.advance`` begins its ring when it runs next.

    Args:
        template: The release's, as of ``Rollouts.release_template``.
        hours: By field of ``WavePlan``; the others have their defaults.
        cause: Recorded with the rollout.

    Raises:
        RolloutUnfinished: One has not ended, or waits for its next wave.
        WavePlanRefused: The hours are no plan.
        django.core.exceptions.ValidationError: The cause names no reason.
    """
    plan = msgspec.structs.asdict(change_plan(WavePlan(), hours))
    now = clock.for_platform()
    with transaction.atomic():
        Rollout.objects.select_for_update().first()  # who starts or abandons one as well waits here
        require_none_unfinished()
        rollout = Rollout.objects.create(
            wave=Wave.NONE.value,
            keeps_templates=False,
            template=template,
            state=RolloutState.COMPLETED,
            started_at=now,
            finished_at=now,
            scheduled=True,
            plan=plan,
        )
        record_rollout(rollout, cause)


def next_wave_at(rollout: Rollout) -> datetime:
    """Return when the wave of a scheduled rollout has been observed for its hours."""
    plan = msgspec.convert(rollout.plan, WavePlan)
    return (rollout.finished_at or rollout.started_at) + timedelta(hours=hours_of(Wave(rollout.wave), plan))


def abandon_rollout(*, cause: Cause, rollout_id: int | None = None) -> Mapping[UpgradeState, int]:
    """Abandon the rollout that has not ended, or that waits for its next wave: nobody else is begun by it.

    Tenants that were upgraded keep the template, also those whose bake time runs; one that was rolled back or failed
    stays as it is. A process that runs the rollout ends with its present tenant. Another rollout can begin.

    Args:
        cause: Recorded with the end.
        rollout_id: Of the rollout that is meant; None: whichever is under way.

    Returns:
        How many tenants of the rollout are in which state.

    Raises:
        RolloutNotFound: No rollout is under way, or another one than is meant.
        django.core.exceptions.ValidationError: The cause names no reason.
    """
    with transaction.atomic():
        rollout = Rollout.objects.select_for_update().first()
        if rollout is None or not is_under_way(rollout):
            raise RolloutNotFound("No rollout is under way, so there is none to abandon.")
        if rollout_id not in {None, rollout.id}:
            raise RolloutNotFound("Another rollout is under way by now. Look at it before you abandon it.")
        rollout.state, rollout.detail, rollout.finished_at = RolloutState.ABANDONED, cause.reason, clock.for_platform()
        rollout.save(update_fields=["state", "detail", "finished_at"])
        waiting = rollout.upgrades.filter(state__in=(UpgradeState.PENDING, UpgradeState.AWAITING_APPROVAL))
        waiting.update(state=UpgradeState.ABANDONED)
        record_rollout(rollout, cause)
    states = Counter(rollout.upgrades.values_list("state", flat=True))
    return {state: states[state] for state in UpgradeState if states[state]}


def _next_wave(rollout: Rollout) -> Wave:
    order = list(Wave)
    return order[order.index(Wave(rollout.wave)) + 1]


def is_under_way(rollout: Rollout) -> bool:
    """Return whether a rollout can be abandoned: it has not ended, or waits for its next wave."""
    return waits_for_next_wave(rollout) or rollout.state not in ENDED


def _list_reached(rollout: Rollout) -> list[TenantUpgrade]:
    """List the upgrades of served tenants by this schedule, which began with its last ring."""
    if rollout.wave == Wave.NONE:
        return []
    began = Rollout.objects.filter(scheduled=True, wave=Wave.RING.value).values_list("id", flat=True).first()
    of_schedule = TenantUpgrade.objects.filter(
        rollout__scheduled=True, rollout_id__gte=began or rollout.id, state=UpgradeState.UPGRADED
    )
    served = of_schedule.filter(tenant__status__in=SERVED).select_related("tenant")
    return list({upgrade.tenant_id: upgrade for upgrade in served}.values())


def _describe(worse: list[TenantUpgrade], counts: Mapping[int, int]) -> str:
    shown = [f"{one.tenant.slug} {counts[one.id] - (one.errors_before or 0)}" for one in worse[:_SHOWN_TENANTS]]
    more = f", and {len(worse) - len(shown)} tenants more" if len(worse) > len(shown) else ""
    return f"New failed messages after the upgrade: {', '.join(shown)}{more}"
