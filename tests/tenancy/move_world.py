"""Two Regions in memory at the move ports, and the process of the command, which can end at any write."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from apps.core import clock
from apps.tenancy.moves.journal import Journal
from apps.tenancy.moves.machine import Moves
from resale.domain.tenant_moves import TableDigest
from resale.domain.tenants import Tenant
from resale.errors import Unavailable
from tests.tenancy.onboarding_world import Boundaries


class Regions:
    """The tables of a tenant in two Regions. The replica has everything after some comparisons."""

    poll_seconds = 5.0

    def __init__(self, *, has_policies: bool = True, polls_behind: int = 2) -> None:
        self.closed: set[tuple[str, str]] = set()
        self.running: set[str] = {"eu-west-2"}
        self.lost: set[str] = set()
        self.polls_behind = polls_behind
        self._has_policies = has_policies

    def close_table(self, tenant: Tenant, table: str) -> bool:
        self._require(tenant)
        if self._has_policies:
            self.closed.add((tenant.region, table))
        return self._has_policies

    def open_table(self, tenant: Tenant, table: str) -> None:
        self._require(tenant)
        self.closed.discard((tenant.region, table))

    def digest(self, tenant: Tenant, table: str) -> TableDigest:
        self._require(tenant)
        if tenant.region == "eu-west-1" and table.endswith("-listings"):  # the first one
            self.polls_behind -= 1
        is_behind = tenant.region == "eu-west-1" and self.polls_behind >= 0
        return TableDigest(1 if is_behind else 2, "1" if is_behind else "2")

    def start_changes(self, tenant: Tenant) -> None:
        self._require(tenant)
        self.running.add(tenant.region)

    def stop_changes(self, tenant: Tenant) -> None:
        self._require(tenant)
        self.running.discard(tenant.region)

    def _require(self, tenant: Tenant) -> None:
        if tenant.region in self.lost:
            raise Unavailable("The Region does not respond.")


class Store:
    """What a reader sees."""

    def iter_due(self, *, now: datetime) -> Iterator[str]:  # noqa: ARG002 - the port's signature
        return iter(("an order",))


class MoveTerminal:
    """The command's process: its machine, what it printed, and its clock, which moves only while it waits."""

    def __init__(self, regions: Regions, boundaries: Boundaries | None = None) -> None:
        self.lines: list[str] = []
        self._time = clock.for_platform()
        cut = boundaries or Boundaries()
        reader: Any = Store()
        self.moves = Moves(
            cut.guard(regions, "close_table", "open_table", "start_changes", "stop_changes"),
            open_reader=lambda _tenant: reader,
            say=self.lines.append,
            now=self.now,
            pause=self._wait,
            journal_for=lambda slug: self._guard(cut, Journal(slug, now=self.now)),
        )

    def now(self) -> datetime:
        return self._time

    def later(self, by: timedelta) -> "MoveTerminal":
        """Move the clock."""
        self._time += by
        return self

    def _guard(self, cut: Boundaries, journal: Journal) -> Any:
        return cut.guard(journal, "start", "resume", "begin", "note", "complete", "fail", "pause", "end")

    def _wait(self, seconds: float) -> None:
        self._time += timedelta(seconds=seconds)
