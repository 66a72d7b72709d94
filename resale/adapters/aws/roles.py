"""Assuming a tenant's access role from the platform account, and refusing one in another account."""

from typing import TYPE_CHECKING, Final, cast

from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from resale.adapters.aws.clients import new_session
from resale.adapters.aws.credentials import Lease
from resale.adapters.faults import SessionUnavailable, WrongAccount, code_of
from resale.domain.tenants import Tenant
from resale.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import AssumeRoleResponseTypeDef

_SESSION_NAME: Final = "resale"
#: One tenant's callers hang on this, so it is short: at most 2 attempts of 1 s to connect and 2 s to read.
_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}, max_pool_connections=16
)
_ACCOUNT_FIELD: Final = 4  # arn:partition:sts:region:ACCOUNT:assumed-role/…


class RoleAssumer:
    """Calls STS with the platform's own credentials."""

    def __init__(self, settings: Settings) -> None:
        self._session_seconds = settings.session_seconds
        client = new_session().create_client(
            "sts",
            region_name=settings.platform_region,
            aws_access_key_id=settings.access_key_id,
            aws_secret_access_key=settings.secret_access_key,
            config=_CONFIG,
        )
        self._sts = cast("STSClient", client)

    def close(self) -> None:
        """Close the connections."""
        self._sts.close()

    def assume(self, tenant: Tenant) -> Lease:
        """Return credentials of the tenant's access role.

        Raises:
            SessionUnavailable: STS refused or did not respond.
            WrongAccount: The role is not in the tenant's account.
        """
        try:
            response = self._sts.assume_role(
                RoleArn=tenant.resources.access_role_arn,
                RoleSessionName=f"{_SESSION_NAME}-{tenant.slug}"[:64],
                ExternalId=tenant.external_id,
                Tags=[{"Key": "tenant", "Value": tenant.slug}],
                DurationSeconds=self._session_seconds,
            )
        except ClientError as error:
            detail = f"STS refused the session of tenant {tenant.slug} ({code_of(error)})."
            raise SessionUnavailable(detail, retry_after_seconds=30) from error
        except NoCredentialsError as error:
            detail = "The platform has no AWS credentials: no key is set and there is no task role."
            raise SessionUnavailable(detail, retry_after_seconds=30) from error
        except BotoCoreError as error:
            detail = f"STS did not respond for tenant {tenant.slug} ({type(error).__name__})."
            raise SessionUnavailable(detail, retry_after_seconds=5) from error
        _check_account(response, tenant)
        credentials = response["Credentials"]
        frozen = ReadOnlyCredentials(
            credentials["AccessKeyId"],
            credentials["SecretAccessKey"],
            credentials["SessionToken"],
            tenant.account_id,
        )
        return Lease(frozen, credentials["Expiration"])


def _check_account(response: "AssumeRoleResponseTypeDef", tenant: Tenant) -> None:
    account_id = response["AssumedRoleUser"]["Arn"].split(":")[_ACCOUNT_FIELD]
    if account_id != tenant.account_id:
        raise WrongAccount(
            f"The account of tenant {tenant.slug} is {tenant.account_id}, but its role is in {account_id}.",
            retry_after_seconds=300,
        )
