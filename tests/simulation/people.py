"""The people of a run: buyers, sellers and the brand, who say whatever they may and much that they may not."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from resale.application.operations.claims import open_claim, resolve_claim, withdraw_claim
from resale.application.operations.customers import Shopper
from resale.application.operations.listings import (
    Decision,
    Moderation,
    create_listing,
    edit_listing,
    moderate_listing,
    pause_listing,
    relist_listing,
    resume_listing,
    submit_listing,
    withdraw_listing,
)
from resale.application.operations.orders import (
    NewRefund,
    cancel_order,
    confirm_receipt,
    correct_address,
    record_tracking,
    refund_order,
    request_label,
    submit_order,
)
from resale.application.operations.payouts import cancel_payout, start_payout
from resale.application.operations.purchases import record_purchase
from resale.application.operations.sellers import edit_seller
from resale.application.ports import UnitOfWork
from resale.application.queries.idempotency import find_replayed_entity
from resale.application.queries.quotes import get_quote
from resale.domain.access import Principal
from resale.domain.addresses import Address
from resale.domain.changes import ChangeType
from resale.domain.claims import ClaimReason, NewClaim, Resolution, Verdict
from resale.domain.command_context import CommandKey, command_key
from resale.domain.ids import ClaimId, CustomerId, ListingId, OrderId, PayoutId, PurchaseId, SellerId
from resale.domain.listings import (
    Condition,
    ListingCommand,
    ListingEdit,
    ListingStatus,
    NewListing,
    PriceInput,
    transition_listing,
)
from resale.domain.orders import ExpectedTotal, NewOrder, OrderStatus
from resale.domain.payouts import PayoutMethod
from resale.domain.purchases import NewPurchase, PurchaseCustomer
from resale.domain.quotes import OrderQuote
from resale.domain.sellers import SellerEdit, seller_id_of
from resale.domain.shipments import ShipmentStatus, TrackingEvent
from tests.simulation.currencies import part_in, price_in
from tests.simulation.staff import BRAND, Staff
from tests.simulation.watching import OVER, Doc
from tests.unit.builders import NOW, a_photo

if TYPE_CHECKING:
    from tests.simulation.run import Run

ADDRESS = Address(name="Robin Okafor", line1="1 Test Street", city="Leeds", postal_code="LS1 1AA", country="GB")
_S = OrderStatus
_UNDECIDED = ("opened", "awaiting_evidence", "under_review")
_OPEN_CLAIMS = (*_UNDECIDED, "approved", "return_label_issued")
Said = Callable[[UnitOfWork], object]


ISSUER = "https://issuer.test"


def shopper(name: str, number: int) -> Shopper:
    """A shopper whose customer has the same id in every run: their data key is made once a process."""
    return Shopper(issuer=ISSUER, subject=name, new_id=CustomerId(f"cus_{number:032x}"))


SELLERS = (shopper("ada", 0xA1), shopper("sam", 0xA2))
BUYERS = (shopper("bo", 0xB1), shopper("kim", 0xB2), shopper("lea", 0xB3))


class People:
    """Picks who says what; the run hears it."""

    def __init__(self, run: "Run") -> None:
        self._run, self._chance, self._watch = run, run.chance, run.watch
        self._said = self._heard = 0
        self._anyway = False
        self.staff = Staff(run, say=self._say, refund=self._refund_order)
        self._quotes: dict[str, OrderQuote] = {}  # by listing: what was shown last
        self.agreed: dict[str, int] = {}  # by order: the total that its buyer named
        self.weights: Mapping[str, float] = {
            "buy": 5,
            "look": 2,
            "hoard": 0.3,
            "cancel": 0.3,
            "request_label": 1.5,
            "correct_address": 0.8,
            "confirm_receipt": 1.5,
            "open_claim": 3,
            "resolve_claim": 2.5,
            "withdraw_claim": 0.5,
            "refund": 1.5,
            "edit_seller": 1.5,
            "pay_out": 1,
            "cancel_payout": 0.7,
            "relist": 1.5,
            "list_unit": 1.2,
            "submit": 2,
            "approve": 2,
            "reject": 0.3,
            "say_anew": 0.4,
            "change_listing": 0.4,
            "pause": 0.3,
            "resume": 1.5,
            "submit_again": 1.5,
            "remove": 0.05,
            "report_parcel": 0.6,
            "decide": 1.5,
        }

    def speak(self) -> None:
        """Somebody says something: mostly what fits a thing there is, now and then what does not."""
        self._anyway = self._chance.happens(0.12)
        before = self._heard
        for _ in range(6):
            say: Callable[[], None] = getattr(self, f"_{self._chance.pick_weighted(self.weights)}")
            say()
            if self._heard != before:
                return

    # ------------------------------------------------------------ buyers
    def _buy(self) -> None:
        listing = self._one("listing", "active")
        if listing is None:
            return
        self._buy_one(listing, self._chance.pick(BUYERS))

    def _look(self) -> None:
        """A buyer looks at a listing and its price, and may buy it much later."""
        if (listing := self._one("listing", "active")) is not None:
            listing_id = ListingId(listing["id"])

            def look(_uow: UnitOfWork) -> object:
                quote = get_quote(reader=self._run.reader, principal=Principal(), listing_id=listing_id, country="GB")
                self._quotes[listing_id] = quote
                return quote

            self._say(f"somebody looks at {listing_id}", look)

    def _hoard(self) -> None:
        """A buyer reserves whatever is on sale."""
        buyer = self._chance.pick(BUYERS)
        for listing in self._watch.all("listing", "active"):
            self._buy_one(listing, buyer)

    def _buy_one(self, listing: Doc, buyer: Shopper) -> None:
        self._said += 1
        new = NewOrder(listing_id=ListingId(listing["id"]), shipping_address=ADDRESS, payment_token="tok_ok")
        quote = self._quotes.get(listing["id"])
        if quote is not None:
            total = ExpectedTotal(quote.amounts.grand_total, quote.amounts.currency)
            version = quote.listing_version if self._chance.happens(0.3) else None
            new = msgspec.structs.replace(new, expected_total=total, listing_version=version)
        key = command_key(caller=buyer.subject, command="submit_order", client_key=str(self._said), body=b"{}")

        def buy(uow: UnitOfWork) -> object:
            known = find_replayed_entity(reader=self._run.reader, key=key)
            order_id = known or submit_order(uow, shopper=buyer, new=new).id
            if new.expected_total is not None:
                self.agreed[order_id] = new.expected_total.amount
            return order_id

        self._say(f"{buyer.subject} buys {listing['id']}", buy, key=key)

    def _confirm_receipt(self) -> None:
        if (order := self._one("order", _S.DELIVERED, _S.SHIPPED)) is not None:
            buyer, order_id = _principal(order["buyer_id"]), OrderId(order["id"])
            self._say(
                f"buyer confirms {order_id}", lambda uow: confirm_receipt(uow, order_id=order_id), principal=buyer
            )

    def _open_claim(self) -> None:
        if (order := self._one("order", _S.DELIVERED)) is not None:
            buyer, order_id = _principal(order["buyer_id"]), OrderId(order["id"])
            new = NewClaim(reason=self._chance.pick(tuple(ClaimReason)), description="Something is wrong.")
            self._say(
                f"buyer claims {order_id} {new.reason}",
                lambda uow: open_claim(uow, order_id=order_id, new=new),
                principal=buyer,
            )

    def _withdraw_claim(self) -> None:
        if (claim := self._one("claim", *_OPEN_CLAIMS)) is not None:
            buyer, claim_id = _principal(claim["buyer_id"]), ClaimId(claim["id"])
            self._say(
                f"buyer withdraws {claim_id}", lambda uow: withdraw_claim(uow, claim_id=claim_id), principal=buyer
            )

    def _correct_address(self) -> None:
        if (order := self._one("order", _S.SUBMITTED, _S.PAYMENT_PENDING, _S.CONFIRMED)) is not None:
            who = self._chance.pick((("buyer", _principal(order["buyer_id"])), ("brand", BRAND)))
            order_id, line1 = OrderId(order["id"]), f"{self._chance.between(1, 9)} Test Street"
            address = msgspec.structs.replace(ADDRESS, line1=line1)
            self._say(
                f"{who[0]} corrects the address of {order_id}",
                lambda uow: correct_address(uow, order_id=order_id, address=address),
                principal=who[1],
            )

    # ------------------------------------------------------------ sellers
    def _request_label(self) -> None:
        if (order := self._one("order", _S.CONFIRMED)) is not None:
            seller, order_id = _principal(order["seller_id"]), OrderId(order["id"])
            ship_from = ADDRESS if self._chance.happens(0.6) else None
            self._say(
                f"seller wants a label for {order_id}",
                lambda uow: request_label(uow, order_id=order_id, ship_from=ship_from),
                principal=seller,
            )

    def _edit_seller(self) -> None:
        seller = self._chance.pick(SELLERS)
        edit = self._chance.pick(
            (
                SellerEdit(payout_destination=f"acct_{self._chance.between(100, 999)}"),
                SellerEdit(payout_method=PayoutMethod.STORE_CREDIT),
                SellerEdit(payout_method=PayoutMethod.CASH),
                SellerEdit(ship_from=ADDRESS),
            )
        )
        self._say(f"{seller.subject} edits {edit}", lambda uow: edit_seller(uow, shopper=seller, edit=edit))

    def _pay_out(self) -> None:
        seller, self._said = self._chance.pick(SELLERS), self._said + 1
        seller_id = SellerId(seller_id_of(seller.new_id))
        method = self._chance.pick((None, PayoutMethod.CASH, PayoutMethod.STORE_CREDIT))
        key = command_key(caller=seller.subject, command="start_payout", client_key=str(self._said), body=b"{}")

        def pay_out(uow: UnitOfWork) -> object:
            known = find_replayed_entity(reader=self._run.reader, key=key)
            return known or start_payout(uow, seller_id=seller_id, method=method)

        self._say(f"{seller.subject} wants to be paid by {method}", pay_out, key=key)

    def _cancel_payout(self) -> None:
        if (payout := self._one("payout", "pending")) is not None:
            who = self._chance.pick((("seller", _principal(payout["seller_id"])), ("brand", BRAND)))
            payout_id = PayoutId(payout["id"])
            self._say(
                f"{who[0]} cancels {payout_id}", lambda uow: cancel_payout(uow, payout_id=payout_id), principal=who[1]
            )

    def _relist(self) -> None:
        if (listing := self._came_back()) is not None:
            seller, listing_id = _principal(listing["seller_id"]), ListingId(listing["id"])
            self._say(
                f"seller relists {listing_id}", lambda uow: relist_listing(uow, listing_id=listing_id), principal=seller
            )

    def _list_unit(self) -> None:
        """A seller lists what they bought once; what a draft's photos are is not played here."""
        if (purchase := self._one("purchase")) is None:
            return
        owners = [one for one in SELLERS if self._anyway or one.new_id == purchase["customer_id"]]
        seller, self._said = self._chance.pick(owners), self._said + 1
        new = NewListing(
            title=f"Coat {self._said}",
            product=purchase["product"],
            condition=Condition.GOOD,
            price=self._price(),
            images=(),
            purchase_id=PurchaseId(purchase["id"]),
        )
        key = command_key(caller=seller.subject, command="create_listing", client_key=str(self._said), body=b"{}")

        def list_unit(uow: UnitOfWork) -> object:
            known = find_replayed_entity(reader=self._run.reader, key=key)
            return known or create_listing(uow, shopper=seller, new=new)

        self._say(f"{seller.subject} lists a unit of {purchase['id']}", list_unit, key=key)

    def _price(self) -> PriceInput:
        amount = price_in(self._run.rules, self._chance.between(30, 20_000))
        return PriceInput(amount=amount, currency=self._run.tenant.currency)

    def _submit(self) -> None:
        if (listing := self._one("listing", "draft")) is not None:
            listing_id = ListingId(listing["id"])
            self._say(f"seller submits {listing_id}", lambda uow: _submit_draft(uow, listing_id=listing_id))

    def _change_listing(self) -> None:
        if (listing := self._one("listing", "active", "paused", "draft", "pending_review", "expired")) is not None:
            seller, listing_id = _principal(listing["seller_id"]), ListingId(listing["id"])
            edit, withdraws = self._an_edit(), self._chance.happens(0.2)

            def change(uow: UnitOfWork) -> object:
                if withdraws:
                    return withdraw_listing(uow, listing_id=listing_id)
                return edit_listing(uow, listing_id=listing_id, edit=edit)

            self._say(f"seller {'withdraws' if withdraws else 'edits'} {listing_id}", change, principal=seller)

    def _an_edit(self) -> ListingEdit:
        """Another title, or another price than a buyer may have seen."""
        if self._chance.happens(0.5):
            return ListingEdit(price=self._price())
        return ListingEdit(title=f"Coat {self._chance.between(1, 99)}")

    def _submit_again(self) -> None:
        if (listing := self._one("listing", "expired")) is not None:
            seller, listing_id = _principal(listing["seller_id"]), ListingId(listing["id"])
            self._say(
                f"seller submits {listing_id} again",
                lambda uow: submit_listing(uow, listing_id=listing_id),
                principal=seller,
            )

    # ------------------------------------------------------------ the brand, and either party
    def _pause(self) -> None:
        if (listing := self._one("listing", "active", "reserved")) is not None:
            who, listing_id = self._seller_or_brand(listing), ListingId(listing["id"])
            self._say(
                f"{who[0]} pauses {listing_id}", lambda uow: pause_listing(uow, listing_id=listing_id), principal=who[1]
            )

    def _resume(self) -> None:
        if (listing := self._one("listing", "paused")) is not None:
            who, listing_id = self._seller_or_brand(listing), ListingId(listing["id"])
            self._say(
                f"{who[0]} resumes {listing_id}",
                lambda uow: resume_listing(uow, listing_id=listing_id),
                principal=who[1],
            )

    def _remove(self) -> None:
        if (listing := self._one("listing", "active", "paused", "pending_review", "reserved")) is not None:
            listing_id = ListingId(listing["id"])
            removal = Moderation(decision=Decision.REMOVE, reasons=("It is a copy.",))
            self._say(
                f"brand takes {listing_id} down",
                lambda uow: moderate_listing(uow, listing_id=listing_id, moderation=removal),
                principal=BRAND,
            )

    def _cancel(self) -> None:
        order = self._one("order", _S.SUBMITTED, _S.PAYMENT_PENDING, _S.CONFIRMED, _S.AWAITING_SHIPMENT)
        if order is not None:
            who, order_id = self._anybody(order), OrderId(order["id"])
            self._say(
                f"{who[0]} cancels {order_id}", lambda uow: cancel_order(uow, order_id=order_id), principal=who[1]
            )

    def _approve(self) -> None:
        if (listing := self._one("listing", "pending_review")) is not None:
            listing_id, approve = ListingId(listing["id"]), Moderation(decision=Decision.APPROVE)
            self._say(
                f"brand approves {listing_id}",
                lambda uow: moderate_listing(uow, listing_id=listing_id, moderation=approve),
                principal=BRAND,
            )

    def _reject(self) -> None:
        if (listing := self._one("listing", "pending_review")) is not None:
            listing_id, reject = ListingId(listing["id"]), Moderation(decision=Decision.REJECT)
            self._say(
                f"brand rejects {listing_id}",
                lambda uow: moderate_listing(uow, listing_id=listing_id, moderation=reject),
                principal=BRAND,
            )

    def _say_anew(self) -> None:
        """The brand says a purchase again, sometimes of fewer units than are listed."""
        if (purchase := self._one("purchase")) is not None:
            quantity, line = self._chance.between(1, 3), purchase["line"]
            (owner,) = (one for one in SELLERS if one.new_id == purchase["customer_id"])
            self._say(
                f"brand says {purchase['id']} has {quantity}",
                lambda uow: record_purchase(
                    uow, source="web", line=line, new=a_past_purchase(owner, quantity=quantity)
                ),
                principal=BRAND,
            )

    def _resolve_claim(self) -> None:
        claim = self._one("claim", *_UNDECIDED)
        if claim is None:
            return
        claim_id, verdict = ClaimId(claim["id"]), self._chance.pick(tuple(Verdict))
        order = self._watch.latest[claim["order_id"]]
        part = part_in(self._run.rules, self._chance.between(1, order["amounts"]["grand_total"]))
        in_part = verdict == Verdict.APPROVE_WITHOUT_RETURN and self._chance.happens(0.5)
        resolution = Resolution(decision=verdict, note="So be it.", **({"refund_amount": part} if in_part else {}))
        self._say(
            f"brand decides {claim_id} {verdict} {part if in_part else ''}",
            lambda uow: resolve_claim(uow, claim_id=claim_id, resolution=resolution),
            principal=BRAND,
        )

    def _refund(self) -> None:
        order = self._one("order", _S.SHIPPED, _S.DELIVERED, _S.COMPLETED)
        if order is None:
            return
        total = order["amounts"]["grand_total"]
        self._refund_order(order, None if self._chance.happens(0.35) else self._chance.between(1, max(1, total // 2)))

    def _refund_order(self, order: Doc, amount: int | None) -> None:
        self._said += 1
        key = command_key(caller="brand", command="refund_order", client_key=str(self._said), body=b"{}")
        if amount is not None and not self._anyway:  # else the platform has to refuse what the bank cannot carry
            amount = part_in(self._run.rules, amount)
        new = NewRefund(order_id=OrderId(order["id"]), amount=amount)

        def refund(uow: UnitOfWork) -> object:
            known = find_replayed_entity(reader=self._run.reader, key=key)
            return known or refund_order(uow, new=new)

        self._say(f"brand refunds {order['id']} {amount}", refund, principal=BRAND, key=key)

    def _report_parcel(self) -> None:
        """A seller who ships by a carrier of their own: the brand tells of the parcel."""
        if (order := self._one("order", _S.CONFIRMED, _S.SHIPPED, _S.CANCELLING)) is not None:
            status = self._chance.pick((ShipmentStatus.IN_TRANSIT, ShipmentStatus.DELIVERED, ShipmentStatus.FAILURE))
            event = TrackingEvent(id=self._chance.new_id("own"), status=status, occurred_at=self._run.now)
            order_id = OrderId(order["id"])
            self._say(
                f"brand reports {order_id} {status}",
                lambda uow: record_tracking(uow, order_id=order_id, events=(event,)),
            )

    def _decide(self) -> None:
        self.staff.decide()

    def settle_differences(self) -> None:
        """Staff decide what became of payments of which only a part was captured: the orders are cancelled."""
        for order in self._watch.all("order", _S.PAYMENT_PENDING):
            if "amount_mismatch" in order["issues"] and not order["cancel_requested"]:
                order_id = OrderId(order["id"])
                cancel = partial(cancel_order, order_id=order_id)
                self._say(f"staff cancel {order_id}, which was paid in part", cancel, principal=BRAND)

    # ------------------------------------------------------------ inside
    def _one(self, kind: str, *statuses: str) -> Doc | None:
        """Somebody's thing in a fitting state; any, where it need not fit."""
        found = self._watch.all(kind) if self._anyway else self._watch.all(kind, *statuses)
        return self._chance.pick(found) if found else None

    def _came_back(self) -> Doc | None:
        """A sold listing whose order was given back, or any."""
        sold = self._watch.all("listing", "sold")
        back = [one for one in sold if self._watch.latest[one["order_id"]]["status"] in OVER]
        found = sold if self._anyway else back
        return self._chance.pick(found) if found else None

    def _seller_or_brand(self, listing: Doc) -> tuple[str, Principal]:
        return self._chance.pick((("seller", _principal(listing["seller_id"])), ("brand", BRAND)))

    def _anybody(self, order: Doc) -> tuple[str, Principal]:
        return self._chance.pick(
            (
                ("buyer", _principal(order["buyer_id"])),
                ("seller", _principal(order["seller_id"])),
                ("brand", BRAND),
            )
        )

    def _say(self, what: str, said: Said, *, principal: Principal | None = None, key: CommandKey | None = None) -> None:
        """Say it; whose response never came says it again, at once or later."""
        self._heard += 1
        hear = partial(self._run.hear, said=said, principal=principal, key=key)
        if hear(what):
            return
        if self._chance.happens(0.7):
            again = timedelta(seconds=self._chance.between(0, 120))
            self._run.agenda.add(f"again: {what}", lambda: hear(f"again: {what}"), after=again)


def a_past_purchase(owner: Shopper, *, quantity: int) -> NewPurchase:
    """What a brand says of something that a seller bought long ago."""
    return NewPurchase(
        customer=PurchaseCustomer(subject=owner.subject),
        product="jacket-01",
        title="Coat",
        quantity=quantity,
        purchased_at=NOW - timedelta(days=300),
    )


def _submit_draft(uow: UnitOfWork, *, listing_id: ListingId) -> None:
    """Submit a draft as if its photos were ready."""
    draft = uow.listings.get(listing_id)
    if draft.status == ListingStatus.DRAFT:
        photos = (a_photo(),)
        submitted = transition_listing(
            msgspec.structs.replace(draft, photos=photos, submitted_at=uow.now), ListingCommand.SUBMIT, now=uow.now
        )
        uow.listings.save(submitted, change_type=ChangeType.LISTING_SUBMITTED)
        uow.commit()


def _principal(customer_id: str) -> Principal:
    return Principal(customer_id=CustomerId(customer_id))
