"""Customers in DynamoDB: the entity, and the look-up item that makes a shopper unique.

The look-up's key is HMAC-SHA256 of (issuer, subject) under a secret of the platform's, so neither the
table nor its backups say who somebody is. A look-up never changes, so a found one is remembered.
"""

import hmac
import threading
from collections import OrderedDict
from typing import Final, TypeAlias

from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.audited import AuditedRepository, Scope
from resale.adapters.dynamodb.buffer import Write
from resale.adapters.dynamodb.client import DynamoDB
from resale.adapters.dynamodb.documents import DocumentKind
from resale.adapters.dynamodb.mapping import EntityMapping, own_key
from resale.domain.changes import ChangeType
from resale.domain.customers import SCHEMA, Customer, CustomerChanged
from resale.domain.entities import CUSTOMER
from resale.domain.ids import CustomerId
from resale.domain.tenants import Tenant
from resale.errors import Contended

CUSTOMERS: Final = DocumentKind(Customer, schema=SCHEMA)
CUSTOMER_MAPPING: Final = EntityMapping[CustomerId, Customer](
    entity_type=CUSTOMER,
    documents=CUSTOMERS,
    rank=4,
    key=own_key(CUSTOMER),
)
_REMEMBERED_MAX: Final = 50_000  # about 10 MB
_Place: TypeAlias = tuple[str, str, int, str]  # tenant, table, epoch, hash


class CustomerDirectory:
    """Finds customer ids by issuer and subject; one a process, bounded, shared by threads."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._known: OrderedDict[_Place, CustomerId] = OrderedDict()
        self._lock = threading.Lock()

    def hash_subject(self, tenant: Tenant, *, issuer: str, subject: str) -> str:
        """Return the keyed hash of a shopper: HMAC over tenant, issuer and subject, length-prefixed."""
        message = b"".join(b"%d:%s" % (len(part), part) for part in map(str.encode, (tenant.id, issuer, subject)))
        return hmac.digest(self._secret, message, "sha256").hex()

    def find(self, db: DynamoDB, tenant: Tenant, *, issuer: str, subject: str) -> CustomerId | None:
        """Return the id of a shopper, from the cache first; None if there is none. Absence is never cached."""
        subject_hash = self.hash_subject(tenant, issuer=issuer, subject=subject)
        # A restored table, or another Region's, need not know whom the former one knew.
        place = tenant.id, tenant.resources.tables.lookups, tenant.write_epoch, subject_hash
        known = self._known.get(place)
        if known is not None:
            return known
        found = db.get_item(table=tenant.resources.tables.lookups, key=dict(keys.customer_lookup_key(subject_hash)))
        if found is None:
            return None
        return self._remember(place, CustomerId(str(found["entity_id"])))

    def _remember(self, key: _Place, customer_id: CustomerId) -> CustomerId:
        with self._lock:
            self._known[key] = customer_id
            if len(self._known) > _REMEMBERED_MAX:
                self._known.popitem(last=False)
        return customer_id


class DynamoDBCustomers(AuditedRepository[Customer]):
    """Implements ``resale.application.ports.CustomerRepository``."""

    def __init__(self, scope: Scope, directory: CustomerDirectory) -> None:
        super().__init__(scope, CUSTOMER_MAPPING)
        self._directory = directory

    def find_id(self, *, issuer: str, subject: str) -> CustomerId | None:
        """Return the id of a shopper; None before the first write."""
        return self._directory.find(self._scope.db, self._scope.tenant, issuer=issuer, subject=subject)

    def add_shopper(self, customer: Customer, *, issuer: str, subject: str) -> None:
        """Buffer a customer with its look-up item."""
        scope = self._scope
        subject_hash = self._directory.hash_subject(scope.tenant, issuer=issuer, subject=subject)
        self.add(customer, change_type=ChangeType.CUSTOMER_CREATED)
        scope.writes.append(
            Write(
                table=scope.tenant.resources.tables.lookups,
                item={
                    **keys.customer_lookup_key(subject_hash),
                    "entity_id": customer.id,
                    "transaction_id": scope.transaction_id,
                },
                expected_version=None,
                refused=lambda _found: CustomerChanged("Another request created this customer meanwhile. Retry."),
                contended=lambda _found: Contended("Another request is creating this customer. Retry in a moment."),
                mark=scope.transaction_id,
                rank=3,
            )
        )
