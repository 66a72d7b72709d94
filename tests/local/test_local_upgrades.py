"""Upgrades on the real engines: a new template, the way back to the former one, and one that is newer than the code."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from apps.tenancy import registry
from apps.tenancy.models import TenantUpgrade
from apps.tenancy.upgrades.drift import find_drift
from apps.tenancy.upgrades.rollout import Rollouts
from config.settings.local_endpoints import LocalEndpoints, endpoints_file
from deploy.local.engines.local import LocalEngines
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.onboarding.engine_requests import EngineRequests
from deploy.local.onboarding.providers import TEMPLATES, LocalPlace, LocalProviders
from deploy.local.provisioning.platform import AccessKey
from resale.bootstrap import Container
from resale.domain.tenant_onboarding import TenantRequest
from resale.domain.tenant_upgrades import TEMPLATE_VERSION, TemplateNotAvailable, TemplateTooNew, UpgradeStopped
from resale.domain.waves import Wave
from resale.settings import Settings
from tests.fixtures.provisioned import PLATFORM_ACCOUNT
from tests.tenancy.onboarding_world import Terminal

REQUEST = TenantRequest(slug="seventh", name="Seventh", region="us-east-1")
_RETENTION = "MessageRetentionPeriod: 864000"


@pytest.fixture
def container(engines: LocalEngines, resale_settings: Settings) -> Iterator[Container]:
    """As a process has it that was started before the account existed."""
    endpoints = LocalEndpoints({}, endpoints_file(engines.data_dir))
    made = Container(msgspec.structs.replace(resale_settings, dynamodb_endpoints=endpoints))
    yield made
    made.close()


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The templates of a release, to be changed."""
    return Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))


@pytest.fixture
def providers(engines: LocalEngines, platform_key: AccessKey, release: Path) -> LocalProviders:  # noqa: ARG001 - the roles trust the user
    place = LocalPlace(
        var=engines.data_dir,
        platform_account=PLATFORM_ACCOUNT,
        aws_url=engines.aws_endpoint_url,
        base_url="http://127.0.0.1:1",
        issuer_base_url="http://127.0.0.1:2",
        origins=("http://127.0.0.1:1",),
    )
    return LocalProviders(place, finish=lambda _account_id: None, templates=release)


def change(release: Path, before: str, after: str) -> None:
    file = release / "data.yaml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def retention(container: Container) -> str:
    tenant = registry.by_slug(REQUEST.slug)
    sqs: Any = container.sessions.for_tenant(tenant).client("sqs")
    found = sqs.get_queue_attributes(QueueUrl=tenant.resources.queues.orders.url, AttributeNames=["All"])
    return str(found["Attributes"]["MessageRetentionPeriod"])


@pytest.mark.django_db
def test_a_tenant_is_upgraded_goes_back_and_is_kept_from_a_template_that_is_too_new(
    engines: LocalEngines, providers: LocalProviders, container: Container, release: Path
) -> None:
    requests = EngineRequests(AccountFiles(engines.data_dir), engines, say=lambda _line: None)
    onboarding = Terminal(providers, container.smoke_test(), meanwhile=requests.serve).onboarding
    onboarding.start(REQUEST)
    first = onboarding.release_template()
    failed = 0
    rollouts = Rollouts(
        onboarding,
        count_errors=lambda _tenant: failed,
        bake_seconds=0,
        say=lambda _line: None,
        pause=lambda _seconds: None,
    )
    change(release, _RETENTION, "MessageRetentionPeriod: 777600")
    assert [one.former for one in rollouts.plan(wave=Wave.ALL, keeps_templates=False)] == [first]
    rollouts.start(wave=Wave.ALL, keeps_templates=False)
    assert retention(container) == "777600"
    assert find_drift(onboarding, REQUEST.slug) == ()
    second = onboarding.release_template()

    change(release, f'Value: "{TEMPLATE_VERSION}"', f'Value: "{TEMPLATE_VERSION + 1}"')
    change(release, "MessageRetentionPeriod: 777600", "MessageRetentionPeriod: 691200")
    with pytest.raises(UpgradeStopped) as stopped:
        rollouts.start(wave=Wave.ALL, keeps_templates=False)
    assert isinstance(stopped.value.__cause__, TemplateTooNew)
    upgrade = TenantUpgrade.objects.order_by("-id")[0]
    assert (upgrade.state, upgrade.former_template) == ("rolled_back", second)
    assert retention(container) == "777600"
    assert find_drift(onboarding, REQUEST.slug) == ()
    container.smoke_test().run(
        registry.by_slug(REQUEST.slug), sentinel="served", other_external_id="o" * 43, is_served=True
    )
    with pytest.raises(TemplateNotAvailable):
        onboarding.upgrade(REQUEST.slug, template="1-000000000000")
