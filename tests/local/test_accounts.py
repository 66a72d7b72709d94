"""The demo brands' accounts, secrets and rows as ``make run`` makes them, and ``set_secret`` beside it."""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import urllib3
from django.core.management import CommandError, call_command
from pytest_django import DjangoDbBlocker
from pytest_django import Settings as DjangoSettings

from apps.tenancy import registry
from apps.tenancy.models import APIKey, Connection, KeyKind, OnboardingRecord, OnboardingRun, StaffRole, User
from apps.tenancy.models import Tenant as Row
from apps.tenancy.scopes import SCOPES
from deploy.local.brands import ATELIER, BRANDS, NORTHWIND, PLATFORM_REGION, STAFF_ROLES
from deploy.local.engines.local import LocalEngines
from deploy.local.management.commands import set_secret
from deploy.local.onboarding.account_files import AccountFiles
from deploy.local.onboarding.local_tenants import LocalTenants, add_brands
from deploy.local.private_files import Secrets, Unreadable, load_secrets, save
from deploy.local.registration import complete_brands
from deploy.local.sandbox_server import Endpoint
from deploy.local.services import Addresses
from deploy.local.webhook_urls import save_endpoints, webhooks_file
from resale.adapters.aws.secrets import SecretCache
from resale.adapters.aws.sessions import TenantSessions
from resale.domain.ids import CONNECTION_ID
from resale.domain.partners import PartnerKind, PartnerMisconfigured, Provider
from resale.domain.tenants import Tenant
from resale.settings import Settings

SLUGS = tuple(brand.slug for brand in BRANDS)


def test_the_brands_have_a_login_with_every_role() -> None:
    assert {role.value for role in STAFF_ROLES} == set(StaffRole.values)


class TestKeptSecrets:
    def test_a_damaged_file_says_what_it_was_for_and_what_to_do(self, tmp_path: Path) -> None:
        path = tmp_path / "secrets.json"
        save(path, load_secrets(path, SLUGS))
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(Unreadable, match=r"secrets.json is damaged .* put a copy of it back, or .*make clean-data"):
            load_secrets(path, SLUGS)

    def test_a_brand_keeps_its_connections(self, tmp_path: Path) -> None:
        first = load_secrets(tmp_path / "secrets.json", SLUGS)
        save(tmp_path / "secrets.json", first)
        assert load_secrets(tmp_path / "secrets.json", SLUGS) == first
        ids = [one.id for brand in first.brands.values() for one in brand.connections.values()]
        assert len(set(ids)) == len(SLUGS) * len(PartnerKind)
        assert all(CONNECTION_ID.matches(one) for one in ids)

    def test_a_file_of_before_there_were_any_gets_them(self, tmp_path: Path) -> None:
        first = load_secrets(tmp_path / "secrets.json", SLUGS)
        old = msgspec.to_builtins(first)
        for brand in old["brands"].values():
            del brand["connections"]
        (tmp_path / "secrets.json").write_bytes(msgspec.json.encode(old))
        again = load_secrets(tmp_path / "secrets.json", SLUGS)
        for slug, brand in again.brands.items():
            assert brand.staff_password == first.brands[slug].staff_password
            assert set(brand.connections) == set(PartnerKind)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngines]:
    """Of this module only: what is kept of the shared ones' accounts is another's."""
    folder = tmp_path_factory.mktemp("accounts")
    with LocalEngines(folder, add_brands(AccountFiles(folder)), say=lambda _line: None) as running:
        yield running


@pytest.fixture(scope="module")
def kept(engines: LocalEngines) -> Secrets:
    return load_secrets(engines.data_dir / "secrets.json", SLUGS)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """What was printed."""
    return []


@pytest.fixture(scope="module")
def local(engines: LocalEngines, kept: Secrets, lines: list[str]) -> LocalTenants:
    """The machine with the processes' ports of a platform that is not started."""
    addresses = Addresses(
        web_port=1,
        issuer_port=2,
        payments_port=3,
        shipping_port=4,
        aws_url=engines.aws_endpoint_url,
        dynamodb_urls=engines.dynamodb_endpoints,
    )
    return LocalTenants(engines, addresses, kept, say=lines.append)


