"""What each audience may read of a listing and an order whose every field is filled: these names and no others."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from resale.application.queries.listings import listing_document, listing_json, view_listing
from resale.application.queries.orders import order_document, view_order
from resale.domain.access import Principal, Role
from resale.domain.addresses import Address
from resale.domain.ids import RefundId, ShipmentId
from resale.domain.listings import ListingPrivate
from resale.domain.orders import Order, OrderPrivate, OrderStatus
from resale.domain.parcel_sizes import Parcel
from resale.domain.payments import Dispute, DisputeStatus, Payment, Refund, RefundParts
from resale.domain.shipments import Shipment, ShipmentStatus, TrackingEvent
from resale.domain.shipping_data import ShippingData
from resale.domain.shipping_profiles import ShippingKind, ShippingLine
from resale.domain.taxes import TaxLine
from tests.fixtures.storefront import Front
from tests.unit.builders import BUYER, LISTING, NOW, ORDER, PURCHASE, SELLER, STRANGER, a_listing, a_media, an_order

PHOTO = {
    "photos.id",
    *(f"photos.renditions.{name}" for name in ("edge_px", "width_px", "height_px", "content_type", "bytes", "url")),
}
PUBLIC_LISTING = {
    "id", "object", "livemode", "version", "status", "seller_id", "title", "description", "product", "condition",
    "price.amount", "price.currency", "market", "custom_fields.size", "custom_fields.year", "custom_fields.altered",
    "published_at", "expires_at", "created_at", "updated_at", *PHOTO,
}  # fmt: skip
OWNER_LISTING = (
    PUBLIC_LISTING
    | {"submitted_at", "relisted_from", "purchase_id", "reasons", "images", "ships_from", "hs_code", "origin_country"}
    | {f"parcel.{name}" for name in Parcel.__struct_fields__}
)
BRAND_LISTING = OWNER_LISTING | {"order_id"}
ADDRESS = {f"shipping_address.{name}" for name in Address.__struct_fields__}
PARTY_ORDER = {
    "id", "object", "livemode", "version", "status", "listing_id", "seller_id", "market", "locale",
    *(f"listing.{name}" for name in ("listing_id", "version", "title", "product", "condition", "photo_sha256s")),
    *(f"listing.shipping.{name}" for name in ("country", "hs_code", "origin_country")),
    *(f"listing.shipping.parcel.{name}" for name in Parcel.__struct_fields__),
    *(f"amounts.{name}" for name in ("currency", "item_total", "shipping_total", "tax_total", "grand_total")),
    *(f"shipping.{name}" for name in ShippingLine.__struct_fields__),
    *(f"tax.{name}" for name in TaxLine.__struct_fields__),
    "cancel_requested", "cancel_reason", "confirmed_at", "ship_by", "claim_until", "claim_id", "completed_at",
    "created_at", "updated_at",
}  # fmt: skip
_EVENTS = {f"shipment.events.{name}" for name in ("id", "status", "occurred_at")}
_PARCEL = ("id", "status", "carrier", "service", "tracking_number", "shipped_at", "delivered_at")
PARCEL = {f"shipment.{name}" for name in _PARCEL} | _EVENTS
SELLER_PARCEL = PARCEL | {"shipment.label_wanted", "shipment.reason_code"}
_REFUND = ("id", "status", "amount", "reason_code", "started_at", "finished_at")
REFUNDS = {f"refunds.{name}" for name in _REFUND}
BUYER_ORDER = (
    PARTY_ORDER | PARCEL | REFUNDS | {"buyer_id"}
    | {f"payment.{name}" for name in ("status", "action_url", "captured_minor", "refunded_minor")} | {"next_action"}
)  # fmt: skip
COMMISSION = {f"commission.{name}" for name in ("basis_points", "base", "amount", "rule_version", "unit")}
SELLER_ORDER = PARTY_ORDER | COMMISSION | SELLER_PARCEL | {"label_url"}
INTERNAL = {"action_url", "request_version", "watched_until"}  # of a payment
BRAND_ORDER = (
    PARTY_ORDER | COMMISSION | SELLER_PARCEL | REFUNDS
    | {f"payment.{name}" for name in Payment.__struct_fields__ if name not in INTERNAL}
    | {f"refunds.{name}" for name in ("tries", "provider_reference", "failure_code", "partner_message")}
    | {f"refunds.parts.{name}" for name in RefundParts.__struct_fields__}
    | {f"{noun}.{name}" for noun in ("dispute", "disputes") for name in Dispute.__struct_fields__}
    | {"compensation", "buyer_id", "hold_expires_at", "attention", "issues", "due_at", "step_tries"}
    | {"label_message"}
)  # fmt: skip
PARCEL_SIZE = Parcel(weight_grams=1_000, length_mm=350, width_mm=250, height_mm=100)
HOME = Address(
    name="Robin Okafor", line1="1 Test Street", line2="Flat 2", city="Leeds", region="Yorkshire",
    postal_code="LS1 1AA", country="GB", phone="+441134960000",
)  # fmt: skip


UNPAID = [OrderStatus.SUBMITTED, OrderStatus.PAYMENT_PENDING, OrderStatus.PAYMENT_FAILED, OrderStatus.CANCELLED]


def names(value: Any, prefix: str = "") -> Iterator[str]:
    """Every name in a document, by its path; lists by what is in them."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from names(inner, f"{prefix}.{name}" if prefix else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for inner in value:
            yield from names(inner, prefix)
    else:
        yield prefix


