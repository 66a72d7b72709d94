"""The unit of work on DynamoDB: one tenant, one actor, one buffer, one commit."""

from collections.abc import Callable
from functools import cached_property
from typing import Generic, TypeVar

from resale.adapters.dynamodb import buffer
from resale.adapters.dynamodb.audited import AuditedRepository, Scope
from resale.adapters.dynamodb.claims import DynamoDBClaims
from resale.adapters.dynamodb.clocks import DynamoDBClocks
from resale.adapters.dynamodb.connection_states import DynamoDBConnections
from resale.adapters.dynamodb.customers import CustomerDirectory, DynamoDBCustomers
from resale.adapters.dynamodb.dead_letters import DynamoDBDeadLetters
from resale.adapters.dynamodb.idempotency import DynamoDBIdempotency
from resale.adapters.dynamodb.inbound import DynamoDBInbound
from resale.adapters.dynamodb.ledger import DynamoDBLedger
from resale.adapters.dynamodb.listings import DynamoDBListings
from resale.adapters.dynamodb.media import DynamoDBMedia
from resale.adapters.dynamodb.orders import DynamoDBOrders
from resale.adapters.dynamodb.payouts import DynamoDBPayouts
from resale.adapters.dynamodb.purchases import DynamoDBPurchases
from resale.adapters.dynamodb.references import DynamoDBReferences
from resale.adapters.dynamodb.sellers import DynamoDBSellers
from resale.adapters.dynamodb.transfers import DynamoDBTransfers
from resale.application.ports import Vault
from resale.domain.actors import Actor

R = TypeVar("R")


class _Opened(Generic[R]):
    """A repository that is built when it is first asked for: an operation uses three or four of them."""

    def __init__(self, build: Callable[[Scope], R]) -> None:
        self._build = build

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, uow: "DynamoDBUnitOfWork", _owner: type) -> R:
        built = uow.__dict__[self._name] = self._build(uow._scope)  # noqa: SLF001 - a part of it
        return built


class DynamoDBUnitOfWork:
    """Keeps ``resale.application.ports.UnitOfWork``. What is not committed is dropped with it."""

    listings = _Opened(DynamoDBListings)
    media = _Opened(DynamoDBMedia)
    orders = _Opened(DynamoDBOrders)
    transfers = _Opened(DynamoDBTransfers)
    claims = _Opened(DynamoDBClaims)
    payouts = _Opened(DynamoDBPayouts)
    purchases = _Opened(DynamoDBPurchases)
    sellers = _Opened(DynamoDBSellers)
    ledger = _Opened(DynamoDBLedger)
    inbound = _Opened(DynamoDBInbound)
    connections = _Opened(DynamoDBConnections)
    references = _Opened(DynamoDBReferences)
    clocks = _Opened(DynamoDBClocks)
    dead_letters = _Opened(DynamoDBDeadLetters)
    idempotency = _Opened(DynamoDBIdempotency)

    def __init__(self, scope: Scope, *, vault: Vault, directory: CustomerDirectory) -> None:
        self.tenant = scope.tenant
        self.vault = vault
        self.ids = scope.ids
        self.transaction_id = scope.transaction_id
        self._scope = scope
        self._directory = directory
        self._is_committed = False

    @cached_property
    def customers(self) -> DynamoDBCustomers:
        """Its customers."""
        return DynamoDBCustomers(self._scope, self._directory)

    def act_as(self, actor: Actor) -> None:
        """Name who acts, once known."""
        self._scope.actor = actor

    def commit(self) -> None:
        """Write everything buffered, once; see ``resale.adapters.dynamodb.buffer.commit``."""
        writes, self._scope.writes = self._scope.writes, []
        self._is_committed = True
        buffer.commit(self._scope.db, writes)

    def is_torn(self) -> bool:
        """Return whether the entities read here may never have been so at one moment: one has changed by now.

        Shape: reads each of them again, if there are two or more; nothing after a commit.

        Raises:
            Unavailable: The store did not answer in time.
        """
        if self._is_committed:  # the commit's own conditions have decided
            return False
        read = [part for part in self.__dict__.values() if isinstance(part, AuditedRepository)]
        return sum(part.read_count for part in read) > 1 and any(part.is_outdated() for part in read)
