"""Shoppers and staff of a running platform, through its public API only."""

import http.client
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import jwt

from deploy.local.issuer.tokens import mint
from deploy.local.journey.client import Client, Response, upload
from deploy.local.private_files import Demo, DemoTenant
from tests.e2e.machine import eventually

_CURRENCIES = {"northwind": "GBP", "atelier": "USD"}
#: What a client repeats: the platform says that it cannot now, or the load balancer that no process answered it.
_COME_BACK: Final = {502, 503, 504}


class Platform(Protocol):
    """A running platform: its addresses and keys, and the folder of its data."""

    @property
    def demo(self) -> Demo: ...

    @property
    def var(self) -> Path: ...


@dataclass(frozen=True)
class Picture:
    """What is uploaded. ``bytes_said`` is what the seller says it will be, when that is not true."""

    content: bytes
    content_type: str = "image/jpeg"
    bytes_said: int | None = None

    @property
    def slot(self) -> dict[str, object]:
        return {"content_type": self.content_type, "bytes": self.bytes_said or len(self.content)}


@dataclass(frozen=True)
class Shopper:
    """Somebody with a token, and what nobody may find in the clear."""

    client: Client
    name: str
    email: str
    street: str
    phone: str

    @property
    def address(self) -> dict[str, str]:
        return {
            "name": self.name,
            "line1": self.street,
            "city": "Much Binding",
            "postal_code": "ZE3 9XW",
            "country": "GB",
            "phone": self.phone,
        }

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.name, self.email, self.street, self.phone, "Much Binding", "ZE3 9XW")


class Shop:
    """One brand's shop."""

    def __init__(self, platform: Platform, slug: str) -> None:
        self._platform = platform
        self.tenant: DemoTenant = next(tenant for tenant in platform.demo.tenants if tenant.slug == slug)
        self.public = self._client(self.tenant.publishable_key)
        self.brand = self._client(self.tenant.secret_key)

    def shopper(self) -> Shopper:
        """A new shopper, whose token says more of them than it must."""
        mark = uuid.uuid4().hex[:12]
        name, email = f"Marlowe Q{mark}", f"marlowe.q{mark}@post.example"
        known = jwt.decode(self.tenant.buyer_token, options={"verify_signature": False})
        token = mint(
            self._platform.var / "issuers",
            self.tenant.slug,
            f"subject-{mark}",
            issuer=known["iss"],
            audience=known["aud"],
            lifetime=timedelta(hours=1),
            claims={"name": name, "email": email},
        )
        client = self._client(self.tenant.publishable_key, {"Authorization": f"Bearer {token}"})
        return Shopper(client, name, email, street=f"{mark} Hidden Close", phone=f"+44163296{int(mark[:4], 16):05d}")

    # ------------------------------------------------------------ selling
    def draft(self, seller: Shopper, pictures: Sequence[Picture]) -> dict[str, Any]:
        body = {
            "title": "Waxed jacket",
            "product": f"jackets/{uuid.uuid4().hex[:8]}",
            "condition": "very_good",
            "price": {"amount": 12_000, "currency": _CURRENCIES[self.tenant.slug]},
            "images": [picture.slot for picture in pictures],
        }
        key = uuid.uuid4().hex
        response = insist(lambda: seller.client.post("/v1/listings", body, Idempotency_Key=key))
        assert response.status == 201, response.content
        listing: dict[str, Any] = response.json
        return listing

    def on_sale(self, seller: Shopper, picture: Picture, *, count: int) -> list[str]:
        """List, photograph and approve; return the listings."""
        listings = self.in_review(seller, picture, count=count)
        for listing_id in listings:
            self.decide(listing_id, decision="approve")
        return listings

    def in_review(self, seller: Shopper, picture: Picture, *, count: int) -> list[str]:
        """List, photograph and submit; return the listings."""
        drafts = [self.draft(seller, [picture]) for _ in range(count)]
        for draft in drafts:
            self.photograph(seller, draft, picture)
        for draft in drafts:
            self.images_done(seller, draft["id"])
            self.submit(seller, draft["id"])
        return [draft["id"] for draft in drafts]

    def photograph(self, seller: Shopper, draft: Mapping[str, Any], picture: Picture) -> None:
        """Upload a draft's photo. While S3 refuses the form, take a new one: a killed engine forgets who signed it."""
        forms = iter([draft["images"][0]])

        def sent() -> int:
            image = next(forms, None) or seen(seller.client, f"/v1/listings/{draft['id']}")["images"][0]
            return send_picture(image, picture).status

        status = eventually(sent, lambda answered: answered != 403, until="S3 takes what is signed now", seconds=45)
        assert status == 204

    def images_done(self, seller: Shopper, listing_id: str, *, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Wait until every image is looked at; return them."""
        listing = eventually(
            lambda: seen(seller.client, f"/v1/listings/{listing_id}"),
            lambda found: all(image["status"] != "awaiting_upload" for image in found["images"]),
            until="the images are done",
            seconds=seconds,
        )
        images: list[dict[str, Any]] = listing["images"]
        return images

    def submit(self, seller: Shopper, listing_id: str) -> None:
        response = insist(lambda: seller.client.post(f"/v1/listings/{listing_id}/submit"))
        assert response.status == 200, response.content

    def decide(self, listing_id: str, **decision: object) -> None:
        response = insist(lambda: self.brand.post(f"/v1/listings/{listing_id}/moderation", decision))
        assert response.status == 200, response.content

    # ------------------------------------------------------------ buying
    def buy(self, buyer: Shopper, listing_id: str, token: str) -> str:
        """Order a listing, again and again under one key until there is a response; return the order."""
        body = {"listing_id": listing_id, "shipping_address": buyer.address, "payment_token": token}
        key = uuid.uuid4().hex
        response = insist(lambda: buyer.client.post("/v1/orders", body, Idempotency_Key=key))
        assert response.status == 202, response.content
        order_id: str = response.json["id"]
        return order_id

    def _client(self, key: str, headers: Mapping[str, str] | None = None) -> Client:
        return Client(self._platform.demo.base_url, {"X-API-Key": key, **(headers or {})})


def send_picture(image: Mapping[str, Any], picture: Picture) -> Response:
    """Upload into a slot, as a browser does, with whatever the seller has."""
    return insist(lambda: upload(image["upload"]["url"], image["upload"]["fields"], picture.content))


def seen(client: Client, path: str) -> dict[str, Any]:
    """Read an object that is there."""
    response = insist(lambda: client.get(path))
    assert response.status == 200, (path, response.content)
    found: dict[str, Any] = response.json
    return found


def insist(send: Callable[[], Response]) -> Response:
    """Send again while nobody answers, or the response says to come back: as clients of the API are told to."""

    def attempt() -> Response | OSError | http.client.HTTPException:
        try:
            return send()
        except (OSError, http.client.HTTPException) as error:
            return error

    response = eventually(
        attempt, lambda got: isinstance(got, Response) and got.status not in _COME_BACK, until="there is a response"
    )
    assert isinstance(response, Response)
    return response
