"""The accounts of the local platform: one file each, which ``make run`` reads to start the account's engine."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from config.settings.local_endpoints import endpoints_file
from deploy.local.private_files import save
from resale.domain.tenant_onboarding import AccountUnit

_FIRST_ACCOUNT: Final = 300_000_000_001
_SAVE: Final = ".save"


class LocalAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account: the slug it was created for, and its organisational unit."""

    account_id: str
    slug: str
    unit: AccountUnit | None = None


class AccountFiles:
    """The folder ``accounts`` of a data folder."""

    def __init__(self, var: Path) -> None:
        self._folder = var / "accounts"
        self._endpoints = endpoints_file(var)

    # ---------------------------------------------------------------- accounts
    def accounts(self) -> tuple[LocalAccount, ...]:
        """List all accounts by id."""
        files = sorted(self._folder.glob("[0-9]*.json"))
        return tuple(msgspec.json.decode(file.read_bytes(), type=LocalAccount) for file in files)

    def find(self, account_id: str) -> LocalAccount | None:
        """Return an account."""
        return next((one for one in self.accounts() if one.account_id == account_id), None)

    def add(self, slug: str, *, account_id: str | None = None) -> LocalAccount:
        """Return the account of a slug; create it with this id, or the next free one."""
        with self._lock():
            accounts = self.accounts()
            known = next((one for one in accounts if one.slug == slug), None)
            if known is not None:
                return known
            taken = {one.account_id for one in accounts}
            free = (str(number) for number in range(_FIRST_ACCOUNT, 10**12) if str(number) not in taken)
            account = LocalAccount(account_id=account_id or next(free), slug=slug)
            self._save(account)
            return account

    def move(self, account_id: str, unit: AccountUnit) -> None:
        """Store the organisational unit of an account."""
        with self._lock():
            account = self.find(account_id)
            if account is not None:
                self._save(msgspec.structs.replace(account, unit=unit))

    # ---------------------------------------------------------------- engines
    def endpoints(self) -> Mapping[str, str]:
        """Return the DynamoDB URL of each account whose engine runs."""
        try:
            return msgspec.json.decode(self._endpoints.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}

    def save_endpoints(self, endpoints: Mapping[str, str]) -> None:
        """Store the DynamoDB URLs; running processes read them when they meet a new account."""
        save(self._endpoints, dict(endpoints))

    # ---------------------------------------------------------------- requests to save the engines' state
    def request_save(self, account_id: str) -> None:
        """Request that ministack saves its state, which it does only on a clean stop."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{account_id}{_SAVE}").touch()

    def is_save_requested(self, account_id: str) -> bool:
        """Return whether the request is still open."""
        return (self._folder / f"{account_id}{_SAVE}").exists()

    def save_requests(self) -> tuple[str, ...]:
        """Return the accounts with an open request."""
        return tuple(sorted(file.stem for file in self._folder.glob(f"*{_SAVE}")))

    def close_save_request(self, account_id: str) -> None:
        """Record that the state is saved."""
        (self._folder / f"{account_id}{_SAVE}").unlink(missing_ok=True)

    # ---------------------------------------------------------------- what was applied
    def session(self) -> str:
        """Return the name of the present run of the engines, ``""`` before the first."""
        try:
            return (self._folder / "session").read_text()
        except FileNotFoundError:
            return ""

    def begin_session(self, name: str) -> None:
        """Store the name of a run of the engines: the template is applied again in each."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "session").write_text(name)

    def outputs(self, account_id: str) -> tuple[str, Mapping[str, str]]:
        """Return the version that was applied last, and its outputs; ``("", {})`` before the first time."""
        applied = self._read_applied(account_id)
        return ("", {}) if applied is None else (applied.version, applied.outputs)

    def _read_applied(self, account_id: str) -> "_Applied | None":
        try:
            return msgspec.json.decode((self._folder / f"stack-{account_id}.json").read_bytes(), type=_Applied)
        except FileNotFoundError:
            return None

    def applied_template(self, account_id: str) -> str:
        """Return the name of the template that was applied last; empty before the first time."""
        applied = self._read_applied(account_id)
        return "" if applied is None else applied.template

    def save_outputs(self, account_id: str, *, version: str, outputs: Mapping[str, str], template: str = "") -> None:
        """Store what was applied."""
        applied = _Applied(version=version, outputs=dict(outputs), template=template)
        save(self._folder / f"stack-{account_id}.json", applied)

    def template_folder(self, name: str) -> Path:
        """Return the folder in which a template is stored, or is to be."""
        return self._folder / "templates" / name

    def _save(self, account: LocalAccount) -> None:
        save(self._folder / f"{account.account_id}.json", account)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / "changes", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


class _Applied(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    outputs: dict[str, str]
    template: str = ""
