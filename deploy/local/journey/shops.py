"""One shop as its people use it through the public API: a seller lists, staff approve, a buyer buys."""

import hashlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from deploy.local.brands import SELLER
from deploy.local.journey.assertions import await_state, expect, require
from deploy.local.journey.client import Client, Response, upload
from deploy.local.private_files import DemoTenant

_PHOTOS: Final = Path(__file__).resolve().parents[1] / "photos"
_TAKEN: Final = (("jacket.jpg", "image/jpeg"), ("jacket-detail.webp", "image/webp"))
_PRODUCT: Final = "jackets/denim-trucker"
_RENDITIONS: Final = 6  # three sizes, each as WebP and JPEG

# Nobody lives there. A test looks for these texts in everything that is stored: they must be nowhere in the clear.
ADDRESS: Final = {
    "name": "Robin Fairweather",
    "line1": "14 Millpond Lane",
    "city": "Nether Wallop",
    "postal_code": "SO20 8QQ",
    "country": "GB",
    "phone": "+441632960961",  # a number kept for fiction (Ofcom)
}
SHIP_FROM: Final = {
    "name": "Avery Stonebridge",
    "line1": "7 Quarry Steps",
    "city": "Upper Slaughter",
    "postal_code": "GL54 2JG",
    "country": "GB",
}
COMPLAINT: Final = "The left cuff is frayed, and no photo shows it."
PERSONAL_TEXTS: Final = (
    *(text for address in (ADDRESS, SHIP_FROM) for name, text in address.items() if name != "country"),
    COMPLAINT,
)


