"""``docs/reference/states.md`` and its pictures, generated from the state tables.

The layout is Graphviz's, compiled to WebAssembly and fetched with npm the first time a table changes. A picture names
the table it was made from, so an unchanged one is not drawn again. A test compares these names and draws nothing.
"""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from deploy.local.reference.markdown import code, opening, page, plain, table
from resale.domain.entities import ENTITIES, Absent
from resale.domain.payments import DISPUTES, PAYMENTS
from resale.domain.shipments import SHIPMENTS
from resale.domain.states import Machine, Row

VIZ_PACKAGE: Final = "@viz-js/viz@3.31.0"

#: Machines of what is a part of an entity and stored with it.
PART_MACHINES: Final[tuple[tuple[Machine[Any, Any], str], ...]] = (
    (PAYMENTS, "One attempt to capture the buyer's payment, while the listing is reserved."),
    (
        DISPUTES,
        (
            "The dispute of a payment by the buyer's bank. The payment keeps its own state meanwhile, because that "
            "state counts what was refunded, and an open dispute has not reversed anything yet."
        ),
    ),
    (
        SHIPMENTS,
        "A parcel, outbound or returned. Late or repeated tracking events never move it back.",
    ),
)
MACHINES: Final[tuple[tuple[Machine[Any, Any], str], ...]] = (
    *((one.states, one.about) for one in ENTITIES.values() if not isinstance(one.states, Absent)),
    *PART_MACHINES,
)

_FONT: Final = "Helvetica,Arial,DejaVu Sans,sans-serif"
#: Both palettes bring their own background, so a picture is readable whatever the page around it looks like.
_STYLE: Final = """
<style>
.graph > polygon { fill: #ffffff; stroke: none }
.node text { fill: #0f172a } .edge text { fill: #334155; stroke: #ffffff; stroke-width: 3px; paint-order: stroke }
.edge path { stroke: #64748b } .edge polygon { stroke: #64748b; fill: #64748b }
.node path { stroke: #6366f1 } .node path:not([fill=none]) { fill: #eef2ff }
.end path { stroke: #059669 } .end path:not([fill=none]) { fill: #ecfdf5 }
.start ellipse { fill: #64748b; stroke: #64748b }
@media (prefers-color-scheme: dark) {
.graph > polygon { fill: #0f172a }
.node text { fill: #f1f5f9 } .edge text { fill: #cbd5e1; stroke: #0f172a }
.edge path { stroke: #94a3b8 } .edge polygon { stroke: #94a3b8; fill: #94a3b8 }
.node path { stroke: #a5b4fc } .node path:not([fill=none]) { fill: #312e81 }
.end path { stroke: #6ee7b7 } .end path:not([fill=none]) { fill: #064e3b }
.start ellipse { fill: #94a3b8; stroke: #94a3b8 }
}
</style>
"""
_SCRIPT: Final = """
const { instance } = require(process.argv[1]);
const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk)).on("end", async () => {
  const viz = await instance();
  process.stdout.write(viz.renderString(Buffer.concat(chunks).toString(), { format: "svg", engine: "dot" }));
});
"""


def state_page() -> str:
    """Return the page."""
    return page(_lines())


def dot_of(machine: Machine[Any, Any]) -> str:
    """Return a machine as a Graphviz graph."""
    lines = [
        f'digraph "{machine.name}" {{',
        '  rankdir=TB; nodesep=0.5; ranksep=0.55; pad=0.3; bgcolor="white";',
        f'  node [shape=box, style="rounded,filled", fontname="{_FONT}", fontsize=12, margin="0.24,0.08"];',
        f'  edge [fontname="{_FONT}", fontsize=10, arrowsize=0.7];',
        '  start [shape=circle, label="", width=0.16, class="start"];',
        f'  start -> "{machine.initial}";',
    ]
    lines += [f'  "{state}" [class="end", peripheries=2];' for state in sorted(map(str, machine.final))]
    lines += [
        f'  "{source}" -> "{target}" [label="  {label}  "];' for (source, target), label in _edges(machine).items()
    ]
    return "\n".join([*lines, "}", ""])


def fingerprint(machine: Machine[Any, Any]) -> str:
    """Return the fingerprint of a picture's source."""
    return hashlib.sha256((dot_of(machine) + _STYLE).encode()).hexdigest()[:16]


def picture_of(machine: Machine[Any, Any], folder: Path) -> Path:
    """Return the file of a machine's picture."""
    return folder / "states" / f"{machine.name.replace(' ', '_')}.svg"


def is_current(machine: Machine[Any, Any], folder: Path) -> bool:
    """Return whether the picture exists and was drawn from the current table."""
    picture = picture_of(machine, folder)
    return picture.exists() and fingerprint(machine) in picture.read_text(encoding="utf-8").partition("\n")[0]


def draw_pictures(folder: Path, *, tools: Path) -> Iterator[Path]:
    """Draw the pictures whose tables changed; yield each file. ``tools`` stores the layout engine.

    Raises:
        FileNotFoundError: npm or node is missing.
        subprocess.CalledProcessError: One of them failed.
    """
    for machine, _ in MACHINES:
        if not is_current(machine, folder):
            picture = picture_of(machine, folder)
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_text(_svg(_layout_engine(tools), machine), encoding="utf-8")
            yield picture


def _lines() -> Iterator[str]:
    yield from opening(
        "States",
        "Each state machine is one table in `resale/domain`, the only place that decides its transitions. A "
        "transition that is in no table is refused with 409 and the machine's own code "
        "(`order_transition_refused`, …; [errors](errors.md)). Repeating a command that was done has no effect. "
        "A double frame is a final state.",
        source="the state tables in `resale/domain`",
    )
    for machine, about in MACHINES:
        yield from _section(machine, about)


def _section(machine: Machine[Any, Any], about: str) -> Iterator[str]:
    picture = picture_of(machine, Path())
    yield from (f"## {machine.name.capitalize()}", "", about, "")
    yield from (f"![The states of a {machine.name}]({picture.as_posix()})", "")
    yield from table(("from", "on", "to", "if"), map(_transition_row, machine))


def _transition_row(row: Row[Any, Any]) -> tuple[str, ...]:
    return (code(row.source), code(row.on), code(row.target), plain(row.condition))


def _edges(machine: Machine[Any, Any]) -> dict[tuple[str, str], str]:
    """Return one arrow for each pair of statuses, with all its commands."""
    edges: dict[tuple[str, str], list[str]] = {}
    for row in machine:
        edges.setdefault((str(row.source), str(row.target)), []).append(_label(row))
    return {pair: "  \\n  ".join(labels) for pair, labels in edges.items()}


def _label(row: Row[Any, Any]) -> str:
    return f"{row.on} [if]" if row.guard is not None else str(row.on)


def _svg(engine: Path, machine: Machine[Any, Any]) -> str:
    node = _tool("node")
    drawn = subprocess.run(
        (node, "-e", _SCRIPT, str(engine)), input=dot_of(machine), capture_output=True, text=True, check=True
    ).stdout
    drawn = re.sub(r"^.*?<svg ", "<svg ", drawn, count=1, flags=re.DOTALL)
    drawn = re.sub(r"<!--.*?-->\n?", "", drawn)
    opening_tag = re.compile(r"<svg (.*?)>", re.DOTALL)
    made_from = f"<!-- made from {fingerprint(machine)} by manage.py reference -->"
    return opening_tag.sub(rf'{made_from}\n<svg role="img" \1>{_STYLE.rstrip()}', drawn, count=1)


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