def seen_listing(front: Front, principal: Principal) -> bytes:
    """A listing with every field filled, as a principal sees it; nothing of it is stored."""
    reader = front.container.reader(front.shop.tenant)
    private = reader_seal(front, ListingPrivate(reasons=("Too dark.",)), owner_id=SELLER, entity_id=LISTING)
    listing = msgspec.structs.replace(a_listing(parcel=PARCEL_SIZE), private=private, purchase_id=PURCHASE)
    view = view_listing(reader=reader, principal=principal, document=listing_document(listing), with_images=False)
    return listing_json(view, media_base_url="https://media.example")


def reader_seal(front: Front, value: msgspec.Struct, *, owner_id: str, entity_id: str) -> str:
    return front.world.uow().vault.seal(value, owner_id=owner_id, entity_id=entity_id)  # type: ignore[arg-type]  # a CustomerId


def full_order(front: Front, **fields: Any) -> Order:
    """An order with every field filled."""
    parts = RefundParts(seller=900, commission=100, shipping=0, tax=0)
    event = TrackingEvent(id="e1", status=ShipmentStatus.IN_TRANSIT, occurred_at=NOW)
    data = ShippingData(parcel=PARCEL_SIZE, country="GB", hs_code="620193", origin_country="PT")
    return an_order(
        listing=msgspec.structs.replace(an_order().listing, shipping=data),
        shipping=ShippingLine(kind=ShippingKind.FLAT, amount=0, rule_version="1"),
        tax=TaxLine(country="GB", basis_points=1, is_inclusive=True, item_tax=0, shipping_tax=0, rule_version="1"),
        confirmed_at=NOW,
        cancel_reason="buyer_cancelled",
        shipment=Shipment(id=ShipmentId("shp_" + "5" * 32), tracking_number="T1", cost=None, events=(event,)),
        refunds=(
            Refund(id=RefundId("ref_" + "6" * 32), amount=1_000, parts=parts, reason_code="goodwill", started_at=NOW),
        ),
        dispute=Dispute(provider_reference="dp_1", status=DisputeStatus.WON, amount=1_000, reason_code="fraudulent"),
        private=reader_seal(
            front,
            OrderPrivate(shipping_address=HOME, payment_token="tok_ok", label_url="https://labels.example/1"),
            owner_id=BUYER,
            entity_id=ORDER,
        ),
        **fields,
    )


def seen_order(front: Front, principal: Principal, **fields: Any) -> bytes:
    reader = front.container.reader(front.shop.tenant)
    view = view_order(reader=reader, principal=principal, document=order_document(full_order(front, **fields)))
    return msgspec.json.encode(view)


class TestListings:
    @pytest.mark.parametrize(
        ("principal", "allowed"),
        [
            (Principal(), PUBLIC_LISTING),
            (Principal(customer_id=STRANGER), PUBLIC_LISTING),
            (Principal(customer_id=BUYER), PUBLIC_LISTING),
            (Principal(customer_id=SELLER), OWNER_LISTING),
            (Principal(standing=Role.BRAND), BRAND_LISTING),
        ],
    )
    def test_show_these_names(self, front: Front, principal: Principal, allowed: set[str]) -> None:
        assert set(names(msgspec.json.decode(seen_listing(front, principal)))) == allowed

    def test_keep_the_moderators_words_and_the_order_from_the_public(self, front: Front) -> None:
        said = seen_listing(front, Principal(customer_id=STRANGER))
        for secret in (
            b"Too dark",
            ORDER.encode(),
            PURCHASE.encode(),
            b'renditions/"',
            b"$key",
            b"perceptual",
            b"sha256",
            b"schema",
        ):
            assert secret not in said

    def test_an_image_shows_its_slot_and_never_the_original(self, front: Front) -> None:
        seller = front.shopper()
        listing, (slot,) = front.world.draft(seller)
        front.world.make_ready(slot)
        image = front.get(f"/v1/listings/{listing.id}", by=seller).json["images"][0]
        assert set(image) == {
            "id", "object", "status", "content_type", "bytes", "rejection_reason", "renditions", "upload_expires_at",
            "upload",
        }  # fmt: skip
        assert a_media().listing_id == LISTING  # the builder fills what the view must not show


class TestOrders:
    @pytest.mark.parametrize(
        ("principal", "status", "allowed"),
        [
            (Principal(customer_id=BUYER), "submitted", BUYER_ORDER | ADDRESS),
            (Principal(customer_id=SELLER), "submitted", SELLER_ORDER | {"shipping_address"}),
            (Principal(customer_id=SELLER), "payment_pending", SELLER_ORDER | {"shipping_address"}),
            (Principal(customer_id=SELLER), "cancelled", SELLER_ORDER | {"shipping_address"}),
            (Principal(customer_id=SELLER), "confirmed", SELLER_ORDER | ADDRESS),
            (Principal(standing=Role.BRAND), "submitted", BRAND_ORDER | ADDRESS),
        ],
    )
    def test_show_these_names(self, front: Front, principal: Principal, status: str, allowed: set[str]) -> None:
        said = seen_order(front, principal, status=OrderStatus(status))
        assert set(names(msgspec.json.decode(said))) == allowed

    @pytest.mark.parametrize("status", UNPAID)
    def test_the_seller_learns_neither_buyer_nor_address_before_it_is_confirmed(
        self, front: Front, status: OrderStatus
    ) -> None:
        said = seen_order(front, Principal(customer_id=SELLER), status=status)
        for secret in (
            BUYER.encode(),
            b"labels.example",
            *(str(value).encode() for value in msgspec.structs.astuple(HOME)[:6]),
        ):
            assert secret not in said

    def test_nobody_is_shown_a_payment_token(self, front: Front) -> None:
        for principal in (Principal(customer_id=BUYER), Principal(customer_id=SELLER), Principal(standing=Role.BRAND)):
            assert b"tok_" not in seen_order(front, principal)
