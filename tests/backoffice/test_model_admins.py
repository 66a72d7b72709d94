"""The registry's rows in the operator's admin: users, memberships, tenants."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django import forms
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from apps.backoffice.site import site
from apps.backoffice.text_fields import TextField
from apps.tenancy import passwords, registry
from apps.tenancy.models import StaffMembership, Tenant, User
from resale.domain.access import Role
from resale.domain.price_rules import PriceRules
from tests.backoffice.staff_clients import Backoffice, Shown, StaffClient

PASSWORD = "correct horse battery"


def user_form(user: User, **fields: Any) -> dict[str, Any]:
    """The form of a user's page as it would be sent unchanged."""
    ticks = {name: "on" for name in ("is_active", "is_staff", "is_superuser") if getattr(user, name)}
    return {"username": user.username, "first_name": "", "last_name": "", "email": user.email, **ticks, **fields}


def tenant_form(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    """The form of a tenant's settings as it would be sent unchanged."""
    names = ("name", "tier", "locale", "commission_basis_points", "oidc_issuer", "oidc_audience")
    texts = {name: msgspec.json.encode(getattr(tenant, name)).decode() for name in ("allowed_origins", "resources")}
    return {**{name: getattr(tenant, name) for name in names}, **texts, **fields}


def change_tenant(client: StaffClient, slug: str, **fields: Any) -> Shown:
    tenant = Tenant.objects.get(slug=slug)
    return client.post("tenancy_tenant_change", tenant_form(tenant, **fields), object_id=tenant.pk)


@pytest.fixture
def robin(db: None) -> User:  # noqa: ARG001 - opens the database
    return User.objects.create_user(username="robin@brand.example", password=PASSWORD, is_staff=True)


@pytest.fixture
def _full(settings: Settings, operator: StaffClient, robin: User) -> Iterator[None]:  # noqa: ARG001 - made before it is full
    """As many passwords are hashed and wait as may."""
    settings.PASSWORD_HASHERS = ["apps.tenancy.passwords.LimitedPBKDF2PasswordHasher"]
    places = passwords.HASHING_LIMIT._places
    taken = 0
    while places.acquire(blocking=False):
        taken += 1
    yield
    places.release(taken)


class TestUsers:
    def test_are_listed_with_their_shops(self, operator: StaffClient, backoffice: Backoffice, robin: User) -> None:
        backoffice.add_member(robin, Role.MODERATOR)
        assert "robin@brand.example Northwind (Moderator)" in operator.get("tenancy_user_changelist").text

    def test_are_found_by_name_and_by_shop(self, operator: StaffClient, backoffice: Backoffice, robin: User) -> None:
        backoffice.add_member(robin, Role.VIEWER)
        for query, found in (("robin", True), (backoffice.slug, True), ("atelier", False), (robin.staff_id, True)):
            page = operator.get("tenancy_user_changelist", query=f"?q={query}")
            assert ("robin@brand.example" in page.text) == found, query

    def test_sign_in_unless_they_are_kept_from_it(self, operator: StaffClient) -> None:
        assert re.search(r'name="is_staff"[^>]* checked>', operator.get("tenancy_user_add").html)

    def test_are_narrowed_to_operators(self, operator: StaffClient, robin: User) -> None:
        page = operator.get("tenancy_user_changelist", query="?is_superuser__exact=1")
        assert operator.user.username in page.text
        assert robin.username not in page.text

    def test_cost_as_many_queries_whatever_their_number(
        self, operator: StaffClient, backoffice: Backoffice, robin: User
    ) -> None:
        operator.get("tenancy_user_changelist")
        with CaptureQueriesContext(connection) as few:
            operator.get("tenancy_user_changelist")
        backoffice.add_member(robin, Role.VIEWER)
        for role in Role:
            backoffice.add_staff(role)
        with CaptureQueriesContext(connection) as many:
            operator.get("tenancy_user_changelist")
        assert len(many) <= len(few) + 1  # the memberships' tenants, once there are any

    def test_are_added_in_their_one_spelling_and_sign_in(self, operator: StaffClient) -> None:
        body = {"username": " Kim@Brand.Example", "password1": PASSWORD, "password2": PASSWORD, "is_staff": "on"}
        page = operator.post("tenancy_user_add", body)
        kim = User.objects.get(username="kim@brand.example")
        assert page.response.redirect_chain[-1][0] == reverse("admin:tenancy_user_change", args=[kim.pk])
        assert (kim.is_staff, kim.is_superuser) == (True, False)
        signed_in = Client().post(reverse("admin:login"), {"username": "KIM@brand.example", "password": PASSWORD})
        assert signed_in.headers["Location"] == reverse("admin:index")

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"username": "\uff32\uff2f\uff22\uff29\uff2e@Brand.example"}, "There is an account of this name."),
            ({"username": "a b"}, "Enter a valid username"),
            ({"password2": "another horse battery"}, "didn\u2019t match"),
            ({"password1": "short", "password2": "short"}, "at least 12"),
            ({"password1": "", "password2": "", "usable_password": "false"}, "This field is required"),
        ],
        ids=["taken", "characters", "differ", "short", "empty"],
    )
    def test_that_are_wrong_are_not_added(
        self, operator: StaffClient, robin: User, settings: Settings, wrong: dict[str, str], told: str
    ) -> None:
        assert settings.AUTH_PASSWORD_VALIDATORS
        body = {"username": "kim@brand.example", "password1": PASSWORD, "password2": PASSWORD, "is_staff": "on"}
        page = operator.post("tenancy_user_add", {**body, **wrong})
        assert told in page.text
        assert set(User.objects.all()) == {operator.user, robin}

    def test_are_renamed_in_their_one_spelling_and_not_to_anothers(self, operator: StaffClient, robin: User) -> None:
        operator.post(
            "tenancy_user_change", user_form(robin, username="Robin.O@Brand.example"), object_id=str(robin.pk)
        )
        robin.refresh_from_db()
        assert robin.username == "robin.o@brand.example"
        taken = user_form(robin, username=operator.user.username.upper())
        assert "an account of this name" in operator.post("tenancy_user_change", taken, object_id=str(robin.pk)).text

    def test_keep_what_no_form_may_change(self, operator: StaffClient, robin: User) -> None:
        before = robin.staff_id
        forged = {"staff_id": "stf_forged", "password": "forged", "groups": "1", "last_login_0": "2020-01-01"}
        operator.post("tenancy_user_change", user_form(robin, **forged), object_id=str(robin.pk))
        robin.refresh_from_db()
        assert (robin.staff_id, robin.last_login) == (before, None)
        assert robin.check_password(PASSWORD)

    def test_made_inactive_are_out_at_once(self, operator: StaffClient, backoffice: Backoffice, robin: User) -> None:
        client = backoffice.add_member(robin, Role.MANAGER)
        assert client.get("orders").status == 200
        body = user_form(robin)
        del body["is_active"]
        operator.post("tenancy_user_change", body, object_id=str(robin.pk))
        assert client.get("orders").status == 302

    def test_do_not_lock_themselves_out(self, operator: StaffClient) -> None:
        me = operator.user
        body = {"username": me.username, "email": "me@platform.example"}
        operator.post("tenancy_user_change", body, object_id=str(me.pk))
        me.refresh_from_db()
        assert (me.email, me.is_active, me.is_staff, me.is_superuser) == ("me@platform.example", True, True, True)

    def test_cannot_be_deleted(self, operator: StaffClient, robin: User) -> None:
        page = operator.get("tenancy_user_change", object_id=str(robin.pk))
        assert "Delete" not in page.text
        assert not site.get_model_admin(User).has_delete_permission(page.response.wsgi_request)

    def test_show_no_part_of_their_password(self, operator: StaffClient, robin: User) -> None:
        for name in ("tenancy_user_change", "tenancy_user_changelist"):
            row = {} if name.endswith("list") else {"object_id": str(robin.pk)}
            html = operator.get(name, **row).html
            assert robin.password not in html
            assert robin.password.rpartition("$")[2][:6] not in html


