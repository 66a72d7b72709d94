"""What holds after every run, whatever happened in it: a named check each, over what the run left behind.

Four more are watched while a run plays: ``one_buyer_per_item``, ``one_listing_per_item``, ``units_not_oversold`` and
``transfer_after_completion`` (``watching.py``); and ``nothing_breaks`` and ``comes_to_rest`` are the run's own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import msgspec

from resale.application.queries.history import verify_history
from resale.domain import ledger, payout_ledger
from resale.domain.account_movements import MovementKind
from resale.domain.accounts import CARRIER_CLAIMS, DISPUTE_FEES, LOST_PARCELS, PROVIDER_FEES, find_account
from resale.domain.amount_rules import rules_of
from resale.domain.claims import CLAIMS, ClaimStatus
from resale.domain.commissions import CommissionRecognition, included_vat
from resale.domain.compensations import CarrierClaimStatus
from resale.domain.ids import CLAIM_ID
from resale.domain.inbound import InboundStatus
from resale.domain.issues import Issue
from resale.domain.listings import LISTINGS, RUNS_OUT, Listing, ListingStatus
from resale.domain.order_states import ORDERS
from resale.domain.orders import Order, OrderStatus
from resale.domain.parcel_news import PARCEL_ISSUES, RETURN_ISSUES
from resale.domain.partners import Provider
from resale.domain.payment_reviews import find_dispute
from resale.domain.payments import DISPUTES, PAYMENTS, RefundState
from resale.domain.payout_failures import FailureCause, cause_of
from resale.domain.payouts import PAYOUTS, PayoutMethod, PayoutStatus
from resale.domain.reasons import ReasonCode
from resale.domain.sellers import seller_id_of
from resale.domain.shipments import SHIPMENTS
from resale.domain.transfers import TRANSFERS, TransferStatus
from resale.domain.trial_balances import LedgerSums
from tests.simulation.evidence import Evidence, evidence_of
from tests.simulation.parcels import find_holder
from tests.simulation.prices import charged_as_agreed, holds_are_released, parts_are_the_total

if TYPE_CHECKING:
    from tests.simulation.run import Run

Check = Callable[[Evidence], Iterator[str]]

_S = OrderStatus
_EARNED = frozenset({TransferStatus.AVAILABLE, TransferStatus.SETTLED})
_TOLD_OF_MONEY = (Issue.CHARGED_BACK, Issue.DISPUTE_OPEN, Issue.REFUNDED_AT_PROVIDER)
_TELLING = frozenset({*PARCEL_ISSUES, *RETURN_ISSUES, *_TOLD_OF_MONEY})
_AT_REST = frozenset({_S.CANCELLED, _S.COMPLETED, _S.REFUNDED})
_PAYOUTS_AT_REST = PAYOUTS.final | {PayoutStatus.PAID}


# ---------------------------------------------------------------- the buyers' money
def single_charge(seen: Evidence) -> Iterator[str]:
    """The provider captured the amount of an order once, and in full; a part of it only if the order was cancelled."""
    for order in seen.orders:
        taken = seen.bank.taken_of(order.id)
        if len(taken) > 1:
            yield f"{order.id} was charged {len(taken)} times"
        is_part = order.status == _S.CANCELLED and order.payment is not None
        if taken and taken[0].amount != order.amounts.grand_total and not is_part:
            yield f"{order.id} was charged {taken[0].amount} and costs {order.amounts.grand_total}"


def charged_is_known(seen: Evidence) -> Iterator[str]:
    """The captured and refunded amounts of an order are those of the provider."""
    for order in seen.orders:
        taken = seen.bank.taken_of(order.id)
        payment = order.payment
        captured, refunded = (0, 0) if payment is None else (payment.captured_minor, payment.refunded_minor)
        back = sum(one.back for one in taken)
        if (captured, refunded) != (sum(one.amount for one in taken), back):
            yield f"{order.id}: {captured} - {refunded} here, {sum(one.amount for one in taken)} - {back} there"


def never_more_back(seen: Evidence) -> Iterator[str]:
    """Refunds and chargebacks together never exceed the captured amount."""
    for order in seen.orders:
        given = sum(refund.amount for refund in order.refunds if refund.status == RefundState.SUCCEEDED)
        captured = 0 if order.payment is None else order.payment.captured_minor
        if given > captured:
            yield f"{order.id}: {given} of {captured} went back"
    for taken in seen.bank.captures:
        if taken.left < 0:
            yield f"{taken.order_id}: the provider gave {-taken.left} too much"


def nothing_kept(seen: Evidence) -> Iterator[str]:
    """A buyer without an item pays nothing: a cancelled order is fully refunded, and no authorisation remains."""
    for order in seen.orders:
        is_earned = order.completed_at is not None and any(
            one.status == RefundState.REINSTATED for one in order.refunds
        )
        if order.status in {_S.CANCELLED, _S.REFUNDED} and order.remaining_minor and not is_earned:
            yield f"{order.id} is {order.status} and {order.remaining_minor} was kept"
    yield from (f"{order_id}: money is still set aside" for order_id in seen.bank.set_aside())


def refunded_as_promised(seen: Evidence) -> Iterator[str]:
    """A claim with the status refunded refunded the decided amount."""
    orders = {order.id: order for order in seen.orders}
    for claim in seen.claims:
        order = orders[claim.order_id]
        if claim.status == ClaimStatus.REFUNDED and claim.refund_amount and order.payment is not None:
            promised = min(claim.refund_amount, order.payment.captured_minor)
            if order.payment.refunded_minor < promised:
                yield f"{claim.id}: {order.payment.refunded_minor} of {promised} went back"


def strangers_are_ignored(seen: Evidence) -> Iterator[str]:
    """An event of an account or a mode that its subject does not belong to is ignored, with a reason."""
    for event in seen.inbound:
        is_strange = event.provider_event_kind.startswith("stranger.")
        if is_strange and (event.status != InboundStatus.IGNORED or event.reason_code is None):
            yield f"{event.id} {event.provider_event_kind} is {event.status}: {event.reason_code}"


# ---------------------------------------------------------------- the ledger
def ledger_balances(seen: Evidence) -> Iterator[str]:
    """Every transaction sums to zero, and so does the ledger."""
    sums: dict[str, int] = {}
    for entry in seen.entries:
        sums[entry.transaction_id] = sums.get(entry.transaction_id, 0) + entry.amount
    yield from (f"{transaction} sums to {total}" for transaction, total in sums.items() if total)
    if total := sum(sums.values()):
        yield f"the ledger sums to {total}"


def ledger_is_the_banks(seen: Evidence) -> Iterator[str]:
    """The provider's account in the ledger equals the balance at the provider."""
    booked = seen.balance(ledger.PROVIDER)
    if booked != seen.bank.net:
        yield f"{booked} is booked, the provider holds {seen.bank.net}"


