"""One request of a member of staff: whose shop, in which role, and the ways to that shop's data and to no other."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Concatenate, Final, ParamSpec, TypeVar

import msgspec
from django.http import HttpRequest

from apps.core import clock
from apps.core.container import get_container, run_operation
from apps.core.requests import info_of
from apps.tenancy import registry
from apps.tenancy.errors import TenantNotFound
from apps.tenancy.models import StaffMembership, User
from apps.tenancy.serving import is_shown_here
from resale.application.ports import Reader, UnitOfWork
from resale.domain.access import Action, Principal, Role, permits
from resale.domain.actors import Actor, ActorKind
from resale.domain.command_context import CommandContext
from resale.domain.tenants import Tenant, TenantStatus

P = ParamSpec("P")
R = TypeVar("R")

_CHOSEN: Final = "tenant_id"  # in the session: a choice among one's own memberships, never a permission
_UNKNOWN: Final = object()


class StaffContext(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A member of staff at work for one tenant."""

    tenant: Tenant
    role: Role
    staff_id: str
    request_id: str
    expected_version: int | None = None

    @cached_property
    def now(self) -> datetime:
        """Moment of the request in the tenant's time: asked for once, and by no page that needs none."""
        return clock.for_tenant(self.tenant)

    @property
    def principal(self) -> Principal:
        """What the access table knows this member of staff as."""
        return Principal(standing=self.role)

    @property
    def media_base_url(self) -> str:
        """Where the tenant's public pictures are served from."""
        return self.tenant.resources.media_base_url

    def is_permitted(self, action: Action, status: str) -> bool:
        """Whether to offer an action; the operation decides again."""
        return permits(action, self.role, status)

    def open_reader(self) -> Reader:
        """Open reads on the tenant."""
        return get_container().reader(self.tenant)

    def with_version(self, version: int | None) -> "StaffContext":
        """Have what is run next refused when the entity has another version than the form showed."""
        changed = msgspec.structs.replace(self, expected_version=version)
        changed.__dict__["now"] = self.now
        return changed

    def run(self, operation: Callable[Concatenate[UnitOfWork, P], R], /, *args: P.args, **arguments: P.kwargs) -> R:
        """Run one operation as this member of staff. Raises the operation's own outcomes."""
        context = CommandContext(
            actor=Actor(kind=ActorKind.STAFF, id=self.staff_id),
            principal=self.principal,
            request_id=self.request_id,
            now=self.now,
            expected_version=self.expected_version,
        )
        return run_operation(self.tenant, context, operation, *args, **arguments)


def find_staff_context(request: HttpRequest) -> StaffContext | None:
    """Find where the user of a request works: the shop they chose, else their first one.

    None for an operator, for whoever is on no shop's staff, and while the shop is suspended or another process's.
    Looked up once a request.
    """
    known = request.__dict__.get("staff_context", _UNKNOWN)
    if known is _UNKNOWN:
        known = request.__dict__["staff_context"] = _look_up(request)
    return known if isinstance(known, StaffContext) else None


def list_shops(user: User) -> tuple[Tenant, ...]:
    """List the shops a member of staff works for and can enter now, by slug; none for an operator."""
    return tuple(tenant for tenant, _ in _memberships(user))


def choose_shop(request: HttpRequest, slug: str) -> Tenant | None:
    """Work for another of one's own shops from now on; None when it is none."""
    user = request.user
    shops = list_shops(user) if isinstance(user, User) else ()
    chosen = next((tenant for tenant in shops if tenant.slug == slug), None)
    if chosen is not None:
        request.session[_CHOSEN] = chosen.id
    return chosen


def _look_up(request: HttpRequest) -> StaffContext | None:
    user = request.user
    memberships = _memberships(user) if isinstance(user, User) else ()
    if not isinstance(user, User) or not memberships:
        return None
    chosen = request.session.get(_CHOSEN)
    tenant, role = next((one for one in memberships if one[0].id == chosen), memberships[0])
    info = info_of(request)
    info.tenant, info.key_id = tenant, user.staff_id
    return StaffContext(tenant=tenant, role=role, staff_id=user.staff_id, request_id=info.id)


def _memberships(user: User) -> tuple[tuple[Tenant, Role], ...]:
    """Read from the database at each request: whoever leaves a shop is out at once."""
    if not user.is_active or user.is_operator:
        return ()
    found = []
    for membership in StaffMembership.objects.filter(user=user).order_by("tenant__slug"):
        try:
            tenant = registry.by_id(membership.tenant_id)
        except TenantNotFound:  # registered, but without its stack yet
            continue
        if tenant.status == TenantStatus.ACTIVE and is_shown_here(tenant):
            found.append((tenant, membership.standing))
    return tuple(found)
