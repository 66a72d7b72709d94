"""Move of a tenant's write Region to its replica: the steps in order, and the errors. Calls nothing."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from resale.errors import Conflict, NotFound, Rejected


class MoveStep(StrEnum):
    """The steps of a move, in the order in which they run."""

    FREEZE = "freeze"
    FENCE = "fence"
    CATCH_UP = "catch_up"
    SWITCH = "switch"
    CHANGES = "changes"
    THAW = "thaw"


#: What each step does, for the plan of ``--dry-run`` and for the operator.
MOVE_PURPOSES: Final[Mapping[MoveStep, str]] = {
    MoveStep.FREEZE: "freeze the tenant: its API responds 503, its workers leave their messages",
    MoveStep.FENCE: "deny writes in the Region that is left, or wait until no process can write there any more",
    MoveStep.CATCH_UP: "wait until the replica has every item; not if the Region is lost",
    MoveStep.SWITCH: "name the new write Region in the registry, under the next epoch",
    MoveStep.CHANGES: "carry changes from the streams of the new write Region",
    MoveStep.THAW: "serve the tenant again; the sweep wakes what is due",
}


class MoveState(StrEnum):
    """The state of a move. All but ``MOVED`` can be resumed."""

    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"
    MOVED = "moved"


class TableDigest(msgspec.Struct, frozen=True):
    """The contents of a table in any order: two tables with the same items have the same one."""

    item_count: int
    digest: str  # hexadecimal


class MoveUnfinished(Rejected):
    """A move of this slug was started and has not ended."""

    code = "move_unfinished"
    title = "Move not finished"
    default_detail = "A move of this tenant was started before. Continue it with --resume."


class MoveNotFound(NotFound):
    """No move of this slug was started."""

    code = "move_not_found"
    title = "Move not found"
    default_detail = "No move of this tenant was started. Start it without --resume."


class MoveInProgress(Conflict):
    """Another process has the lease of this move."""

    code = "move_in_progress"
    title = "Move in progress"
    default_detail = "Another process moves this tenant at the moment. Wait until it ends."


class MoveCancelled(Rejected):
    """The tenant was resumed while it was moved."""

    code = "move_cancelled"
    title = "Move cancelled"
    default_detail = "The tenant was resumed, so it is not moved. Start again to move it."


class MoveFenced(Rejected):
    """The tables of the tenant are closed to writes for a move."""

    code = "move_fenced"
    title = "Fenced for a move"
    default_detail = "The tenant's tables are closed to writes for a move. Continue it with --resume, or --cancel it."


class ReplicaUnknown(Rejected):
    """The tenant has no replica in this Region."""

    code = "replica_unknown"
    title = "No replica in this Region"
    default_detail = "The tenant has no replica in this Region. Register it with register_replica."
