"""Health: the process, and what it needs; never a tenant."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client

from apps.tenancy import keys, registry
from tests.fixtures.tenants import Shop


@pytest.fixture
def _database_down(transactional_db: None, northwind: Shop) -> Iterator[None]:  # noqa: ARG001 - in this order
    """The registry's database, gone after one key was seen."""
    registry.by_api_key_hash(keys.hash_of(northwind.secret.text))
    place = {name: connection.settings_dict[name] for name in ("NAME", "HOST", "PORT")}
    connection.close()
    connection.settings_dict.update(NAME="/nonexistent/registry.sqlite", HOST="127.0.0.1", PORT="1")
    yield
    connection.close()
    connection.settings_dict.update(place)


class TestHealthz:
    def test_answers_without_a_database(self, client: Client) -> None:
        assert client.get("/healthz").json() == {"status": "ok"}

    @pytest.mark.usefixtures("_database_down")
    def test_answers_when_it_is_down(self, client: Client) -> None:
        assert client.get("/healthz").status_code == 200


class TestReadyz:
    @pytest.mark.django_db
    def test_answers_with_a_database(self, client: Client) -> None:
        assert client.get("/readyz").json() == {"status": "ok", "registry": "ok", "static_files": "ok", "tenants": "ok"}

    @pytest.mark.usefixtures("_database_down")
    def test_stays_ready_while_the_registry_is_known(self, client: Client) -> None:
        response = client.get("/readyz")
        assert (response.status_code, response.json()["registry"]) == (200, "stale")

    @pytest.mark.usefixtures("_database_down")
    def test_is_not_ready_when_nothing_is_known(self, client: Client) -> None:
        registry.clear()
        response = client.get("/readyz")
        assert (response.status_code, response.json()["registry"]) == (503, "down")
