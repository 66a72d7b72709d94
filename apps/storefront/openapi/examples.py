"""Examples of components. A test decodes each with its struct."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from apps.storefront.endpoint import AnyEndpoint

_TIME: Final = "2026-11-21T09:30:00.250000Z"
_LISTING_ID: Final = "lst_0193a5f2c6a47c0c8d1e2f3a4b5c6d7e"
_SELLER_ID: Final = "cus_0193a5f2c6a47c0c8d1e2f3a4b5c6d70"
_BUYER_ID: Final = "cus_0193a5f2c6a47c0c8d1e2f3a4b5c6d71"
_ORDER_ID: Final = "ord_0193a5f2c6a47c0c8d1e2f3a4b5c6d7f"
_CLAIM_ID: Final = "clm_0193a5f2c6a47c0c8d1e2f3a4b5c6d7f"
_PURCHASE_ID: Final = "pur_5f2c6a47c0c8d1e2f3a4b5c6d7e0193a"
_MEDIA_ID: Final = "med_0193a5f2c6a47c0c8d1e2f3a4b5c6d72"

_RENDITION: Final = {
    "edge_px": 1600,
    "width_px": 1600,
    "height_px": 1200,
    "content_type": "image/webp",
    "bytes": 184_220,
    "url": "https://media.example/renditions/4f1c.webp",
}
_PUBLIC_LISTING: Final[dict[str, Any]] = {
    "id": _LISTING_ID,
    "object": "listing",
    "livemode": False,
    "version": 4,
    "status": "active",
    "seller_id": _SELLER_ID,
    "title": "Waxed jacket, navy",
    "description": "Worn twice, no flaws.",
    "product": "jacket-01",
    "condition": "very_good",
    "price": {"amount": 12_000, "currency": "GBP"},
    "market": "GB",
    "custom_fields": {"size": "M"},
    "photos": [{"id": _MEDIA_ID, "renditions": [_RENDITION]}],
    "published_at": _TIME,
    "created_at": _TIME,
    "updated_at": _TIME,
}
_DRAFT: Final[dict[str, Any]] = {
    **_PUBLIC_LISTING,
    "version": 1,
    "status": "draft",
    "photos": [],
    "published_at": None,
    "submitted_at": None,
    "purchase_id": _PURCHASE_ID,
    "reasons": [],
    "images": [
        {
            "id": _MEDIA_ID,
            "object": "image",
            "status": "awaiting_upload",
            "content_type": "image/jpeg",
            "bytes": 2_310_044,
            "rejection_reason": None,
            "renditions": [],
            "upload_expires_at": "2026-11-21T10:30:00.250000Z",
            "upload": {
                "url": "https://northwind-media.s3.eu-west-2.amazonaws.com/",
                "fields": {"key": f"originals/{_LISTING_ID}/{_MEDIA_ID}", "Content-Type": "image/jpeg", "policy": "…"},
                "expires_at": "2026-11-21T09:45:00Z",
                "limits": {
                    "content_types": [
                        "image/jpeg",
                        "image/png",
                        "image/webp",
                        "image/heic",
                        "image/avif",
                        "image/heif",
                    ],
                    "max_bytes": 41_943_040,
                    "max_side_px": 32_768,
                    "max_pixels": {"image/jpeg": 120_000_000, "image/png": 50_000_000, "image/webp": 50_000_000},
                },
            },
        }
    ],
}
_ADDRESS: Final = {
    "name": "Robin Okafor",
    "line1": "1 Harbour Street",
    "line2": "",
    "city": "Whitby",
    "region": "",
    "postal_code": "YO21 1AA",
    "country": "GB",
    "phone": "+441632960000",
}
_BUYER_ORDER: Final[dict[str, Any]] = {
    "id": _ORDER_ID,
    "object": "order",
    "livemode": False,
    "version": 1,
    "status": "submitted",
    "listing_id": _LISTING_ID,
    "seller_id": _SELLER_ID,
    "market": "GB",
    "locale": "en-GB",
    "listing": {
        "listing_id": _LISTING_ID,
        "version": 4,
        "title": "Waxed jacket, navy",
        "product": "jacket-01",
        "condition": "very_good",
        "photo_sha256s": ["4f1c" * 16],
    },
    "amounts": {
        "currency": "GBP",
        "item_total": 12_000,
        "shipping_total": 0,
        "tax_total": 0,
        "grand_total": 12_000,
    },
    "cancel_requested": False,
    "cancel_reason": None,
    "confirmed_at": None,
    "created_at": _TIME,
    "updated_at": _TIME,
    "shipping_address": _ADDRESS,
    "buyer_id": _BUYER_ID,
}
_NEW_PURCHASE: Final[dict[str, Any]] = {
    "customer": {"subject": "shopper-1"},
    "product": "jacket-01",
    "title": "Waxed jacket, navy",
    "quantity": 2,
    "purchased_at": "2025-10-02T14:05:00Z",
    "unit_price_paid": {"amount": 24_900, "currency": "GBP"},
}
_PHOTO: Final = {"content_type": "image/jpeg", "bytes": 2_310_044}
_CLAIM: Final[dict[str, Any]] = {
    "id": _CLAIM_ID,
    "object": "claim",
    "livemode": False,
    "version": 1,
    "status": "opened",
    "order_id": _ORDER_ID,
    "listing_id": _LISTING_ID,
    "reason": "not_as_described",
    "evidence": [],
    "refund_amount": None,
    "currency": "GBP",
    "return_shipment": None,
    "deadline_at": "2027-01-20T09:30:00.250000Z",
    "created_at": _TIME,
    "updated_at": _TIME,
    "closed_at": None,
    "description": "The lining is torn, and no photo shows it.",
    "note": None,
    "buyer_id": _BUYER_ID,
    "return_label_url": None,
}
_PAYOUT: Final[dict[str, Any]] = {
    "id": "pyt_0193a5f2c6a47c0c8d1e2f3a4b5c6d75",
    "object": "payout",
    "livemode": False,
    "version": 1,
    "status": "pending",
    "seller_id": _SELLER_ID,
    "method": "cash",
    "amount": 10_800,
    "bonus": 0,
    "currency": "GBP",
    "failure_code": None,
    "created_at": _TIME,
    "updated_at": _TIME,
    "paid_at": None,
}
_BOOKED: Final[dict[str, Any]] = {
    "id": f"{_ORDER_ID}:captured",
    "object": "ledger_transaction",
    "source_id": _ORDER_ID,
    "step": "captured",
    "currency": "GBP",
    "at": _TIME,
    "entries": [
        {"account": "provider", "amount": 12_000},
        {"account": "sellers_pending", "amount": -10_800},
        {"account": "commission_deferred", "amount": -1_200},
    ],
}
_BALANCE: Final[dict[str, Any]] = {
    "object": "balance",
    "currency": "GBP",
    "available": 10_800,
    "pending": 4_500,
    "pending_is_partial": False,
    "owed": 0,
    "in_transit": 0,
    "store_credit": 0,
    "next_payout_at": "2026-11-24T09:30:00.250000Z",
    "balances": [
        {"currency": "GBP", "available": 10_800, "pending": 4_500, "owed": 0, "in_transit": 0, "store_credit": 0}
    ],
}
_BALANCE_TRANSACTION: Final[dict[str, Any]] = {
    "id": "trf_0193a5f2c6a47c0c8d1e2f3a4b5c6d7f",
    "object": "balance_transaction",
    "type": "sale",
    "status": "available",
    "amount": 10_800,
    "currency": "GBP",
    "order_id": _ORDER_ID,
    "payout_id": None,
    "available_at": _TIME,
    "available_on": "2026-11-24T09:30:00.250000Z",
    "created_at": _TIME,
}
_SELLER: Final[dict[str, Any]] = {
    "id": "sel_0193a5f2c6a47c0c8d1e2f3a4b5c6d70",
    "object": "seller",
    "version": 3,
    "customer_id": _SELLER_ID,
    "currency": "GBP",
    "available": 10_800,
    "store_credit": 0,
    "payout_method": "cash",
    "payout_destination": "acct_ok",
    "payout_account_status": "active",
    "payout_requirements": [],
    "other_balances": [],
    "next_payout_at": "2026-11-24T09:30:00.250000Z",
    "created_at": _TIME,
    "updated_at": _TIME,
    "ship_from": _ADDRESS,
}
_DEAD_LETTER: Final[dict[str, Any]] = {
    "id": "dlq_0f8b6c2e4d3a4b1c9e7f5a6d8c9b0e1f",
    "object": "dead_letter",
    "status": "waiting",
    "queue": "orders",
    "task": "orders.advance",
    "entity_ids": [_ORDER_ID],
    "change_type": None,
    "change_version": None,
    "sent_at": _TIME,
    "receive_count": 6,
    "size_bytes": 241,
    "last_error": {
        "outcome": "failed",
        "code": "unavailable",
        "exception": "Unavailable",
        "task": "orders.advance",
        "receive_count": 5,
        "at": _TIME,
        "release": "2026-11-21.1",
    },
    "replayed_at": None,
    "discarded_at": None,
}

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "NewListing": {
        "title": "Waxed jacket, navy",
        "description": "Worn twice, no flaws.",
        "product": "jacket-01",
        "condition": "very_good",
        "price": {"amount": 12_000, "currency": "GBP"},
        "custom_fields": {"size": "M"},
        "images": [_PHOTO],
        "purchase_id": _PURCHASE_ID,
    },
    "Moderation": {"decision": "request_changes", "reasons": ["Please add a photo of the lining."], "version": 3},
    "NewPurchase": _NEW_PURCHASE,
    "NewOrder": {
        "listing_id": _LISTING_ID,
        "listing_version": 4,
        "expected_total": {"amount": 12_000, "currency": "GBP"},
        "shipping_address": _ADDRESS,
        "payment_token": "tok_ok",
    },
    "Address": _ADDRESS,
    "LabelRequestBody": {"ship_from": _ADDRESS},
    "NewTrackingEvent": {"status": "in_transit", "occurred_at": _TIME, "id": "scan-48291"},
    "NewEvidence": _PHOTO,
    "SellerEdit": {"payout_method": "cash", "payout_destination": "acct_ok", "ship_from": _ADDRESS},
    "NewRefund": {"order_id": _ORDER_ID, "amount": 1_500, "reason": "goodwill"},
    "NewClock": {"now": _TIME},
    "ClockView": {
        "id": "clk_0193a5f2c6a47c0c8d1e2f3a4b5c6d74",
        "object": "test_clock",
        "version": 2,
        "now": "2027-01-20T09:30:00.250000Z",
        "offset_seconds": 5_184_000,
        "created_at": _TIME,
        "updated_at": _TIME,
    },
    "PublicListing": _PUBLIC_LISTING,
    "OwnerListing": _DRAFT,
    "PurchaseView": {
        **{name: value for name, value in _NEW_PURCHASE.items() if name != "customer"},
        "id": _PURCHASE_ID,
        "object": "purchase",
        "livemode": False,
        "version": 2,
        "source": "web",
        "line": "1001-1",
        "customer_id": _SELLER_ID,
        "claimed_quantity": 1,
        "claimable_quantity": 1,
        "created_at": _TIME,
        "updated_at": _TIME,
    },
    "AddressFormat": {
        "country": "VA",
        "object": "address_format",
        "name": "VATICAN",
        "fields": [
            {"name": "name", "label": "Full name", "required": True, "pattern": None, "examples": [], "options": []},
            {"name": "line1", "label": "Address", "required": True, "pattern": None, "examples": [], "options": []},
            {
                "name": "postal_code",
                "label": "Postal code",
                "required": False,
                "pattern": "^(?:00120)$",
                "examples": ["00120"],
                "options": [],
            },
            {"name": "city", "label": "City", "required": False, "pattern": None, "examples": [], "options": []},
        ],
        "lines": [["name"], ["line1"], ["line2"], ["postal_code", "city"], ["country"]],
    },
    "OrderQuote": {
        "object": "order_quote",
        "listing_id": _LISTING_ID,
        "listing_version": 4,
        "country": "GB",
        "amounts": {
            "currency": "GBP",
            "item_total": 10_000,
            "shipping_total": 329,
            "tax_total": 2_066,
            "grand_total": 12_395,
        },
        "shipping": {"kind": "flat", "amount": 395, "is_free": False, "rule_version": "2026-1"},
        "tax": {
            "country": "GB",
            "basis_points": 2_000,
            "is_inclusive": True,
            "item_tax": 2_000,
            "shipping_tax": 66,
            "rule_version": "2026-1",
        },
    },
    "BuyerOrder": _BUYER_ORDER,
    "BuyerClaim": _CLAIM,
    "SellerView": _SELLER,
    "PayoutView": _PAYOUT,
    "BalanceView": _BALANCE,
    "BalanceTransactionView": _BALANCE_TRANSACTION,
    "LedgerTransactionView": _BOOKED,
    "DeadLetterView": _DEAD_LETTER,
    "DryRun": {
        "object": "dead_letter_dry_run",
        "id": _DEAD_LETTER["id"],
        "status": "waiting",
        "queue": "orders",
        "task": "orders.advance",
        "effects": [
            {
                "kind": "step",
                "entity_id": _ORDER_ID,
                "status": "payment_pending",
                "due_at": _TIME,
                "step": "capture",
                "version": None,
                "task": None,
                "code": None,
            }
        ],
    },
    "Problem": {
        "type": "urn:resale:problem:validation_failed",
        "title": "Validation failed",
        "status": 422,
        "code": "validation_failed",
        "detail": "The body is not valid.",
        "errors": [{"pointer": "/price/amount", "code": "out_of_range", "detail": "The limit is 1."}],
        "request_id": "req_0193a5f2c6a47c0c8d1e2f3a4b5c6d73",
    },
}


def examples_of(endpoints: Iterable[AnyEndpoint]) -> dict[str, Mapping[str, Any]]:
    """Return the examples of this file and those of endpoints' bodies, by component."""
    declared = {one.body.__name__: one.example for one in endpoints if one.body is not None and one.example is not None}
    return {**EXAMPLES, **declared}
