"""Which pages may read which tenant's answers."""

import pytest
from django.test import Client

from tests.fixtures.tenants import Shop

pytestmark = pytest.mark.usefixtures("_base_api")

NORTHWIND = "https://northwind.example"
ATELIER = "https://atelier.example"


def preflight(client: Client, origin: str) -> str | None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return client.options("/v1/things", headers=headers).get("Access-Control-Allow-Origin")


class TestCors:
    def test_preflight_passes_every_tenants_pages(self, client: Client, northwind: Shop, atelier: Shop) -> None:
        assert northwind.tenant.slug != atelier.tenant.slug
        assert preflight(client, NORTHWIND) == NORTHWIND
        assert preflight(client, ATELIER) == ATELIER

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", NORTHWIND + ".evil.example", "http://[", "*"])
    def test_preflight_passes_no_strangers(self, client: Client, northwind: Shop, origin: str) -> None:  # noqa: ARG002
        assert preflight(client, origin) is None

    def test_preflight_names_our_headers(self, client: Client, northwind: Shop) -> None:  # noqa: ARG002
        headers = {"Origin": NORTHWIND, "Access-Control-Request-Method": "POST"}
        answer = client.options("/v1/things", headers=headers)
        assert "x-api-key" in answer["Access-Control-Allow-Headers"]
        assert "idempotency-key" in answer["Access-Control-Allow-Headers"]

    def test_an_answer_may_be_read_by_its_own_tenants_pages_only(
        self, client: Client, northwind: Shop, atelier: Shop
    ) -> None:
        for shop, origin, allowed in [
            (northwind, NORTHWIND, NORTHWIND),
            (northwind, ATELIER, None),
            (atelier, ATELIER, ATELIER),
            (atelier, NORTHWIND, None),
        ]:
            answer = client.get("/v1/who", headers={"X-API-Key": shop.publishable.text, "Origin": origin})
            assert answer.get("Access-Control-Allow-Origin") == allowed
            assert "origin" in answer["Vary"].lower()

    def test_a_problem_may_be_read_too(self, client: Client, northwind: Shop) -> None:
        headers = {"X-API-Key": northwind.publishable.text, "Origin": NORTHWIND}
        assert client.post("/v1/moderation", headers=headers)["Access-Control-Allow-Origin"] == NORTHWIND

    def test_no_credentials_are_allowed(self, client: Client, northwind: Shop) -> None:
        headers = {"X-API-Key": northwind.publishable.text, "Origin": NORTHWIND}
        assert "Access-Control-Allow-Credentials" not in client.get("/v1/who", headers=headers)
