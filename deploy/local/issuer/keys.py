"""The signing keys of an issuer: created once, in a file only its owner can read, rotated by adding a newer one."""

import os
import tempfile
from pathlib import Path
from typing import Any, Final

import jwt
import msgspec
import uuid_utils
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ALGORITHM: Final = "ES256"
_KEPT: Final = 2  # the key in use and the one before, so tokens signed a moment ago stay good


class IssuerKeys:
    """The keys of one issuer, newest last."""

    def __init__(self, directory: Path, slug: str) -> None:
        self._path = directory / f"{slug}.json"

    def signing_key(self) -> tuple[str, Any]:
        """Return the id and the private key that signs; create the first one if needed."""
        newest = (self._read() or self._add())[-1]
        return newest["kid"], ECAlgorithm(ECAlgorithm.SHA256).from_jwk(newest)

    def rotate(self) -> str:
        """Add a new key, which signs from now on. Returns its id."""
        return str(self._add()[-1]["kid"])

    def public_set(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWK set (RFC 7517) to publish."""
        keys = self._read() or self._add()
        return {"keys": [{name: value for name, value in key.items() if name != "d"} for key in keys]}

    def _read(self) -> list[dict[str, str]]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[dict[str, str]])
        except (FileNotFoundError, msgspec.DecodeError):  # a damaged one is replaced: each run signs new tokens
            return []

    def _add(self) -> list[dict[str, str]]:
        private = ec.generate_private_key(ec.SECP256R1())
        made = jwt.algorithms.ECAlgorithm.to_jwk(private, as_dict=True)
        key = {**{k: str(v) for k, v in made.items() if k != "key_ops"}, "use": "sig", "alg": ALGORITHM}
        keys = [*self._read(), {**key, "kid": uuid_utils.uuid7().hex}][-_KEPT:]
        self._write(msgspec.json.encode(keys))
        return keys

    def _write(self, body: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp makes the file 0600; the rename replaces the old one whole or not at all.
        handle, temporary = tempfile.mkstemp(dir=self._path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        Path(temporary).replace(self._path)
