"""Restore of a tenant's tables: its account with the rights of its administrator."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

from resale.application.ports.records import HistoryRow
from resale.application.ports.tenant_onboarding import Broken, Pending
from resale.domain.tenant_restores import RestorableRange, TableSetting, TableState
from resale.domain.tenants import Tenant


class TableRestores(Protocol):
    """The tables of one account, restored beside the present ones. All is idempotent and can raise Unavailable."""

    @property
    def poll_seconds(self) -> float:
        """Seconds between two probes of a table that is restored."""

    @property
    def purge_seconds(self) -> float:
        """Seconds after ``retire_changes`` in which a message that was dropped can still be received."""

    def find_range(self, tenant: Tenant, table: str) -> RestorableRange | None:
        """Return the moments to which a table can be restored; None: it has no recovery."""

    def find(self, tenant: Tenant, table: str) -> TableState | None:
        """Return the state of a table; None if there is none."""

    def moment_of(self, tenant: Tenant, at: datetime) -> datetime:
        """Return the moment of the data that a restore to ``at`` has: the same, or the last one before it."""

    def restore(self, tenant: Tenant, source: str, target: str, *, at: datetime) -> None:
        """Begin to restore a table under a new name."""

    def find_missing_settings(self, tenant: Tenant, source: str, target: str) -> tuple[TableSetting, ...]:
        """Return the settings that the source has and the target lacks, of those that the engine knows."""

    def apply_setting(self, tenant: Tenant, source: str, target: str, setting: TableSetting) -> None:
        """Give the target a setting of the source; done when it is not missing any more."""

    def find_index_faults(self, tenant: Tenant, source: str, target: str) -> tuple[str, ...]:
        """Return what differs in keys, indexes and encryption, each a sentence; these come with the restore."""

    def iter_heads(self, tenant: Tenant, table: str) -> Iterator[HistoryRow]:
        """Iterate over the current version of every entity in an audited table, as its history row."""

    def carry_changes(self, tenant: Tenant, tables: Mapping[str, str], *, generation: str) -> tuple[str, ...]:
        """Carry the changes of restored tables, by source, to the changes queue as those of the source; return how."""

    def find_delay(self, tenant: Tenant, tables: tuple[str, ...]) -> Pending | Broken | None:
        """Return what the changes of these tables wait for before they are carried; None: they are."""

    def retire_changes(self, tenant: Tenant, tables: tuple[str, ...]) -> bool:
        """Stop carrying the changes of these tables, and drop those on their way to history; False: call it again."""

    def close_table(self, tenant: Tenant, table: str) -> bool:
        """Refuse the platform's role each write to a table; False: the engine has no policies of tables."""
