"""The shop as a run finds it: sellers with an account, buyers, and a few items on sale."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from resale.application.operations.customers import enrol_shopper
from resale.application.operations.inbound import OWNER
from resale.application.operations.sellers import edit_seller
from resale.domain.actors import Actor, ActorKind
from resale.domain.ids import ListingId
from resale.domain.inbound import InboundPrivate
from resale.domain.listings import ListingStatus
from resale.domain.money import Money
from resale.domain.sellers import SellerEdit
from tests.simulation.people import ADDRESS, BUYERS, SELLERS
from tests.unit.builders import a_listing, a_photo

if TYPE_CHECKING:
    from tests.simulation.run import Run

_DAYS: Final = ((40, 90), (1, 15))  # of few listings the time is over while much goes wrong, of most long after
_ACTOR = Actor(kind=ActorKind.SYSTEM, id="setting")


def open_shop(run: "Run") -> None:
    """Make what every run begins with; nothing goes wrong meanwhile."""
    for shopper in SELLERS:
        if run.chance.happens(0.7):
            edit_seller(uow=_uow(run), shopper=shopper, edit=_a_beginning(run), now=run.now)
        else:
            uow = _uow(run)
            enrol_shopper(uow=uow, shopper=shopper, now=run.now)
            uow.commit()
    for owner_id in (*(shopper.new_id for shopper in BUYERS), OWNER):
        # data keys are made once a process, not in the midst of a run
        _uow(run).vault.seal(InboundPrivate(payload=b""), owner_id=owner_id, entity_id="x")
    for number in range(run.chance.between(2, 4)):
        uow = _uow(run)
        listing = a_listing(
            id=ListingId(run.chance.new_id("lst")),
            version=1,
            status=ListingStatus.ACTIVE,
            seller_id=SELLERS[number % len(SELLERS)].new_id,
            title=f"Coat {number}",
            price=Money(amount=run.chance.pick((1, 99, 4_999, 12_000, 33_333, 80_001)), currency="GBP"),
            photos=(a_photo(),),
            published_at=run.now,
            expires_at=(ends := run.now + timedelta(days=run.chance.between(*_DAYS[run.chance.happens(0.25)]))),
            due_at=ends,
            created_at=run.now,
            updated_at=run.now,
        )
        uow.listings.add(listing, change_type="listing.approved")
        uow.commit()


def _a_beginning(run: "Run") -> SellerEdit:
    chance, said = run.chance, {"ship_from": ADDRESS}
    if chance.happens(0.6):
        said["payout_destination"] = f"acct_{chance.between(100, 999)}"  # type: ignore[assignment]  # another field's type
    return msgspec.convert(said, SellerEdit, from_attributes=True)


def _uow(run: "Run"):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the container's
    return run.container.unit_of_work(run.tenant, actor=_ACTOR, request_id="req_setting", now=run.now)
