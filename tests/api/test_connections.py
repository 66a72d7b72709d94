"""Connections over HTTP: the brand sees its own and how they fare, and nobody else's."""

import uuid
from typing import Any

import pytest

from apps.tenancy.tenants import connect
from resale.domain.ids import ConnectionId
from resale.domain.partners import Connection, PartnerKind, PartnerUnavailable, Provider
from tests.fixtures.storefront import Front

PATH = "/v1/connections"
FAILURES = 5  # resale.adapters.partners.rules


class Silent:
    """A partner that never answers."""

    name = "silent"

    def __getattr__(self, method: str) -> Any:
        def ask(*_given: object, **_named: object) -> None:
            raise PartnerUnavailable("no answer")

        return ask


@pytest.fixture
def connection(front: Front) -> Connection:
    """Tenant A's, to a payment provider."""
    return connected(front)


def connected(front: Front) -> Connection:
    made = Connection(
        id=ConnectionId(f"con_{uuid.uuid4().hex}"),
        kind=PartnerKind.PAYMENTS,
        provider=Provider.STRIPE,
        secret_name=f"{front.shop.tenant.slug}/stripe",
        calls_per_second=100,
    )
    connect(slug=front.shop.tenant.slug, connection=made)
    return made


def fail_often(front: Front, connection: Connection) -> None:
    payments = front.container.guarded_payments(front.shop.tenant, connection, Silent())
    for _ in range(FAILURES):
        with pytest.raises(PartnerUnavailable, match="no answer"):
            payments.find_payment(None)  # type: ignore[arg-type]  # nobody looks at it


class TestConnections:
    def test_of_one_that_never_failed(self, front: Front, connection: Connection) -> None:
        assert front.get(PATH, brand=True).json == {
            "object": "list",
            "data": [
                {
                    "id": connection.id,
                    "object": "connection",
                    "kind": "payments",
                    "provider": "stripe",
                    "status": "closed",
                    "since": None,
                    "failures": 0,
                    "reason_code": None,
                    "calls_per_second": 100,
                    "concurrent_calls": 8,
                }
            ],
            "has_more": False,
            "next_cursor": None,
        }

    def test_of_one_that_is_not_called_now(self, front: Front, connection: Connection) -> None:
        fail_often(front, connection)
        (shown,) = front.get(PATH, brand=True).json["data"]
        assert (shown["status"], shown["failures"], shown["reason_code"]) == ("open", FAILURES, "partner_unavailable")
        assert shown["since"] is not None

    def test_are_each_tenants_own(self, front: Front, other_front: Front, connection: Connection) -> None:
        theirs = connected(other_front)
        fail_often(front, connection)
        shown = other_front.get(PATH, brand=True).json["data"]
        assert [(one["id"], one["status"]) for one in shown] == [(theirs.id, "closed")]

    def test_name_no_secret(self, front: Front, connection: Connection) -> None:
        assert connection.secret_name is not None
        assert connection.secret_name.encode() not in front.get(PATH, brand=True).body

    def test_are_the_brands(self, front: Front, narrow: Front) -> None:
        assert front.get(PATH).code == "403 secret_key_required"
        assert front.get(PATH, by=front.shopper()).code == "403 secret_key_required"
        assert narrow.get(PATH, brand=True).code == "403 scope_missing"

    def test_take_no_query(self, front: Front) -> None:
        assert front.get(f"{PATH}?limit=1", brand=True).code == "422 validation_failed"
