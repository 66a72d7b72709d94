"""Mypy refuses a wrong change of a stored entity, with the plugin that ``pyproject.toml`` names."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

HEAD = """
from datetime import datetime
from msgspec import structs
from msgspec.structs import replace
from apps.tenancy.scopes import Scope
from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.issues import Issue
from resale.domain.listings import Listing, ListingCommand, transition_listing
from resale.domain.order_steps import transition_order, update_order
from resale.domain.orders import Order, OrderCommand, OrderPrivate
from resale.domain.reasons import FreeCode, ReasonCode

def change(
    uow: UnitOfWork, order: Order, listing: Listing, private: OrderPrivate, either: Order | Listing, now: datetime
) -> None:
"""

RIGHT = {
    "a field of its type": "replace(order, attention=None, step_tries=2)",
    "an optional part": "replace(order, payment=None)",
    "a field of every member of a union": "replace(either, version=2)",
    "a reason of ours": "uow.orders.save(order, change_type=ChangeType.ORDER_LOST, reason_code=ReasonCode.TIME_OVER)",
    "a partner's": "uow.orders.save(order, change_type=ChangeType.ORDER_LOST, reason_code=FreeCode('expired_card'))",
    "a state that its table decides": "transition_order(replace(order, claim_id=None), OrderCommand.CANCEL, now=now)",
}

WRONG = {
    "another type": (
        'update_order(replace(order, shipment="not a shipment"), now=now)',
        'Argument "shipment" to "replace" of "Order" has incompatible type "str"; expected "Shipment | None"',
    ),
    "a number for a text": (
        "structs.replace(order, attention=5)",
        'Argument "attention" to "replace" of "Order" has incompatible type "int"',
    ),
    "a misspelt field": (
        "replace(order, shipmnt=None)",
        'Unexpected keyword argument "shipmnt" for "replace" of "Order"',
    ),
    "a field of another struct": (
        "replace(listing, ship_by=now)",
        'Unexpected keyword argument "ship_by" for "replace" of "Listing"',
    ),
    "nothing for what is always there": (
        "replace(order, created_at=None)",
        'Argument "created_at" to "replace" of "Order" has incompatible type "None"; expected "datetime"',
    ),
    "a field that only one member of a union has": (
        "replace(either, ship_by=now)",
        'Argument "ship_by" to "replace" of "Order | Listing" has incompatible type "datetime"; expected "Never"',
    ),
    "a text for a state": (
        'replace(order, status="shipped")',
        'Argument "status" to "replace" of "Order" has incompatible type "str"; expected "OrderStatus"',
    ),
    "what is sealed": (
        "replace(private, label_url=1)",
        'Argument "label_url" to "replace" of "OrderPrivate" has incompatible type "int"; expected "str | None"',
    ),
    "a text for an issue": (
        'replace(order, attention="label_refused")',
        'Argument "attention" to "replace" of "Order" has incompatible type "str"; expected "Issue | None"',
    ),
    "a misspelt issue": ("replace(order, attention=Issue.LABEL_REFUSD)", '"type[Issue]" has no attribute'),
    "a text for a change type": (
        'uow.orders.save(order, change_type="order.lost")',
        'Argument "change_type" to "save" of "WriteRepository" has incompatible type "str"; expected "ChangeType"',
    ),
    "a misspelt change type": (
        "uow.orders.save(order, change_type=ChangeType.ORDER_LOSST)",
        '"type[ChangeType]" has no attribute "ORDER_LOSST"',
    ),
    "a text for a reason": (
        'uow.orders.save(order, change_type=ChangeType.ORDER_LOST, reason_code="time_over")',
        'Argument "reason_code" to "save" of "WriteRepository" has incompatible type "str"',
    ),
    "a misspelt scope": ("Scope.ORDERS_RAED", '"type[Scope]" has no attribute "ORDERS_RAED"'),
    "fields beside a transition": (
        "transition_order(order, OrderCommand.CANCEL, now=now, cancel_requested=True)",
        'Unexpected keyword argument "cancel_requested" for "transition_order"',
    ),
    "a command of another noun": (
        "transition_order(order, ListingCommand.EDIT, now=now)",
        'Argument 2 to "transition_order" has incompatible type "ListingCommand"; expected "OrderCommand"',
    ),
    "another noun": (
        "transition_listing(order, ListingCommand.EDIT, now=now)",
        'Argument 1 to "transition_listing" has incompatible type "Order"; expected "Listing"',
    ),
    "fields out of a mapping": (
        'replace(order, **{"attention": 5})',
        'Argument 2 to "replace" of "Order" has incompatible type "**dict[str, int]"',
    ),
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What mypy says of each line, with our settings and plugins; those of frameworks have nothing to do with it."""
    folder = tmp_path_factory.mktemp("typing")
    lines = {**RIGHT, **{name: line for name, (line, _) in WRONG.items()}}
    sample = folder / "sample.py"
    sample.write_text(HEAD + "".join(f"    {line}\n" for line in lines.values()))
    first = len(HEAD.splitlines()) + 1
    said = _mypy(sample, folder)
    return {name: said.get(number, "") for number, name in enumerate(lines, start=first)}


def _mypy(sample: Path, folder: Path) -> dict[int, str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    plugins = [str(ROOT / name) for name in settings["plugins"] if name.endswith(".py")]
    config = folder / "mypy.ini"
    config.write_text(f"[mypy]\nstrict = True\nplugins = {', '.join(plugins)}\nmypy_path = {ROOT}\n")
    options = ["--config-file", str(config), "--cache-dir", str(folder / "cache")]
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(sample)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    said: dict[int, str] = {}
    for line in ended.stdout.splitlines():
        path, _, rest = line.partition(":")
        if Path(path).name == sample.name:
            number, _, text = rest.partition(":")
            said[int(number)] = said.get(int(number), "") + text
    return said


@pytest.mark.parametrize("name", WRONG)
def test_refuses(name: str, findings: dict[str, str]) -> None:
    assert WRONG[name][1] in findings[name]


@pytest.mark.parametrize("name", RIGHT)
def test_accepts(name: str, findings: dict[str, str]) -> None:
    assert not findings[name]