def fees_are_the_banks(seen: Evidence) -> Iterator[str]:
    """The fees in the ledger are those that the provider deducted, once each."""
    for account, kind in ((PROVIDER_FEES, MovementKind.FEE), (DISPUTE_FEES, MovementKind.DISPUTE_FEE)):
        deducted = sum(one.amount for one in seen.bank.movements if one.kind == kind)
        if seen.balance(account) != deducted:
            yield f"{account} is {seen.balance(account)} in the ledger, the provider deducted {deducted}"


def trial_balance_is_zero(seen: Evidence) -> Iterator[str]:
    """Debits and credits of all accounts are equal, and every entry is on an account of the chart."""
    sums = LedgerSums()
    sums.add(sorted(seen.entries, key=lambda entry: entry.transaction_id))
    yield from (f"{one} is not balanced" for one in sums.unbalanced)
    for currency in sums.currencies:
        if difference := sums.total(currency).balance:
            yield f"{currency} differs by {difference}"
        for account, _ in sums.accounts(currency):
            if find_account(account.name) is None:
                yield f"{account.name} is not in the chart of accounts"


def ledger_is_the_carriers(seen: Evidence) -> Iterator[str]:
    """The carriers' account in the ledger equals the carriers' own records of labels."""
    booked: dict[str, int] = {}
    for entry in seen.entries:
        if entry.account == ledger.CARRIERS:
            booked[entry.source_id] = booked.get(entry.source_id, 0) - entry.amount
    asked = seen.post.owed_for_orders()
    for order_id in booked.keys() | asked.keys():
        if booked.get(order_id, 0) != asked.get(order_id, 0):
            yield f"{order_id}: {booked.get(order_id, 0)} is booked, the carrier asks for {asked.get(order_id, 0)}"
    if seen.balance(ledger.LABELS) != -seen.balance(ledger.CARRIERS) + sum(seen.post.credited.values()):
        yield "what labels cost is not what carriers are owed"


