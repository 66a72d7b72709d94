"""Limits on sign-in attempts, counted in the registry database, which all processes share.

A try is counted before its password is checked and taken back when the password was right. A browser in which the
account was signed in to before has a count of its own, so that nobody can lock its user out from elsewhere.
"""

import math
from datetime import datetime, timedelta
from ipaddress import IPv6Network
from typing import Final, NamedTuple

from django.db import connection, transaction
from django.db.models import F
from django.utils.crypto import salted_hmac

from apps.tenancy.models import SignInCount

WINDOW: Final = timedelta(minutes=15)
MOST_PER_ACCOUNT_AND_ADDRESS: Final = 10
MOST_PER_DEVICE: Final = 10
MOST_PER_ADDRESS: Final = 50  # an office can share one
MOST_PER_SITE: Final = 200  # an IPv6 /48: what one customer can be given, 65,536 addresses as they are counted here
MOST_PER_ACCOUNT: Final = 100
MOST: Final = 1000  # of all accounts from everywhere; one address adds at most 50 to it, one /48 200

_SITE_BITS: Final = 48  # RFC 6177

# One statement, so that tries at the same moment cannot read the same count. SQLite 3.35 and PostgreSQL know it.
_COUNT: Final = """
    INSERT INTO tenancy_signincount (key, count, ends_at) VALUES (%s, 1, %s)
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN tenancy_signincount.ends_at <= %s THEN 1 ELSE tenancy_signincount.count + 1 END,
        ends_at = CASE WHEN tenancy_signincount.ends_at <= %s THEN excluded.ends_at ELSE tenancy_signincount.ends_at END
    RETURNING count
"""


class Attempt(NamedTuple):
    """The source of an attempt: normalised account, address and, in a browser known for the account, a device id.

    Of an IPv6 address it is the /64 network (``apps.core.client_ip``).
    """

    account: str
    address: str
    device: str | None = None


class _Bound(NamedTuple):
    key: str
    most: int


class _Over(Exception):  # noqa: N818 - rolls the other counts back, never leaves this module
    def __init__(self, bound: _Bound) -> None:
        self.bound = bound


def count_attempt(attempt: Attempt, *, now: datetime) -> int | None:
    """Count an attempt, or refuse it without counting it.

    Args:
        attempt: Who tries.
        now: Moment of the request, aware UTC.

    Returns:
        None when the attempt may go on, else the seconds to wait.
    """
    bounds = _bounds(attempt)
    try:
        with transaction.atomic():
            counts = [_count(bound, now) for bound in bounds]
    except _Over as over:
        return _seconds_left(over.bound, now)
    if counts[-1] == 1:  # a new window of the widest bound: about once in 15 minutes
        _forget_ended(now)
    return None


def uncount_attempt(attempt: Attempt) -> None:
    """Uncount an attempt whose password was not checked."""
    _lower(_bounds(attempt))


def reset_attempts(attempt: Attempt) -> None:
    """Uncount an attempt whose password was right, and the failed ones before it from the same source."""
    own, *shared = _bounds(attempt)
    SignInCount.objects.filter(key=own.key).delete()
    _lower(shared)


def _bounds(attempt: Attempt) -> list[_Bound]:
    """Return the limits of an attempt, the narrowest first; always in this order, so that no deadlock occurs."""
    if attempt.device is not None:
        return [_Bound(_key("device", attempt.device), MOST_PER_DEVICE)]
    return [
        _Bound(_key("account and address", attempt.account, attempt.address), MOST_PER_ACCOUNT_AND_ADDRESS),
        _Bound(_key("address", attempt.address), MOST_PER_ADDRESS),
        *_site_bounds(attempt.address),
        _Bound(_key("account", attempt.account), MOST_PER_ACCOUNT),
        _Bound(_key("all"), MOST),
    ]


def _site_bounds(address: str) -> list[_Bound]:
    try:
        site = IPv6Network(address).supernet(new_prefix=_SITE_BITS)
    except ValueError:  # IPv4, or no address at all
        return []
    return [_Bound(_key("site", str(site)), MOST_PER_SITE)]


def _key(*parts: str) -> str:
    """Return the hash under which attempts are counted: neither names nor addresses are stored."""
    return salted_hmac(__name__, "\0".join(parts), algorithm="sha256").hexdigest()


def _count(bound: _Bound, now: datetime) -> int:
    moment, end = (connection.ops.adapt_datetimefield_value(at) for at in (now, now + WINDOW))
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [bound.key, end, moment, moment])
        count = int(cursor.fetchone()[0])
    if count > bound.most:
        raise _Over(bound)
    return count


def _seconds_left(bound: _Bound, now: datetime) -> int:
    ends_at = SignInCount.objects.filter(key=bound.key).values_list("ends_at", flat=True).first()
    left = WINDOW if ends_at is None else ends_at - now
    return max(1, math.ceil(left.total_seconds()))


def _lower(bounds: list[_Bound]) -> None:
    for bound in bounds:
        SignInCount.objects.filter(key=bound.key, count__gt=0).update(count=F("count") - 1)


def _forget_ended(now: datetime) -> None:
    ended = SignInCount.objects.select_for_update(skip_locked=True).filter(ends_at__lte=now)
    SignInCount.objects.filter(key__in=ended.values("key")).delete()
