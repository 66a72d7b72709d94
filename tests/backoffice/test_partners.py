"""The operator's forms of a tenant's policies and of its connections to partners."""

import html
import re
from enum import StrEnum
from typing import Any

import msgspec
import pytest

from apps.tenancy import registry
from apps.tenancy.models import Tenant
from resale.domain.parcel_sizes import ProductType
from resale.domain.partners import PartnerKind, Provider
from resale.domain.policies import Policies
from resale.domain.tenants import Tenant as Registered
from tests.backoffice.staff_clients import Backoffice, StaffClient

LIMITS = {"calls_per_second": 25, "concurrent_calls": 8}


@pytest.fixture
def slug(backoffice: Backoffice) -> str:
    return backoffice.slug


def policies(**changes: int) -> dict[str, Any]:
    return {name: getattr(Policies(), name) for name in Policies.__struct_fields__} | changes


def partner(kind: str = "payments", provider: str = "sandbox", secret_name: str = "", **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "provider": provider, "secret_name": secret_name, **LIMITS, **changes}


def registered(slug: str) -> Registered:
    return registry.by_slug(slug)


def go_live(slug: str) -> None:
    Tenant.objects.filter(slug=slug).update(sandbox=False)
    registry.clear()


JACKETS = ProductType(product="jacket-", parcel=None, hs_code="620193", origin_country="PT")


def _another(value: int | StrEnum | tuple[ProductType, ...]) -> tuple[str | int, object]:
    """What the form sends for another value of a policy, and that value."""
    if isinstance(value, bool):
        return "on", True
    if isinstance(value, StrEnum):
        other = next(member for member in type(value) if member != value)
        return str(other), other
    if isinstance(value, tuple):
        return msgspec.json.encode([JACKETS]).decode(), (JACKETS,)
    return value + 1, value + 1


WRONG_POLICIES: list[dict[str, Any]] = [
    {"hold_minutes": 31},
    {"hold_minutes": ""},
    {"claim_window_hours": "soon"},
    {"min_price_minor": 2, "max_price_minor": 1},
    {"product_types": "jackets"},
    {"product_types": '[{"hs_code": "coat"}]'},
    {"product_types": '{"hs_code": "620193"}'},
]


class TestPolicies:
    def test_are_shown_with_their_bounds(self, slug: str, operator: StaffClient) -> None:
        page = operator.get("tenant", slug=slug)
        field = re.search(r'<input[^>]*name="hold_minutes"[^>]*>', page.html)
        assert field is not None
        assert {'value="15"', 'min="1"', 'max="30"'} <= set(field[0].split())

    def test_are_changed(self, slug: str, operator: StaffClient) -> None:
        page = operator.post("tenant-policies", policies(hold_minutes=20), slug=slug)
        assert "policies are changed" in page.text
        assert registered(slug).policies == Policies(hold_minutes=20)
        assert re.search(r'name="hold_minutes" value="20"', page.html)

    def test_are_switched_on_and_stay_on(self, slug: str, operator: StaffClient) -> None:
        switched = policies() | {"purchase_required": "on"}
        page = operator.post("tenant-policies", switched, slug=slug)
        assert registered(slug).policies == Policies(purchase_required=True)
        assert re.search(r'name="purchase_required"[^>]* checked', page.html)
        del switched["purchase_required"]  # a box that is not ticked is not sent
        operator.post("tenant-policies", switched, slug=slug)
        assert registered(slug).policies == Policies()

    @pytest.mark.parametrize("name", Policies.__struct_fields__)
    def test_each_can_be_changed(self, slug: str, operator: StaffClient, name: str) -> None:
        default = getattr(Policies(), name)
        sent, expected = _another(default)
        assert operator.send("tenant-policies", policies() | {name: sent}, slug=slug).status_code == 302
        assert msgspec.structs.asdict(registered(slug).policies) == msgspec.structs.asdict(Policies()) | {
            name: expected
        }

    def test_show_their_rows_as_they_are_sent(self, slug: str, operator: StaffClient) -> None:
        sent, _ = _another(())
        page = operator.post("tenant-policies", policies() | {"product_types": sent}, slug=slug)
        field = re.search(r'<textarea[^>]*name="product_types"[^>]*>([^<]*)', page.html)
        assert field is not None
        assert msgspec.json.decode(html.unescape(field[1]), type=tuple[ProductType, ...]) == (JACKETS,)

    @pytest.mark.parametrize("wrong", WRONG_POLICIES)
    def test_out_of_their_bounds_are_refused(self, slug: str, operator: StaffClient, wrong: dict[str, Any]) -> None:
        before = registered(slug).policies
        assert operator.post("tenant-policies", policies() | wrong, slug=slug).status == 422
        assert registered(slug).policies == before

    def test_of_nobody_are_not_there(self, operator: StaffClient) -> None:
        assert operator.send("tenant-policies", policies(), slug="nobody").status_code == 404


