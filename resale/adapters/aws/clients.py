"""botocore clients with a tenant's credentials: timeouts, few attempts, and a retry with new credentials."""

import functools
import threading
from collections.abc import Callable
from typing import Any, Final

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.loaders import Loader

from resale.adapters.aws.credentials import RoleCredentials
from resale.adapters.signing import REFUSED_TOKEN_CODES
from resale.domain.tenants import Tenant
from resale.domain.usage import Meter, RecordUsage
from resale.settings import Settings

_FIRST_ATTEMPT: Final = 1
_RETRY_NOW: Final = 0  # seconds
_TABLE_SERVICES: Final = frozenset({"dynamodb", "dynamodbstreams"})


@functools.cache
def _loader() -> Loader:
    """Return the loader of service descriptions, shared because they take most of a client's time and memory."""
    loader: Loader = botocore.session.Session().get_component("data_loader")
    return loader


def new_session() -> botocore.session.Session:
    """Return a botocore session that shares the service descriptions."""
    session = botocore.session.Session()
    session.register_component("data_loader", _loader())
    return session


class ClientFactory:
    """What the clients of all tenants of a process share."""

    def __init__(self, settings: Settings, *, record_usage: RecordUsage | None = None) -> None:
        """Store the settings. ``record_usage`` is told each request to SQS."""
        self.settings = settings
        self.record_usage = record_usage
        self.lock = threading.Lock()  # the loader's cache is filled without one

    def for_tenant(self, tenant: Tenant, credentials: RoleCredentials) -> "TenantClients":
        """Return the clients of a tenant, of which none is built yet."""
        return TenantClients(self, tenant, credentials)


class TenantClients:
    """The clients of a tenant, each built at first use: building one takes longer than most requests.

    They depend on the tenant's account, region and role, not on the rest of its record.
    """

    def __init__(self, factory: ClientFactory, tenant: Tenant, credentials: RoleCredentials) -> None:
        self._factory = factory
        self._tenant = tenant
        self._credentials = credentials
        self._session: botocore.session.Session | None = None
        self._built: dict[tuple[str, float], BaseClient] = {}

    def get(self, service: str, *, read_timeout_seconds: float) -> BaseClient:
        """Return the client of a service in the tenant's region with the tenant's credentials, built once."""
        key = service, read_timeout_seconds
        client = self._built.get(key)
        if client is None:
            with self._factory.lock:
                client = self._built.get(key)
                if client is None:
                    client = self._built[key] = self._build(service, read_timeout_seconds)
        return client

    def close(self) -> None:
        """Close the connections of the clients."""
        with self._factory.lock:
            for client in self._built.values():
                client.close()

    def _build(self, service: str, read_timeout_seconds: float) -> BaseClient:
        if self._session is None:
            self._session = new_session()
            self._session.register_component("credential_provider", _FixedCredentials(self._credentials))
        config = Config(
            connect_timeout=self._factory.settings.connect_timeout_seconds,
            read_timeout=read_timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": 2},
            tcp_keepalive=True,
            **(_s3_settings(self._session) if service == "s3" else {}),
            # dynoxide's shard ids are shorter than botocore's model says (research: engines).
            parameter_validation=service != "dynamodbstreams",
        )
        client: BaseClient = self._session.create_client(
            service, region_name=self._tenant.region, config=config, endpoint_url=self._endpoint_url(service)
        )
        client.meta.events.register_first("needs-retry", _CredentialRefresher(self._credentials))  # type: ignore[arg-type]  # the response counts
        if service == "sqs" and self._factory.record_usage is not None:
            client.meta.events.register("request-created", _request_counter(self._factory.record_usage, self._tenant))
        return client

    def _endpoint_url(self, service: str) -> str | None:
        """Return the URL of the local engine with the tenant's tables; None to use the settings of the SDK."""
        if service not in _TABLE_SERVICES:
            return None
        return self._factory.settings.dynamodb_endpoint(self._tenant.account_id, self._tenant.region)


def _request_counter(record: RecordUsage, tenant: Tenant) -> Callable[..., None]:
    """Return what counts a request for each attempt to send one (botocore's ``request-created``)."""

    def count(**_: Any) -> None:
        record(tenant.id, Meter.QUEUE_REQUESTS, 1)

    return count


def _s3_settings(session: botocore.session.Session) -> dict[str, Any]:
    """Return the addressing of S3: by region and bucket, or by path if the SDK's settings have an endpoint.

    botocore's default sends links and forms to the global host, which answers 307 for a bucket outside us-east-1 until
    its name is known everywhere; a browser's form does not survive that (S3 User Guide, "Making requests", redirects).
    """
    configured = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), "s3")
    style = "auto" if configured.provide() else "virtual"
    return {
        "signature_version": "s3v4",
        "s3": {"addressing_style": style, "us_east_1_regional_endpoint": "regional"},
    }


class _FixedCredentials:
    """A credential chain with one provider."""

    def __init__(self, credentials: RoleCredentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> RoleCredentials:
        """Return the credentials."""
        return self._credentials


class _CredentialRefresher:
    """Expires refused credentials and makes botocore sign and send the request again."""

    def __init__(self, credentials: RoleCredentials) -> None:
        self._credentials = credentials

    def __call__(self, response: Any, attempts: int, **_: Any) -> int | None:
        """Handle botocore's ``needs-retry``: return seconds to wait, or None to leave it to other handlers."""
        if response is None or attempts != _FIRST_ATTEMPT:
            return None
        _, parsed = response
        if parsed.get("Error", {}).get("Code") not in REFUSED_TOKEN_CODES:
            return None
        self._credentials.expire()
        return _RETRY_NOW
