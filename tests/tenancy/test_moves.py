"""Move of a tenant's write Region: the fence, every crash, every refusal, and a Region that is lost."""

from contextlib import suppress
from datetime import datetime, timedelta
from itertools import product

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.tenancy import registry
from apps.tenancy.models import MoveRecord, MoveRun, Tenant
from apps.tenancy.step_runs.leases import LEASE
from apps.tenancy.tenants import set_standby, set_tenant_status
from resale.domain.tenant_moves import (
    MoveCancelled,
    MoveFenced,
    MoveInProgress,
    MoveNotFound,
    MoveUnfinished,
    ReplicaUnknown,
)
from resale.domain.tenants import SETTLE, WRITE_LEASE_ENDS, Standby, TenantStatus
from resale.errors import Unavailable
from tests.fixtures.tenants import Shop, resources_of
from tests.tenancy.move_world import MoveTerminal, Regions
from tests.tenancy.onboarding_world import Boundaries, Killed, boundaries_of

SLUG, HERE, THERE = "northwind", "eu-west-2", "eu-west-1"


@pytest.fixture
def regions() -> Regions:
    return Regions()


@pytest.fixture(autouse=True)
def _standby(northwind: Shop) -> None:
    resources = resources_of(SLUG, northwind.tenant.account_id, THERE)
    set_standby(slug=SLUG, standby=Standby(region=THERE, resources=resources))


def row() -> Tenant:
    return Tenant.objects.get(slug=SLUG)


def is_moved() -> bool:
    """Whether region, map, standby and epoch are all those of after the move, or all those of before."""
    now = row()
    there = resources_of(SLUG, now.account_id, THERE).queues.changes.url
    state = (now.region, now.resources["queues"]["changes"]["url"] == there, now.standby["region"], now.write_epoch)
    assert state in {(THERE, True, HERE, 1), (HERE, False, THERE, 0)}, state
    return now.region == THERE


def frozen_for(step: str) -> timedelta:
    """How long the tenant was frozen when a step was done."""
    frozen_at = datetime.fromisoformat(MoveRecord.objects.get(step="freeze").record["frozen_at"])
    finished_at = MoveRecord.objects.get(step=step).finished_at
    assert finished_at is not None
    return finished_at - frozen_at


class TestMove:
    def test_writes_go_to_the_replica_and_the_former_region_is_closed(self, regions: Regions) -> None:
        MoveTerminal(regions).moves.start(SLUG, region=THERE)
        assert (is_moved(), row().status, MoveRun.objects.get().state) == (True, "active", "moved")
        assert {region for region, _ in regions.closed} == {HERE}
        assert regions.running == {THERE}
        assert MoveRecord.objects.get(step="catch_up").record == {"items": 16}
        assert SETTLE <= frozen_for("fence") < WRITE_LEASE_ENDS

    def test_and_back(self, regions: Regions) -> None:
        MoveTerminal(regions).moves.start(SLUG, region=THERE)
        MoveTerminal(regions).later(timedelta(hours=1)).moves.start(SLUG, region=HERE)
        assert (row().region, row().write_epoch, row().standby["region"]) == (HERE, 2, THERE)
        assert {region for region, _ in regions.closed} == {THERE}
        assert regions.running == {HERE}

    def test_without_a_fence_of_the_store_it_waits_until_no_process_can_write(self) -> None:
        MoveTerminal(Regions(has_policies=False)).moves.start(SLUG, region=THERE)
        assert is_moved()
        assert frozen_for("fence") >= WRITE_LEASE_ENDS

    def test_it_waits_for_the_replica(self, regions: Regions) -> None:
        regions.polls_behind = 4
        terminal = MoveTerminal(regions)
        terminal.moves.start(SLUG, region=THERE)
        assert any("waiting for northwind-listings in eu-west-1: 1 items fewer" in line for line in terminal.lines)

    def test_a_region_that_does_not_respond_stops_it_unless_it_is_lost(self, regions: Regions) -> None:
        regions.lost = {HERE}
        with pytest.raises(Unavailable):
            MoveTerminal(regions).moves.start(SLUG, region=THERE)
        assert (is_moved(), row().status) == (False, "frozen")
        with pytest.raises(CommandError, match="--cancel"):
            call_command("resume_tenant", SLUG)
        regions.lost = set()
        MoveTerminal(regions).later(timedelta(hours=1)).moves.cancel(SLUG)
        assert (is_moved(), row().status, regions.closed) == (False, "active", set())
        regions.lost = {HERE}
        MoveTerminal(regions).later(timedelta(hours=2)).moves.start(SLUG, region=THERE, is_lost=True)
        assert (is_moved(), row().status, regions.running) == (True, "active", {HERE, THERE})
        assert frozen_for("fence") >= WRITE_LEASE_ENDS
        assert "is lost" in MoveRecord.objects.get(step="catch_up").record["skipped"]