def ledger_is_the_orders(seen: Evidence) -> Iterator[str]:
    """Commission, its VAT, shipping and tax in the ledger equal those of the orders minus refunds; none is pending."""
    expected = dict.fromkeys((ledger.COMMISSION, ledger.VAT_ON_COMMISSION, ledger.SHIPPING, ledger.TAX), 0)
    for order in seen.orders:
        if order.payment is not None and order.payment.captured_minor:
            left = ledger.parts_left(order)
            vat = included_vat(left.commission, order.commission_posting.vat_basis_points)
            expected[ledger.COMMISSION] += left.commission - vat
            expected[ledger.VAT_ON_COMMISSION] += vat
            expected[ledger.SHIPPING] += left.shipping
            expected[ledger.TAX] += left.tax
    for account, amount in expected.items():
        if -seen.balance(account) != amount:
            yield f"{account} is {-seen.balance(account)} in the ledger and {amount} by the orders"
    for account in (ledger.SELLERS_PENDING, ledger.COMMISSION_DEFERRED, ledger.PAYOUTS_IN_TRANSIT):
        if seen.balance(account):
            yield f"{account} is {seen.balance(account)} and nothing is under way"


def commission_when_earned(seen: Evidence) -> Iterator[str]:
    """Commission is no income before its sale is completed, where the shop defers it until then."""
    completed = {order.id for order in seen.orders if order.completed_at is not None}
    deferring = {
        order.id for order in seen.orders if order.commission_posting.recognition == CommissionRecognition.AT_COMPLETION
    }
    for entry in seen.entries:
        is_early = entry.source_id in deferring and (entry.source_id not in completed or entry.step == "captured")
        if is_early and entry.account in {ledger.COMMISSION, ledger.VAT_ON_COMMISSION}:
            yield f"{entry.source_id}: {entry.amount} on {entry.account} by {entry.step}"


def commission_in_proportion(seen: Evidence) -> Iterator[str]:
    """Each refund reverses commission at the rate of the sale, within what the seller's share is rounded to.

    A refund that was returned is posted anew with what the later ones left, so each such refund adds one rounding.
    """
    for order in seen.orders:
        given = [refund for refund in order.refunds if refund.status == RefundState.SUCCEEDED]
        amount = commission = 0
        roundings = 1 + sum(refund.tries > 1 for refund in order.refunds)
        for refund in given:
            parts = refund.parts
            if parts.seller + parts.commission + parts.shipping + parts.tax != refund.amount:
                yield f"{refund.id}: its parts do not sum to {refund.amount}"
            total = order.amounts.grand_total
            amount, commission = amount + refund.amount, commission + parts.commission
            if abs(commission * total - amount * order.commission.amount) > total * order.commission.unit * roundings:
                yield f"{refund.id}: {commission} of commission for {amount} of {total} by now"


