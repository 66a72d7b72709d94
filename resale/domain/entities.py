"""The entity types: one record for each kind of thing that is stored, audited and named by an id of ours.

What only the type decides is stated here once: prefix, table, errors, permissions, wake-up, page, states. Repositories,
reads, histories, path parameters, links, wake-ups and diagrams take it from here.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

import msgspec

from resale.domain import ids, task_names
from resale.domain.access import Action, Principal, Role, permits, role_towards
from resale.domain.claims import CLAIMS, Claim, ClaimChanged, ClaimNotFound
from resale.domain.clocks import Clock, ClockChanged, ClockNotFound
from resale.domain.connections import ConnectionChanged, ConnectionState, ConnectionStateNotFound
from resale.domain.customers import Customer, CustomerChanged, CustomerNotFound
from resale.domain.dead_letters import DEAD_LETTERS, DeadLetter, DeadLetterChanged, DeadLetterNotFound
from resale.domain.ids import (
    ClaimId,
    ClockId,
    ConnectionId,
    CustomerId,
    DeadLetterId,
    IdType,
    InboundId,
    ListingId,
    MediaId,
    OrderId,
    PayoutId,
    PurchaseId,
    SellerId,
    TransferId,
)
from resale.domain.inbound import INBOUND, Inbound, InboundChanged, InboundNotFound
from resale.domain.listings import LISTINGS, Listing, ListingChanged, ListingNotFound
from resale.domain.media import Media, MediaChanged, MediaNotFound
from resale.domain.orders import ORDERS, Order, OrderChanged, OrderNotFound
from resale.domain.payouts import PAYOUTS, Payout, PayoutChanged, PayoutNotFound
from resale.domain.purchases import Purchase, PurchaseChanged, PurchaseNotFound
from resale.domain.sellers import Seller, SellerChanged, SellerNotFound
from resale.domain.states import Machine
from resale.domain.transfers import TRANSFERS, Transfer, TransferChanged, TransferNotFound
from resale.errors import Conflict, NotFound

I = TypeVar("I", bound=str)  # noqa: E741 - an id
E = TypeVar("E", bound=msgspec.Struct)


class Table(StrEnum):
    """The tables that hold entities, as ``domain.tenants.Tables`` calls them."""

    LISTINGS = "listings"
    ORDERS = "orders"
    CUSTOMERS = "customers"


class Absent(msgspec.Struct, frozen=True):
    """Stands where an entity type has no such thing, with the reason."""

    because: str


class EntityType(msgspec.Struct, Generic[I, E], frozen=True, kw_only=True):
    """What is true of every entity of one type.

    Attributes:
        id: Its kind of id, with the prefix.
        struct: The entity as stored.
        name: What people call one of it, in the singular.
        about: What it is, in a sentence or two; the documents quote it.
        table: Which table holds it.
        not_found: Raised when there is none that the caller may see.
        changed: Raised when another writer won.
        owner, counterparty: Read who it belongs to, and who is its other party; None where nobody is.
        view: The action of seeing it. Who may not see it is told ``not_found``.
        history: The action of seeing its history.
        argument: The name of its id in paths of the API, in addresses of the back office and in messages.
        parent: The field that names what it is a part of, and lies beside; None for a part of nothing.
        wake_task: The task that wakes it when it is due.
        page: Its page in the back office, reached with ``argument`` alone.
        states: Its state machine.
        sample: What its stored samples are called: ``tests/samples/<sample>-<schema>.json``.
    """

    id: IdType[I]
    struct: type[E]
    name: str
    about: str
    table: Table
    not_found: type[NotFound]
    changed: type[Conflict]
    owner: Callable[[E], CustomerId] | None = None
    counterparty: Callable[[E], CustomerId] | None = None
    view: Action | Absent
    history: Action | Absent
    argument: str
    parent: str | None = None
    wake_task: str | Absent
    page: str | Absent
    states: Machine[Any, Any] | Absent
    sample: str

    @property
    def prefix(self) -> str:
        """What its ids begin with, without the underscore."""
        return self.id.prefix

    @property
    def object_name(self) -> str:
        """Return what the API calls it, and its key in the table: the ``object`` of its documents."""
        return next(str(field.default) for field in msgspec.structs.fields(self.struct) if field.name == "object")

    def read_id(self, text: str) -> I:
        """Return a text that somebody typed or sent as an id of this type. Raises ``not_found`` where it is none."""
        if not self.id.matches(text):
            raise self.not_found
        return text

    def authorize_view(self, principal: Principal, seen: Any) -> Role:
        """Return what a principal is to an entity, provided that they may see it.

        Args:
            principal: Who looks.
            seen: The entity, or what was read of it: its status and its parties.

        Raises:
            NotFound: They may not: the type's ``not_found``.
        """
        role = self.role_of(principal, seen)
        if isinstance(self.view, Absent) or not permits(self.view, role, seen.status):
            raise self.not_found
        return role

    def role_of(self, principal: Principal, seen: Any) -> Role:
        """Return what a principal is to an entity, or to what was read of it."""
        if self.owner is None:
            return principal.standing
        counterparty_id = None if self.counterparty is None else self.counterparty(seen)
        return role_towards(principal, owner_id=self.owner(seen), counterparty_id=counterparty_id)

    def parent_of(self, entity: E) -> str:
        """Return the id of what an entity is a part of; its own, where it is a part of nothing."""
        parent_id: str = getattr(entity, self.parent or "id")
        return parent_id


AnyEntityType = EntityType[Any, Any]

_NEVER_WAITS: Final = Absent("it has no deadline")
_ONE_STATE: Final = Absent("it has one status only")

LISTING: Final = EntityType[ListingId, Listing](
    id=ids.LISTING_ID,
    struct=Listing,
    name="listing",
    about="The advert of one item. A sold listing stays sold; a returned item gets a new listing.",
    table=Table.LISTINGS,
    not_found=ListingNotFound,
    changed=ListingChanged,
    owner=lambda listing: listing.seller_id,
    view=Action.VIEW_LISTING,
    history=Action.VIEW_LISTING_HISTORY,
    argument="listing_id",
    wake_task=task_names.EXPIRE_LISTING,
    page="listing",
    states=LISTINGS,
    sample="listing",
)
IMAGE: Final = EntityType[MediaId, Media](
    id=ids.MEDIA_ID,
    struct=Media,
    name="image",
    about="An image slot of a listing or of a claim's evidence, with the result of the upload.",
    table=Table.LISTINGS,
    not_found=MediaNotFound,
    changed=MediaChanged,
    owner=lambda media: media.seller_id,
    view=Absent("it is read as a part of its listing or claim"),
    history=Absent("the listing contains its data when submitted, and the listing's history has it"),
    argument="media_id",
    parent="listing_id",
    wake_task=task_names.PROCESS_IMAGE,
    page=Absent("it is shown on the page of its listing or claim"),
    states=Absent("it leaves awaiting_upload once, to ready, rejected or expired"),
    sample="media",
)
ORDER: Final = EntityType[OrderId, Order](
    id=ids.ORDER_ID,
    struct=Order,
    name="order",
    about="The sale of one item to one buyer, from submission to the end of buyer protection.",
    table=Table.ORDERS,
    not_found=OrderNotFound,
    changed=OrderChanged,
    owner=lambda order: order.buyer_id,
    counterparty=lambda order: order.seller_id,
    view=Action.VIEW_ORDER,
    history=Action.VIEW_ORDER_HISTORY,
    argument="order_id",
    wake_task=task_names.ADVANCE_ORDER,
    page="order",
    states=ORDERS,
    sample="order",
)
CLAIM: Final = EntityType[ClaimId, Claim](
    id=ids.CLAIM_ID,
    struct=Claim,
    name="claim",
    about="Buyer protection for one delivered order.",
    table=Table.ORDERS,
    not_found=ClaimNotFound,
    changed=ClaimChanged,
    owner=lambda claim: claim.buyer_id,
    counterparty=lambda claim: claim.seller_id,
    view=Action.VIEW_CLAIM,
    history=Action.VIEW_CLAIM_HISTORY,
    argument="claim_id",
    wake_task=task_names.ADVANCE_CLAIM,
    page="claim",
    states=CLAIMS,
    sample="claim",
)
TRANSFER: Final = EntityType[TransferId, Transfer](
    id=ids.TRANSFER_ID,
    struct=Transfer,
    name="transfer",
    about="What a seller earns by one order. A negative transfer claws it back after completion.",
    table=Table.ORDERS,
    not_found=TransferNotFound,
    changed=TransferChanged,
    owner=lambda transfer: transfer.seller_id,
    view=Absent("it is read with its order's ledger (Action.VIEW_LEDGER)"),
    history=Absent("it is read by its order (list_transfer_history), with the permission to see the ledger"),
    argument="transfer_id",
    parent="order_id",
    wake_task=Absent("its order and the payout change it"),
    page=Absent("its page is part of its order's page"),
    states=TRANSFERS,
    sample="transfer",
)
PAYOUT: Final = EntityType[PayoutId, Payout](
    id=ids.PAYOUT_ID,
    struct=Payout,
    name="payout",
    about="What leaves a seller's balance.",
    table=Table.ORDERS,
    not_found=PayoutNotFound,
    changed=PayoutChanged,
    owner=lambda payout: payout.seller_id,
    view=Action.VIEW_PAYOUT,
    history=Action.VIEW_PAYOUT_HISTORY,
    argument="payout_id",
    wake_task=task_names.ADVANCE_PAYOUT,
    page="payout",
    states=PAYOUTS,
    sample="payout",
)
PURCHASE: Final = EntityType[PurchaseId, Purchase](
    id=ids.PURCHASE_ID,
    struct=Purchase,
    name="purchase",
    about="The proof of a past order at the brand, with the number of its units that are listed for resale.",
    table=Table.ORDERS,
    not_found=PurchaseNotFound,
    changed=PurchaseChanged,
    owner=lambda purchase: purchase.customer_id,
    view=Action.VIEW_PURCHASE,
    history=Action.VIEW_PURCHASE_HISTORY,
    argument="purchase_id",
    wake_task=_NEVER_WAITS,
    page=Absent("it is shown on the page of the listing made from it"),
    states=_ONE_STATE,
    sample="purchase",
)
SELLER: Final = EntityType[SellerId, Seller](
    id=ids.SELLER_ID,
    struct=Seller,
    name="seller account",
    about="How a seller is paid, and the address they ship from. Its version guards the balance.",
    table=Table.ORDERS,
    not_found=SellerNotFound,
    changed=SellerChanged,
    owner=lambda seller: seller.customer_id,
    view=Absent("it is read by its customer's id, and only by that customer"),
    history=Absent("its balance is recorded in the ledger, and only its owner changes the rest"),
    argument="seller_id",
    wake_task=task_names.START_PAYOUT,
    page=Absent("the admin shows balances on one page for all sellers"),
    states=_ONE_STATE,
    sample="seller",
)
CUSTOMER: Final = EntityType[CustomerId, Customer](
    id=ids.CUSTOMER_ID,
    struct=Customer,
    name="customer",
    about="A shopper of one shop, as buyer and as seller, identified by a keyed hash and never by name.",
    table=Table.CUSTOMERS,
    not_found=CustomerNotFound,
    changed=CustomerChanged,
    owner=lambda customer: customer.id,
    view=Absent("only its id is shown"),
    history=Absent("it is created and never changed"),
    argument="customer_id",
    wake_task=_NEVER_WAITS,
    page=Absent("it has no page; a search by its id finds its listings and orders"),
    states=_ONE_STATE,
    sample="customer",
)
INBOUND_EVENT: Final = EntityType[InboundId, Inbound](
    id=ids.INBOUND_ID,
    struct=Inbound,
    name="inbound event",
    about="An event that a partner sent by webhook. One that must wait stays received and has a new `due_at`.",
    table=Table.ORDERS,
    not_found=InboundNotFound,
    changed=InboundChanged,
    view=Absent("only workers read it"),
    history=Absent("its effect is in the history of its target"),
    argument="inbound_id",
    wake_task=task_names.PROCESS_INBOUND,
    page=Absent("its effect is on the page of its target"),
    states=INBOUND,
    sample="inbound",
)
CONNECTION: Final = EntityType[ConnectionId, ConnectionState](
    id=ids.CONNECTION_ID,
    struct=ConnectionState,
    name="connection",
    about="The health of a shop's connection to a partner, recorded since its first failure.",
    table=Table.ORDERS,
    not_found=ConnectionStateNotFound,
    changed=ConnectionChanged,
    view=Action.VIEW_CONNECTION,
    history=Absent("only its last change is shown"),
    argument="connection_id",
    wake_task=_NEVER_WAITS,
    page=Absent("one page shows all of them"),
    states=Absent("it opens and closes with the partner's failures; no command changes it"),
    sample="connection",
)
TEST_CLOCK: Final = EntityType[ClockId, Clock](
    id=ids.CLOCK_ID,
    struct=Clock,
    name="test clock",
    about="How far a sandbox shop's time is ahead of the current time. A shop has at most one.",
    table=Table.CUSTOMERS,
    not_found=ClockNotFound,
    changed=ClockChanged,
    view=Action.MOVE_TEST_CLOCK,
    history=Absent("its effects are in the histories of the objects that it woke"),
    argument="clock_id",
    wake_task=_NEVER_WAITS,
    page=Absent("the brand advances it through the API"),
    states=_ONE_STATE,
    sample="clock",
)
DEAD_LETTER: Final = EntityType[DeadLetterId, DeadLetter](
    id=ids.DEAD_LETTER_ID,
    struct=DeadLetter,
    name="dead letter",
    about="A message that failed as often as its queue allows. A waiting one is recorded only in its queue.",
    table=Table.ORDERS,
    not_found=DeadLetterNotFound,
    changed=DeadLetterChanged,
    view=Action.VIEW_DEAD_LETTERS,
    history=Absent("it records its own actions"),
    argument="letter_id",
    wake_task=_NEVER_WAITS,
    page="dead-letter",
    states=DEAD_LETTERS,
    sample="dead_letter",
)

#: Every entity type, by the prefix of its ids.
ENTITIES: Final[Mapping[str, AnyEntityType]] = {
    entity_type.prefix: entity_type
    for entity_type in (
        LISTING,
        IMAGE,
        ORDER,
        CLAIM,
        TRANSFER,
        PAYOUT,
        PURCHASE,
        SELLER,
        CUSTOMER,
        INBOUND_EVENT,
        CONNECTION,
        TEST_CLOCK,
        DEAD_LETTER,
    )
}


def entity_type_of(entity_id: str) -> AnyEntityType:
    """Return the type of the entity that an id names. Raises KeyError where the prefix is no entity's."""
    return ENTITIES[entity_id.partition("_")[0]]
