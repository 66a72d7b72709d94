"""The settings of the library. Frozen and typed; the entrypoint reads the environment, never this package."""

from collections.abc import Mapping

import msgspec


class OrganizationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The organisation in which tenants are onboarded, and the stack sets of their accounts."""

    management_role_arn: str  # in the management account, trusted for this platform
    account_email: str  # of a tenant's account; {slug} stands for the tenant's
    onboarding_unit: str  # organisational unit of accounts that are prepared
    tenants_unit: str  # organisational unit of accounts that are served
    closed_unit: str | None = None  # organisational unit of closed tenants' accounts; None: no tenant can be offboarded
    data_stack_set: str = "resale-tenant-data"
    access_stack_set: str = "resale-tenant-access"
    template_bucket: str | None = None  # of former templates, <version>/data.yaml; None: no account can go back
    account_role: str = "OrganizationAccountAccessRole"  # what CreateAccount makes in the new account
    sandbox_issuer: str | None = None  # OIDC issuer of the shoppers of sandboxes; None: no sandbox can be onboarded


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of adapters that do not belong to a tenant.

    AWS endpoints other than DynamoDB's are the SDK's own settings (``AWS_ENDPOINT_URL``).
    """

    platform_region: str = "eu-west-2"
    release: str = ""  # what runs here; noted with what fails
    access_key_id: str | None = None  # None: the SDK's own chain (task role)
    secret_access_key: str | None = None
    dynamodb_endpoints: Mapping[str, str] = {}  # account id, or account id/Region -> URL; local only
    lookup_secret: bytes  # keys the HMAC of look-ups; changing it loses customers (docs/decisions)
    cursor_secret: bytes  # signs cursors and tickets of the waiting line; changing it only ends them
    session_seconds: int = 3600  # AWS's limit for role chaining
    session_cache_count: int = 2048  # about 0.5 MiB each once S3 and KMS clients are made
    session_idle_seconds: float = 3600.0  # a session not asked for in this time is dropped
    session_proof_seconds: float = 60.0  # how often S3 is asked whether it still knows a session that signs forms
    connect_timeout_seconds: float = 2.0
    read_timeout_seconds: float = 5.0
    upload_form_seconds: int = 900
    data_key_cache_count: int = 10_000
    data_key_cache_seconds: float = 3600.0  # a tenant that disables its KMS key is served no longer than this
    guard_folder: str | None = None  # what a worker's processes share before partners; None: each is one by itself
    payments_url: str | None = None  # the sandbox provider; None: no payments can be taken
    payments_timeout_seconds: float = 12.0  # of one call to any payment provider
    shipping_url: str | None = None  # the sandbox carrier; None: no labels can be bought from it
    shipping_timeout_seconds: float = 10.0  # of one call; a label takes up to four, a task has 45 s
    organization: OrganizationSettings | None = None  # None: no tenant can be onboarded in AWS from here
    easypost_url: str = "https://api.easypost.com/v2"

    def dynamodb_endpoint(self, account_id: str, region: str) -> str | None:
        """Return the URL of an account's local engine, of this Region if it has one; None in AWS."""
        endpoints = self.dynamodb_endpoints
        return endpoints.get(f"{account_id}/{region}") or endpoints.get(account_id)
