"""The journey: a jacket is listed with photos, approved, bought once, and none of it is seen by another brand."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

from apps.local.journey.client import Answer, Client, upload
from apps.local.journey.expecting import await_state, expect, require
from apps.local.journey.records import check_history
from apps.local.private_files import Demo, DemoTenant

_PHOTOS = Path(__file__).resolve().parents[1] / "photos"
_TAKEN = (("jacket.jpg", "image/jpeg"), ("jacket-detail.webp", "image/webp"))
_RENDITIONS = 6  # three sizes, each as WebP and JPEG

# Nobody lives there. A test looks for these texts in everything that is stored: they must be nowhere in the clear.
_ADDRESS = {
    "name": "Robin Fairweather",
    "line1": "14 Millpond Lane",
    "city": "Nether Wallop",
    "postal_code": "SO20 8QQ",
    "country": "GB",
    "phone": "+441632960961",  # a number kept for fiction (Ofcom)
}
PERSONAL_TEXTS = tuple(text for name, text in _ADDRESS.items() if name != "country")

_LISTING_CHANGES = ["listing.created", "listing.submitted", "listing.approved", "listing.reserved", "listing.sold"]
_ORDER_CHANGES = ["order.submitted", "order.payment_started", "order.confirmed"]


class Journey:
    """One sale at the first brand, watched from the second.

    ``rival_token`` is a second buyer's; ``say`` gets one line a step.
    """

    def __init__(self, demo: Demo, *, rival_token: str, currency: str, say: Callable[[str], None]) -> None:
        shop, other = demo.tenants
        self._demo, self._shop, self._other = demo, shop, other
        self._currency, self._say = currency, say
        self._seller = self._shopper(shop, shop.seller_token)
        self._buyers = (self._shopper(shop, shop.buyer_token), self._shopper(shop, rival_token))
        self._brand = Client(demo.base_url, {"X-API-Key": shop.secret_key})
        self._public = Client(demo.base_url, {"X-API-Key": shop.publishable_key})

    def play(self) -> None:
        """Play it.

        Raises:
            JourneyFailed: A step did not end as it should.
        """
        listing = self._list_with_photos()
        self._await_renditions(listing["id"])
        self._review(listing["id"])
        order_id = self._race(listing["id"])
        self._await_sale(listing["id"], order_id)
        self._read_histories(listing["id"], order_id)
        self._look_from_elsewhere(listing["id"], order_id)

    # ---------------------------------------------------------------- the seller
    def _list_with_photos(self) -> Any:
        photos = [(_PHOTOS / name).read_bytes() for name, _ in _TAKEN]
        body = {
            "title": "Denim jacket, worn twice",
            "description": "Bought last spring, too small for me.",
            "product": "jackets/denim-trucker",
            "condition": "excellent",
            "price": {"amount": 8_900, "currency": self._currency},
            "custom_fields": {"size": "M"},
            "images": [_slot(photo, kind) for photo, (_, kind) in zip(photos, _TAKEN, strict=True)],
        }
        answer = self._seller.post("/v1/listings", body, Idempotency_Key=uuid4().hex)
        listing = expect(answer, HTTPStatus.CREATED, to="list a jacket")
        self._say(f"{self._shop.slug}'s seller lists “{body['title']}”: {listing['id']}, {listing['status']}")
        for image, photo, (name, _) in zip(listing["images"], photos, _TAKEN, strict=True):
            done = upload(image["upload"]["url"], image["upload"]["fields"], photo)
            require(done.status == HTTPStatus.NO_CONTENT, f"upload {name}: got {done.status}: {done.content[:300]!r}")
            self._say(f"  uploads {name} ({len(photo) // 1024} KiB) straight to S3")
        return listing

    def _await_renditions(self, listing_id: str) -> None:
        listing = await_state(
            lambda: expect(self._seller.get(f"/v1/listings/{listing_id}"), HTTPStatus.OK, to="read the draft"),
            lambda seen: all(image["status"] != "awaiting_upload" for image in seen["images"]),
            until="the photos are processed",
        )
        for image in listing["images"]:
            sizes = sorted({f"{each['width_px']}x{each['height_px']}" for each in image["renditions"]})
            require(image["status"] == "ready", f"a photo is {image['status']}: {image['rejection_reason']}")
            require(
                len(image["renditions"]) == _RENDITIONS, f"{len(image['renditions'])} renditions, not {_RENDITIONS}"
            )
            self._say(f"  {image['id']} is ready: {', '.join(sizes)} in WebP and JPEG")

    # ---------------------------------------------------------------- the brand
    def _review(self, listing_id: str) -> None:
        hidden = self._public.get(f"/v1/listings/{listing_id}")
        expect(hidden, HTTPStatus.NOT_FOUND, to="hide a draft from the public")
        expect(self._seller.post(f"/v1/listings/{listing_id}/submit"), HTTPStatus.OK, to="submit")
        verdict = {"decision": "approve"}
        expect(self._brand.post(f"/v1/listings/{listing_id}/moderation", verdict), HTTPStatus.OK, to="approve")
        shown = expect(self._public.get(f"/v1/listings/{listing_id}"), HTTPStatus.OK, to="show it to everybody")
        require(shown["status"] == "active", f"approved, but {shown['status']}")
        self._say(f"staff approve it: {self._demo.base_url}/v1/listings/{listing_id} is {shown['status']}")
        photo = shown["photos"][0]["renditions"][0]["url"]
        expect_photo(Client(photo).get(""))
        self._say(f"  its photo: {photo}")

    # ---------------------------------------------------------------- the buyers
    def _race(self, listing_id: str) -> str:
        self._say("two buyers press “buy” at the same moment")
        start = Barrier(len(self._buyers))

        def buy(buyer: Client) -> Answer:
            start.wait()
            return buyer.post("/v1/orders", _order(listing_id), Idempotency_Key=uuid4().hex)

        with ThreadPoolExecutor(len(self._buyers)) as crowd:
            winner, loser = sorted(crowd.map(buy, self._buyers), key=lambda answer: answer.status)
        order = expect(winner, HTTPStatus.ACCEPTED, to="let one buyer win")
        expect(loser, HTTPStatus.CONFLICT, to="refuse the other")
        require(loser.code == "listing_not_for_sale", f"the loser was told {loser.code}")
        self._say(f"  one gets {winner.status}: {order['id']}; the other {loser.status}: {loser.code}")
        return str(order["id"])

    def _await_sale(self, listing_id: str, order_id: str) -> None:
        order = await_state(
            lambda: expect(self._brand.get(f"/v1/orders/{order_id}"), HTTPStatus.OK, to="read the order"),
            lambda seen: seen["status"] in {"confirmed", "cancelled"},
            until="the order is paid",
        )
        require(order["status"] == "confirmed", f"the order is {order['status']}: {order['cancel_reason']}")
        amounts = order["amounts"]
        self._say(f"  the order is {order['status']}: {amounts['grand_total'] / 100:.2f} {amounts['currency']}")
        listing = expect(self._public.get(f"/v1/listings/{listing_id}"), HTTPStatus.OK, to="read the sold listing")
        require(listing["status"] == "sold", f"paid, but the listing is {listing['status']}")
        self._say(f"  the listing is {listing['status']}")

    # ---------------------------------------------------------------- the record
    def _read_histories(self, listing_id: str, order_id: str) -> None:
        self._read_history(f"/v1/listings/{listing_id}", _LISTING_CHANGES)
        self._read_history(f"/v1/orders/{order_id}", _ORDER_CHANGES)

    def _read_history(self, path: str, changes: list[str]) -> None:
        history = await_state(
            lambda: expect(self._brand.get(f"{path}/history"), HTTPStatus.OK, to="read history"),
            lambda seen: bool(seen["verification"]["verified"]),
            until=f"the history of {path} is complete",
        )
        self._say(f"history of {path.rsplit('/', 1)[1]}:")
        for line in check_history(history, changes):
            self._say(f"  {line}")

    # ---------------------------------------------------------------- the other brand
    def _look_from_elsewhere(self, listing_id: str, order_id: str) -> None:
        strangers = {
            "publishable key": Client(self._demo.base_url, {"X-API-Key": self._other.publishable_key}),
            "secret key": Client(self._demo.base_url, {"X-API-Key": self._other.secret_key}),
            "shopper": self._shopper(self._other, self._other.buyer_token),
        }
        paths = [f"/v1/listings/{listing_id}", f"/v1/orders/{order_id}"]
        for name, stranger in strangers.items():
            for path in (*paths, *(f"{path}/history" for path in paths)):
                answer = stranger.get(path)
                unseen = answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}
                require(unseen, f"{self._other.slug}'s {name} got {answer.status} at {path}")
        both = self._shopper(self._other, self._shop.buyer_token).get(paths[0])
        require(both.status == HTTPStatus.UNAUTHORIZED, f"a token of {self._shop.slug} was taken at {self._other.slug}")
        self._say(
            f"{self._other.slug}'s keys and shoppers see none of it; a token of {self._shop.slug} is refused there"
        )

    def _shopper(self, tenant: DemoTenant, token: str) -> Client:
        headers = {"X-API-Key": tenant.publishable_key, "Authorization": f"Bearer {token}"}
        return Client(self._demo.base_url, headers)


def expect_photo(answer: Answer) -> None:
    """Hold a public photo to being one."""
    require(answer.status == HTTPStatus.OK, f"the public photo answered {answer.status}")
    require(answer.headers.get("content-type", "").startswith("image/"), "the public photo is not an image")


def _slot(photo: bytes, content_type: str) -> dict[str, object]:
    return {"content_type": content_type, "bytes": len(photo), "sha256": hashlib.sha256(photo).hexdigest()}


def _order(listing_id: str) -> dict[str, object]:
    return {"listing_id": listing_id, "shipping_address": _ADDRESS, "payment_token": "tok_ok"}