class Shop:
    """A brand's shop and its people. ``say`` receives one line for each step."""

    def __init__(self, base_url: str, tenant: DemoTenant, *, currency: str, say: Callable[[str], None]) -> None:
        self.tenant, self.currency, self.say = tenant, currency, say
        self.base_url = base_url
        self.seller = self.shopper(tenant.seller_token)
        self.buyer = self.shopper(tenant.buyer_token)
        self.brand = Client(base_url, {"X-API-Key": tenant.secret_key})
        self.public = Client(base_url, {"X-API-Key": tenant.publishable_key})

    def shopper(self, token: str) -> Client:
        """Return a client with a shopper's token."""
        headers = {"X-API-Key": self.tenant.publishable_key, "Authorization": f"Bearer {token}"}
        return Client(self.base_url, headers)

    # ---------------------------------------------------------------- the seller
    def list_with_photos(self, title: str, *, amount: int) -> Any:
        """List an item that the seller bought here, with two photos, and wait for the renditions."""
        purchase_id = self._record_purchase()
        photos = [(_PHOTOS / name).read_bytes() for name, _ in _TAKEN]
        body = {
            "title": title,
            "description": "Bought last spring, too small for me.",
            "product": _PRODUCT,
            "purchase_id": purchase_id,
            "condition": "excellent",
            "price": {"amount": amount, "currency": self.currency},
            "custom_fields": {"size": "M"},
            "images": [_slot(photo, kind) for photo, (_, kind) in zip(photos, _TAKEN, strict=True)],
        }
        response = self.seller.post("/v1/listings", body, Idempotency_Key=uuid4().hex)
        listing = expect(response, HTTPStatus.CREATED, to="list an item")
        require(listing["purchase_id"] == purchase_id, "the listing has no purchase_id")
        self.say(f"{self.tenant.slug}'s seller lists “{title}”: {listing['id']}, {listing['status']}")
        for image, photo, (name, _) in zip(listing["images"], photos, _TAKEN, strict=True):
            done = upload(image["upload"]["url"], image["upload"]["fields"], photo)
            require(done.status == HTTPStatus.NO_CONTENT, f"upload {name}: got {done.status}: {done.content[:300]!r}")
            self.say(f"  uploads {name} ({len(photo) // 1024} KiB) straight to S3")
        self._await_renditions(listing["id"])
        return listing

    def _await_renditions(self, listing_id: str) -> None:
        listing = await_state(
            lambda: expect(self.seller.get(f"/v1/listings/{listing_id}"), HTTPStatus.OK, to="read the draft"),
            lambda seen: all(image["status"] != "awaiting_upload" for image in seen["images"]),
            until="the photos are processed",
        )
        for image in listing["images"]:
            sizes = sorted({f"{each['width_px']}x{each['height_px']}" for each in image["renditions"]})
            require(image["status"] == "ready", f"a photo is {image['status']}: {image['rejection_reason']}")
            require(
                len(image["renditions"]) == _RENDITIONS, f"{len(image['renditions'])} renditions, not {_RENDITIONS}"
            )
            self.say(f"  {image['id']} is ready: {', '.join(sizes)} in WebP and JPEG")

    # ---------------------------------------------------------------- the brand
    def _record_purchase(self) -> str:
        """Record a purchase of the seller from the brand's back end; the seller can see it."""
        bought = {
            "customer": {"subject": SELLER},
            "product": _PRODUCT,
            "title": "Denim trucker jacket",
            "quantity": 1,
            "purchased_at": "2026-04-18T12:00:00Z",
            "unit_price_paid": {"amount": 14_900, "currency": self.currency},
        }
        path = f"/v1/purchases/web/{uuid4().hex}-1"
        made = expect(self.brand.put(path, bought), HTTPStatus.OK, to="record a purchase")
        seen = expect(self.seller.get(f"/v1/purchases/{made['id']}"), HTTPStatus.OK, to="show it to the seller")
        self.say(
            f"{self.tenant.slug} records what its seller bought: {made['id']}, {seen['claimable_quantity']} to list"
        )
        return str(made["id"])

    def approve(self, listing_id: str) -> Any:
        """Approve a listing as staff; return the listing as the public sees it."""
        verdict = {"decision": "approve"}
        expect(self.brand.post(f"/v1/listings/{listing_id}/moderation", verdict), HTTPStatus.OK, to="approve")
        shown = expect(self.public.get(f"/v1/listings/{listing_id}"), HTTPStatus.OK, to="show it to everybody")
        require(shown["status"] == "active", f"approved, but {shown['status']}")
        self.say(f"staff approve it: {self.base_url}/v1/listings/{listing_id} is {shown['status']}")
        return shown

    # ---------------------------------------------------------------- the buyer
    def buy(
        self, listing_id: str, *, buyer: Client | None = None, changes: Mapping[str, object] | None = None
    ) -> Response:
        """Send an order at the price that the buyer sees; ``changes`` are made to its body."""
        buyer = buyer or self.buyer
        quoted = buyer.get(f"/v1/listings/{listing_id}/quote?country={ADDRESS['country']}")
        amounts = expect(quoted, HTTPStatus.OK, to="read the price with shipping and tax")["amounts"]
        agreed = {"amount": amounts["grand_total"], "currency": amounts["currency"]}
        body = {**_order(listing_id), "expected_total": agreed, **(changes or {})}
        return buyer.post("/v1/orders", body, Idempotency_Key=uuid4().hex)

    def await_buyer(self, order_id: str, action: str) -> Any:
        """Wait until an order requires an action of its buyer."""
        order = await_state(
            lambda: expect(self.buyer.get(f"/v1/orders/{order_id}"), HTTPStatus.OK, to="read the order"),
            lambda seen: (seen["next_action"] or {}).get("type") == action or seen["status"] == "cancelled",
            until=f"the buyer is required to {action}",
        )
        require(order["next_action"] is not None, f"the order is {order['status']}: {order['cancel_reason']}")
        return order["next_action"]

    def await_order(self, order_id: str, *statuses: str, until: str) -> Any:
        """Wait until an order, as the brand sees it, has one of some statuses."""
        order = await_state(
            lambda: expect(self.brand.get(f"/v1/orders/{order_id}"), HTTPStatus.OK, to="read the order"),
            lambda seen: seen["status"] in {*statuses, "cancelled"},
            until=until,
        )
        require(order["status"] in statuses, f"the order is {order['status']}: {order['cancel_reason']}")
        return order


def _slot(photo: bytes, content_type: str) -> dict[str, object]:
    return {"content_type": content_type, "bytes": len(photo), "sha256": hashlib.sha256(photo).hexdigest()}


def _order(listing_id: str) -> dict[str, object]:
    return {"listing_id": listing_id, "shipping_address": ADDRESS, "payment_token": "tok_ok"}
