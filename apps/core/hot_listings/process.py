"""The hot listings of this process: the copies that readers share, the lines of buyers, and the metric."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from apps.core.event_counts import EventCounts
from apps.core.hot_listings.copies import Copies
from apps.core.hot_listings.detector import HotKeys
from apps.core.hot_listings.line import WaitingLine
from resale.domain.ids import ListingId, TenantId
from resale.domain.tenants import Tenant

#: Reads of one listing a second in one process, from which on its readers share a copy; below the second, no longer. A
#: partition of DynamoDB takes 3,000 reads of 4 KB a second (Developer Guide, "Partitions"): what 150 processes read.
VIEWS_HOT_PER_SECOND: Final = 20
VIEWS_COOL_PER_SECOND: Final = 10
#: Attempts to order one listing a second in one process, from which on they wait in line; below the second, no longer.
#: An attempt is a transaction of four items; one that fails is charged like one that succeeds.
ATTEMPTS_HOT_PER_SECOND: Final = 5
ATTEMPTS_COOL_PER_SECOND: Final = 2


class HotListings:
    """The hot listings of one process. Used by all of its threads.

    Attributes:
        copies: By tenant and listing; ``apps.storefront.hot_views`` has their type.
        line: By tenant and listing, as well.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._views = HotKeys(hot_per_second=VIEWS_HOT_PER_SECOND, cool_per_second=VIEWS_COOL_PER_SECOND, clock=clock)
        self._attempts = HotKeys(
            hot_per_second=ATTEMPTS_HOT_PER_SECOND, cool_per_second=ATTEMPTS_COOL_PER_SECOND, clock=clock
        )
        self._counts = EventCounts(metric="HotListingRequests")
        self.copies: Copies[Any] = Copies(clock=clock)
        self.line = WaitingLine(clock=clock)

    def count_view(self, tenant: Tenant, listing_id: ListingId) -> bool:
        """Count a read of a listing; return whether the listing is hot."""
        is_hot = self._views.count((tenant.id, listing_id))
        if is_hot:
            self.count_event(tenant, "view")
        else:
            self._counts.flush_if_due(self._clock())
        return is_hot

    def count_attempt(self, tenant: Tenant, listing_id: ListingId) -> bool:
        """Count an attempt to order a listing; return whether attempts to order it are hot."""
        is_hot = self._attempts.count((tenant.id, listing_id))
        if is_hot:
            self.count_event(tenant, "attempt")
        return is_hot

    def count_event(self, tenant: Tenant, reason: str) -> None:
        """Count what became of a request for a hot listing in the metric.

        Args:
            tenant: The shop.
            reason: ``view``, ``attempt``; and of the attempts, ``waiting`` or ``not_for_sale``: refused without effect.
        """
        self._counts.add(tenant.slug, reason, self._clock())


_current = HotListings()


def get_hot_listings() -> HotListings:
    """Return the hot listings of this process."""
    return _current


def set_hot_listings(hot_listings: HotListings) -> None:
    """Replace the hot listings of this process."""
    global _current  # noqa: PLW0603 - one a process is the point
    _current = hot_listings


def invalidate_written(tenant_id: TenantId, entity_ids: Sequence[str]) -> None:
    """End the copies of what a commit of this process wrote, whatever its outcome was."""
    copies = _current.copies
    for entity_id in entity_ids:
        copies.invalidate((tenant_id, entity_id))
