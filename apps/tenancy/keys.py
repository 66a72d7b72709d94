"""API keys: issued, shown once, stored as a hash, revoked. Keys have 256 random bits, so a fast hash suffices."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec
from django.db import transaction

from apps.tenancy import models, registry
from apps.tenancy.scopes import SCOPES
from resale.errors import Invalid, NotFound

_PREFIXES: Final = {models.KeyKind.PUBLISHABLE: "pk", models.KeyKind.SECRET: "sk"}
_RANDOM_BYTES: Final = 32
TEXT_CHARS: Final = 51  # "pk_live_" and 43 characters of base64url


class KeyNotFound(NotFound):
    """No API key has this id."""

    code = "api_key_not_found"
    title = "API key not found"
    default_detail = "No API key with this id exists."


class UnknownScope(Invalid):
    """A scope does not exist, or was asked for on a publishable key."""

    code = "unknown_scope"
    title = "Unknown scope"
    default_detail = "A scope does not exist, or the key is publishable: only secret keys have scopes."


class IssuedKey(msgspec.Struct, frozen=True):
    """A new key. ``text`` is stored nowhere: show it once."""

    id: str
    text: str


def hash_of(text: str) -> str:
    """Return the hash under which a key is stored."""
    return hashlib.sha256(text.encode()).hexdigest()


def issue_api_key(*, slug: str, kind: models.KeyKind, scopes: Iterable[str] = SCOPES) -> IssuedKey:
    """Issue a key for a tenant.

    Args:
        slug: Whose key.
        kind: Publishable keys may be seen by anybody; secret ones only by the brand's back end.
        scopes: What a secret key may do; ignored for a publishable one.

    Raises:
        NotFound: No such tenant.
        UnknownScope: A scope is not in SCOPES.
    """
    tenant = models.Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise NotFound("No tenant with this name exists.")
    granted = sorted(set(scopes)) if kind == models.KeyKind.SECRET else []
    if unknown := set(granted) - SCOPES:
        raise UnknownScope(
            f"These scopes do not exist, or cannot be on this kind of key: {', '.join(sorted(unknown))}."
        )
    return _issue(tenant, kind, granted)


def rotate_api_key(*, key_id: str) -> IssuedKey:
    """Issue a key with the kind and scopes of another one, which stays valid until revoked. Raises KeyNotFound."""
    row = _get(key_id)
    return _issue(row.tenant, models.KeyKind(row.kind), row.scopes)


def revoke_api_key(*, key_id: str, now: datetime) -> None:
    """Revoke a key: here immediately, everywhere within 30 s. Idempotent. Raises KeyNotFound."""
    with transaction.atomic():
        row = _get(key_id)
        models.APIKey.objects.filter(id=key_id, revoked_at=None).update(revoked_at=now)
    registry.forget_key(row.hash)


def _issue(tenant: models.Tenant, kind: models.KeyKind, scopes: list[str]) -> IssuedKey:
    prefix = f"{_PREFIXES[kind]}_{'test' if tenant.sandbox else 'live'}_"
    text = prefix + secrets.token_urlsafe(_RANDOM_BYTES)
    row = models.APIKey.objects.create(
        tenant=tenant, kind=kind, hash=hash_of(text), prefix=prefix, last_characters=text[-4:], scopes=scopes
    )
    registry.forget_key(row.hash)
    return IssuedKey(row.id, text)


def _get(key_id: str) -> models.APIKey:
    row = models.APIKey.objects.select_related("tenant").filter(id=key_id).first()
    if row is None:
        raise KeyNotFound("No API key with this id exists.")
    return row
