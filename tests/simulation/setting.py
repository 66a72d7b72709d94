"""The shop as a run finds it: sellers with an account, buyers, and a few items on sale."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET, UnsetType

from resale.application.operations.customers import Shopper, enrol_shopper
from resale.application.operations.inbound import OWNER
from resale.application.operations.purchases import claim_unit, record_purchase
from resale.application.operations.sellers import edit_seller
from resale.domain.access import Principal
from resale.domain.actors import Actor, ActorKind
from resale.domain.changes import ChangeType
from resale.domain.command_context import CommandContext
from resale.domain.ids import ListingId, PurchaseId
from resale.domain.inbound import InboundPrivate
from resale.domain.listings import ListingStatus
from resale.domain.money import Money
from resale.domain.sellers import SellerEdit
from tests.simulation.currencies import price_in
from tests.simulation.people import ADDRESS, BUYERS, SELLERS, a_past_purchase
from tests.simulation.staff import BRAND
from tests.unit.builders import a_listing, a_photo

if TYPE_CHECKING:
    from tests.simulation.run import Run

_DAYS: Final = ((40, 90), (1, 15))  # of few listings the time is over while much goes wrong, of most long after
_ACTOR = Actor(kind=ActorKind.SYSTEM, id="setting")


def open_shop(run: "Run") -> None:
    """Make what every run begins with; nothing goes wrong meanwhile."""
    for shopper in SELLERS:
        if run.chance.happens(0.7):
            edit_seller(_uow(run), shopper=shopper, edit=_a_beginning(run))
        else:
            uow = _uow(run)
            enrol_shopper(uow, shopper=shopper)
            uow.commit()
    for owner_id in (*(shopper.new_id for shopper in BUYERS), OWNER):
        # data keys are made once a process, not in the midst of a run
        _uow(run).vault.seal(InboundPrivate(payload=b""), owner_id=owner_id, entity_id="x")
    for number in range(run.chance.between(2, 4)):
        seller = SELLERS[number % len(SELLERS)]
        purchase_id = _bought(run, seller, number)
        uow = _uow(run)
        claim_unit(uow, purchase_id=purchase_id, customer_id=seller.new_id)
        listing = a_listing(
            id=ListingId(run.chance.new_id("lst")),
            version=1,
            status=ListingStatus.ACTIVE,
            seller_id=seller.new_id,
            title=f"Coat {number}",
            price=_price(run),
            photos=(a_photo(),),
            purchase_id=purchase_id,
            published_at=run.now,
            expires_at=(ends := run.now + timedelta(days=run.chance.between(*_DAYS[run.chance.happens(0.25)]))),
            due_at=ends,
            created_at=run.now,
            updated_at=run.now,
        )
        uow.listings.add(listing, change_type=ChangeType.LISTING_APPROVED)
        uow.commit()


def _price(run: "Run") -> Money:
    amount = price_in(run.rules, run.chance.pick((30, 99, 4_999, 12_000, 33_333, 80_001)))
    return Money(amount=amount, currency=run.tenant.currency)


def _bought(run: "Run", seller: Shopper, number: int) -> PurchaseId | UnsetType:
    """Most items are of a past purchase, some of several units."""
    if not run.chance.happens(0.75):
        return UNSET
    new = a_past_purchase(seller, quantity=run.chance.between(1, 3))
    return record_purchase(_uow(run, principal=BRAND), source="web", line=f"1001-{number}", new=new).id


def _a_beginning(run: "Run") -> SellerEdit:
    chance, said = run.chance, {"ship_from": ADDRESS}
    if chance.happens(0.6):
        said["payout_destination"] = f"acct_{chance.between(100, 999)}"  # type: ignore[assignment]  # another field's type
    return msgspec.convert(said, SellerEdit, from_attributes=True)


def _uow(run: "Run", *, principal: Principal | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the container's
    context = CommandContext(actor=_ACTOR, principal=principal, request_id="req_setting", now=run.now)
    return run.container.unit_of_work(run.tenant, context)
