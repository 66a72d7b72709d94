"""Payouts: in transit at first; the destination determines the result.

Destinations: ``acct_ok`` is paid; ``acct_failed`` fails; ``acct_timeout`` is paid and loses the first response;
``acct_left`` is stuck until a test returns it, as of an account that left the provider; any other fails at once.
Who is in transit arrives when new for the second time, or when a test says so.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import msgspec

from deploy.local.payments.rows import Kind, NewOnboardingLink, NewPayout, Payout, entry_of, new_reference
from deploy.local.payments.service import ProviderContext, Refusal

_LINK_LASTS: Final = timedelta(minutes=5)
_LOOKS_UNTIL_SETTLED: Final = 2
#: Accounts that were opened by onboarding: they are paid like ``acct_ok``.
_ONBOARDED: Final = "acct_onboarded_"
_KNOWN: Final = {"acct_ok", "acct_failed", "acct_timeout", "acct_left"}


class PayoutAccount(msgspec.Struct, frozen=True):
    """A seller's account: its name determines its state."""

    status: str
    requirements: tuple[str, ...] = ()


class Payouts:
    """The payouts of all accounts."""

    def __init__(self, context: ProviderContext) -> None:
        self._context = context

    def pay_out(self, account: str, new: NewPayout) -> Payout:
        """Create a payout once.

        Raises:
            Refusal: The id stands for another payout.
            ResponseLost: Booked; do not respond.
        """
        with self._context.exclusive(account, new.payout_id):
            known = self._context.records.find(Payout, account, new.payout_id)
            if known is not None:
                return _require_same(known, new)
            return self._pay_out(account, new)

    def onboard(self, new: NewOnboardingLink, *, page_url: str) -> dict[str, str]:
        """Open a seller's account, always the same one, and return a link to its form. The sandbox requires nothing."""
        account = new.account or f"{_ONBOARDED}{new.seller_id.rpartition('_')[2]}"
        expires_at = datetime.now(UTC) + _LINK_LASTS
        url = f"{page_url}/{account}?{urlencode({'return_url': new.return_url})}"
        return {"account": account, "status": "active", "url": url, "expires_at": expires_at.isoformat()}

    def find_and_settle(self, account: str, payout_id: str) -> Payout | None:
        """Return a payout; the second call finds it paid."""
        with self._context.exclusive(account, payout_id):
            payout = self._context.records.find(Payout, account, payout_id)
            if payout is None or payout.state != "in_transit":
                return payout
            calls = self._context.records.count_call(account, f"find_and_settle {payout_id}")
            return payout if calls < _LOOKS_UNTIL_SETTLED else self._settle(payout)

    def find_account(self, destination: str) -> PayoutAccount | None:
        """Return a seller's account; None if it is unknown."""
        if destination == "acct_restricted":
            return PayoutAccount("restricted", ("individual.verification.document",))
        if destination == "acct_left":
            return PayoutAccount("rejected", ("account_invalid",))
        is_paid = destination in _KNOWN or destination.startswith(_ONBOARDED)
        return PayoutAccount("active") if is_paid else None

    def settle(self, account: str, payout_id: str) -> Payout:
        """Complete a payout now: paid or failed.

        Raises:
            Refusal: No such payout.
        """
        with self._context.exclusive(account, payout_id):
            payout = self._get(account, payout_id)
            return self._settle(payout) if payout.state == "in_transit" else payout

    def return_from_bank(self, account: str, payout_id: str) -> Payout:
        """Return a payout from the seller's bank, even a paid one.

        Raises:
            Refusal: No such payout.
        """
        with self._context.exclusive(account, payout_id):
            payout = self._get(account, payout_id)
            if payout.state not in {"in_transit", "paid", "stuck"}:
                return payout
            return self._set_state(payout, "returned", Kind.PAYOUT_REVERSAL, reason="account_closed")

    def _pay_out(self, account: str, new: NewPayout) -> Payout:
        payout = Payout(account=account, state="", reference=new_reference(), **msgspec.to_builtins(new))
        if new.destination not in _KNOWN and not new.destination.startswith(_ONBOARDED):
            return self._set_state(payout, "failed", reason="invalid_destination")
        payout = self._set_state(payout, "in_transit", Kind.PAYOUT)
        if new.destination == "acct_left":
            return self._set_state(payout, "stuck", Kind.PAYOUT, reason="account_invalid")
        if new.destination == "acct_timeout":
            self._context.lose_first_response(account, new.payout_id)
        return payout

    def _settle(self, payout: Payout) -> Payout:
        if payout.destination == "acct_failed":
            return self._set_state(payout, "failed", Kind.PAYOUT_REVERSAL, reason="account_closed")
        return self._set_state(payout, "paid")

    def _get(self, account: str, payout_id: str) -> Payout:
        payout = self._context.records.find(Payout, account, payout_id)
        if payout is None:
            raise Refusal(404, "not_found")
        return payout

    def _set_state(self, payout: Payout, state: str, *kinds: Kind, reason: str | None = None) -> Payout:
        payout = msgspec.structs.replace(payout, state=state, reason=reason)
        self._context.records.write(payout, *(entry_of(payout, kind) for kind in kinds))
        self._context.notify(payout.account, f"payout.{state}", payout)
        return payout


def _require_same(known: Payout, new: NewPayout) -> Payout:
    if any(getattr(known, name) != getattr(new, name) for name in NewPayout.__struct_fields__):
        raise Refusal(422, "payout_reused")
    return known
