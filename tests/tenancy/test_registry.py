"""The registry on a real database: what it reads, and what it serves while that is gone."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection

from apps.tenancy import keys, models
from apps.tenancy.cache import Source
from apps.tenancy.errors import RegistryUnavailable, TenantNotFound
from apps.tenancy.models import KeyKind
from apps.tenancy.registry import Registry
from apps.tenancy.tenants import TenantRecord, save_tenant, set_standby
from resale.domain.entitlements import UNLIMITED
from resale.domain.policies import Policies
from resale.domain.price_rules import PriceRules
from resale.domain.taxes import TaxRate, TaxTable
from resale.domain.tenants import WRITE_LEASE, Standby, TenantStatus
from tests.fixtures.tenants import Shop, record_of, resources_of
from tests.tenancy.test_connections import a_connection


class Clock:
    """Time that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(clock: Clock) -> Registry:
    return Registry(Source(clock))


@pytest.fixture
def outage(transactional_db: None) -> Iterator[Any]:  # noqa: ARG001 - a real connection, not a test's transaction
    """Call it to have the database gone until the test's end."""
    place = {name: connection.settings_dict[name] for name in ("NAME", "HOST", "PORT")}

    def begin() -> None:
        connection.close()
        connection.settings_dict.update(NAME="/nonexistent/registry.sqlite", HOST="127.0.0.1", PORT="1")

    yield begin
    connection.close()
    connection.settings_dict.update(place)


class TestReading:
    def test_finds_a_tenant_by_slug_and_id(self, registry: Registry, northwind: Shop) -> None:
        assert registry.by_slug("northwind") == northwind.tenant
        assert registry.by_id(northwind.tenant.id) == northwind.tenant

    def test_knows_no_others(self, registry: Registry, northwind: Shop) -> None:
        with pytest.raises(TenantNotFound):
            registry.by_slug(northwind.tenant.slug + "x")

    def test_lists_those_that_are_served(self, registry: Registry, northwind: Shop, atelier: Shop) -> None:
        models.Tenant.objects.filter(slug="atelier").update(status=models.Status.SUSPENDED)
        assert registry.active_tenants() == (northwind.tenant,)
        assert registry.by_slug("atelier").status == TenantStatus.SUSPENDED
        assert atelier.tenant.status == TenantStatus.ACTIVE

    def test_a_broken_map_stops_its_own_tenant_only(self, registry: Registry, northwind: Shop, atelier: Shop) -> None:
        models.Tenant.objects.filter(slug="atelier").update(resources={"tables": 1})
        assert registry.active_tenants() == (northwind.tenant,)
        key = registry.by_api_key_hash(keys.hash_of(atelier.secret.text))
        assert key is not None
        assert key.tenant is None

    def test_asks_once(self, registry: Registry, northwind: Shop, django_assert_num_queries: Any) -> None:
        wanted = keys.hash_of(northwind.secret.text)
        with django_assert_num_queries(3):  # the key with its tenant, its connections, and the releases of features
            for _ in range(3):
                registry.by_api_key_hash(wanted)


class TestSaving:
    def test_a_second_time_changes_nothing_but_what_changed(self, northwind: Shop) -> None:
        again = save_tenant(record_of("northwind", "111111111111", issuer=northwind.tenant.oidc_issuer, name="North"))
        assert again.id == northwind.tenant.id
        assert again.name == "North"
        assert models.Tenant.objects.count() == 1

    def test_every_field_is_kept(self, registry: Registry, northwind: Shop) -> None:
        other = record_of(
            "northwind",
            "999999999999",
            issuer="https://other.example",
            name="Other",
            region="eu-central-1",
            currency="EUR",
            market="DE",
            locale="de-DE",
            commission_basis_points=1,
            oidc_audience="other",
            allowed_origins=["https://other.example"],
            external_id="other",
            tier="premium",
            status="suspended",
            sandbox=not northwind.tenant.sandbox,
            policies=Policies(listing_days=1),
            limits=msgspec.structs.asdict(msgspec.structs.replace(UNLIMITED, tenant_burst=5)),
            price_rules=PriceRules(taxes=TaxTable(version="1", rates=(TaxRate(country="DE", basis_points=1_900),))),
            connections=[a_connection()],
            resources=resources_of("other", "999999999999", "eu-central-1"),
        )
        save_tenant(other)
        saved = registry.by_slug("northwind")
        for name in TenantRecord.__struct_fields__:
            if name != "slug":  # by which it is found
                assert msgspec.json.encode(getattr(saved, name)) == msgspec.json.encode(getattr(other, name))
                assert getattr(saved, name) != getattr(northwind.tenant, name)

    @pytest.mark.parametrize(
        "changes",
        [
            {"account_id": "12"},
            {"account_id": "11111111111x"},
            {"currency": "gbp"},
            {"currency": "GBP\n"},
            {"market": "GBR"},
            {"commission_basis_points": 10_001},
            {"allowed_origins": ["*"]},
            {"allowed_origins": ["https://shop.example/path"]},
            {"allowed_origins": ["null"]},
            {"status": "asleep"},
            {"slug": "North Wind"},
            {"slug": "n" * 32},
        ],
    )
    def test_refuses_what_is_wrong(self, db: None, changes: dict[str, Any]) -> None:  # noqa: ARG002 - opens the database
        good = record_of("northwind", "111111111111", issuer="https://issuer.example")
        with pytest.raises(ValidationError):
            save_tenant(msgspec.structs.replace(good, **changes))

    def test_two_tenants_in_one_account(self, northwind: Shop) -> None:
        record = record_of("atelier", northwind.tenant.account_id, issuer="https://issuer.example")
        with pytest.raises(ValidationError, match="Account id already exists"):
            save_tenant(record)


