"""Authentication of API requests: the API key determines the tenant, the bearer token the shopper."""

from typing import Final

import msgspec
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.core.refused_credentials import log_refused_credential
from apps.core.requests import info_of
from apps.tenancy import keys, registry
from apps.tenancy.errors import (
    APIKeyInvalid,
    APIKeyMissing,
    APIKeyRevoked,
    APIKeyWrongMode,
    ScopeMissing,
    SecretKeyRequired,
    TenantClosed,
    TenantFrozen,
    TenantSuspended,
    TokenInvalid,
    TokenMissing,
)
from apps.tenancy.models import KeyKind
from apps.tenancy.scopes import OperatorScope, Scope
from apps.tenancy.serving import require_served
from apps.tenancy.tokens import Shopper, Tokens
from resale.domain.tenants import Tenant, TenantStatus

_BEARER: Final = "bearer "
tokens: Final = Tokens()  # this process's; empty until first asked


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of a request. ``shopper`` is None if no token was sent."""

    tenant: Tenant
    key_id: str
    key_kind: KeyKind
    scopes: frozenset[str]
    shopper: Shopper | None

    @property
    def is_brand(self) -> bool:
        """Whether the caller is the brand's own back end."""
        return self.key_kind == KeyKind.SECRET


def authenticate(request: HttpRequest) -> Caller:
    """Authenticate the caller of a request. A token that is sent must be valid, even where none is required.

    Raises:
        APIKeyMissing, APIKeyInvalid, APIKeyRevoked, APIKeyWrongMode: The X-API-Key header.
        TenantSuspended, TenantClosed: The tenant is not served.
        TenantFrozen: Its data is being restored or moved.
        TenantNotServedHere: The tenant has processes of its own, and this is none.
        TokenInvalid, TokenExpired: The Authorization header.
        Unavailable: The registry or the issuer does not respond.
    """
    key = _known_key(request.META.get("HTTP_X_API_KEY"))
    tenant = key.tenant
    info = info_of(request)
    info.key_id = key.id
    info.tenant = tenant
    if tenant is not None and tenant.status == TenantStatus.CLOSED:
        raise TenantClosed
    if tenant is not None and tenant.status == TenantStatus.FROZEN:
        raise TenantFrozen
    if tenant is None or tenant.status != TenantStatus.ACTIVE:
        raise TenantSuspended("This shop is suspended. Contact the platform's operators.")
    require_served(tenant)
    if key.revoked:
        raise APIKeyRevoked("The API key was revoked. Use another key of this shop.")
    if key.sandbox != tenant.sandbox:
        raise _wrong_mode(tenant)
    bearer = request.META.get("HTTP_AUTHORIZATION")
    shopper = None if bearer is None else _verify(bearer, tenant, key.id)
    return Caller(tenant=tenant, key_id=key.id, key_kind=key.kind, scopes=key.scopes, shopper=shopper)


def require_shopper(caller: Caller) -> Shopper:
    """Return the shopper of a caller. Raises TokenMissing."""
    if caller.shopper is None:
        raise TokenMissing("Send the shopper's token as Authorization: Bearer.")
    return caller.shopper


def require_scope(caller: Caller, scope: Scope | OperatorScope | None) -> None:
    """Require a secret key with a scope. Raises SecretKeyRequired or ScopeMissing; None as scope is always refused."""
    if not caller.is_brand:
        raise SecretKeyRequired("This endpoint requires a secret key (`sk_`).")
    if scope not in caller.scopes:
        raise ScopeMissing(f"The API key does not have the scope {scope}. Use a key that has it.")


class TenantAuthentication(BaseAuthentication):
    """``authenticate`` as a DRF authentication class: ``request.user`` and ``request.auth`` are both the Caller."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller]:
        """Authenticate a DRF request."""
        caller = authenticate(request._request)  # noqa: SLF001 - DRF names it nowhere else
        return caller, caller


def _known_key(text: str | None) -> registry.KnownKey:
    if not text:
        raise APIKeyMissing("The request has no API key. Send one in the X-API-Key header.")
    key = registry.by_api_key_hash(keys.hash_of(text)) if len(text) == keys.TEXT_CHARS else None
    if key is None:
        log_refused_credential(APIKeyInvalid.code)
        raise APIKeyInvalid("The API key does not exist. Check that it was copied completely.")
    return key


def _verify(bearer: str, tenant: Tenant, key_id: str) -> Shopper:
    """Return the shopper of an Authorization header. A token of another shop is logged, unlike one that has expired."""
    try:
        return tokens.verify(_token(bearer), tenant)
    except TokenInvalid as refusal:
        log_refused_credential(refusal.code, tenant_slug=tenant.slug, key_id=key_id)
        raise


def _wrong_mode(tenant: Tenant) -> APIKeyWrongMode:
    if tenant.sandbox:
        return APIKeyWrongMode(
            "This shop is a sandbox and the key is a live key. Use a key that starts with pk_test_ or sk_test_."
        )
    return APIKeyWrongMode(
        "This shop is live and the key is a test key. Use a key that starts with pk_live_ or sk_live_."
    )


def _token(header: str) -> str:
    if header[: len(_BEARER)].lower() != _BEARER:
        raise TokenInvalid("The Authorization header must be a bearer token.")
    return header[len(_BEARER) :].strip()
