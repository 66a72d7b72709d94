"""``make bench``: the CPU cost of the hot paths, with a naive view in the same run, in one table with gates.

CPU is user and system time of our own processes; engines and the load generator are apart. Ends with 0 also when a
line is over its gate, with 1 when something could not be measured.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import django

from bench import changes, figures, images, starting, web
from bench.figures import Figure
from bench.stack import BRAND, NAIVE_TABLE, SERVERS, Stack, prepare_environment
from deploy.local.issuer.tokens import issuer_url, mint
from resale.domain.tenants import Tenant

PARTS = ("web", "steps", "image", "start")
_SHOPPER_COUNT = 20
_BUYER_COUNT = 320  # as many as there are orders in the longest part of a round, so that none has two unpaid ones
_CHANGE_COUNT = 1_500
_IMAGE_RUNS = 5

Say = Callable[[str], None]


def main() -> int:
    """Measure the requested parts and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of requests, each side in turn, and of orders")
    parser.add_argument("--only", choices=PARTS, action="append", help="web includes the changes worker")
    options = parser.parse_args()
    say = partial(_say, time.monotonic())
    parts = options.only or PARTS
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="resale-bench-") as folder:
        if {"web", "steps"} & {*parts}:
            found += _measure_platform(Path(folder, "web"), parts, rounds=options.rounds, say=say)
        if "image" in parts:
            say("rendering pictures")
            found += images.figures(images.measure(_IMAGE_RUNS))
        if "start" in parts:
            say("starting everything from nothing, as `make run` does")
            found.append(starting.measure(Path(folder, "run")))
    say("done\n")
    print(figures.table(found))
    return 0


def _measure_platform(folder: Path, parts: Sequence[str], *, rounds: int, say: Say) -> list[Figure]:
    prepare_environment(folder)
    django.setup()
    found: list[Figure] = []
    with Stack(folder, say=say) as stack:
        say("starting the engines and onboarding the brands")
        stack.start_data()
        if "web" in parts:
            found += _measure_web(stack, rounds=rounds, say=say)
        if "steps" in parts:
            found += _measure_steps(stack, rounds=rounds, say=say)
    return found


def _measure_web(stack: Stack, *, rounds: int, say: Say) -> list[Figure]:
    sides, paths = _prepare(stack, rounds=rounds, say=say)
    say(f"sending requests: {rounds} rounds, each path ours and naive in turn")
    found = web.measure(paths, sides, rounds=rounds, say=say)
    found.append(web.measure_memory(sides))
    stack.stop_web()
    say("queueing what was written for the changes worker")
    found.append(changes.measure(_tenant(), _CHANGE_COUNT, say=say))
    return found


def _measure_steps(stack: Stack, *, rounds: int, say: Say) -> list[Figure]:
    from bench import steps  # noqa: PLC0415 - settings are read only once Django is set up

    say(f"starting the orders worker: {rounds} rounds of orders, from submitted to completed")
    return steps.measure(_tenant(), stack.start_worker(), rounds=rounds, say=say)


def _prepare(stack: Stack, *, rounds: int, say: Say) -> tuple[web.Sides, tuple[web.Path, ...]]:
    from bench import seeding  # noqa: PLC0415 - settings are read only once Django is set up

    say("seeding")
    tenant = _tenant()
    (_, seller_id), *shoppers = seeding.enrol(tenant, _SHOPPER_COUNT + 1, named="shopper")
    buyers = seeding.enrol(tenant, _BUYER_COUNT, named="buyer")
    count = 1 + web.WARM_COUNT + rounds * web.OURS_COUNT + 100  # the last hundred stay on sale, for the list
    listings = seeding.put_on_sale(tenant, seller_id=seller_id, count=count)
    seeding.put_on_sale_naively(
        listings[-400:], dynamodb_url=stack.dynamodb_url, table_name=NAIVE_TABLE, region=BRAND.region
    )
    stack.start_web()
    ids = tuple(listing.id for listing in listings)
    issuer = issuer_url(stack.addresses.issuer_url, BRAND.slug)

    def sign_in(subject: str) -> str:
        return mint(stack.issuers, BRAND.slug, subject, issuer=issuer, audience=BRAND.audience)

    buying = (
        (sign_in(subject), partial(seeding.release_holds, tenant, customer_id)) for subject, customer_id in buyers
    )
    requests = web.our_requests(
        key=stack.secrets.brands[BRAND.slug].publishable_key or "",
        tokens=tuple(sign_in(subject) for subject, _ in shoppers),
        buyers=tuple(buying),
        listing_ids=ids[-400:],
        for_sale=iter(ids),
        market=BRAND.market,
        currency=BRAND.currency,
    )
    plain = web.naive_requests(listing_ids=ids[-400:], market=BRAND.market, currency=BRAND.currency)
    ours, naive, empty = (web.Server(port=stack.ports[name], pid=stack.pid(name)) for name in SERVERS)
    return web.Sides(ours=ours, naive=naive, empty=empty), web.hot_paths(requests, plain)


def _tenant() -> Tenant:
    """Return the measured tenant from the registry."""
    from apps.tenancy import registry  # noqa: PLC0415 - as above

    return registry.by_slug(BRAND.slug)


def _say(began: float, line: str) -> None:
    print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
