"""Writes: one tenant, one unit of work, one commit. Repositories take no tenant argument."""

from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import msgspec

from resale.application.ports.entities import Repositories
from resale.application.ports.ledger import LedgerRepository
from resale.application.ports.records import IdempotencyRecord
from resale.domain.access import Principal
from resale.domain.command_context import CommandContext
from resale.domain.holds import Hold
from resale.domain.ids import CustomerId, IdSource
from resale.domain.tenants import Tenant

T = TypeVar("T")


class Vault(Protocol):
    """Encryption of personal data with the data key of its shopper."""

    def seal(self, value: msgspec.Struct, *, owner_id: CustomerId, entity_id: str) -> str:
        """Encrypt a struct for its owner, bound to its entity."""

    def open(self, sealed: str, kind: type[T], *, owner_id: CustomerId, entity_id: str) -> T:
        """Decrypt the result of ``seal``. Raises Unavailable if the key service does not respond."""


class ReferenceRepository(Protocol):
    """Look-ups of our ids by partners' references."""

    def find(self, *, provider: str, reference: str) -> str | None:
        """Return the id behind a partner's reference, from a consistent read; None if it is unknown."""

    def add(self, *, provider: str, reference: str, entity_id: str) -> None:
        """Buffer a look-up in the commit that learned the reference.

        The same look-up again, in this commit or a later one, is none too many; another entity under the same name
        fails the commit with ReferenceTaken.
        """


class IdempotencyRepository(Protocol):
    """The repository of idempotency records."""

    def find(self, key: str) -> IdempotencyRecord | None:
        """Return a record, from a consistent read; None if there is none."""

    def add(self, record: IdempotencyRecord, *, kept_for: timedelta) -> None:
        """Buffer a record; a known key fails the commit with IdempotencyConflict.

        It is gone after ``kept_for`` by the wall clock, whatever time it is for the tenant.
        """


class HoldRegister(Protocol):
    """The open holds of each buyer: bounded in the commit that reserves, so that no race exceeds the bound."""

    def add(self, buyer_id: CustomerId, hold: Hold, *, limit: int) -> None:
        """Buffer a hold. The commit fails with TooManyOpenOrders if the buyer has ``limit`` others."""

    def remove(self, buyer_id: CustomerId, hold: Hold) -> None:
        """Buffer the end of a hold; one that is not there any more is none too few."""


class UnitOfWork(Repositories, Protocol):
    """One tenant, one command, one commit. Without a commit, everything is dropped."""

    @property
    def tenant(self) -> Tenant:
        """The tenant of the unit of work."""

    @property
    def context(self) -> CommandContext:
        """The context of the command: the only source of time and identity of an operation."""

    @property
    def now(self) -> datetime:
        """The time of the command, for its decisions and its records."""

    @property
    def principal(self) -> Principal:
        """The principal whose permissions count. Raises TypeError without one: in a step of the platform itself."""

    @property
    def ledger(self) -> LedgerRepository:
        """The ledger."""

    @property
    def references(self) -> ReferenceRepository:
        """The look-ups by partners' references."""

    @property
    def idempotency(self) -> IdempotencyRepository:
        """The idempotency records."""

    @property
    def holds(self) -> HoldRegister:
        """The open holds of buyers."""

    @property
    def vault(self) -> Vault:
        """The vault, which encrypts personal data."""

    @property
    def ids(self) -> IdSource:
        """The source of new ids."""

    @property
    def transaction_id(self) -> str:
        """The id of this unit of work in every change that it commits."""

    def commit(self) -> None:
        """Write all buffered items in one conditional write or one transaction.

        Shape: at most 100 items, each at most 100 KB; a lost response is recognised by our own change id.

        Raises:
            Conflict: Another writer won, or the write's own error that its failed condition means.
            Unavailable: Not known or not done within the retry budget.
        """

    def is_torn(self) -> bool:
        """Return whether the entities read here may never have existed together, by new reads. Raises Unavailable."""

    def act_as(self, customer_id: CustomerId) -> None:
        """Set the shopper who acts, as actor and as principal, after their customer was found or created."""
