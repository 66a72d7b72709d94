"""Issues of an order, a claim or a payout that need action or acknowledgement (its ``attention``)."""

from enum import StrEnum


class Issue(StrEnum):
    """The code of an issue. Stable: stored, and part of the API. ``docs/runbook-money.md`` has the actions."""

    LABEL_REFUSED = "label_refused"  # by the carrier: the address is corrected, or the seller uses another carrier
    REFUND_FAILED = "refund_failed"
    DISPUTE_OPEN = "dispute_open"
    CHARGED_BACK = "charged_back"
    PARTNER_SILENT = "partner_silent"  # a step has failed for about a day, and is retried
    RETURN_LABEL_REFUSED = "return_label_refused"
    RETURN_LABEL_MISSING = "return_label_missing"  # nobody knows where the item is to go back to


def clear_partner_silent(issue: Issue | None) -> Issue | None:
    """Return the issue that remains after a step succeeded: the partner has responded."""
    return None if issue == Issue.PARTNER_SILENT else issue
