"""Verification of shopper tokens by their tenant's issuer; valid results are cached for seconds."""

import hashlib
import re
import time
from typing import Annotated, Any, Final

import jwt
import msgspec

from apps.tenancy.errors import TokenExpired, TokenInvalid
from apps.tenancy.issuers import Issuers
from resale.domain.tenants import Tenant

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")
REMEMBER_SECONDS: Final = 30.0  # an issuer's revocation is late by as much
SKEW_SECONDS: Final = 10  # an issuer's clock may run ahead; expiry is given nothing
_MAX_TOKEN_CHARS: Final = 8192
_MAX_REMEMBERED: Final = 10_000
_MAX_SUBJECT_CHARS: Final = 255  # OpenID Connect Core 1.0 section 2: sub has at most 255 ASCII characters
_MAX_SECONDS: Final = 253_402_300_799  # the last second of the year 9999
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# RFC 7515 section 4.1.9 (without "application/", any case), RFC 7519 section 5.1 and RFC 9068 section 2.1. Cognito's
# access tokens have none; a token made for something else (logout+jwt, dpop+jwt, secevent+jwt) names that.
_TYPES: Final = frozenset({"jwt", "at+jwt"})

_Bounds: Final = msgspec.Meta(ge=0, le=_MAX_SECONDS)
NumericDate = Annotated[int, _Bounds] | Annotated[float, _Bounds]


class Shopper(msgspec.Struct, frozen=True):
    """The shopper that a token identifies."""

    issuer: str
    subject: str


class _Claims(msgspec.Struct, frozen=True):
    """The claims of a token that are read (RFC 7519 section 4.1)."""

    iss: str
    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=_MAX_SUBJECT_CHARS)]
    aud: str | list[str]
    exp: NumericDate
    nbf: NumericDate = 0
    iat: NumericDate = 0


_DECODE: Final = msgspec.json.Decoder(_Claims).decode
_SIGNATURES: Final = jwt.PyJWS(algorithms=ALGORITHMS)


class Tokens:
    """Verifies tokens and caches valid results by digest, never longer than the token is valid."""

    def __init__(self) -> None:
        self.issuers = Issuers()
        self._good: dict[tuple[str, str, bytes], tuple[Shopper, float]] = {}

    def verify(self, token: str, tenant: Tenant) -> Shopper:
        """Return the shopper of a tenant that a token identifies.

        Raises:
            TokenInvalid: Not made by this tenant's issuer for its audience, or not yet valid.
            TokenExpired: Over.
            IssuerUnavailable: It cannot be told now.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        remembered_as = (tenant.oidc_issuer, tenant.oidc_audience, digest)
        entry = self._good.get(remembered_as)
        if entry is not None and time.time() < entry[1]:
            return entry[0]
        self._good.pop(remembered_as, None)
        shopper, expires_at = self._check(token, tenant)
        self._remember(remembered_as, shopper, min(expires_at, time.time() + REMEMBER_SECONDS))
        return shopper

    def clear(self) -> None:
        """Forget cached results and keys."""
        self._good.clear()
        self.issuers.clear()

    def __len__(self) -> int:
        return len(self._good)

    def _remember(self, remembered_as: tuple[str, str, bytes], shopper: Shopper, until: float) -> None:
        self._good[remembered_as] = (shopper, until)
        while len(self._good) > _MAX_REMEMBERED:
            self._good.pop(next(iter(self._good)), None)

    def _check(self, token: str, tenant: Tenant) -> tuple[Shopper, float]:
        if len(token) > _MAX_TOKEN_CHARS:
            raise TokenInvalid("The shopper token is too long.")
        try:
            claims = _DECODE(self._payload(token, tenant))
        except (jwt.PyJWTError, msgspec.MsgspecError, ValueError, RecursionError):  # nothing of it is repeated
            raise TokenInvalid("The shopper token is not valid for this shop.") from None
        _check_claims(claims, tenant)
        return Shopper(tenant.oidc_issuer, claims.sub), float(claims.exp)

    def _payload(self, token: str, tenant: Tenant) -> bytes:
        """Return the payload that the issuer signed."""
        header = _SIGNATURES.get_unverified_header(token)
        _check_header(header)
        key = self.issuers.get(tenant.oidc_issuer).key(header["kid"])
        if key is None:
            raise TokenInvalid("The shopper token was signed with a key that the issuer does not publish.")
        options: Any = {"enforce_minimum_key_length": True}
        payload: bytes = _SIGNATURES.decode(token, key, algorithms=ALGORITHMS, options=options)
        return payload


def _check_header(header: dict[str, Any]) -> None:
    if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
        raise TokenInvalid("The shopper token must be signed with RS256, ES256 or EdDSA and have a `kid` header.")
    if "crit" in header:  # RFC 7515 section 4.1.11: what is critical must be understood
        raise TokenInvalid("The shopper token has a critical header extension that is not supported.")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise TokenInvalid("The shopper token has the wrong type. Send an access token.")


def _check_claims(claims: _Claims, tenant: Tenant) -> None:
    now = time.time()
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != tenant.oidc_issuer or tenant.oidc_audience not in audiences:
        raise TokenInvalid("The shopper token is not valid for this shop.")
    if max(claims.nbf, claims.iat) > now + SKEW_SECONDS:
        raise TokenInvalid("The shopper token is not valid yet.")
    if claims.exp <= now:
        raise TokenExpired("The shopper token has expired. Send a new one.")
    if not claims.sub.strip() or _CONTROL.search(claims.sub):
        raise TokenInvalid("The shopper token has no subject.")
