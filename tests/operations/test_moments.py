"""Moments of one entity stay in order when its writers' clocks are apart, or a moment was taken before a read."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from resale.application.operations.claims import open_claim, resolve_claim
from resale.application.operations.listings import edit_listing, withdraw_listing
from resale.application.operations.orders import NewRefund, refund_order
from resale.domain.access import Principal
from resale.domain.changes import decode_change
from resale.domain.claims import ClaimReason, NewClaim, Resolution, Verdict
from resale.domain.listings import ListingEdit
from resale.domain.orders import Order
from resale.domain.payments import RefundState
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World, later
from tests.unit.builders import NOW

AHEAD = timedelta(minutes=5)


def refund_begun(world: World, order: Order) -> Order:
    """Have a process whose clock is ahead begin a refund."""
    new = NewRefund(order_id=order.id, amount=1_000)
    return refund_order(world.uow(now=NOW + AHEAD, principal=BRAND), new=new)


@pytest.mark.parametrize("state", [RefundState.SUCCEEDED, RefundState.FAILED])
def test_a_refund_is_not_finished_before_it_is_started(world: World, state: RefundState) -> None:
    partners = Partners(Books(refund_state=state))
    order = refund_begun(world, world.delivered(partners))
    order = world.advance(order, partners)
    (refund,) = order.refunds
    assert refund.status == state
    assert refund.finished_at is not None
    assert refund.finished_at >= refund.started_at == NOW + AHEAD
    assert order.updated_at == NOW + AHEAD


def test_a_claim_is_not_closed_before_it_was_opened(world: World) -> None:
    order = world.delivered(Partners())
    claim = open_claim(
        world.uow(now=later(300), principal=Principal(customer_id=order.buyer_id)),
        order_id=order.id,
        new=NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="A sleeve is torn."),
    )
    denied = Resolution(decision=Verdict.DENY, note="The sleeve is whole.")
    closed = resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=denied)
    assert closed.closed_at == closed.updated_at == claim.created_at
    completed = world.stored_order(order)
    assert completed.completed_at is not None
    assert completed.completed_at >= claim.created_at


def test_a_listing_and_its_history_never_go_back(world: World) -> None:
    seller = world.shopper()
    listing, _ = world.draft(seller, now=later(300))
    edit = ListingEdit(title="Edited")
    edited, _ = edit_listing(world.uow(principal=world.principal(seller)), listing_id=listing.id, edit=edit)
    withdrawn = withdraw_listing(world.uow(principal=BRAND), listing_id=listing.id)
    assert edited.updated_at == withdrawn.updated_at == later(300) == world.listing(listing.id).updated_at
    assert change_of(world, listing.id)["at"] == later(300)


def change_of(world: World, listing_id: str) -> dict[str, Any]:
    """Read the newest change of a listing as it is stored."""
    db = world.container.sessions.for_tenant(world.tenant).dynamodb
    item = db.get_item(table=world.tenant.resources.tables.listings, key={"pk": listing_id, "sk": "listing"})
    assert item is not None
    return msgspec.structs.asdict(decode_change(str(item["change"])))
