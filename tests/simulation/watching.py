"""What a run knows of what was written, as it is written; and what may never be true, not even for a moment."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from resale.domain.holds import FORGOTTEN_AFTER
from resale.domain.listings import ListingStatus
from resale.domain.orders import OrderStatus
from resale.domain.transfers import TransferStatus

Doc = Mapping[str, Any]
#: Nobody's any more: the item may be sold to somebody else.
OVER = frozenset({OrderStatus.CANCELLED, OrderStatus.REFUNDED})


#: Where a listing is held for an order that is not paid.
UNPAID = (OrderStatus.SUBMITTED, OrderStatus.PAYMENT_PENDING, OrderStatus.PAYMENT_FAILED)


#: Where a listing is that is over, its item unsold.
UNSOLD = frozenset({ListingStatus.REJECTED, ListingStatus.WITHDRAWN, ListingStatus.EXPIRED, ListingStatus.REMOVED})


class Watch:
    """Sees every write that was done, and keeps the newest document of each entity."""

    def __init__(self, *, max_open_holds: int) -> None:
        self._max_open_holds = max_open_holds
        self.latest: dict[str, Doc] = {}
        self._by_kind: dict[str, dict[str, Doc]] = {}
        self.changes: list[str] = []  # since somebody looked
        self.violations: list[tuple[str, str]] = []

    def see(self, items: tuple[Mapping[str, Any], ...]) -> None:
        written = [item for item in items if "change" in item and "doc" in item]
        docs, before = [], dict[str, Doc | None]()
        for item in written:
            doc = msgspec.json.decode(str(item["doc"]))
            if "id" in doc and self._is_newer(doc):
                docs.append(doc)
                before[doc["id"]] = self.latest.get(doc["id"])
                self.latest[doc["id"]] = self._by_kind.setdefault(doc["object"], {})[doc["id"]] = doc
                self.changes.append(f"{msgspec.json.decode(str(item['change']))['type']} {doc['id']}")
        for doc in docs:
            if doc["object"] in {"order", "listing"}:
                self._check_one_buyer(doc)
            if doc["object"] == "order" and doc["status"] in UNPAID:
                self._check_holds(doc["buyer_id"])
            if doc["object"] == "transfer":
                self._check_completed(doc)
                self._check_frozen(before[doc["id"]], doc)
            if doc["object"] == "purchase" or doc.get("purchase_id"):
                self._check_units(self.latest[doc.get("purchase_id") or doc["id"]])

    def all(self, kind: str, *statuses: str) -> list[Doc]:
        """Documents of a kind, in some states or any, oldest first."""
        found = self._by_kind.get(kind, {}).values()
        return [doc for doc in found if not statuses or doc["status"] in statuses]

    def due(self) -> list[datetime]:
        """When each thing that waits wants to be woken."""
        return [datetime.fromisoformat(doc["due_at"]) for doc in self.latest.values() if doc.get("due_at")]

    def item_of(self, listing_id: str) -> str:
        """The first advert of the item that a listing is of."""
        while (doc := self.latest.get(listing_id)) is not None and doc.get("relisted_from"):
            listing_id = doc["relisted_from"]
        return listing_id

    def _is_newer(self, doc: Doc) -> bool:
        """Histories' rows carry old documents; a write said twice is seen twice."""
        known = self.latest.get(doc["id"])
        return known is None or known["version"] < doc["version"]

    def _check_frozen(self, before: Doc | None, doc: Doc) -> None:
        """A payout settles a transfer; one that is disputed only later was settled before."""
        is_paid_out = before is not None and before["status"] == "available" and doc["status"] == "settled"
        order = self.latest[doc["order_id"]]
        is_disputed = any(dispute["status"] == "open" for dispute in order["disputes"])
        if is_paid_out and is_disputed and doc["amount"] > 0:
            self.violations.append(("disputed_is_not_paid_out", f"{doc['id']} of {order['id']}"))

    def _check_one_buyer(self, doc: Doc) -> None:
        item = self.item_of(doc["id"] if doc["object"] == "listing" else doc["listing_id"])
        live = [
            one["id"]
            for one in self.all("order")
            if one["status"] not in OVER and self.item_of(one["listing_id"]) == item
        ]
        if len(live) > 1:
            self.violations.append(("one_buyer_per_item", f"{item} is bought by {live}"))
        shown = [
            one["id"] for one in self.all("listing", "active", "paused", "reserved") if self.item_of(one["id"]) == item
        ]
        if len(shown) > 1:
            self.violations.append(("one_listing_per_item", f"{item} is on sale as {shown}"))

    def _check_holds(self, buyer_id: str) -> None:
        unpaid = [one for one in self.all("order", *UNPAID) if one["buyer_id"] == buyer_id]
        newest = max((one["created_at"] for one in unpaid), default="")
        ends = {one["id"]: datetime.fromisoformat(one["hold_expires_at"]) for one in unpaid}
        held = [one for one, at in ends.items() if at + FORGOTTEN_AFTER > datetime.fromisoformat(newest)]
        if len(held) > self._max_open_holds:
            self.violations.append(("holds_bounded", f"{buyer_id} has not paid {held}"))

    def _check_completed(self, doc: Doc) -> None:
        if doc["status"] not in {TransferStatus.AVAILABLE, TransferStatus.SETTLED}:
            return
        order = self.latest.get(doc["order_id"])
        is_compensation = order is not None and order.get("compensation") is not None and doc["amount"] > 0
        if order is None or (order["completed_at"] is None and not (is_compensation and doc["reversed_from"])):
            self.violations.append(("transfer_after_completion", f"{doc['id']} is available, its order not completed"))

    def _check_units(self, purchase: Doc) -> None:
        items: dict[str, list[Doc]] = {}
        for one in self.all("listing"):
            if one.get("purchase_id") == purchase["id"]:
                items.setdefault(self.item_of(one["id"]), []).append(one)
        held = [item for item, adverts in items.items() if _is_held(adverts)]
        if not len(held) == purchase["claimed_quantity"] <= purchase["quantity"]:
            said = f"{purchase['claimed_quantity']} of {purchase['quantity']} units"
            self.violations.append(("units_not_oversold", f"{purchase['id']} says {said} are claimed, {held} are"))


def _is_held(adverts: list[Doc]) -> bool:
    """Whether an item is on its way to be sold, or was sold and not given back."""
    relisted = {one.get("relisted_from") for one in adverts}
    return any(one["id"] not in relisted and one["status"] not in UNSOLD for one in adverts)
