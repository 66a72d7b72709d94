"""``make drill-restore``: orders under load, a script that breaks them, a restore to before it, and what it cost.

The restore is killed once between two steps and resumed. Ends with 1 and says what is wrong, if anything is.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.local.supervisor.interrupts import exit_on_signals
from resale.adapters.dynamodb import keys
from tests.drills.beside import start
from tests.drills.load import Load, Placed
from tests.drills.report import Report
from tests.e2e.machine import Machine, eventually
from tests.e2e.shops import Picture, Shop, insist, seen
from tests.fixtures.pictures import jpeg, scene
from tests.local.clients import client

_SLUG, _ACCOUNT, _REGION = "northwind", "111111111111", "eu-west-2"
_SHOPPERS: Final = 3
_SPARE: Final = 60  # listings beyond the orders before: the shop is open for half a minute after its freeze
_BROKEN: Final = 10  # orders that the script breaks
_AFTER: Final = 5  # orders that must be accepted and paid after it
_SNAPSHOT_SECONDS: Final = 2
_KILLED_AFTER: Final = "settings"
_SOON: Final = 300.0


def main() -> int:
    """Play it."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.restore", description=__doc__)
    parser.add_argument("--orders", type=int, default=20, help="accepted before the script runs")
    options = parser.parse_args()
    report = Report()
    with exit_on_signals(), tempfile.TemporaryDirectory(prefix="resale-drill-") as folder:
        machine = Machine(Path(folder))
        try:
            machine.start()
            with _snapshots(machine):
                Drill(machine, report).play(options.orders)
        finally:
            machine.close()
    return report.end()


