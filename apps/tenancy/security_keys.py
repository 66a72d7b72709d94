"""Security keys and passkeys of staff: the other second factor (WebAuthn level 2), verified by python-fido2.

A challenge belongs to one session, works once and expires; who keeps it there is ``apps.backoffice.key_challenges``.
Only public keys are stored. A change ends the other sessions of its user, as for an authenticator app.
"""

import ipaddress
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from apps.tenancy.models import SecondFactor, SecurityKey, User
from apps.tenancy.second_factors import (
    ISSUER,
    has_app,
    is_required,
    lock_factor,
    renew_recovery_codes,
    secret_without_app,
)
from resale.errors import NotFound, Rejected

logger = logging.getLogger("resale.staff")

MOST_KEYS: Final = 10  # of a user
NAME_MAX_CHARS: Final = 60
RESPONSE_MAX_CHARS: Final = 16_384  # of a browser's response, as JSON
CHALLENGE_AGE: Final = timedelta(minutes=5)  # WebAuthn level 2, 15.1: five to ten minutes
_CREDENTIAL_ID_MAX_BYTES: Final = 1023  # WebAuthn level 2, 6.5.1
_ALGORITHMS: Final = frozenset({-8, -7, -257})  # EdDSA, ES256, RS256: WebAuthn level 2, 5.4, as recommended
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class SecurityKeyRefused(Rejected):
    """What the browser sent proves no security key of the user."""

    code = "security_key_refused"
    title = "Security key not accepted"
    default_detail = "The security key is not accepted. Use it again, or use another one."


class SecurityKeyNameTaken(Rejected):
    """Another key of the user has the name."""

    code = "security_key_name_taken"
    title = "Name already used"
    default_detail = "Another of your security keys has this name. Choose a different one."


class TooManySecurityKeys(Rejected):
    """The user has as many keys as an account can have."""

    code = "too_many_security_keys"
    title = "Too many security keys"
    default_detail = f"An account can have {MOST_KEYS} security keys. Remove one first."


class SecurityKeyNotFound(NotFound):
    """The user has no such key."""

    code = "security_key_not_found"
    title = "Security key not found"
    default_detail = "Your account has no security key of this id."


class SecondFactorNeeded(Rejected):
    """The account must have a second factor, and this is its last."""

    code = "second_factor_needed"
    title = "Second factor needed"
    default_detail = "Your role needs a second factor, and this is your last. Set up another one first."


class RelyingParty(msgspec.Struct, frozen=True):
    """Whom keys are registered with: the host of the admin's public address, and its exact origin."""

    id: str
    origin: str

    @property
    def host(self) -> str:
        """The host and port that a request names."""
        return self.origin.partition("//")[2]


class Challenge(msgspec.Struct, frozen=True):
    """What the browser is given, and what is kept of it until it responds."""

    options: str  # JSON: PublicKeyCredentialCreationOptionsJSON or PublicKeyCredentialRequestOptionsJSON
    state: Mapping[str, str]


def relying_party() -> RelyingParty | None:
    """Return whom keys are registered with, by ``RESALE_ADMIN_URL``; None where that has no host name."""
    url = urlsplit(settings.ADMIN_URL)
    host = url.hostname or ""
    if not host or _is_address(host):  # browsers take no address for a relying party: WebAuthn level 2, 5.1.3, step 7
        return None
    port = "" if url.port in {None, _DEFAULT_PORTS.get(url.scheme)} else f":{url.port}"
    return RelyingParty(id=host, origin=f"{url.scheme}://{host}{port}")


def list_keys(user: User) -> Sequence[SecurityKey]:
    """Return the keys of a user, the oldest first."""
    return list(SecurityKey.objects.filter(factor__user=user))


