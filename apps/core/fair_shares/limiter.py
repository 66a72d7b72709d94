"""Counting of requests against the limits of tenants, keys and shoppers: GCRA token buckets and a bulkhead."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

import msgspec

from apps.core.event_counts import EventCounts
from apps.core.fair_shares.priorities import RULES, Priority
from apps.core.fair_shares.rates import ProcessShare, Rate
from apps.core.fair_shares.refusals import RateLimited
from resale.domain.entitlements import Limits

Clock: TypeAlias = Callable[[], float]
ShopperKey: TypeAlias = tuple[str, str, str]

_MAX_KEYS: Final = 10_000
_MAX_SHOPPERS: Final = 50_000  # about 15 MiB; the least recently seen bucket is forgotten, which makes it full
_ROUNDING: Final = 1e-9  # seconds
_CONCURRENT_RETRY_SECONDS: Final = 1
_PARTS: Final = {priority: rule.bucket_part for priority, rule in RULES.items()}


class LimitedTenant(Protocol):
    """What a limiter reads of a tenant."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def slug(self) -> str:
        """Its name in metrics."""

    @property
    def limits(self) -> Limits:
        """Its limits: the same object as long as they are not read again."""


class Admission(msgspec.Struct, gc=False):
    """A request that was admitted; it is returned to the limiter when the request ends.

    Attributes:
        state: The tenant's counts.
        key_id: The API key.
        shopper: The shopper; None without a token.
        rate: The caller's own limit; None for a publishable key without a shopper, which all visitors share, so that
            what is left of it would disclose the traffic of the shop.
        left_seconds: What is left of that limit, in seconds of its rate.
    """

    state: "TenantState"
    key_id: str
    shopper: ShopperKey | None
    rate: Rate | None
    left_seconds: float

    @property
    def quota_item(self) -> str | None:
        """The item of the RateLimit header; None if there is nothing to disclose."""
        return None if self.rate is None else self.rate.quota_item(self.left_seconds)


class Limiter(Protocol):
    """Admits requests within the limits of their tenants. Used by all threads of a process."""

    def enter(
        self, tenant: LimitedTenant, *, key_id: str, is_secret: bool, shopper: ShopperKey | None, priority: Priority
    ) -> Admission:
        """Admit a request. A request that is refused takes nothing from any limit.

        Args:
            tenant: The tenant, with its limits.
            key_id: Id of the API key.
            is_secret: Whether it is a secret key.
            shopper: Tenant id, issuer and subject of the shopper; None without a token.
            priority: Of the endpoint.

        Raises:
            RateLimited: The tenant, the key or the shopper is above its limit.
        """

    def leave(self, admission: Admission) -> None:
        """End a request. Called exactly once for each admission, whatever became of the request."""

    def cancel(self, admission: Admission) -> None:
        """End a request that did not run and will be repeated: it counts in no limit."""


class TenantState:
    """The counts of one tenant in this process."""

    __slots__ = ("full_at", "in_flight", "limits", "share")

    def __init__(self, limits: Limits, share: ProcessShare) -> None:
        self.limits = limits
        self.share = share
        self.full_at = 0.0  # of the tenant's bucket; monotonic seconds, GCRA's theoretical arrival time
        self.in_flight = 0


