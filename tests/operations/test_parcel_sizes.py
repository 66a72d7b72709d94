"""Parcels and customs data: given with a listing, frozen at the sale, and told to the carrier both ways."""

from typing import Any

import msgspec
import pytest

from resale.application.operations.claims import advance_claim, open_claim, resolve_claim
from resale.application.operations.listings import edit_listing, submit_listing
from resale.application.operations.orders import correct_address, submit_order
from resale.application.operations.sellers import edit_seller
from resale.domain.access import Principal
from resale.domain.addresses import Address
from resale.domain.changes import ChangeType
from resale.domain.claims import ClaimReason, NewClaim, Resolution, Verdict
from resale.domain.customs import Contents, CustomsDataMissing, ExportFilingRequired
from resale.domain.issues import Issue
from resale.domain.listings import Listing, ListingEdit, ListingStatus
from resale.domain.money import Money
from resale.domain.orders import Order, OrderStatus
from resale.domain.parcel_sizes import Parcel, ParcelRefused, ProductType
from resale.domain.policies import Policies
from resale.domain.sellers import SellerEdit
from resale.domain.shipments import LabelRequest, ShipmentStatus
from resale.errors import Invalid
from tests.operations.partners import Carrier, Partners
from tests.operations.world import BRAND, SHIP_FROM, World, a_new_order

PARCEL = Parcel(weight_grams=2_400, length_mm=500, width_mm=400, height_mm=120)
DUBLIN = Address(name="Robin Okafor", line1="1 Test Street", city="Dublin", postal_code="D01 F5P2", country="IE")
CUSTOMS = {"hs_code": "620193", "origin_country": "PT"}


