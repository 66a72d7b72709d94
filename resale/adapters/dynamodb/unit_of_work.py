"""The unit of work on DynamoDB: one tenant, one actor, one buffer, one commit."""

from resale.adapters.dynamodb import buffer
from resale.adapters.dynamodb.audited import Scope
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
from resale.adapters.dynamodb.references import DynamoDBReferences
from resale.adapters.dynamodb.sellers import DynamoDBSellers
from resale.adapters.dynamodb.transfers import DynamoDBTransfers
from resale.application.ports import Vault
from resale.domain.actors import Actor


class DynamoDBUnitOfWork:
    """Keeps ``resale.application.ports.UnitOfWork``. What is not committed is dropped with it."""

    def __init__(self, scope: Scope, *, vault: Vault, directory: CustomerDirectory) -> None:
        self.tenant = scope.tenant
        self.vault = vault
        self.ids = scope.ids
        self.transaction_id = scope.transaction_id
        self._scope = scope
        self.listings = DynamoDBListings(self._scope)
        self.media = DynamoDBMedia(self._scope)
        self.orders = DynamoDBOrders(self._scope)
        self.customers = DynamoDBCustomers(self._scope, directory)
        self.transfers = DynamoDBTransfers(self._scope)
        self.claims = DynamoDBClaims(self._scope)
        self.payouts = DynamoDBPayouts(self._scope)
        self.sellers = DynamoDBSellers(self._scope)
        self.ledger = DynamoDBLedger(self._scope)
        self.inbound = DynamoDBInbound(self._scope)
        self.connections = DynamoDBConnections(self._scope)
        self.references = DynamoDBReferences(self._scope)
        self.clocks = DynamoDBClocks(self._scope)
        self.dead_letters = DynamoDBDeadLetters(self._scope)
        self.idempotency = DynamoDBIdempotency(self._scope)

    def act_as(self, actor: Actor) -> None:
        """Name who acts, once known."""
        self._scope.actor = actor

    def commit(self) -> None:
        """Write everything buffered, once; see ``resale.adapters.dynamodb.buffer.commit``."""
        writes, self._scope.writes = self._scope.writes, []
        buffer.commit(self._scope.db, writes)
