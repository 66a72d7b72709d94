"""Generated text, sent through every field that takes what people write, carried to history and read back."""

import json
import unicodedata
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

from apps.core.input_text import text_kind
from apps.storefront.docs import ENDPOINTS
from apps.storefront.permissions import Access
from apps.workers.changes.consumer import ChangesConsumer
from resale.application.operations.customers import Shopper
from resale.application.queries.history import verify_history
from resale.domain.ids import OrderId
from resale.domain.listings import Listing
from resale.domain.orders import Order
from resale.domain.task_names import ADVANCE_ORDER
from resale.domain.text import WRITTEN
from tests.architecture.test_text import texts_in
from tests.fixtures.graveyard import Graveyard
from tests.fixtures.storefront import ADDRESS, Front, Response, a_listing_body
from tests.fixtures.streams import find_end
from tests.operations.partners import Partners

#: What goes wrong in other people's shops, to be found in more of the texts than chance would have it.
PIECES = (
    "a",
    "Jacket ",
    "é",
    "e\u0301",
    "\u0958",
    "夾克",
    "سترة",
    "👨\u200d👩\u200d👧",
    "\u0645\u06cc\u200c",
    "\U0001d49c",
    " ",
    "\n",
    "\r\n",
    "\t",
    "\x00",
    "\x1b[31m",
    "\x9b",
    "\x85",
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u0301",
    "\u202e",
    "\u202c",
    "\u2067",
    "\u2069",
    "\u2028",
    "\ufffe",
    "\uffff",
    "\U0001ffff",
    "\ud83d",
    "\udc00",
    '"',
    "\\",
    "\\u0000",
    "<script>",
    "]]>",
    "&#xFFFF;",
    "{{7*7}}",
)
#: Of any character there is, lone surrogates too; up to what the shortest field takes.
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join),
    st.text(st.characters(exclude_categories=()), min_size=1, max_size=20),
    st.text(st.characters(exclude_categories=["C", "Z", "M"]), min_size=3, max_size=20),
)
#: Which have to be taken, wherever people write.
GOOD = (
    "Jacket",
    "Café",
    "Cafe\u0301",
    "夾克夾克",
    "سترة شتوية",
    "👨\u200d👩\u200d👧 ok",
    "\u0645\u06cc\u200c\u062e",
    "\U0001d49c\U0001d4c3\U0001d4c3",
)
#: Which have to be refused, wherever people write.
BAD = (
    "\uffff",
    "Jacket \ufffe",
    "\x00",
    "a\x1b[31m",
    "\u200b\u2060",
    "\u0301",
    "\u202eabc",
    "\u2067abc",
    "\ud800",
    "  ",
)

REFUSALS = {"422 validation_failed", "422 card_number_refused"}
#: Country, region and postal code are held to lists and patterns of the country.
FREE_LINES = ("name", "line1", "line2", "city")
RULED_LINES = ("region", "postal_code", "country")


