"""What a request and an idle worker cost with 2, 50 and 500 tenants: ``python -m bench.tenants``.

The further tenants are copies of the first brand in the registry: each with its own id, key, session, connections,
queues and role, in an account of its own, but with the first brand's tables. So what is measured is what a process
holds and does for a tenant.
"""

import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import boto3
import django
import msgspec

from bench.load import Plan, Request, drive
from bench.processes import cpu_ms, rss_mib
from bench.stack import BRAND, Stack, prepare_environment

if TYPE_CHECKING:
    from resale.domain.listings import Listing

FEW, MANY, REGISTERED = 2, 50, 500
_ROUNDS: Final = 7
_REQUESTS: Final = 1_200  # a round and side: about 1.5 s of CPU, which /proc counts in hundredths
_WARM_EACH: Final = 24  # requests a tenant, over two processes
_CONNECTIONS: Final = 8
_LISTINGS: Final = 50
_IDLE_SECONDS: Final = 15.0
_PATIENCE_SECONDS: Final = 60.0
_POLLED_SUFFIX: Final = "is polled"
_MAX_COST_RATIO: Final = 1.10
_MAX_MIB: Final = 2.0
_MAX_START_SECONDS: Final = 5.0


def main() -> int:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="resale-bench-") as folder:
        prepare_environment(Path(folder))
        django.setup()
        with Stack(Path(folder), say=print) as stack:
            stack.start_data()
            copies = _Copies(stack)
            listings = _seed()
            copies.add_up_to(FEW)
            stack.start_worker()
            worker_few = _measure_worker(stack, copies.queue_names())
            copies.add_up_to(MANY)
            stack.start_our_web()
            web = _measure_web(stack, copies, listings)
            worker_many = _measure_worker(stack, copies.queue_names())
            stack.stop_our_web()
            copies.add_up_to(REGISTERED)
            began = time.monotonic()
            stack.start_our_web()
            start_seconds = time.monotonic() - began
            registered = _send(stack, copies.keys[:FEW], listings)
    _print_table(web, worker_few, worker_many, start_seconds=start_seconds, registered_ms=registered)
    return 0


class _Copies:
    """Copies of the first brand's row, each with a publishable key and queues of its own."""

    def __init__(self, stack: Stack) -> None:
        from apps.tenancy import models  # noqa: PLC0415 - models load only once Django is set up

        self._row = models.Tenant.objects.get(slug=BRAND.slug)
        self._aws_url = stack.addresses.aws_url
        self.keys: list[str] = []
        self._queue_names: list[str] = []
        self._accounts = {f"9{number:011d}": stack.dynamodb_url for number in range(REGISTERED)}
        stack.addresses = msgspec.structs.replace(
            stack.addresses, dynamodb_urls={**stack.addresses.dynamodb_urls, **self._accounts}
        )

    def add_up_to(self, count: int) -> None:
        """Add tenants until there are so many copies."""
        for number in range(len(self.keys), count):
            self._add(number)

    def queue_names(self) -> frozenset[str]:
        """Return the names of the queues of orders."""
        return frozenset(self._queue_names)

    def _add(self, number: int) -> None:
        from apps.tenancy import keys, models  # noqa: PLC0415 - as above

        slug, account_id = f"bench-{number}", list(self._accounts)[number]
        queues = {**self._row.resources["queues"], **self._make_queues(slug, account_id)}
        own = {"queues": queues, "access_role_arn": self._make_role(slug, account_id)}
        fields = {field.attname: getattr(self._row, field.attname) for field in self._row._meta.concrete_fields}  # noqa: SLF001 - Django's documented Model API
        unique = {"id": models.new_tenant_id(), "slug": slug, "account_id": account_id, "oidc_audience": slug}
        models.Tenant.objects.create(**{**fields, **unique, "resources": {**self._row.resources, **own}})
        self.keys.append(keys.issue_api_key(slug=slug, kind=models.KeyKind.PUBLISHABLE).text)

    def _make_queues(self, slug: str, account_id: str) -> dict[str, dict[str, str]]:
        sqs = self._client("sqs", account_id)
        made = {}
        for purpose in ("orders", "images"):
            url = sqs.create_queue(QueueName=f"{slug}-{purpose}")["QueueUrl"]
            made[purpose] = {"name": f"{slug}-{purpose}", "url": url, "dlq_url": url}
        self._queue_names.append(made["orders"]["name"])
        return made

    def _make_role(self, slug: str, account_id: str) -> str:
        """Create the role that the platform assumes, like the template's, with rights to the queues only."""
        brands, copies = self._client("iam", BRAND.account_id), self._client("iam", account_id)
        name = self._row.resources["access_role_arn"].rpartition("/")[2]
        trust = json.dumps(brands.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"])
        made = copies.create_role(RoleName=name, AssumeRolePolicyDocument=trust.replace(f'"{BRAND.slug}"', f'"{slug}"'))
        queues = f"arn:aws:sqs:{BRAND.region}:{account_id}:*"
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": queues}]}
        copies.put_role_policy(RoleName=name, PolicyName="bench", PolicyDocument=json.dumps(policy))
        return str(made["Role"]["Arn"])

    def _client(self, service: str, account_id: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]  # any service
            service,
            region_name=BRAND.region,
            endpoint_url=self._aws_url,
            aws_access_key_id=account_id,  # root of the account on the local engine
            aws_secret_access_key="unchecked",  # noqa: S106 - as above
        )


