"""The DynamoDB endpoints of local accounts: those of the environment, and those that ``make run`` added since."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec


def endpoints_file(var: Path) -> Path:
    """Return the file with the DynamoDB URL of each account, by id."""
    return var / "dynamodb" / "endpoints.json"


class LocalEndpoints(Mapping[str, str]):
    """DynamoDB URLs by account id. The file is read when an unknown account is looked up: a tenant was onboarded."""

    def __init__(self, known: Mapping[str, str], file: Path) -> None:
        """Store the parts; the file is not read yet."""
        self._known = dict(known)
        self._file = file

    def __getitem__(self, account_id: str) -> str:
        if account_id not in self._known:
            self._known = {**self._read(), **self._known}
        return self._known[account_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def _read(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, str])
        except (OSError, msgspec.DecodeError):  # none was written: no account was added
            return {}
