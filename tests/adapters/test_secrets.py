"""A tenant's secrets, from the account's own Secrets Manager: how old, by whom read, and what refusals become."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.secrets import SecretPlace, put_secret
from resale.adapters.aws.secrets import SecretCache, SecretsManagerSecrets
from resale.adapters.aws.sessions import TenantSession
from resale.domain.partners import PartnerMisconfigured, PartnerUnavailable
from resale.domain.tenants import Tenant
from tests.adapters.conftest import OpenSessions
from tests.faults.proxy import Fault, FaultProxy
from tests.integration.callers import root

Tenants = tuple[Tenant, Tenant]
Put = Callable[..., bool]
READ = "GetSecretValue"


class Clock:
    """Time that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> SecretCache:
    return SecretCache(clock=clock)


@pytest.fixture
def secrets(session: TenantSession, cache: SecretCache) -> SecretsManagerSecrets:
    """Northwind's."""
    return cache.for_session(session)


@pytest.fixture
def watched(open_sessions: OpenSessions, aws_proxy: FaultProxy, cache: SecretCache, tenants: Tenants) -> Any:
    """Northwind's, through the proxy, with a session that is there already."""
    session = open_sessions(read_timeout_seconds=1.0).for_tenant(tenants[0])
    session.credentials()
    assert aws_proxy.seen(READ) == []
    return cache.for_session(session)


@pytest.fixture
def name() -> str:
    """A secret nobody else has."""
    return f"northwind/{uuid.uuid4().hex}"


@pytest.fixture
def put(engines: LocalEngines, tenants: Tenants) -> Put:
    """Write a secret as whoever provisions the account does."""

    def write(name: str, tenant: Tenant = tenants[0], **values: str) -> bool:
        place = SecretPlace(account_id=tenant.account_id, region=tenant.region, key_arn=tenant.resources.key_arn)
        return put_secret(place, aws_url=engines.aws_endpoint_url, name=name, values=values)

    return write


def put_raw(name: str, tenant: Tenant, engines: LocalEngines, **content: Any) -> None:
    client: Any = root(tenant.account_id, engines.aws_endpoint_url).client("secretsmanager", tenant.region)
    client.create_secret(Name=name, **content)


class TestPutting:
    def test_the_same_again_writes_nothing(self, put: Put, name: str) -> None:
        assert put(name, a="1", b="2")
        assert not put(name, b="2", a="1")
        assert put(name, a="1")

    def test_is_encrypted_with_the_tenants_key(
        self, put: Put, name: str, engines: LocalEngines, tenants: Tenants
    ) -> None:
        put(name, a="1")
        client: Any = root(tenants[0].account_id, engines.aws_endpoint_url).client("secretsmanager", tenants[0].region)
        held = client.describe_secret(SecretId=name)
        assert held["KmsKeyId"] == tenants[0].resources.key_arn
        assert held["Tags"] == [{"Key": "tenant", "Value": "northwind"}]


class TestReading:
    def test_gives_what_was_put(self, secrets: SecretsManagerSecrets, put: Put, name: str) -> None:
        put(name, api_key="sk_1", webhook_secret="ü")
        assert secrets.get(name) == {"api_key": "sk_1", "webhook_secret": "ü"}

    def test_asks_once_in_four_minutes(
        self, watched: SecretsManagerSecrets, aws_proxy: FaultProxy, put: Put, name: str, clock: Clock
    ) -> None:
        put(name, a="1")
        for clock.now in (1_000.0, 1_100.0, 1_239.0):
            watched.get(name)
        assert len(aws_proxy.seen(READ)) == 1

    def test_is_at_most_five_minutes_old(
        self, secrets: SecretsManagerSecrets, put: Put, name: str, clock: Clock
    ) -> None:
        put(name, a="1")
        first = secrets.get(name)
        put(name, a="2")
        assert secrets.get(name) is first
        clock.now += 300.0
        assert secrets.get(name) == {"a": "2"}

    def test_what_did_not_change_stays_the_same_object(
        self, secrets: SecretsManagerSecrets, put: Put, name: str, clock: Clock
    ) -> None:
        put(name, a="1")
        first = secrets.get(name)
        clock.now += 300.0
        assert secrets.get(name) is first

    def test_cannot_be_changed_by_who_reads_it(self, secrets: SecretsManagerSecrets, put: Put, name: str) -> None:
        put(name, a="1")
        held: Any = secrets.get(name)
        with pytest.raises(TypeError):
            held["a"] = "2"

    def test_forgets_the_least_lately_used(self, session: TenantSession, put: Put, name: str, clock: Clock) -> None:
        cache = SecretCache(clock=clock, max_count=2)
        for part in ("a", "b", "c"):
            put(f"{name}-{part}", part=part)
            assert cache.for_session(session).get(f"{name}-{part}") == {"part": part}
        assert len(cache) == 2