class _Web(msgspec.Struct, frozen=True, kw_only=True):
    few_ms: list[float]
    many_ms: list[float]
    mib_a_tenant: float


class _Worker(msgspec.Struct, frozen=True, kw_only=True):
    ms_a_second: float
    mib: float


def _seed() -> "tuple[Listing, ...]":
    from apps.tenancy import registry  # noqa: PLC0415 - as above
    from bench import seeding  # noqa: PLC0415 - as above

    tenant = registry.by_slug(BRAND.slug)
    ((_, seller_id),) = seeding.enrol(tenant, 1, named="seller")
    return seeding.put_on_sale(tenant, seller_id=seller_id, count=_LISTINGS)


def _measure_web(stack: Stack, copies: _Copies, listings: "Sequence[Listing]") -> _Web:
    """Measure reads of few tenants and of many, in turn, in the same processes."""
    pid = stack.pid("web")
    _warm(stack, copies.keys[:FEW], listings)
    few_mib = rss_mib(pid)
    _warm(stack, copies.keys, listings)
    mib = (rss_mib(pid) - few_mib) / (MANY - FEW)
    few_ms, many_ms = [], []
    for _ in range(_ROUNDS):
        few_ms.append(_send(stack, copies.keys[:FEW], listings))
        many_ms.append(_send(stack, copies.keys, listings))
    return _Web(few_ms=few_ms, many_ms=many_ms, mib_a_tenant=mib)


def _warm(stack: Stack, keys: Sequence[str], listings: "Sequence[Listing]") -> None:
    requests = _requests(keys, listings, count=_WARM_EACH * len(keys))
    drive(Plan(port=stack.ports["web"], connection_count=_CONNECTIONS, requests=requests))


def _send(stack: Stack, keys: Sequence[str], listings: "Sequence[Listing]") -> float:
    """Return the CPU milliseconds of the web role a request."""
    plan = Plan(
        port=stack.ports["web"], connection_count=_CONNECTIONS, requests=_requests(keys, listings, count=_REQUESTS)
    )
    pid = stack.pid("web")
    before = cpu_ms(pid)
    drive(plan)
    return (cpu_ms(pid) - before) / _REQUESTS


def _requests(keys: Iterable[str], listings: "Sequence[Listing]", *, count: int) -> tuple[Request, ...]:
    pairs = zip(itertools.cycle(keys), itertools.cycle(listings), strict=False)
    return tuple(
        Request(method="GET", path=f"/v1/listings/{listing.id}", headers={"X-API-Key": key}, expected=200)
        for key, listing in itertools.islice(pairs, count)
    )


def _measure_worker(stack: Stack, queue_names: frozenset[str]) -> _Worker:
    """Measure the orders worker while it polls these queues and receives nothing."""
    log = stack.folder / "log" / "orders.log"
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while any(f"queue {name} {_POLLED_SUFFIX}" not in log.read_text() for name in queue_names):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the worker does not poll every queue: {log.read_text()[-2000:]}")
        time.sleep(0.2)
    pid = stack.pid("orders")
    before = cpu_ms(pid)
    time.sleep(_IDLE_SECONDS)  # the measurement's own duration
    status = Path(f"/proc/{pid}/status").read_text()
    mib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
    return _Worker(ms_a_second=(cpu_ms(pid) - before) / _IDLE_SECONDS, mib=mib)


def _print_table(web: _Web, few: _Worker, many: _Worker, *, start_seconds: float, registered_ms: float) -> None:
    ratio = median(many / few for few, many in zip(web.few_ms, web.many_ms, strict=True))
    more = MANY - FEW
    rows = (
        (f"read, {FEW} tenants", f"{median(web.few_ms):.2f} ms CPU", ""),
        (f"read, {MANY} tenants in turn", f"{median(web.many_ms):.2f} ms CPU", ""),
        ("  ratio of a round", f"{ratio:.2f}", f"at most {_MAX_COST_RATIO}"),
        ("web process, one more tenant", f"{web.mib_a_tenant:.2f} MiB", f"at most {_MAX_MIB:g}"),
        ("orders worker, one more tenant", f"{(many.mib - few.mib) / more:.2f} MiB", f"at most {_MAX_MIB:g}"),
        (f"orders worker idle, {FEW} copies", f"{few.ms_a_second:.1f} ms CPU a second", ""),
        (f"orders worker idle, {MANY} copies", f"{many.ms_a_second:.1f} ms CPU a second", ""),
        (f"web ready with {REGISTERED} tenants", f"{start_seconds:.1f} s", f"at most {_MAX_START_SECONDS:g}"),
        (f"read with {REGISTERED} registered", f"{registered_ms:.2f} ms CPU", ""),
    )
    print("\n| what | measured | gate |\n| --- | --- | --- |")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.exit(main())
