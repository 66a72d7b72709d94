"""Money: payouts, what the house's accounts hold, and whether provider, ledger and orders agree."""

from datetime import timedelta
from typing import Final

import msgspec
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.forms import DaysForm, MonthForm, VersionForm
from apps.backoffice.ledger_tables import make_balance_tables, make_transaction_table
from apps.backoffice.pages import StaffPage
from apps.backoffice.timelines import PAGE, make_timeline, read_timeline
from apps.core import clock
from apps.core.container import get_container
from resale.application.operations.payouts import cancel_payout
from resale.application.queries.history import list_transfer_history
from resale.application.queries.ledger import (
    Difference,
    Reconciliation,
    get_balance_sheet,
    get_reconciliation,
    get_trial_balance,
    list_source_transactions,
)
from resale.application.queries.payouts import get_payout, list_payouts
from resale.application.queries.transfers import list_order_transfers
from resale.domain.access import Action
from resale.domain.entities import PAYOUT
from resale.domain.ids import ORDER_ID, TRANSFER_ID, OrderId, TransferId
from resale.domain.partners import PartnerMisconfigured, PartnerUnavailable
from resale.domain.transfers import TransferNotFound

_LIMIT: Final = 25
_SHOWN: Final = 200  # differences of a page; ``manage.py reconcile_money`` prints all
_NO_RESPONSE: Final = (
    "The payment provider did not respond, so nothing was compared. This shows no difference. Retry in a while."
)
_NOT_CONNECTED: Final = (
    "The shop has no payment provider that accepts its credentials, so nothing can be compared. "
    "The platform's operators can connect one."
)


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """Differences as they are shown: what a person has to look at first, then what settles by itself."""

    open: tuple[Difference, ...]
    settling: tuple[Difference, ...]
    shown: tuple[Difference, ...]

    @property
    def hidden(self) -> int:
        """How many there is no room for."""
        return len(self.open) + len(self.settling) - len(self.shown)


class Payouts(StaffPage):
    """``/admin/money/``."""

    def back(self) -> str:
        """Start the list again: a cursor may have outlived its secret."""
        return reverse("admin:money")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of payouts."""
        page = list_payouts(
            reader=self.context.open_reader(),
            principal=self.context.principal,
            limit=_LIMIT,
            cursor=request.GET.get("cursor") or None,
        )
        return self.page("payouts", title="Money", show="payouts", payouts=page.data, next_cursor=page.next_cursor)


class PayoutDetail(StaffPage):
    """``/admin/money/payouts/{payout_id}/``."""

    def get(self, request: HttpRequest, payout_id: str) -> HttpResponse:
        """Show one payout with what was booked and its history."""
        context, reader, principal = self.context, self.context.open_reader(), self.context.principal
        payout = get_payout(reader=reader, principal=principal, payout_id=PAYOUT.read_id(payout_id))
        timeline = read_timeline(
            context=context,
            reader=reader,
            of=PAYOUT,
            entity_id=payout.id,
            cursor=request.GET.get("history"),
        )
        table = None
        if context.is_permitted(Action.VIEW_LEDGER, ""):
            transactions = list_source_transactions(reader=reader, principal=principal, source_id=payout.id)
            table = make_transaction_table(transactions, currency=payout.currency)
        return self.page(
            "payout",
            title="Payout",
            payout=payout,
            table=table,
            timeline=timeline,
            cancelling=VersionForm(initial={"version": payout.version}, auto_id="cancel_%s"),
            may_cancel=payout.may_be_cancelled and context.is_permitted(Action.CANCEL_PAYOUT, payout.status),
        )


class PayoutCancellation(StaffPage):
    """``/admin/money/payouts/{payout_id}/cancel/``."""

    def back(self) -> str:
        """Look at the payout as it is now."""
        return reverse("admin:payout", kwargs={"payout_id": self.kwargs["payout_id"]})

    def post(self, request: HttpRequest, payout_id: str) -> HttpResponse:
        """Cancel a payout whose sending has not begun."""
        form = VersionForm(request.POST)
        if not form.is_valid():
            messages.error(request, "The form was not complete and nothing was changed. Check the payout again.")
            return redirect(self.back())
        context, found_id = self.context, PAYOUT.read_id(payout_id)
        context.with_version(form.cleaned_data["version"]).run(cancel_payout, payout_id=found_id)
        messages.success(request, "The payout is cancelled. Its amount is back on the seller's balance.")
        return redirect(self.back())


class TransferDetail(StaffPage):
    """``/admin/orders/{order_id}/transfers/{transfer_id}/``."""

    def get(self, request: HttpRequest, order_id: str, transfer_id: str) -> HttpResponse:
        """Show one transfer with its history."""
        if not ORDER_ID.matches(order_id) or not TRANSFER_ID.matches(transfer_id):
            raise TransferNotFound
        context, reader, found_id = self.context, self.context.open_reader(), OrderId(order_id)
        history = list_transfer_history(
            reader=reader,
            principal=context.principal,
            order_id=found_id,
            transfer_id=TransferId(transfer_id),
            limit=PAGE,
            cursor=request.GET.get("history") or None,
        )
        transfers = list_order_transfers(reader=reader, principal=context.principal, order_id=found_id)
        return self.page(
            "transfer",
            title="Transfer",
            transfer=next(one for one in transfers if one.id == transfer_id),
            timeline=make_timeline(history, tenant=context.tenant),
        )


class Balances(StaffPage):
    """``/admin/money/balances/``; ``?sum``: every entry there is, is read and summed."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show what the house's accounts hold, once that is asked for."""
        tables = None
        if "sum" in request.GET:
            tables = make_balance_tables(
                get_balance_sheet(
                    reader=self.context.open_reader(), principal=self.context.principal, now=self.context.now
                )
            )
        return self.page("balances", title="Money", show="balances", tables=tables)