class TestConnecting:
    def test_shows_what_the_tenant_is_connected_to(self, slug: str, operator: StaffClient) -> None:
        assert "No partner is connected yet" in operator.get("tenant", slug=slug).text
        page = operator.post("tenant-connections", partner(secret_name=f"{slug}/payments"), slug=slug)
        (connection,) = registered(slug).connections
        assert f"Payments Sandbox {connection.id} {slug}/payments 25 a second, 8 at once" in page.text

    def test_every_field_is_as_it_was_sent(self, slug: str, operator: StaffClient) -> None:
        sent = partner("shipping", "easypost", f"{slug}/parcels", calls_per_second=2, concurrent_calls=3)
        operator.post("tenant-connections", sent, slug=slug)
        (connection,) = registered(slug).connections
        assert msgspec.structs.asdict(connection) == {"id": connection.id, **sent}

    def test_the_same_provider_again_keeps_the_id(self, slug: str, operator: StaffClient) -> None:
        operator.post("tenant-connections", partner(), slug=slug)
        (before,) = registered(slug).connections
        operator.post("tenant-connections", partner(calls_per_second=2), slug=slug)
        (after,) = registered(slug).connections
        assert (after.id, after.calls_per_second) == (before.id, 2)

    def test_another_provider_gets_another_id(self, slug: str, operator: StaffClient) -> None:
        operator.post("tenant-connections", partner(), slug=slug)
        (before,) = registered(slug).connections
        operator.post("tenant-connections", partner(provider="stripe", secret_name=f"{slug}/stripe"), slug=slug)
        (after,) = registered(slug).connections
        assert (after.kind, after.provider) == (PartnerKind.PAYMENTS, Provider.STRIPE)
        assert after.id != before.id

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            (partner(provider="stripe"), "stripe requires a secret"),
            (partner(provider="easypost", secret_name="northwind/x"), "easypost is not a provider of payments"),
            (partner(secret_name="atelier/payments"), "must begin with northwind/"),
            (partner(secret_name="northwind/a b"), "a secret's name"),
            (partner(calls_per_second=0), "greater than or equal to 1"),
            (partner(concurrent_calls=101), "less than or equal to 100"),
            (partner(provider="paypal"), "valid choice"),
            (partner(kind="taxes"), "valid choice"),
        ],
    )
    def test_says_what_is_wrong_and_keeps_what_was_typed(
        self, slug: str, operator: StaffClient, wrong: dict[str, Any], said: str
    ) -> None:
        page = operator.post("tenant-connections", wrong, slug=slug)
        assert page.status == 422
        assert said in page.text
        assert f'value="{wrong["concurrent_calls"]}"' in page.html
        assert registered(slug).connections == ()

    def test_refuses_a_live_tenant_the_sandbox(self, slug: str, operator: StaffClient) -> None:
        go_live(slug)
        assert "no money would move" in operator.post("tenant-connections", partner(), slug=slug).text
        assert registered(slug).connections == ()

    def test_a_tenant_that_is_not_there_is_not_connected(self, operator: StaffClient) -> None:
        assert operator.send("tenant-connections", partner(), slug="nobody").status_code == 404


class TestDisconnecting:
    def test_takes_it_away(self, slug: str, operator: StaffClient) -> None:
        operator.post("tenant-connections", partner(), slug=slug)
        (connection,) = registered(slug).connections
        page = operator.post("connection-remove", slug=slug, connection_id=connection.id)
        assert "is disconnected" in page.text
        assert registered(slug).connections == ()

    def test_under_its_own_tenant_only(self, slug: str, other_backoffice: Backoffice, operator: StaffClient) -> None:
        operator.post("tenant-connections", partner(), slug=slug)
        (connection,) = registered(slug).connections
        answer = operator.send("connection-remove", slug=other_backoffice.slug, connection_id=connection.id)
        assert answer.status_code == 404
        assert registered(slug).connections == (connection,)


class TestWhoMay:
    @pytest.mark.parametrize("name", ["tenant-policies", "tenant-connections"])
    def test_only_operators(self, slug: str, manager: StaffClient, name: str) -> None:
        before = registered(slug)
        assert manager.send(name, partner() | policies(hold_minutes=20), slug=slug).status_code == 404
        assert registered(slug).connections == ()
        assert registered(slug).policies == before.policies