class TestPassword:
    def test_is_set_and_signs_its_user_out(self, operator: StaffClient, backoffice: Backoffice, robin: User) -> None:
        client = backoffice.add_member(robin, Role.MANAGER)
        assert client.get("orders").status == 200
        new = "quite another battery"
        page = operator.post("tenancy_user_password", {"password1": new, "password2": new}, id=str(robin.pk))
        assert "Password changed successfully" in page.text
        robin.refresh_from_db()
        assert robin.check_password(new)
        assert client.get("orders").status == 302
        assert operator.get("tenancy_user_changelist").status == 200

    @pytest.mark.parametrize("wrong", [("short", "short"), ("", ""), (PASSWORD, "another horse battery")])
    def test_that_is_wrong_changes_nothing(self, operator: StaffClient, robin: User, wrong: tuple[str, str]) -> None:
        body = {"password1": wrong[0], "password2": wrong[1], "usable_password": "false", "unset-password": "1"}
        assert 'role="alert"' in operator.post("tenancy_user_password", body, id=str(robin.pk)).html
        robin.refresh_from_db()
        assert robin.check_password(PASSWORD)

    @pytest.mark.parametrize("name", ["tenancy_user_password", "tenancy_user_add"])
    @pytest.mark.usefixtures("_full")
    def test_asks_for_a_moment_when_others_are_being_hashed(
        self, operator: StaffClient, robin: User, name: str
    ) -> None:
        body = {"username": "kim@brand.example", "password1": "quite another battery", "password2": PASSWORD}
        row = {"id": str(robin.pk)} if name == "tenancy_user_password" else {}
        answer = operator.send(name, {**body, "password2": body["password1"]}, **row)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
        assert not User.objects.filter(username="kim@brand.example").exists()

    def test_of_nobody_is_not_there(self, operator: StaffClient) -> None:
        assert operator.get("tenancy_user_password", id="0").status == 404