class LocalLimiter:
    """A limiter of one process, in its memory: each process enforces its part of a limit."""

    def __init__(
        self,
        *,
        processes: int,
        counts: EventCounts,
        clock: Clock = time.monotonic,
        max_keys: int = _MAX_KEYS,
        max_shoppers: int = _MAX_SHOPPERS,
    ) -> None:
        self._processes = processes
        self._clock = clock
        self._lock = threading.Lock()
        self._tenants: dict[str, TenantState] = {}
        self._keys = _Buckets(max_keys)
        self._shoppers = _Buckets(max_shoppers)
        self._counts = counts

    def enter(
        self, tenant: LimitedTenant, *, key_id: str, is_secret: bool, shopper: ShopperKey | None, priority: Priority
    ) -> Admission:
        """Admit a request. See Limiter."""
        now = self._clock()
        part = _PARTS[priority]
        with self._lock:
            state = self._state_of(tenant)
            share = state.share
            if state.in_flight >= share.concurrent:
                found: Admission | RateLimited = refuse_concurrent(share.concurrent)
            else:
                found = self._take(state, key_id=key_id, is_secret=is_secret, shopper=shopper, part=part, now=now)
        if isinstance(found, RateLimited):
            self._counts.add(tenant.slug, found.policy, now)
            raise found
        return found

    def hold(self, tenant: LimitedTenant) -> TenantState:
        """Admit a request by the number of concurrent ones alone, for a limiter that counts the rates elsewhere.

        Raises:
            RateLimited: The tenant has as many requests under way as it can have.
        """
        with self._lock:
            state = self._state_of(tenant)
            concurrent = state.share.concurrent
            if state.in_flight < concurrent:
                state.in_flight += 1
                return state
        refusal = refuse_concurrent(concurrent)
        self._counts.add(tenant.slug, refusal.policy, self._clock())
        raise refusal

    def release(self, state: TenantState) -> None:
        """End a request that was held."""
        with self._lock:
            state.in_flight -= 1

    def leave(self, admission: Admission) -> None:
        """End a request. See Limiter."""
        self.release(admission.state)
        self._counts.flush_if_due(self._clock())

    def cancel(self, admission: Admission) -> None:
        """End a request that will be repeated. See Limiter."""
        state = admission.state
        with self._lock:
            state.in_flight -= 1
            state.full_at -= state.share.tenant.interval_seconds
            self._keys.refund(admission.key_id, state.share.key.interval_seconds)
            if admission.shopper is not None:
                self._shoppers.refund(admission.shopper, state.share.shopper.interval_seconds)

    def _state_of(self, tenant: LimitedTenant) -> TenantState:
        """Return the counts of a tenant; its limits are those of the registry, at most 30 s old."""
        state = self._tenants.get(tenant.id)
        if state is None:
            share = ProcessShare.of(tenant.limits, processes=self._processes)
            state = self._tenants[tenant.id] = TenantState(tenant.limits, share)
        elif state.limits is not tenant.limits:
            if state.limits != tenant.limits:
                state.share = ProcessShare.of(tenant.limits, processes=self._processes)
            state.limits = tenant.limits
        return state

    def _take(
        self,
        state: TenantState,
        *,
        key_id: str,
        is_secret: bool,
        shopper: ShopperKey | None,
        part: float,
        now: float,
    ) -> Admission | RateLimited:
        """Take a token from each bucket, or from none."""
        share = state.share
        rate = share.tenant
        tenant_full_at = max(now, state.full_at) + rate.interval_seconds
        if (left := _compute_left(rate, tenant_full_at, part, now)) < 0:
            return RateLimited(policy=rate.policy, policy_item=rate.policy_item, wait_seconds=-left)
        rate = share.key
        key_full_at = self._keys.next_full_at(key_id, rate, now)
        if (left := _compute_left(rate, key_full_at, part, now)) < 0:
            return RateLimited(policy=rate.policy, policy_item=rate.policy_item, wait_seconds=-left)
        if shopper is not None:
            rate = share.shopper
            shopper_full_at = self._shoppers.next_full_at(shopper, rate, now)
            if (left := _compute_left(rate, shopper_full_at, 1.0, now)) < 0:
                return RateLimited(policy=rate.policy, policy_item=rate.policy_item, wait_seconds=-left)
            self._shoppers.put(shopper, shopper_full_at)
        self._keys.put(key_id, key_full_at)
        state.full_at = tenant_full_at
        state.in_flight += 1
        return Admission(state, key_id, shopper, rate if is_secret or shopper is not None else None, left)


class _Buckets:
    """Token buckets by key: the moment at which each is full again. The least recently used one is forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._full_at: OrderedDict[object, float] = OrderedDict()

    def next_full_at(self, key: object, rate: Rate, now: float) -> float:
        """Return when the bucket is full again if a token is taken now."""
        full_at = self._full_at.get(key, now)
        return max(now, full_at) + rate.interval_seconds

    def put(self, key: object, full_at: float) -> None:
        """Store a bucket as the most recently used one."""
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)

    def refund(self, key: object, interval_seconds: float) -> None:
        """Put a token back."""
        if key in self._full_at:
            self._full_at[key] -= interval_seconds

    def __len__(self) -> int:
        return len(self._full_at)


def _compute_left(rate: Rate, full_at: float, part: float, now: float) -> float:
    """Return what is left of a part of the bucket, in seconds; below zero: the seconds to wait for a token.

    A part is at least one token, or a low priority could never be served.
    """
    window_seconds = rate.window_seconds * part
    least_seconds = rate.interval_seconds
    return max(least_seconds, window_seconds) - (full_at - now) + _ROUNDING


def refuse_concurrent(limit: int) -> RateLimited:
    """Return the refusal of a request above a number of concurrent requests."""
    item = f'"concurrent";q={limit};qu="concurrent-requests"'
    return RateLimited(policy="concurrent", policy_item=item, wait_seconds=_CONCURRENT_RETRY_SECONDS)
