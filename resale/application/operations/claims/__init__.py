"""Claims, the buyer protection: a claim is opened and resolved, then followed by a return, a refund or nothing."""

from resale.application.operations.claims.deciding import open_claim, resolve_claim, withdraw_claim
from resale.application.operations.claims.evidence import add_evidence
from resale.application.operations.claims.returns import (
    advance_claim,
    record_return_tracking,
    report_return,
)
from resale.application.operations.claims.voids import settle_return_void

__all__ = [
    "add_evidence",
    "advance_claim",
    "open_claim",
    "record_return_tracking",
    "report_return",
    "resolve_claim",
    "settle_return_void",
    "withdraw_claim",
]
