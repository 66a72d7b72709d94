"""An account in memory at the offboarding ports, and the process of the command, which can end at any write."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage

from apps.core import clock
from apps.tenancy.offboarding.archive import Archive
from apps.tenancy.offboarding.journal import Journal
from apps.tenancy.offboarding.machine import Offboarding
from resale.adapters.crypto.certificates import CertificateSigner
from resale.domain.tenant_offboarding import KeyDestruction, OpenWork
from resale.domain.tenants import Tenant
from tests.tenancy.onboarding_world import Boundaries


class Account:
    """The items, backups, key and secrets of one account."""

    poll_seconds = 5.0

    def __init__(self, *, has_backups: bool = True) -> None:
        self.items: dict[str, list[bytes]] = {"northwind-orders": [b'{"pk":{"S":"ord_1"}}', b'{"pk":{"S":"ord_2"}}']}
        self.backups: dict[str, set[str]] = {}
        self.secrets = ["northwind/payments", "northwind/shipping"]
        self.key_deletions = 0
        self.retired: list[str] = []
        self.open = OpenWork()
        self._has_backups = has_backups

    def iter_items(self, tenant: Tenant, table: str) -> Iterator[bytes]:  # noqa: ARG002 - the port's signature
        yield from self.items.get(table, ())

    def back_up(self, tenant: Tenant, table: str, *, name: str) -> str | None:  # noqa: ARG002 - as above
        if not self._has_backups:
            return None
        self.backups.setdefault(table, set()).add(name)
        return f"arn:{table}/{name}"

    def destroy_key(self, tenant: Tenant) -> KeyDestruction:
        self.key_deletions += 1
        return KeyDestruction(key_arn=tenant.resources.key_arn, deleted_at="2026-12-30T00:00:00+00:00")

    def list_secrets(self, tenant: Tenant) -> Sequence[str]:  # noqa: ARG002 - as above
        return list(self.secrets)

    def destroy_secret(self, tenant: Tenant, name: str) -> None:  # noqa: ARG002 - as above
        if name in self.secrets:
            self.secrets.remove(name)

    def retire(self, tenant: Tenant) -> None:
        self.retired.append(tenant.slug)


class OffboardingTerminal:
    """The command's process: its machine, what it printed, and its clock, which moves only while it waits."""

    def __init__(self, account: Account, folder: Path, boundaries: Boundaries | None = None) -> None:
        self.lines: list[str] = []
        self._time = clock.for_platform()
        cut = boundaries or Boundaries()
        storage = FileSystemStorage(location=folder)
        self.offboarding = Offboarding(
            cut.guard(account, "back_up", "destroy_key", "destroy_secret", "retire"),
            Archive(cut.guard(storage, "delete", "save")),
            CertificateSigner(b"lookup secret"),
            count_open=lambda _tenant: account.open,
            say=self.lines.append,
            now=self.now,
            pause=self._wait,
            journal_for=lambda slug: self._guard(cut, Journal(slug, now=self.now)),
        )

    def now(self) -> datetime:
        return self._time

    def later(self, by: timedelta) -> "OffboardingTerminal":
        """Move the clock."""
        self._time += by
        return self

    def _guard(self, cut: Boundaries, journal: Journal) -> Any:
        return cut.guard(journal, "start", "resume", "begin", "note", "complete", "fail", "pause", "end")

    def _wait(self, seconds: float) -> None:
        self._time += timedelta(seconds=seconds)