# ---------------------------------------------------------------- the sellers' money
def seller_balances(seen: Evidence) -> Iterator[str]:
    """A seller's balance is their open transfers and what is carried over, and their account in the ledger."""
    known = {seller.customer_id: seller for seller in seen.sellers}
    for customer_id in {transfer.seller_id for transfer in seen.transfers} | known.keys():
        transfers = [one for one in seen.transfers if one.seller_id == customer_id]
        open_sum = sum(one.amount for one in transfers if one.status == TransferStatus.AVAILABLE)
        seller = known.get(customer_id)
        balance, carried = (0, 0) if seller is None else (seller.available, seller.carried)
        booked = -seen.balance(ledger.seller_account(customer_id))
        if not balance == open_sum + carried == booked:
            yield f"{seller_id_of(customer_id)}: balance {balance}, transfers {open_sum} + {carried}, ledger {booked}"
    for seller in seen.sellers:
        if seller.frozen:
            yield f"{seller.id}: {seller.frozen} is frozen, and nothing is left to decide"


def earned_is_owed(seen: Evidence) -> Iterator[str]:
    """The transfers of an order sum to the seller's share of what was not refunded, and their compensation."""
    for order in seen.orders:
        transfers = [one for one in seen.transfers if one.order_id == order.id]
        earned = sum(one.amount for one in transfers if one.status != TransferStatus.REVERSED)
        captured = order.payment is not None and order.payment.captured_minor
        owed = ledger.parts_left(order).seller if captured else 0
        owed += 0 if order.compensation is None else order.compensation.amount
        if earned != owed:
            yield f"{order.id} earns {earned}, and should earn {owed}"


def payouts_add_up(seen: Evidence) -> Iterator[str]:
    """A payout is the sum of its transfers and of what is carried over, and each transfer is paid once."""
    settled = {one.id: one for one in seen.transfers if one.status == TransferStatus.SETTLED}
    paid_by: dict[str, str] = {}
    for payout in seen.payouts:
        if payout.status != PayoutStatus.PAID:
            continue
        ids = [transfer_id for _, transfer_id in payout.transfers]
        if any(one not in settled or settled[one].payout_id != payout.id for one in ids):
            yield f"{payout.id} is paid, its transfers are not settled by it"
        elif sum(settled[one].amount for one in ids) + payout.carried != payout.amount:
            yield f"{payout.id} is {payout.amount}, its transfers are not"
        yield from (f"{one} is paid by {payout.id} and {paid_by[one]}" for one in ids if one in paid_by)
        paid_by.update(dict.fromkeys(ids, payout.id))
    yield from (f"{one} is settled and no payout holds it" for one in settled.keys() - paid_by.keys())


def payouts_are_payable(seen: Evidence) -> Iterator[str]:
    """No payout is sent in an amount that the provider cannot pay, or with a sale whose delay is not over."""
    yield from (f"{payout_id} cannot be paid by the provider" for payout_id in sorted(seen.bank.unpayable))
    transfers = {one.id: one for one in seen.transfers}
    for payout in seen.payouts:
        for _, transfer_id in payout.transfers:
            payable_on = transfers[transfer_id].available_on
            if payable_on is not None and payout.created_at < payable_on:
                yield f"{payout.id} pays {transfer_id} before {payable_on}"


def no_seller_is_blamed(seen: Evidence) -> Iterator[str]:
    """A payout destination is cleared only after the seller's account has failed, and others are retried."""
    causes: dict[str, set[FailureCause]] = {}
    for payout in seen.payouts:
        if payout.failure_code is not None and payout.destination is not None:
            causes.setdefault(payout.destination, set()).add(cause_of(payout.failure_code))
    for seller in seen.sellers:
        for before, after in pairwise(seen.history.get(seller.id, ())):
            cleared, left = before.doc["payout_destination"], after.doc["payout_destination"]
            if left is None and cleared is not None and FailureCause.SELLER_ACCOUNT not in causes.get(cleared, ()):
                yield f"{seller.id} lost {cleared} for a failure of another's"


