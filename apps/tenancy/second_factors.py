"""The second factor of staff: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for what is lost.

A secret is stored encrypted and recovery codes as keyed hashes. Each code works once. A change of the factor ends the
other sessions of its user. Security keys, the other kind of factor, are in ``apps.tenancy.security_keys``.
"""

import base64
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.db import transaction

from apps.tenancy.models import RecoveryCode, SecondFactor, StaffRole, User
from resale.errors import NotFound, Rejected

logger = logging.getLogger("resale.staff")

ISSUER: Final = "Resale backoffice"
RECOVERY_CODES: Final = 10
CODE_MAX_CHARS: Final = 32  # as typed, with spaces and hyphens
_SECRET_BYTES: Final = 20  # RFC 4226 4: 160 bits recommended
_WITHOUT_APP: Final = b"no app has this secret: "
_DIGITS: Final = 6
_STEP_SECONDS: Final = 30
_DRIFT: Final = 1  # steps before and after; RFC 6238 5.2
_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 characters, none like another
_RECOVERY_CHARS: Final = 10  # 50 bits
_APP_CODE: Final = re.compile(r"[0-9]{6}")


class SecondFactorCodeRefused(Rejected):
    """The code is wrong, too old or used."""

    code = "second_factor_code_refused"
    title = "Code not accepted"
    default_detail = "The code is not accepted. Enter the next one that the app shows. Each code works once."


class AccountNotFound(NotFound):
    """No account of staff has this name."""

    code = "account_not_found"
    title = "Account not found"
    default_detail = "No account has this name."


def is_required(user: User) -> bool:
    """Whether a user needs a second factor: operators and managers, where the platform asks for it."""
    if not settings.STAFF_MFA_REQUIRED:
        return False
    return user.is_superuser or user.memberships.filter(role=StaffRole.MANAGER).exists()


def new_secret() -> bytes:
    """Return a random secret for an authenticator app."""
    return secrets.token_bytes(_SECRET_BYTES)


def enrolment_uri(secret: bytes, user: User) -> str:
    """Return the URI that an authenticator app reads from a QR code."""
    return _totp(secret).get_provisioning_uri(user.get_username(), ISSUER)


def typed_secret(secret: bytes) -> str:
    """Return a secret as a person types it into an app: base32."""
    return base64.b32encode(secret).decode()


def encrypt_secret(secret: bytes) -> str:
    """Encrypt a secret for the registry or a session."""
    return _cipher().encrypt(secret).decode()


def secret_without_app() -> str:
    """Return an encrypted random secret, which no app has, for a user with security keys alone.

    Processes of a release that knew no keys look for a secret only: without one, a password would be enough for them,
    while a release is rolled out or back. With it they ask for a code, and a recovery code alone passes.
    """
    return encrypt_secret(_WITHOUT_APP + new_secret())


def has_app(factor: SecondFactor) -> bool:
    """Whether an authenticator app has the secret of a factor."""
    return bool(factor.secret) and not decrypt_secret(factor.secret).startswith(_WITHOUT_APP)


def decrypt_secret(text: str) -> bytes:
    """Decrypt a secret. Raises cryptography.fernet.InvalidToken if this platform did not encrypt it."""
    return _cipher().decrypt(text.encode())


def enrol(*, user: User, secret: bytes, code: str, now: datetime) -> Sequence[str]:
    """Make an authenticator app the second factor of a user, in the place of an earlier one.

    Args:
        user: Whose.
        secret: That the app has.
        code: That the app shows, which proves it.
        now: Moment of the request, aware UTC.

    Returns:
        The recovery codes, which are stored nowhere: show them once.

    Raises:
        SecondFactorCodeRefused: The code is not the app's.
    """
    step = _find_step(secret, _normalise(code), now)
    if step is None:
        raise SecondFactorCodeRefused
    with transaction.atomic():
        factor = lock_factor(user)
        factor.secret, factor.last_step = encrypt_secret(secret), step
        factor.changes += 1
        factor.save()
        codes = renew_recovery_codes(user, factor)
    logger.warning("second factor enrolled", extra={"by": user.staff_id})
    return codes


