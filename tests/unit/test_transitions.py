"""The state machines: every pair that is not in a table is refused, and no table has a dead end or an orphan."""

from enum import StrEnum
from typing import Any

import pytest

from resale.domain.entities import ENTITIES, Absent
from resale.domain.listings import LISTINGS, ListingCommand, ListingStatus
from resale.domain.order_states import ORDERS
from resale.domain.orders import OrderCommand, OrderStatus
from resale.domain.payments import DISPUTES, PAYMENTS
from resale.domain.shipments import SHIPMENTS
from resale.domain.states import Machine
from resale.errors import Rejected
from tests.unit.builders import an_order

MACHINES: dict[str, Machine[Any, Any]] = {
    machine.name: machine
    for machine in (
        *(one.states for one in ENTITIES.values() if not isinstance(one.states, Absent)),
        PAYMENTS,
        DISPUTES,
        SHIPMENTS,
    )
}
FINAL = {
    "listing": {"rejected", "removed", "sold", "withdrawn"},
    "order": set(),
    "payment": {"failed", "voided"},
    "shipment": {"returned"},
    "claim": {"denied", "expired", "refunded", "withdrawn"},
    "transfer": set(),
    "dispute": {"prevented"},
    "payout": {"cancelled", "failed", "returned"},
    "inbound": {"failed", "ignored", "processed"},
    "dead letter": {"discarded", "replayed"},
}


@pytest.mark.parametrize("name", MACHINES)
class TestEveryTable:
    def test_refuses_what_it_does_not_say_with_its_own_code(self, name: str) -> None:
        machine = MACHINES[name]
        for status in _statuses(machine):
            for command in _commands(machine):
                if not machine.permits(status, command):
                    with pytest.raises(Rejected) as refusal:
                        machine.next_status(status, command)
                    assert refusal.value.code == f"{name.replace(' ', '_')}_transition_refused"

    def test_every_state_is_reached(self, name: str) -> None:
        machine = MACHINES[name]
        reached = {machine.initial}
        while more := {row.target for row in machine if row.source in reached} - reached:
            reached |= more
        assert reached == set(_statuses(machine))

    def test_every_command_is_used(self, name: str) -> None:
        machine = MACHINES[name]
        assert {row.on for row in machine} == set(_commands(machine))

    def test_a_guard_has_a_text(self, name: str) -> None:
        assert all(row.condition for row in MACHINES[name] if row.guard is not None)

    def test_every_command_has_a_text_for_its_refusal(self, name: str) -> None:
        machine = MACHINES[name]
        assert set(machine.cannot) == set(_commands(machine))


@pytest.mark.parametrize("name", FINAL)
def test_only_its_final_states_lead_nowhere(name: str) -> None:
    assert {str(status) for status in MACHINES[name].final} == FINAL[name]


def _statuses(machine: Machine[Any, Any]) -> type[StrEnum]:
    statuses: type[StrEnum] = type(machine.initial)
    return statuses


def _commands(machine: Machine[Any, Any]) -> type[StrEnum]:
    commands: type[StrEnum] = type(machine.rows[0].on)
    return commands


class TestRefusals:
    def test_names_the_entity_its_status_and_what_it_cannot_do(self) -> None:
        order = an_order(status=OrderStatus.SHIPPED)
        with pytest.raises(Rejected) as refusal:
            ORDERS.next_status(order.status, OrderCommand.CANCEL, entity=order, now=order.created_at)
        assert refusal.value.detail == f"Order {order.id} has the status shipped and cannot be cancelled."

    def test_names_what_a_guard_asks_for(self) -> None:
        order = an_order(status=OrderStatus.DELIVERED)
        with pytest.raises(Rejected) as refusal:
            ORDERS.next_status(order.status, OrderCommand.OPEN_CLAIM, entity=order, now=order.created_at)
        expected = "cannot be claimed unless the claim window is open and receipt is not confirmed."
        assert refusal.value.detail.endswith(expected)

    def test_does_without_an_entity(self) -> None:
        with pytest.raises(Rejected) as refusal:
            LISTINGS.next_status(ListingStatus.SOLD, ListingCommand.EDIT)
        assert refusal.value.detail == "The listing has the status sold and cannot be edited."


class TestListings:
    def test_an_edit_of_an_active_listing_goes_back_to_review(self) -> None:
        edited = LISTINGS.next_status(ListingStatus.ACTIVE, ListingCommand.EDIT)
        assert edited == ListingStatus.PENDING_REVIEW

    def test_what_an_order_holds_is_the_orders(self) -> None:
        leaving = {row.on for row in LISTINGS if row.source == ListingStatus.RESERVED}
        assert leaving == {ListingCommand.RELEASE, ListingCommand.SELL}

    def test_time_ends_what_is_not_an_orders_and_only_when_it_is_over(self) -> None:
        rows = [row for row in LISTINGS if row.on == ListingCommand.EXPIRE]
        assert {row.source for row in rows} == {ListingStatus.ACTIVE, ListingStatus.PAUSED}
        assert {row.condition for row in rows} == {"its listing period has ended"}

    def test_only_a_reserved_listing_is_sold(self) -> None:
        assert {row.source for row in LISTINGS if row.target == ListingStatus.SOLD} == {ListingStatus.RESERVED}


class TestOrders:
    def test_a_pending_payment_is_never_cancelled_directly(self) -> None:
        assert not ORDERS.permits(OrderStatus.PAYMENT_PENDING, OrderCommand.CANCEL)

    def test_only_a_captured_payment_confirms(self) -> None:
        rows = [row for row in ORDERS if row.target == OrderStatus.CONFIRMED]
        assert [row.condition for row in rows] == ["the payment is captured in full"]

    def test_nothing_ends_a_paid_order_but_money_back_or_completion(self) -> None:
        ending = {row.on for row in ORDERS if row.target in {OrderStatus.REFUNDED, OrderStatus.COMPLETED}}
        assert ending == {OrderCommand.REFUND, OrderCommand.CLOSE_CLAIM, OrderCommand.COMPLETE}
