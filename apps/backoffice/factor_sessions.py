"""Whether a session passed the second factor. Every page but those of the factor itself and the sign-out needs it."""

from typing import Final

from django.http import HttpRequest

from apps.tenancy.models import User
from apps.tenancy.second_factors import is_required

_PASSED: Final = "second_factor"  # in the session: the number of the factor's change that was passed
_CACHE: Final = "second_factor_passed"


def staff_user(request: HttpRequest) -> User | None:
    """Return the active member of staff or operator whose password was right, whatever their second factor."""
    user = request.user
    return user if isinstance(user, User) and user.is_active and user.is_staff else None


def is_passed(request: HttpRequest, user: User) -> bool:
    """Whether the session needs no second factor, or passed it. Looked up once a request."""
    known = request.__dict__.get(_CACHE)
    if known is None:
        known = request.__dict__[_CACHE] = _is_passed(request, user)
    return bool(known)


def mark_passed(request: HttpRequest, user: User) -> None:
    """Note in the session that its second factor was passed, under a new session key."""
    request.session.cycle_key()
    request.session[_PASSED] = user.factor_changes
    request.__dict__.pop(_CACHE, None)


def _is_passed(request: HttpRequest, user: User) -> bool:
    if user.has_second_factor:
        return request.session.get(_PASSED) == user.factor_changes
    return not is_required(user)