class TestOutage:
    def test_serves_what_it_knows_for_an_hour(
        self, registry: Registry, clock: Clock, outage: Any, northwind: Shop
    ) -> None:
        wanted = keys.hash_of(northwind.secret.text)
        known = registry.by_api_key_hash(wanted)
        registry.active_tenants()
        outage()
        for clock.now in (31, 1800, 3599):
            assert registry.by_api_key_hash(wanted) == known
            assert registry.active_tenants() == (northwind.tenant,)
        clock.now = 3601
        with pytest.raises(RegistryUnavailable):
            registry.by_api_key_hash(wanted)

    def test_is_stale_while_it_knows_a_key_and_down_when_that_is_too_old(
        self, registry: Registry, clock: Clock, outage: Any, northwind: Shop
    ) -> None:
        registry.by_api_key_hash(keys.hash_of(northwind.secret.text))
        assert registry.state() == "ok"
        outage()
        for clock.now, state in ((1, "stale"), (3600, "stale"), (3601, "down")):
            assert registry.state() == state

    def test_is_tried_by_one_check_in_five_seconds(
        self, registry: Registry, clock: Clock, outage: Any, northwind: Shop, caplog: pytest.LogCaptureFixture
    ) -> None:
        registry.by_api_key_hash(keys.hash_of(northwind.secret.text))
        outage()
        for clock.now in (1, 2, 3, 5.9, 6, 7):
            registry.state()
        assert caplog.messages == ["the registry database does not respond"] * 2

    def test_says_later_of_what_it_does_not_know(self, registry: Registry, outage: Any) -> None:
        outage()
        with pytest.raises(RegistryUnavailable) as refusal:
            registry.by_slug("northwind")
        assert refusal.value.retry_after_seconds == 5


class TestCommands:
    def test_issues_and_revokes(self, registry: Registry, northwind: Shop, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("issue_api_key", northwind.tenant.slug, KeyKind.SECRET.value, "--scope", "orders:read")
        key_id, text = capsys.readouterr().out.split()
        key = registry.by_api_key_hash(keys.hash_of(text))
        assert key is not None
        assert key.scopes == {"orders:read"}
        call_command("revoke_api_key", key_id)
        assert models.APIKey.objects.get(id=key_id).revoked_at is not None

    @pytest.mark.django_db
    def test_says_what_is_wrong(self) -> None:
        with pytest.raises(CommandError, match="No tenant with this name"):
            call_command("issue_api_key", "nobody", KeyKind.SECRET.value)
        with pytest.raises(CommandError, match="No API key with this id"):
            call_command("revoke_api_key", "key_0")


class TestWriteLease:
    """Decision 0078: a tenant with a standby can move, so its row must be recent; no other's need be."""

    @pytest.fixture
    def movable(self, northwind: Shop, atelier: Shop) -> Shop:
        resources = resources_of("northwind", northwind.tenant.account_id, "eu-west-1")
        set_standby(slug="northwind", standby=Standby(region="eu-west-1", resources=resources))
        assert atelier.tenant.standby is None
        return northwind

    def test_without_the_database_it_is_served_for_a_minute(
        self, registry: Registry, clock: Clock, outage: Any, movable: Shop
    ) -> None:
        key_hash = keys.hash_of(movable.publishable.text)
        reads = (lambda: registry.by_slug("northwind"), lambda: registry.by_api_key_hash(key_hash))
        for read in reads:
            assert read() is not None
        assert len(registry.served_tenants()) == 2
        registry.by_slug("atelier")
        outage()
        clock.now = WRITE_LEASE.total_seconds()
        for read in reads:
            assert read() is not None
        assert len(registry.served_tenants()) == 2
        clock.now += 0.1
        for read in reads:
            with pytest.raises(RegistryUnavailable):
                read()
        assert [tenant.slug for tenant in registry.served_tenants()] == ["atelier"]
        assert registry.by_slug("atelier").slug == "atelier"

    def test_a_database_that_lags_behind_the_move_counts_as_down(
        self, registry: Registry, clock: Clock, movable: Shop
    ) -> None:
        models.Tenant.objects.filter(id=movable.tenant.id).update(write_epoch=2)
        assert registry.by_slug("northwind").write_epoch == 2
        models.Tenant.objects.filter(id=movable.tenant.id).update(write_epoch=1)
        clock.now = 31
        assert registry.by_slug("northwind").write_epoch == 2  # stale, within its lease
        clock.now = 61
        with pytest.raises(RegistryUnavailable):
            registry.by_slug("northwind")

    def test_its_own_region_is_no_standby(self, movable: Shop) -> None:
        resources = resources_of("northwind", movable.tenant.account_id, "eu-west-2")
        with pytest.raises(ValidationError, match="write Region"):
            set_standby(slug="northwind", standby=Standby(region="eu-west-2", resources=resources))
