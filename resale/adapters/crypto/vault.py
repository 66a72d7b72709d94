"""The vault: personal structs to sealed text and back, over a keyring."""

from typing import TypeVar

import msgspec

from resale.application.ports import Keyring
from resale.domain.ids import CustomerId

T = TypeVar("T")


class KeyringVault:
    """Keeps ``resale.application.ports.Vault``."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, value: msgspec.Struct, *, owner_id: CustomerId, entity_id: str) -> str:
        """Encrypt a struct for its owner, bound to the entity it will lie in."""
        return self._keyring.seal(owner_id=owner_id, entity_id=entity_id, plaintext=msgspec.json.encode(value))

    def open(self, sealed: str, kind: type[T], *, owner_id: CustomerId, entity_id: str) -> T:
        """Decrypt what ``seal`` made; fields of a newer release are passed over."""
        plaintext = self._keyring.open(owner_id=owner_id, entity_id=entity_id, sealed=sealed)
        return msgspec.json.decode(plaintext, type=kind)
