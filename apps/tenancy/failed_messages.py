"""The signal of waves: how many messages and changes of a tenant failed as often as they can."""

from apps.core.container import get_container
from resale.domain.tenants import Tenant


def count_failed_messages(tenant: Tenant) -> int:
    """Return how many messages and changes of a tenant failed as often as they can. Raises Unavailable."""
    queues, resources = get_container().queues(tenant), tenant.resources
    purposes = (resources.queues.changes, resources.queues.orders, resources.queues.images)
    urls = [queue.dlq_url for queue in purposes] + ([resources.pipes_dlq_url] if resources.pipes_dlq_url else [])
    return sum(map(queues.count, urls))
