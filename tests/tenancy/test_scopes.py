"""Which middleware runs where: staff pages have sessions, the API has none."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from apps.core.middleware import ScopedMiddleware
from apps.tenancy.models import User
from tests.fixtures.tenants import Shop


class Hooked:
    """Middleware with a hook that scopes do not run."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        """Never called."""


@pytest.fixture
def operator(db: None) -> User:  # noqa: ARG001 - opens the database
    return User.objects.create_superuser("operator", password="correct horse battery")


class TestScopes:
    def test_the_admin_has_a_session_and_checks_csrf(self, operator: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(operator)
        assert client.get("/admin/health/tenants").status_code == 200
        assert client.post("/admin/health/tenants").status_code == 403

    def test_the_api_knows_no_session(self, settings: Settings) -> None:
        seen: list[HttpRequest] = []

        def view(request: HttpRequest) -> HttpResponse:
            seen.append(request)
            return HttpResponse()

        scoped = ScopedMiddleware(view)
        assert settings.SCOPED_MIDDLEWARE["/admin/"]
        scoped(RequestFactory().get("/v1/listings"))
        scoped(RequestFactory().get("/healthz"))
        assert [hasattr(request, "session") for request in seen] == [False, False]
        assert [hasattr(request, "user") for request in seen] == [False, False]

    def test_refuses_a_hook_it_does_not_run(self, settings: Settings) -> None:
        settings.SCOPED_MIDDLEWARE = {"/x/": [f"{__name__}.Hooked"]}
        with pytest.raises(ImproperlyConfigured, match="process_exception"):
            ScopedMiddleware(lambda _: HttpResponse())


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
