"""What a partner says of a refusal reaches staff in its own words, and nobody else."""

from datetime import timedelta

import msgspec

from resale.application.operations.orders import NewRefund, refund_order
from resale.application.operations.payouts import advance_payout, start_payout
from resale.application.operations.sellers import edit_seller
from resale.application.queries.orders import BrandOrder, get_order
from resale.application.queries.payouts import BrandPayout, get_payout
from resale.domain.access import Principal
from resale.domain.ids import RefundId
from resale.domain.money import Money
from resale.domain.payments import PaymentOutcome, PaymentRequest, RefundOutcome, RefundState
from resale.domain.payouts import PayoutOutcome, PayoutRequest, PayoutState
from resale.domain.sellers import SellerEdit, seller_id_of
from tests.operations.partners import Books, Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW

WORDS = "The bank gives no reason."
LATER = NOW + timedelta(days=4)


class TalkingBooks(Books):
    """A provider that explains its refusals."""

    def authorise(self, request: PaymentRequest) -> PaymentOutcome:
        return msgspec.structs.replace(super().authorise(request), message=WORDS)

    def refund(self, request: PaymentRequest, *, refund_id: RefundId, amount: Money) -> RefundOutcome:
        return msgspec.structs.replace(super().refund(request, refund_id=refund_id, amount=amount), message=WORDS)

    def find_payout(self, request: PayoutRequest) -> PayoutOutcome | None:
        found = super().find_payout(request)
        return None if found is None else msgspec.structs.replace(found, message=WORDS)


class TestMessages:
    def test_of_a_decline_are_for_staff_and_not_for_the_buyer(self, world: World) -> None:
        partners, buyer = Partners(TalkingBooks(decline=True)), world.shopper()
        order = world.order(buyer, world.active(world.shopper()))
        for _ in range(2):
            order = world.advance(order, partners)
        shown = get_order(reader=world.reader, principal=BRAND, order_id=order.id)
        assert isinstance(shown, BrandOrder)
        assert shown.payment is not None
        assert shown.payment.partner_message == WORDS
        mine = get_order(reader=world.reader, principal=world.principal(buyer), order_id=order.id)
        assert WORDS.encode() not in msgspec.json.encode(mine)

    def test_of_a_failed_refund_are_kept_with_it(self, world: World) -> None:
        partners = Partners(TalkingBooks(refund_state=RefundState.FAILED))
        order = world.delivered(partners)
        refund_order(world.uow(principal=BRAND), new=NewRefund(order_id=order.id))
        failed = world.advance(order, partners)
        assert (failed.refunds[0].status, failed.refunds[0].partner_message) == (RefundState.FAILED, WORDS)

    def test_of_a_failed_payout_are_for_staff_and_not_for_the_seller(self, world: World) -> None:
        partners, seller = Partners(TalkingBooks(payout_state=PayoutState.FAILED)), world.shopper()
        order = world.run(world.delivered(partners, seller=seller), partners, now=LATER)
        edit_seller(world.uow(), shopper=seller, edit=SellerEdit(payout_destination="acct_ok"))
        payout = start_payout(world.uow(now=LATER), seller_id=seller_id_of(order.seller_id), method=None)
        for _ in range(3):
            payout = advance_payout(world.uow(now=LATER), partners=partners, payout_id=payout.id)
        shown = get_payout(reader=world.reader, principal=BRAND, payout_id=payout.id)
        assert isinstance(shown, BrandPayout)
        assert shown.partner_message == WORDS
        owner = Principal(customer_id=payout.seller_id)
        mine = get_payout(reader=world.reader, principal=owner, payout_id=payout.id)
        assert WORDS.encode() not in msgspec.json.encode(mine)
