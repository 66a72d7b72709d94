"""Which adapter a tenant gets, by its connection, secret and whether it is a sandbox; and when a new one is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from resale.adapters.partners.choice import PartnerSelector, read_field
from resale.domain.ids import CONNECTION_ID, ConnectionId, TenantId
from resale.domain.partners import Connection, PartnerKind, PartnerMisconfigured, Provider
from resale.domain.tenants import Tenant, TenantStatus
from tests.fixtures.tenants import resources_of

STRIPE = Connection(
    id=ConnectionId("con_" + "1" * 32),
    kind=PartnerKind.PAYMENTS,
    provider=Provider.STRIPE,
    secret_name="northwind/payments",
)
SANDBOX = Connection(id=ConnectionId("con_" + "2" * 32), kind=PartnerKind.PAYMENTS, provider=Provider.SANDBOX)
SHIPPING = msgspec.structs.replace(SANDBOX, id=ConnectionId("con_" + "3" * 32), kind=PartnerKind.SHIPPING)


@dataclass(frozen=True)
class Adapter:
    """What was made, and from what."""

    account: str
    connection: Connection
    secret: dict[str, str]


@dataclass
class Shelf:
    """Secrets of a tenant, at hand."""

    values: dict[str, dict[str, str]] = field(default_factory=dict)

    def get(self, name: str) -> Mapping[str, str]:
        """Find one."""
        if name not in self.values:
            raise PartnerMisconfigured(f"no {name}")
        return self.values[name]


def make(account: str, connection: Connection, secret: Mapping[str, str]) -> Adapter:
    if connection.provider is not Provider.SANDBOX:
        read_field(connection, secret, "api_key")
    return Adapter(account, connection, dict(secret))


def a_tenant(*connections: Connection, slug: str = "northwind", **fields: Any) -> Tenant:
    return Tenant(
        **{
            "id": TenantId("ten_" + slug.encode().hex().rjust(32, "0")),
            "slug": slug,
            "name": slug,
            "account_id": "1" * 12,
            "region": "eu-west-2",
            "tier": "standard",
            "status": TenantStatus.ACTIVE,
            "sandbox": True,
            "currency": "GBP",
            "market": "GB",
            "locale": "en-GB",
            "commission_basis_points": 0,
            "oidc_issuer": "https://issuer.example",
            "oidc_audience": "shop",
            "allowed_origins": (),
            "external_id": "e",
            "resources": resources_of(slug, "1" * 12, "eu-west-2"),
            "connections": connections,
            **fields,
        }
    )


@pytest.fixture
def partners() -> PartnerSelector[Adapter]:
    return PartnerSelector(PartnerKind.PAYMENTS, make, sandbox_url="http://127.0.0.1:1")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf({"northwind/payments": {"api_key": "sk_1"}})


class TestWhichOne:
    def test_is_the_one_of_its_connection(self, partners: PartnerSelector[Adapter], shelf: Shelf) -> None:
        chosen = partners.for_tenant(a_tenant(SHIPPING, STRIPE, sandbox=False), shelf)
        assert chosen.connection is STRIPE
        assert chosen.adapter == Adapter("northwind", STRIPE, {"api_key": "sk_1"})

    def test_is_the_sandboxs_for_a_sandbox_tenant_without_connections(
        self, partners: PartnerSelector[Adapter], shelf: Shelf
    ) -> None:
        northwind, atelier = (partners.for_tenant(a_tenant(slug=slug), shelf) for slug in ("northwind", "atelier"))
        assert (northwind.adapter.account, atelier.adapter.account) == ("northwind", "atelier")
        for chosen in (northwind, atelier):
            assert chosen.connection.provider is Provider.SANDBOX
            assert CONNECTION_ID.matches(chosen.connection.id)
            assert chosen.adapter.secret == {}

    def test_has_the_same_id_in_every_process_and_another_for_each_kind(self, shelf: Shelf) -> None:
        def id_of(kind: PartnerKind, slug: str = "northwind") -> str:
            return (
                PartnerSelector(kind, make, sandbox_url="http://127.0.0.1:1")
                .for_tenant(a_tenant(slug=slug), shelf)
                .connection.id
            )

        ids = {id_of(PartnerKind.PAYMENTS), id_of(PartnerKind.SHIPPING), id_of(PartnerKind.PAYMENTS, "atelier")}
        assert len(ids) == 3
        assert id_of(PartnerKind.PAYMENTS) in ids


class TestNone:
    @pytest.mark.parametrize(
        ("tenant", "said"),
        [
            (a_tenant(sandbox=False), "has no connection for payments"),
            (a_tenant(SHIPPING, sandbox=False), "has no connection for payments"),
            (a_tenant(SANDBOX, sandbox=False), "live and cannot use the sandbox"),
            (a_tenant(msgspec.structs.replace(STRIPE, secret_name="northwind/other")), "no northwind/other"),
            (a_tenant(msgspec.structs.replace(STRIPE, secret_name="northwind/empty")), "has no api_key"),
        ],
        ids=["live and unconnected", "live with another kind", "live on the sandbox", "no secret", "empty secret"],
    )
    def test_for_whom_it_is_not_right(
        self, partners: PartnerSelector[Adapter], shelf: Shelf, tenant: Tenant, said: str
    ) -> None:
        shelf.values["northwind/empty"] = {"api_key": ""}
        with pytest.raises(PartnerMisconfigured, match=said):
            partners.for_tenant(tenant, shelf)
        assert len(partners) == 0

    def test_where_there_is_no_sandbox(self, shelf: Shelf) -> None:
        partners = PartnerSelector(PartnerKind.PAYMENTS, make, sandbox_url=None)
        with pytest.raises(PartnerMisconfigured):
            partners.for_tenant(a_tenant(), shelf)


class TestKeeping:
    def test_gives_the_same_one_while_nothing_changes(self, partners: PartnerSelector[Adapter], shelf: Shelf) -> None:
        first = partners.for_tenant(a_tenant(STRIPE), shelf)
        again = partners.for_tenant(a_tenant(msgspec.structs.replace(STRIPE)), Shelf(msgspec.to_builtins(shelf.values)))
        assert again is first

    def test_makes_another_when_the_connection_changes(self, partners: PartnerSelector[Adapter], shelf: Shelf) -> None:
        partners.for_tenant(a_tenant(STRIPE), shelf)
        slower = msgspec.structs.replace(STRIPE, calls_per_second=1)
        assert partners.for_tenant(a_tenant(slower), shelf).adapter.connection == slower
        assert len(partners) == 1

    def test_makes_another_when_the_secret_changes(self, partners: PartnerSelector[Adapter], shelf: Shelf) -> None:
        partners.for_tenant(a_tenant(STRIPE), shelf)
        shelf.values = {"northwind/payments": {"api_key": "sk_2"}}
        assert partners.for_tenant(a_tenant(STRIPE), shelf).adapter.secret == {"api_key": "sk_2"}

    def test_forgets_the_least_lately_used(self, shelf: Shelf) -> None:
        partners = PartnerSelector(PartnerKind.PAYMENTS, make, sandbox_url="http://127.0.0.1:1", max_count=2)
        first = partners.for_tenant(a_tenant(slug="a"), shelf)
        second = partners.for_tenant(a_tenant(slug="b"), shelf)
        assert partners.for_tenant(a_tenant(slug="a"), shelf) is first
        partners.for_tenant(a_tenant(slug="c"), shelf)
        assert partners.for_tenant(a_tenant(slug="a"), shelf) is first
        assert partners.for_tenant(a_tenant(slug="b"), shelf) is not second
        assert len(partners) == 2
