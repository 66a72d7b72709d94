"""The rollouts of this process, with the providers of where the platform runs."""

from collections.abc import Callable

from django.conf import settings

from apps.tenancy.failed_messages import count_failed_messages
from apps.tenancy.onboarding.opening import open_onboarding
from apps.tenancy.onboarding.steps import IssuedKeys
from apps.tenancy.upgrades.rollout import Rollouts


def open_rollouts(*, say: Callable[[str], None]) -> Rollouts:
    """Open the rollouts; ``say`` receives a line for each step. Raises Unavailable: the platform does not run."""
    onboarding = open_onboarding(deliver=refuse_keys, say=say)
    return Rollouts(onboarding, count_errors=count_failed_messages, bake_seconds=settings.UPGRADE_BAKE_SECONDS, say=say)


def refuse_keys(issued: IssuedKeys) -> None:
    """Refuse new keys: tenants that are upgraded have theirs."""
    raise RuntimeError(f"the onboarding of {issued.slug} has not ended, so it cannot be upgraded")
