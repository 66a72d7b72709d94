"""Names and moments of restores."""

from datetime import UTC, datetime, timedelta

import pytest

from resale.domain.tenant_restores import (
    KEPT_TABLES,
    RESTORED_TABLES,
    RestorableRange,
    RestoreTimeInvalid,
    check_restore_time,
    generation_of,
    name_of_restored,
    tables_after,
)
from resale.domain.tenants import Tables
from tests.fixtures.tenants import resources_of

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


class TestNames:
    def test_a_restored_table_has_a_generation_and_a_second_restore_replaces_it(self) -> None:
        first = name_of_restored("northwind-orders", generation_of(NOON))
        assert first == "northwind-orders-r20261201T120000Z"
        assert name_of_restored(first, generation_of(NOON + timedelta(hours=1))) == "northwind-orders-r20261201T130000Z"

    def test_every_table_is_restored_or_kept_for_a_reason(self) -> None:
        assert sorted((*RESTORED_TABLES, *KEPT_TABLES)) == sorted(Tables.__struct_fields__)

    def test_kept_tables_keep_their_names(self) -> None:
        before = resources_of("northwind", "1" * 12, "eu-west-2").tables
        after = tables_after(before, generation_of(NOON))
        assert (after.keys, after.idempotency) == (before.keys, before.idempotency)
        assert after.history == f"{before.history}-r20261201T120000Z"


class TestMoment:
    def test_it_is_past_and_within_what_every_table_can_be_restored_to(self) -> None:
        ranges = [RestorableRange(NOON - timedelta(days=days), NOON - timedelta(minutes=5)) for days in (35, 2)]
        check_restore_time(NOON - timedelta(minutes=1), ranges, now=NOON)  # can be restored to within minutes
        with pytest.raises(RestoreTimeInvalid, match="not in the past"):
            check_restore_time(NOON, ranges, now=NOON)
        with pytest.raises(RestoreTimeInvalid, match="2026-11-29 12:00:00 UTC at the earliest"):
            check_restore_time(NOON - timedelta(days=3), ranges, now=NOON)