@dataclass(frozen=True)
class Taken:
    """What came of one text."""

    response: Response
    entity_id: str = ""  # whose history holds it
    parent_id: str = ""
    came_back: tuple[Any, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.response.status < 300


class Pipeline:
    """One tenant's changes, from its streams to its queue to its history."""

    def __init__(self, front: Front) -> None:
        container, tenant = front.container, front.shop.tenant
        self._streams = container.streams(tenant)
        self._queues = container.queues(tenant)
        self._url = tenant.resources.queues.changes.url
        self._consumer = ChangesConsumer(
            tenant=tenant,
            queues=self._queues,
            history=container.history(tenant),
            read_row=container.history_row,
            failures=container.failures(tenant),
        )
        self._positions = find_end(self._streams)  # what other tests wrote is not carried

    def carry(self) -> int:
        """Carry all there is; nothing is refused by the queue and nothing stays in it."""
        carried = 0
        for batch in self._streams.read(self._positions):
            if batch.bodies:
                assert self._queues.send(self._url, batch.bodies) == {}
                carried += len(batch.bodies)
            self._positions.update(batch.position)
        received = 0
        while count := self._consumer.run_once(wait_seconds=0):
            received += count
        assert received == carried
        return carried


@dataclass
class Stage:
    """A shop in which every field can be filled."""

    front: Front
    graveyard: Graveyard
    pipeline: Pipeline = field(init=False)
    _ready: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(self.front)
        self.seller, self.buyer = self.front.shopper(), self.front.shopper()

    def at_hand(self, name: str, make: Callable[[], Any]) -> Any:
        """Give what was made before, unless it was used up."""
        if name not in self._ready:
            self._ready[name] = make()
        return self._ready[name]

    def use_up(self, name: str) -> None:
        del self._ready[name]

    def active(self) -> Listing:
        return self.front.world.active(self.front.shopper())

    def paid(self) -> tuple[Order, Shopper]:
        """An order that waits for its seller's address, and its seller."""
        seller = self.front.shopper()
        ordered = self.front.buy(self.front.world.active(seller), by=self.buyer).json["id"]
        order = self.front.world.uow().orders.get(OrderId(ordered))
        return self.front.world.run(order, Partners(), now=order.created_at), seller

    def delivered(self) -> str:
        order, _ = self.paid()
        for status in ("in_transit", "delivered"):
            order = self.front.world.scan(order, status, now=order.updated_at)  # type: ignore[arg-type]  # as its enum
        return str(order.id)

    def expect_verified(self, taken: Taken) -> None:
        reader = self.front.world.reader
        parent_id = taken.parent_id or taken.entity_id
        verification = verify_history(reader=reader, entity_id=taken.entity_id, parent_id=parent_id)
        assert verification.verified, (taken.entity_id, verification)


Scenario = Callable[[Stage, str], Taken]


# ---------------------------------------------------------------- what each field needs
def new_listing(stage: Stage, text: str, *, name: str) -> Taken:
    body = a_listing_body(**fields_with(name, text))
    made = stage.front.post("/v1/listings", encoded(body), by=stage.seller)
    return _listing(stage, made, "" if made.status != 201 else made.json["id"], name)


def edited_listing(stage: Stage, text: str, *, name: str) -> Taken:
    listing_id = stage.at_hand("edited", lambda: stage.front.world.draft(stage.seller)[0].id)
    response = stage.front.patch(f"/v1/listings/{listing_id}", encoded(fields_with(name, text)), by=stage.seller)
    return _listing(stage, response, listing_id, name)


def reasons(stage: Stage, text: str) -> Taken:
    listing: Listing = stage.at_hand("pending", lambda: stage.front.world.pending(stage.seller))
    body = {"decision": "request_changes", "reasons": [text]}
    response = stage.front.post(f"/v1/listings/{listing.id}/moderation", encoded(body), brand=True)
    if response.status >= 300:
        return Taken(response)
    stage.use_up("pending")
    shown = stage.front.get(f"/v1/listings/{listing.id}", by=stage.seller).json
    return Taken(response, listing.id, came_back=tuple(shown["reasons"]))


def purchase_title(stage: Stage, text: str) -> Taken:
    body = {
        "customer": {"subject": stage.buyer.subject},
        "product": "jacket-01",
        "title": text,
        "quantity": 1,
        "purchased_at": "2025-10-02T14:05:00Z",
    }
    response = stage.front.put(f"/v1/purchases/web/{uuid.uuid4().hex}", encoded(body), brand=True)
    if response.status >= 300:
        return Taken(response)
    entity_id = response.json["id"]
    shown = stage.front.get(f"/v1/purchases/{entity_id}", by=stage.buyer).json
    return Taken(response, entity_id, came_back=(shown["title"],))


def shipping_address(stage: Stage, text: str, *, name: str) -> Taken:
    listing: Listing = stage.at_hand("active", stage.active)
    body = {"listing_id": listing.id, "shipping_address": {**ADDRESS, name: text}, "payment_token": "tok_ok"}
    key, buyer = {"Idempotency-Key": uuid.uuid4().hex}, stage.front.shopper()  # one buyer has few unpaid orders
    response = stage.front.post("/v1/orders", encoded(body), by=buyer, headers=key)
    if response.status >= 300:
        return Taken(response)
    stage.use_up("active")
    order_id = response.json["id"]
    shown = stage.front.get(f"/v1/orders/{order_id}", by=buyer).json["shipping_address"]
    return Taken(response, order_id, came_back=_line(shown, name))


def corrected_address(stage: Stage, text: str, *, name: str) -> Taken:
    order_id = stage.at_hand("ordered", lambda: stage.front.buy(stage.active(), by=stage.buyer).json["id"])
    path = f"/v1/orders/{order_id}"
    response = stage.front.put(f"{path}/shipping_address", encoded({**ADDRESS, name: text}), by=stage.buyer)
    if response.status >= 300:
        return Taken(response)
    shown = stage.front.get(path, by=stage.buyer).json["shipping_address"]
    return Taken(response, order_id, came_back=_line(shown, name))


def label_address(stage: Stage, text: str, *, name: str) -> Taken:
    order, seller = stage.at_hand("paid", stage.paid)
    body = {"ship_from": {**ADDRESS, name: text}}
    response = stage.front.post(f"/v1/sales/{order.id}/label", encoded(body), by=seller)
    if response.status < 300:
        stage.use_up("paid")
    return Taken(response, order.id)


def account_address(stage: Stage, text: str, *, name: str) -> Taken:
    body = {"ship_from": {**ADDRESS, name: text}}
    response = stage.front.patch("/v1/seller_account", encoded(body), by=stage.seller)
    if response.status >= 300:
        return Taken(response)
    shown = stage.front.get("/v1/seller_account", by=stage.seller).json
    return Taken(response, shown["id"], came_back=_line(shown["ship_from"], name))


def claim_description(stage: Stage, text: str) -> Taken:
    order_id = stage.at_hand("delivered", stage.delivered)
    body = {"reason": "not_as_described", "description": text}
    response = stage.front.post(f"/v1/orders/{order_id}/claims", encoded(body), by=stage.buyer)
    if response.status >= 300:
        return Taken(response)
    stage.use_up("delivered")
    claim_id = response.json["id"]
    shown = stage.front.get(f"/v1/claims/{claim_id}", by=stage.buyer).json
    return Taken(response, claim_id, parent_id=order_id, came_back=(shown["description"],))


def claim_note(stage: Stage, text: str) -> Taken:
    claim_id, order_id = stage.at_hand("claim", lambda: _claim(stage))
    body = {"decision": "request_evidence", "note": text}
    response = stage.front.post(f"/v1/claims/{claim_id}/resolve", encoded(body), brand=True)
    if response.status >= 300:
        return Taken(response)
    stage.use_up("claim")
    shown = stage.front.get(f"/v1/claims/{claim_id}", by=stage.buyer).json
    return Taken(response, claim_id, parent_id=order_id, came_back=(shown["note"],))


def discard_reason(stage: Stage, text: str) -> Taken:
    letter_id = stage.at_hand("letter", lambda: stage.graveyard.bury_task(ADVANCE_ORDER, order_id="ord_" + "0" * 32))
    response = stage.front.post(f"/v1/dead_letters/{letter_id}/discard", encoded({"reason": text}), brand=True)
    if response.status >= 300:
        return Taken(response)
    stage.use_up("letter")
    shown = stage.front.get(f"/v1/dead_letters/{letter_id}", brand=True).json
    return Taken(response, letter_id, came_back=(shown["reason"],))


SCENARIOS: Mapping[str, Scenario] = {
    **{f"NewListing.{name}": partial(new_listing, name=name) for name in ("title", "description", "custom_fields[]")},
    **{
        f"ListingEdit.{name}": partial(edited_listing, name=name)
        for name in ("title", "description", "custom_fields[]")
    },
    "Moderation.reasons[]": reasons,
    "NewPurchase.title": purchase_title,
    **{
        f"{place}.{name}": partial(scenario, name=name)
        for place, scenario in (
            ("NewOrder.shipping_address", shipping_address),
            ("Address", corrected_address),
            ("LabelRequestBody.ship_from", label_address),
            ("SellerEdit.ship_from", account_address),
        )
        for name in (*FREE_LINES, *RULED_LINES)
    },
    "NewClaim.description": claim_description,
    "Resolution.note": claim_note,
    "Discard.reason": discard_reason,
}
#: Where any text that is text is taken: not held to a country's rules.
FREE = tuple(place for place in SCENARIOS if place.rpartition(".")[2] not in RULED_LINES)


def written_places() -> set[str]:
    """Name every field of every endpoint that takes what people write. What an operator writes is in no history."""
    shops = [one for one in ENDPOINTS if one.access is not Access.OPERATOR]
    taken = {kind for one in shops for kind in (one.body, one.query, one.names) if kind is not None}
    return {
        place
        for kind in taken
        for place, said in texts_in(inspect.type_info(kind), kind.__name__)
        if text_kind(said) in WRITTEN
    }


def expect_held(place: str, text: str, taken: Taken) -> None:
    """Hold what came of a text: it came back as it is in normalisation form C, or was refused with a code."""
    if taken.accepted:
        normal = unicodedata.normalize("NFC", text)
        assert all(one == normal for one in taken.came_back), (place, text, taken.came_back)
        return
    is_no_json = taken.response.code == "400 malformed_body" and any("\ud800" <= one <= "\udfff" for one in text)
    assert is_no_json or taken.response.code in REFUSALS, (place, text, taken.response.body)


def encoded(body: Any) -> bytes:
    """Write JSON in which any character may stand: as an escape, where it is no ASCII."""
    return json.dumps(body).encode()


def fields_with(name: str, text: str) -> dict[str, Any]:
    return {"custom_fields": {"x": text}} if name == "custom_fields[]" else {name: text}


def _listing(stage: Stage, response: Response, listing_id: str, name: str) -> Taken:
    if response.status >= 300:
        return Taken(response)
    shown = stage.front.get(f"/v1/listings/{listing_id}", by=stage.seller).json
    came_back = shown["custom_fields"]["x"] if name == "custom_fields[]" else shown[name]
    return Taken(response, listing_id, came_back=(came_back,))


def _line(shown: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    return (shown[name],) if name in FREE_LINES else ()


def _claim(stage: Stage) -> tuple[str, str]:
    order_id = stage.at_hand("delivered", stage.delivered)
    stage.use_up("delivered")
    body = {"reason": "not_as_described", "description": "The zip is broken."}
    claim = stage.front.post(f"/v1/orders/{order_id}/claims", body, by=stage.buyer)
    return claim.json["id"], order_id
