"""``make drill-region``: a tenant's writes move between two sets of engines while shoppers order.

No order may be lost or doubled, and nothing may be written in the Region that was left. Ends with 1 if anything is
wrong.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import botocore.session
import msgspec
from botocore.config import Config

from deploy.local.engines import dynoxide
from deploy.local.engines.install import install
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.onboarding.providers import LOCAL_PARAMETERS, TEMPLATES
from deploy.local.provisioning.platform import platform_principal_arn
from deploy.local.provisioning.secrets import SecretPlace, put_secret
from deploy.local.provisioning.tenants import TenantStack, provision_tenant
from deploy.local.supervisor import Supervisor
from deploy.local.supervisor.interrupts import exit_on_signals
from deploy.local.supervisor.ports import pick
from resale.domain.tenants import Resources
from tests.drills.beside import read_registry, start
from tests.drills.load import Load
from tests.drills.replication import Replicator
from tests.drills.report import Report
from tests.e2e.machine import Machine, eventually
from tests.e2e.shops import Picture, Shop, insist, seen
from tests.fixtures.pictures import jpeg, scene
from tests.local.clients import client

_SLUG, _ACCOUNT, _HERE, _THERE = "northwind", "111111111111", "eu-west-2", "eu-west-1"
_PLATFORM: Final = "000000000001"
_SHOPPERS: Final = 3
_SPARE: Final = 60  # listings beyond the orders before: the shop is open for half a minute after its freeze
_AFTER: Final = 5
_SOON: Final = 400.0


def main() -> int:
    """Play it."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.region", description=__doc__)
    parser.add_argument("--orders", type=int, default=20, help="accepted before the move")
    parser.add_argument("--lag", type=float, default=1.0, help="seconds until a write is in the other Region")
    options = parser.parse_args()
    report = Report()
    with exit_on_signals(), tempfile.TemporaryDirectory(prefix="resale-drill-") as folder:
        machine = Machine(Path(folder))
        try:
            machine.start()
            with Supervisor(log_dir=Path(folder) / "log", say=lambda _line: None) as supervisor:
                Drill(machine, supervisor, report, lag=options.lag).play(options.orders)
        finally:
            machine.close()
    return report.end()


