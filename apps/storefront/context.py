"""One request of the storefront: who asks, when, and the ways to that tenant's data and to nobody else's."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Final, TypeVar

import msgspec
from rest_framework.request import Request

from apps.core import clock
from apps.core.container import get_container
from apps.core.execution import perform
from apps.core.problems import PreconditionFailed
from apps.core.requests import info_of
from apps.tenancy.authentication import Caller, caller_of, require_scope, require_shopper
from apps.tenancy.tokens import Shopper as TokenShopper
from resale.application.operations.customers import Shopper
from resale.application.ports import Reader, UnitOfWork, UploadForms
from resale.domain.access import Principal, Role
from resale.domain.actors import Actor, ActorKind
from resale.domain.ids import CustomerId
from resale.domain.tenants import Tenant
from resale.errors import Conflict

R = TypeVar("R")

_PUBLIC: Final = Principal()
_BRAND: Final = Principal(standing=Role.BRAND)
#: Stands in until the operation has found or made the shopper's customer and named it (``uow.act_as``).
_NOBODY_YET: Final = Actor(kind=ActorKind.SHOPPER, id="")


class Call(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A request whose caller is known. A shopper's token decides over the key that carries it."""

    caller: Caller
    request_id: str

    @cached_property
    def now(self) -> datetime:
        """Moment of the request in the tenant's time: asked for once, and by no request that needs none."""
        return clock.for_tenant(self.caller.tenant)

    @property
    def tenant(self) -> Tenant:
        """The tenant the API key belongs to."""
        return self.caller.tenant

    @property
    def media_base_url(self) -> str:
        """Where the tenant's public pictures are served from."""
        return self.caller.tenant.resources.media_base_url

    def open_reader(self) -> Reader:
        """Open reads on the caller's tenant."""
        return get_container().reader(self.caller.tenant)

    def open_uploads(self) -> UploadForms:
        """Open the caller's tenant's bucket for signing forms."""
        return get_container().uploads(self.caller.tenant)

    def run(
        self,
        operation: Callable[[UnitOfWork], R],
        *,
        principal: Principal | None = None,
        expected_version: int | None = None,
    ) -> R:
        """Run one operation; a lost race is tried again, unless the client said which version it means.

        Args:
            operation: The use case, given a fresh unit of work.
            principal: Who acts; None while the shopper is not looked up yet: the operation does that.
            expected_version: From If-Match, or None.

        Raises:
            Outcome: The operation's own.
            PreconditionFailed: Another writer won, or there is another version than the one expected.
        """
        actor = self._actor(principal)
        if expected_version is None:
            return perform(lambda: self._open_uow(actor), operation)
        try:
            return perform(lambda: self._open_uow(actor), operation, attempts=1)
        except Conflict as conflict:
            raise PreconditionFailed(conflict.detail) from conflict

    def _open_uow(self, actor: Actor) -> UnitOfWork:
        return get_container().unit_of_work(self.caller.tenant, actor=actor, request_id=self.request_id, now=self.now)

    def _actor(self, principal: Principal | None) -> Actor:
        if principal is None:
            return _NOBODY_YET
        if principal.standing == Role.BRAND:
            return Actor(kind=ActorKind.BRAND_KEY, id=self.caller.key_id)
        return Actor(kind=ActorKind.SHOPPER, id=principal.customer_id or "")


def call_of(request: Request) -> Call:
    """Get the call a request makes."""
    caller = caller_of(request)
    return Call(caller=caller, request_id=info_of(request).id)


def shopper_of(call: Call) -> Shopper:
    """Get the shopper. Raises TokenMissing."""
    return _known(require_shopper(call.caller))


def find_principal(call: Call, reader: Reader, *, scope: str) -> Principal:
    """Say who looks: a shopper, the brand's own back end, or anybody.

    Raises:
        ScopeMissing: A secret key without ``scope``.
    """
    if call.caller.shopper is not None:
        return principal_of(_known(call.caller.shopper), reader)
    if call.caller.is_brand:
        require_scope(call.caller, scope)
        return _BRAND
    return _PUBLIC


def require_party(call: Call, reader: Reader, *, scope: str) -> Principal:
    """Say who acts: a shopper or the brand's own back end.

    Raises:
        TokenMissing: Neither.
        ScopeMissing: A secret key without ``scope``.
    """
    if not call.caller.is_brand:
        require_shopper(call.caller)
    return find_principal(call, reader, scope=scope)


def require_brand(call: Call, *, scope: str) -> Principal:
    """Let only the brand's own back end pass. Raises SecretKeyRequired or ScopeMissing."""
    require_scope(call.caller, scope)
    return _BRAND


def principal_of(shopper: Shopper, reader: Reader) -> Principal:
    """Find the customer a shopper is; one who never wrote anything is nobody's owner."""
    return Principal(customer_id=reader.find_customer_id(issuer=shopper.issuer, subject=shopper.subject))


def _known(shopper: TokenShopper) -> Shopper:
    new_id = CustomerId(get_container().ids("cus"))
    return Shopper(issuer=shopper.issuer, subject=shopper.subject, new_id=new_id)
