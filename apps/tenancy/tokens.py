"""Shoppers' tokens: checked against their tenant's issuer, and remembered for seconds once they were found good."""

import hashlib
import time
from typing import Any, Final

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


class Shopper(msgspec.Struct, frozen=True):
    """Who a token speaks for."""

    issuer: str
    subject: str


class Tokens:
    """Verifies tokens; keeps the verdicts that were good, by digest, never past a token's own expiry."""

    def __init__(self) -> None:
        self.issuers = Issuers()
        self._good: dict[tuple[str, str, bytes], tuple[Shopper, float]] = {}

    def verify(self, token: str, tenant: Tenant) -> Shopper:
        """Say which shopper of a tenant a token speaks for.

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
        """Forget verdicts and keys."""
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
            raise TokenInvalid("The token is too long.")
        try:
            claims = self._claims(token, tenant)
        except jwt.ExpiredSignatureError:
            raise TokenExpired("The token has expired.") from None
        except (jwt.PyJWTError, ValueError, RecursionError):  # what it says is the sender's; nothing is repeated
            raise TokenInvalid("The token is not valid here.") from None
        expires_at = float(claims["exp"])
        if expires_at <= time.time():
            raise TokenExpired("The token has expired.")
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT_CHARS:
            raise TokenInvalid("The token names nobody.")
        return Shopper(tenant.oidc_issuer, subject), expires_at

    def _claims(self, token: str, tenant: Tenant) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
            raise TokenInvalid("The token must be signed with RS256, ES256 or EdDSA and name its key.")
        key = self.issuers.get(tenant.oidc_issuer).key(header["kid"])
        if key is None:
            raise TokenInvalid("The token's key is not known to the issuer.")
        return jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            issuer=tenant.oidc_issuer,
            audience=tenant.oidc_audience,
            leeway=SKEW_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
        )