class Drill:
    """One shop with engines in two Regions, its load and its move."""

    def __init__(self, machine: Machine, supervisor: Supervisor, report: Report, *, lag: float) -> None:
        self._machine, self._supervisor, self._report, self._lag = machine, supervisor, report, lag
        self._shop = Shop(machine, _SLUG)
        self._files = AccountFiles(machine.var)

    def play(self, count: int) -> None:
        """Replicate it, move it, look."""
        say = self._report.say
        listings = self._list(count + _SPARE)
        there = self._make_replica()
        with self._replicating(there):
            say(f"{len(listings)} listings are on sale; the replica in {_THERE} is {self._lag:g} s behind")
            with Load(self._shop, iter(listings)).running(_SHOPPERS) as load:
                load.await_accepted(count)
                began_at = datetime.now(UTC)
                say(f"{len(load.accepted())} orders are accepted; the move begins")
                printed = self._move()
                switched = self._digest(_HERE)
                thawed_at = datetime.now(UTC)
                load.await_accepted(_AFTER, since=thawed_at)
            self._look(load, printed, began_at=began_at, thawed_at=thawed_at)
            self._report.check(self._digest(_HERE) == switched, f"something was written in {_HERE} after the switch")

    # ------------------------------------------------------------ the replica
    def _list(self, count: int) -> list[str]:
        seller = self._shop.shopper()
        address = {"payout_destination": "acct_ok", "ship_from": {**seller.address, "name": "Juniper Q"}}
        assert insist(lambda: seller.client.patch("/v1/seller_account", address)).status == 200
        return self._shop.on_sale(seller, Picture(jpeg(scene(64, 48))), count=count)

    def _make_replica(self) -> Resources:
        """Start an engine for the second Region, with the stack's resources there, and register it."""
        binary = install(say=lambda _line: None).dynoxide
        assert binary is not None, "the drill needs dynoxide"
        data_file, port = self._machine.var / "dynamodb" / f"{_ACCOUNT}-{_THERE}.sqlite", pick()
        described = dynoxide.spec(binary, account=f"{_ACCOUNT}-{_THERE}", data_file=data_file, port=port)
        dynoxide.start(self._supervisor, described, data_file)
        self._files.save_endpoints({**self._files.endpoints(), f"{_ACCOUNT}/{_THERE}": f"http://127.0.0.1:{port}"})
        row = read_registry(self._machine, _SLUG)
        self._replicate_key(row["resources"]["key_arn"])
        stack = TenantStack(
            slug=_SLUG,
            account_id=_ACCOUNT,
            region=_THERE,
            external_id=row["external_id"],
            platform_principal_arn=platform_principal_arn(_PLATFORM),
            data_parameters={
                **LOCAL_PARAMETERS,
                "AllowedOrigins": ",".join(row["allowed_origins"]),
                "Sandbox": "true",
                "PublicMediaOrigin": self._aws_url,
            },
            template_folder=TEMPLATES,
        )
        resources = provision_tenant(
            stack, aws_url=self._aws_url, dynamodb_url=self._files.endpoints()[f"{_ACCOUNT}/{_THERE}"]
        ).resources
        place = SecretPlace(account_id=_ACCOUNT, region=_THERE, key_arn=resources.key_arn)
        secrets = client("secretsmanager", self._aws_url, key=_ACCOUNT, region=_HERE)
        for name in row["secret_names"]:
            values = msgspec.json.decode(secrets.get_secret_value(SecretId=name)["SecretString"])
            put_secret(place, aws_url=self._aws_url, name=name, values=values)
        given = msgspec.json.encode(resources).decode()
        done = start(self._machine, "register_replica", _SLUG, "--region", _THERE, given=given)
        assert done.wait() == 0, done.communicate()[0]
        return resources

    def _replicate_key(self, key_arn: str) -> None:
        """Make the replica of the tenant's key, by which data keys of both Regions are opened."""
        here, there = (client("kms", self._aws_url, key=_ACCOUNT, region=region) for region in (_HERE, _THERE))
        made = here.replicate_key(KeyId=key_arn, ReplicaRegion=_THERE)["ReplicaKeyMetadata"]
        there.create_alias(AliasName=f"alias/{_SLUG}", TargetKeyId=made["KeyId"])

    @contextmanager
    def _replicating(self, there: Resources) -> Iterator[None]:
        tables = msgspec.structs.astuple(there.tables)
        endpoints = self._files.endpoints()
        source = client("dynamodb", endpoints[_ACCOUNT], key=_ACCOUNT, region=_HERE)
        target = client("dynamodb", endpoints[f"{_ACCOUNT}/{_THERE}"], key=_ACCOUNT, region=_THERE)
        replicator = Replicator(source, _streams(endpoints[_ACCOUNT]), target, tables, lag=self._lag)
        replicator.start()
        try:
            yield
        finally:
            replicator.stop()

    @property
    def _aws_url(self) -> str:
        ports = msgspec.json.decode((self._machine.var / "ports.json").read_bytes(), type=dict[str, int])
        return f"http://localhost:{ports['ministack']}"

    # ------------------------------------------------------------ the move
    def _move(self) -> list[str]:
        process = start(self._machine, "move_tenant", _SLUG, "--region", _THERE)
        output, _ = process.communicate()
        for line in output.splitlines():
            self._report.say(f"  {line}")
        self._report.check(process.returncode == 0, "the move did not end")
        return output.splitlines()

    def _digest(self, region: str) -> dict[str, str]:
        """The newest version of each order in one Region."""
        endpoints = self._files.endpoints()
        url = endpoints[_ACCOUNT] if region == _HERE else endpoints[f"{_ACCOUNT}/{region}"]
        dynamodb = client("dynamodb", url, key=_ACCOUNT, region=region)
        pages = dynamodb.get_paginator("scan").paginate(TableName=f"{_SLUG}-orders", ConsistentRead=True)
        return {item["pk"]["S"] + item["sk"]["S"]: item["version"]["N"] for page in pages for item in page["Items"]}

    # ------------------------------------------------------------ the checks
    def _look(self, load: Load, printed: list[str], *, began_at: datetime, thawed_at: datetime) -> None:
        report, accepted = self._report, load.accepted()
        listed = Counter(order["listing_id"] for order in self._every_order() if order["status"] != "cancelled")
        twice = [listing_id for listing_id, count in listed.items() if count > 1]
        report.check(not twice, f"listings were sold twice: {twice}")
        lost = [one.order_id for one in accepted if self._shop_status(one.order_id) is None]
        report.check(not lost, f"orders are lost: {lost}")
        for one in accepted:
            if one.order_id not in lost:
                self._check_paid(one.order_id)
        done = start(self._machine, "trial_balance", _SLUG)
        output, _ = done.communicate()
        report.check(done.returncode == 0, f"debits and credits differ: {output}")
        report.check(not load.refused, f"orders were refused: {load.refused[:3]}")
        after = load.accepted(since=thawed_at)
        first = min(one.at for one in after)
        report.say(f"orders accepted before, during and after: {len(accepted)}; lost {len(lost)}, doubled {len(twice)}")
        report.say(f"orders in {_THERE}: {len(after)} after the move; {load.frozen_count} responses 503 tenant_frozen")
        report.say(f"all {len(accepted)} orders are paid, their histories are whole")
        report.say("RPO: 0 (the replica was compared, item by item, before the switch)")
        report.say(f"RTO: {(thawed_at - began_at).total_seconds():.1f} s from the command to the thaw")
        report.say(f"     {(first - began_at).total_seconds():.1f} s to the first order that was accepted again")
        report.check(any("writes in" in line for line in printed), "the move did not report its end")

    def _shop_status(self, order_id: str) -> str | None:
        response = insist(lambda: self._shop.brand.get(f"/v1/orders/{order_id}"))
        return str(response.json["status"]) if response.status == 200 else None

    def _check_paid(self, order_id: str) -> None:
        eventually(
            lambda: self._shop_status(order_id),
            lambda status: status == "awaiting_shipment",
            until=f"{order_id} is paid",
            seconds=_SOON,
            pause=0.5,
        )
        eventually(
            lambda: seen(self._shop.brand, f"/v1/orders/{order_id}/history?limit=1")["verification"],
            lambda history: bool(history["verified"]),
            until=f"the history of {order_id} is whole",
        )

    def _every_order(self) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            page = seen(self._shop.brand, f"/v1/orders?limit=100{cursor}")
            yield from page["data"]
            if not page["has_more"]:
                return
            cursor = f"&cursor={page['next_cursor']}"


def _streams(url: str) -> Any:
    """Return a client of dynoxide's streams, whose ids are shorter than botocore permits."""
    return botocore.session.Session().create_client(
        "dynamodbstreams",
        endpoint_url=url,
        region_name=_HERE,
        aws_access_key_id=_ACCOUNT,
        aws_secret_access_key="any",
        config=Config(parameter_validation=False),
    )


if __name__ == "__main__":
    sys.exit(main())
