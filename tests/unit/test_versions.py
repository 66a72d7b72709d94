"""The next version of an entity: numbered, dated, and never dated before the last write."""

from datetime import datetime, timedelta

import msgspec
import pytest

from resale.domain.orders import Order
from resale.domain.versions import next_version
from tests.unit.builders import NOW, an_order

LATER = NOW + timedelta(minutes=5)


def completed(order: Order, *, at: datetime) -> Order:
    """As an operation would: one moment set to now, another computed from it."""
    return next_version(msgspec.structs.replace(order, completed_at=at, auto_receive_at=at + timedelta(days=1)), now=at)


class TestNextVersion:
    def test_is_one_more_and_dated(self) -> None:
        order = an_order(version=3)
        after = completed(order, at=LATER)
        assert (after.version, after.updated_at, after.completed_at) == (4, LATER, LATER)

    def test_a_clock_that_is_behind_dates_nothing_before_the_last_write(self) -> None:
        order = an_order(updated_at=LATER)
        after = completed(order, at=NOW)
        assert after.updated_at == after.completed_at == LATER

    def test_what_was_computed_or_was_there_before_stays(self) -> None:
        order = an_order(updated_at=LATER, created_at=NOW - timedelta(days=1))
        after = completed(order, at=NOW)
        assert after.auto_receive_at == NOW + timedelta(days=1)
        assert after.created_at == NOW - timedelta(days=1)

    @pytest.mark.parametrize("now", [NOW, LATER])
    def test_the_entity_itself_is_not_changed(self, now: datetime) -> None:
        order = an_order(updated_at=LATER)
        before = msgspec.json.encode(order)
        next_version(order, now=now)
        assert msgspec.json.encode(order) == before