class TestRefusals:
    def test_what_cannot_be_moved(self, regions: Regions) -> None:
        moves = MoveTerminal(regions).moves
        with pytest.raises(ReplicaUnknown, match="us-east-1"):
            moves.start(SLUG, region="us-east-1")
        with pytest.raises(MoveNotFound):
            moves.resume(SLUG)
        assert not any(planned.done for planned in moves.plan(SLUG))

    def test_twice(self, regions: Regions) -> None:
        with pytest.raises(Killed):
            MoveTerminal(regions, Boundaries(6)).moves.start(SLUG, region=THERE)
        second = MoveTerminal(regions)
        with pytest.raises(MoveInProgress):
            second.moves.start(SLUG, region=THERE)
        with pytest.raises(MoveUnfinished):
            second.later(LEASE * 3).moves.start(SLUG, region=THERE)


class TestCrashes:
    def test_from_every_boundary_a_rerun_reaches_the_end(self) -> None:
        def crash(boundaries: Boundaries) -> None:
            MoveTerminal(Regions(polls_behind=0), boundaries).moves.start(SLUG, region=THERE)

        counted = list(boundaries_of(crash))
        _reopen()
        assert len(counted) > 60
        for number, after in counted:
            regions, boundaries = Regions(polls_behind=0), Boundaries(number, after=after)
            with pytest.raises(Killed):
                MoveTerminal(regions, boundaries).moves.start(SLUG, region=THERE)
            where = f"{'after' if after else 'before'} write {number} ({boundaries.passed[-1]})"
            rerun = MoveTerminal(regions).later(LEASE * 3)
            if MoveRun.objects.exists():
                rerun.moves.resume(SLUG)
            else:
                rerun.moves.start(SLUG, region=THERE)
            assert (is_moved(), row().status, regions.running) == (True, "active", {THERE}), where
            assert {region for region, _ in regions.closed} == {HERE}, where
            _reopen()

    def test_a_resume_at_any_boundary_leaves_one_write_region(self) -> None:
        depth, outcomes = len(connection.savepoint_ids), set()

        def resume() -> None:
            if row().status == "frozen" and len(connection.savepoint_ids) == depth:
                with suppress(MoveFenced):
                    set_tenant_status(slug=SLUG, status=TenantStatus.ACTIVE)

        counting = Boundaries()
        MoveTerminal(Regions(polls_behind=0), counting).moves.start(SLUG, region=THERE)
        of_tables = {"close_table", "open_table"}
        numbers = [number for number, name in enumerate(counting.passed, start=1) if name not in of_tables]
        for number, after in product(numbers, (False, True)):
            _reopen()
            boundaries = Boundaries(number, after=after, act=resume)
            regions = Regions(polls_behind=0)
            with suppress(MoveCancelled):
                MoveTerminal(regions, boundaries).moves.start(SLUG, region=THERE)
            assert row().status == "active"
            assert not any(region == row().region for region, _ in regions.closed)
            outcomes.add(is_moved())
        assert outcomes == {True, False}


def _reopen() -> None:
    """Forget that the tenant was moved."""
    MoveRun.objects.all().delete()
    Tenant.objects.update(status="active", frozen_by="", region=HERE, write_epoch=0)
    now = row()
    if now.standby["region"] == HERE:
        now.resources, now.standby = now.standby["resources"], {"region": THERE, "resources": now.resources}
        now.save()
    registry.clear()
    registry.forget_epochs()
