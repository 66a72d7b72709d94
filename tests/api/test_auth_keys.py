"""API keys: who is let in, as whom, and who is not."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from apps.tenancy import keys, models, registry
from apps.tenancy.keys import UnknownScope
from apps.tenancy.models import KeyKind
from tests.fixtures.tenants import Shop

pytestmark = pytest.mark.usefixtures("_base_api")


def code_of(client: Client, path: str = "/v1/who", **headers: str) -> tuple[int, str]:
    """Ask, and read the problem's code."""
    response = client.get(path, headers=headers)
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


class TestKeys:
    def test_names_the_tenant(self, client: Client, northwind: Shop, atelier: Shop) -> None:
        for shop in (northwind, atelier):
            response = client.get("/v1/who", headers={"X-API-Key": shop.publishable.text})
            assert response.json()["tenant"] == shop.tenant.slug
            assert response.json()["kind"] == "publishable"

    def test_looks_as_documented(self, northwind: Shop) -> None:
        assert northwind.publishable.text.startswith("pk_live_")
        assert northwind.secret.text.startswith("sk_live_")
        assert len(northwind.secret.text) == keys.TEXT_CHARS

    def test_is_nowhere_in_the_database(self, northwind: Shop) -> None:
        row = models.APIKey.objects.get(id=northwind.secret.id)
        assert northwind.secret.text not in str(row.__dict__)
        assert row.hash == keys.hash_of(northwind.secret.text)
        assert str(row) == f"sk_live_…{northwind.secret.text[-4:]}"

    def test_refuses_none(self, client: Client, northwind: Shop) -> None:  # noqa: ARG002 - there is a tenant
        assert code_of(client) == (401, "api_key_missing")

    @pytest.mark.parametrize("text", ["x", "pk_live_" + "a" * 43, "é" * 51, "pk_live_" + "a" * 5000])
    def test_refuses_an_unknown_one(self, client: Client, northwind: Shop, text: str) -> None:  # noqa: ARG002
        assert code_of(client, **{"X-API-Key": text}) == (401, "api_key_invalid")

    def test_says_what_would_help(self, client: Client, northwind: Shop) -> None:  # noqa: ARG002 - there is a tenant
        assert client.get("/v1/who")["WWW-Authenticate"].startswith("ApiKey")

    def test_refuses_a_revoked_one_at_once(self, client: Client, northwind: Shop) -> None:
        headers = {"X-API-Key": northwind.secret.text}
        assert client.get("/v1/who", headers=headers).status_code == 200
        keys.revoke_api_key(key_id=northwind.secret.id, now=datetime.now(UTC))
        assert code_of(client, **headers) == (401, "api_key_revoked")

    def test_keeps_the_moment_of_the_first_revocation(self, northwind: Shop) -> None:
        first = datetime(2026, 1, 1, tzinfo=UTC)
        keys.revoke_api_key(key_id=northwind.secret.id, now=first)
        keys.revoke_api_key(key_id=northwind.secret.id, now=datetime(2026, 2, 1, tzinfo=UTC))
        assert models.APIKey.objects.get(id=northwind.secret.id).revoked_at == first

    def test_rotates_to_a_like_key_and_keeps_the_old_one(self, client: Client, northwind: Shop) -> None:
        fresh = keys.rotate_api_key(key_id=northwind.secret.id)
        for text in (northwind.secret.text, fresh.text):
            assert client.get("/v1/who", headers={"X-API-Key": text}).json()["kind"] == "secret"

    def test_refuses_an_unknown_scope(self, northwind: Shop) -> None:
        with pytest.raises(UnknownScope):
            keys.issue_api_key(slug=northwind.tenant.slug, kind=KeyKind.SECRET, scopes=["everything"])


class TestModes:
    @pytest.mark.parametrize("mode", ["test", "live"])
    def test_a_key_is_good_only_in_the_mode_it_was_made_for(self, client: Client, northwind: Shop, mode: str) -> None:
        switch(northwind, sandbox=mode == "test")
        made = keys.issue_api_key(slug=northwind.tenant.slug, kind=KeyKind.SECRET)
        assert made.text.startswith(f"sk_{mode}_")
        assert client.get("/v1/who", headers={"X-API-Key": made.text}).status_code == 200
        switch(northwind, sandbox=mode != "test")
        assert code_of(client, **{"X-API-Key": made.text}) == (401, "api_key_wrong_mode")
        assert code_of(client, path="/v1/listings", **{"X-API-Key": made.text}) == (401, "api_key_wrong_mode")

    def test_a_key_that_takes_its_place_is_made_for_the_shop_as_it_is(self, client: Client, northwind: Shop) -> None:
        switch(northwind, sandbox=True)
        fresh = keys.rotate_api_key(key_id=northwind.publishable.id)
        assert fresh.text.startswith("pk_test_")
        assert client.get("/v1/who", headers={"X-API-Key": fresh.text}).status_code == 200
        assert code_of(client, **{"X-API-Key": northwind.publishable.text}) == (401, "api_key_wrong_mode")


def switch(shop: Shop, *, sandbox: bool) -> None:
    """Turn a shop into a sandbox, or into a live one."""
    models.Tenant.objects.filter(slug=shop.tenant.slug).update(sandbox=sandbox)
    registry.clear()


class TestScopes:
    def test_lets_a_secret_key_with_the_scope_pass(self, client: Client, northwind: Shop) -> None:
        assert client.post("/v1/moderation", headers={"X-API-Key": northwind.secret.text}).status_code == 200

    def test_refuses_a_publishable_key(self, client: Client, northwind: Shop) -> None:
        response = client.post("/v1/moderation", headers={"X-API-Key": northwind.publishable.text})
        assert (response.status_code, response.json()["code"]) == (403, "secret_key_required")

    def test_refuses_a_key_without_it(self, client: Client, northwind: Shop) -> None:
        reader = keys.issue_api_key(slug="northwind", kind=KeyKind.SECRET, scopes=["orders:read"])
        assert northwind.secret.id != reader.id
        response = client.post("/v1/moderation", headers={"X-API-Key": reader.text})
        assert (response.status_code, response.json()["code"]) == (403, "scope_missing")


class TestTenants:
    def test_refuses_a_suspended_one(self, client: Client, northwind: Shop) -> None:
        models.Tenant.objects.update(status=models.Status.SUSPENDED)
        registry.clear()
        assert code_of(client, **{"X-API-Key": northwind.secret.text}) == (403, "tenant_suspended")

    def test_refuses_one_without_its_stack(self, client: Client, northwind: Shop) -> None:
        models.Tenant.objects.update(status=models.Status.SUSPENDED, resources={})
        registry.clear()
        assert code_of(client, **{"X-API-Key": northwind.secret.text}) == (403, "tenant_suspended")

    def test_sandbox_keys_say_test(self, northwind: Shop) -> None:
        models.Tenant.objects.update(sandbox=True)
        assert keys.issue_api_key(slug=northwind.tenant.slug, kind=KeyKind.PUBLISHABLE).text.startswith("pk_test_")
