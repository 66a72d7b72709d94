"""Amounts in the units of the payment provider: what could never be charged, refunded or paid out is not accepted."""

import msgspec
import pytest

from resale.application.operations.claims import open_claim, resolve_claim
from resale.application.operations.listings import edit_listing, submit_listing
from resale.application.operations.orders import NewRefund, refund_order
from resale.bootstrap import Container
from resale.domain.access import Principal
from resale.domain.amount_rules import AmountNotSupported
from resale.domain.changes import ChangeType
from resale.domain.claims import ClaimReason, NewClaim, Resolution, Verdict
from resale.domain.listings import ListingEdit, ListingNotForSale, PriceInput, PriceRefused
from resale.domain.money import Money
from resale.domain.orders import Order
from tests.operations.partners import Partners
from tests.operations.world import BRAND, World
from tests.unit.builders import NOW


@pytest.fixture
def kuwait(container: Container, world: World) -> World:
    """The same tenant, which sells in a currency of three decimals."""
    return World(container, msgspec.structs.replace(world.tenant, currency="KWD"))


def sold(world: World, partners: Partners, *, price: int = 12_340) -> Order:
    seller = world.shopper()
    listing = world.active(seller, price=PriceInput(amount=price, currency="KWD"))
    return world.run(world.order(world.shopper(), listing), partners)


def shipped(world: World, order: Order) -> Order:
    return world.scan(order, "in_transit", "delivered")  # type: ignore[arg-type]


class TestCreateListing:
    @pytest.mark.parametrize(("amount", "code"), [(12_345, "amount_not_supported"), (5, "amount_too_small")])
    def test_refuses_a_price_that_could_never_be_charged(self, kuwait: World, amount: int, code: str) -> None:
        with pytest.raises(PriceRefused) as refused:
            kuwait.draft(kuwait.shopper(), price=PriceInput(amount=amount, currency="KWD"))
        (error,) = refused.value.errors
        assert (error.pointer, error.code) == ("/price/amount", code)
        assert "0.010 KWD" in error.detail

    def test_refuses_an_edit_to_such_a_price(self, kuwait: World) -> None:
        seller = kuwait.shopper()
        listing, _ = kuwait.draft(seller, price=PriceInput(amount=12_340, currency="KWD"))
        edit = ListingEdit(price=PriceInput(amount=12_341, currency="KWD"))
        uow = kuwait.uow(principal=kuwait.principal(seller))
        with pytest.raises(PriceRefused, match=r"multiples of 0\.010 KWD"):
            edit_listing(uow, listing_id=listing.id, edit=edit)

    def test_a_draft_with_such_a_price_is_not_submitted(self, world: World) -> None:
        seller = world.shopper()
        listing, slots = world.draft(seller)
        for slot in slots:
            world.make_ready(slot)
        _reprice(world, listing.id, Money(amount=29, currency="GBP"))
        with pytest.raises(PriceRefused, match=r"below 0\.30 GBP"):
            submit_listing(world.uow(principal=world.principal(seller)), listing_id=listing.id)


def _reprice(world: World, listing_id: str, price: Money) -> None:
    """Store a price as an older release did, which asked nothing of it."""
    uow = world.uow()
    stored = uow.listings.get(listing_id)  # type: ignore[arg-type]
    repriced = msgspec.structs.replace(stored, price=price, version=stored.version + 1)
    uow.listings.save(repriced, change_type=ChangeType.LISTING_EDITED)
    uow.commit()


class TestSubmitOrder:
    def test_refuses_a_listing_whose_price_cannot_be_charged(self, world: World) -> None:
        listing = world.active(world.shopper())
        _reprice(world, listing.id, Money(amount=29, currency="GBP"))
        with pytest.raises(ListingNotForSale, match=r"below 0\.30 GBP"):
            world.order(world.shopper(), world.listing(listing.id))

    def test_the_commission_bears_the_rounding_to_what_can_be_paid_out(self, kuwait: World) -> None:
        order = sold(kuwait, Partners())
        assert (order.commission.amount, order.commission.unit) == (1_230, 10)
        assert kuwait.transfer(order).amount == 11_110


class TestRefundOrder:
    def test_refuses_a_part_that_the_provider_cannot_carry(self, kuwait: World) -> None:
        partners = Partners()
        order = shipped(kuwait, sold(kuwait, partners))
        with pytest.raises(AmountNotSupported) as refused:
            refund_order(kuwait.uow(principal=BRAND), new=NewRefund(order_id=order.id, amount=1_005))
        assert refused.value.errors[0].pointer == "/amount"
        refund_order(kuwait.uow(principal=BRAND), new=NewRefund(order_id=order.id, amount=1_000))
        order = kuwait.run(order, partners)
        assert (order.remaining_minor, kuwait.transfer(order).amount) == (11_340, 10_210)

    def test_refuses_such_a_part_of_a_claim(self, kuwait: World) -> None:
        buyer, partners = kuwait.shopper(), Partners()
        listing = kuwait.active(kuwait.shopper(), price=PriceInput(amount=12_340, currency="KWD"))
        order = shipped(kuwait, kuwait.run(kuwait.order(buyer, listing), partners))
        claim = open_claim(
            kuwait.uow(now=NOW, principal=Principal(customer_id=order.buyer_id)),
            order_id=order.id,
            new=NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description="It is torn."),
        )
        part = Resolution(decision=Verdict.APPROVE_WITHOUT_RETURN, refund_amount=1_005)
        with pytest.raises(AmountNotSupported, match=r"multiples of 0\.010 KWD"):
            resolve_claim(kuwait.uow(principal=BRAND), claim_id=claim.id, resolution=part)
