"""Onboarding on the real engines: killed again and again until it is done, and what its smoke test finds."""

import itertools
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from apps.tenancy import keys, registry
from apps.tenancy.models import APIKey, OnboardingRecord, OnboardingRun
from apps.tenancy.step_runs.leases import LEASE
from config.settings.local_endpoints import LocalEndpoints, endpoints_file
from deploy.local.engines.local import LocalEngines
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.onboarding.engine_requests import EngineRequests
from deploy.local.onboarding.providers import LocalPlace, LocalProviders
from deploy.local.provisioning.platform import AccessKey
from resale.adapters.faults import SessionUnavailable
from resale.bootstrap import Container
from resale.domain.tenant_onboarding import AccountUnit, SmokeTestFailed, TenantRequest
from resale.domain.tenants import Tenant, TenantStatus
from resale.settings import Settings
from tests.fixtures.provisioned import PLATFORM_ACCOUNT
from tests.tenancy.onboarding_world import Boundaries, Killed, Terminal

REQUEST = TenantRequest(slug="fourth", name="Fourth", region="us-east-1")


@pytest.fixture
def files(engines: LocalEngines) -> AccountFiles:
    return AccountFiles(engines.data_dir)


@pytest.fixture
def providers(engines: LocalEngines, platform_key: AccessKey) -> LocalProviders:  # noqa: ARG001 - the roles trust the user
    place = LocalPlace(
        var=engines.data_dir,
        platform_account=PLATFORM_ACCOUNT,
        aws_url=engines.aws_endpoint_url,
        base_url="http://127.0.0.1:1",
        issuer_base_url="http://127.0.0.1:2",
        origins=("http://127.0.0.1:1",),
    )
    return LocalProviders(place, finish=lambda _account_id: None)


@pytest.fixture
def container(engines: LocalEngines, resale_settings: Settings) -> Iterator[Container]:
    """As a process has it that was started before the account existed."""
    endpoints = LocalEndpoints({}, endpoints_file(engines.data_dir))
    made = Container(msgspec.structs.replace(resale_settings, dynamodb_endpoints=endpoints))
    yield made
    made.close()


def onboard(terminal: Terminal) -> None:
    if OnboardingRun.objects.filter(slug=REQUEST.slug).exists():
        terminal.onboarding.resume(REQUEST.slug)
    else:
        terminal.onboarding.start(REQUEST)


@pytest.mark.django_db
class TestOnTheEngines:
    def test_a_process_that_is_killed_again_and_again_reaches_the_end(
        self, engines: LocalEngines, files: AccountFiles, providers: LocalProviders, container: Container
    ) -> None:
        requests = EngineRequests(files, engines, say=lambda _line: None)
        kills, passed = 0, timedelta()
        for turn in itertools.count(2):  # every second one lives for one write more
            cut = Boundaries(turn // 2, after=turn % 2 == 1)
            terminal = Terminal(providers, container.smoke_test(), cut, meanwhile=requests.serve).later(passed)
            try:
                onboard(terminal)
            except Killed:
                kills, passed = kills + 1, passed + LEASE * 2
            else:
                break
        assert kills > 10
        tenant = registry.by_slug("fourth")
        assert (tenant.status, tenant.account_id) == (TenantStatus.ACTIVE, "300000000001")
        assert [one.account_id for one in files.accounts() if one.slug == "fourth"] == [tenant.account_id]
        assert container.reader(tenant).find_test_clock() is None  # its own tables, through its own role
        good = set(APIKey.objects.filter(tenant_id=tenant.id, revoked_at=None).values_list("hash", flat=True))
        assert len(good) == 2
        assert {keys.hash_of(text) for one in terminal.keys for text in (one.publishable, one.secret)} <= good
        smoke = OnboardingRecord.objects.get(run_id="fourth", step="smoke").record
        assert smoke["refused"] == "another external id"
        self._finds_what_is_wrong(container, tenant)

    @staticmethod
    def _finds_what_is_wrong(container: Container, tenant: Tenant) -> None:
        """Here, because an account of one's own takes seconds to make."""
        smoke, tables = container.smoke_test(), tenant.resources.tables

        def run(subject: Tenant, other_external_id: str = "o" * 43) -> None:
            smoke.run(subject, sentinel="again", other_external_id=other_external_id)

        run(tenant)
        with pytest.raises(SmokeTestFailed, match="accepts another tenant's external id"):
            run(tenant, other_external_id=tenant.external_id)
        without_stream = msgspec.structs.replace(tables, listings=tables.keys)
        resources = msgspec.structs.replace(tenant.resources, tables=without_stream)
        with pytest.raises(SmokeTestFailed, match=f"{tables.keys} has no stream"):
            run(msgspec.structs.replace(tenant, resources=resources))
        with pytest.raises(SessionUnavailable):
            run(msgspec.structs.replace(tenant, external_id="x" * 43, id=tenant.id))


class TestAccountFiles:
    def test_a_slug_has_one_account_and_accounts_are_not_shared(self, files: AccountFiles) -> None:
        first = files.add("fifth")
        assert files.add("fifth") == first
        assert files.add("sixth").account_id != first.account_id
        files.move(first.account_id, AccountUnit.TENANTS)
        found = files.find(first.account_id)
        assert found is not None
        assert found.unit == AccountUnit.TENANTS


class TestEngineRequests:
    def test_saving_is_a_clean_restart(self, engines: LocalEngines, files: AccountFiles) -> None:
        started = engines.supervisor.start_count("ministack")
        files.request_save("1" * 12)
        EngineRequests(files, engines, say=lambda _line: None).serve()
        assert engines.supervisor.start_count("ministack") == started + 1
        assert not files.is_save_requested("1" * 12)
