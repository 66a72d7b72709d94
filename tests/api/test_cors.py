"""Which pages may read which tenant's answers."""

import pytest
from django.test import Client

from apps.storefront.docs import ENDPOINTS
from apps.storefront.permissions import Access
from deploy.local.issuer.server import IssuerServer
from tests.fixtures.tenants import Shop, open_shop

pytestmark = pytest.mark.usefixtures("_base_api")

NORTHWIND = "https://northwind.example"
ATELIER = "https://atelier.example"
DEVELOPERS = (
    "http://localhost:5173",
    "http://localhost",
    "http://127.0.0.1:3000",
    "http://[::1]:8080",
    "https://localhost:3",
)


@pytest.fixture
def sandbox(db: None, issuers: IssuerServer) -> Shop:  # noqa: ARG001 - opens the database
    """A shop that nobody buys in yet."""
    return open_shop("sandbox", "444444444444", issuers, sandbox=True)


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

    @pytest.mark.parametrize("headers", [{}, {"Origin": NORTHWIND}])
    def test_is_for_paths_of_the_api_only(self, client: Client, northwind: Shop, headers: dict[str, str]) -> None:  # noqa: ARG002
        response = client.get("/healthz", headers=headers)
        assert not {"Vary", "Access-Control-Allow-Origin"} & {*response.headers}

    @pytest.mark.parametrize("origin", DEVELOPERS)
    def test_a_sandbox_may_be_read_by_a_developers_pages_on_any_port(
        self, client: Client, sandbox: Shop, northwind: Shop, origin: str
    ) -> None:
        assert preflight(client, origin) == origin
        for shop, allowed in [(sandbox, origin), (northwind, None)]:
            response = client.get("/v1/who", headers={"X-API-Key": shop.publishable.text, "Origin": origin})
            assert response.get("Access-Control-Allow-Origin") == allowed

    @pytest.mark.parametrize("origin", DEVELOPERS)
    def test_a_live_tenant_never_may(self, client: Client, northwind: Shop, origin: str) -> None:
        assert not northwind.tenant.sandbox
        assert preflight(client, origin) is None

    @pytest.mark.parametrize(
        "origin",
        ["http://localhost.evil.example:3000", "http://localhost:3000.evil.example", "http://localhost:x", "file://"],
    )
    def test_nor_may_what_only_looks_like_one(self, client: Client, sandbox: Shop, origin: str) -> None:  # noqa: ARG002
        assert preflight(client, origin) is None

    def test_preflight_names_our_headers(self, client: Client, northwind: Shop) -> None:  # noqa: ARG002
        headers = {"Origin": NORTHWIND, "Access-Control-Request-Method": "POST"}
        response = client.options("/v1/things", headers=headers)
        assert "x-api-key" in response["Access-Control-Allow-Headers"]
        assert "idempotency-key" in response["Access-Control-Allow-Headers"]
        assert "api-version" in response["Access-Control-Allow-Headers"]

    def test_preflight_allows_every_method_that_a_shopper_calls(self, client: Client, northwind: Shop) -> None:
        assert northwind.tenant.allows_origin(NORTHWIND)
        called = {one.method.upper() for one in ENDPOINTS if one.access is not Access.BRAND}
        headers = {"Origin": NORTHWIND, "Access-Control-Request-Method": "PUT"}
        allowed = client.options("/v1/things", headers=headers)["Access-Control-Allow-Methods"]
        assert called <= set(allowed.split(", "))

    def test_an_answer_may_be_read_by_its_own_tenants_pages_only(
        self, client: Client, northwind: Shop, atelier: Shop
    ) -> None:
        for shop, origin, allowed in [
            (northwind, NORTHWIND, NORTHWIND),
            (northwind, ATELIER, None),
            (atelier, ATELIER, ATELIER),
            (atelier, NORTHWIND, None),
        ]:
            response = client.get("/v1/who", headers={"X-API-Key": shop.publishable.text, "Origin": origin})
            assert response.get("Access-Control-Allow-Origin") == allowed
            assert "origin" in response["Vary"].lower()

    def test_a_problem_may_be_read_too(self, client: Client, northwind: Shop) -> None:
        headers = {"X-API-Key": northwind.publishable.text, "Origin": NORTHWIND}
        assert client.post("/v1/moderation", headers=headers)["Access-Control-Allow-Origin"] == NORTHWIND

    def test_no_credentials_are_allowed(self, client: Client, northwind: Shop) -> None:
        headers = {"X-API-Key": northwind.publishable.text, "Origin": NORTHWIND}
        assert "Access-Control-Allow-Credentials" not in client.get("/v1/who", headers=headers)
