"""What each audience may read of a listing and an order whose every field is filled: these names and no others."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from resale.application.queries.listings import listing_document, listing_json, view_listing
from resale.application.queries.orders import order_document, view_order
from resale.domain.access import Principal, Role
from resale.domain.listings import ListingPrivate
from resale.domain.orders import Address, Order, OrderPrivate, OrderStatus
from resale.domain.payments import PaymentOutcome, PaymentState
from tests.fixtures.storefront import Front
from tests.unit.builders import BUYER, LISTING, NOW, ORDER, SELLER, STRANGER, a_listing, a_media, an_order

PHOTO = {
    "photos.id",
    *(f"photos.renditions.{name}" for name in ("edge_px", "width_px", "height_px", "content_type", "bytes", "url")),
}
PUBLIC_LISTING = {
    "id", "object", "livemode", "version", "status", "seller_id", "title", "description", "product", "condition",
    "price.amount", "price.currency", "market", "custom_fields.size", "custom_fields.year", "custom_fields.altered",
    "published_at", "created_at", "updated_at", *PHOTO,
}  # fmt: skip
OWNER_LISTING = PUBLIC_LISTING | {"submitted_at", "reasons", "images"}
BRAND_LISTING = OWNER_LISTING | {"order_id"}
ADDRESS = {f"shipping_address.{name}" for name in Address.__struct_fields__}
PARTY_ORDER = {
    "id", "object", "livemode", "version", "status", "listing_id", "seller_id", "market", "locale",
    *(f"listing.{name}" for name in ("listing_id", "version", "title", "product", "condition", "photo_sha256s")),
    *(f"amounts.{name}" for name in ("currency", "item_total", "shipping_total", "tax_total", "grand_total")),
    "cancel_requested", "cancel_reason", "confirmed_at", "created_at", "updated_at",
}  # fmt: skip
COMMISSION = {f"commission.{name}" for name in ("basis_points", "base", "amount", "rule_version")}
PAYMENT = {
    "payment.id",
    "payment.started_at",
    *(f"payment.outcome.{name}" for name in ("state", "provider_reference", "reason_code")),
}
HOME = Address(
    name="Robin Okafor", line1="1 Test Street", line2="Flat 2", city="Leeds", region="Yorkshire",
    postal_code="LS1 1AA", country="GB", phone="+441134960000",
)  # fmt: skip


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
    listing = msgspec.structs.replace(a_listing(), private=private)
    view = view_listing(reader=reader, principal=principal, document=listing_document(listing), with_images=False)
    return listing_json(view, media_base_url="https://media.example")


def reader_seal(front: Front, value: msgspec.Struct, *, owner_id: str, entity_id: str) -> str:
    return front.world.uow().vault.seal(value, owner_id=owner_id, entity_id=entity_id)  # type: ignore[arg-type]  # a CustomerId


def full_order(front: Front, **fields: Any) -> Order:
    """An order with every field filled."""
    order = an_order(
        confirmed_at=NOW,
        cancel_reason="buyer_cancelled",
        private=reader_seal(
            front, OrderPrivate(shipping_address=HOME, payment_token="tok_ok"), owner_id=BUYER, entity_id=ORDER
        ),
        **fields,
    )
    assert order.payment is not None
    outcome = PaymentOutcome(state=PaymentState.CAPTURED, provider_reference="ch_1", reason_code="none")
    return msgspec.structs.replace(order, payment=msgspec.structs.replace(order.payment, outcome=outcome))


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
        for secret in (b"Too dark", ORDER.encode(), b'renditions/"', b"$key", b"perceptual", b"sha256", b"schema"):
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
            (Principal(customer_id=BUYER), "submitted", PARTY_ORDER | ADDRESS | {"buyer_id"}),
            (Principal(customer_id=SELLER), "submitted", PARTY_ORDER | COMMISSION | {"shipping_address"}),
            (Principal(customer_id=SELLER), "payment_pending", PARTY_ORDER | COMMISSION | {"shipping_address"}),
            (Principal(customer_id=SELLER), "cancelled", PARTY_ORDER | COMMISSION | {"shipping_address"}),
            (Principal(customer_id=SELLER), "confirmed", PARTY_ORDER | COMMISSION | ADDRESS),
            (
                Principal(standing=Role.BRAND),
                "submitted",
                PARTY_ORDER | ADDRESS | COMMISSION | PAYMENT | {"buyer_id", "hold_expires_at"},
            ),
        ],
    )
    def test_show_these_names(self, front: Front, principal: Principal, status: str, allowed: set[str]) -> None:
        said = seen_order(front, principal, status=OrderStatus(status))
        assert set(names(msgspec.json.decode(said))) == allowed

    @pytest.mark.parametrize("status", [status for status in OrderStatus if status != OrderStatus.CONFIRMED])
    def test_the_seller_learns_neither_buyer_nor_address_before_it_is_confirmed(
        self, front: Front, status: OrderStatus
    ) -> None:
        said = seen_order(front, Principal(customer_id=SELLER), status=status)
        for secret in (BUYER.encode(), *(str(value).encode() for value in msgspec.structs.astuple(HOME)[:6])):
            assert secret not in said

    def test_nobody_is_shown_a_payment_token(self, front: Front) -> None:
        for principal in (Principal(customer_id=BUYER), Principal(customer_id=SELLER), Principal(standing=Role.BRAND)):
            assert b"tok_" not in seen_order(front, principal)
