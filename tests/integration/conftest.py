"""The callers of the isolation tests."""

from typing import Any

import pytest

from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.platform import AccessKey
from resale.domain.tenants import Tenant
from tests.integration.callers import Caller, session_of, user


@pytest.fixture(scope="session")
def platform(engines: LocalEngines, platform_key: AccessKey) -> Caller:
    """The platform's user, before it assumes anything."""
    return user(platform_key, engines.aws_endpoint_url)


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
