"""Access to endpoints: the declared values, and the DRF permission that enforces them before the handler."""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Final, Protocol, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.tenancy.authentication import Caller, caller_of, require_scope, require_shopper
from apps.tenancy.scopes import Scope


class Access(Enum):
    """The callers that an endpoint accepts."""

    ANYBODY = auto()  # no key at all
    KEY = auto()  # any key; a shopper's token or a secret key sees more
    SHOPPER = auto()
    PARTY = auto()  # a shopper, or the brand by its secret key
    BRAND = auto()


class DeclaredAccess(BasePermission):
    """Permits the access and scope that the endpoint declares."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return True, or raise the outcome of a refusal.

        Raises:
            TokenMissing: The endpoint is a shopper's, and no shopper calls.
            SecretKeyRequired, ScopeMissing: It is the brand's, and the key is not a secret one with its scope.
        """
        endpoint = cast("_EndpointView", view).endpoint
        if endpoint.access is not Access.ANYBODY:
            _CHECKS[endpoint.access](caller_of(request), endpoint.scope)
        return True


class _Declared(Protocol):
    @property
    def access(self) -> Access: ...
    @property
    def scope(self) -> Scope | None: ...


class _EndpointView(Protocol):
    endpoint: _Declared


def acts_as_brand(caller: Caller, access: Access) -> bool:
    """Return whether the caller acts as the brand: except at the brand's own endpoints, a token takes precedence."""
    if access is Access.ANYBODY:
        return False
    return access is Access.BRAND or (caller.shopper is None and caller.is_brand)


def _check_key(caller: Caller, scope: Scope | None) -> None:
    if scope is not None and caller.shopper is None and caller.is_brand:
        require_scope(caller, scope)


def _check_shopper(caller: Caller, scope: Scope | None) -> None:  # noqa: ARG001 - a shopper needs no scope
    require_shopper(caller)


def _check_party(caller: Caller, scope: Scope | None) -> None:
    if not caller.is_brand:
        require_shopper(caller)
    _check_key(caller, scope)


_CHECKS: Final[Mapping[Access, Callable[[Caller, Scope | None], None]]] = {
    Access.KEY: _check_key,
    Access.SHOPPER: _check_shopper,
    Access.PARTY: _check_party,
    Access.BRAND: require_scope,
}
