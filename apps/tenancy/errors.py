"""Why a caller is not let in. Every code is part of the API."""

from resale.errors import Forbidden, NotFound, Unauthenticated, Unavailable


class APIKeyMissing(Unauthenticated):
    """No X-API-Key header."""

    code = "api_key_missing"


class APIKeyInvalid(Unauthenticated):
    """No such key."""

    code = "api_key_invalid"


class APIKeyRevoked(Unauthenticated):
    """The key was good once."""

    code = "api_key_revoked"


class APIKeyWrongMode(Unauthenticated):
    """A test key at a live shop, or a live key at a sandbox shop."""

    code = "api_key_wrong_mode"


class TokenMissing(Unauthenticated):
    """The endpoint is a shopper's, and no shopper is named."""

    code = "token_missing"


class TokenInvalid(Unauthenticated):
    """Not a token this tenant's issuer made for this tenant's shop."""

    code = "token_invalid"


class TokenExpired(Unauthenticated):
    """It was one, until a moment ago."""

    code = "token_expired"


class TenantSuspended(Forbidden):
    """The tenant is switched off."""

    code = "tenant_suspended"


class SecretKeyRequired(Forbidden):
    """The endpoint is the brand's own; a publishable key does not do."""

    code = "secret_key_required"


class ScopeMissing(Forbidden):
    """The key was not made for this."""

    code = "scope_missing"


class TenantNotFound(NotFound):
    """No such tenant, or none that can be served."""

    code = "tenant_not_found"


class RegistryUnavailable(Unavailable):
    """The registry's database does not answer, and what was known is too old."""

    code = "registry_unavailable"


class IssuerUnavailable(Unavailable):
    """The tenant's issuer does not hand out its keys."""

    code = "issuer_unavailable"