def begin_registration(*, user: User, party: RelyingParty) -> Challenge:
    """Make a challenge for a new key; the keys that the user has are excluded."""
    options, state = _server(party).register_begin(
        PublicKeyCredentialUserEntity(
            id=user.staff_id.encode(), name=user.get_username(), display_name=user.get_username()
        ),
        credentials=_credentials(list_keys(user)),
        # The sign-in names the account first, and a hardware key has room for few keys that name it themselves.
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return _challenge(options, state)


def begin_sign_in(*, user: User, party: RelyingParty) -> Challenge:
    """Make a challenge for the keys of a user."""
    options, state = _server(party).authenticate_begin(
        credentials=_credentials(list_keys(user)), user_verification=UserVerificationRequirement.PREFERRED
    )
    return _challenge(options, state)


def register(
    *, user: User, party: RelyingParty, state: Mapping[str, str], response: str, name: str, now: datetime
) -> Sequence[str]:
    """Add a security key to a user.

    Args:
        user: Whose.
        party: Whom it is registered with.
        state: Of the challenge that the browser was given; used by nothing else before.
        response: RegistrationResponseJSON, as the browser made it.
        name: That the user gives it; 1 to 60 characters.
        now: Moment of the request, aware UTC.

    Returns:
        Recovery codes, which are stored nowhere, if the user had none left: show them once.

    Raises:
        SecurityKeyRefused: The response does not fit the challenge, or the key belongs to an account already.
        SecurityKeyNameTaken: The user has a key of this name.
        TooManySecurityKeys: The user has 10 keys.
    """
    data = _verify_registration(user, party, state, response)
    credential = data.credential_data
    if credential is None:
        raise SecurityKeyRefused
    with transaction.atomic():
        factor = lock_factor(user)
        _check_room(factor, name)
        key, is_new = SecurityKey.objects.get_or_create(
            credential_id=websafe_encode(credential.credential_id),
            defaults={
                "factor": factor,
                "name": name,
                "credential": bytes(credential),
                "sign_count": data.counter,
                "created_at": now,
            },
        )
        if not is_new:
            raise SecurityKeyRefused
        factor.secret = factor.secret or secret_without_app()
        _save_change(factor)
        codes = () if factor.recovery_codes.exists() else renew_recovery_codes(user, factor)
    logger.warning("security key registered", extra={"row": key.id, "by": user.staff_id})
    return codes


def verify(*, user: User, party: RelyingParty, state: Mapping[str, str], response: str, now: datetime) -> bool:
    """Return whether a response is of a key of the user, whose counter did not go back. Count attempts first.

    Args:
        user: Whose.
        party: Whom the key is registered with.
        state: Of the challenge that the browser was given; used by nothing else before.
        response: AuthenticationResponseJSON, as the browser made it.
        now: Moment of the request, aware UTC.
    """
    keys = {key.credential_id: key for key in list_keys(user)}
    try:
        parsed = AuthenticationResponse.from_dict(_parse(response))
        _check_client(parsed.response.client_data)
        _check_user(user, parsed.response.user_handle)
        found = _server(party).authenticate_complete(state, _credentials(list(keys.values())), parsed)
    except Exception as error:  # noqa: BLE001 - made-up bytes fail in each of the library's parsers in its own way
        _log_refusal(user, error)
        return False
    return _use(user, keys[websafe_encode(found.credential_id)], parsed.response.authenticator_data.counter, now)


def remove(*, user: User, key_id: str) -> None:
    """Remove a key of a user; with the last factor, the recovery codes.

    Raises:
        SecurityKeyNotFound: The user has no such key.
        SecondFactorNeeded: It is the last factor, and the user's role needs one.
    """
    with transaction.atomic():
        factor = lock_factor(user)
        key = factor.security_keys.filter(pk=key_id).first()
        if key is None:
            raise SecurityKeyNotFound
        is_last = not has_app(factor) and factor.security_keys.count() == 1
        if is_last and is_required(user):
            raise SecondFactorNeeded
        key.delete()
        if is_last:
            factor.secret = ""
            factor.recovery_codes.all().delete()
        _save_change(factor)
    logger.warning("security key removed", extra={"row": key_id, "by": user.staff_id})


def find(*, user: User, key_id: str) -> SecurityKey:
    """Return a key of a user. Raises SecurityKeyNotFound."""
    key = SecurityKey.objects.filter(factor__user=user, pk=key_id).first()
    if key is None:
        raise SecurityKeyNotFound
    return key


def _verify_registration(user: User, party: RelyingParty, state: Mapping[str, str], response: str) -> AuthenticatorData:
    try:
        parsed = RegistrationResponse.from_dict(_parse(response))
        _check_client(parsed.response.client_data)
        _check_credential(parsed.response.attestation_object.auth_data.credential_data)
        return _server(party).register_complete(state, parsed)
    except Exception as error:
        _log_refusal(user, error)
        raise SecurityKeyRefused from error


def _check_client(client_data: CollectedClientData) -> None:
    """Check what the library leaves to its caller. Raises ValueError."""
    if client_data.cross_origin:
        raise ValueError("the page is in a frame of another site")


def _check_user(user: User, handle: bytes | None) -> None:
    """Check whose key it is, where the key knows. Raises ValueError."""
    if handle and handle != user.staff_id.encode():
        raise ValueError("the key is of another user")


def _check_credential(credential: AttestedCredentialData | None) -> None:
    """Check what the library leaves to its caller. Raises ValueError."""
    if credential is None:
        raise ValueError("no key is in the response")
    if credential.public_key.get(3) not in _ALGORITHMS:
        raise ValueError("the algorithm was not offered")
    if not 0 < len(credential.credential_id) <= _CREDENTIAL_ID_MAX_BYTES:
        raise ValueError("the credential id is empty or too long")


def _check_room(factor: SecondFactor, name: str) -> None:
    if factor.security_keys.count() >= MOST_KEYS:
        raise TooManySecurityKeys
    if factor.security_keys.filter(name=name).exists():
        raise SecurityKeyNameTaken


def _save_change(factor: SecondFactor) -> None:
    factor.security_key_count = factor.security_keys.count()
    factor.changes += 1
    factor.save()


def _use(user: User, key: SecurityKey, count: int, now: datetime) -> bool:
    """Record a signature, in one statement; a counter that does not grow is a copy of the key.

    Source:
        WebAuthn level 2, 7.2, step 21. Both counters are 0 for a key that does not count, as passkeys do not.
    """
    grows = Q(sign_count__lt=count) if count else Q(sign_count=0)
    used = SecurityKey.objects.filter(grows, pk=key.pk).update(sign_count=count, last_used_at=now)
    if not used:
        logger.error("security key counter went back", extra={"row": key.id, "by": user.staff_id})
    return used == 1


def _log_refusal(user: User, error: Exception) -> None:
    reason = str(error) if type(error) is ValueError else type(error).__name__
    logger.warning("security key refused", extra={"by": user.staff_id, "reason": reason})


def _server(party: RelyingParty) -> Fido2Server:
    server = Fido2Server(
        PublicKeyCredentialRpEntity(name=ISSUER, id=party.id),
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda origin: origin == party.origin,
    )
    server.allowed_algorithms = [one for one in server.allowed_algorithms if one.alg in _ALGORITHMS]
    return server


def _credentials(keys: Sequence[SecurityKey]) -> Sequence[AttestedCredentialData]:
    return [AttestedCredentialData(bytes(key.credential)) for key in keys]


def _challenge(options: Mapping[str, Any], state: Mapping[str, Any]) -> Challenge:
    public_key = {**options["publicKey"], "timeout": int(CHALLENGE_AGE.total_seconds() * 1000)}
    return Challenge(options=json.dumps(public_key), state={name: str(value) for name, value in state.items()})


def _parse(response: str) -> Mapping[str, Any]:
    if len(response) > RESPONSE_MAX_CHARS:
        raise ValueError("the response is too long")
    return msgspec.json.decode(response, type=dict[str, Any])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