class TestMemberships:
    def test_begin_and_change_and_end(self, operator: StaffClient, backoffice: Backoffice, robin: User) -> None:
        client = StaffClient(robin)
        tenant = Tenant.objects.get(slug=backoffice.slug)
        assert client.get("index").status == 403
        operator.post("tenancy_staffmembership_add", {"user": robin.pk, "tenant": tenant.pk, "role": "viewer"})
        assert client.get("index").status == 200
        assert "Dead letters" not in client.get("index").text
        (membership,) = StaffMembership.objects.filter(user=robin)
        row = {"object_id": str(membership.pk)}
        operator.post("tenancy_staffmembership_change", {"role": "manager"}, **row)
        assert "Dead letters" in client.get("index").text
        assert operator.get("tenancy_staffmembership_delete", **row).status == 200
        assert StaffMembership.objects.filter(user=robin).exists()
        operator.post("tenancy_staffmembership_delete", {"post": "yes"}, **row)
        assert client.get("index").status == 403

    def test_stay_with_their_user_and_shop(
        self, operator: StaffClient, backoffice: Backoffice, other_backoffice: Backoffice
    ) -> None:
        client = backoffice.add_staff(Role.VIEWER)
        membership = StaffMembership.objects.get(user=client.user)
        other = Tenant.objects.get(slug=other_backoffice.slug)
        forged = {"role": "moderator", "tenant": other.pk, "user": operator.user.pk}
        operator.post("tenancy_staffmembership_change", forged, object_id=str(membership.pk))
        membership.refresh_from_db()
        assert (membership.user, membership.tenant.slug, membership.role) == (client.user, backoffice.slug, "moderator")

    def test_are_one_a_shop(self, operator: StaffClient, backoffice: Backoffice) -> None:
        client = backoffice.add_staff(Role.VIEWER)
        tenant = Tenant.objects.get(slug=backoffice.slug)
        page = operator.post(
            "tenancy_staffmembership_add", {"user": client.user.pk, "tenant": tenant.pk, "role": "manager"}
        )
        assert 'role="alert"' in page.html
        assert StaffMembership.objects.get(user=client.user).role == "viewer"

    def test_are_for_accounts_that_can_work(self, operator: StaffClient, backoffice: Backoffice, robin: User) -> None:
        robin.is_active = False
        robin.save()
        tenant = Tenant.objects.get(slug=backoffice.slug)
        for user in (robin, operator.user):
            body = {"user": user.pk, "tenant": tenant.pk, "role": "manager"}
            assert "valid choice" in operator.post("tenancy_staffmembership_add", body).text
        assert not StaffMembership.objects.exists()

    def test_are_begun_from_the_users_page(self, operator: StaffClient, robin: User) -> None:
        page = operator.get("tenancy_user_change", object_id=str(robin.pk))
        path = f"{reverse('admin:tenancy_staffmembership_add')}?user={robin.pk}"
        assert path in page.html
        chosen = operator.get("tenancy_staffmembership_add", query=f"?user={robin.pk}").html
        assert f'<option value="{robin.pk}" selected>' in chosen

    def test_are_found_by_shop(
        self, operator: StaffClient, backoffice: Backoffice, other_backoffice: Backoffice
    ) -> None:
        mine, theirs = backoffice.add_staff(Role.VIEWER), other_backoffice.add_staff(Role.VIEWER)
        text = operator.get("tenancy_staffmembership_changelist", query=f"?q={backoffice.slug}").text
        assert mine.user.username in text
        assert theirs.user.username not in text


