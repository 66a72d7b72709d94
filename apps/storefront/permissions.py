"""Access to endpoints: the declared values, and the DRF permission that enforces them before the handler."""

from enum import Enum, auto
from typing import Protocol

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.tenancy.authentication import Caller, require_scope, require_shopper
from apps.tenancy.operator_keys import authenticate_operator
from apps.tenancy.scopes import OperatorScope, Scope


class Access(Enum):
    """The callers that an endpoint accepts."""

    ANYBODY = auto()  # no key at all
    KEY = auto()  # any key; a shopper's token or a secret key sees more
    SHOPPER = auto()
    PARTY = auto()  # a shopper, or the brand by its secret key
    BRAND = auto()
    OPERATOR = auto()  # of the platform, who has no tenant


class _Declared(Protocol):
    @property
    def access(self) -> Access: ...
    @property
    def scope(self) -> Scope | OperatorScope | None: ...


class DeclaredAccess(BasePermission):
    """Permits the access and scope that the endpoint declares."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return True, or raise the outcome of a refusal.

        Except at the brand's own endpoints, a shopper's token takes precedence over the key that carries it.

        Raises:
            TokenMissing: The endpoint is a shopper's, and no shopper calls.
            SecretKeyRequired, ScopeMissing: It is the brand's, and the key is not a secret one with its scope.
            OperatorKeyRequired, ScopeMissing: It is the operators', and the key is not one of theirs with its scope.
        """
        caller: Caller = view.caller  # type: ignore[attr-defined]  # of ``routing.EndpointView``
        endpoint: _Declared = view.endpoint  # type: ignore[attr-defined]  # as above
        access, scope = endpoint.access, endpoint.scope
        if access is Access.OPERATOR:
            plain = request._request  # noqa: SLF001 - DRF names it nowhere else
            view.operator = authenticate_operator(plain, scope)  # type: ignore[attr-defined]  # as above
            return True
        if access is Access.BRAND:
            require_scope(caller, scope)  # an endpoint without a scope permits nobody
        elif access is Access.SHOPPER or (access is Access.PARTY and not caller.is_brand):
            require_shopper(caller)
        elif scope is not None and caller.shopper is None and caller.is_brand:
            require_scope(caller, scope)
        return True