class TrialBalancePage(StaffPage):
    """``/admin/money/trial-balance/``; ``?month=2026-11``: the debits and credits of each account in a month."""

    def back(self) -> str:
        """Ask anew."""
        return reverse("admin:trial-balance")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the trial balance of a month, once that is asked for."""
        if "month" not in request.GET:
            return self._show(MonthForm(initial={"month": f"{self.context.now:%Y-%m}"}))
        form = MonthForm(request.GET)
        if not form.is_valid():
            return self._show(form, status=422)
        report = get_trial_balance(
            reader=self.context.open_reader(),
            principal=self.context.principal,
            month=form.cleaned_data["month"],
            with_opening=form.cleaned_data["opening"],
            now=self.context.now,
        )
        return self._show(form, report=report)

    def _show(self, form: MonthForm, *, status: int = 200, **found: object) -> HttpResponse:
        return self.page("trial_balance", title="Money", status=status, show="trial-balance", form=form, **found)


class ReconciliationPage(StaffPage):
    """``/admin/money/reconciliation/``; ``?days=7``: provider, ledger and orders are held against each other."""

    def back(self) -> str:
        """Ask anew."""
        return reverse("admin:reconciliation")

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the three records' sums and differences, once that is asked for."""
        if "days" not in request.GET:
            return self._show(DaysForm())
        form = DaysForm(request.GET)
        if not form.is_valid():
            return self._show(form, status=422)
        try:
            report = self._reconcile(timedelta(days=form.cleaned_data["days"]))
        except PartnerMisconfigured:
            return self._show(form, problem=_NOT_CONNECTED)
        except PartnerUnavailable:
            return self._show(form, problem=_NO_RESPONSE)
        return self._show(form, report=report, findings=_findings(report))

    def _reconcile(self, back: timedelta) -> Reconciliation:
        context = self.context
        return get_reconciliation(
            reader=context.open_reader(),
            principal=context.principal,
            payments=get_container().payments(context.tenant),
            back=back,
            now=context.now,
            wall_now=clock.for_platform(),
        )

    def _show(self, form: DaysForm, *, status: int = 200, **found: object) -> HttpResponse:
        return self.page("reconciliation", title="Money", status=status, show="reconciliation", form=form, **found)


def _findings(report: Reconciliation) -> Findings:
    open_ones = tuple(one for one in report.differences if not one.settling)
    settling = tuple(one for one in report.differences if one.settling)
    return Findings(open=open_ones, settling=settling, shown=(*open_ones, *settling)[:_SHOWN])
