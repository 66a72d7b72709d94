"""The context of a request: its declared inputs, read, validated and typed, and the caller's tenant."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property, partial
from typing import Concatenate, Final, Generic, ParamSpec, TypeVar

import msgspec
from django.http import HttpRequest

from apps.core import clock
from apps.core.container import get_container
from apps.core.execution import run_with_attempts, run_with_retries
from apps.core.problems import PreconditionFailed
from apps.core.requests import info_of
from apps.tenancy.authentication import Caller, require_shopper
from apps.tenancy.operator_keys import Operator
from resale.application.operations.customers import Shopper
from resale.application.ports import PrivateLinks, Reader, UnitOfWork, UploadForms
from resale.domain.access import Principal, Role
from resale.domain.actors import Actor, ActorKind
from resale.domain.command_context import CommandContext, CommandKey
from resale.domain.ids import CUSTOMER_ID
from resale.domain.tenants import Tenant
from resale.errors import Conflict

P = ParamSpec("P")
R = TypeVar("R")
Q_co = TypeVar("Q_co", covariant=True)
B_co = TypeVar("B_co", covariant=True)

_PUBLIC: Final = Principal()
_BRAND: Final = Principal(standing=Role.BRAND)
#: Stands in until the operation has found or made the shopper's customer and named it (``uow.act_as``).
_NOBODY_YET: Final = Actor(kind=ActorKind.SHOPPER, id="")


class Context(msgspec.Struct, Generic[Q_co, B_co], frozen=True, kw_only=True, dict=True):
    """The context of a request that passed the permission of its endpoint.

    Attributes:
        request: Django's.
        caller: Who calls; None at an endpoint for anybody or for operators.
        reader: Reads on the caller's tenant; None as above.
        is_brand: Whether the caller acts as the brand. A shopper's token decides over the key that carries it.
        query: The query parameters; None where none are declared.
        body: The body; None where none is declared. A body that may be left out is then one with nothing but defaults.
        expected_version: The version that If-Match names; None for any.
        key: The Idempotency-Key, bound to the caller, the command and the body.
        operator: The operator who calls, at their endpoints.
    """

    request: HttpRequest
    caller: Caller
    reader: Reader
    is_brand: bool
    query: Q_co
    body: B_co
    expected_version: int | None = None
    key: CommandKey | None = None
    operator: Operator | None = None

    @cached_property
    def now(self) -> datetime:
        """The current time of the tenant, read at most once a request, and only if needed."""
        return clock.for_tenant(self.caller.tenant)

    @property
    def tenant(self) -> Tenant:
        """The tenant of the API key."""
        return self.caller.tenant

    @property
    def media_base_url(self) -> str:
        """Base URL of the tenant's public pictures."""
        return self.caller.tenant.resources.media_base_url

    @property
    def uploads(self) -> UploadForms:
        """Upload forms of the caller's tenant."""
        return get_container().uploads(self.caller.tenant)

    @property
    def links(self) -> PrivateLinks:
        """The caller's tenant's bucket, for signing links to private photos."""
        return get_container().private_links(self.caller.tenant)

    @cached_property
    def shopper(self) -> Shopper:
        """The shopper, with the id that their customer gets on the first write. Raises TokenMissing."""
        token = require_shopper(self.caller)
        return Shopper(issuer=token.issuer, subject=token.subject, new_id=CUSTOMER_ID.new(get_container().ids))

    @cached_property
    def principal(self) -> Principal:
        """The principal: the brand, a shopper's customer, or anybody. A shopper without a customer owns nothing."""
        if self.is_brand:
            return _BRAND
        token = self.caller.shopper
        if token is None:
            return _PUBLIC
        return Principal(customer_id=self.reader.find_customer_id(issuer=token.issuer, subject=token.subject))

    def run(self, operation: Callable[Concatenate[UnitOfWork, P], R], /, *args: P.args, **arguments: P.kwargs) -> R:
        """Run one operation with its own arguments; the unit of work has time, identity, key and version.

        A lost race is retried, unless the client named a version. An operation that takes the ``shopper`` finds or
        makes their customer itself, so that none is looked up for it here.

        Args:
            operation: The use case; commits once.
            args: None: an operation's arguments are named.
            arguments: What it takes besides the unit of work.

        Raises:
            Outcome: The operation's own.
            PreconditionFailed: Another writer won, or there is another version than the one expected.
        """
        open_uow = partial(get_container().unit_of_work, self.tenant, self._command(enrols="shopper" in arguments))
        if self.expected_version is None:
            return run_with_retries(open_uow, operation, *args, **arguments)
        try:
            return run_with_attempts(1, open_uow, operation, *args, **arguments)
        except Conflict as conflict:
            raise PreconditionFailed(conflict.detail) from conflict

    def _command(self, *, enrols: bool) -> CommandContext:
        return CommandContext(
            actor=_NOBODY_YET if enrols else self._actor(),
            principal=None if enrols else self.principal,
            request_id=info_of(self.request).id,
            now=self.now,
            key=self.key,
            expected_version=self.expected_version,
        )

    def _actor(self) -> Actor:
        if self.is_brand:
            return Actor(kind=ActorKind.BRAND_KEY, id=self.caller.key_id)
        return Actor(kind=ActorKind.SHOPPER, id=self.principal.customer_id or "")
