"""What a tenant is connected to and its policies: as the registry keeps them, refuses them and finds them."""

from typing import Any

import msgspec
import pytest
from django.core.exceptions import ValidationError

from apps.tenancy import models
from apps.tenancy.errors import TenantNotFound
from apps.tenancy.registry import Registry
from apps.tenancy.tenants import connect, disconnect, save_tenant, set_policies, set_tenant_status
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection, ConnectionNotFound, PartnerKind, Provider
from resale.domain.policies import Policies
from resale.domain.price_rules import PriceRules
from resale.domain.tenants import Tenant, TenantStatus
from tests.fixtures.tenants import record_of

ISSUER = "https://issuer.example"
NORTHWINDS = ConnectionId("con_" + "1" * 32)
OTHER = ConnectionId("con_" + "2" * 32)
ATELIERS = ConnectionId("con_" + "3" * 32)
NOBODYS = ConnectionId("con_" + "f" * 32)


def a_connection(**fields: Any) -> Connection:
    return Connection(
        **{"id": NORTHWINDS, "kind": PartnerKind.PAYMENTS, "provider": Provider.SANDBOX, "secret_name": None, **fields}
    )


def a_live_one(**fields: Any) -> Connection:
    return a_connection(provider=Provider.STRIPE, secret_name="northwind/payments", **fields)


def northwind(**changes: Any) -> Tenant:
    return save_tenant(record_of("northwind", "111111111111", issuer=ISSUER, **{"sandbox": True, **changes}))


def atelier(**changes: Any) -> Tenant:
    return save_tenant(record_of("atelier", "222222222222", issuer=ISSUER, **{"sandbox": True, **changes}))


@pytest.fixture
def registry(db: None) -> Registry:  # noqa: ARG001 - opens the database
    """A process's own."""
    return Registry()


class TestPolicies:
    def test_are_the_domains_when_nothing_is_said(self, registry: Registry) -> None:
        northwind()
        models.Tenant.objects.update(policies={})
        assert registry.by_slug("northwind").policies == Policies()

    def test_are_kept(self, registry: Registry) -> None:
        policies = Policies(hold_minutes=10, store_credit_bonus_basis_points=1_000)
        assert northwind(policies=policies).policies == policies
        assert registry.by_slug("northwind").policies == policies

    def test_can_be_changed(self, registry: Registry) -> None:
        northwind()
        set_policies(slug="northwind", policies=Policies(claim_window_hours=24))
        assert registry.by_slug("northwind").policies.claim_window_hours == 24

    @pytest.mark.parametrize(
        "policies",
        [
            {"hold_minutes": 0},
            {"hold_minutes": 31},
            {"hold_minutes": "15"},
            {"hold_minuets": 10},
            {"listing_days": 0},
            {"min_price_minor": 2, "max_price_minor": 1},
            ["hold_minutes"],
            "x",
        ],
    )
    def test_refuse_what_is_none(self, registry: Registry, policies: Any) -> None:
        before = northwind().policies
        row = models.Tenant.objects.get(slug="northwind")
        row.policies = policies
        with pytest.raises(ValidationError) as refusal:
            row.full_clean()
        assert set(refusal.value.message_dict) == {"policies"}
        assert registry.by_slug("northwind").policies == before

    @pytest.mark.parametrize(
        "rules",
        [
            {"shiping": {}},
            {"shipping": {"GB": {"version": "1", "rates": []}}},
            {"shipping": {"GB": {"version": "1", "rates": [{"free_form": 1}]}}},
            {"shipping": {"GB": {"version": "1", "rates": [{"kind": "live"}]}}},
            {"taxes": {"rates": [{"country": "GB", "basis_points": 2_000.5}]}},
            [],
            None,
        ],
    )
    def test_refuse_price_rules_that_are_none(self, registry: Registry, rules: Any) -> None:
        northwind()
        row = models.Tenant.objects.get(slug="northwind")
        row.price_rules = rules
        with pytest.raises(ValidationError) as refusal:
            row.full_clean()
        assert set(refusal.value.message_dict) == {"price_rules"}
        assert registry.by_slug("northwind").price_rules == PriceRules()

    def test_out_of_bounds_are_not_written(self, registry: Registry) -> None:
        before = northwind().policies
        with pytest.raises(ValidationError):
            set_policies(slug="northwind", policies=Policies(hold_minutes=31))
        assert registry.by_slug("northwind").policies == before

    def test_of_nobody_cannot_be_changed(self, registry: Registry) -> None:
        with pytest.raises(TenantNotFound):
            set_policies(slug="nobody", policies=Policies())
        assert registry.active_tenants() == ()


