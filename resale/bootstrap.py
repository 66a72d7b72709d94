"""The composition root: the only module that names adapters. Builds lazily, connects to nothing."""

from collections.abc import Mapping

from msgspec.structs import astuple

from resale.adapters.aws.roles import RoleAssumer
from resale.adapters.aws.secrets import SecretCache
from resale.adapters.aws.sessions import TenantSession, TenantSessions
from resale.adapters.crypto.certificates import CertificateSigner
from resale.adapters.crypto.keyring import KMSKeyring
from resale.adapters.crypto.vault import KeyringVault
from resale.adapters.dynamodb.audited import Scope
from resale.adapters.dynamodb.cursors import Cursors
from resale.adapters.dynamodb.customers import CustomerDirectory
from resale.adapters.dynamodb.dead_letters import DynamoDBFailures
from resale.adapters.dynamodb.heartbeats import DynamoDBHeartbeats
from resale.adapters.dynamodb.history import DynamoDBHistory
from resale.adapters.dynamodb.reader import DynamoDBReader
from resale.adapters.dynamodb.set_aside import stream_range
from resale.adapters.dynamodb.stream_records import history_row
from resale.adapters.dynamodb.streams import TenantStreams
from resale.adapters.dynamodb.unit_of_work import DynamoDBUnitOfWork, RecordCommit
from resale.adapters.identifiers import new_id
from resale.adapters.images.isolated import IsolatedImageCodec
from resale.adapters.organizations.clients import ManagementClients
from resale.adapters.organizations.moves import OrganizationRegions
from resale.adapters.organizations.providers import OrganizationProviders
from resale.adapters.organizations.restores import OrganizationTables
from resale.adapters.organizations.retirement import OrganizationRetirement
from resale.adapters.partners.choice import PartnerSelector, read_field
from resale.adapters.partners.guarded import GuardedPayments, GuardedShipping
from resale.adapters.partners.guards import Guards
from resale.adapters.partners.records import ConnectionRecords, RecordConnection
from resale.adapters.payments.sandbox import SandboxPayments
from resale.adapters.payments.stripe import StripePayments
from resale.adapters.pipeline import TenantPipeline
from resale.adapters.s3.links import S3PrivateLinks
from resale.adapters.s3.store import S3MediaStore
from resale.adapters.s3.uploads import S3UploadForms
from resale.adapters.shipping.easypost import EasyPostShipping
from resale.adapters.shipping.sandbox import SandboxShipping
from resale.adapters.smoke import AccountSmokeTest
from resale.adapters.sqs.dead_letters import SQSDeadLetters
from resale.adapters.sqs.queues import SQSQueues
from resale.application.ports import (
    DeadLetters,
    FailureLog,
    HistoryLog,
    HistoryRow,
    ImageCodec,
    MediaStore,
    OffboardingProviders,
    OnboardingProviders,
    Partners,
    PaymentProvider,
    Pipeline,
    PrivateLinks,
    Queues,
    Reader,
    RegionMoves,
    Secrets,
    ShippingProvider,
    Signer,
    SmokeTest,
    StreamRange,
    TableRestores,
    UnitOfWork,
    UploadForms,
)
from resale.domain.command_context import CommandContext
from resale.domain.ids import IdSource
from resale.domain.partners import Connection, PartnerKind, PartnerMisconfigured, Provider
from resale.domain.tenants import Tenant
from resale.domain.usage import RecordUsage
from resale.errors import Unavailable
from resale.settings import Settings


