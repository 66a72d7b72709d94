"""The calls that each role made while the tests ran: ``uses.jsonl``, which ``make record-permissions`` writes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

FILE: Final = Path(__file__).with_name("uses.jsonl")


class Use(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """An action of a role on a kind of resource.

    ``resource`` is an ARN in which ``{account}``, ``{region}``, ``{tenant}``, ``{id}`` stand for what differs from call
    to call; ``*`` where the action has no resource. ``context`` has the condition keys that the call itself shows, as
    ``key=value``.
    """

    role: str
    action: str
    resource: str
    context: tuple[str, ...] = ()


def read_uses(file: Path = FILE) -> tuple[Use, ...]:
    """Read the record. Raises msgspec.MsgspecError: it is not one."""
    return tuple(msgspec.json.decode(line, type=Use) for line in file.read_bytes().splitlines())


def write_uses(uses: Iterable[Use], file: Path = FILE) -> None:
    """Write the record, one use a line, in order."""
    lines = (msgspec.json.encode(use).decode() + "\n" for use in sorted(set(uses)))
    file.write_text("".join(lines), encoding="utf-8")
