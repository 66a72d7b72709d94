"""The rows of rollouts: how one begins beside others, who caused it, and whether it goes on."""

from collections.abc import Iterable

from django.db import transaction

from apps.tenancy.entitlement_changes import Cause, record_change
from apps.tenancy.models import Rollout, Tenant
from apps.tenancy.upgrades.plan import PlannedUpgrade
from resale.domain.tenant_upgrades import ENDED, RolloutAbandoned, RolloutState, RolloutUnfinished, UpgradeState
from resale.domain.waves import Wave


def record_rollout(rollout: Rollout, cause: Cause) -> None:
    """Record who started, stopped or abandoned a rollout, and why, in the change's own transaction."""
    value = {"template": rollout.template, "wave": rollout.wave, "state": rollout.state}
    record_change(None, subject="rollout", value=value, cause=cause)


def save_rollout(
    rollout: Rollout, planned: Iterable[PlannedUpgrade], cause: Cause | None, after: Rollout | None
) -> None:
    """Save a rollout with its tenants. Raises RolloutUnfinished or RolloutAbandoned: another process was first."""
    with transaction.atomic():
        last = Rollout.objects.select_for_update().first()  # who starts or abandons one as well waits here
        if after is None:
            require_none_unfinished()
        elif last is None or (last.id, last.state) != (after.id, RolloutState.COMPLETED):
            raise RolloutAbandoned(f"The rollout of {after.template} was abandoned or continued meanwhile.")
        rollout.save()
        for one in planned:
            if not one.is_current:
                rollout.upgrades.create(
                    tenant=Tenant.objects.get(slug=one.slug),
                    wave=one.wave.value,
                    state=UpgradeState.AWAITING_APPROVAL if one.awaits_approval else UpgradeState.PENDING,
                )
        if cause is not None:
            record_rollout(rollout, cause)


def require_none_unfinished() -> None:
    """Require that every rollout has ended, and none waits for its next wave. Raises RolloutUnfinished."""
    unfinished = Rollout.objects.exclude(state__in=ENDED).first()
    if unfinished is not None:
        raise RolloutUnfinished(
            f"The rollout of {unfinished.template} is {unfinished.state}. Continue it with --resume, or --abandon it."
        )
    last = Rollout.objects.first()
    if last is not None and waits_for_next_wave(last):
        raise RolloutUnfinished(
            f"The scheduled rollout of {last.template} waits for its next wave. --abandon it before another one."
        )


def waits_for_next_wave(rollout: Rollout) -> bool:
    """Return whether a scheduled rollout goes on by itself."""
    return rollout.scheduled and rollout.state == RolloutState.COMPLETED and rollout.wave != Wave.ALL


def require_running(rollout: Rollout) -> None:
    """Require that no operator abandoned a rollout since its last tenant. Raises RolloutAbandoned."""
    if Rollout.objects.filter(id=rollout.id, state=RolloutState.ABANDONED).exists():
        raise RolloutAbandoned(f"An operator abandoned the rollout of {rollout.template}. No further tenant is begun.")
