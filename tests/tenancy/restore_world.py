"""An account in memory at the restore ports, and the process of the command, which can end at any write."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from apps.core import clock
from apps.tenancy.restores.journal import Journal
from apps.tenancy.restores.machine import Restores
from resale.application.ports import Broken, HistoryPage, HistoryRow, Page, Pending
from resale.domain.actors import Actor, ActorKind
from resale.domain.changes import GENESIS_HASH, Change, hash_change
from resale.domain.tenant_restores import RestorableRange, TableSetting, TableState
from resale.domain.tenants import Tenant
from tests.tenancy.onboarding_world import Boundaries

ORDER = "ord_" + "1" * 32
_ACTOR = Actor(kind=ActorKind.SYSTEM, id="test")


def versions(entity_id: str, count: int) -> list[HistoryRow]:
    """The first versions of an entity, chained."""
    rows: list[HistoryRow] = []
    for version in range(1, count + 1):
        doc = f'{{"id":"{entity_id}","version":{version}}}'
        change = Change(
            id=f"chg_{version}",
            type="order.submitted",
            actor=_ACTOR,
            request_id="req",
            transaction_id="txn",
            at=clock.for_platform(),
            prev_hash=rows[-1].change.hash if rows else GENESIS_HASH,
        )
        digest = hash_change(entity_id=entity_id, version=version, change=change, doc=doc, private=None)
        change = msgspec.structs.replace(change, hash=digest)
        rows.append(HistoryRow(entity_id=entity_id, version=version, change=change, doc=doc))
    return rows


class Account:
    """Tables that take a while to be restored. The order stands at version 3; its history is one version behind."""

    poll_seconds = 30.0
    purge_seconds = 60.0

    def __init__(self) -> None:
        self.rows = versions(ORDER, 3)
        self.head = self.rows[-1]
        self.history: dict[str, list[HistoryRow]] = {"northwind-history": list(self.rows)}
        self.created: dict[str, int] = {}  # polls until it is there
        self.settings: dict[str, set[TableSetting]] = {}
        self.carried: list[str] = []
        self.retired: list[tuple[str, ...]] = []
        self.closed: set[str] = set()
        self.lacking = tuple(TableSetting)  # of each restored table
        self.delay: Pending | Broken | None = None  # of the new Pipes, once
        self.stopping = 0  # how often the former Pipes are found stopping
        self.latest_in = timedelta()  # how long until the moment can be restored to

    # ---------------------------------------------------------------- the port
    def find_range(self, tenant: Tenant, table: str) -> RestorableRange | None:  # noqa: ARG002 - the port's signature
        now = clock.for_platform()
        return RestorableRange(now - timedelta(days=35), now - self.latest_in)

    def moment_of(self, tenant: Tenant, at: datetime) -> datetime:  # noqa: ARG002 - as above
        return at

    def find(self, tenant: Tenant, table: str) -> TableState | None:  # noqa: ARG002 - as above
        if table not in self.created:
            return None
        self.created[table] -= 1
        return TableState.CREATING if self.created[table] >= 0 else TableState.ACTIVE

    def restore(self, tenant: Tenant, source: str, target: str, *, at: datetime) -> None:  # noqa: ARG002 - as above
        assert target not in self.created, "it is restored twice"
        self.created[target] = 2
        if "history" in target:
            self.history[target] = self.rows[:1]  # the others were on their way

    def find_missing_settings(self, tenant: Tenant, source: str, target: str) -> tuple[TableSetting, ...]:  # noqa: ARG002 - as above
        return tuple(setting for setting in self.lacking if setting not in self.settings.get(target, ()))

    def apply_setting(self, tenant: Tenant, source: str, target: str, setting: TableSetting) -> None:  # noqa: ARG002 - as above
        self.settings.setdefault(target, set()).add(setting)

    def find_index_faults(self, tenant: Tenant, source: str, target: str) -> tuple[str, ...]:  # noqa: ARG002 - as above
        return ()

    def iter_heads(self, tenant: Tenant, table: str) -> Iterator[HistoryRow]:  # noqa: ARG002 - as above
        if "orders" in table:
            yield self.head

    def carry_changes(self, tenant: Tenant, tables: Mapping[str, str], *, generation: str) -> tuple[str, ...]:  # noqa: ARG002 - as above
        self.carried = sorted(tables.values())
        return tuple(self.carried)

    def find_delay(self, tenant: Tenant, tables: tuple[str, ...]) -> Pending | Broken | None:  # noqa: ARG002 - as above
        delay, self.delay = self.delay, None
        return delay

    def retire_changes(self, tenant: Tenant, tables: tuple[str, ...]) -> bool:  # noqa: ARG002 - as above
        self.stopping -= 1
        if self.stopping < 0:
            self.retired.append(tables)
        return self.stopping < 0

    def close_table(self, tenant: Tenant, table: str) -> bool:  # noqa: ARG002 - as above
        self.closed.add(table)
        return True


class Store:
    """What a reader and a history log of one tenant see of the account."""

    def __init__(self, account: Account, tenant: Tenant) -> None:
        self._rows = account.history[tenant.resources.tables.history]

    def list_history(self, entity_id: str, *, limit: int, cursor: str | None) -> HistoryPage:  # noqa: ARG002 - the port's signature
        rows = sorted((row for row in self._rows if row.entity_id == entity_id), key=lambda row: row.version)
        return HistoryPage(rows=tuple(rows), next_cursor=None)

    def find_history_row(self, entity_id: str, version: int) -> HistoryRow | None:
        return next((row for row in self._rows if (row.entity_id, row.version) == (entity_id, version)), None)

    def append(self, rows: tuple[HistoryRow, ...]) -> Mapping[tuple[str, int], Exception]:
        self._rows += [row for row in rows if row not in self._rows]
        return {}

    def find_first_order_time(self) -> None:
        return None

    def iter_ledger_day(self, day: str) -> Iterator[Any]:  # noqa: ARG002 - as above
        return iter(())

    def list_recent_sellers(self, *, limit: int, cursor: str | None) -> Page:  # noqa: ARG002 - as above
        return Page(documents=(), next_cursor=None)

    def iter_due(self, *, now: datetime) -> Iterator[str]:  # noqa: ARG002 - as above
        return iter(("an order", "an image"))


class RestoreTerminal:
    """The command's process: its machine, what it printed, and its clock, which moves only while it waits."""

    def __init__(self, account: Account, boundaries: Boundaries | None = None) -> None:
        self.account = account
        self.lines: list[str] = []
        self._time = clock.for_platform()
        cut = boundaries or Boundaries()
        self.restores = Restores(
            cut.guard(account, "restore", "apply_setting", "carry_changes", "retire_changes", "close_table"),
            open_reader=self._store,
            open_history=lambda tenant: cut.guard(self._store(tenant), "append"),
            say=self.lines.append,
            now=self.now,
            pause=self._wait,
            journal_for=lambda slug: self._guard(cut, Journal(slug, now=self.now)),
        )

    def now(self) -> datetime:
        return self._time

    def later(self, by: timedelta) -> "RestoreTerminal":
        """Move the clock."""
        self._time += by
        return self

    def _store(self, tenant: Tenant) -> Any:
        return Store(self.account, tenant)

    def _guard(self, cut: Boundaries, journal: Journal) -> Any:
        return cut.guard(journal, "start", "resume", "begin", "note", "complete", "fail", "pause", "end")

    def _wait(self, seconds: float) -> None:
        self._time += timedelta(seconds=seconds)
