"""Staff and operators at their browsers, on the real engines."""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, reverse

from apps.backoffice import urls
from apps.tenancy.models import StaffMembership, Tenant, User
from resale.application.ports import HistoryRow
from resale.domain.access import Role
from resale.domain.entities import ENTITIES
from resale.domain.listings import Listing
from tests.fixtures.recording import record
from tests.fixtures.storefront import Front

#: Values that fit each path's place holders and name nothing.
NOTHING = {
    **{one.argument: f"{one.prefix}_{'0' * 32}" for one in ENTITIES.values()},
    "slug": "nobody",
    "object_id": "0",
    "id": "0",
    "key_id": "key_" + "0" * 32,
    "invitation_id": "inv_" + "0" * 32,
    "security_key_id": "sky_" + "0" * 32,
    "token": "none",
    "uidb64": "MA",
}
OPEN = {
    *("login", "logout", "invitation", "invitation-link"),
    *("admin_password_reset", "password_reset_done", "password_reset_confirm"),
}
#: What a session without its second factor reaches.
OF_THE_FACTOR = {
    *("second-factor", "second-factor-confirmation", "second-factor-enrolment"),
    *("second-factor-methods", "security-keys", "security-key-removal"),
}
#: Where the pages of operators are.
OPERATORS = (
    *("/admin/tenants/", "/admin/onboardings/", "/admin/offboardings/", "/admin/sandboxes/", "/admin/features/"),
    *("/admin/users/", "/admin/memberships/", "/admin/health/", "/admin/rollouts/"),
)


@dataclass(frozen=True)
class Shown:
    """A page as its reader gets it."""

    response: Any

    @property
    def status(self) -> int:
        return int(self.response.status_code)

    @property
    def text(self) -> str:
        """What can be read: no tags, white space as one blank."""
        body = re.sub(r"<(script|style).*?</\1>", "", self.response.content.decode(), flags=re.DOTALL)
        return unescape(" ".join(re.sub(r"<[^>]+>", " ", body).split()))

    @property
    def html(self) -> str:
        return str(self.response.content.decode())

    @property
    def location(self) -> str:
        return str(self.response.headers["Location"])


@dataclass
class StaffClient:
    """Somebody signed in."""

    user: User
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client()
        self.client.force_login(self.user)

    def get(self, name: str, *, query: str = "", **places: str) -> Shown:
        return Shown(self.client.get(reverse(f"admin:{name}", kwargs=places) + query))

    def send(self, name: str, body: dict[str, Any] | None = None, **places: str) -> HttpResponse:
        """Post a form, and look at the answer itself."""
        response: Any = self.client.post(reverse(f"admin:{name}", kwargs=places), body or {})
        return response  # type: ignore[no-any-return]  # the test client's own type

    def post(self, name: str, body: dict[str, Any] | None = None, **places: str) -> Shown:
        """Post a form and look where it leads."""
        return Shown(self.client.post(reverse(f"admin:{name}", kwargs=places), body or {}, follow=True))


@dataclass
class Backoffice:
    """One tenant's backoffice."""

    front: Front

    def add_staff(self, role: Role, name: str | None = None) -> StaffClient:
        """Employ somebody and sign them in."""
        user = User.objects.create_user(username=name or f"{role}@{self.slug}.example", is_staff=True)
        return self.add_member(user, role)

    def add_member(self, user: User, role: Role) -> StaffClient:
        """Employ somebody who has a login."""
        StaffMembership.objects.create(user=user, tenant=Tenant.objects.get(slug=self.slug), role=role)
        return StaffClient(user)

    @property
    def slug(self) -> str:
        return self.front.shop.tenant.slug

    def pending(self, **fields: Any) -> Listing:
        return self.front.world.pending(self.front.shopper(), **fields)

    def record(self, entity_id: str) -> HistoryRow:
        """Copy an entity's newest version to history, as the changes worker does from the stream."""
        return record(self.front, entity_id)


def an_operator() -> StaffClient:
    """Sign an operator in."""
    user = User.objects.create_user(username="operator@platform.example", is_staff=True, is_superuser=True)
    return StaffClient(user)


def all_paths() -> list[tuple[str, str]]:
    """Every page's name and a path to it that names nothing."""
    found = []
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        places = {name: NOTHING[name] for name in pattern.pattern.converters}
        found.append((str(pattern.name), reverse(f"admin:{pattern.name}", kwargs=places)))
    return found