def store_credit_matches(seen: Evidence) -> Iterator[str]:
    """A seller's store credit equals the payouts to it with bonuses, minus netted debts, there and in the ledger."""
    for seller in seen.sellers:
        paid = sum(
            payout.amount + payout.bonus
            for payout in seen.payouts
            if payout.seller_id == seller.customer_id and payout.method == PayoutMethod.STORE_CREDIT
        )
        account = ledger.store_credit_account(seller.customer_id)
        netted = sum(
            entry.amount
            for entry in seen.entries
            if entry.account == account and entry.step.startswith(payout_ledger.STORE_CREDIT_NETTED)
        )
        booked = -seen.balance(account)
        if not seller.store_credit == paid - netted == booked:
            yield f"{seller.id}: credit {seller.store_credit}, paid out {paid} - {netted}, ledger {booked}"
        if seller.available < 0 < seller.store_credit - seller.store_credit_bonus:
            yield f"{seller.id} owes {-seller.available} and has {seller.store_credit} of store credit"
    if (bonuses := seen.balance(ledger.BONUSES)) != sum(seller.store_credit_bonus for seller in seen.sellers):
        yield f"{bonuses} of bonuses are an expense and not on the accounts"


def losses_are_posted(seen: Evidence) -> Iterator[str]:
    """Compensations are open claims on carriers, or what carriers paid, or an expense."""
    claimed = lost = 0
    for order in seen.orders:
        paid = order.compensation
        if paid is None:
            continue
        claim = paid.carrier_claim
        if claim is None:
            lost += paid.amount
        elif claim.status == CarrierClaimStatus.OPEN:
            claimed += claim.amount
        else:
            lost += claim.amount - claim.paid_amount
    for account, amount in ((CARRIER_CLAIMS, claimed), (LOST_PARCELS, lost)):
        if seen.balance(account) != amount:
            yield f"{account} is {seen.balance(account)} in the ledger and {amount} by the orders"


# ---------------------------------------------------------------- parcels
def no_one_has_both(seen: Evidence) -> Iterator[str]:
    """Nobody ends with item and money without an issue for staff, or a decision of theirs."""
    claims = {claim.order_id: claim for claim in seen.claims}
    for order in seen.orders:
        if order.shipment is None or order.payment is None or not order.payment.captured_minor:
            continue
        holder = find_holder(order, claims.get(order.id))
        earned = sum(one.amount for one in seen.transfers if one.order_id == order.id and one.status in _EARNED)
        has_both = (holder == "buyer" and not order.remaining_minor) or (holder == "seller" and earned > 0)
        if has_both and not _was_decided(order) and not _was_told(seen, order):
            yield f"{order.id} is {order.status}, the {holder} has item and money, and nobody was told"


def _was_decided(order: Order) -> bool:
    """Whether staff refunded it, or accepted a claim without a return."""
    return any(refund.reason_code == ReasonCode.GOODWILL or _is_kept(refund.reason_code) for refund in order.refunds)


def _is_kept(reason: str) -> bool:
    return reason.startswith("claim_")


def _was_told(seen: Evidence, order: Order) -> bool:
    ids = {order.id, CLAIM_ID.sibling_of(order.id)}
    issues = {issue for one in ids for row in seen.history.get(one, ()) for issue in row.doc.get("issues", ())}
    return not issues.isdisjoint(_TELLING)