class TestTenants:
    def test_are_found_and_lead_to_their_page(
        self, operator: StaffClient, backoffice: Backoffice, other_backoffice: Backoffice
    ) -> None:
        html = operator.get("tenancy_tenant_changelist", query=f"?q={backoffice.front.shop.tenant.account_id}").html
        assert f'href="{reverse("admin:tenant", kwargs={"slug": backoffice.slug})}"' in html
        assert reverse("admin:tenant", kwargs={"slug": other_backoffice.slug}) not in html
        assert "Nothing found" in operator.get("tenancy_tenant_changelist", query="?status__exact=suspended").text

    def test_settings_and_staff_are_reached_from_their_page(
        self, operator: StaffClient, backoffice: Backoffice
    ) -> None:
        html = operator.get("tenant", slug=backoffice.slug).html
        pk = Tenant.objects.get(slug=backoffice.slug).pk
        assert f'href="{reverse("admin:tenancy_tenant_change", args=[pk])}"' in html
        assert f'href="{reverse("admin:tenancy_staffmembership_changelist")}?q={backoffice.slug}"' in html

    def test_a_change_holds_from_the_next_request(self, operator: StaffClient, backoffice: Backoffice) -> None:
        assert registry.by_slug(backoffice.slug).commission_basis_points != 777
        page = change_tenant(operator, backoffice.slug, commission_basis_points=777, name="Northwind Resale")
        assert page.response.redirect_chain[-1][0] == reverse("admin:tenant", kwargs={"slug": backoffice.slug})
        tenant = registry.by_slug(backoffice.slug)
        assert (tenant.commission_basis_points, tenant.name) == (777, "Northwind Resale")

    def test_a_table_is_moved_by_its_map(self, operator: StaffClient, backoffice: Backoffice) -> None:
        resources = Tenant.objects.get(slug=backoffice.slug).resources
        moved = {**resources, "tables": {**resources["tables"], "listings": "listings-restored"}}
        change_tenant(operator, backoffice.slug, resources=msgspec.json.encode(moved).decode())
        assert registry.by_slug(backoffice.slug).resources.tables.listings == "listings-restored"

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"resources": "{}"}, "required field"),
            ({"resources": "{"}, "Enter a valid JSON"),
            ({"allowed_origins": '["northwind.example"]'}, "Enter a list of origins"),
            ({"commission_basis_points": "10001"}, "less than or equal to 10000"),
            ({"name": ""}, "This field is required"),
            ({"name": "North\u202ewind"}, "not allowed"),
            ({"tier": "golden"}, "valid choice"),
        ],
        ids=lambda case: next(iter(case)) if isinstance(case, dict) else "",
    )
    def test_that_could_not_be_served_are_not_saved(
        self, operator: StaffClient, backoffice: Backoffice, wrong: dict[str, str], told: str
    ) -> None:
        before = registry.by_slug(backoffice.slug)
        page = change_tenant(operator, backoffice.slug, **wrong)
        assert told in page.text
        assert "Nothing was saved" in page.text
        registry.clear()
        assert registry.by_slug(backoffice.slug) == before

    def test_of_one_issuer_and_audience_are_not_two(
        self, operator: StaffClient, backoffice: Backoffice, other_backoffice: Backoffice
    ) -> None:
        theirs = other_backoffice.front.shop.tenant
        page = change_tenant(
            operator, backoffice.slug, oidc_issuer=theirs.oidc_issuer, oidc_audience=theirs.oidc_audience
        )
        assert 'role="alert"' in page.html
        assert registry.by_slug(backoffice.slug).oidc_audience != theirs.oidc_audience

    def test_have_shipping_and_tax(self, operator: StaffClient, backoffice: Backoffice) -> None:
        rates = [{"countries": ["GB"], "amount": 395}]
        rules = {"shipping": {"GB": {"version": "2026-1", "rates": rates}}}
        change_tenant(operator, backoffice.slug, price_rules=json.dumps(rules))
        registry.clear()
        assert registry.by_slug(backoffice.slug).price_rules == msgspec.convert(rules, PriceRules)

    def test_shipping_and_tax_that_are_none_are_told_of(self, operator: StaffClient, backoffice: Backoffice) -> None:
        rules = {"taxes": {"version": "1", "rates": [{"country": "GB", "basis_points": 2_000, "inclusive": False}]}}
        page = change_tenant(operator, backoffice.slug, price_rules=json.dumps(rules))
        assert "These fields do not exist: taxes.rates.inclusive." in page.text
        assert registry.by_slug(backoffice.slug).price_rules == PriceRules()

    def test_policies_that_are_none_are_told_of(self, operator: StaffClient, backoffice: Backoffice) -> None:
        Tenant.objects.filter(slug=backoffice.slug).update(policies={"gone": 1})
        page = change_tenant(operator, backoffice.slug, name="Northwind Resale")
        assert "policies: These policies do not exist: gone." in page.text
        assert Tenant.objects.get(slug=backoffice.slug).name == "Northwind"

    def test_keep_what_no_form_may_change(self, operator: StaffClient, backoffice: Backoffice) -> None:
        before = registry.by_slug(backoffice.slug)
        forged = {
            "slug": "mine",
            "account_id": "9" * 12,
            "external_id": "mine",
            "sandbox": "" if before.sandbox else "on",
            "status": "suspended",
            "currency": "USD",
            "region": "us-east-1",
            "policies": '{"hold_minutes": 1}',
        }
        row = Tenant.objects.get(slug=backoffice.slug)
        operator.post("tenancy_tenant_change", {**tenant_form(row), **forged}, object_id=row.pk)
        assert registry.by_slug(backoffice.slug) == before

    def test_are_listed_with_the_keys_that_work(self, operator: StaffClient, backoffice: Backoffice) -> None:
        kept, revoked = Tenant.objects.get(slug=backoffice.slug).api_keys.all()
        for key, left in ((revoked, 1), (kept, 0)):
            operator.post("key-revoke", slug=backoffice.slug, key_id=key.id)
            html = operator.get("tenancy_tenant_changelist", query=f"?q={backoffice.slug}").html
            assert f'<td class="field-key_count">{left}</td>' in html

    def test_maps_are_written_a_line_an_entry(self, operator: StaffClient, backoffice: Backoffice) -> None:
        html = operator.get("tenancy_tenant_change", object_id=Tenant.objects.get(slug=backoffice.slug).pk).html
        assert "\n  &quot;tables&quot;: {\n    &quot;" in html

    def test_show_no_key_and_no_secret(self, operator: StaffClient, backoffice: Backoffice) -> None:
        tenant = Tenant.objects.get(slug=backoffice.slug)
        html = operator.get("tenancy_tenant_change", object_id=tenant.pk).html
        for key in tenant.api_keys.all():
            assert key.hash not in html
        assert backoffice.front.shop.secret.text not in html


