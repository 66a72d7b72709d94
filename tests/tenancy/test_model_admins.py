"""Rows of the registry that two change at once: a form of the admin waits for its row, and writes over nothing."""

import threading
from typing import Any

import msgspec
import pytest
from django.db import connections, transaction
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from apps.tenancy.models import Tenant, User
from tests.fixtures.tenants import Shop


@pytest.fixture
def operator(transactional_db: None) -> Client:  # noqa: ARG001 - opens the database
    client = Client()
    client.force_login(User.objects.create_superuser("operator", password="correct horse battery"))
    return client


@pytest.mark.django_db(transaction=True)
class TestForms:
    def test_of_a_tenant_keeps_what_was_changed_while_it_waited(self, northwind: Shop, operator: Client) -> None:
        row = Tenant.objects.get(id=northwind.tenant.id)
        path = reverse("admin:tenancy_tenant_change", args=[row.pk])
        assert _sent_while(row, operator, path, _form(row, name="Northwind Resale"), status="suspended") == 302
        row.refresh_from_db()
        assert (row.name, row.status) == ("Northwind Resale", "suspended")

    def test_of_a_password_keeps_what_was_changed_while_it_waited(self, operator: Client) -> None:
        robin = User.objects.create_user("robin", password="correct horse battery", is_staff=True)
        path = reverse("admin:tenancy_user_password", args=[robin.pk])
        body = {"password1": "quite another battery", "password2": "quite another battery"}
        assert _sent_while(robin, operator, path, body, is_active=False) == 302
        robin.refresh_from_db()
        assert (robin.check_password("quite another battery"), robin.is_active) == (True, False)


def _sent_while(row: Model, client: Client, path: str, body: dict[str, Any], **changes: Any) -> int:
    """Send a form while somebody else changes the row and has not committed yet; the form's status."""
    statuses: list[int] = []

    def send() -> None:
        try:
            statuses.append(client.post(path, body).status_code)
        finally:
            connections.close_all()

    sender = threading.Thread(target=send)
    rows = type(row)._default_manager.filter(pk=row.pk)
    with transaction.atomic():
        rows.select_for_update().get()
        rows.update(**changes)
        sender.start()
        sender.join(timeout=1)
        assert sender.is_alive()
    sender.join(timeout=30)
    return statuses[0]


def _form(row: Tenant, **fields: Any) -> dict[str, Any]:
    names = ("tier", "locale", "commission_basis_points", "oidc_issuer", "oidc_audience")
    texts = {name: msgspec.json.encode(getattr(row, name)).decode() for name in ("allowed_origins", "resources")}
    return {**{name: getattr(row, name) for name in names}, **texts, **fields}
