"""Classification of DynamoDB's errors: failed conditions, transient faults, stale tokens, refusals, bugs."""

from enum import Enum, auto
from typing import Any, Final

import msgspec

from resale.adapters.dynamodb.attribute_values import Item, from_wire
from resale.adapters.dynamodb.http_connections import Response
from resale.adapters.signing import REFUSED_TOKEN_CODES
from resale.errors import Unavailable


class TransientKind(Enum):
    """Why a request can succeed later; it determines how often it is retried."""

    CONTENDED = auto()  # the store is well; other writers hold the same items
    THROTTLED = auto()
    BROKEN = auto()  # the store, or the way to it


_CONTENDED: Final = frozenset(
    {"ReplicatedWriteConflictException", "TransactionConflictException", "TransactionInProgressException"}
)
#: Every code that botocore takes for throttling; tests/adapters/test_failures.py compares the two.
_THROTTLED: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
#: Worth repeating whatever the status. DynamoDB Developer Guide, "Error handling with DynamoDB".
_BROKEN: Final = frozenset({"InternalServerError", "RequestTimeout", "RequestTimeoutException", "ServiceUnavailable"})
#: Inside the reasons of a cancelled transaction.
_REASON_KINDS: Final = {
    "TransactionConflict": TransientKind.CONTENDED,
    "ThrottlingError": TransientKind.THROTTLED,
    "ProvisionedThroughputExceeded": TransientKind.THROTTLED,
}
_NO_REASON: Final = "None"
#: Reasons of a cancelled transaction that are mistakes of this code: a retry has the same result.
#: DynamoDB API reference, TransactWriteItems, CancellationReasons.
_OUR_REASONS: Final = frozenset({"DuplicateItem", "ItemCollectionSizeLimitExceeded", "ValidationError"})
#: Reasons that a commit has an outcome for.
_EXPLAINED: Final = frozenset({*_REASON_KINDS, _NO_REASON, "ConditionalCheckFailed"})
#: Mistakes of this code. Any other code is the account's or the store's: that tenant is out of order, nobody else.
_OURS: Final = frozenset(
    {
        "IdempotentParameterMismatchException",
        "ItemCollectionSizeLimitExceededException",
        "SerializationException",
        "UnknownOperationException",
        "ValidationException",
    }
)
_SERVER_ERROR: Final = 500
_TOO_MANY_REQUESTS: Final = 429


class ConditionFailed(Exception):  # noqa: N818 - named for what happened
    """Raised when the condition of a single write is not met. ``item`` is the stored item; None if there is none."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("The condition of the write was not met.")
        self.item = item


class Reason(msgspec.Struct, frozen=True):
    """The reason of one action of a cancelled transaction; the code is the string ``None`` if it did not fail."""

    code: str
    item: Item | None = None
    message: str = ""


class TransactionCanceled(Exception):  # noqa: N818 - named for what happened
    """Raised when a transaction is cancelled. ``reasons`` are in the order of its actions."""

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        super().__init__("The transaction was cancelled: " + ", ".join(reason.code for reason in reasons))
        self.reasons = reasons

    @property
    def kind(self) -> TransientKind | None:
        """The transient kind if only contention or throttling cancelled it, so that a retry can succeed; else None."""
        kinds = {_REASON_KINDS.get(reason.code) for reason in self.reasons if reason.code != _NO_REASON}
        if not kinds or None in kinds:
            return None
        return TransientKind.THROTTLED if TransientKind.THROTTLED in kinds else TransientKind.CONTENDED

    @property
    def refusal(self) -> Exception | None:
        """The exception for a reason that no retry removes and no condition explains; None if there is none."""
        for reason in self.reasons:
            detail = f"{reason.code}: {reason.message}"
            if reason.code in _OUR_REASONS:
                return RequestInvalid(detail)
            if reason.code not in _EXPLAINED:
                return RequestRefused(f"The shop's data store refused the request ({reason.code}).")
        return None


class RequestRefused(Unavailable):
    """The tenant's AWS account refused the call, or has no such table. Nothing was written."""

    code = "store_refused"
    title = "Store refused the request"
    default_detail = "The shop's data store refused the request, and nothing was written. Retry later."


class RequestInvalid(Exception):  # noqa: N818 - named for what happened
    """Raised when DynamoDB rejects the request as invalid: a bug in this code, never a caller's input."""


class Transient(Exception):  # noqa: N818 - named for what happened
    """Raised for a transient fault. Never leaves the lane."""

    def __init__(self, kind: TransientKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class TokenRefused(Exception):  # noqa: N818 - named for what happened
    """Raised when the credentials are refused. Never leaves the lane."""


def failure_of(response: Response) -> Exception:
    """Return the exception for a response that is not a success."""
    tree = _tree(response.body)
    code = str(tree.get("__type", "")).rpartition("#")[2]
    message = tree.get("message") or tree.get("Message") or ""
    detail = f"{code or response.status}: {message} (request {response.request_id or 'without an id'})"
    if code == "ConditionalCheckFailedException":
        return ConditionFailed(_item(tree))
    if code == "TransactionCanceledException":
        return TransactionCanceled(_reasons(tree))
    if code in REFUSED_TOKEN_CODES:
        return TokenRefused(detail)
    if kind := _transient_kind(code, response.status):
        return Transient(kind, detail)
    if code in _OURS:
        return RequestInvalid(detail)
    return RequestRefused(f"The shop's data store refused the request ({code}).", retry_after_seconds=30)


def _transient_kind(code: str, status: int) -> TransientKind | None:
    if code in _CONTENDED:
        return TransientKind.CONTENDED
    if code in _THROTTLED or status == _TOO_MANY_REQUESTS:
        return TransientKind.THROTTLED
    # No code: something on the way, such as a proxy, answered in the store's place.
    return TransientKind.BROKEN if not code or code in _BROKEN or status >= _SERVER_ERROR else None


def _tree(body: bytes) -> dict[str, Any]:
    try:
        tree = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):  # a proxy's page, not DynamoDB's
        return {}
    return tree if isinstance(tree, dict) else {}


def _item(tree: dict[str, Any]) -> Item | None:
    stored = tree.get("Item")
    return from_wire(stored) if stored else None


def _reasons(tree: dict[str, Any]) -> tuple[Reason, ...]:
    listed = tree.get("CancellationReasons") or ()
    return tuple(
        Reason(str(entry.get("Code", _NO_REASON)), _item(entry), str(entry.get("Message") or "")) for entry in listed
    )