class Drill:
    """One shop, its load, its script and its restore."""

    def __init__(self, machine: Machine, report: Report) -> None:
        self._machine, self._report = machine, report
        self._shop = Shop(machine, _SLUG)

    def play(self, count: int) -> None:
        """Break it, restore it, look."""
        say = self._report.say
        listings = self._list(count + _SPARE)
        say(f"{len(listings)} listings are on sale; {_SHOPPERS} shoppers order, snapshots every {_SNAPSHOT_SECONDS} s")
        with Load(self._shop, iter(listings)).running(_SHOPPERS) as load:
            load.await_accepted(count)
            broken_at = datetime.now(UTC)
            broken = self._break([one.order_id for one in load.accepted()][:_BROKEN])
            say(f"{len(load.accepted())} orders are accepted; a script broke {len(broken)} of them")
            load.await_accepted(len(load.accepted()) + 3)
            began_at = datetime.now(UTC)
            printed = self._restore(broken_at)
            thawed_at = datetime.now(UTC)
            load.await_accepted(_AFTER, since=thawed_at)
        self._look(load, printed=printed, broken_at=broken_at, began_at=began_at, thawed_at=thawed_at)

    # ------------------------------------------------------------ the disaster
    def _list(self, count: int) -> list[str]:
        seller = self._shop.shopper()
        address = {"payout_destination": "acct_ok", "ship_from": {**seller.address, "name": "Juniper Q"}}
        assert insist(lambda: seller.client.patch("/v1/seller_account", address)).status == 200
        return self._shop.on_sale(seller, Picture(jpeg(scene(64, 48))), count=count)

    def _break(self, order_ids: list[str]) -> list[str]:
        """Write over documents as a script with an administrator's rights can, and delete one item."""
        endpoints = msgspec.json.decode((self._machine.var / "dynamodb" / "endpoints.json").read_bytes())
        dynamodb = client("dynamodb", endpoints[_ACCOUNT], key=_ACCOUNT, region=_REGION)
        for number, order_id in enumerate(order_ids):
            key = {name: {"S": value} for name, value in keys.entity_key("order", order_id).items()}
            if number == 0:
                dynamodb.delete_item(TableName=f"{_SLUG}-orders", Key=key)
                continue
            item = dynamodb.get_item(TableName=f"{_SLUG}-orders", Key=key, ConsistentRead=True)["Item"]
            document = msgspec.json.decode(item["doc"]["S"])
            document["amounts"]["grand_total"] = 1
            item["doc"] = {"S": msgspec.json.encode(document).decode()}
            dynamodb.put_item(TableName=f"{_SLUG}-orders", Item=item)
        return order_ids

    # ------------------------------------------------------------ the restore
    def _restore(self, at: datetime) -> list[str]:
        """Restore to the moment before the script; the first process is killed between two steps."""
        first = start(self._machine, "restore_tenant", _SLUG, "--at", at.isoformat())
        printed = []
        assert first.stdout is not None
        for line in first.stdout:
            printed.append(line.rstrip())
            if line.startswith(_KILLED_AFTER):
                first.kill()
                self._report.say(f"the process of the restore was killed after the step {_KILLED_AFTER}")
                break
        first.wait()
        second = start(self._machine, "restore_tenant", _SLUG, "--resume")
        output, _ = second.communicate()
        printed += output.splitlines()
        for line in printed:
            self._report.say(f"  {line}")
        self._report.check(second.returncode == 0, "the restore did not end")
        return printed

    # ------------------------------------------------------------ the checks
    def _look(
        self,
        load: Load,
        *,
        printed: list[str],
        broken_at: datetime,
        began_at: datetime,
        thawed_at: datetime,
    ) -> None:
        report = self._report
        data_of = datetime.fromisoformat(
            next(line.rpartition(" ")[2] for line in printed if line.startswith(f"{_SLUG} has the data of"))
        )
        before = [one for one in load.accepted() if one.at <= data_of]
        lost = [one for one in load.accepted() if data_of < one.at < began_at]
        after = load.accepted(since=thawed_at)
        for one in before:
            self._check_whole(one)
        kept = [one for one in lost if self._find(one) is not None]
        for one in after:
            self._check_paid(one)
        self._check_ledger()
        needless = sum(one.at <= broken_at for one in lost if one not in kept)
        report.check(not load.refused, f"orders were refused: {load.refused[:3]}")
        report.say(f"orders accepted before the data's moment: {len(before)}, all there and verified")
        report.say(f"orders accepted later and lost: {len(lost) - len(kept)}, {needless} of them before the script ran")
        report.say(f"orders after the restore: {len(after)}, all paid; {load.frozen_count} responses 503 tenant_frozen")
        first = min(one.at for one in after)
        report.say(f"RPO: {(broken_at - data_of).total_seconds():.1f} s before the script")
        report.say(f"RTO: {(thawed_at - began_at).total_seconds():.1f} s from the command to the thaw")
        report.say(f"     {(first - began_at).total_seconds():.1f} s to the first order that was accepted again")

    def _check_whole(self, placed: Placed) -> None:
        order = self._find(placed)
        self._report.check(order is not None, f"{placed.order_id} is gone, and was accepted before the data's moment")
        if order is None:
            return
        history = seen(self._shop.brand, f"/v1/orders/{placed.order_id}/history?limit=1")["verification"]
        self._report.check(history["verified"], f"the history of {placed.order_id}: {history['findings']}")
        total = order["amounts"]["grand_total"]
        self._report.check(total == 12_000, f"{placed.order_id} has the amount {total} that the script wrote")

    def _check_paid(self, placed: Placed) -> None:
        eventually(
            lambda: seen(self._shop.brand, f"/v1/orders/{placed.order_id}")["status"],
            lambda status: status == "awaiting_shipment",
            until=f"{placed.order_id} is paid",
            seconds=_SOON,
            pause=0.5,
        )
        eventually(
            lambda: seen(self._shop.brand, f"/v1/orders/{placed.order_id}/history?limit=1")["verification"],
            lambda history: bool(history["verified"]),
            until=f"the history of {placed.order_id} is whole",
        )

    def _check_ledger(self) -> None:
        done = start(self._machine, "trial_balance", _SLUG)
        output, _ = done.communicate()
        self._report.check(done.returncode == 0, f"debits and credits differ: {output}")

    def _find(self, placed: Placed) -> dict[str, Any] | None:
        response = insist(lambda: self._shop.brand.get(f"/v1/orders/{placed.order_id}"))
        return response.json if response.status == 200 else None


@contextmanager
def _snapshots(machine: Machine) -> Iterator[None]:
    process = start(machine, "keep_snapshots", "--every", str(_SNAPSHOT_SECONDS))
    try:
        yield
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    sys.exit(main())
