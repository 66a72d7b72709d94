"""Restore of a tenant's tables to an earlier moment: steps in order, which tables, and errors. Calls nothing."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.tenants import Tables
from resale.errors import Conflict, Invalid, NotFound, Rejected


class RestoreStep(StrEnum):
    """The steps of a restore, in the order in which they run."""

    FREEZE = "freeze"
    TABLES = "tables"
    SETTINGS = "settings"
    HISTORY = "history"
    VERIFY = "verify"
    CHANGES = "changes"
    SWAP = "swap"
    FORMER = "former"
    THAW = "thaw"


#: What each step does, for the plan of ``--dry-run`` and for the operator.
RESTORE_PURPOSES: Final[Mapping[RestoreStep, str]] = {
    RestoreStep.FREEZE: "freeze the tenant: its API responds 503, its workers leave their messages",
    RestoreStep.TABLES: "restore the tables to the moment, beside the present ones, under new names",
    RestoreStep.SETTINGS: "give the restored tables their stream, TTL, tags, recovery and deletion protection",
    RestoreStep.HISTORY: "add rows to the restored history that were on their way at the moment",
    RestoreStep.VERIFY: "verify every history, the ledger and the balances of sellers in the restored tables",
    RestoreStep.CHANGES: "carry the changes of the restored tables to the changes queue",
    RestoreStep.SWAP: "put the restored tables into the resource map; from here on it cannot be cancelled",
    RestoreStep.FORMER: "close the former tables to writes, and drop their changes that are still on their way",
    RestoreStep.THAW: "serve the tenant again; the sweep wakes what is due",
}


class RestoreState(StrEnum):
    """The state of a restore. All but ``RESTORED`` can be resumed."""

    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"
    RESTORED = "restored"


#: Tables that go back to the moment, by their names in the resource map.
RESTORED_TABLES: Final = ("listings", "orders", "customers", "ledger", "history", "lookups")
#: Tables that stay as they are, and why.
KEPT_TABLES: Final[Mapping[str, str]] = {
    "keys": "a data key that was deleted since stays deleted",
    "idempotency": "a command that is repeated must not run twice; its records live for a day",
}
_GENERATION: Final = re.compile(r"-r[0-9]{8}T[0-9]{6}Z\Z")


class TableSetting(StrEnum):
    """What DynamoDB does not restore with a table (Developer Guide, Restore a table in DynamoDB)."""

    STREAM = "stream"
    TIME_TO_LIVE = "time_to_live"
    TAGS = "tags"
    RECOVERY = "recovery"
    DELETION_PROTECTION = "deletion_protection"


class TableState(StrEnum):
    """The state of a table that is restored."""

    CREATING = "creating"
    ACTIVE = "active"


class RestorableRange(msgspec.Struct, frozen=True):
    """The moments to which a table can be restored, both aware UTC."""

    earliest: datetime
    latest: datetime


class Soundness(msgspec.Struct, frozen=True, kw_only=True):
    """What the verification of restored tables found. ``faults``: the first ones, each a sentence."""

    entity_count: int
    fault_count: int
    faults: tuple[str, ...]


class RestoreTimeInvalid(Invalid):
    """The tables cannot be restored to this moment."""

    code = "restore_time_invalid"
    title = "Invalid time of a restore"
    default_detail = "Name a moment in the past with its offset from UTC, such as 2026-12-01T09:30:00Z."


class RestoreUnfinished(Rejected):
    """A restore of this slug was started and has not ended."""

    code = "restore_unfinished"
    title = "Restore not finished"
    default_detail = "A restore of this tenant was started before. Continue it with --resume."


class RestoreNotFound(NotFound):
    """No restore of this slug was started."""

    code = "restore_not_found"
    title = "Restore not found"
    default_detail = "No restore of this tenant was started. Start it without --resume."


class RestoreInProgress(Conflict):
    """Another process has the lease of this restore."""

    code = "restore_in_progress"
    title = "Restore in progress"
    default_detail = "Another process restores this tenant at the moment. Wait until it ends."


class RestoreUnsound(Rejected):
    """The restored tables do not fit together."""

    code = "restore_unsound"
    title = "Restored data is not sound"
    default_detail = "The restored tables have faults. Restore to another moment, or accept them with --accept-faults."


class RestoreCancelled(Rejected):
    """The tenant was resumed while it was restored."""

    code = "restore_cancelled"
    title = "Restore cancelled"
    default_detail = "The tenant was resumed, so it is not restored. Start again to restore it."


def generation_of(started_at: datetime) -> str:
    """Return the suffix of the tables of a restore that was started at this time."""
    return f"r{started_at:%Y%m%dT%H%M%SZ}"


def name_of_restored(table: str, generation: str) -> str:
    """Return the name of a table's restored copy. The names of its stack's tables have no generation."""
    return f"{_GENERATION.sub('', table)}-{generation}"


def tables_after(tables: Tables, generation: str) -> Tables:
    """Return the tables of the resource map after a restore."""
    names: dict[str, str] = msgspec.structs.asdict(tables)
    restored = {field: name_of_restored(names[field], generation) for field in RESTORED_TABLES}
    return msgspec.convert({**names, **restored}, Tables)


def check_restore_time(at: datetime, ranges: Sequence[RestorableRange], *, now: datetime) -> None:
    """Require a moment that is past, and not before what can be restored. Raises RestoreTimeInvalid.

    A moment after the latest restorable one is valid: it can be restored within minutes.
    """
    if at >= now:
        raise RestoreTimeInvalid(f"{at:%Y-%m-%d %H:%M:%S} UTC is not in the past.")
    earliest = max((one.earliest for one in ranges), default=at)
    if at < earliest:
        raise RestoreTimeInvalid(f"The tables can be restored to {earliest:%Y-%m-%d %H:%M:%S} UTC at the earliest.")
