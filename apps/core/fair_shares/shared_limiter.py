"""Limits that are exact over all web processes and machines: their buckets are in Valkey.

Concurrent requests are counted by each process, as without Valkey. While Valkey is not available, the limiter of the
process decides, by its part of each limit: never an error, and never without a limit.
"""

import hashlib
import time
from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from apps.core.event_counts import EventCounts
from apps.core.fair_shares.limiter import Admission, Clock, LimitedTenant, LocalLimiter, ShopperKey, TenantState
from apps.core.fair_shares.priorities import RULES, Priority
from apps.core.fair_shares.rates import ProcessShare, Rate
from apps.core.fair_shares.refusals import RateLimited
from apps.core.fair_shares.valkey_buckets import BucketsUnavailable, ValkeyBuckets
from resale.domain.entitlements import Limits

_MICROSECONDS: Final = 1_000_000
_PARTS: Final = {priority: rule.bucket_part for priority, rule in RULES.items()}
Pair: TypeAlias = tuple[int, int]


class SharedAdmission(Admission):
    """A request that the shared buckets admitted.

    Attributes:
        keys: Of the buckets that a token was taken from.
        intervals: Of these buckets, in microseconds.
    """

    keys: Sequence[str]
    intervals: Sequence[int]


class _Share(msgspec.Struct, gc=False):
    """The limits of one tenant, of all processes together, as the buckets take them."""

    limits: Limits
    rates: tuple[Rate, Rate, Rate]  # of the tenant, the key and the shopper
    pairs: dict[Priority, tuple[Pair, Pair, Pair]]

    @classmethod
    def of(cls, limits: Limits) -> "_Share":
        share = ProcessShare.of(limits, processes=1)
        rates = (share.tenant, share.key, share.shopper)
        pairs = {
            priority: (pair_of(share.tenant, part), pair_of(share.key, part), pair_of(share.shopper, 1.0))
            for priority, part in _PARTS.items()
        }
        return cls(limits, rates, pairs)


class SharedLimiter:
    """A limiter whose rates and bursts are of all web processes together.

    Args:
        buckets: The shared ones.
        local: Counts concurrent requests, and decides while the buckets are not available.
        counts: Of refusals.
        fallbacks: Of requests that ``local`` decided.
        secret: Hides shoppers in the keys of their buckets.
    """

    def __init__(
        self,
        *,
        buckets: ValkeyBuckets,
        local: LocalLimiter,
        counts: EventCounts,
        fallbacks: EventCounts,
        secret: str | bytes,
        clock: Clock = time.monotonic,
    ) -> None:
        self._buckets = buckets
        self._local = local
        self._counts = counts
        self._fallbacks = fallbacks
        key = secret.encode() if isinstance(secret, str) else secret
        self._hash = hashlib.blake2b(key=hashlib.sha256(key).digest(), digest_size=16, person=b"limits")
        self._clock = clock
        self._shares: dict[str, _Share] = {}

    def enter(
        self, tenant: LimitedTenant, *, key_id: str, is_secret: bool, shopper: ShopperKey | None, priority: Priority
    ) -> Admission:
        """Admit a request. See Limiter."""
        if self._buckets.is_available:
            state = self._local.hold(tenant)
            try:
                return self._take(state, tenant, key_id, shopper, priority, discloses=is_secret or shopper is not None)
            except BucketsUnavailable:
                self._local.release(state)
            except BaseException:
                self._local.release(state)
                raise
        self._fallbacks.add(tenant.slug, "unavailable", self._clock())
        return self._local.enter(tenant, key_id=key_id, is_secret=is_secret, shopper=shopper, priority=priority)

    def leave(self, admission: Admission) -> None:
        """End a request. See Limiter."""
        self._local.leave(admission)
        self._fallbacks.flush_if_due(self._clock())

    def cancel(self, admission: Admission) -> None:
        """End a request that will be repeated. See Limiter. Without Valkey it counts twice, until its token is back."""
        if not isinstance(admission, SharedAdmission):
            self._local.cancel(admission)
            return
        self._local.release(admission.state)
        try:
            self._buckets.refund(admission.keys, admission.intervals)
        except BucketsUnavailable:
            self._fallbacks.flush_if_due(self._clock())

    def _take(
        self,
        state: TenantState,
        tenant: LimitedTenant,
        key_id: str,
        shopper: ShopperKey | None,
        priority: Priority,
        *,
        discloses: bool,
    ) -> Admission:
        """Take a token from each bucket, or from none. Raises RateLimited or BucketsUnavailable."""
        share = self._share_of(tenant)
        prefix = f"resale:limit:{{{tenant.id}}}:"  # in braces: the part that places keys in a cluster
        keys = [f"{prefix}tenant", f"{prefix}key:{key_id}"]
        if shopper is not None:
            keys.append(f"{prefix}shopper:{self._hide(shopper)}")
        pairs = share.pairs[priority][: len(keys)]
        taken = self._buckets.take(keys, [number for pair in pairs for number in pair])
        if taken.refused_by is not None:
            rate = share.rates[taken.refused_by]
            self._counts.add(tenant.slug, rate.policy, self._clock())
            raise RateLimited(policy=rate.policy, policy_item=rate.policy_item, wait_seconds=taken.seconds)
        rate = share.rates[len(keys) - 1]
        return SharedAdmission(
            state,
            key_id,
            shopper,
            rate if discloses else None,
            taken.seconds,
            keys=keys,
            intervals=[interval for interval, _ in pairs],
        )

    def _share_of(self, tenant: LimitedTenant) -> _Share:
        share = self._shares.get(tenant.id)
        if share is None or (share.limits is not tenant.limits and share.limits != tenant.limits):
            share = self._shares[tenant.id] = _Share.of(tenant.limits)
        return share

    def _hide(self, shopper: ShopperKey) -> str:
        """Return the name of a shopper's bucket, from which nobody without the secret finds the shopper."""
        digest = self._hash.copy()
        digest.update("\0".join(shopper).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def pair_of(rate: Rate, part: float) -> Pair:
    """Return the interval of a rate, and the part of its window that can be used, in whole microseconds."""
    interval = round(rate.interval_seconds * _MICROSECONDS)
    tokens = rate.window_seconds / rate.interval_seconds * part
    return interval, int(tokens * interval) + 1  # one more, lest rounding takes a whole token
