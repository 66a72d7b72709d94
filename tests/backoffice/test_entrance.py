"""Who gets in, and how far: staff to their own shop, operators to no shop's data, everybody else to the login."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.tenancy import registry
from apps.tenancy.models import StaffMembership, Tenant, User
from apps.tenancy.tenants import set_tenant_status
from resale.domain.access import Role
from resale.domain.served_tenants import served_tenants_of
from resale.domain.tenants import TenantStatus
from tests.backoffice.staff_clients import OF_THE_FACTOR, OPEN, OPERATORS, Backoffice, StaffClient, all_paths

CLOSED = [(name, path) for name, path in all_paths() if name not in OPEN]
OF_OPERATORS = [(name, path) for name, path in CLOSED if path.startswith(OPERATORS)]
OF_ANYBODY = {"index", "shop", "password_change", "password_change_done"} | OF_THE_FACTOR - {"security-key-removal"}
OF_SHOPS = [(name, path) for name, path in CLOSED if name not in OF_ANYBODY and (name, path) not in OF_OPERATORS]


class TestSigningIn:
    @pytest.mark.parametrize(("name", "path"), CLOSED, ids=[name for name, _ in CLOSED])
    @pytest.mark.django_db
    def test_every_page_asks_for_it(self, name: str, path: str) -> None:
        for answer in (Client().get(path), Client().post(path)):
            assert answer.status_code == 302, name
            assert answer.headers["Location"].startswith(reverse("admin:login")), name

    @pytest.mark.parametrize(("name", "path"), CLOSED, ids=[name for name, _ in CLOSED])
    @pytest.mark.django_db
    def test_a_user_who_is_no_staff_is_nobody(self, name: str, path: str) -> None:
        client = Client()
        client.force_login(User.objects.create_user(username="shopper"))
        assert client.get(path).headers["Location"].startswith(reverse("admin:login")), name

    @pytest.mark.django_db
    def test_by_name_and_password_and_out_again(self) -> None:
        User.objects.create_user(username="robin", password="correct horse battery", is_staff=True)
        client = Client()
        login = reverse("admin:login")
        assert client.post(login, {"username": "robin", "password": "wrong"}).status_code == 200
        signed_in = client.post(login, {"username": "robin", "password": "correct horse battery"})
        assert (signed_in.status_code, signed_in.headers["Location"]) == (302, reverse("admin:index"))
        assert client.get(reverse("admin:index")).status_code == 403  # in, but on no shop's staff
        assert client.post(reverse("admin:logout")).headers["Location"] == login
        assert client.get(reverse("admin:index")).status_code == 302

    @pytest.mark.django_db
    def test_a_form_from_elsewhere_is_refused(self, moderator: StaffClient, backoffice: Backoffice) -> None:
        listing = backoffice.pending()
        client = Client(enforce_csrf_checks=True)
        client.force_login(moderator.user)
        path = reverse("admin:listing-approve", kwargs={"listing_id": listing.id})
        answer = client.post(path, {"version": listing.version})
        assert answer.status_code == 403
        assert "send it again" in answer.content.decode()
        assert backoffice.front.world.listing(listing.id).version == listing.version

    def test_a_password_can_be_changed(self, viewer: StaffClient) -> None:
        assert viewer.get("password_change").status == 200


class TestOwnShop:
    def test_two_shops_are_entered_one_at_a_time(self, backoffice: Backoffice, other_backoffice: Backoffice) -> None:
        listing = backoffice.pending()
        client = backoffice.add_staff(Role.MODERATOR)
        other_backoffice.add_member(client.user, Role.VIEWER)
        assert client.get("listing", listing_id=listing.id).status == 404  # atelier comes first
        assert "Northwind" in client.post("shop", {"shop": "northwind"}).text
        assert client.get("listing", listing_id=listing.id).status == 200
        client.post("shop", {"shop": "atelier"})
        assert client.get("listing", listing_id=listing.id).status == 404

    def test_a_shop_that_there_is_not_cannot_be_chosen(self, viewer: StaffClient) -> None:
        assert viewer.send("shop", {"shop": "nobody"}).status_code == 404

    def test_a_choice_outlives_no_membership(self, backoffice: Backoffice, other_backoffice: Backoffice) -> None:
        listing = backoffice.pending()
        client = backoffice.add_staff(Role.MANAGER)
        other_backoffice.add_member(client.user, Role.MANAGER)
        client.post("shop", {"shop": "northwind"})
        StaffMembership.objects.filter(user=client.user, tenant__slug="northwind").delete()
        assert client.get("listing", listing_id=listing.id).status == 404

    def test_staff_of_a_suspended_shop_wait_outside(self, viewer: StaffClient, backoffice: Backoffice) -> None:
        set_tenant_status(slug=backoffice.slug, status=TenantStatus.SUSPENDED)
        page = viewer.get("index")
        assert page.status == 403
        assert "suspended" in page.text

    def test_staff_of_a_shop_with_own_processes_keep_their_pages(
        self, viewer: StaffClient, backoffice: Backoffice
    ) -> None:
        Tenant.objects.filter(slug=backoffice.slug).update(tier="premium", own_processes=True)
        registry.clear()
        assert viewer.get("index").status == 200

    def test_staff_of_a_shop_with_a_server_of_its_own_are_told_so(
        self, viewer: StaffClient, backoffice: Backoffice, settings: Settings
    ) -> None:
        settings.SERVED_TENANTS = served_tenants_of([f"-{backoffice.slug}"])
        page = viewer.get("index")
        assert page.status == 403
        assert "its pages have another address" in page.text


class TestOperators:
    @pytest.mark.parametrize(("name", "path"), OF_SHOPS, ids=[name for name, _ in OF_SHOPS])
    def test_see_no_shops_data(self, operator: StaffClient, name: str, path: str) -> None:
        assert operator.client.get(path).status_code == 404, name
        assert operator.client.post(path).status_code == 404, name

    def test_not_even_where_they_are_on_the_staff(self, backoffice: Backoffice, operator: StaffClient) -> None:
        listing = backoffice.pending()
        client = backoffice.add_member(operator.user, Role.MANAGER)
        assert client.get("listing", listing_id=listing.id).status == 404
        assert client.get("index").location == reverse("admin:tenancy_tenant_changelist")
        assert client.send("shop", {"shop": backoffice.slug}).status_code == 404


class TestLog:
    def test_djangos_own_log_stays_empty(
        self, backoffice: Backoffice, manager: StaffClient, operator: StaffClient
    ) -> None:
        listing = backoffice.pending()
        manager.post("listing-approve", {"version": listing.version}, listing_id=listing.id)
        operator.post("tenant-status", {"status": "suspended"}, slug=backoffice.slug)
        assert not LogEntry.objects.exists()
