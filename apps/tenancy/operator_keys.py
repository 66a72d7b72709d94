"""Operators' API keys: issued, shown once, stored as a hash, revoked; and the authentication of their requests."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec
from django.http import HttpRequest

from apps.core.refused_credentials import log_refused_credential
from apps.core.requests import info_of
from apps.tenancy import models, registry
from apps.tenancy.errors import APIKeyInvalid, APIKeyMissing, APIKeyRevoked, OperatorKeyRequired, ScopeMissing
from apps.tenancy.keys import TEXT_CHARS, IssuedKey, KeyNotFound, hash_of
from apps.tenancy.scopes import OperatorScope, Scope

_PREFIX: Final = "op_live_"
_RANDOM_BYTES: Final = 32


class Operator(msgspec.Struct, frozen=True):
    """The operator who calls, by the id of their key."""

    key_id: str


def issue_operator_key(*, scopes: Iterable[OperatorScope] = tuple(OperatorScope)) -> IssuedKey:
    """Issue a key with these scopes. It works everywhere within 5 s."""
    text = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    row = models.OperatorKey.objects.create(
        hash=hash_of(text), last_characters=text[-4:], scopes=sorted({str(scope) for scope in scopes})
    )
    registry.forget_key(row.hash)
    return IssuedKey(row.id, text)


def revoke_operator_key(*, key_id: str, now: datetime) -> None:
    """Revoke a key: here immediately, everywhere within 30 s. Idempotent. Raises KeyNotFound."""
    row = models.OperatorKey.objects.filter(id=key_id).first()
    if row is None:
        raise KeyNotFound("No API key with this id exists.")
    models.OperatorKey.objects.filter(id=key_id, revoked_at=None).update(revoked_at=now)
    registry.forget_key(row.hash)


def authenticate_operator(request: HttpRequest, scope: Scope | OperatorScope | None) -> Operator:
    """Authenticate the operator who sent a request.

    Raises:
        APIKeyMissing, APIKeyInvalid, APIKeyRevoked: The X-API-Key header.
        OperatorKeyRequired: The key is a shop's.
        ScopeMissing: The key does not have the scope; None as scope is always refused.
        RegistryUnavailable: The registry does not respond.
    """
    text = request.META.get("HTTP_X_API_KEY")
    if not text:
        raise APIKeyMissing("The request has no API key. Send an operator's key in the X-API-Key header.")
    if not text.startswith(_PREFIX):
        log_refused_credential(OperatorKeyRequired.code)
        raise OperatorKeyRequired
    key = registry.by_operator_key_hash(hash_of(text)) if len(text) == TEXT_CHARS else None
    if key is None:
        log_refused_credential(APIKeyInvalid.code)
        raise APIKeyInvalid("The API key does not exist. Check that it was copied completely.")
    info_of(request).key_id = key.id
    if key.revoked:
        raise APIKeyRevoked("The API key was revoked. Use another key of an operator.")
    if scope not in key.scopes:
        raise ScopeMissing(f"The API key does not have the scope {scope}. Use a key that has it.")
    return Operator(key.id)
