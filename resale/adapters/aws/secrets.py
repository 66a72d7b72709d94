"""Secrets of tenants from AWS Secrets Manager, each in its own account; cached for minutes, read by one thread.

A value is a JSON object of strings. Whoever provisions an account writes them; the access role can only read.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.faults import code_of
from resale.domain.partners import PartnerMisconfigured, PartnerUnavailable
from resale.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_FRESH_SECONDS: Final = 300.0  # the port's promise: a rotated secret is in use within five minutes
_RENEW_SECONDS: Final = 240.0  # from here on one caller reads it again, and the others take what is known
_RETRY_SECONDS: Final = 5.0  # a failure answers for so long, so that waiting callers do not fail one after another
_MAX_COUNT: Final = 8_192  # two a tenant, for twice the sessions a process keeps by default; 1 KB each
_MISCONFIGURED_RETRY_SECONDS: Final = 60  # somebody has to mend it first
_NEVER: Final = float("-inf")

#: Answers that asking again does not mend (Secrets Manager API Reference, GetSecretValue, errors).
_FOR_SOMEBODY_TO_MEND: Final = frozenset(
    {
        "AccessDeniedException",  # not below the tenant's prefix, or its key does not let the role decrypt
        "DecryptionFailure",
        "InvalidParameterException",
        "InvalidRequestException",  # marked for deletion
        "ResourceNotFoundException",
    }
)
_VALUES: Final = msgspec.json.Decoder(dict[str, str])


class _Entry:
    """A cached secret: its value, when it was read, and the last failure. The owner of ``lock`` reads it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: Mapping[str, str] = MappingProxyType({})
        self.read_at = _NEVER
        self.failure: Unavailable | None = None
        self.failed_at = _NEVER


class SecretCache:
    """The secrets of all tenants of a process, least recently used first out; opened for one tenant at a time."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, max_count: int = _MAX_COUNT) -> None:
        self.clock = clock
        self._max_count = max_count
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def for_session(self, session: TenantSession) -> "SecretsManagerSecrets":
        """Open the secrets of the session's tenant."""
        return SecretsManagerSecrets(session, self)

    def entry(self, tenant_id: str, name: str) -> _Entry:
        """Return the cache entry of one secret. Tenants share none, so that they never wait for each other."""
        with self._lock:
            entry = self._entries.setdefault((tenant_id, name), _Entry())
            self._entries.move_to_end((tenant_id, name))
            while len(self._entries) > self._max_count:
                self._entries.popitem(last=False)
        return entry

    def __len__(self) -> int:
        return len(self._entries)


class SecretsManagerSecrets:
    """Implements ``resale.application.ports.Secrets`` for one tenant."""

    def __init__(self, session: TenantSession, cache: SecretCache) -> None:
        self._session = session
        self._cache = cache

    def get(self, name: str) -> Mapping[str, str]:
        """Return a secret, at most five minutes old; concurrent readers cause one call.

        Shape: 0 calls while fresh, else 1 (GetSecretValue).

        Args:
            name: Its whole name in the tenant's account, as a connection has it.

        Returns:
            What it holds. The same object until it is read again and has changed.

        Raises:
            PartnerMisconfigured: There is none, the role may not read it, or it is no JSON object of strings.
            PartnerUnavailable: Secrets Manager did not respond, and what is known is too old.
            Unavailable: There is no session in the tenant's account.
        """
        entry = self._cache.entry(self._session.tenant.id, name)
        values, age = entry.values, self._cache.clock() - entry.read_at
        if age < _RENEW_SECONDS:
            return values
        if not entry.lock.acquire(blocking=age >= _FRESH_SECONDS):
            return values
        try:
            return self._renew(entry, name)
        finally:
            entry.lock.release()

    def _renew(self, entry: _Entry, name: str) -> Mapping[str, str]:
        """Read the secret, unless another thread read it, or failed to, a moment ago."""
        now = self._cache.clock()
        if now - entry.read_at < _RENEW_SECONDS:
            return entry.values
        failure = entry.failure if now - entry.failed_at < _RETRY_SECONDS else self._try(entry, name, now)
        if failure is not None and now - entry.read_at >= _FRESH_SECONDS:
            raise failure.with_traceback(None)
        return entry.values

    def _try(self, entry: _Entry, name: str, now: float) -> Unavailable | None:
        try:
            values = self._read(name)
        except Unavailable as failure:
            entry.failure, entry.failed_at = failure, self._cache.clock()
            return failure
        entry.failure = None
        if values != entry.values:  # who built something from it sees by identity that it has changed
            entry.values = MappingProxyType(values)
        entry.read_at = now
        return None

    def _read(self, name: str) -> dict[str, str]:
        try:
            response = self._client.get_secret_value(SecretId=name)
        except ClientError as error:
            raise _outcome(name, code_of(error)) from error
        except BotoCoreError as error:
            detail = f"Secrets Manager did not respond ({type(error).__name__})."
            raise PartnerUnavailable(detail, retry_after_seconds=5) from error
        try:
            return _VALUES.decode(response.get("SecretString", ""))
        except msgspec.MsgspecError:  # which may quote it
            raise _build_error(f"The secret {name} is not a JSON object of strings.") from None

    @property
    def _client(self) -> "SecretsManagerClient":
        return cast("SecretsManagerClient", self._session.client("secretsmanager"))


def _outcome(name: str, code: str) -> PartnerUnavailable:
    if code in _FOR_SOMEBODY_TO_MEND:
        return _build_error(f"The secret {name} cannot be read ({code}).")
    return PartnerUnavailable(f"Secrets Manager refused a request ({code}).", retry_after_seconds=5)


def _build_error(detail: str) -> PartnerMisconfigured:
    return PartnerMisconfigured(detail, retry_after_seconds=_MISCONFIGURED_RETRY_SECONDS)
