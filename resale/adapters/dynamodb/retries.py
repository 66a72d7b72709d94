"""Limits on the retries of one call: contention until its deadline, a failing store only a few times.

A store that throttles or fails gets at most ``FAULT_ATTEMPTS`` requests per call, and only while its retry quota lasts,
as in botocore's standard mode. So a failing store is not sent several times its usual load, and threads are free soon.
"""

import time
from typing import Final

import tenacity
from botocore.retries.quota import RetryQuota

from resale.adapters.dynamodb.error_classification import TransactionCanceled, Transient, TransientKind
from resale.adapters.dynamodb.http_connections import TransportFailed

#: Requests per call while the store throttles or fails; botocore's standard mode sends as many to DynamoDB.
FAULT_ATTEMPTS: Final = 4
#: After this no further attempt starts, except the second.
BUDGET_SECONDS: Final = 2.0
#: Tokens of the quota per retry, and their return (botocore.retries.standard.RetryQuotaChecker).
_FAULT_COST: Final = 14
_THROTTLE_COST: Final = 5
_SUCCESS_RETURN: Final = 1
#: Pauses are random in [0, 50 ms · 2^n], at most 0.5 s ("full jitter", AWS Builders' Library, timeouts and retries).
PAUSE: Final = tenacity.wait_random_exponential(multiplier=0.05, max=0.5)


class Retries:
    """The retries of one call. All calls of the process to the same tenant's store share a quota."""

    def __init__(self, quota: RetryQuota) -> None:
        self._quota = quota
        self._started_at = time.monotonic()
        self._attempts = 0
        self._faults = 0
        self._spent = 0

    def permits(self, failure: BaseException) -> bool:
        """Return whether another attempt is permitted after a failed one."""
        self._attempts += 1
        if self._attempts > 1 and time.monotonic() - self._started_at >= BUDGET_SECONDS:
            return False
        kind = kind_of(failure)
        if kind is None or kind is TransientKind.CONTENDED:
            return kind is not None
        self._faults += 1
        return self._faults < FAULT_ATTEMPTS and self._spend(kind)

    def record_success(self) -> None:
        """Return the retries to the quota, because the store responds."""
        self._quota.release(self._spent or _SUCCESS_RETURN)

    def _spend(self, kind: TransientKind) -> bool:
        cost = _THROTTLE_COST if kind is TransientKind.THROTTLED else _FAULT_COST
        if not self._quota.acquire(cost):
            return False
        self._spent += cost
        return True


def kind_of(failure: BaseException) -> TransientKind | None:
    """Return the transient kind of a failed attempt; None if a retry cannot help."""
    if isinstance(failure, TransportFailed):
        return TransientKind.BROKEN
    if isinstance(failure, (Transient, TransactionCanceled)):
        return failure.kind
    return None
