"""Writes: one tenant, one unit of work, one commit. Repositories take no tenant, so none can be crossed."""

from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import msgspec

from resale.application.ports.entities import Repositories
from resale.application.ports.ledger import LedgerRepository
from resale.application.ports.records import IdempotencyRecord
from resale.domain.access import Principal
from resale.domain.command_context import CommandContext
from resale.domain.ids import CustomerId, IdSource
from resale.domain.tenants import Tenant

T = TypeVar("T")


class Vault(Protocol):
    """Personal data, sealed under the data key of the shopper it belongs to."""

    def seal(self, value: msgspec.Struct, *, owner_id: CustomerId, entity_id: str) -> str:
        """Encrypt a struct for its owner, bound to the entity it will lie in."""

    def open(self, sealed: str, kind: type[T], *, owner_id: CustomerId, entity_id: str) -> T:
        """Decrypt what ``seal`` made. Raises Unavailable when the key service does not answer."""


class ReferenceRepository(Protocol):
    """Look-ups: what a partner calls by a name of its own, and what we call it."""

    def find(self, *, provider: str, reference: str) -> str | None:
        """Look a partner's name up, consistently; None when nothing was ever learned of it."""

    def add(self, *, provider: str, reference: str, entity_id: str) -> None:
        """Buffer a look-up into the write that learned the name.

        The same look-up again, in this commit or a later one, is none too many; another entity under the same name
        fails the commit with ReferenceTaken.
        """


class IdempotencyRepository(Protocol):
    """Records of keyed commands."""

    def find(self, key: str) -> IdempotencyRecord | None:
        """Read a record, consistently."""

    def add(self, record: IdempotencyRecord, *, kept_for: timedelta) -> None:
        """Buffer a record: a known key fails the commit with IdempotencyConflict.

        It is gone after ``kept_for`` by the wall clock, whatever time it is for the tenant.
        """


class UnitOfWork(Repositories, Protocol):
    """One tenant, one command, one commit. What is not committed is dropped."""

    @property
    def tenant(self) -> Tenant:
        """The one tenant it was opened for."""

    @property
    def context(self) -> CommandContext:
        """What it was opened with: the only source of time and identity an operation has."""

    @property
    def now(self) -> datetime:
        """The moment of the command: what is decided by it, and what is recorded."""

    @property
    def principal(self) -> Principal:
        """Whose permissions count. Raises TypeError while nobody acts: in a step of the platform's own."""

    @property
    def ledger(self) -> LedgerRepository:
        """Its ledger."""

    @property
    def references(self) -> ReferenceRepository:
        """Its look-ups by what partners call things."""

    @property
    def idempotency(self) -> IdempotencyRepository:
        """Its records of keyed commands."""

    @property
    def vault(self) -> Vault:
        """Where personal data is sealed."""

    @property
    def ids(self) -> IdSource:
        """Makes new ids."""

    @property
    def transaction_id(self) -> str:
        """Names this unit of work in every change it commits."""

    def commit(self) -> None:
        """Write everything buffered in one conditional write or one transaction.

        Shape: at most 100 items, each at most 100 KB; a lost answer is recognised by our own change id.

        Raises:
            Conflict: Another writer won, or the write's own error that its failed condition means.
            Unavailable: Not known or not done within the retry budget.
        """

    def is_torn(self) -> bool:
        """Read again what was read, unless committed: was it never so at one moment? Raises Unavailable."""

    def act_as(self, customer_id: CustomerId) -> None:
        """Name the shopper who acts, as actor and as principal: their customer was found or made here."""