class TestManyAtOnce:
    def test_are_answered_by_one_call(
        self, watched: SecretsManagerSecrets, aws_proxy: FaultProxy, put: Put, name: str
    ) -> None:
        put(name, a="1")
        start = threading.Barrier(8)

        def read() -> str:
            start.wait()
            return watched.get(name)["a"]

        with ThreadPoolExecutor(8) as pool:
            given = [one.result() for one in [pool.submit(read) for _ in range(8)]]
        assert given == ["1"] * 8
        assert len(aws_proxy.seen(READ)) == 1

    def test_fail_together_when_nobody_answers(
        self, watched: SecretsManagerSecrets, aws_proxy: FaultProxy, put: Put, name: str
    ) -> None:
        put(name, a="1")
        aws_proxy.inject(Fault.UNAVAILABLE, READ)
        start = threading.Barrier(8)

        def read() -> type[Exception]:
            start.wait()
            with pytest.raises(PartnerUnavailable) as refusal:
                watched.get(name)
            return refusal.type

        with ThreadPoolExecutor(8) as pool:
            assert {one.result() for one in [pool.submit(read) for _ in range(8)]} == {PartnerUnavailable}
        assert len(aws_proxy.seen(READ)) == 2  # one call's two attempts

    def test_wait_for_no_other_secret(
        self, watched: SecretsManagerSecrets, cache: SecretCache, put: Put, name: str, tenants: Tenants
    ) -> None:
        put(name, a="1")
        with cache.entry(tenants[0].id, "northwind/stalled").lock:
            assert watched.get(name) == {"a": "1"}


class TestRenewing:
    @pytest.fixture
    def known(self, watched: SecretsManagerSecrets, put: Put, name: str) -> Any:
        put(name, a="1")
        return watched.get(name)

    def test_is_one_callers_work_before_it_is_too_old(
        self, watched: SecretsManagerSecrets, cache: SecretCache, known: Any, name: str, clock: Clock, tenants: Tenants
    ) -> None:
        clock.now += 250.0
        with cache.entry(tenants[0].id, name).lock:  # as somebody who is reading it
            assert watched.get(name) is known

    def test_a_failed_one_does_no_harm_before_it_is_too_old(
        self, watched: SecretsManagerSecrets, aws_proxy: FaultProxy, known: Any, name: str, clock: Clock
    ) -> None:
        aws_proxy.inject(Fault.STALL, READ)
        clock.now += 250.0
        assert watched.get(name) is known
        assert aws_proxy.injected(READ) > 0
        clock.now += 50.0
        with pytest.raises(PartnerUnavailable, match="did not respond"):
            watched.get(name)

    def test_is_tried_again_after_seconds(
        self, watched: SecretsManagerSecrets, aws_proxy: FaultProxy, known: Any, name: str, clock: Clock
    ) -> None:
        aws_proxy.inject(Fault.THROTTLE, READ, count=2)
        clock.now += 300.0
        for _ in range(2):
            with pytest.raises(PartnerUnavailable, match="refused"):
                watched.get(name)
        clock.now += 5.0
        assert watched.get(name) is known


class TestWhatSomebodyMustMend:
    def test_one_that_is_not_there(self, secrets: SecretsManagerSecrets, put: Put, name: str, clock: Clock) -> None:
        for _ in range(2):
            with pytest.raises(PartnerMisconfigured, match="ResourceNotFoundException"):
                secrets.get(name)
        put(name, a="1")
        clock.now += 5.0
        assert secrets.get(name) == {"a": "1"}

    def test_another_tenants(self, secrets: SecretsManagerSecrets, put: Put, tenants: Tenants, name: str) -> None:
        foreign = name.replace("northwind", "atelier")
        put(foreign, tenants[1], a="1")
        with pytest.raises(PartnerMisconfigured, match="AccessDenied"):
            secrets.get(foreign)

    @pytest.mark.parametrize(
        "content",
        [
            {"SecretString": "hush"},
            {"SecretString": '"hush"'},
            {"SecretString": '{"hush": 1}'},
            {"SecretBinary": b'{"a": "hush"}'},
        ],
    )
    def test_one_that_is_no_object_of_strings_and_is_not_quoted(
        self,
        secrets: SecretsManagerSecrets,
        name: str,
        tenants: Tenants,
        engines: LocalEngines,
        content: dict[str, Any],
    ) -> None:
        put_raw(name, tenants[0], engines, **content)
        with pytest.raises(PartnerMisconfigured) as refusal:
            secrets.get(name)
        assert name in refusal.value.detail
        assert "hush" not in refusal.value.detail
        assert refusal.value.__cause__ is None
