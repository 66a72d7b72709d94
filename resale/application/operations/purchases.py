"""Past purchases, recorded by the brand. A listing uses one unit, which is released if it ends unsold.

Claiming and releasing are buffered into the listing's own commit, and commit nothing themselves.
"""

from msgspec import UNSET, UnsetType

from resale.application.operations.access import require_standing
from resale.application.operations.customers import Shopper, find_or_add_customer
from resale.application.ports import UnitOfWork
from resale.domain.access import Action, Principal, permits
from resale.domain.changes import ChangeType
from resale.domain.entities import PURCHASE
from resale.domain.ids import CUSTOMER_ID, CustomerId, PurchaseId
from resale.domain.listings import ENDED_UNSOLD, Listing
from resale.domain.money import Money
from resale.domain.purchases import (
    RECORDED,
    NewPurchase,
    Purchase,
    PurchaseNotFound,
    PurchaseRequired,
    claim_purchase_unit,
    moment_of,
    purchase_id_of,
    release_purchase_unit,
    update_purchase,
)
from resale.errors import FieldError


def record_purchase(uow: UnitOfWork, *, source: str, line: str, new: NewPurchase) -> Purchase:
    """Record a past purchase, or update it. Without changes, nothing is written.

    Shape: reads at most 2 items; commits 1 (``purchase.recorded``), with the shopper's customer when there is none.

    Args:
        uow: Fresh; committed here once.
        source: Where it was sold, as the brand calls it.
        line: The line of the order there.
        new: All that is recorded of it; its customer is found as their own sign-in would find them.

    Returns:
        The purchase; its id follows from tenant, source and line.

    Raises:
        Forbidden: Not the brand.
        Invalid: Bought before 1970 or in the future.
        PurchaseClaimed: More units are listed or sold than it would have, or one would change hands.
        PurchaseChangedTooOften: It has as many versions as a changed one may have.
        Conflict: Another writer won; read again.
    """
    require_standing(uow, action=Action.RECORD_PURCHASE, status=RECORDED)
    purchase_id = purchase_id_of(tenant_id=uow.tenant.id, source=source, line=line)
    recorded = Purchase(
        id=purchase_id,
        version=1,
        livemode=not uow.tenant.sandbox,
        source=source,
        line=line,
        customer_id=_customer_of(uow, new=new),
        product=new.product,
        title=new.title,
        quantity=new.quantity,
        unit_price_paid=_price_paid(new),
        purchased_at=moment_of(new.purchased_at, now=uow.now),
        created_at=uow.now,
        updated_at=uow.now,
    )
    known = uow.purchases.find(purchase_id)
    if known is None:
        uow.purchases.add(recorded, change_type=ChangeType.PURCHASE_RECORDED)
        uow.commit()
        return recorded
    purchase = update_purchase(known, new=recorded, now=uow.now)
    if purchase == known:
        return known
    uow.purchases.save(purchase, change_type=ChangeType.PURCHASE_RECORDED)
    uow.commit()
    return purchase


def claim_unit(uow: UnitOfWork, *, purchase_id: PurchaseId | UnsetType, customer_id: CustomerId) -> None:
    """Buffer the use of one unit of a purchase in the commit of a new listing; does nothing without a purchase.

    Raises:
        PurchaseRequired: None is named, and this shop takes no such listing.
        PurchaseNotFound: No such purchase, or not this customer's.
        PurchaseExhausted: Every unit is listed or sold.
        PurchaseChangedTooOften: It has as many versions as one may have that is claimed.
    """
    if purchase_id is UNSET:
        if uow.tenant.policies.purchase_required:
            raise _build_required()
        return
    _claim(uow, purchase_id=purchase_id, customer_id=customer_id)


def move_unit(uow: UnitOfWork, *, before: Listing, after: Listing) -> None:
    """Buffer the effect of a listing's transition on the unit that it uses, in the same commit.

    To be called with every move that may end a listing unsold, which frees its unit, or begin it again, which claims
    one anew. Any other does nothing: a sold listing keeps its unit, and hands it to the one that sells the item again.

    Raises:
        PurchaseNotFound: The listing begins again, and its purchase is another's by now.
        PurchaseExhausted: It begins again, and its unit was listed meanwhile.
        PurchaseChangedTooOften: It begins again, and the purchase has as many versions as one may have that is claimed.
    """
    if after.purchase_id is UNSET:
        return
    claims, claimed_before = after.status not in ENDED_UNSOLD, before.status not in ENDED_UNSOLD
    if claims and not claimed_before:
        _claim(uow, purchase_id=after.purchase_id, customer_id=after.seller_id)
    if claimed_before and not claims:
        _release(uow, purchase_id=after.purchase_id)


def _claim(uow: UnitOfWork, *, purchase_id: PurchaseId, customer_id: CustomerId) -> None:
    purchase = uow.purchases.find(purchase_id)
    if purchase is None or not _may_list(purchase, customer_id):
        raise PurchaseNotFound("No purchase with this id exists for this customer.")
    uow.purchases.save(claim_purchase_unit(purchase, now=uow.now), change_type=ChangeType.PURCHASE_CLAIMED)


def _release(uow: UnitOfWork, *, purchase_id: PurchaseId) -> None:
    purchase = uow.purchases.find(purchase_id)
    if purchase is None:
        raise PurchaseNotFound("The purchase of this listing does not exist any more.")
    uow.purchases.save(release_purchase_unit(purchase, now=uow.now), change_type=ChangeType.PURCHASE_RELEASED)


def _customer_of(uow: UnitOfWork, *, new: NewPurchase) -> CustomerId:
    shopper = Shopper(issuer=uow.tenant.oidc_issuer, subject=new.customer.subject, new_id=CUSTOMER_ID.new(uow.ids))
    return find_or_add_customer(uow, shopper=shopper)


def _price_paid(new: NewPurchase) -> Money | None:
    paid = new.unit_price_paid
    return None if paid is None else Money(amount=paid.amount, currency=paid.currency)


def _may_list(purchase: Purchase, customer_id: CustomerId) -> bool:
    role = PURCHASE.role_of(Principal(customer_id=customer_id), purchase)
    return permits(Action.CLAIM_PURCHASE, role, purchase.status)


def _build_required() -> PurchaseRequired:
    detail = "Send the id of the past purchase of this item."
    return PurchaseRequired(detail, errors=(FieldError(pointer="/purchase_id", code="required", detail=detail),))
