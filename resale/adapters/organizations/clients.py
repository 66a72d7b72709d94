"""Clients of the organisation's management account, and of CloudFormation in an account of the organisation."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from botocore.config import Config

from resale.adapters.aws.clients import new_session
from resale.adapters.aws.credentials import wall_clock
from resale.adapters.faults import unavailable_on_fault
from resale.settings import OrganizationSettings, Settings

#: The one Region in which AWS has the endpoints of Organizations and Account Management (AWS General Reference).
_GLOBAL_REGION: Final = "us-east-1"
_SESSION_NAME: Final = "resale-onboarding"
_CONFIG: Final = Config(connect_timeout=3, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
#: A client is built again when its credentials, of 3600 s, are good for less: a call with retries ends within it.
_RENEWED_BEFORE: Final = timedelta(minutes=10)


class _Role(NamedTuple):
    """Credentials of an assumed role, as arguments of botocore, and when they expire."""

    keys: dict[str, str | None]
    expires_at: datetime


class _Known(NamedTuple):
    """A client and when its credentials expire."""

    client: Any
    expires_at: datetime


class ManagementClients:
    """Clients with the credentials of the management role, each built at first use and again before they expire.

    No stubs of them are installed.
    """

    def __init__(
        self, settings: Settings, organization: OrganizationSettings, *, now: Callable[[], datetime] = wall_clock
    ) -> None:
        """Store the settings; nothing connects."""
        self._settings = settings
        self._organization = organization
        self._now = now
        self._clients: dict[tuple[str, str], _Known] = {}

    @property
    def organizations(self) -> Any:
        """AWS Organizations. Raises Unavailable."""
        return self._management("organizations", _GLOBAL_REGION)

    @property
    def account(self) -> Any:
        """AWS Account Management. Raises Unavailable."""
        return self._management("account", _GLOBAL_REGION)

    @property
    def cloudformation(self) -> Any:
        """CloudFormation in the Region of the stack sets. Raises Unavailable."""
        return self._management("cloudformation", self._settings.platform_region)

    @property
    def s3(self) -> Any:
        """S3 of the platform's Region, as the management role. Raises Unavailable."""
        return self._management("s3", self._settings.platform_region)

    def stacks_of(self, account_id: str, region: str) -> Any:
        """Return CloudFormation of a tenant's account, as its administrator. Raises Unavailable."""
        return self.client_of(account_id, region, "cloudformation")

    def client_of(self, account_id: str, region: str, service: str) -> Any:
        """Return a client in a tenant's account, by the role that CreateAccount made. Raises Unavailable."""
        role = f"arn:aws:iam::{account_id}:role/{self._organization.account_role}"
        return self._build(service, region, self._assume(role, by=self._management("sts", region)).keys)

    def _management(self, service: str, region: str) -> Any:
        known = self._clients.get((service, region))
        if known is None or known.expires_at - self._now() < _RENEWED_BEFORE:
            role = self._assume(self._organization.management_role_arn, by=self._platform_sts())
            known = _Known(self._build(service, region, role.keys), role.expires_at)
            self._clients[service, region] = known
        return known.client

    def _platform_sts(self) -> Any:
        keys = {
            "aws_access_key_id": self._settings.access_key_id,
            "aws_secret_access_key": self._settings.secret_access_key,
        }
        return self._build("sts", self._settings.platform_region, keys)

    @staticmethod
    def _assume(role_arn: str, *, by: Any) -> _Role:
        with unavailable_on_fault("STS"):
            keys = by.assume_role(RoleArn=role_arn, RoleSessionName=_SESSION_NAME)["Credentials"]
        found = {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }
        return _Role(found, keys["Expiration"])

    def _build(self, service: str, region: str, keys: dict[str, str | None]) -> Any:
        build: Any = new_session().create_client  # its stub takes no mapping of keys
        return build(service, region_name=region, config=_CONFIG, **keys)
