"""Tables on ministack too (only it enforces IAM on DynamoDB), a secret each, and the callers of the isolation tests."""

from typing import Any

import pytest

from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.connections import Endpoints, RootAccount
from deploy.local.provisioning.platform import AccessKey
from deploy.local.provisioning.secrets import SecretPlace, put_secret
from deploy.local.provisioning.tenants import apply_template, data_template
from resale.domain.tenants import Tenant
from tests.fixtures.provisioned import stack_of
from tests.integration.callers import Caller, secret_name, session_of, user


@pytest.fixture(scope="session")
def platform(engines: LocalEngines, platform_key: AccessKey) -> Caller:
    """The platform's user, before it assumes anything."""
    return user(platform_key, engines.aws_endpoint_url)


@pytest.fixture(scope="session")
def guarded(engines: LocalEngines, tenants: tuple[Tenant, Tenant]) -> tuple[Tenant, Tenant]:
    """Both tenants, a secret in each account, and their tables made on ministack as well, where IAM guards them."""
    for tenant in tenants:
        url = engines.aws_endpoint_url
        account = RootAccount(
            account_id=tenant.account_id, region=tenant.region, endpoints=Endpoints(aws_url=url, dynamodb_url=url)
        )
        stack = stack_of(tenant.slug, tenant.account_id, tenant.region, engines)
        apply_template(account, data_template(stack))
        place = SecretPlace(account_id=tenant.account_id, region=tenant.region, key_arn=tenant.resources.key_arn)
        put_secret(place, aws_url=url, name=secret_name(tenant), values={"webhook_secret": tenant.slug})
    return tenants


@pytest.fixture(params=["northwind attacks atelier", "atelier attacks northwind"])
def attacker_and_victim(request: pytest.FixtureRequest, guarded: tuple[Tenant, Tenant]) -> tuple[Tenant, Tenant]:
    """Each tenant against the other."""
    first, second = guarded
    return (first, second) if request.param.startswith("northwind") else (second, first)


@pytest.fixture
def session(attacker_and_victim: tuple[Tenant, Tenant], platform: Caller) -> Caller:
    """The attacker's session, as the platform opens it."""
    return session_of(attacker_and_victim[0], platform)


@pytest.fixture
def victim_ciphertext(attacker_and_victim: tuple[Tenant, Tenant], platform: Caller) -> Any:
    """Something that the victim's key encrypted."""
    victim = attacker_and_victim[1]
    kms = session_of(victim, platform).client("kms", victim.region)
    return kms.generate_data_key(KeyId=victim.resources.key_arn, KeySpec="AES_256")["CiphertextBlob"]