# ---------------------------------------------------------------- the workflow
def everything_rests(seen: Evidence) -> Iterator[str]:
    """Every order, claim, payout, transfer and listing has a final or resting status, and none waits for anything."""
    yield from (f"{one.id} is {one.status}" for one in seen.orders if one.status not in _AT_REST)
    yield from (f"{one.id} is {one.status}" for one in seen.claims if one.status not in CLAIMS.final)
    yield from (f"{one.id} is {one.status}" for one in seen.payouts if one.status not in _PAYOUTS_AT_REST)
    yield from (f"{one.id} is held" for one in seen.transfers if one.status == TransferStatus.HELD)
    yield from (f"{one.id} is {one.status}" for one in seen.listings if not _rests(one))
    for seller in seen.sellers:
        if seller.can_be_paid and _payable(msgspec.to_builtins(seller)):
            yield f"{seller.id} could be paid {seller.available} and nothing wakes them"
    for order in seen.orders:
        if order.pending_refund is not None or order.failed_refund is not None:
            yield f"{order.id} has a refund that is not done"
        if order.is_money_held:
            yield f"{order.id} has a dispute or a refund that is not known to be over"


def waiting_is_data(seen: Evidence) -> Iterator[str]:
    """Every version of a waiting object has a wake-up time."""
    for rows in seen.history.values():
        for row in rows:
            if _waits(row.doc) and row.doc.get("due_at") is None:
                yield f"{row.entity_id} version {row.version} ({row.change['type']}) waits for nobody"


def disputes_are_known(seen: Evidence) -> Iterator[str]:
    """A dispute has the same result here and at the provider."""
    orders = {order.id: order for order in seen.orders}
    for taken in seen.bank.captures:
        order = orders.get(taken.order_id)  # type: ignore[call-overload]  # an id of ours
        for there in () if order is None else taken.disputes.values():
            here = find_dispute(order, there.provider_reference)
            if here is None or here.status != there.status:
                yield f"{order.id}: the dispute is {here} here and {there.status} there"


def history_verifies(seen: Evidence) -> Iterator[str]:
    """The history of every object is complete and unedited."""
    reader = seen.reader()
    for entity_id, parent_id in seen.parents.items():
        found = verify_history(reader=reader, entity_id=entity_id, parent_id=parent_id)
        if not found.verified:
            yield f"{entity_id}: {[(one.version, str(one.fault)) for one in found.findings]}"


def moves_are_rows(seen: Evidence) -> Iterator[str]:
    """Every change of a status in the history is a row of its state table."""
    for rows in seen.history.values():
        for before, after in pairwise(rows):
            for name, old, new in _moves(before.doc, after.doc):
                if old != new and new not in _REACHED[name].get(old, ()):
                    yield f"{after.entity_id} version {after.version}: {name} went from {old} to {new}"


def no_dead_letters(seen: Evidence) -> Iterator[str]:
    """No message became a dead letter."""
    yield from (f"{url.rsplit('/', 1)[-1]}: {one.body}" for url, kept in seen.dead.items() for one in kept)


CHECKS: Final[tuple[Check, ...]] = (
    single_charge,
    charged_is_known,
    never_more_back,
    nothing_kept,
    refunded_as_promised,
    strangers_are_ignored,
    ledger_balances,
    ledger_is_the_banks,
    fees_are_the_banks,
    trial_balance_is_zero,
    ledger_is_the_carriers,
    ledger_is_the_orders,
    commission_when_earned,
    commission_in_proportion,
    seller_balances,
    earned_is_owed,
    payouts_add_up,
    payouts_are_payable,
    no_seller_is_blamed,
    store_credit_matches,
    losses_are_posted,
    no_one_has_both,
    everything_rests,
    waiting_is_data,
    disputes_are_known,
    history_verifies,
    moves_are_rows,
    no_dead_letters,
    charged_as_agreed,
    parts_are_the_total,
    holds_are_released,
)
#: Checks that the run itself makes, and what they say.
OWN_CHECKS: Final[Mapping[str, str]] = {
    "one_buyer_per_item": "No item is sold to two buyers at the same time.",
    "one_listing_per_item": "No item is on sale twice at the same time.",
    "holds_bounded": "No buyer ever has more unpaid orders than the shop permits, until a day after their time to pay.",
    "transfer_after_completion": "No transfer is available before its order is completed.",
    "units_not_oversold": (
        "Never more units of a purchase are listed or sold than were bought, and the purchase has the right count."
    ),
    "disputed_is_not_paid_out": "No payout takes what a sale earned whose payment is disputed.",
    "nothing_breaks": "No step ends in an unexpected exception.",
    "comes_to_rest": "At the end nothing waits any more.",
}


