"""The challenges of security keys, in the session that they are for: each works once and expires."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec
from django.http import HttpRequest

from apps.core import clock
from apps.tenancy import security_keys
from apps.tenancy.models import User
from apps.tenancy.security_keys import CHALLENGE_AGE, Challenge, RelyingParty

_SIGN_IN: Final = "security_key_sign_in"
_REGISTRATION: Final = "security_key_registration"


class _Begin(Protocol):
    def __call__(self, *, user: User, party: RelyingParty) -> Challenge: ...


class KeyPrompt(msgspec.Struct, frozen=True):
    """What a page shows of security keys. ``options`` None: they do not work at the address of this request."""

    options: str | None
    address: str | None  # where they work; None: nowhere


def prompt_sign_in(request: HttpRequest, user: User) -> KeyPrompt | None:
    """Make the challenge of a sign-in; None for a user without keys."""
    if not user.has_security_keys:
        return None
    return _prompt(request, user, _SIGN_IN, security_keys.begin_sign_in)


def prompt_registration(request: HttpRequest, user: User) -> KeyPrompt:
    """Make the challenge of a registration."""
    return _prompt(request, user, _REGISTRATION, security_keys.begin_registration)


def take_sign_in(request: HttpRequest) -> Mapping[str, str] | None:
    """Return the state of the session's challenge for a sign-in and forget it; None if there is none or it expired."""
    return _take(request, _SIGN_IN)


def take_registration(request: HttpRequest) -> Mapping[str, str] | None:
    """Return the state of the session's challenge for a registration and forget it; None as for a sign-in."""
    return _take(request, _REGISTRATION)


def _prompt(request: HttpRequest, user: User, name: str, begin: _Begin) -> KeyPrompt:
    party = security_keys.relying_party()
    if party is None:
        return KeyPrompt(options=None, address=None)
    if request.get_host() != party.host:
        return KeyPrompt(options=None, address=party.origin)
    challenge = begin(user=user, party=party)
    ends_at = (clock.for_platform() + CHALLENGE_AGE).timestamp()
    request.session[name] = {"state": dict(challenge.state), "ends_at": ends_at}
    return KeyPrompt(options=challenge.options, address=party.origin)


def _take(request: HttpRequest, name: str) -> Mapping[str, str] | None:
    kept: dict[str, Any] = request.session.pop(name, {})
    fresh = kept.get("ends_at", 0.0) > clock.for_platform().timestamp()
    return kept["state"] if fresh else None
