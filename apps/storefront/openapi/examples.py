"""Examples, by component. A test decodes each with the struct it stands for."""

from typing import Any, Final

_TIME: Final = "2026-11-21T09:30:00.250000Z"
_LISTING_ID: Final = "lst_0193a5f2c6a47c0c8d1e2f3a4b5c6d7e"
_SELLER_ID: Final = "cus_0193a5f2c6a47c0c8d1e2f3a4b5c6d70"
_BUYER_ID: Final = "cus_0193a5f2c6a47c0c8d1e2f3a4b5c6d71"
_ORDER_ID: Final = "ord_0193a5f2c6a47c0c8d1e2f3a4b5c6d7f"
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
        "images": [{"content_type": "image/jpeg", "bytes": 2_310_044}],
    },
    "ListingEdit": {"price": {"amount": 10_500, "currency": "GBP"}},
    "Moderation": {"decision": "request_changes", "reasons": ["Please add a photo of the lining."], "version": 3},
    "NewOrder": {"listing_id": _LISTING_ID, "shipping_address": _ADDRESS, "payment_token": "tok_ok"},
    "NewClock": {"now": _TIME},
    "ClockAdvance": {"seconds": 5_184_000},
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
    "BuyerOrder": _BUYER_ORDER,
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
                "step": "settle_payment",
                "version": None,
                "task": None,
                "code": None,
            }
        ],
    },
    "Discard": {"reason": "The order was settled by hand."},
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
