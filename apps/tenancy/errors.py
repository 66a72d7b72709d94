"""Outcomes of authentication. Every code is part of the API."""

from http import HTTPStatus

from apps.core.problems import HTTPError
from resale.errors import Forbidden, NotFound, Unauthenticated, Unavailable


class APIKeyMissing(Unauthenticated):
    """The request has no X-API-Key header."""

    code = "api_key_missing"
    title = "API key missing"
    default_detail = "The request has no API key. Send one in the X-API-Key header."


class APIKeyInvalid(Unauthenticated):
    """No API key has this value."""

    code = "api_key_invalid"
    title = "Invalid API key"
    default_detail = "The API key does not exist. Check that it was copied completely."


class APIKeyRevoked(Unauthenticated):
    """The API key was revoked."""

    code = "api_key_revoked"
    title = "API key revoked"
    default_detail = "The API key was revoked. Use another key of this shop."


class APIKeyWrongMode(Unauthenticated):
    """A test key was sent to a live shop, or a live key to a sandbox shop."""

    code = "api_key_wrong_mode"
    title = "API key of the wrong mode"
    default_detail = "Live shops need a live key and sandbox shops need a test key."


class TokenMissing(Unauthenticated):
    """The endpoint requires a shopper token, and the request has none."""

    code = "token_missing"
    title = "Shopper token missing"
    default_detail = "This endpoint acts for a shopper. Send the shopper's token as Authorization: Bearer."


class TokenInvalid(Unauthenticated):
    """The shopper token was not issued by this tenant's issuer for this tenant's shop."""

    code = "token_invalid"
    title = "Invalid shopper token"
    default_detail = "The shopper token is not valid for this shop. Sign the shopper in again."


class TokenExpired(Unauthenticated):
    """The shopper token has expired."""

    code = "token_expired"
    title = "Shopper token expired"
    default_detail = "The shopper token has expired. Send a new one."


class TenantSuspended(Forbidden):
    """The tenant is suspended."""

    code = "tenant_suspended"
    title = "Shop suspended"
    default_detail = "This shop is suspended. Contact the platform's operators."


class TenantFrozen(Unavailable):
    """The tenant's data is being restored, or moved to another Region."""

    code = "tenant_frozen"
    title = "Shop frozen"
    default_detail = "This shop's data is being restored or moved, and nothing was done. Retry after `Retry-After`."

    def __init__(self, detail: str = "", *, retry_after_seconds: int = 30) -> None:
        """Store when to retry: a restore or a move takes minutes."""
        super().__init__(detail, retry_after_seconds=retry_after_seconds)


class TenantClosed(Forbidden):
    """The tenant is closed for good, or is being deleted."""

    code = "tenant_closed"
    title = "Shop closed"
    default_detail = "This shop is closed for good. Its keys, tokens and staff accounts work no longer."


class TenantNotServedHere(HTTPError):  # noqa: N818 - named for what happened, as outcomes are
    """This process serves other tenants (RFC 9110 15.5.20: the client can use another connection)."""

    status = HTTPStatus.MISDIRECTED_REQUEST
    code = "tenant_not_served_here"
    title = "Shop not served here"
    default_detail = "This server does not serve this shop. Send the request to the shop's own host name."


class SecretKeyRequired(Forbidden):
    """The endpoint requires a secret API key."""

    code = "secret_key_required"
    title = "Secret API key required"
    default_detail = (
        "This endpoint is for the brand's back end. Send a secret key (`sk_`) instead of a publishable one."
    )


class OperatorKeyRequired(Forbidden):
    """The endpoint requires the API key of an operator."""

    code = "operator_key_required"
    title = "Operator's API key required"
    default_detail = "This endpoint is for the platform's operators. Send an operator's key (`op_`)."


class ScopeMissing(Forbidden):
    """The API key does not have the scope that the endpoint requires."""

    code = "scope_missing"
    title = "Missing scope"
    default_detail = "The API key does not have the scope that this endpoint requires. Use a key that has it."


class TenantNotFound(NotFound):
    """The tenant does not exist, or cannot be served."""

    code = "tenant_not_found"
    title = "Tenant not found"
    default_detail = "No tenant with this name exists, or it cannot be served."


class RegistryUnavailable(Unavailable):
    """The registry database does not respond, and the cached rows are too old."""

    code = "registry_unavailable"
    title = "Registry unavailable"
    default_detail = "The service cannot read its tenant registry at the moment. Retry later."


class IssuerUnavailable(Unavailable):
    """The signing keys of the tenant's token issuer cannot be fetched."""

    code = "issuer_unavailable"
    title = "Token issuer unavailable"
    default_detail = "The signing keys of the shop's token issuer cannot be fetched at the moment. Retry later."
