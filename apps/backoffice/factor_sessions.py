"""Whether a session passed the second factor. Every page but those of the factor itself and the sign-out needs it.

To change a factor, its user confirms with the present one: once for each change, a few minutes before it.
"""

from datetime import datetime, timedelta
from typing import Final

from django.http import HttpRequest

from apps.tenancy.models import User
from apps.tenancy.second_factors import is_required

_PASSED: Final = "second_factor"  # in the session: the number of the factor's change that was passed
_CACHE: Final = "second_factor_passed"
_CONFIRMED_UNTIL: Final = "second_factor_confirmed_until"  # in the session: when a confirmation ends, in Unix seconds
_CONFIRMATION_AGE: Final = timedelta(minutes=5)


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
    request.session.pop(_CONFIRMED_UNTIL, None)
    request.__dict__.pop(_CACHE, None)


def mark_confirmed(request: HttpRequest, user: User, now: datetime) -> None:
    """Note that the user passed the present factor again, to change it."""
    mark_passed(request, user)
    request.session[_CONFIRMED_UNTIL] = (now + _CONFIRMATION_AGE).timestamp()


def may_change(request: HttpRequest, user: User, now: datetime) -> bool:
    """Whether the user can change their factor: there is none, or they confirmed with it. A change uses it up."""
    return not user.has_second_factor or request.session.get(_CONFIRMED_UNTIL, 0.0) > now.timestamp()


def _is_passed(request: HttpRequest, user: User) -> bool:
    if user.has_second_factor:
        return request.session.get(_PASSED) == user.factor_changes
    return not is_required(user)