class TestFindingByConnection:
    def test_finds_the_connection_and_whose_it_is(self, registry: Registry) -> None:
        mine = northwind(connections=(a_connection(), a_connection(id=OTHER, kind=PartnerKind.SHIPPING)))
        theirs = atelier(connections=(a_connection(id=ATELIERS, calls_per_second=3),))
        assert registry.by_connection(NORTHWINDS) == (mine, mine.connections[0])
        assert registry.by_connection(OTHER) == (mine, mine.connections[1])
        assert registry.by_connection(ATELIERS) == (theirs, theirs.connections[0])

    @pytest.mark.parametrize("name", [NOBODYS, "con_", "", "ten_" + "1" * 32, "con_" + "1" * 33, "con_" + "1" * 5_000])
    def test_knows_no_others(self, registry: Registry, name: str) -> None:
        northwind(connections=(a_connection(),))
        with pytest.raises(ConnectionNotFound):
            registry.by_connection(name)

    def test_asks_once(self, registry: Registry, django_assert_num_queries: Any) -> None:
        northwind(connections=(a_connection(),))
        with django_assert_num_queries(3):  # the connection with its tenant, its connections, the releases of features
            for _ in range(3):
                registry.by_connection(NORTHWINDS)

    def test_asks_nothing_about_what_is_no_id(self, registry: Registry, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0), pytest.raises(ConnectionNotFound):
            registry.by_connection("con_" + "1" * 5_000)

    def test_costs_the_same_however_many_are_listed(self, registry: Registry, django_assert_num_queries: Any) -> None:
        northwind(connections=(a_connection(),))
        atelier(connections=(a_connection(id=ATELIERS),))
        with django_assert_num_queries(3):
            assert [tenant.connections[0].id for tenant in registry.served_tenants()] == [ATELIERS, NORTHWINDS]

    def test_finds_a_suspended_tenants_too(self, registry: Registry) -> None:
        northwind(connections=(a_connection(),))
        set_tenant_status(slug="northwind", status=TenantStatus.SUSPENDED)
        assert registry.by_connection(NORTHWINDS)[0].status == TenantStatus.SUSPENDED

    @pytest.mark.parametrize("status", [TenantStatus.CLOSING, TenantStatus.CLOSED])
    def test_finds_none_of_a_tenant_that_leaves(self, registry: Registry, status: TenantStatus) -> None:
        northwind(connections=(a_connection(),))
        set_tenant_status(slug="northwind", status=status)
        assert registry.served_tenants() == ()
        with pytest.raises(ConnectionNotFound):
            registry.by_connection(NORTHWINDS)

    def test_finds_none_of_a_tenant_that_cannot_be_served(self, registry: Registry) -> None:
        northwind(connections=(a_connection(),))
        models.Tenant.objects.update(resources={})
        with pytest.raises(ConnectionNotFound):
            registry.by_connection(NORTHWINDS)

    def test_forgets_what_was_replaced(self, registry: Registry) -> None:
        northwind(connections=(a_connection(),))
        registry.by_connection(NORTHWINDS)
        northwind(connections=(a_connection(id=OTHER),))
        registry.clear()
        with pytest.raises(ConnectionNotFound):
            registry.by_connection(NORTHWINDS)
        assert registry.by_connection(OTHER)[1].id == OTHER


