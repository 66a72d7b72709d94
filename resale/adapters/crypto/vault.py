"""The vault: encryption of structs with personal data, by a keyring."""

from typing import TypeVar

import msgspec

from resale.application.ports import Keyring
from resale.domain.ids import CustomerId

T = TypeVar("T")


class KeyringVault:
    """Implements ``resale.application.ports.Vault``."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, value: msgspec.Struct, *, owner_id: CustomerId, entity_id: str) -> str:
        """Encrypt a struct for its owner, bound to its entity.

        Raises:
            TypeError: It could not be read again: a field holds what is not of its type.
        """
        plaintext = msgspec.json.encode(value)
        try:
            msgspec.json.decode(plaintext, type=type(value))
        except msgspec.ValidationError as error:
            raise TypeError(f"this {type(value).__name__} could not be read again: {error}") from error
        return self._keyring.seal(owner_id=owner_id, entity_id=entity_id, plaintext=plaintext)

    def open(self, sealed: str, kind: type[T], *, owner_id: CustomerId, entity_id: str) -> T:
        """Decrypt the result of ``seal``; fields of a newer release are ignored."""
        plaintext = self._keyring.open(owner_id=owner_id, entity_id=entity_id, sealed=sealed)
        return msgspec.json.decode(plaintext, type=kind)
