"""Which middleware runs where: staff pages have sessions, the API has none."""

import pytest
from django.core.management import call_command
from django.test import Client

from apps.tenancy.models import User
from tests.fixtures.tenants import Shop


@pytest.fixture
def operator(db: None) -> User:  # noqa: ARG001 - opens the database
    return User.objects.create_superuser("operator", password="correct horse battery")


class TestScopes:
    def test_the_admin_has_a_session_and_checks_csrf(self, operator: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(operator)
        assert client.get("/admin/health/tenants").status_code == 200
        assert client.post("/admin/health/tenants").status_code == 403

    @pytest.mark.parametrize("path", ["/v1/listings", "/healthz", "/admin-elsewhere"])
    def test_everything_else_knows_no_session(self, client: Client, path: str) -> None:
        response = client.get(path)
        assert not {"session", "user", "_messages"} & set(vars(response.wsgi_request))
        assert not {"Set-Cookie", "X-Frame-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy"} & {
            *response.headers
        }
        assert "script-src" not in response.headers["Content-Security-Policy"]

    def test_everything_else_checks_no_csrf(self) -> None:
        assert Client(enforce_csrf_checks=True).post("/healthz").status_code == 405

    @pytest.mark.django_db
    def test_an_admin_page_passes_all_of_them(self, client: Client) -> None:
        response = client.get("/admin/login/")
        assert {"session", "user", "_messages"} <= set(vars(response.wsgi_request))
        assert {"X-Frame-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy"} <= {*response.headers}
        assert "script-src" in response.headers["Content-Security-Policy"]
        assert client.get("/admin/login").headers["Location"] == "/admin/login/"


class TestTenantsHealth:
    def test_is_not_there_for_others(self, client: Client, operator: User) -> None:
        assert client.get("/admin/health/tenants").status_code == 404
        operator.is_superuser = False
        operator.is_staff = True
        operator.save()
        client.force_login(operator)
        assert client.get("/admin/health/tenants").status_code == 404

    def test_tells_an_operator_of_each_tenant(self, client: Client, operator: User, northwind: Shop) -> None:
        client.force_login(operator)
        (told,) = client.get("/admin/health/tenants").json()
        assert told["slug"] == northwind.tenant.slug
        assert told["status"] in {"failing", "silent"}  # its account was never deployed
        assert told["code"]


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
