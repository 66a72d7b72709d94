"""The unit of work on DynamoDB: one tenant, one command, one buffer, one commit."""

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final, TypeAlias

from resale.adapters.dynamodb import buffer
from resale.adapters.dynamodb.audited import AuditedRepository, RepositoryAttribute, Scope
from resale.adapters.dynamodb.customers import CustomerDirectory, DynamoDBCustomers
from resale.adapters.dynamodb.entities import DynamoDBRepositories
from resale.adapters.dynamodb.holds import DynamoDBHolds
from resale.adapters.dynamodb.idempotency import DynamoDBIdempotency
from resale.adapters.dynamodb.ledger import DynamoDBLedger
from resale.adapters.dynamodb.references import DynamoDBReferences
from resale.application.ports import Vault
from resale.domain.access import Principal
from resale.domain.actors import Actor, ActorKind
from resale.domain.ids import CustomerId, TenantId
from resale.domain.tenants import WRITE_LEASE
from resale.errors import Unavailable

#: Receives the tenant of a commit and the partition keys of its items: entities, and those that parts belong to.
RecordCommit: TypeAlias = Callable[[TenantId, Sequence[str]], None]


_LEASE_SECONDS: Final = WRITE_LEASE.total_seconds()


class WriteLeaseEnded(Unavailable):
    """The command took so long that the tenant's writes may have moved to another Region since it began."""

    code = "write_lease_ended"
    title = "Write lease ended"
    default_detail = "The request took too long, and nothing was written. Send it again."


class DynamoDBUnitOfWork(DynamoDBRepositories):
    """Implements ``resale.application.ports.UnitOfWork``. Without a commit, everything is dropped."""

    ledger = RepositoryAttribute(DynamoDBLedger)
    references = RepositoryAttribute(DynamoDBReferences)
    idempotency = RepositoryAttribute(DynamoDBIdempotency)
    holds = RepositoryAttribute(DynamoDBHolds)

    def __init__(
        self,
        scope: Scope,
        *,
        vault: Vault,
        directory: CustomerDirectory,
        record_commit: RecordCommit | None = None,
    ) -> None:
        self.tenant = scope.tenant
        self.context = scope.context
        self.now = scope.context.now
        self.vault = vault
        self.ids = scope.ids
        self.transaction_id = scope.transaction_id
        self._scope = scope
        self._directory = directory
        self._record_commit = record_commit
        self._principal = scope.context.principal
        self._is_committed = False
        self._opened_at = time.monotonic()

    @property
    def principal(self) -> Principal:
        """The principal whose permissions count."""
        if self._principal is None:
            raise TypeError("nobody's permissions count in a step of the platform's own")
        return self._principal

    @cached_property
    def customers(self) -> DynamoDBCustomers:
        """The customers of the tenant."""
        return DynamoDBCustomers(self._scope, self._directory)

    def act_as(self, customer_id: CustomerId) -> None:
        """Set the shopper who acts."""
        self._scope.actor = Actor(kind=ActorKind.SHOPPER, id=customer_id)
        self._principal = Principal(customer_id=customer_id)

    def commit(self) -> None:
        """Write all buffered items once; see ``resale.adapters.dynamodb.buffer.commit``.

        Raises:
            WriteLeaseEnded: The tenant has a standby, and this was opened too long ago to know that it did not move.
        """
        if self.tenant.standby is not None and time.monotonic() - self._opened_at > _LEASE_SECONDS:
            raise WriteLeaseEnded
        writes, self._scope.writes = self._scope.writes, []
        self._is_committed = True
        try:
            buffer.commit(self._scope.db, writes)
        finally:  # an outcome that is not known is recorded as well
            if self._record_commit is not None:
                self._record_commit(self.tenant.id, [str(write.item["pk"]) for write in writes])

    def is_torn(self) -> bool:
        """Return whether the entities read here may never have existed together, because one has changed since.

        Shape: reads each of them again, if there are two or more; nothing after a commit.

        Raises:
            Unavailable: The data store did not respond in time. Retry later.
        """
        if self._is_committed:  # the commit's own conditions have decided
            return False
        read = [part for part in self.__dict__.values() if isinstance(part, AuditedRepository)]
        return sum(part.read_count for part in read) > 1 and any(part.is_outdated() for part in read)
