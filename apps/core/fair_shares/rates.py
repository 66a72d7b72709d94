"""The part of a tenant's limits that one web process enforces."""

import math
from typing import Final, Self

import msgspec

from resale.domain.entitlements import Limits

#: The smallest burst of a process: requests of one shopper meet in one process by chance, and are not refused for it.
MIN_BURST: Final = 10


class Rate(msgspec.Struct, frozen=True, gc=False):
    """A token bucket of one process, and the policy that it is a part of.

    Attributes:
        policy: Its name in the ``RateLimit`` headers: ``tenant``, ``key`` or ``shopper``.
        interval_seconds: Seconds in which a token comes back.
        window_seconds: Seconds in which the empty bucket fills.
        quota: Tokens of a full bucket, of all processes together.
        processes: Number of processes.
    """

    policy: str
    interval_seconds: float
    window_seconds: float
    quota: int
    processes: int

    @classmethod
    def of(cls, policy: str, *, per_second: int, burst: int, processes: int) -> Self:
        """Divide a limit by the number of processes; each allows at least 1 a second and the smallest burst."""
        interval_seconds = 1.0 / max(per_second / processes, 1.0)
        tokens = max(burst / processes, min(burst, MIN_BURST))
        return cls(policy, interval_seconds, tokens * interval_seconds, burst, processes)

    @property
    def policy_item(self) -> str:
        """The item of the RateLimit-Policy header: the quota, and the seconds in which it is renewed."""
        return f'"{self.policy}";q={self.quota};w={max(math.ceil(self.window_seconds), 1)}'

    def quota_item(self, left_seconds: float) -> str:
        """Return the item of the RateLimit header: the requests that are left, estimated over all processes."""
        left = int(left_seconds / self.interval_seconds + _ROUNDING) * self.processes
        return f'"{self.policy}";r={min(left, self.quota)}'


class ProcessShare(msgspec.Struct, frozen=True, gc=False):
    """The limits of one tenant in one process. Concurrent requests are counted by process, so they are not divided."""

    tenant: Rate
    key: Rate
    shopper: Rate
    concurrent: int

    @classmethod
    def of(cls, limits: Limits, *, processes: int) -> Self:
        """Return the share of one of several processes."""
        return cls(
            tenant=Rate.of(
                "tenant",
                per_second=limits.tenant_requests_per_second,
                burst=limits.tenant_burst,
                processes=processes,
            ),
            key=Rate.of("key", per_second=limits.key_requests_per_second, burst=limits.key_burst, processes=processes),
            shopper=Rate.of(
                "shopper",
                per_second=limits.shopper_requests_per_second,
                burst=limits.shopper_burst,
                processes=processes,
            ),
            concurrent=limits.concurrent_requests,
        )


_ROUNDING: Final = 1e-6  # tokens; sums of floats are a little below a whole number
