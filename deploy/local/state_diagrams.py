"""The state machines as pictures and tables of ``docs/``: made from the tables that decide, so they cannot differ.

``manage.py state_pictures`` writes ``docs/states.md`` and ``docs/states/*.svg``. The layout is Graphviz's, compiled to
WebAssembly and fetched with npm; a test compares what the pictures were made from with the tables, and draws nothing.
"""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from resale.domain.claims import CLAIMS
from resale.domain.inbound import INBOUND
from resale.domain.listings import LISTINGS
from resale.domain.orders import ORDERS
from resale.domain.payments import DISPUTES, PAYMENTS
from resale.domain.payouts import PAYOUTS
from resale.domain.shipments import SHIPMENTS
from resale.domain.states import Machine, Row
from resale.domain.transfers import TRANSFERS

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
VIZ_PACKAGE: Final = "@viz-js/viz@3.31.0"

MACHINES: Final[tuple[tuple[Machine[Any, Any], str], ...]] = (
    (ORDERS, "One buyer, one item, from submission to the end of the buyer's protection."),
    (LISTINGS, "The advert of one item. What is sold stays sold; an item that came back gets a new listing."),
    (PAYMENTS, "One try to take the buyer's money, within the order's hold."),
    (
        DISPUTES,
        (
            "What the buyer's bank says of a payment. The payment keeps its state meanwhile: that says what went back, "
            "and a dispute that is open, of a part or the whole, has taken nothing yet."
        ),
    ),
    (SHIPMENTS, "A parcel, out or back. Reports come late, twice or out of order: it only moves forward."),
    (CLAIMS, "Buyer protection for one delivered order."),
    (TRANSFERS, "What a seller earns by an order; taken back after completion by a transfer below zero."),
    (PAYOUTS, "What leaves a seller's balance."),
    (INBOUND, "What a partner told by a webhook; one that has to wait stays received, and is due again."),
)

_FONT: Final = "Helvetica,Arial,DejaVu Sans,sans-serif"
_SCRIPT: Final = """
const { instance } = require(process.argv[1]);
const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk)).on("end", async () => {
  const viz = await instance();
  process.stdout.write(viz.renderString(Buffer.concat(chunks).toString(), { format: "svg", engine: "dot" }));
});
"""


def dot_of(machine: Machine[Any, Any]) -> str:
    """Write a machine in Graphviz's language: what a picture is made from."""
    lines = [
        f"digraph {machine.name} {{",
        "  rankdir=TB; nodesep=0.5; ranksep=0.55; bgcolor=transparent;",
        f'  node [shape=box, style="rounded,filled", fontname="{_FONT}", fontsize=12, fontcolor="#0f172a"];',
        '  node [color="#6366f1", fillcolor="#eef2ff", margin="0.24,0.08"];',
        f'  edge [fontname="{_FONT}", fontsize=10, color="#475569", fontcolor="#334155", arrowsize=0.7];',
        '  start [shape=circle, label="", width=0.16, color="#475569", fillcolor="#475569"];',
        f'  start -> "{machine.initial}";',
    ]
    lines += [
        f'  "{state}" [color="#059669", fillcolor="#ecfdf5", peripheries=2];'
        for state in sorted(map(str, machine.final))
    ]
    lines += [f'  "{source}" -> "{target}" [label="{label}"];' for (source, target), label in _edges(machine).items()]
    return "\n".join([*lines, "}", ""])


def page() -> str:
    """Write ``docs/states.md``."""
    return "\n".join(
        [
            "# States",
            "",
            "Each table is the only place where its transitions are decided (`resale/domain`); the pictures and",
            "tables here are made from them by `manage.py state_pictures`, and a test holds them together. What is in",
            "no table is refused with 409 and the machine's own code (`order_transition_refused`, …); the same command",
            "again is a no-op that answers as the first time. A double frame is an end.",
            *(line for machine, about in MACHINES for line in _section(machine, about)),
            "",
        ]
    )


def fingerprint(machine: Machine[Any, Any]) -> str:
    """Name what a picture is made from."""
    return hashlib.sha256(dot_of(machine).encode()).hexdigest()[:16]


def draw(folder: Path) -> Iterator[str]:
    """Write page and pictures; gives the name of each file written. ``folder`` keeps the layout engine.

    Raises:
        FileNotFoundError: npm or node is missing.
        subprocess.CalledProcessError: One of them failed.
    """
    engine = _layout_engine(folder)
    (DOCS / "states").mkdir(exist_ok=True)
    for machine, _ in MACHINES:
        target = DOCS / "states" / f"{machine.name}.svg"
        target.write_text(_svg(engine, machine), encoding="utf-8")
        yield str(target.relative_to(DOCS.parent))
    (DOCS / "states.md").write_text(page(), encoding="utf-8")
    yield "docs/states.md"


def _section(machine: Machine[Any, Any], about: str) -> Iterator[str]:
    yield from ("", f"## {machine.name.capitalize()}", "", about, "")
    yield f"![The states of a {machine.name}](states/{machine.name}.svg)"
    yield from ("", "| from | on | to | if |", "| --- | --- | --- | --- |")
    for row in machine:
        yield f"| `{row.source}` | `{row.on}` | `{row.target}` | {row.condition or '-'} |"


def _edges(machine: Machine[Any, Any]) -> dict[tuple[str, str], str]:
    """One arrow a pair of states, however many commands lead from one to the other."""
    edges: dict[tuple[str, str], list[str]] = {}
    for row in machine:
        edges.setdefault((str(row.source), str(row.target)), []).append(_label(row))
    return {pair: "\\n".join(labels) for pair, labels in edges.items()}


def _label(row: Row[Any, Any]) -> str:
    return f"{row.on} [if]" if row.guard is not None else str(row.on)


def _svg(engine: Path, machine: Machine[Any, Any]) -> str:
    node = _tool("node")
    drawn = subprocess.run(
        (node, "-e", _SCRIPT, str(engine)), input=dot_of(machine), capture_output=True, text=True, check=True
    ).stdout
    drawn = re.sub(r"^.*?<svg ", "<svg ", drawn, count=1, flags=re.DOTALL)
    drawn = re.sub(r"<!--.*?-->\n?", "", drawn)
    return drawn.replace(
        "<svg ", f'<!-- made from {fingerprint(machine)}: manage.py state_pictures -->\n<svg role="img" ', 1
    )


def _layout_engine(folder: Path) -> Path:
    home = folder / VIZ_PACKAGE.replace("/", "-").replace("@", "")
    if not home.exists():
        home.mkdir(parents=True)
        command = (_tool("npm"), "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home), VIZ_PACKAGE)
        subprocess.run(command, check=True)
    return home / "node_modules" / "@viz-js" / "viz"


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not on the PATH; install Node.js, which brings it")
    return found
