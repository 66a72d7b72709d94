"""``suspend_tenant`` and ``resume_tenant``: what is new stops, what is in flight ends (``tests/api`` holds both)."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.tenancy import registry
from apps.tenancy.models import Tenant
from resale.domain.tenants import TenantStatus
from tests.fixtures.tenants import Shop


def list_listings(shop: Shop) -> int:
    headers = {"X-API-Key": shop.publishable.text}
    return Client(headers=headers).get("/v1/orders").status_code


class TestSuspendTenant:
    def test_the_api_refuses_and_workers_continue_until_it_is_resumed(
        self, northwind: Shop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for _ in range(2):  # idempotent
            call_command("suspend_tenant", "northwind")
        assert list_listings(northwind) == 403
        assert [tenant.status for tenant in registry.served_tenants()] == [TenantStatus.SUSPENDED]
        assert registry.active_tenants() == ()
        for _ in range(2):
            call_command("resume_tenant", "northwind")
        assert list_listings(northwind) != 403
        assert registry.active_tenants() == (northwind.tenant,)
        assert "northwind is suspended; all processes follow within 30 s" in capsys.readouterr().out

    @pytest.mark.parametrize("command", ["suspend_tenant", "resume_tenant"])
    def test_no_such_tenant(self, command: str, northwind: Shop) -> None:  # noqa: ARG002 - there is another
        with pytest.raises(CommandError, match="No tenant with this name exists"):
            call_command(command, "nobody")

    def test_a_tenant_without_its_stack_is_not_resumed(self, northwind: Shop) -> None:
        Tenant.objects.filter(slug=northwind.tenant.slug).update(resources={}, status="suspended")
        with pytest.raises(CommandError, match="missing required field"):
            call_command("resume_tenant", "northwind")
