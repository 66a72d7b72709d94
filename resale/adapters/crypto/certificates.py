"""Signing of certificates by Ed25519 (RFC 8032). The key is derived from a secret that is never rotated."""

import base64
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from resale.application.ports import Signed

_ALGORITHM: Final = "Ed25519"
_KEY_BYTES: Final = 32
_PURPOSE: Final = b"resale certificates v1"


class CertificateSigner:
    """Implements ``resale.application.ports.Signer``."""

    def __init__(self, secret: bytes) -> None:
        """Derive the key. ``secret``: the platform's look-up secret, which lives as long as its customers."""
        seed = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_PURPOSE).derive(secret)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    def sign(self, content: bytes) -> Signed:
        """Sign content."""
        return Signed(
            algorithm=_ALGORITHM,
            public_key=base64.b64encode(self._key.public_key().public_bytes_raw()).decode(),
            signature=base64.b64encode(self._key.sign(content)).decode(),
        )


def is_signed(content: bytes, signed: Signed) -> bool:
    """Return whether the signature is of this content, by the key that it names."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signed.public_key))
    try:
        key.verify(base64.b64decode(signed.signature), content)
    except InvalidSignature:
        return False
    return True
