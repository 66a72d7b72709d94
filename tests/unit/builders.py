"""Valid objects; a test names only what matters to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from resale.domain.actors import Actor, ActorKind
from resale.domain.claims import Claim, ClaimReason
from resale.domain.clocks import Clock
from resale.domain.dead_letters import (
    DeadLetter,
    DeadLetterStatus,
    FailureNote,
    FailureOutcome,
    LetterQueue,
    message_id_of,
)
from resale.domain.ids import (
    ClaimId,
    ClockId,
    CustomerId,
    DeadLetterId,
    ListingId,
    MediaId,
    OrderId,
    PaymentId,
    PayoutId,
    PurchaseId,
    TransferId,
)
from resale.domain.listing_snapshots import ListingSnapshot
from resale.domain.listings import Condition, Listing, ListingStatus, Photo
from resale.domain.media import Media, Rendition, Slot
from resale.domain.money import Money
from resale.domain.orders import Amounts, Commission, Order, OrderStatus
from resale.domain.payments import Payment
from resale.domain.payouts import Payout, PayoutMethod
from resale.domain.purchases import Purchase
from resale.domain.sellers import Seller, seller_id_of
from resale.domain.transfers import Transfer

NOW = datetime(2026, 11, 21, 9, 30, 0, 250_000, tzinfo=UTC)
SELLER = CustomerId("cus_" + "1" * 32)
BUYER = CustomerId("cus_" + "2" * 32)
STRANGER = CustomerId("cus_" + "3" * 32)
LISTING = ListingId("lst_" + "4" * 32)
ORDER = OrderId("ord_" + "5" * 32)
MEDIA = MediaId("med_" + "6" * 32)
CLOCK = ClockId("clk_" + "7" * 32)
PURCHASE = PurchaseId("pur_" + "9" * 32)
LETTER = DeadLetterId("dlq_" + "8" * 32)
SYSTEM = Actor(kind=ActorKind.SYSTEM, id="test")


def a_rendition(**fields: Any) -> Rendition:
    sha256 = "a" * 64
    return Rendition(
        **{
            "edge_px": 320,
            "width_px": 320,
            "height_px": 240,
            "content_type": "image/webp",
            "bytes": 1234,
            "sha256": sha256,
            "key": f"renditions/{sha256}.webp",
            **fields,
        }
    )


def a_photo(**fields: Any) -> Photo:
    return Photo(
        **{
            "id": MEDIA,
            "original_sha256": "b" * 64,
            "perceptual_hash": "c" * 16,
            "renditions": (a_rendition(),),
            **fields,
        }
    )


def a_listing(**fields: Any) -> Listing:
    return Listing(
        **{
            "id": LISTING,
            "version": 3,
            "livemode": False,
            "status": ListingStatus.ACTIVE,
            "seller_id": SELLER,
            "title": "Waxed jacket",
            "description": "Worn twice.",
            "product": "jacket-01",
            "condition": Condition.VERY_GOOD,
            "price": Money(amount=12_000, currency="GBP"),
            "market": "GB",
            "custom_fields": {"size": "M", "year": 2024, "altered": False},
            "image_ids": (MEDIA,),
            "photos": (a_photo(),),
            "order_id": ORDER,
            "submitted_at": NOW,
            "published_at": NOW,
            "created_at": NOW,
            "updated_at": NOW,
            **fields,
        }
    )


def a_media(**fields: Any) -> Media:
    return Media(
        **{
            "id": MEDIA,
            "version": 1,
            "listing_id": LISTING,
            "seller_id": SELLER,
            "slot": Slot(content_type="image/jpeg", bytes=1000),
            "upload_expires_at": NOW + timedelta(hours=1),
            "created_at": NOW,
            "updated_at": NOW,
            "due_at": NOW + timedelta(minutes=1),
            **fields,
        }
    )


def a_dead_letter(**fields: Any) -> DeadLetter:
    return DeadLetter(
        **{
            "id": LETTER,
            "version": 1,
            "status": DeadLetterStatus.REPLAYING,
            "queue": LetterQueue.ORDERS,
            "task": "orders.advance",
            "entity_ids": (ORDER,),
            "sent_at": NOW,
            "receive_count": 6,
            "size_bytes": 241,
            "last_error": a_failure_note(),
            "body_kept": True,
            "created_at": NOW,
            "updated_at": NOW,
            **fields,
        }
    )


def a_failure_note(letter_id: DeadLetterId | None = None, **fields: Any) -> FailureNote:
    return FailureNote(
        **{
            "message_id": message_id_of(letter_id or LETTER),
            "queue": LetterQueue.ORDERS,
            "receive_count": 5,
            "outcome": FailureOutcome.FAILED,
            "code": "unavailable",
            "exception": "Unavailable",
            "task": "orders.advance",
            "entity_ids": (ORDER,),
            "at": NOW,
            **fields,
        }
    )


def an_order(**fields: Any) -> Order:
    return Order(
        **{
            "id": ORDER,
            "version": 1,
            "livemode": False,
            "status": OrderStatus.SUBMITTED,
            "listing_id": LISTING,
            "buyer_id": BUYER,
            "seller_id": SELLER,
            "market": "GB",
            "locale": "en-GB",
            "listing": ListingSnapshot(
                listing_id=LISTING,
                version=3,
                title="Waxed jacket",
                product="jacket-01",
                condition="very_good",
                photo_sha256s=("a" * 64,),
            ),
            "amounts": Amounts(currency="GBP", item_total=12_000, shipping_total=0, tax_total=0, grand_total=12_000),
            "commission": Commission(basis_points=1_000, base=12_000, amount=1_200, rule_version="2026-1"),
            "payment": Payment(id=PaymentId("pay_" + "7" * 32), started_at=NOW),
            "hold_expires_at": NOW + timedelta(minutes=15),
            "created_at": NOW,
            "updated_at": NOW,
            "due_at": NOW + timedelta(seconds=30),
            **fields,
        }
    )


def a_claim(**fields: Any) -> Claim:
    return Claim(
        **{
            "id": ClaimId("clm_" + "5" * 32),
            "version": 1,
            "livemode": False,
            "order_id": ORDER,
            "listing_id": LISTING,
            "buyer_id": BUYER,
            "seller_id": SELLER,
            "reason": ClaimReason.NOT_AS_DESCRIBED,
            "currency": "GBP",
            "deadline_at": NOW + timedelta(days=60),
            "created_at": NOW,
            "updated_at": NOW,
            "due_at": NOW + timedelta(days=60),
            **fields,
        }
    )


def a_transfer(**fields: Any) -> Transfer:
    return Transfer(
        **{
            "id": TransferId("trf_" + "5" * 32),
            "version": 1,
            "livemode": False,
            "order_id": ORDER,
            "seller_id": SELLER,
            "amount": 10_800,
            "currency": "GBP",
            "created_at": NOW,
            "updated_at": NOW,
            **fields,
        }
    )


def a_payout(**fields: Any) -> Payout:
    return Payout(
        **{
            "id": PayoutId("pyt_" + "8" * 32),
            "version": 1,
            "livemode": False,
            "seller_id": SELLER,
            "method": PayoutMethod.CASH,
            "amount": 10_800,
            "currency": "GBP",
            "destination": "acct_ok",
            "transfers": ((ORDER, TransferId("trf_" + "5" * 32)),),
            "created_at": NOW,
            "updated_at": NOW,
            "due_at": NOW + timedelta(seconds=30),
            **fields,
        }
    )


def a_seller(**fields: Any) -> Seller:
    return Seller(
        **{
            "id": seller_id_of(SELLER),
            "version": 1,
            "customer_id": SELLER,
            "currency": "GBP",
            "available": 10_800,
            "created_at": NOW,
            "updated_at": NOW,
            **fields,
        }
    )


def a_purchase(**fields: Any) -> Purchase:
    return Purchase(
        **{
            "id": PURCHASE,
            "version": 2,
            "livemode": False,
            "source": "web",
            "line": "1001-1",
            "customer_id": SELLER,
            "product": "jacket-01",
            "title": "Waxed jacket",
            "quantity": 2,
            "claimed_quantity": 1,
            "unit_price_paid": Money(amount=24_900, currency="GBP"),
            "purchased_at": NOW - timedelta(days=400),
            "created_at": NOW,
            "updated_at": NOW,
            **fields,
        }
    )


def a_clock(**fields: Any) -> Clock:
    return Clock(
        **{"id": CLOCK, "version": 2, "offset_seconds": 86_400, "created_at": NOW, "updated_at": NOW, **fields}
    )