class TestSaving:
    def test_every_read_gives_the_same_connections(self, registry: Registry) -> None:
        both = (a_connection(calls_per_second=1), a_connection(id=OTHER, kind=PartnerKind.SHIPPING))
        saved = northwind(connections=both[::-1])
        assert saved.connections == both
        assert registry.by_slug("northwind") == registry.by_id(saved.id) == registry.active_tenants()[0] == saved

    def test_a_second_time_changes_nothing(self, registry: Registry) -> None:
        first = northwind(connections=(a_connection(),))
        assert northwind(connections=(a_connection(),)) == first
        assert registry.by_slug("northwind") == first

    def test_takes_away_what_is_not_there_any_more(self, registry: Registry) -> None:
        northwind(connections=(a_connection(), a_connection(id=OTHER, kind=PartnerKind.SHIPPING)))
        assert northwind(connections=(a_connection(concurrent_calls=2),)).connections == (
            a_connection(concurrent_calls=2),
        )
        assert registry.by_slug("northwind").connections == (a_connection(concurrent_calls=2),)

    def test_goes_live_with_new_connections(self, registry: Registry) -> None:
        northwind(connections=(a_connection(),))
        live = a_live_one(id=OTHER)
        assert northwind(sandbox=False, connections=(live,)).connections == (live,)
        assert registry.by_slug("northwind").connections == (live,)

    @pytest.mark.parametrize(
        "connections",
        [
            (a_connection(), a_connection(id=OTHER)),
            (a_connection(), a_connection(kind=PartnerKind.SHIPPING)),
            (a_connection(id=ConnectionId("con_1")),),
            (a_connection(id=ATELIERS),),
            (a_connection(provider=Provider.EASYPOST, secret_name="northwind/shipping"),),
            (a_connection(kind=PartnerKind.SHIPPING, provider=Provider.STRIPE, secret_name="northwind/shipping"),),
            (a_connection(provider=Provider.STRIPE),),
            (a_connection(kind=PartnerKind.SHIPPING, provider=Provider.EASYPOST),),
            (a_connection(secret_name="atelier/payments"),),
            (a_connection(secret_name="northwind/pay ments"),),
            (a_connection(calls_per_second=0),),
            (a_connection(calls_per_second=1_001),),
            (a_connection(concurrent_calls=101),),
        ],
        ids=[
            "two of a kind",
            "two of one id",
            "no id",
            "another tenant's id",
            "payments by a carrier",
            "shipping by a bank",
            "payments without a secret",
            "shipping without a secret",
            "another tenant's secret",
            "no secret's name",
            "too slow",
            "too fast",
            "too many at once",
        ],
    )
    def test_refuses_what_cannot_be_used(self, registry: Registry, connections: tuple[Connection, ...]) -> None:
        theirs = atelier(connections=(a_connection(id=ATELIERS),))
        before = northwind(connections=(a_connection(),))
        with pytest.raises(ValidationError):
            northwind(name="Other", connections=connections)
        assert registry.by_slug("northwind") == before
        assert registry.by_connection(ATELIERS) == (theirs, theirs.connections[0])

    def test_lets_no_live_tenant_use_the_sandbox(self, registry: Registry) -> None:
        northwind(connections=(a_connection(),))
        with pytest.raises(ValidationError, match="no money would move"):
            northwind(sandbox=False, connections=(a_connection(),))
        assert registry.by_slug("northwind").sandbox


class TestConnecting:
    def test_takes_the_place_of_the_one_of_its_kind(self, registry: Registry) -> None:
        shipping = a_connection(id=ATELIERS, kind=PartnerKind.SHIPPING)
        northwind(connections=(a_connection(), shipping))
        connect(slug="northwind", connection=a_live_one(id=OTHER))
        assert registry.by_slug("northwind").connections == (a_live_one(id=OTHER), shipping)

    def test_changes_the_one_of_its_id(self, registry: Registry) -> None:
        northwind(connections=(a_connection(),))
        connect(slug="northwind", connection=a_connection(calls_per_second=2))
        connect(slug="northwind", connection=a_connection(calls_per_second=2))
        assert registry.by_connection(NORTHWINDS)[1].calls_per_second == 2

    def test_a_refused_one_leaves_the_old_one(self, registry: Registry) -> None:
        northwind(connections=(a_connection(),))
        with pytest.raises(ValidationError):
            connect(slug="northwind", connection=msgspec.structs.replace(a_live_one(id=OTHER), secret_name=None))
        assert registry.by_slug("northwind").connections == (a_connection(),)

    def test_ends(self, registry: Registry) -> None:
        northwind(connections=(a_connection(),))
        disconnect(slug="northwind", connection_id=NORTHWINDS)
        assert registry.by_slug("northwind").connections == ()
        with pytest.raises(ConnectionNotFound):
            disconnect(slug="northwind", connection_id=NORTHWINDS)

    def test_cannot_end_another_tenants(self, registry: Registry) -> None:
        northwind(connections=(a_connection(),))
        atelier()
        with pytest.raises(ConnectionNotFound):
            disconnect(slug="atelier", connection_id=NORTHWINDS)
        assert registry.by_slug("northwind").connections == (a_connection(),)