@pytest.fixture(scope="module")
def _onboarded(
    django_db_setup: None,  # noqa: ARG001 - makes the database
    django_db_blocker: DjangoDbBlocker,
    local: LocalTenants,
    kept: Secrets,
) -> Iterator[None]:
    """Both brands, onboarded once: each test begins with them and undoes what it does."""
    with django_db_blocker.unblock():
        for brand in BRANDS:
            for role in STAFF_ROLES:
                User.objects.create_user(username=brand.staff_email(role))
        local.onboard()
        complete_brands(kept)
    yield
    with django_db_blocker.unblock():
        for model in (APIKey, Connection, Row, OnboardingRun, User):
            model.objects.all().delete()


@pytest.fixture
def brands(_onboarded: None, db: None) -> dict[str, Tenant]:  # noqa: ARG001 - opens the database
    """Both, in the registry."""
    return {slug: registry.by_slug(slug) for slug in SLUGS}


@pytest.fixture
def sessions(engines: LocalEngines, kept: Secrets, monkeypatch: pytest.MonkeyPatch) -> Iterator[TenantSessions]:
    """As the platform opens them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", engines.aws_endpoint_url)
    assert kept.platform_key is not None
    opened = TenantSessions(
        Settings(
            platform_region=PLATFORM_REGION,
            access_key_id=kept.platform_key.access_key_id,
            secret_access_key=kept.platform_key.secret_access_key,
            lookup_secret=b"lookup",
            cursor_secret=b"cursor",
        )
    )
    yield opened
    opened.close()


def read(sessions: TenantSessions, tenant: Tenant, name: str) -> dict[str, str]:
    """Read a secret as a process of the platform does that knows nothing yet."""
    return dict(SecretCache().for_session(sessions.for_tenant(tenant)).get(name))


class TestBrands:
    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            ("http://localhost:5173", True),
            ("http://[::1]:80", True),
            ("http://127.0.0.1:1", True),
            ("http://x.y", False),
        ],
    )
    def test_take_photographs_from_a_developers_pages(
        self, brands: dict[str, Tenant], engines: LocalEngines, origin: str, *, allowed: bool
    ) -> None:
        bucket = brands["northwind"].resources.media_bucket
        response = urllib3.request(
            "OPTIONS",
            f"{engines.aws_endpoint_url}/{bucket}",
            headers={"Origin": origin, "Access-Control-Request-Method": "POST"},
        )
        assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)

    def test_are_connected_to_the_sandbox_under_ids_that_stay(self, brands: dict[str, Tenant], kept: Secrets) -> None:
        for slug, tenant in brands.items():
            assert [one.kind for one in tenant.connections] == [PartnerKind.PAYMENTS, PartnerKind.SHIPPING]
            for connection in tenant.connections:
                assert connection.provider is Provider.SANDBOX
                assert connection.id == kept.brands[slug].connections[connection.kind].id
                assert registry.by_connection(connection.id) == (tenant, connection)

    @pytest.mark.usefixtures("brands")
    def test_keep_a_key_only_while_it_may_do_all_there_is(self, kept: Secrets) -> None:
        keys = []
        for scopes in (SCOPES, SCOPES, SCOPES - {"purchases:write"}):
            APIKey.objects.filter(kind=KeyKind.SECRET).update(scopes=sorted(scopes))
            registry.clear()
            complete_brands(kept)
            keys.append([(kept.brands[slug].publishable_key, kept.brands[slug].secret_key) for slug in SLUGS])
        first, second, third = keys
        assert first == second
        for (publishable, secret), (same, other) in zip(second, third, strict=True):
            assert publishable == same
            assert secret != other

    def test_are_onboarded_once(self, brands: dict[str, Tenant], local: LocalTenants, kept: Secrets) -> None:
        keys = {slug: one.secret_key for slug, one in kept.brands.items()}
        local.onboard()
        registry.clear()
        assert {slug: registry.by_slug(slug) for slug in SLUGS} == brands
        assert {slug: one.secret_key for slug, one in kept.brands.items()} == keys

    def test_a_tenant_whose_account_is_gone_does_not_stop_them(
        self, brands: dict[str, Tenant], local: LocalTenants, lines: list[str]
    ) -> None:
        run = OnboardingRun.objects.get(slug="northwind")
        run.slug, run.tenant_id, run.state = "gone", "ten_gone", "failed"  # its last renewal failed
        run.save(force_insert=True)
        at = run.started_at
        OnboardingRecord.objects.create(run_id="gone", step="active", started_at=at, finished_at=at)
        local.onboard()
        assert "  gone: its account is not among the accounts of this folder" in lines
        assert {slug: registry.by_slug(slug) for slug in SLUGS} == brands

    def test_have_policies_of_their_own(self, brands: dict[str, Tenant]) -> None:
        assert brands["northwind"].policies == NORTHWIND.policies
        assert brands["northwind"].policies.store_credit_bonus_basis_points == 1_000
        assert brands["atelier"].policies == ATELIER.policies

    def test_find_their_webhook_secrets_in_their_own_accounts(
        self, brands: dict[str, Tenant], kept: Secrets, sessions: TenantSessions
    ) -> None:
        for slug, tenant in brands.items():
            for connection in tenant.connections:
                wanted = kept.brands[slug].connections[connection.kind].webhook_secret
                assert read(sessions, tenant, str(connection.secret_name)) == {"webhook_secret": wanted}
        with pytest.raises(PartnerMisconfigured):
            read(sessions, brands["atelier"], "northwind/payments")

    def test_are_told_by_their_partners_under_their_connections(
        self, brands: dict[str, Tenant], kept: Secrets, sessions: TenantSessions, tmp_path: Path
    ) -> None:
        save_endpoints(tmp_path, kept, base_url="http://127.0.0.1:8000")
        for kind in PartnerKind:
            held = msgspec.json.decode(webhooks_file(tmp_path, kind).read_bytes(), type=dict[str, Endpoint])
            assert set(held) == set(SLUGS)
            for slug, endpoint in held.items():
                tenant, connection = registry.by_connection(endpoint.url.rpartition("/")[2])
                assert (tenant, connection.kind) == (brands[slug], kind)
                assert read(sessions, tenant, str(connection.secret_name)) == {"webhook_secret": endpoint.secret}

    def test_find_them_after_the_engine_was_killed(
        self, engines: LocalEngines, brands: dict[str, Tenant], sessions: TenantSessions
    ) -> None:
        tenant = brands["northwind"]
        before = read(sessions, tenant, "northwind/payments")
        engines.kill("ministack")
        engines.wait_ready("ministack")
        assert read(sessions, tenant, "northwind/payments") == before


@pytest.mark.usefixtures("brands")
class TestSetSecret:
    @pytest.fixture(autouse=True)
    def _here(self, engines: LocalEngines, settings: DjangoSettings) -> None:
        settings.VAR_DIR = engines.data_dir

    @pytest.fixture
    def say(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Give standard input a text."""
        return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    def test_writes_what_standard_input_holds(
        self, say: Any, capsys: pytest.CaptureFixture[str], brands: dict[str, Tenant], sessions: TenantSessions
    ) -> None:
        for said in ("written", "already"):
            say('{"api_key": "hush"}\n')
            call_command(set_secret.Command(), "atelier", "atelier/stripe")
            printed = capsys.readouterr()
            assert said in printed.out
            assert "hush" not in printed.out + printed.err
        assert read(sessions, brands["atelier"], "atelier/stripe") == {"api_key": "hush"}

    @pytest.mark.parametrize("text", ["", "hush", '"hush"', "{}", '{"api_key": 1}', '{"a": "' + "x" * 70_000 + '"}'])
    def test_refuses_what_is_no_object_of_strings_and_does_not_quote_it(self, say: Any, text: str) -> None:
        say(text)
        with pytest.raises(CommandError, match="no JSON object of strings") as refusal:
            call_command(set_secret.Command(), "atelier", "atelier/stripe")
        assert "hush" not in str(refusal.value)

    @pytest.mark.parametrize(
        ("slug", "name", "said"),
        [
            ("nobody", "nobody/stripe", "No tenant with this name exists"),
            ("atelier", "northwind/stripe", "begin with atelier/"),
        ],
    )
    def test_says_what_is_wrong(self, say: Any, slug: str, name: str, said: str) -> None:
        say('{"api_key": "1"}')
        with pytest.raises(CommandError, match=re.escape(said)):
            call_command(set_secret.Command(), slug, name)

    def test_says_when_nothing_runs(self, say: Any, settings: DjangoSettings, tmp_path: Path) -> None:
        settings.VAR_DIR = tmp_path
        say('{"api_key": "1"}')
        with pytest.raises(CommandError, match="Nothing was ever started"):
            call_command(set_secret.Command(), "atelier", "atelier/stripe")
        (tmp_path / "ports.json").write_text('{"ministack": 1}')
        with pytest.raises(CommandError, match="did not respond"):
            call_command(set_secret.Command(), "atelier", "atelier/stripe")
