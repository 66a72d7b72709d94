"""Files that only their owner can read: state between runs, and data for drivers of the demo."""

import fcntl
import os
import secrets
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from deploy.local.provisioning.platform import AccessKey
from resale.domain.ids import CONNECTION_ID
from resale.domain.partners import PartnerKind


class Unreadable(Exception):  # noqa: N818 - named for what is so
    """Raised when a file from an earlier run is damaged; the message has the remedy."""


class SavedConnection(msgspec.Struct, frozen=True, kw_only=True):
    """The connection to a sandbox partner: its id in webhook URLs, and its webhook secret."""

    id: str
    webhook_secret: str


class BrandSecrets(msgspec.Struct, kw_only=True):
    """The secrets of one brand. The texts of its keys exist nowhere else; None until they are issued."""

    staff_password: str
    publishable_key: str | None = None
    secret_key: str | None = None
    connections: dict[PartnerKind, SavedConnection] = {}


class Secrets(msgspec.Struct, kw_only=True):
    """All values that a second run needs for the data of the first."""

    django_secret_key: str
    lookup_secret: str
    cursor_secret: str
    operator_password: str
    platform_key: AccessKey | None = None
    brands: dict[str, BrandSecrets]


class Login(msgspec.Struct, frozen=True):
    """A login of the admin."""

    email: str
    password: str


class RoleLogin(msgspec.Struct, frozen=True):
    """A login of the admin with its role at a brand."""

    role: str
    email: str
    password: str


class DemoTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A brand, as a driver of the demo needs it."""

    slug: str
    account_id: str
    region: str
    publishable_key: str
    secret_key: str
    seller_token: str
    buyer_token: str
    staff: Login
    logins: tuple[RoleLogin, ...]


class Demo(msgspec.Struct, frozen=True, kw_only=True):
    """``var/demo.json``, as ``docs/local-platform.md`` documents it."""

    base_url: str
    admin_url: str
    tenants: tuple[DemoTenant, ...]
    operator: Login
    payments_url: str
    shipping_url: str


def environment_file(var: Path) -> Path:
    """Return the file with the variables of the platform's processes, for commands beside them."""
    return var / "environment.json"


def load_secrets(path: Path, slugs: tuple[str, ...]) -> Secrets:
    """Read the secrets of an earlier run, or generate them; a new brand gets its own.

    Raises:
        Unreadable: The file is there and damaged.
    """
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Secrets)
    except FileNotFoundError:
        kept = Secrets(
            django_secret_key=_random(),
            lookup_secret=_random(),
            cursor_secret=_random(),
            operator_password=_password(),
            brands={},
        )
    except msgspec.DecodeError as error:
        raise Unreadable(
            f"{path} is damaged ({error}). It holds the keys to the data beside it: put a copy of it back, or begin "
            "anew without that data (make clean-data)"
        ) from error
    for slug in slugs:
        brand = kept.brands.setdefault(slug, BrandSecrets(staff_password=_password()))
        for kind in PartnerKind:
            connection = SavedConnection(id=CONNECTION_ID.of(uuid.uuid4().hex), webhook_secret=_random())
            brand.connections.setdefault(kind, connection)
    return kept


@contextmanager
def change_secrets(path: Path, slugs: tuple[str, ...]) -> Iterator[Secrets]:
    """Read the secrets, with those of these brands, and save what the block changes; one process at a time.

    Raises:
        Unreadable: The file is there and damaged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(f"{path.name}.changes"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        kept = load_secrets(path, slugs)
        yield kept
        save(path, kept)
    finally:
        os.close(descriptor)


def save(path: Path, content: msgspec.Struct | Mapping[str, msgspec.Struct | str]) -> None:
    """Write a file atomically, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())  # before it takes the old one's name: a power cut leaves one of the two, whole
    draft.replace(path)


def _random() -> str:
    return secrets.token_urlsafe(48)


def _password() -> str:
    return secrets.token_urlsafe(15)
