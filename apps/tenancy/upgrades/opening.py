"""The rollouts of this process, with the providers of where the platform runs."""

from collections.abc import Callable

from django.conf import settings

from apps.core.container import get_container
from apps.tenancy.onboarding.opening import open_onboarding
from apps.tenancy.onboarding.steps import IssuedKeys
from apps.tenancy.upgrades.rollout import Rollouts
from resale.domain.tenants import Tenant


def open_rollouts(*, say: Callable[[str], None]) -> Rollouts:
    """Open the rollouts; ``say`` receives a line for each step. Raises Unavailable: the platform does not run."""
    onboarding = open_onboarding(deliver=refuse_keys, say=say)
    return Rollouts(onboarding, count_errors=count_failed_messages, bake_seconds=settings.UPGRADE_BAKE_SECONDS, say=say)


def count_failed_messages(tenant: Tenant) -> int:
    """Return how many messages and changes of a tenant failed as often as they can. Raises Unavailable."""
    queues, resources = get_container().queues(tenant), tenant.resources
    purposes = (resources.queues.changes, resources.queues.orders, resources.queues.images)
    urls = [queue.dlq_url for queue in purposes] + ([resources.pipes_dlq_url] if resources.pipes_dlq_url else [])
    return sum(map(queues.count, urls))


def refuse_keys(issued: IssuedKeys) -> None:
    """Refuse new keys: tenants that are upgraded have theirs."""
    raise RuntimeError(f"the onboarding of {issued.slug} has not ended, so it cannot be upgraded")
