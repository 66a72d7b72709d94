"""Who gets in, and how far: staff to their own shop, operators to no shop's data, everybody else to the login."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from apps.tenancy.models import StaffMembership, User
from apps.tenancy.tenants import set_tenant_status
from resale.domain.access import Role
from resale.domain.tenants import TenantStatus
from tests.backoffice.office import OPEN, OPERATORS, Desk, Office, all_paths

CLOSED = [(name, path) for name, path in all_paths() if name not in OPEN]
OF_OPERATORS = [(name, path) for name, path in CLOSED if path.startswith(OPERATORS)]
OF_ANYBODY = {"index", "shop", "password_change", "password_change_done"}
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
    def test_a_form_from_elsewhere_is_refused(self, moderator: Desk, office: Office) -> None:
        listing = office.pending()
        client = Client(enforce_csrf_checks=True)
        client.force_login(moderator.user)
        path = reverse("admin:listing-approve", kwargs={"listing_id": listing.id})
        answer = client.post(path, {"version": listing.version})
        assert answer.status_code == 403
        assert "send it again" in answer.content.decode()
        assert office.front.world.listing(listing.id).version == listing.version

    def test_a_password_can_be_changed(self, viewer: Desk) -> None:
        assert viewer.get("password_change").status == 200


class TestOwnShop:
    def test_another_shops_listing_and_order_are_not_there(self, office: Office, other_office: Office) -> None:
        desk = other_office.hire(Role.MANAGER)
        world = office.front.world
        listing, waiting = world.active(office.front.shopper()), office.pending()
        order = world.order(office.front.shopper(), listing)
        for name, places in (("listing", {"listing_id": waiting.id}), ("order", {"order_id": order.id})):
            assert desk.get(name, **places).status == 404
        version = {"version": waiting.version}
        assert desk.send("listing-approve", version, listing_id=waiting.id).status_code == 404
        assert desk.send("listing-withdraw", version, listing_id=waiting.id).status_code == 404
        for action in ("order-cancel", "order-refund", "order-report"):
            body = {"version": 1, "which": "all", "reason": "goodwill", "status": "delivered"}
            assert desk.send(action, body, order_id=order.id).status_code == 404
        original = desk.get("original", listing_id=waiting.id, media_id=waiting.image_ids[0])
        assert original.status == 404
        assert waiting.title not in desk.get("listings").text
        assert world.listing(waiting.id).version == waiting.version

    def test_two_shops_are_entered_one_at_a_time(self, office: Office, other_office: Office) -> None:
        listing = office.pending()
        desk = office.hire(Role.MODERATOR)
        other_office.also(desk.user, Role.VIEWER)
        assert desk.get("listing", listing_id=listing.id).status == 404  # atelier comes first
        assert "Northwind" in desk.post("shop", {"shop": "northwind"}).text
        assert desk.get("listing", listing_id=listing.id).status == 200
        desk.post("shop", {"shop": "atelier"})
        assert desk.get("listing", listing_id=listing.id).status == 404

    def test_a_shop_one_does_not_work_for_cannot_be_chosen(self, viewer: Desk, other_office: Office) -> None:
        assert viewer.send("shop", {"shop": other_office.slug}).status_code == 404
        assert viewer.send("shop", {"shop": "nobody"}).status_code == 404

    def test_a_choice_outlives_no_membership(self, office: Office, other_office: Office) -> None:
        listing = office.pending()
        desk = office.hire(Role.MANAGER)
        other_office.also(desk.user, Role.MANAGER)
        desk.post("shop", {"shop": "northwind"})
        StaffMembership.objects.filter(user=desk.user, tenant__slug="northwind").delete()
        assert desk.get("listing", listing_id=listing.id).status == 404

    def test_staff_of_a_suspended_shop_wait_outside(self, viewer: Desk, office: Office) -> None:
        set_tenant_status(slug=office.slug, status=TenantStatus.SUSPENDED)
        page = viewer.get("index")
        assert page.status == 403
        assert "suspended" in page.text

    @pytest.mark.parametrize(("name", "path"), OF_OPERATORS, ids=[name for name, _ in OF_OPERATORS])
    def test_staff_find_nothing_of_the_operators(self, manager: Desk, name: str, path: str) -> None:
        assert manager.client.get(path).status_code == 404, name
        assert manager.client.post(path).status_code == 404, name


class TestOperators:
    @pytest.mark.parametrize(("name", "path"), OF_SHOPS, ids=[name for name, _ in OF_SHOPS])
    def test_see_no_shops_data(self, operator: Desk, name: str, path: str) -> None:
        assert operator.client.get(path).status_code == 404, name
        assert operator.client.post(path).status_code == 404, name

    def test_not_even_where_they_are_on_the_staff(self, office: Office, operator: Desk) -> None:
        listing = office.pending()
        desk = office.also(operator.user, Role.MANAGER)
        assert desk.get("listing", listing_id=listing.id).status == 404
        assert desk.get("index").location == reverse("admin:tenancy_tenant_changelist")
        assert desk.send("shop", {"shop": office.slug}).status_code == 404


class TestLog:
    def test_djangos_own_log_stays_empty(self, office: Office, manager: Desk, operator: Desk) -> None:
        listing = office.pending()
        manager.post("listing-approve", {"version": listing.version}, listing_id=listing.id)
        operator.post("tenant-status", {"status": "suspended"}, slug=office.slug)
        assert not LogEntry.objects.exists()
