"""What entity types add to the unit of work and to the reader, beside what those offer for every type."""

from typing import Protocol, TypeVar

import msgspec

from resale.application.ports.claims import ClaimReads
from resale.application.ports.clocks import ClockReads, ClockRepository
from resale.application.ports.connections import ConnectionReads
from resale.application.ports.customers import CustomerReads, CustomerRepository
from resale.application.ports.dead_letters import DeadLetterReads, DeadLetterRepository
from resale.application.ports.listings import ListingReads
from resale.application.ports.media import MediaReads, MediaRepository
from resale.application.ports.orders import OrderReads
from resale.application.ports.payouts import PayoutReads
from resale.application.ports.purchases import PurchaseReads
from resale.application.ports.repositories import Repository
from resale.application.ports.transfers import TransferReads, TransferRepository
from resale.domain.claims import Claim
from resale.domain.entities import EntityType
from resale.domain.ids import ClaimId, InboundId, ListingId, OrderId, PayoutId, PurchaseId, SellerId
from resale.domain.inbound import Inbound
from resale.domain.listings import Listing
from resale.domain.orders import Order
from resale.domain.payouts import Payout
from resale.domain.purchases import Purchase
from resale.domain.sellers import Seller

I = TypeVar("I", bound=str)  # noqa: E741 - an id
E = TypeVar("E", bound=msgspec.Struct)


class Repositories(Protocol):
    """The repositories of one tenant's entities. What many operations use is an attribute, too."""

    def repository(self, entity_type: EntityType[I, E]) -> Repository[I, E]:
        """Return the repository of an entity type; of one that is an attribute here, that one.

        Raises TypeError for a type whose repository is no ``Repository``: images, transfers, customers, test clocks.
        """

    @property
    def listings(self) -> Repository[ListingId, Listing]:
        """Its listings."""

    @property
    def media(self) -> MediaRepository:
        """Its images."""

    @property
    def orders(self) -> Repository[OrderId, Order]:
        """Its orders."""

    @property
    def claims(self) -> Repository[ClaimId, Claim]:
        """Its claims; an order has one at the most."""

    @property
    def transfers(self) -> TransferRepository:
        """Its transfers."""

    @property
    def payouts(self) -> Repository[PayoutId, Payout]:
        """Its payouts."""

    @property
    def purchases(self) -> Repository[PurchaseId, Purchase]:
        """Its shoppers' past purchases, with the guarded count of claimed units."""

    @property
    def sellers(self) -> Repository[SellerId, Seller]:
        """Its sellers' accounts, with the guarded balance."""

    @property
    def customers(self) -> CustomerRepository:
        """Its customers."""

    @property
    def inbound(self) -> Repository[InboundId, Inbound]:
        """What its partners told by webhooks."""

    @property
    def clocks(self) -> ClockRepository:
        """Its test clock."""

    @property
    def dead_letters(self) -> DeadLetterRepository:
        """Its dead letters."""


class EntityReads(
    ListingReads,
    MediaReads,
    OrderReads,
    ClaimReads,
    TransferReads,
    PayoutReads,
    PurchaseReads,
    CustomerReads,
    ConnectionReads,
    ClockReads,
    DeadLetterReads,
    Protocol,
):
    """What is read of one tenant's entities beside ``Reader.find``: mostly lists."""