class ListeningCarrier(Carrier):
    """Keeps the requests of labels."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[LabelRequest] = []

    def buy_label(self, request: LabelRequest) -> Any:
        self.requests.append(request)
        return super().buy_label(request)


@pytest.fixture
def carrier() -> ListeningCarrier:
    return ListeningCarrier()


@pytest.fixture
def partners(carrier: ListeningCarrier) -> Partners:
    return Partners(shipping=carrier)


def in_a_shop(world: World, **policies: Any) -> World:
    return World(world.container, msgspec.structs.replace(world.tenant, policies=Policies(**policies)))


def ordered(world: World, listing: Listing, *, to: Address | None = None) -> Order:
    new = a_new_order(listing.id)
    if to is not None:
        new = msgspec.structs.replace(new, shipping_address=to)
    return submit_order(world.uow(), shopper=world.shopper(), new=new)


def on_sale(world: World, **fields: Any) -> Listing:
    seller = world.shopper()
    edit_seller(world.uow(), shopper=seller, edit=SellerEdit(ship_from=SHIP_FROM))
    return world.active(seller, **fields)


class TestTheParcelOfAListing:
    def test_is_what_its_labels_are_bought_for_both_ways(
        self, world: World, partners: Partners, carrier: ListeningCarrier
    ) -> None:
        order = world.run(ordered(world, on_sale(world, parcel=PARCEL)), partners)
        order = world.scan(order, ShipmentStatus.IN_TRANSIT, ShipmentStatus.DELIVERED)
        new = NewClaim(reason=ClaimReason.WRONG_ITEM, description="It is another one.")
        buyer = Principal(customer_id=order.buyer_id)
        claim = open_claim(world.uow(principal=buyer), order_id=order.id, new=new)
        resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=Resolution(decision=Verdict.APPROVE))
        advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        assert [request.parcel for request in carrier.requests] == [PARCEL, PARCEL]
        assert [request.customs for request in carrier.requests] == [None, None]

    def test_is_that_of_the_sale_though_the_shop_changes_its_own(
        self, world: World, partners: Partners, carrier: ListeningCarrier
    ) -> None:
        order = ordered(in_a_shop(world, parcel_weight_grams=700), on_sale(world))
        in_a_shop(world, parcel_weight_grams=9_000).run(order, partners)
        assert [request.parcel.weight_grams for request in carrier.requests] == [700]

    def test_of_an_older_sale_is_the_shops(self, world: World, partners: Partners, carrier: ListeningCarrier) -> None:
        order = ordered(world, on_sale(world, parcel=PARCEL))
        unknowing = msgspec.structs.replace(order.listing, shipping=None)
        uow = world.uow()
        stored = uow.orders.get(order.id)
        older = msgspec.structs.replace(stored, listing=unknowing, version=stored.version + 1)
        uow.orders.save(older, change_type=ChangeType.ORDER_TRACKED)
        uow.commit()
        in_a_shop(world, parcel_weight_grams=650).run(older, partners)
        assert [request.parcel.weight_grams for request in carrier.requests] == [650]

    def test_is_refused_at_the_review_where_no_carrier_takes_it(self, world: World) -> None:
        seller = world.shopper()
        listing, slots = world.draft(seller, parcel=PARCEL)
        for slot in slots:
            world.make_ready(slot)
        shop, owner = in_a_shop(world, max_parcel_weight_grams=2_000), world.principal(seller)
        with pytest.raises(ParcelRefused):
            submit_listing(shop.uow(principal=owner), listing_id=listing.id)
        lighter = msgspec.structs.replace(PARCEL, weight_grams=1_900)
        edit_listing(shop.uow(principal=owner), listing_id=listing.id, edit=ListingEdit(parcel=lighter))
        listing = submit_listing(shop.uow(principal=owner), listing_id=listing.id)
        assert (listing.status, listing.parcel) == (ListingStatus.PENDING_REVIEW, lighter)

    def test_is_refused_when_an_edit_goes_to_review(self, world: World) -> None:
        listing = on_sale(world)
        heavy = msgspec.structs.replace(PARCEL, weight_grams=30_001)
        owner = Principal(customer_id=listing.seller_id)
        with pytest.raises(ParcelRefused):
            edit_listing(world.uow(principal=owner), listing_id=listing.id, edit=ListingEdit(parcel=heavy))

    def test_does_not_come_from_a_country_that_is_none(self, world: World) -> None:
        with pytest.raises(Invalid):
            world.draft(world.shopper(), ships_from="ZZ")
        listing, _ = world.draft(seller := world.shopper())
        with pytest.raises(Invalid):
            edit_listing(
                world.uow(principal=world.principal(seller)),
                listing_id=listing.id,
                edit=ListingEdit(origin_country="ZZ"),
            )


class TestAnOrderAcrossACustomsBorder:
    def test_is_refused_when_it_is_placed_without_customs_data(self, world: World) -> None:
        listing = on_sale(world, origin_country="PT")
        with pytest.raises(CustomsDataMissing):
            ordered(world, listing, to=DUBLIN)
        assert world.listing(listing.id).status == ListingStatus.ACTIVE
        assert ordered(world, listing).status == OrderStatus.SUBMITTED

    def test_declares_the_item_with_its_price(
        self, world: World, partners: Partners, carrier: ListeningCarrier
    ) -> None:
        world.run(ordered(world, on_sale(world, **CUSTOMS), to=DUBLIN), partners)
        (request,) = carrier.requests
        assert request.customs is not None
        assert (request.customs.description, request.customs.value) == ("Waxed jacket", Money(12_000, "GBP"))
        assert (request.customs.hs_code, request.customs.origin_country) == ("620193", "PT")
        assert request.customs.contents == Contents.MERCHANDISE

    def test_takes_the_customs_data_of_its_product_type(
        self, world: World, partners: Partners, carrier: ListeningCarrier
    ) -> None:
        coats = ProductType(product="jacket-", hs_code="620113", origin_country="IT")
        shop = in_a_shop(world, product_types=(coats,))
        shop.run(ordered(shop, on_sale(world), to=DUBLIN), partners)
        (request,) = carrier.requests
        assert request.customs is not None
        assert (request.customs.hs_code, request.customs.origin_country) == ("620113", "IT")

    def test_is_known_by_where_the_parcel_leaves_from(self, world: World) -> None:
        listing = on_sale(world, ships_from="FR")
        assert ordered(world, listing, to=DUBLIN).listing.shipping is not None
        with pytest.raises(CustomsDataMissing):
            ordered(world, on_sale(world, ships_from="FR"))

    def test_of_a_valuable_export_of_the_united_states_is_refused(self, world: World) -> None:
        dollars = World(world.container, msgspec.structs.replace(world.tenant, currency="USD", market="US"))
        price = {"amount": 250_001, "currency": "USD"}
        with pytest.raises(ExportFilingRequired):
            ordered(dollars, on_sale(dollars, price=price, **CUSTOMS), to=DUBLIN)

    def test_is_not_made_by_correcting_the_address(self, world: World) -> None:
        order = ordered(world, on_sale(world))
        with pytest.raises(CustomsDataMissing):
            correct_address(world.uow(principal=BRAND), order_id=order.id, address=DUBLIN)

    def test_gets_no_label_from_a_sender_beyond_it(
        self, world: World, partners: Partners, carrier: ListeningCarrier
    ) -> None:
        seller = world.shopper()
        edit_seller(world.uow(), shopper=seller, edit=SellerEdit(ship_from=DUBLIN))
        order = world.run(ordered(world, world.active(seller)), partners)
        assert (order.status, order.attention) == (OrderStatus.CONFIRMED, Issue.LABEL_REFUSED)
        assert order.shipment is not None
        assert (order.shipment.reason_code, carrier.requests) == ("customs_data_missing", [])


class TestAReturnAcrossACustomsBorder:
    def test_is_declared_as_returned_goods(self, world: World, partners: Partners, carrier: ListeningCarrier) -> None:
        order = world.run(ordered(world, on_sale(world, **CUSTOMS), to=DUBLIN), partners)
        order = world.scan(order, ShipmentStatus.IN_TRANSIT, ShipmentStatus.DELIVERED)
        new = NewClaim(reason=ClaimReason.WRONG_ITEM, description="It is another one.")
        buyer = Principal(customer_id=order.buyer_id)
        claim = open_claim(world.uow(principal=buyer), order_id=order.id, new=new)
        resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=Resolution(decision=Verdict.APPROVE))
        advance_claim(world.uow(), partners=partners, claim_id=claim.id)
        declared = [request.customs.contents for request in carrier.requests if request.customs is not None]
        assert declared == [Contents.MERCHANDISE, Contents.RETURNED_GOODS]
