"""The real container of a run, on the run's own engine, partners and queues."""

from collections.abc import Callable

import msgspec

from resale.adapters.crypto.keyring import KMSKeyring
from resale.adapters.dynamodb.client import DynamoDB
from resale.adapters.dynamodb.customers import CustomerDirectory
from resale.adapters.dynamodb.streams import TenantStreams
from resale.application.ports import Partners, PaymentProvider, Queues, ShippingProvider
from resale.bootstrap import Container
from resale.domain.ids import IdSource
from resale.domain.tenants import Tenant
from tests.simulation.bank import Bank
from tests.simulation.engine import Engine, streams_of
from tests.simulation.post import Post
from tests.simulation.queues import SimulatedQueues
from tests.simulation.store import UnreliableStore


class BothPartners(msgspec.Struct, frozen=True):
    """Keeps ``resale.application.ports.Partners``."""

    bank: Bank
    post: Post

    @property
    def payments(self) -> PaymentProvider:
        return self.bank

    @property
    def shipping(self) -> ShippingProvider:
        return self.post


class SimulatedContainer(Container):
    """Everything as the platform builds it, but for what lies outside the platform."""

    def __init__(self, base: Container, *, engine: Engine, partners: BothPartners, queues: SimulatedQueues) -> None:
        self.__dict__.update(base.__dict__)  # its sessions: making new ones takes longer than a run
        # But nothing that an earlier run read or wrote, so that a seed is played alike on its own and after others.
        self._directory = CustomerDirectory(base.settings.lookup_secret)
        self._keyring = KMSKeyring(base.settings)
        self._engine, self._both, self._queues = engine, partners, queues

    def on(self, tenant: Tenant, *, ids: IdSource, store: Callable[[DynamoDB], UnreliableStore]) -> UnreliableStore:
        """Have a tenant's session write to the run's engine, through a store that fails."""
        self.ids = ids
        session = self.sessions.for_tenant(tenant)
        made = self._store = store(DynamoDB(self._engine.pool, region=tenant.region, credentials=session))
        session._dynamodb = made  # type: ignore[assignment]  # it has the four methods that are called
        return made

    def partners(self, _tenant: Tenant) -> Partners:
        return self._both

    def queues(self, _tenant: Tenant) -> Queues:
        return self._queues

    def streams(self, tenant: Tenant) -> TenantStreams:
        return streams_of(self._engine, tenant, moved=lambda table: table in self._store.moved)
