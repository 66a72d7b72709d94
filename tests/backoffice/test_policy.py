"""The admin's content security policy, and pages that keep to it: nothing is written into them that runs or styles."""

import re
import uuid

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from apps.backoffice.content_security_policy import ContentSecurityPolicyMiddleware
from tests.backoffice.staff_clients import Backoffice, StaffClient

#: What the policy would stop: inline scripts, handlers, Alpine's and htmx's attributes, styles.
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\s(?:on[a-z]+|style|x-[a-z:-]+|hx-[a-z-]+|@[a-z]+)=|javascript:")


def directives(response: object) -> dict[str, list[str]]:
    header = response.headers["Content-Security-Policy"]  # type: ignore[attr-defined]
    return {name: sources for name, *sources in (part.split() for part in header.split("; "))}


class TestPolicy:
    def test_allows_nothing_written_in_and_no_frame(self, viewer: StaffClient) -> None:
        found = directives(viewer.get("index").response)
        assert found["default-src"] == ["'self'"]
        assert found["script-src"] == ["'self'"]
        assert (found["object-src"], found["base-uri"]) == (["'none'"], ["'none'"])
        assert (found["form-action"], found["frame-ancestors"]) == (["'self'"], ["'none'"])
        assert not {source for sources in found.values() for source in sources if source.startswith("'unsafe")}

    @pytest.mark.parametrize("path", ["/admin/login/", "/admin/", "/admin/nothing/", "/admin/health/tenants"])
    @pytest.mark.django_db
    def test_is_on_every_answer(self, path: str) -> None:
        assert directives(Client().get(path))["script-src"] == ["'self'"]

    @pytest.mark.django_db
    def test_names_the_host_of_static_files(self, settings: Settings) -> None:
        settings.STORAGES = {
            **django_settings.STORAGES,
            "staticfiles": {
                "BACKEND": "apps.core.static_files.S3StaticFiles",
                "OPTIONS": {"bucket_name": uuid.uuid4().hex, "custom_domain": "static.example", "endpoint_url": "x:"},
            },
        }
        assert staticfiles_storage is not None
        page = ContentSecurityPolicyMiddleware(lambda _: HttpResponse())(RequestFactory().get("/admin/"))
        found = directives(page)
        for directive in ("script-src", "style-src", "font-src"):
            assert found[directive][:2] == ["'self'", "https://static.example"]


class TestPages:
    def test_have_nothing_written_in(self, backoffice: Backoffice, manager: StaffClient, operator: StaffClient) -> None:
        listing = backoffice.pending()
        pages = [
            *(manager.get(name) for name in ("index", "listings", "orders", "claims", "money", "connections")),
            manager.get("listing", listing_id=listing.id),
            manager.get("password_change"),
            *(operator.get(name) for name in ("tenancy_tenant_changelist", "health")),
            operator.get("tenant", slug=backoffice.slug),
        ]
        assert {page.status for page in pages} == {200}
        found = {match for page in pages for match in _INLINE.findall(page.html)}
        assert not found

    @pytest.mark.django_db
    def test_that_refuse_carry_the_one_style_that_is_allowed(self) -> None:
        page = Client().get(f"/admin/{uuid.uuid4().hex}/").content.decode()
        assert len(re.findall("<style>", page)) == 1
        assert [one for one in _INLINE.findall(page) if one != "<style"] == []

    @pytest.mark.django_db
    def test_sign_in_has_nothing_written_in(self) -> None:
        assert not _INLINE.findall(Client().get(reverse("admin:login")).content.decode())
