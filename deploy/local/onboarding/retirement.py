"""The offboarding providers of the local platform."""

from collections.abc import Mapping
from typing import Any, Final

from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.onboarding.providers import LocalPlace, SaveRequest
from deploy.local.private_files import change_secrets
from deploy.local.provisioning.connections import Endpoints, RootAccount
from resale.adapters.retirement import AccountRetirement
from resale.domain.tenant_onboarding import AccountUnit
from resale.domain.tenants import Tenant

#: Attributes of ``RootAccount`` by the SDK's name of the service.
_CLIENTS: Final[Mapping[str, str]] = {"dynamodb": "dynamodb", "kms": "kms", "secretsmanager": "secrets"}


class LocalRetirement(AccountRetirement):
    """Implements ``resale.application.ports.OffboardingProviders``, with the root keys of local accounts."""

    poll_seconds = 1.0

    def __init__(self, place: LocalPlace) -> None:
        super().__init__(self._client_for)
        self._place = place
        self._files = AccountFiles(place.var)

    def retire(self, tenant: Tenant) -> None:
        """Mark the account as closed, forget the brand's secrets, and save the engines' state."""
        self._files.move(tenant.account_id, AccountUnit.CLOSED)
        with change_secrets(self._place.secrets_file, ()) as secrets:
            secrets.brands.pop(tenant.slug, None)
        SaveRequest(self._files)(tenant.account_id)

    def _client_for(self, tenant: Tenant, service: str) -> Any:
        endpoints = Endpoints(aws_url=self._place.aws_url, dynamodb_url=self._files.endpoints()[tenant.account_id])
        account = RootAccount(account_id=tenant.account_id, region=tenant.region, endpoints=endpoints)
        return getattr(account, _CLIENTS[service])
