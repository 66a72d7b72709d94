"""The attacker and the victim: what each of them has, and what of the victim nobody else may see."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from apps.storefront.endpoint import AnyEndpoint
from apps.storefront.permissions import Access
from deploy.local.engines.local import LocalEngines
from resale.application.operations.customers import Shopper
from resale.domain.ids import CustomerId, OrderId
from resale.domain.orders import Order
from tests.attacks.accounts import Account
from tests.fixtures.clocks import remove_clocks
from tests.fixtures.graveyard import Graveyard
from tests.fixtures.storefront import ADDRESS, Front, a_listing_body
from tests.fixtures.webhooks import Partner
from tests.integration.callers import root
from tests.operations.partners import Partners

COMPLAINT = {"reason": "damaged_in_transit", "description": "The zip is broken."}


@dataclass
class Victim:
    """A shop with something of everything. ``word`` is in each of its texts."""

    front: Front
    partner: Partner
    account: Account
    word: str = field(default_factory=lambda: f"victim{uuid.uuid4().hex}")
    idempotency_key: str = field(default_factory=lambda: uuid.uuid4().hex)
    ids: dict[str, str] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    cursor: str = ""
    event_id: str = field(default_factory=lambda: f"evt_{uuid.uuid4().hex}")

    def __post_init__(self) -> None:
        self.seller, self.buyer = self.front.shopper(), self.front.shopper()

    @property
    def slug(self) -> str:
        return self.front.shop.tenant.slug

    @property
    def listing_body(self) -> dict[str, Any]:
        return a_listing_body(title=self.word, product=self.word)

    @property
    def customer_id(self) -> CustomerId:
        """The seller's."""
        return CustomerId(self.ids["seller_id"])

    def seen_in(self, text: str, *, sent: str = "") -> list[str]:
        """Return what a text shows of the victim, besides what was sent for it."""
        return sorted(mark for mark in self.marks if mark in text and mark not in sent)

    def quoted_in(self, log: str) -> list[str]:
        """Return the texts and secrets of the victim in a log."""
        return sorted(text for text in self.texts if text in log)

    def move_in(self, graveyard: Graveyard) -> None:
        """Fill the shop through its own API, and remember what is in it."""
        known = self.account.ids()
        address = {**ADDRESS, "name": self.word}
        account = {"payout_destination": "acct_ok", "ship_from": address}
        assert self.front.patch("/v1/seller_account", account, by=self.seller).status == 200
        completed = self._delivered()
        assert self.front.post(f"/v1/orders/{completed.id}/confirm_receipt", by=self.buyer).status == 200
        self._run(completed.id)
        keyed = {"Idempotency-Key": self.idempotency_key}
        payout = self.front.post("/v1/payouts", {}, by=self.seller, headers=keyed)
        order = self._delivered(key=self.idempotency_key)
        claim = self.front.post(f"/v1/orders/{order.id}/claims", COMPLAINT, by=self.buyer)
        now = datetime.now(UTC)
        pending = self.front.world.pending(self.seller, title=self.word, product=self.word)
        self.front.post("/v1/listings", self.listing_body, by=self.seller, headers=keyed)
        clock = self.front.post("/v1/test_clocks", {}, brand=True)
        for made in (payout, claim, clock):
            assert made.status in {201, 202}, made.body
        self.ids = {
            "listing_id": order.listing_id,
            "pending_id": pending.id,
            "media_id": pending.image_ids[0],
            "seller_id": order.seller_id,
            "order_id": order.id,
            "claim_id": claim.json["id"],
            "payout_id": payout.json["id"],
            "purchase_id": self.front.world.bought(self.buyer, line=self.word, title=self.word).id,
            "transfer_id": "trf_" + completed.id.removeprefix("ord_"),
            "shipment_id": "shp_" + order.id.removeprefix("ord_"),
            "clock_id": clock.json["id"],
            "letter_id": graveyard.bury_task("orders.advance", order_id=order.id),
            "connection_id": self.partner.connection.id,
        }
        event = {"id": self.event_id, "type": "payment.captured", "created_at": now, "data": {"order_id": order.id}}
        assert self.partner.tell(event).status == 202
        self.cursor = self._next_cursor()
        tenant = self.front.shop.tenant
        self.texts = frozenset({self.word, tenant.external_id, self.front.shop.secret.text, self.partner.secret})
        self.marks = self.texts | (self.account.ids() - known) | {*self.ids.values(), tenant.resources.media_bucket}

    def _delivered(self, *, key: str | None = None) -> Order:
        listing = self.front.world.active(self.seller, title=self.word, product=self.word)
        address = {**ADDRESS, "name": self.word}
        ordered = self.front.buy(listing, by=self.buyer, key=key, shipping_address=address).json["id"]
        order = self._run(ordered)
        for status in ("in_transit", "delivered"):
            order = self.front.world.scan(order, status, now=order.updated_at)  # type: ignore[arg-type]  # read as its enum
        return order

    def _run(self, order_id: str) -> Order:
        order = self.front.world.uow().orders.get(OrderId(order_id))
        return self.front.world.run(order, Partners(), now=order.updated_at)

    def _next_cursor(self) -> str:
        for _ in range(2):
            self.front.world.active(self.seller, title=self.word, product=self.word)
        cursor: str = self.front.get("/v1/listings?limit=1").json["next_cursor"]
        return cursor


@dataclass
class Attacker:
    """Another shop, with keys, a webhook secret, and a shopper who has the same subject as the victim's buyer."""

    front: Front
    partner: Partner
    shopper: Shopper

    @property
    def slug(self) -> str:
        return self.front.shop.tenant.slug

    @property
    def token(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.front.shop.token(self.shopper.subject)}"}

    def credentials(self, endpoint: AnyEndpoint) -> Iterator[Mapping[str, str]]:
        """Iterate over everything that an endpoint accepts of this shop."""
        public = {"X-API-Key": self.front.shop.publishable.text}
        secret = {"X-API-Key": self.front.shop.secret.text}
        if endpoint.access is Access.KEY:
            yield public
        if endpoint.access is not Access.BRAND:
            yield public | self.token
        if endpoint.access is Access.SHOPPER:
            yield secret | self.token
        else:
            yield secret


@contextmanager
def open_parties(fronts: tuple[Front, Front], engines: LocalEngines) -> Iterator[tuple[Attacker, Victim]]:
    """Set up both shops: the first is the victim. Leaves no test clock and no message."""
    mine, theirs = fronts[1], fronts[0]
    victim = Victim(theirs, Partner(theirs, engines), Account(theirs.shop.tenant, engines))
    graveyards = [_graveyard_of(front, engines) for front in fronts]
    tenants = tuple(front.shop.tenant for front in fronts)
    for graveyard in graveyards:
        graveyard.empty()
    remove_clocks(engines, tenants)
    try:
        victim.move_in(graveyards[0])
        attacker = Attacker(mine, Partner(mine, engines), victim.buyer)
        account = {"payout_destination": "acct_ok"}
        assert mine.patch("/v1/seller_account", account, by=attacker.shopper).status == 200  # a customer of its own
        yield attacker, victim
    finally:
        for graveyard in graveyards:
            graveyard.empty()
        remove_clocks(engines, tenants)


def _graveyard_of(front: Front, engines: LocalEngines) -> Graveyard:
    tenant = front.shop.tenant
    return Graveyard(tenant, root(tenant.account_id, engines.aws_endpoint_url).client("sqs", tenant.region))
