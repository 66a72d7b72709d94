"""Ended by ``kill -9`` and by Ctrl-C: no process stays, no data goes, and nothing private lies about."""

import json
import re
import signal
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.local.private_files import Demo
from tests.e2e.machine import Machine, eventually
from tests.e2e.processes import outlives_kills
from tests.e2e.shops import Picture, Shop, Shopper, seen
from tests.e2e.traces import written_as
from tests.fixtures.pictures import jpeg, scene

pytestmark = [outlives_kills, pytest.mark.slow, pytest.mark.timeout(420)]

REASON = "Please ask Ms Pemberton-Vale about the sleeve"
_PRIVATE_FILES = {"demo.json", "secrets.json"}
_ACCESS_TOKEN = re.compile(rb"eyJ[\w-]{8,}\.eyJ[\w-]{8,}")
_API_KEY = re.compile(rb"[ps]k_(live|test)_[\w-]{20,}")


@dataclass
class Lives:
    """One folder's platform before it was killed, after it was started again, and after it was stopped."""

    machine: Machine
    demos: tuple[Demo, Demo]
    order: tuple[dict[str, Any], dict[str, Any]]
    drafts: tuple[dict[str, Any], dict[str, Any]]
    history: dict[str, Any]
    exit_code: int
    people: tuple[Shopper, Shopper]


@pytest.fixture(scope="module")
def lives(_machine: Machine) -> Lives:
    _machine.ensure_up()
    shop, picture = Shop(_machine, "northwind"), Picture(jpeg(scene(64, 48)))
    seller, buyer = shop.shopper(), shop.shopper()
    (listing_id,) = shop.on_sale(seller, picture, count=1)
    order_path = f"/v1/orders/{shop.buy(buyer, listing_id, 'tok_ok')}"
    (draft_id,) = shop.in_review(seller, picture, count=1)
    shop.decide(draft_id, decision="request_changes", reasons=[REASON])
    demo, draft = _machine.demo, seen(seller.client, f"/v1/listings/{draft_id}")
    order = confirmed(buyer, order_path)
    _machine.crash()
    eventually(_machine.processes_left, lambda left: left == [], until="nothing is left of a killed platform")
    _machine.start()
    history = eventually(
        lambda: seen(shop.brand, f"{order_path}/history"),
        lambda found: bool(found["verification"]["verified"]),
        until="the history is whole",
    )
    return Lives(
        machine=_machine,
        demos=(demo, _machine.demo),
        order=(order, confirmed(buyer, order_path)),
        drafts=(draft, seen(seller.client, f"/v1/listings/{draft_id}")),
        history=history,
        exit_code=_machine.stop(signal.SIGINT),
        people=(seller, buyer),
    )


class TestKilledAndStartedAgain:
    def test_it_keeps_orders_addresses_reasons_and_histories(self, lives: Lives) -> None:
        before, after = lives.order
        assert before == after
        assert after["shipping_address"]["line1"] == lives.people[1].street
        assert [draft["reasons"] for draft in lives.drafts] == [[REASON], [REASON]]
        assert [entry["change"]["type"] for entry in lives.history["data"]][-1] == "order.confirmed"

    def test_it_keeps_keys_logins_and_who_shoppers_are(self, lives: Lives) -> None:
        before, after = lives.demos
        assert before.operator == after.operator
        assert [one.secret_key for one in before.tenants] == [one.secret_key for one in after.tenants]
        assert [one.staff for one in before.tenants] == [one.staff for one in after.tenants]
        assert before.base_url == after.base_url
        assert lives.order[0]["buyer_id"] == lives.order[1]["buyer_id"]


class TestStopped:
    def test_no_process_is_left(self, lives: Lives) -> None:
        assert lives.exit_code == 0
        assert lives.machine.processes_left() == []

    def test_no_personal_data_lies_in_the_clear(self, lives: Lives) -> None:
        secrets = [REASON, *(text for person in lives.people for text in person.secrets)]
        traces = {trace: text for text in secrets for trace in written_as(text)}
        found = {
            f"{path}: {text}"
            for path, content in files(lives.machine.var)
            for trace, text in traces.items()
            if trace in content
        }
        assert found == set()

    def test_keys_and_tokens_are_in_files_of_their_own_only(self, lives: Lives) -> None:
        kept = json.loads((lives.machine.var / "secrets.json").read_text())
        found = {
            str(path)
            for path, content in [*files(lives.machine.var), (Path("output"), lives.machine.printed.encode())]
            if path.name not in _PRIVATE_FILES and (_ACCESS_TOKEN.search(content) or _API_KEY.search(content))
        }
        assert found == set()
        for name in ("django_secret_key", "lookup_secret", "cursor_secret", "operator_password"):
            holders = {path.name for path, content in files(lives.machine.var) if kept[name].encode() in content}
            assert holders <= _PRIVATE_FILES, name

    def test_logs_hold_no_payment(self, lives: Lives) -> None:
        logs = b"".join(content for _, content in files(lives.machine.var / "log"))
        assert b"northwind" in logs
        assert b"tok_" not in logs
        assert b"payment_token" not in logs

    def test_nobody_else_may_look(self, lives: Lives) -> None:
        private = [*(lives.machine.var / name for name in _PRIVATE_FILES), *(lives.machine.var / "issuers").iterdir()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
        assert stat.S_IMODE(lives.machine.var.stat().st_mode) == 0o700


def confirmed(buyer: Shopper, path: str) -> dict[str, Any]:
    return eventually(
        lambda: seen(buyer.client, path), lambda order: order["status"] == "confirmed", until="the order is confirmed"
    )


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below: databases with their logs, queues, objects, state."""
    return ((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file())
