"""What DynamoDB's refusals mean, told apart: ours to handle, worth repeating, a stale token, a tenant's, a bug."""

from typing import Any, Final

import msgspec

from resale.adapters.dynamodb.connections import Response
from resale.adapters.dynamodb.wire import Item, from_wire
from resale.adapters.signing import REFUSED_TOKEN_CODES
from resale.errors import Unavailable

#: Worth repeating after a pause. DynamoDB Developer Guide, "Error handling with DynamoDB".
_TRANSIENT: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
#: The same, inside the reasons of a cancelled transaction.
_TRANSIENT_REASONS: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_NO_REASON: Final = "None"
#: The tenant's account says no or has no such thing: that tenant is out of order, nobody else.
_TENANT_FAULTS: Final = frozenset(
    {
        "AccessDeniedException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSNotFoundException",
        "OptInRequired",
        "ResourceNotFoundException",
    }
)
_SERVER_ERROR: Final = 500


class ConditionFailed(Exception):  # noqa: N818 - named for what happened
    """A single write's condition did not hold. ``item`` is what is stored, None when nothing is."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("The condition of the write did not hold.")
        self.item = item


class Reason(msgspec.Struct, frozen=True):
    """Why one action of a transaction failed; code ``None`` (the string) when it did not."""

    code: str
    item: Item | None = None


class TransactionCanceled(Exception):  # noqa: N818 - named for what happened
    """A transaction was not carried out. ``reasons`` are in the order of its actions."""

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        super().__init__("The transaction was cancelled: " + ", ".join(reason.code for reason in reasons))
        self.reasons = reasons

    @property
    def is_transient(self) -> bool:
        """Say whether only contention or throttling stopped it, so that the same transaction may pass."""
        codes = {reason.code for reason in self.reasons} - {_NO_REASON}
        return bool(codes) and codes <= _TRANSIENT_REASONS


class RequestRefused(Unavailable):
    """The tenant's account does not let us, or lacks the table: nothing was written."""

    code = "store_refused"


class RequestInvalid(Exception):  # noqa: N818 - named for what happened
    """DynamoDB does not understand the request: a mistake of this code, never of a caller's input."""


class Transient(Exception):  # noqa: N818 - named for what happened
    """Not this time. Never leaves the lane."""


class TokenRefused(Exception):  # noqa: N818 - named for what happened
    """The credentials are not accepted (any more). Never leaves the lane."""


def failure_of(response: Response) -> Exception:
    """Turn an answer that is not a success into the exception that says what it means."""
    tree = _tree(response.body)
    code = str(tree.get("__type", "")).rpartition("#")[2]
    detail = f"{code or response.status}: {tree.get('message') or tree.get('Message') or ''}"
    if code == "ConditionalCheckFailedException":
        return ConditionFailed(_item(tree))
    if code == "TransactionCanceledException":
        return TransactionCanceled(_reasons(tree))
    if code in REFUSED_TOKEN_CODES:
        return TokenRefused(detail)
    if code in _TRANSIENT or response.status >= _SERVER_ERROR:
        return Transient(detail)
    if code in _TENANT_FAULTS:
        return RequestRefused(f"The tenant's store refused the request ({code}).", retry_after_seconds=30)
    return RequestInvalid(detail)


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
    return tuple(Reason(str(entry.get("Code", _NO_REASON)), _item(entry)) for entry in listed)
