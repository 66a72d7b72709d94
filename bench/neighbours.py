"""What one tenant notices of another that sends ten times its limit: ``python -m bench.neighbours``.

Two tenants share the web role of this machine, two processes. Slices alternate in one run: tenant B alone, then B at
the same rate beside tenant A, which offers ten times its limit. Printed are B's latencies in both, A's statuses, and
the CPU of the limiter itself. Everything runs on the same cores: engines, both load generators and what is measured.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import django
import msgspec

from bench.load import Request
from bench.processes import cpu_ms
from bench.stack import Stack, prepare_environment
from bench.steady_load import Outcome, SteadyPlan, start
from deploy.local.brands import BRANDS, Brand
from deploy.local.issuer.tokens import issuer_url, mint

LIMIT_PER_SECOND: Final = 50
EXCESS: Final = 10
NEIGHBOUR_PER_SECOND: Final = 100
_LISTING_COUNT: Final = 50
_CONNECTION_COUNT: Final = 16
_LIMITER_CALLS: Final = 100_000
_WARM_SECONDS: Final = 3.0


class Slice(msgspec.Struct, frozen=True):
    """One slice: B's outcome, A's if A sent anything, and the CPU ms of the web role."""

    quiet: Outcome
    loud: Outcome | None
    cpu_ms: float


def main() -> int:
    """Run the slices and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of a slice")
    parser.add_argument("--rounds", type=int, default=5, help="of two slices")
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

    def run(*, beside: bool, seconds: float) -> Slice:
        before = cpu_ms(stack.pid("web"))
        rate = LIMIT_PER_SECOND * EXCESS
        noise = start(_plan(stack, requests[loud.slug], rate=rate, seconds=seconds)) if beside else None
        measured = start(_plan(stack, requests[quiet.slug], rate=NEIGHBOUR_PER_SECOND, seconds=seconds)).wait()
        return Slice(measured, None if noise is None else noise.wait(), cpu_ms(stack.pid("web")) - before)

    run(beside=True, seconds=_WARM_SECONDS)
    alone: list[Slice] = []
    beside: list[Slice] = []
    for number in range(rounds):
        # The order alternates, so that a machine that grows slower does not count against one side.
        for is_beside in (False, True) if number % 2 == 0 else (True, False):
            found = run(beside=is_beside, seconds=seconds)
            (beside if is_beside else alone).append(found)
            print(_line(found), flush=True)
    _print_table(alone, beside)


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
    from apps.tenancy.tenants import set_limits  # noqa: PLC0415 - as above
    from resale.domain.entitlements import ENTITLEMENTS, Tier  # noqa: PLC0415 - as above

    usual = msgspec.structs.asdict(ENTITLEMENTS[Tier.STANDARD])
    rates = {
        "tenant_requests_per_second": LIMIT_PER_SECOND,
        "tenant_burst": 2 * LIMIT_PER_SECOND,
        "key_requests_per_second": LIMIT_PER_SECOND,
        "key_burst": 2 * LIMIT_PER_SECOND,
        "shopper_requests_per_second": LIMIT_PER_SECOND,
        "shopper_burst": 2 * LIMIT_PER_SECOND,
    }
    set_limits(slug=brand.slug, limits={**usual, **rates})


def _plan(stack: Stack, requests: tuple[Request, ...], *, rate: float, seconds: float) -> SteadyPlan:
    return SteadyPlan(
        port=stack.ports["web"],
        connection_count=_CONNECTION_COUNT,
        requests_per_second=rate,
        seconds=seconds,
        requests=requests,
    )


def _line(found: Slice) -> str:
    loud = "alone " if found.loud is None else "beside"
    others = "" if found.loud is None else f"; A {dict(sorted(found.loud.statuses.items()))}"
    p50, p99 = _percentiles([found])
    latencies = f"p50 {p50:.2f} ms, p99 {p99:.2f} ms"
    return f"  B {loud}: {latencies}, {dict(found.quiet.statuses)}{others}; web {found.cpu_ms:.0f} ms CPU"


def _print_table(alone: list[Slice], beside: list[Slice]) -> None:
    print(f"\nB at {NEIGHBOUR_PER_SECOND} requests a second; A offers {EXCESS} times its {LIMIT_PER_SECOND} a second")
    print("| | alone | beside A | change |\n| --- | --- | --- | --- |")
    for name, one, other in zip(("p50", "p99"), _medians(alone), _medians(beside), strict=True):
        print(f"| B {name} | {one:.2f} ms | {other:.2f} ms | {other / one - 1:+.0%} |")
    statuses = [found.loud.statuses for found in beside if found.loud is not None]
    admitted = sum(each.get(200, 0) for each in statuses)
    refused = sum(each.get(429, 0) for each in statuses)
    extra = sum(one.cpu_ms for one in beside) - sum(one.cpu_ms for one in alone)
    each_ms = extra / max(admitted + refused, 1)
    print(f"A: {admitted} admitted, {refused} refused; {each_ms:.3f} ms CPU of the web role each")


def _medians(slices: list[Slice]) -> tuple[float, float]:
    """Return the medians over the slices, so that one slice that the machine disturbed does not decide."""
    each = [_percentiles([one]) for one in slices]
    return statistics.median(p50 for p50, _ in each), statistics.median(p99 for _, p99 in each)


def _percentiles(slices: list[Slice]) -> tuple[float, float]:
    cuts = statistics.quantiles([each for one in slices for each in one.quiet.latencies_ms], n=100)
    return cuts[49], cuts[98]


def _measure_limiter() -> None:
    """Print the CPU of one request's limiter: a shopper's, admitted, and refused."""
    from apps.core.fair_shares.limiter import LocalLimiter  # noqa: PLC0415 - as above
    from apps.core.fair_shares.priorities import Priority  # noqa: PLC0415 - as above
    from apps.core.fair_shares.refusal_counts import RefusalCounts  # noqa: PLC0415 - as above
    from apps.tenancy import registry  # noqa: PLC0415 - as above

    tenant = registry.by_slug(BRANDS[1].slug)
    limiter = LocalLimiter(processes=2, counts=RefusalCounts())
    shopper = (tenant.id, tenant.oidc_issuer, "shopper")
    began = time.process_time()
    for _ in range(_LIMITER_CALLS):
        admission = limiter.enter(tenant, key_id="key", is_secret=False, shopper=shopper, priority=Priority.READ)
        limiter.leave(admission)
        _ = admission.quota_item
    print(f"limiter: {(time.process_time() - began) / _LIMITER_CALLS * 1e6:.1f} us CPU a request (gate 20)")


if __name__ == "__main__":
    sys.exit(main())