def check_all(run: "Run") -> list[tuple[str, str]]:
    """Say what does not hold, by check."""
    seen = evidence_of(run)
    return [(check.__name__, found) for check in CHECKS for found in check(seen)]


def _rests(listing: Listing) -> bool:
    """Whether no order holds it and its time, which is over when nothing waits, has ended it."""
    return listing.status != ListingStatus.RESERVED and listing.status not in RUNS_OUT


def _waits(doc: Mapping[str, Any]) -> bool:
    if doc["object"] == "order":
        under_way = any(refund["status"] == RefundState.PENDING for refund in doc["refunds"])
        return under_way or doc["status"] not in _AT_REST
    if doc["object"] == "claim":
        return doc["status"] not in CLAIMS.final
    if doc["object"] == "payout":
        return doc["status"] not in _PAYOUTS_AT_REST
    if doc["object"] == "listing":
        return doc["status"] in RUNS_OUT
    if doc["object"] == "seller":
        method, destination = doc["payout_method"], doc["payout_destination"]
        return _payable(doc) > 0 and (method == PayoutMethod.STORE_CREDIT or destination is not None)
    return False


def _payable(doc: Mapping[str, Any]) -> int:
    """What of a seller's balance can be paid: as cash, in the unit of the provider."""
    available, rules = int(doc["available"]) - int(doc.get("frozen", 0)), rules_of(Provider.SANDBOX, doc["currency"])
    return available if doc["payout_method"] == PayoutMethod.STORE_CREDIT else rules.payable(available)


def _moves(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if after["object"] in _REACHED:
        yield after["object"], before["status"], after["status"]
    known = {one["provider_reference"]: one["status"] for one in before.get("disputes", ())}
    for dispute in after.get("disputes", ()):
        if dispute["provider_reference"] in known:
            yield "dispute", known[dispute["provider_reference"]], dispute["status"]
    for part, name in (
        ("payment", "payment"),
        ("shipment", "shipment"),
        ("return_shipment", "shipment"),
    ):
        old, new = before.get(part), after.get(part)
        if old is not None and new is not None and not (name == "shipment" and _is_retold(old, new)):
            yield name, old["status"], new["status"]


def _is_retold(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a report of an earlier time arrived later: the status follows from all reports in their order."""
    known = {event["id"] for event in before.get("events", ())}
    newest = max((event["occurred_at"] for event in before.get("events", ())), default="")
    return any(event["occurred_at"] < newest for event in after.get("events", ()) if event["id"] not in known)


def _steps(machine: Iterable[Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in machine:
        found.setdefault(str(row.source), set()).add(str(row.target))
    return found


def _within(rows: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """What is reached by any number of rows: several scans are applied at once."""
    reached = {source: set(targets) for source, targets in rows.items()}
    for _ in reached:
        for targets in reached.values():
            targets.update(*(reached.get(target, set()) for target in tuple(targets)))
    return reached


_REACHED: Final[Mapping[str, Mapping[str, set[str]]]] = {
    "order": _steps(ORDERS),
    "listing": _steps(LISTINGS),
    "claim": _steps(CLAIMS),
    "payout": _steps(PAYOUTS),
    "transfer": _steps(TRANSFERS),
    "payment": _steps(PAYMENTS),
    "dispute": _steps(DISPUTES),
    "shipment": _within(_steps(SHIPMENTS)),
}

__all__ = ["CHECKS", "OWN_CHECKS", "Order", "check_all"]