class TestAllOfThem:
    def test_are_not_deleted_from_a_list(self, operator: StaffClient, backoffice: Backoffice) -> None:
        client = backoffice.add_staff(Role.VIEWER)
        (membership,) = client.user.memberships.all()
        body = {"action": "delete_selected", "_selected_action": str(membership.pk), "post": "yes"}
        operator.post("tenancy_staffmembership_changelist", body)
        assert StaffMembership.objects.filter(pk=membership.pk).exists()

    def test_forms_need_no_script(self, operator: StaffClient, backoffice: Backoffice) -> None:
        html = operator.get("tenancy_staffmembership_add").html
        assert f'<option value="{Tenant.objects.get(slug=backoffice.slug).pk}">' in html
        assert "related-widget-wrapper" not in html

    @pytest.mark.parametrize("name", ["tenancy_user_change", "tenancy_staffmembership_change", "tenancy_tenant_change"])
    @pytest.mark.parametrize("object_id", ["0", "x", "ten_" + "0" * 32])
    def test_a_row_that_is_not_there_is_not_found(self, operator: StaffClient, name: str, object_id: str) -> None:
        assert operator.get(name, object_id=object_id).status == 404
        assert operator.send(name, {}, object_id=object_id).status_code == 404

    def test_write_log_lines_and_nothing_into_djangos_log(
        self, operator: StaffClient, backoffice: Backoffice, robin: User, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, logger="resale.operator"):
            operator.post("tenancy_user_change", user_form(robin, email="new@brand.example"), object_id=str(robin.pk))
            tenant = Tenant.objects.get(slug=backoffice.slug)
            operator.post("tenancy_staffmembership_add", {"user": robin.pk, "tenant": tenant.pk, "role": "viewer"})
            (membership,) = StaffMembership.objects.all()
            operator.post("tenancy_staffmembership_delete", {"post": "yes"}, object_id=str(membership.pk))
            change_tenant(operator, backoffice.slug, name="Northwind Resale")
        lines = [vars(record) for record in caplog.records if record.name == "resale.operator"]
        assert [line["message"] for line in lines] == [
            "user changed",
            "staff membership added",
            "staff membership deleted",
            "tenant changed",
        ]
        assert {line["by"] for line in lines} == {operator.user.staff_id}
        assert lines[0]["fields"] == ["Email address"]
        assert "new@brand.example" not in str(lines)
        assert not LogEntry.objects.exists()

    def test_pass_djangos_checks(self) -> None:
        assert site.check(None) == []

    @pytest.mark.parametrize("model", [User, StaffMembership, Tenant])
    def test_texts_are_held_to_what_the_apis_are(self, operator: StaffClient, model: Any) -> None:
        model_admin = site.get_model_admin(model)
        request = operator.get("tenancy_user_changelist").response.wsgi_request
        shown = model_admin.get_form(request, obj=model(), change=True).base_fields
        loose = {name for name, field in shown.items() if type(field) is forms.CharField}
        assert not loose
        assert any(isinstance(field, TextField) for field in shown.values()) or model is StaffMembership
