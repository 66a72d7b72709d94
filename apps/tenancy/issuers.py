"""The signing keys of token issuers, found by OIDC discovery, cached and refreshed. Only registered issuers are called.

HTTPS only (but on one machine), no redirects, bounded time and size. A token's own ``jku``, ``x5u`` or ``jwk`` is
never read.
"""

import http.client
import logging
import threading
import time
import urllib.error
import urllib.request
from typing import Any, Final

import jwt
import msgspec
from django.conf import settings

from apps.tenancy.cache import Clock
from apps.tenancy.errors import IssuerUnavailable

logger = logging.getLogger(__name__)

FRESH_SECONDS: Final = 300.0  # then asked again, by one thread, while the others use what is there
STALE_SECONDS: Final = 86_400.0  # keys of an issuer that does not respond stay good for a day
RETRY_SECONDS: Final = 10.0  # least time between two questions to one issuer, whatever tokens say
_TIMEOUT_SECONDS: Final = 2.0
_WAIT_SECONDS: Final = 1.0  # a stalled issuer holds one thread for its timeout, and others only so long
_MAX_BYTES: Final = 128 * 1024
_MAX_ISSUERS: Final = 2_000
_ALGORITHMS: Final = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}  # by key type: the key decides, not the token

KeySet = dict[str, jwt.PyJWK]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


class Discovery(msgspec.Struct, frozen=True):
    """The members of a discovery document that are used (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    jwks_uri: str


class Issuer:
    """The signing keys of one issuer."""

    def __init__(self, url: str, clock: Clock = time.monotonic) -> None:
        self.url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: KeySet = {}
        self._fetched_at = self._tried_at = float("-inf")

    def key(self, kid: str) -> jwt.PyJWK | None:
        """Return a signing key. An unknown id fetches the keys again, at most once in RETRY_SECONDS.

        Raises:
            IssuerUnavailable: The issuer does not respond and its keys are not known.
        """
        age = self._clock() - self._fetched_at
        key = self._keys.get(kid)
        if key is None:
            self._refresh(wait=True)
            key = self._keys.get(kid)
        elif age > FRESH_SECONDS:
            self._refresh(wait=age > STALE_SECONDS)
            key = self._keys.get(kid)
        if self._clock() - self._fetched_at > STALE_SECONDS:
            raise IssuerUnavailable(
                "The signing keys of the shop's token issuer cannot be fetched. Retry later.",
                retry_after_seconds=int(RETRY_SECONDS),
            )
        return key

    def _refresh(self, *, wait: bool) -> None:
        tried_before = self._tried_at
        if not self._lock.acquire(timeout=_WAIT_SECONDS if wait else 0):
            return
        try:
            if self._tried_at != tried_before or self._clock() - self._tried_at < RETRY_SECONDS:
                return  # somebody has just asked
            self._tried_at = self._clock()
            self._keys = fetch_keys(self.url)
            self._fetched_at = self._clock()
        except (OSError, http.client.HTTPException, ValueError, jwt.PyJWTError) as error:
            logger.warning("cannot fetch the signing keys of an issuer", exc_info=error, extra={"issuer": self.url})
        finally:
            self._lock.release()


class Issuers:
    """The issuers of all tenants, bounded in number."""

    def __init__(self) -> None:
        self._issuers: dict[str, Issuer] = {}

    def get(self, url: str) -> Issuer:
        """Return an issuer, from the cache or new."""
        issuer = self._issuers.get(url)
        if issuer is None:
            issuer = self._issuers.setdefault(url, Issuer(url))
            if len(self._issuers) > _MAX_ISSUERS:
                self._issuers.pop(next(iter(self._issuers)), None)
        return issuer

    def clear(self) -> None:
        """Forget all keys."""
        self._issuers.clear()


def fetch_keys(issuer: str) -> KeySet:
    """Fetch the signing keys of an issuer by discovery.

    Raises:
        OSError, http.client.HTTPException: It does not respond, or not within the limits.
        ValueError, jwt.PyJWTError: It answers something else.
    """
    document = _get(issuer.rstrip("/") + "/.well-known/openid-configuration")
    discovery = msgspec.json.decode(document, type=Discovery)
    if discovery.issuer != issuer:  # Discovery 1.0 section 4.3: MUST be identical
        raise ValueError("the discovery document is another issuer's")
    body = msgspec.json.decode(_get(discovery.jwks_uri))
    listed = body.get("keys") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise ValueError("not a JWK set")  # noqa: TRY004 - what was received is wrong, not what was passed
    return {key["kid"]: made for key in listed if (made := _signing_key(key)) is not None}


def _signing_key(key: Any) -> jwt.PyJWK | None:
    """Return a public, asymmetric signing key with an id; None for any other key."""
    if not isinstance(key, dict) or not isinstance(key.get("kid"), str) or key.get("use", "sig") != "sig":
        return None
    algorithm = _ALGORITHMS.get(str(key.get("kty")))
    if algorithm is None or key.get("alg", algorithm) != algorithm or "d" in key:
        return None
    try:
        return jwt.PyJWK(key, algorithm=algorithm)
    except jwt.PyJWTError:
        return None  # a curve or a form we do not know spoils only itself


def _get(url: str) -> bytes:
    if not url.startswith(("https://", "http://") if settings.OIDC_PLAIN_HTTP else "https://"):
        raise ValueError("issuers are fetched over https only")
    opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    body = b""
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - checked above
    with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
        while piece := response.read1(_MAX_BYTES):
            body += piece
            if len(body) > _MAX_BYTES or time.monotonic() > deadline:
                raise ValueError("the response is too long or too slow")
    return body
