"""Data keys per shopper: AES-256-GCM by ``cryptography``, each key wrapped by the tenant's KMS key.

A sealed text is base64 of: format (1 byte), key number (1), nonce (12), ciphertext with its tag. The entity's id is
authenticated with it, so a sealed text moved to another entity does not open.
"""

import base64
import os
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from resale.adapters.aws.sessions import TenantSession
from resale.adapters.dynamodb import keys
from resale.adapters.dynamodb.client import ConditionFailed, Item
from resale.adapters.faults import unavailable_on_fault
from resale.errors import NotFound
from resale.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_kms.client import KMSClient

_FORMAT: Final = 1
_KEY_NUMBER: Final = 1  # one key a shopper; the number leaves room for turning keys
_NONCE_BYTES: Final = 12  # NIST SP 800-38D: 96 bits, random; far below 2^32 sealings a key
_TAG_BYTES: Final = 16
_HEADER: Final = bytes((_FORMAT, _KEY_NUMBER))


class SealBroken(Exception):  # noqa: N818 - named for what happened
    """Raised when a sealed text was changed, belongs to another entity, or has an unknown format."""


class DataKeyMissing(NotFound):
    """The shopper's data key was erased, so their personal data cannot be decrypted."""

    code = "data_key_missing"
    title = "Data key missing"
    default_detail = "The shopper's data was erased and cannot be read."


class KMSKeyring:
    """The data keys of all tenants of a process, in one bounded cache; opened for one tenant at a time."""

    def __init__(self, settings: Settings) -> None:
        self._max_count = settings.data_key_cache_count
        self._max_age_seconds = settings.data_key_cache_seconds
        self._ciphers: OrderedDict[tuple[str, str], tuple[AESGCM, float]] = OrderedDict()
        self._lock = threading.Lock()

    def for_session(self, session: TenantSession) -> "TenantKeyring":
        """Open the keyring of the session's tenant."""
        return TenantKeyring(session, self)

    def find(self, tenant_id: str, owner_id: str) -> AESGCM | None:
        """Return a cached key that KMS unwrapped recently; None if there is none."""
        place = (tenant_id, owner_id)
        with self._lock:
            cipher, unwrapped_at = self._ciphers.get(place, (None, 0.0))
            if cipher is None:
                return None
            if time.monotonic() - unwrapped_at > self._max_age_seconds:
                del self._ciphers[place]
                return None
            self._ciphers.move_to_end(place)
            return cipher

    def remember(self, tenant_id: str, owner_id: str, plaintext_key: bytes) -> AESGCM:
        """Cache a key; the least recently used one is evicted."""
        cipher = AESGCM(plaintext_key)
        with self._lock:
            self._ciphers[tenant_id, owner_id] = cipher, time.monotonic()
            while len(self._ciphers) > self._max_count:
                self._ciphers.popitem(last=False)
        return cipher


class TenantKeyring:
    """Implements ``resale.application.ports.Keyring`` for one tenant."""

    def __init__(self, session: TenantSession, keyring: KMSKeyring) -> None:
        self._session = session
        self._keyring = keyring
        self._tenant_id = session.tenant.id

    def seal(self, *, owner_id: str, entity_id: str, plaintext: bytes) -> str:
        """Encrypt for an owner, bound to an entity; create the owner's key if there is none.

        Raises:
            Unavailable: KMS or the keys table did not respond.
        """
        cipher = self._keyring.find(self._tenant_id, owner_id) or self._load(owner_id) or self._make(owner_id)
        nonce = os.urandom(_NONCE_BYTES)
        sealed = cipher.encrypt(nonce, plaintext, _bound(entity_id))
        return base64.b64encode(_HEADER + nonce + sealed).decode()

    def open(self, *, owner_id: str, entity_id: str, sealed: str) -> bytes:
        """Decrypt.

        Raises:
            SealBroken: Changed, of another entity, or unknown format.
            DataKeyMissing: The owner's key is gone.
            Unavailable: KMS or the keys table did not respond.
        """
        raw = _decode(sealed)
        cipher = self._keyring.find(self._tenant_id, owner_id) or self._load(owner_id)
        if cipher is None:
            raise DataKeyMissing
        start = len(_HEADER)
        nonce, ciphertext = raw[start : start + _NONCE_BYTES], raw[start + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, ciphertext, _bound(entity_id))
        except InvalidTag as error:
            raise SealBroken("changed, or sealed for another entity") from error

    def _load(self, owner_id: str) -> AESGCM | None:
        item = self._session.dynamodb.get_item(table=self._table, key=dict(keys.data_key_key(owner_id)))
        return None if item is None else self._unwrap(owner_id, item)

    def _unwrap(self, owner_id: str, item: Item) -> AESGCM:
        wrapped = base64.b64decode(str(item["wrapped"]))
        with unavailable_on_fault("KMS"):
            response = self._client.decrypt(
                CiphertextBlob=wrapped, KeyId=self._key_arn, EncryptionContext=self._context(owner_id)
            )
        return self._keyring.remember(self._tenant_id, owner_id, response["Plaintext"])

    def _make(self, owner_id: str) -> AESGCM:
        """Create and store a key, or return the one that a concurrent request stored first."""
        with unavailable_on_fault("KMS"):
            made = self._client.generate_data_key(
                KeyId=self._key_arn, KeySpec="AES_256", EncryptionContext=self._context(owner_id)
            )
        wrapped = base64.b64encode(made["CiphertextBlob"]).decode()
        item: Item = {**keys.data_key_key(owner_id), "wrapped": wrapped, "number": _KEY_NUMBER}
        try:
            self._session.dynamodb.put_item(table=self._table, item=item, condition="attribute_not_exists(pk)")
        except ConditionFailed as known:
            if known.item is None:
                raise
            return self._unwrap(owner_id, known.item)
        return self._keyring.remember(self._tenant_id, owner_id, made["Plaintext"])

    def _context(self, owner_id: str) -> dict[str, str]:
        return {"tenant": self._tenant_id, "owner": owner_id}

    @property
    def _client(self) -> "KMSClient":
        return cast("KMSClient", self._session.client("kms"))

    @property
    def _table(self) -> str:
        return self._session.tenant.resources.tables.keys

    @property
    def _key_arn(self) -> str:
        return self._session.tenant.resources.key_arn


def _bound(entity_id: str) -> bytes:
    return _HEADER + entity_id.encode()


def _decode(sealed: str) -> bytes:
    try:
        raw = base64.b64decode(sealed, validate=True)
    except ValueError as error:  # binascii.Error is one, and what letters beyond ASCII raise is another
        raise SealBroken("not base64") from error
    if raw[: len(_HEADER)] != _HEADER:
        raise SealBroken("unknown format")
    if len(raw) < len(_HEADER) + _NONCE_BYTES + _TAG_BYTES:
        raise SealBroken("truncated")
    return raw
