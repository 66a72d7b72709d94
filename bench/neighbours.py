"""What one tenant notices of another that sends ten times its limit: ``python -m bench.neighbours``.

Two tenants share the web role of this machine, two processes. Tenant B sends at a constant rate. Tenant A is silent,
sends ten times its limit to another server, which responds with nothing, and to the web role, in turn. All runs on the
same cores, the load generators too, so B notices A's in any case: what is left between the last two is what tenants
notice of each other. Printed are B's latencies in the three, A's statuses, the CPU of a flood, and that of the limiter.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import django
import msgspec

from bench.limiters import measure_limiters
from bench.load import Request
from bench.processes import cpu_ms
from bench.stack import Stack, prepare_environment
from bench.steady_load import Outcome, Running, SteadyPlan, start
from deploy.local.brands import BRANDS, Brand
from deploy.local.issuer.tokens import issuer_url, mint

LIMIT_PER_SECOND: Final = 50
EXCESS: Final = 10
NEIGHBOUR_PER_SECOND: Final = 100
_LISTING_COUNT: Final = 50
_CONNECTION_COUNT: Final = 16
_WARM_SECONDS: Final = 4.0
_START_SECONDS: Final = 1.5  # until both generators run
_FLOOD_SECONDS: Final = 5.0
_TRANSITION_PART: Final = 0.25
_TURNS: Final = ("alone", "noise elsewhere", "beside A")


def main() -> int:
    """Run the slices and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2, help="of a turn")
    parser.add_argument("--rounds", type=int, default=15, help="of three turns")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resale-bench-") as folder:
        prepare_environment(Path(folder))
        django.setup()
        with Stack(Path(folder), say=print) as stack:
            stack.start_data()
            _measure(stack, seconds=options.seconds, rounds=options.rounds)
            _measure_limiter()
    return 0


def _measure(stack: Stack, *, seconds: float, rounds: int) -> None:
    loud, quiet = BRANDS[0], BRANDS[1]
    requests = {brand.slug: _seed(stack, brand) for brand in (loud, quiet)}
    _limit(loud)
    stack.start_our_web()
    stack.start_empty_web()
    excess = LIMIT_PER_SECOND * EXCESS

    def send(brand: Brand, to: str, *, rate: float, whole_seconds: float, turn: int = 0, turns: int = 1) -> Running:
        plan = SteadyPlan(
            port=stack.ports[to],
            begins_at=begins_at,
            connection_count=_CONNECTION_COUNT,
            requests_per_second=rate,
            seconds=whole_seconds,
            turn=turn,
            turns=turns,
            turn_seconds=seconds,
            requests=requests[brand.slug],
        )
        return start(plan)

    turns = len(_TURNS)
    for whole_seconds in (_WARM_SECONDS, turns * seconds * rounds):
        begins_at = time.monotonic() + _START_SECONDS
        noise = [
            send(loud, to, rate=excess, whole_seconds=whole_seconds, turn=_TURNS.index(name), turns=turns)
            for name, to in (("noise elsewhere", "empty"), ("beside A", "web"))
        ]
        measured = send(quiet, "web", rate=NEIGHBOUR_PER_SECOND, whole_seconds=whole_seconds).wait()
        noisy = [running.wait() for running in noise]
    _print_table(measured, noisy[-1], turn_seconds=seconds)
    begins_at = time.monotonic() + _START_SECONDS
    before = cpu_ms(stack.pid("web"))
    flood = send(loud, "web", rate=excess, whole_seconds=_FLOOD_SECONDS).wait()
    cost_ms = (cpu_ms(stack.pid("web")) - before) / sum(flood.statuses.values())
    print(f"A alone: {_counts(flood)}; {cost_ms:.3f} ms CPU of the web role a request")


def _seed(stack: Stack, brand: Brand) -> tuple[Request, ...]:
    """Put listings on sale; return reads of them by a shopper and by visitors."""
    from apps.tenancy import registry  # noqa: PLC0415 - models load only once Django is set up
    from bench import seeding  # noqa: PLC0415 - as above

    tenant = registry.by_slug(brand.slug)
    ((subject, seller_id),) = seeding.enrol(tenant, 1, named="seller")
    listings = seeding.put_on_sale(tenant, seller_id=seller_id, count=_LISTING_COUNT)
    issuer = issuer_url(stack.addresses.issuer_url, brand.slug)
    token = mint(stack.issuers, brand.slug, subject, issuer=issuer, audience=brand.audience)
    key = {"X-API-Key": stack.secrets.brands[brand.slug].publishable_key or ""}
    headers = (key, {**key, "Authorization": f"Bearer {token}"})
    return tuple(
        Request(method="GET", path=f"/v1/listings/{listing.id}", headers=headers[number % 2], expected=200)
        for number, listing in enumerate(listings)
    )


def _limit(brand: Brand) -> None:
    from apps.tenancy.entitlement_changes import Cause  # noqa: PLC0415 - as above
    from apps.tenancy.tenants import set_limits  # noqa: PLC0415 - as above
    from resale.domain.entitlements import ENTITLEMENTS, Tier  # noqa: PLC0415 - as above

    usual = msgspec.structs.asdict(ENTITLEMENTS[Tier.STANDARD].limits)
    rates = {
        "tenant_requests_per_second": LIMIT_PER_SECOND,
        "tenant_burst": 2 * LIMIT_PER_SECOND,
        "key_requests_per_second": LIMIT_PER_SECOND,
        "key_burst": 2 * LIMIT_PER_SECOND,
        "shopper_requests_per_second": LIMIT_PER_SECOND,
        "shopper_burst": 2 * LIMIT_PER_SECOND,
    }
    set_limits(slug=brand.slug, limits={**usual, **rates}, cause=Cause(by="bench", reason="a limit to exceed"))


def _print_table(measured: Outcome, noisy: Outcome, *, turn_seconds: float) -> None:
    """Print B's latencies by what A did; the beginning of each turn belongs to none."""
    latencies: list[list[float]] = [[] for _ in _TURNS]
    for sample in measured.samples:
        number, into_seconds = divmod(sample.due_seconds, turn_seconds)
        if into_seconds >= turn_seconds * _TRANSITION_PART:
            latencies[int(number) % len(_TURNS)].append(sample.latency_ms)
    print(f"\nB at {NEIGHBOUR_PER_SECOND} requests a second; A offers {EXCESS} times its {LIMIT_PER_SECOND} a second")
    print(f"| | {' | '.join(_TURNS)} | beside A to noise elsewhere |\n| --- | --- | --- | --- | --- |")
    for name, percent in (("p50", 50), ("p90", 90), ("p99", 99)):
        alone, elsewhere, beside = (statistics.quantiles(side, n=100)[percent - 1] for side in latencies)
        print(f"| B {name} | {alone:.2f} ms | {elsewhere:.2f} ms | {beside:.2f} ms | {beside / elsewhere - 1:+.0%} |")
    counts = ", ".join(str(len(side)) for side in latencies)
    print(f"B: {counts} samples; A: {_counts(noisy)}; load {os.getloadavg()[0]:.1f}")


def _counts(outcome: Outcome) -> str:
    return ", ".join(f"{count} x {status}" for status, count in sorted(outcome.statuses.items()))


def _measure_limiter() -> None:
    """Print the CPU of one request's limiters."""
    from apps.tenancy import registry  # noqa: PLC0415 - as above

    measure_limiters(registry.by_slug(BRANDS[1].slug))


if __name__ == "__main__":
    sys.exit(main())