class Container:
    """The resources that a process shares: sessions, caches, and the adapters of each tenant for entrypoints."""

    def __init__(
        self,
        settings: Settings,
        *,
        record_connection: RecordConnection | None = None,
        record_usage: RecordUsage | None = None,
        record_commit: RecordCommit | None = None,
    ) -> None:
        """Store the settings.

        Args:
            settings: The platform's.
            record_connection: Records the observations of guards; None: they are logged.
            record_usage: Adds to the meters of tenants; None: nothing is metered.
            record_commit: Receives what each commit wrote, after it, whatever its outcome; must not raise.
        """
        self.settings = settings
        self.sessions = TenantSessions(settings, record_usage=record_usage)
        self.ids: IdSource = new_id
        self.codec: ImageCodec = IsolatedImageCodec()
        self._cursors = Cursors(settings.cursor_secret)
        self._directory = CustomerDirectory(settings.lookup_secret)
        self._keyring = KMSKeyring(settings)
        self._secrets = SecretCache()
        self._payments = PartnerSelector(PartnerKind.PAYMENTS, self._open_payments, sandbox_url=settings.payments_url)
        self._shipping = PartnerSelector(PartnerKind.SHIPPING, self._open_shipping, sandbox_url=settings.shipping_url)
        self._record_connection = record_connection
        self._record_commit = record_commit
        self._guards = Guards(settings.guard_folder, open_states=self._connection_records)

    def unit_of_work(self, tenant: Tenant, context: CommandContext) -> UnitOfWork:
        """Open a unit of work for one tenant and one command."""
        session = self.sessions.for_tenant(tenant)
        scope = Scope(
            tenant=tenant,
            db=session.dynamodb,
            ids=self.ids,
            context=context,
            actor=context.actor,
            transaction_id=self.ids("txn"),
            writes=[],
        )
        return DynamoDBUnitOfWork(
            scope, vault=self._vault(session), directory=self._directory, record_commit=self._record_commit
        )

    def reader(self, tenant: Tenant) -> Reader:
        """Open reads on one tenant."""
        session = self.sessions.for_tenant(tenant)
        return DynamoDBReader(
            tenant=tenant,
            db=session.dynamodb,
            vault=self._vault(session),
            cursors=self._cursors,
            directory=self._directory,
        )

    def history(self, tenant: Tenant) -> HistoryLog:
        """Open the append-only history of one tenant."""
        return DynamoDBHistory(self.sessions.for_tenant(tenant).dynamodb, tenant, self._cursors)

    def history_row(self, body: str, *, tenant: Tenant | None = None) -> HistoryRow:
        """Convert a stream record of the changes queue, of a tenant's own tables only. Raises RecordUnreadable."""
        return history_row(body, tables=() if tenant is None else astuple(tenant.resources.tables))

    def stream_range(self, body: str) -> StreamRange:
        """Parse a message of the Pipes' dead-letter queue. Raises RecordUnreadable."""
        return stream_range(body)

    def uploads(self, tenant: Tenant) -> UploadForms:
        """Open the upload forms of one tenant's bucket."""
        return S3UploadForms(self.sessions.for_tenant(tenant), self.settings)

    def private_links(self, tenant: Tenant) -> PrivateLinks:
        """Open the private links of one tenant's bucket."""
        return S3PrivateLinks(self.sessions.for_tenant(tenant))

    def media_store(self, tenant: Tenant) -> MediaStore:
        """Open one tenant's media bucket."""
        return S3MediaStore(self.sessions.for_tenant(tenant))

    def secrets(self, tenant: Tenant) -> Secrets:
        """Open one tenant's secrets."""
        return self._secrets.for_session(self.sessions.for_tenant(tenant))

    def payments(self, tenant: Tenant) -> PaymentProvider:
        """Open one tenant's payment provider. Raises PartnerMisconfigured where there is none, PartnerUnavailable."""
        chosen = self._payments.for_tenant(tenant, self.secrets(tenant))
        return self.guarded_payments(tenant, chosen.connection, chosen.adapter)

    def shipping(self, tenant: Tenant) -> ShippingProvider:
        """Open one tenant's shipping provider. Raises PartnerMisconfigured where there is none, PartnerUnavailable."""
        chosen = self._shipping.for_tenant(tenant, self.secrets(tenant))
        return self.guarded_shipping(tenant, chosen.connection, chosen.adapter)

    def partners(self, tenant: Tenant) -> Partners:
        """Return one tenant's partners; each adapter is selected at first use."""
        return _TenantPartners(self, tenant)

    def guarded_payments(self, tenant: Tenant, connection: Connection, provider: PaymentProvider) -> PaymentProvider:
        """Add a tenant's limits and circuit breaker to its payment provider."""
        return GuardedPayments(provider, self._guards.for_connection(tenant, connection))

    def guarded_shipping(self, tenant: Tenant, connection: Connection, provider: ShippingProvider) -> ShippingProvider:
        """Add a tenant's limits and circuit breaker to its shipping provider."""
        return GuardedShipping(provider, self._guards.for_connection(tenant, connection))

    def queues(self, tenant: Tenant) -> Queues:
        """Open one tenant's queues."""
        return SQSQueues(self.sessions.for_tenant(tenant))

    def dead_letters(self, tenant: Tenant) -> DeadLetters:
        """Open one tenant's dead-letter queues."""
        return SQSDeadLetters(self.sessions.for_tenant(tenant), self._cursors)

    def failures(self, tenant: Tenant) -> FailureLog:
        """Open the failure log of one tenant."""
        return DynamoDBFailures(self.sessions.for_tenant(tenant).dynamodb, tenant, release=self.settings.release)

    def streams(self, tenant: Tenant) -> TenantStreams:
        """Open one tenant's streams, where no Pipe reads them, and for reconciliation."""
        client = self.sessions.for_tenant(tenant).client("dynamodbstreams")
        return TenantStreams(tenant, client)  # type: ignore[arg-type]  # the stubs know no such client

    def pipeline(self, tenant: Tenant) -> Pipeline:
        """Open the change pipeline of one tenant."""
        session = self.sessions.for_tenant(tenant)
        heartbeats = DynamoDBHeartbeats(session.dynamodb, tenant, self.ids)
        return TenantPipeline(tenant.resources, heartbeats=heartbeats, queues=SQSQueues(session))

    def smoke_test(self) -> SmokeTest:
        """Open the smoke test of new accounts."""
        return AccountSmokeTest(self.sessions.for_tenant, lambda: RoleAssumer(self.settings))

    def onboarding_providers(self) -> OnboardingProviders:
        """Open the onboarding providers of AWS. Raises Unavailable: no organisation is configured."""
        organization = self.settings.organization
        if organization is None:
            raise Unavailable(
                "No organisation is configured, so no tenant can be onboarded here. Set RESALE_ORGANIZATION.",
                retry_after_seconds=60,
            )
        return OrganizationProviders(ManagementClients(self.settings, organization), organization)

    def offboarding_providers(self) -> OffboardingProviders:
        """Open the offboarding providers of AWS. Raises Unavailable: no unit of closed accounts is configured."""
        organization = self.settings.organization
        if organization is None or organization.closed_unit is None:
            raise Unavailable(
                "No unit of closed accounts is configured, so no tenant can be offboarded here. Set closed_unit in "
                "RESALE_ORGANIZATION.",
                retry_after_seconds=60,
            )
        return OrganizationRetirement(ManagementClients(self.settings, organization), organization)

    def region_moves(self) -> RegionMoves:
        """Open the moves of AWS. Raises Unavailable: no organisation is configured."""
        organization = self.settings.organization
        if organization is None:
            raise Unavailable(
                "No organisation is configured, so no tenant can be moved here. Set RESALE_ORGANIZATION.",
                retry_after_seconds=60,
            )
        return OrganizationRegions(ManagementClients(self.settings, organization))

    def table_restores(self) -> TableRestores:
        """Open the restores of AWS. Raises Unavailable: no organisation is configured."""
        organization = self.settings.organization
        if organization is None:
            raise Unavailable(
                "No organisation is configured, so no tenant can be restored here. Set RESALE_ORGANIZATION.",
                retry_after_seconds=60,
            )
        return OrganizationTables(ManagementClients(self.settings, organization))

    def signer(self) -> Signer:
        """Open the signer of certificates."""
        return CertificateSigner(self.settings.lookup_secret)

    def close(self) -> None:
        """Stop the refresh thread, close pooled connections and delete the folder of this process."""
        self.sessions.close()
        self._guards.close()

    def _connection_records(self, tenant: Tenant) -> ConnectionRecords:
        return ConnectionRecords(tenant, open_reader=lambda: self.reader(tenant), record=self._record_connection)

    def _open_payments(self, account: str, connection: Connection, secret: Mapping[str, str]) -> PaymentProvider:
        if connection.provider is Provider.SANDBOX:
            return SandboxPayments(self.settings, account=account, webhook_secret=secret.get("webhook_secret"))
        if connection.provider is Provider.STRIPE:
            return StripePayments(
                self.settings,
                api_key=read_field(connection, secret, "api_key"),
                webhook_secret=secret.get("webhook_secret"),
                return_url=secret.get("return_url"),
            )
        raise PartnerMisconfigured(f"{connection.provider} is not a payment provider.", retry_after_seconds=60)

    def _open_shipping(self, account: str, connection: Connection, secret: Mapping[str, str]) -> ShippingProvider:
        if connection.provider is Provider.SANDBOX:
            return SandboxShipping(self.settings, account=account, webhook_secret=secret.get("webhook_secret"))
        if connection.provider is Provider.EASYPOST:
            api_key = read_field(connection, secret, "api_key")
            return EasyPostShipping(self.settings, api_key=api_key, webhook_secret=secret.get("webhook_secret"))
        raise PartnerMisconfigured(f"{connection.provider} is not a carrier.", retry_after_seconds=60)

    def _vault(self, session: TenantSession) -> KeyringVault:
        return KeyringVault(self._keyring.for_session(session))


class _TenantPartners:
    """Implements ``resale.application.ports.Partners``."""

    def __init__(self, container: Container, tenant: Tenant) -> None:
        self._container = container
        self._tenant = tenant

    @property
    def payments(self) -> PaymentProvider:
        """The tenant's payment provider."""
        return self._container.payments(self._tenant)

    @property
    def shipping(self) -> ShippingProvider:
        """The tenant's shipping provider."""
        return self._container.shipping(self._tenant)
