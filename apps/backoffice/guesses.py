"""How often a password may be guessed: a few times for each account from each address, in each process."""

import threading
import time
from collections import OrderedDict
from typing import Final

from django.conf import settings
from django.http import HttpRequest

MOST: Final = 10
SECONDS: Final = 15 * 60.0
_now: Final = time.monotonic
_KEPT: Final = 10_000  # the oldest are forgotten: memory is bounded, whoever guesses

Who = tuple[str, str]


class Guesses:
    """Counts sign-ins that have not succeeded. By account *and* address, so that no stranger locks out the staff."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: OrderedDict[Who, tuple[int, float]] = OrderedDict()  # how many, since when

    def take(self, who: Who) -> bool:
        """Count one; False when there were too many already."""
        now = _now()
        with self._lock:
            count, since = self._counted.get(who, (0, now))
            if now - since >= SECONDS:
                self._counted.pop(who)
                count, since = 0, now
            if count >= MOST:
                return False
            self._counted[who] = (count + 1, since)
            if len(self._counted) > _KEPT:
                self._counted.popitem(last=False)
            return True

    def forget(self, who: Who) -> None:
        """Start anew for somebody who knew the password."""
        with self._lock:
            self._counted.pop(who, None)


def who_asks(request: HttpRequest) -> Who:
    """Name the account and the address of a sign-in."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.SECURE_PROXY_SSL_HEADER:  # behind the load balancer, which adds the address it saw at the end
        address = request.headers.get("X-Forwarded-For", address).rsplit(",", 1)[-1].strip()
    return request.POST.get("username", "").casefold()[:254], address
