"""Issues of an order, a claim or a payout that need action or acknowledgement by staff."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Protocol, TypeVar

import msgspec


class Issue(StrEnum):
    """The code of an issue, the most urgent first. Stable: stored, and part of the API.

    ``docs/runbook-money.md`` has the actions.
    """

    DISPUTE_OPEN = "dispute_open"
    AMOUNT_MISMATCH = "amount_mismatch"  # the provider reports another amount or currency than ours: nothing is posted
    REFUND_FAILED = "refund_failed"
    PARCEL_RETURNED = "parcel_returned"  # the seller has the item and the money, or will have
    PARCEL_LOST = "parcel_lost"  # of a sale that counts as delivered, or on its way back
    PARCEL_AFTER_REFUND = "parcel_after_refund"  # the buyer was refunded, and receives the item
    RETURN_AFTER_CLOSE = "return_after_close"  # the buyer sent the item back after their claim was closed
    RETURN_NOT_DELIVERED = "return_not_delivered"  # a refunded return was lost, refused, or goes back to the buyer
    REFUND_PENDING = "refund_pending"  # at the provider, for unusually long
    PAYOUT_STUCK = "payout_stuck"  # sent to an account that left: it neither arrived nor came back
    BALANCE_TOO_LOW = "balance_too_low"  # of the shop, at the partner: a payout, a refund or a label waits for it
    RETURN_LABEL_REFUSED = "return_label_refused"
    RETURN_LABEL_MISSING = "return_label_missing"  # nobody knows where the item is to go back to
    LABEL_REFUSED = "label_refused"  # by the carrier: the address is corrected, or the seller uses another carrier
    CARRIER_CLAIM_OPEN = "carrier_claim_open"  # a lost parcel, to be claimed from its carrier
    PAYOUT_FAILED = "payout_failed"  # for a reason of the shop's account or the amount, not of the seller's account
    PARTNER_SILENT = "partner_silent"  # a step has failed for about a day, and is retried
    REFUNDED_AT_PROVIDER = "refunded_at_provider"  # by somebody in its dashboard, or by the provider itself
    CHARGED_BACK = "charged_back"
    LABEL_NOT_REFUNDED = "label_not_refunded"  # one that was voided: its price stays posted


#: Issues of a step that waits for its partner. The next step that succeeds clears them.
WAITING: Final = (Issue.BALANCE_TOO_LOW, Issue.PARTNER_SILENT)

_URGENCY = {issue: rank for rank, issue in enumerate(Issue)}


class WithIssues(msgspec.Struct, frozen=True, kw_only=True):
    """The issues of an entity, the most urgent first; ``attention`` is the first of them."""

    attention: Issue | None = None
    issues: tuple[Issue, ...] = ()


class _HasIssues(Protocol):
    """An entity or a view of one."""

    @property
    def attention(self) -> str | None:
        """The code of the most urgent issue."""

    @property
    def issues(self) -> tuple[str, ...]:
        """The codes of all issues."""


E = TypeVar("E", bound=WithIssues)


def issues_of(entity: _HasIssues) -> tuple[Issue, ...]:
    """Return the issues of an entity; one stored before there could be several has ``attention`` only."""
    codes = entity.issues or (() if entity.attention is None else (entity.attention,))
    return tuple(map(Issue, codes))


def raise_issue(entity: E, issue: Issue) -> E:
    """Return an entity with one issue more; one that it has already is not added."""
    return _with(entity, (*issues_of(entity), issue))


def clear_issues(entity: E, *issues: Issue) -> E:
    """Return an entity without some issues; without any of them, unchanged."""
    if entity.attention is None:
        return entity
    known = issues_of(entity)
    left = tuple(issue for issue in known if issue not in issues)
    return entity if len(left) == len(known) else _with(entity, left)


def _with(entity: E, issues: Iterable[Issue]) -> E:
    ranked = tuple(sorted(set(issues), key=_URGENCY.__getitem__))
    return msgspec.structs.replace(entity, issues=ranked, attention=ranked[0] if ranked else None)
