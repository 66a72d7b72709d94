"""Every shell block of the documentation, as a reader would type it beside a running platform, and what it prints."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.machine import ROOT, Machine, eventually
from tests.e2e.shops import Picture, Shop, seen
from tests.fixtures.pictures import jpeg, scene

_BLOCK = re.compile(r"^```(bash|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_END = "---- end of block ----"
_SECONDS = 120
#: What differs from run to run: who took a step (the order's task, or a webhook's), ids, moments, durations, counts.
_VARYING = (
    (re.compile(r"\b(orders\.advance|inbound\.process):\w+:\d+"), "<task>"),
    (re.compile(r"\b[a-z]{3}_[0-9a-f]{32}"), "<id>"),
    (re.compile(r"\d[\d.:TZ+-]*"), "<n>"),
)

PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if "```bash" in page.read_text(encoding="utf-8")]


class Guide:
    """The shell blocks of a page, each with the output that the page shows for it."""

    def __init__(self, page: Path) -> None:
        self._blocks = _BLOCK.findall(page.read_text(encoding="utf-8"))

    @property
    def script(self) -> str:
        commands = (text for kind, text in self._blocks if kind == "bash")
        return "set -euo pipefail\n" + "".join(f"{text}\necho '{_END}'\n" for text in commands)

    @property
    def shown(self) -> Iterator[tuple[int, str]]:
        """Each line that the page shows, with the number of the block that prints it."""
        number = -1
        for kind, text in self._blocks:
            number += kind == "bash"
            if kind == "text":
                yield from ((number, line) for line in text.splitlines())


@pytest.fixture
def sale(machine: Machine) -> str:
    """An order that was just paid: the newest one, which the guides look at."""
    shop = Shop(machine, "northwind")
    seller, buyer = shop.shopper(), shop.shopper()
    (listing_id,) = shop.on_sale(seller, Picture(jpeg(scene(64, 48))), count=1)
    order_id = shop.buy(buyer, listing_id, "tok_ok")
    eventually(
        lambda: seen(shop.brand, f"/v1/orders/{order_id}/history")["data"],
        lambda rows: rows and rows[-1]["change"]["type"] == "order.confirmed",
        until="the order is confirmed, and that is in history",
    )
    return order_id


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.usefixtures("sale")
class TestGuides:
    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
    def test_commands_print_what_the_page_shows(self, machine: Machine, page: Path) -> None:
        guide = Guide(page)
        done = _type(machine, guide.script)
        assert done.returncode == 0, done.stdout + done.stderr
        printed = [{_shape(line) for line in block.splitlines()} for block in done.stdout.split(f"{_END}\n")]
        missing = [line for number, line in guide.shown if _shape(line) not in printed[number]]
        assert not missing, f"the page shows these, and the commands printed:\n{done.stdout}"


def _type(machine: Machine, script: str) -> subprocess.CompletedProcess[str]:
    """Run the commands as in the checkout, with ``var/`` and the interpreter of this test."""
    own = ("RESALE_", "AWS_", "DJANGO_", "DATABASE_URL", "PORT", "ONCE")
    shell = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    here = script.replace("var/", f"{machine.var}/").replace(".venv/bin/python", sys.executable)
    return subprocess.run(
        ["bash", "-c", here],
        env={**shell, "RESALE_VAR_DIR": str(machine.var)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def _shape(line: str) -> str:
    for varying, name in _VARYING:
        line = varying.sub(name, line)
    return line
