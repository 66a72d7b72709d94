"""Purchases: names that follow from what they name, units that are claimed once, and a history that ends."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from resale.domain.ids import PURCHASE_ID, TenantId
from resale.domain.listings import ENDED_UNSOLD, ListingStatus
from resale.domain.purchases import (
    CLOCKS_APART,
    EARLIEST,
    MAX_CLAIMED_VERSION,
    MAX_QUANTITY,
    Purchase,
    PurchaseChangedTooOften,
    PurchaseClaimed,
    PurchaseExhausted,
    claim_purchase_unit,
    moment_of,
    purchase_id_of,
    release_purchase_unit,
    update_purchase,
)
from resale.errors import Invalid
from tests.unit.builders import BUYER, NOW, a_purchase

MAX_VERIFIED = 1_000  # versions that one verification reads
LATER = NOW + timedelta(hours=1)


def named(tenant: str = "ten_1", source: str = "web", line: str = "1001-1") -> str:
    return purchase_id_of(tenant_id=TenantId(tenant), source=source, line=line)


class TestId:
    def test_is_the_same_for_the_same_line(self) -> None:
        assert named() == named()
        assert PURCHASE_ID.matches(named())

    def test_is_another_for_any_other_tenant_source_or_line(self) -> None:
        assert len({named(), named(tenant="ten_2"), named(source="pos"), named(line="1001-2")}) == 4

    def test_parts_do_not_run_into_each_other(self) -> None:
        assert named(source="web1", line="001-1") != named(source="web", line="1001-1")

    def test_never_changes_because_it_is_stored(self) -> None:
        assert named() == "pur_bb5cf40ea2297e41a0a28bc0e7e58d50"

    def test_says_nothing_of_the_line(self) -> None:
        assert re.search("1001", named()) is None


class TestClaimed:
    def test_takes_one_unit(self) -> None:
        purchase = claim_purchase_unit(a_purchase(quantity=2, claimed_quantity=1), now=LATER)
        assert (purchase.claimed_quantity, purchase.claimable_quantity) == (2, 0)
        assert (purchase.version, purchase.updated_at) == (3, LATER)

    def test_refuses_when_none_is_left(self) -> None:
        with pytest.raises(PurchaseExhausted):
            claim_purchase_unit(a_purchase(quantity=1, claimed_quantity=1), now=NOW)

    def test_a_released_unit_is_claimable_again(self) -> None:
        purchase = a_purchase(quantity=1, claimed_quantity=1)
        released = release_purchase_unit(purchase, now=LATER)
        assert (released.claimed_quantity, released.version, released.updated_at) == (0, 3, LATER)
        assert claim_purchase_unit(released, now=NOW).claimed_quantity == 1

    def test_no_more_is_released_than_was_claimed(self) -> None:
        with pytest.raises(ValueError, match=r"^no unit of this purchase is claimed$"):
            release_purchase_unit(a_purchase(claimed_quantity=0), now=NOW)

    def test_leaves_room_in_the_history_to_release_every_unit(self) -> None:
        purchase = a_purchase(quantity=MAX_QUANTITY, claimed_quantity=MAX_QUANTITY - 1, version=MAX_CLAIMED_VERSION - 1)
        full = claim_purchase_unit(purchase, now=NOW)
        with pytest.raises(PurchaseChangedTooOften):
            claim_purchase_unit(release_purchase_unit(full, now=NOW), now=NOW)
        while full.claimed_quantity:
            full = release_purchase_unit(full, now=NOW)
        assert full.version <= MAX_VERIFIED


class TestRenewed:
    def test_the_same_again_is_the_same(self) -> None:
        known = a_purchase()
        assert update_purchase(known, new=_said(known), now=LATER) is known

    def test_keeps_what_is_claimed_and_when_it_was_made(self) -> None:
        known = a_purchase()
        new = update_purchase(known, new=msgspec.structs.replace(_said(known), title="Wax coat"), now=LATER)
        assert (new.title, new.claimed_quantity, new.version) == ("Wax coat", 1, 3)
        assert (new.created_at, new.updated_at) == (known.created_at, LATER)

    def test_the_quantity_may_fall_to_what_is_claimed_and_no_further(self) -> None:
        known = a_purchase(quantity=3, claimed_quantity=2)
        assert update_purchase(known, new=_said(known, quantity=2), now=NOW).claimable_quantity == 0
        with pytest.raises(PurchaseClaimed):
            update_purchase(known, new=_said(known, quantity=1), now=NOW)

    def test_it_changes_hands_only_while_nothing_is_claimed(self) -> None:
        known = a_purchase(claimed_quantity=0)
        assert update_purchase(known, new=_said(known, customer_id=BUYER), now=NOW).customer_id == BUYER
        with pytest.raises(PurchaseClaimed, match=r"^Units of this purchase are .* so its customer cannot change\.$"):
            update_purchase(a_purchase(claimed_quantity=1), new=_said(known, customer_id=BUYER), now=NOW)

    def test_a_full_history_takes_nothing_but_the_same(self) -> None:
        known = a_purchase(version=MAX_CLAIMED_VERSION)
        assert update_purchase(known, new=_said(known), now=NOW) is known
        with pytest.raises(PurchaseChangedTooOften, match=r"^This purchase has the maximum number of versions"):
            update_purchase(known, new=_said(known, title="Wax coat"), now=NOW)


class TestMoment:
    def test_is_written_in_utc(self) -> None:
        there = datetime(2025, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=9)))
        assert moment_of(there, now=NOW) == datetime(2025, 2, 28, 16, 30, tzinfo=UTC)
        assert moment_of(there, now=NOW).tzinfo == UTC

    def test_a_clock_may_run_a_little_ahead(self) -> None:
        assert moment_of(NOW + CLOCKS_APART, now=NOW) == NOW + CLOCKS_APART

    def test_may_be_the_earliest(self) -> None:
        assert moment_of(EARLIEST, now=NOW) == EARLIEST

    @pytest.mark.parametrize(
        "moment",
        [
            NOW + timedelta(days=1),
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
            datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=12))),
        ],
    )
    def test_is_of_the_past(self, moment: datetime) -> None:
        with pytest.raises(Invalid, match=r"^The body is not valid\.$") as refused:
            moment_of(moment, now=NOW)
        (wrong,) = refused.value.errors
        assert (wrong.pointer, wrong.code) == ("/purchased_at", "out_of_range")
        assert wrong.detail == "The time of the purchase must be in the past, and not before 1970."


def _said(known: Purchase, **fields: Any) -> Purchase:
    """The same as a brand would say it anew: a first version of now."""
    said = msgspec.structs.replace(known, version=1, claimed_quantity=0, created_at=LATER, updated_at=LATER)
    return msgspec.structs.replace(said, **fields)


class TestUnits:
    def test_of_every_state_of_a_listing_it_is_decided_whether_it_claims_one(self) -> None:
        assert {status.value for status in ListingStatus} - ENDED_UNSOLD == {
            "draft", "pending_review", "changes_requested", "active", "paused", "reserved", "sold",
        }  # fmt: skip