def verify(*, user: User, code: str, now: datetime) -> bool:
    """Return whether a code is the app's or a recovery code of the user; it works once. Count attempts first.

    Args:
        user: Whose.
        code: As typed; spaces, hyphens and case do not matter.
        now: Moment of the request, aware UTC.
    """
    factor = SecondFactor.objects.filter(user=user).first()
    if factor is None:
        return False
    given = _normalise(code)
    if _APP_CODE.fullmatch(given):
        if not has_app(factor):
            return False
        step = _find_step(decrypt_secret(factor.secret), given, now)
        later = SecondFactor.objects.filter(user=user, secret=factor.secret, last_step__lt=step or 0)
        return step is not None and later.update(last_step=step) == 1
    used, _ = RecoveryCode.objects.filter(factor=factor, hash=_recovery_hash(user, given)).delete()
    if used:
        logger.warning("recovery code used", extra={"by": user.staff_id})
    return used == 1


def reset(*, user: User, reset_by: User | None = None) -> None:
    """Remove app, security keys and recovery codes of a user who lost them, and end their sessions. Idempotent.

    Args:
        user: Whose. Where it is required, they set up another one at their next sign-in.
        reset_by: The operator; None for a command.
    """
    with transaction.atomic():
        factor = lock_factor(user)
        factor.recovery_codes.all().delete()
        factor.security_keys.all().delete()
        factor.secret, factor.security_key_count = "", 0
        factor.changes += 1
        factor.save()
    by = "command" if reset_by is None else reset_by.staff_id
    logger.warning("second factor reset", extra={"row": user.staff_id, "by": by})


def lock_factor(user: User) -> SecondFactor:
    """Return the row of a user's factor, made if there is none, and locked until the transaction ends."""
    SecondFactor.objects.get_or_create(user=user)
    return SecondFactor.objects.select_for_update().get(user=user)


def renew_recovery_codes(user: User, factor: SecondFactor) -> Sequence[str]:
    """Replace the recovery codes of a locked factor. Returns the new ones, which are stored nowhere: show them once."""
    codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
    factor.recovery_codes.all().delete()
    hashes = [RecoveryCode(factor=factor, hash=_recovery_hash(user, _normalise(one))) for one in codes]
    RecoveryCode.objects.bulk_create(hashes)
    return codes


def _find_step(secret: bytes, code: str, now: datetime) -> int | None:
    """Return the time step of an app's code, None if it is of none near now."""
    totp, current = _totp(secret), int(now.timestamp()) // _STEP_SECONDS
    steps = range(current - _DRIFT, current + _DRIFT + 1)
    given = code.encode()
    found = [step for step in steps if hmac.compare_digest(totp.generate(step * _STEP_SECONDS), given)]
    return found[-1] if found else None


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, _DIGITS, SHA1(), _STEP_SECONDS)  # noqa: S303 - HMAC-SHA-1: what every app computes (RFC 6238)


def _normalise(code: str) -> str:
    sendable = code[: 2 * CODE_MAX_CHARS].encode("utf-8", "replace").decode()
    return "".join(sendable.split()).replace("-", "").upper()


def _new_recovery_code() -> str:
    text = "".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY_CHARS))
    half = _RECOVERY_CHARS // 2
    return f"{text[:half]}-{text[half:]}"


def _recovery_hash(user: User, code: str) -> str:
    message = f"{user.staff_id}\0{code}"
    return hmac.new(_key("recovery codes"), message.encode(), hashlib.sha256).hexdigest()


def _cipher() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_key("secrets")))


def _key(purpose: str) -> bytes:
    """Derive a key of its own from the look-up secret, which is never rotated, unlike Django's."""
    info = f"apps.tenancy.second_factors {purpose}".encode()
    return HKDF(SHA256(), length=32, salt=None, info=info).derive(settings.RESALE.lookup_secret)
