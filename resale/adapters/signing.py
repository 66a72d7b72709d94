"""AWS Signature Version 4 with a cached signing key. Pure: a function of credentials and time.

Equal to botocore's ``SigV4Auth`` for equal inputs (tests/adapters/test_signing.py). It exists because botocore
derives the key and canonicalises anew for each request (docs/decisions/0003-data-lane.md has the figures).
"""

import hashlib
import hmac
import time
from typing import Final, NamedTuple, Protocol

from botocore.credentials import ReadOnlyCredentials

ALGORITHM: Final = "AWS4-HMAC-SHA256"
#: Says that the token, not the caller's rights, is refused: fetch another one.
REFUSED_TOKEN_CODES: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)


class CredentialSource(Protocol):
    """The source of a tenant account's current credentials."""

    def credentials(self) -> ReadOnlyCredentials:
        """Return credentials that are valid for at least a minute. Raises Unavailable."""

    def expire(self) -> None:
        """Mark the credentials as refused, so that the next call returns new ones."""


class Moment(NamedTuple):
    """A second of the wall clock in SigV4's notation."""

    second: int
    timestamp: str
    day: str


class WallClock:
    """The wall clock in SigV4's notation, formatted once a second."""

    def __init__(self) -> None:
        self._last = Moment(0, "", "")

    def now(self) -> Moment:
        """Return the current second."""
        second = int(time.time())
        last = self._last
        if second != last.second:
            timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
            last = self._last = Moment(second, timestamp, timestamp[:8])  # one assignment: safe between threads
        return last


class SigningKeys:
    """Derives the key of one region and service; caches the last one for a day, or as long as its secret."""

    def __init__(self, *, region: str, service: str) -> None:
        self._region = region
        self._service = service
        self._last: tuple[str, str, bytes] = ("", "", b"")

    def scope(self, day: str) -> str:
        """Return the credential scope of a day."""
        return f"{day}/{self._region}/{self._service}/aws4_request"

    def sign(self, text: bytes, *, secret: str, day: str) -> str:
        """Sign a string with the key of ``day``; lower-case hexadecimal."""
        return hmac.digest(self._key(secret, day), text, "sha256").hex()

    def _key(self, secret: str, day: str) -> bytes:
        last_secret, last_day, key = self._last
        if last_day == day and last_secret == secret:
            return key
        key = ("AWS4" + secret).encode()
        for part in (day, self._region, self._service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self._last = (secret, day, key)
        return key


class JSONCallSigner:
    """Signs ``POST /`` with a JSON body: the only request form of DynamoDB."""

    def __init__(self, *, region: str, service: str, host: str, content_type: str) -> None:
        self._keys = SigningKeys(region=region, service=service)
        self._host = host
        self._content_type = content_type

    def authorization(self, *, target: str, body: bytes, credentials: ReadOnlyCredentials, moment: Moment) -> str:
        """Return the ``Authorization`` header for these headers: type, host, date, token (if any) and target."""
        token = credentials.token
        names = "content-type;host;x-amz-date;" + ("x-amz-security-token;" if token else "") + "x-amz-target"
        token_line = f"x-amz-security-token:{token}\n" if token else ""
        canonical = (
            f"POST\n/\n\ncontent-type:{self._content_type}\nhost:{self._host}\nx-amz-date:{moment.timestamp}\n"
            f"{token_line}x-amz-target:{target}\n\n{names}\n{hashlib.sha256(body).hexdigest()}"
        )
        scope = self._keys.scope(moment.day)
        text = f"{ALGORITHM}\n{moment.timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = self._keys.sign(text.encode(), secret=credentials.secret_key or "", day=moment.day)
        return f"{ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
