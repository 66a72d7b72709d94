"""The repositories and reads of entity types, beside those that every type has."""

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
from resale.application.ports.sellers import SellerReads
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
    """The repositories of one tenant's entities. Those that many operations use are attributes."""

    def repository(self, entity_type: EntityType[I, E]) -> Repository[I, E]:
        """Return the repository of an entity type; the attribute of the type, if it has one.

        Raises TypeError for a type whose repository is no ``Repository``: images, transfers, customers, test clocks.
        """

    @property
    def listings(self) -> Repository[ListingId, Listing]:
        """The listings."""

    @property
    def media(self) -> MediaRepository:
        """The images."""

    @property
    def orders(self) -> Repository[OrderId, Order]:
        """The orders."""

    @property
    def claims(self) -> Repository[ClaimId, Claim]:
        """The claims; an order has at most one."""

    @property
    def transfers(self) -> TransferRepository:
        """The transfers."""

    @property
    def payouts(self) -> Repository[PayoutId, Payout]:
        """The payouts."""

    @property
    def purchases(self) -> Repository[PurchaseId, Purchase]:
        """The past purchases, with the guarded count of used units."""

    @property
    def sellers(self) -> Repository[SellerId, Seller]:
        """The seller accounts, with the guarded balance."""

    @property
    def customers(self) -> CustomerRepository:
        """The customers."""

    @property
    def inbound(self) -> Repository[InboundId, Inbound]:
        """The inbound events."""

    @property
    def clocks(self) -> ClockRepository:
        """The test clock."""

    @property
    def dead_letters(self) -> DeadLetterRepository:
        """The records of dead letters."""


class EntityReads(
    ListingReads,
    MediaReads,
    OrderReads,
    ClaimReads,
    TransferReads,
    PayoutReads,
    PurchaseReads,
    SellerReads,
    CustomerReads,
    ConnectionReads,
    ClockReads,
    DeadLetterReads,
    Protocol,
):
    """Reads of one tenant's entities beside ``Reader.find``: mostly lists."""
