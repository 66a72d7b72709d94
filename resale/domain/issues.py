"""Issues: what staff have to act on, or have to know, of an order, a claim or a payout (its ``attention``)."""

from enum import StrEnum


class Issue(StrEnum):
    """What is wrong. Stable: part of the API and stored; ``docs/runbook-money.md`` says what to do about each."""

    LABEL_REFUSED = "label_refused"  # by the carrier: the address is corrected, or the seller uses another carrier
    REFUND_FAILED = "refund_failed"
    DISPUTE_OPEN = "dispute_open"
    CHARGED_BACK = "charged_back"
    PARTNER_SILENT = "partner_silent"  # a step has failed for about a day, and is retried
    RETURN_LABEL_REFUSED = "return_label_refused"
    RETURN_LABEL_MISSING = "return_label_missing"  # nobody knows where the item is to go back to


def clear_partner_silent(issue: Issue | None) -> Issue | None:
    """Return the issue that is left once a step was taken: its partner has answered."""
    return None if issue == Issue.PARTNER_SILENT else issue
