"""The state machines: every pair that is not in the table is refused."""

import pytest

from resale.domain import listings, orders
from resale.domain.listings import ListingCommand, ListingStatus, ListingTransitionRefused
from resale.domain.orders import OrderCommand, OrderStatus, OrderStep, OrderTransitionRefused
from tests.unit.builders import an_order


class TestListings:
    @pytest.mark.parametrize(
        ("status", "command"),
        [
            (status, command)
            for status in ListingStatus
            for command in ListingCommand
            if (status, command) not in listings.TRANSITIONS
        ],
    )
    def test_refuses_what_the_table_does_not_say(self, status: ListingStatus, command: ListingCommand) -> None:
        with pytest.raises(ListingTransitionRefused):
            listings.next_status(status, command)

    def test_an_edit_of_an_active_listing_goes_back_to_review(self) -> None:
        assert listings.next_status(ListingStatus.ACTIVE, ListingCommand.EDIT) == ListingStatus.PENDING_REVIEW

    def test_nothing_leads_out_of_sold(self) -> None:
        assert not [pair for pair in listings.TRANSITIONS if pair[0] == ListingStatus.SOLD]

    def test_only_a_reserved_listing_is_sold(self) -> None:
        sellers = {status for (status, _), to in listings.TRANSITIONS.items() if to == ListingStatus.SOLD}
        assert sellers == {ListingStatus.RESERVED}


class TestOrders:
    @pytest.mark.parametrize(
        ("status", "command"),
        [
            (status, command)
            for status in OrderStatus
            for command in OrderCommand
            if (status, command) not in orders.TRANSITIONS
        ],
    )
    def test_refuses_what_the_table_does_not_say(self, status: OrderStatus, command: OrderCommand) -> None:
        with pytest.raises(OrderTransitionRefused):
            orders.next_status(status, command)

    def test_a_pending_payment_is_never_cancelled_directly(self) -> None:
        assert (OrderStatus.PAYMENT_PENDING, OrderCommand.CANCEL) not in orders.TRANSITIONS

    @pytest.mark.parametrize("status", [OrderStatus.CONFIRMED, OrderStatus.CANCELLED])
    def test_a_settled_order_has_no_next_step(self, status: OrderStatus) -> None:
        assert orders.next_step(an_order(status=status)) == OrderStep.NOTHING
