"""What reconciliation reports: differences of money movements and of balances."""

from enum import StrEnum

import msgspec

from resale.domain.partners import BookingKind


class DifferenceKind(StrEnum):
    """The kind of a difference."""

    NOT_IN_LEDGER = "not_in_ledger"
    NOT_AT_PROVIDER = "not_at_provider"
    NOT_IN_RECORDS = "not_in_records"
    AMOUNT_DIFFERS = "amount_differs"
    BALANCE_DIFFERS = "balance_differs"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A money movement or a balance that differs between the records. ``settling``: one of its steps is pending.

    Of a balance, ``records`` is the seller account or the payout, and ``transfers`` the sum of the open transfers.
    """

    kind: DifferenceKind
    booking: BookingKind
    source_id: str
    our_id: str
    provider: int | None
    ledger: int | None
    records: int | None
    settling: bool
    transfers: int | None = None
    currency: str | None = None  # None: the shop's
