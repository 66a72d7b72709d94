"""The brand's ledger: transactions, balances, reconciliation."""

from datetime import date, timedelta
from typing import Annotated, Final

import msgspec
from django.http import StreamingHttpResponse
from msgspec import UNSET, UnsetType

from apps.core import clock
from apps.core.container import get_container
from apps.core.fair_shares.priorities import Priority
from apps.core.requests import Body
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.parameters import PageQuery, none_if_unset
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.queries.ledger import (
    MAX_LISTED_DAYS,
    BalanceSheet,
    JournalFormat,
    LedgerBehind,
    LedgerDays,
    LedgerNotFound,
    LedgerTransactionPage,
    LedgerTransactionView,
    Month,
    Reconciliation,
    TrialBalance,
    get_balance_sheet,
    get_reconciliation,
    get_trial_balance,
    iter_journal,
    list_ledger_transactions,
)
from resale.domain.partners import PartnerMisconfigured, PartnerUnavailable
from resale.domain.text import reference
from resale.errors import FieldError, Invalid

_TAG: Final = "Money"

Source = Annotated[
    str,
    reference(r"^(ord|pyt)_[0-9a-f]{32}\Z", description="The order or payout of the ledger transactions."),
]
Day = Annotated[date, msgspec.Meta(description="A day in UTC.")]
Days = Annotated[int, msgspec.Meta(ge=1, le=31, description="Number of days, counted back from today.")]


class LedgerQuery(PageQuery, frozen=True, kw_only=True):
    """Selection of ledger transactions: of an order or a payout, of a day, or of a range of days."""

    source: Source | UnsetType = UNSET
    day: Day | UnsetType = UNSET
    first: Annotated[Day, msgspec.Meta(description="The first day.")] | UnsetType = msgspec.field(
        default=UNSET, name="from"
    )
    last: Annotated[Day, msgspec.Meta(description="The last day, at most 31 days after the first.")] | UnsetType = (
        msgspec.field(default=UNSET, name="to")
    )


class ReconciliationQuery(Body, frozen=True, kw_only=True):
    """Period of a reconciliation."""

    days: Days = 7


class JournalQuery(Body, frozen=True, kw_only=True):
    """Selection of a journal: the month, by default the current one."""

    month: Month | UnsetType = UNSET


class TrialBalanceQuery(Body, frozen=True, kw_only=True):
    """Selection of a trial balance: the month, by default the current one, and whether with opening balances."""

    month: Month | UnsetType = UNSET
    opening: Annotated[bool, msgspec.Meta(description="Whether to compute opening and closing balances.")] = False


@Endpoint(
    method="get",
    path="/v1/ledger/transactions",
    id="listLedgerTransactions",
    tag=_TAG,
    summary="List ledger transactions, oldest first",
    details=(
        "Of an order or a payout by `source`, of one `day`, or `from` one day `to` another, in UTC. Debits are "
        "positive and credits negative. The entries of a transaction sum to zero and are always on one page. "
        "Transactions can still be added to the current day before the cursor: read it again after the day has "
        "ended."
    ),
    access=Access.BRAND,
    priority=Priority.BATCH,
    scope=Scope.LEDGER_READ,
    query=LedgerQuery,
    responses=(LedgerTransactionView,),
    listed=True,
    problems=(LedgerNotFound, LedgerBehind),
)
def list_transactions(context: Context[LedgerQuery, None]) -> LedgerTransactionPage:
    """List the ledger transactions of an order, a payout, or some days."""
    query = context.query
    return list_ledger_transactions(
        reader=context.reader,
        principal=context.principal,
        of=_read_selection(query),
        limit=query.limit,
        cursor=none_if_unset(query.cursor),
    )


@Endpoint(
    method="get",
    path="/v1/ledger/balances",
    id="getBalanceSheet",
    tag=_TAG,
    summary="Retrieve the balances of the shop's own accounts",
    details=(
        "One amount for each currency, the shop's own currency first; currencies are not added up. Each account is "
        "summed from its own entries, and `difference` is the sum of all of them: zero unless the ledger is wrong. "
        "The computation reads every ledger entry: use it for reports only."
    ),
    access=Access.BRAND,
    priority=Priority.BATCH,
    scope=Scope.LEDGER_READ,
    responses=(BalanceSheet,),
    problems=(LedgerNotFound,),
)
def get_balances(context: Context[None, None]) -> BalanceSheet:
    """Return the balances of the shop's own accounts."""
    return get_balance_sheet(reader=context.reader, principal=context.principal, now=context.now)


@Endpoint(
    method="get",
    path="/v1/reports/trial_balance",
    id="getTrialBalance",
    tag=_TAG,
    summary="Retrieve the trial balance of a month",
    details=(
        "Debits and credits of each account in a month, per currency, in UTC; `difference` is zero unless the ledger "
        "is wrong. With `opening=true` also the opening and closing balances, for which every earlier ledger entry is "
        "read: use it for reports only."
    ),
    access=Access.BRAND,
    priority=Priority.BATCH,
    scope=Scope.LEDGER_READ,
    query=TrialBalanceQuery,
    responses=(TrialBalance,),
    problems=(LedgerNotFound,),
)
def trial_balance(context: Context[TrialBalanceQuery, None]) -> TrialBalance:
    """Return the trial balance of a month."""
    query = context.query
    return get_trial_balance(
        reader=context.reader,
        principal=context.principal,
        month=f"{context.now:%Y-%m}" if query.month is UNSET else query.month,
        with_opening=query.opening,
        now=context.now,
    )


@Endpoint(
    method="get",
    path="/v1/ledger/journal",
    id="getJournal",
    tag=_TAG,
    summary="Download the journal of a month as CSV",
    details=(
        "Each ledger entry of a month in UTC, oldest first, with account, debit and credit in the currency's main "
        "unit. The response is streamed. Entries can still be added to the current month."
    ),
    access=Access.BRAND,
    priority=Priority.BATCH,
    scope=Scope.LEDGER_READ,
    query=JournalQuery,
    content_type="text/csv",
    problems=(LedgerNotFound,),
)
def journal(context: Context[JournalQuery, None]) -> StreamingHttpResponse:
    """Stream the journal of a month."""
    month = f"{context.now:%Y-%m}" if context.query.month is UNSET else context.query.month
    texts = iter_journal(reader=context.reader, principal=context.principal, month=month, as_=JournalFormat.CSV)
    named = {"Content-Disposition": f'attachment; filename="journal-{month}.csv"'}
    return StreamingHttpResponse(texts, content_type="text/csv; charset=utf-8", headers=named)


@Endpoint(
    method="get",
    path="/v1/reports/reconciliation",
    id="getReconciliation",
    tag=_TAG,
    summary="Reconcile the payment provider, the ledger and the orders",
    details=(
        "Compares every money movement; and sellers' balances, store credit and payouts in transit with their ledger "
        "accounts and transfers. `agreed` is true when the only differences are steps that are still settling. "
        "`sellers_complete` is false when there are more seller accounts than one report compares."
    ),
    access=Access.BRAND,
    priority=Priority.BATCH,
    scope=Scope.LEDGER_READ,
    query=ReconciliationQuery,
    responses=(Reconciliation,),
    problems=(LedgerNotFound, PartnerMisconfigured, PartnerUnavailable),
)
def reconcile(context: Context[ReconciliationQuery, None]) -> Reconciliation:
    """Reconcile provider, ledger and orders."""
    return get_reconciliation(
        reader=context.reader,
        principal=context.principal,
        payments=get_container().payments(context.tenant),
        back=timedelta(days=context.query.days),
        now=context.now,
        wall_now=clock.for_platform(),
    )


def _read_selection(query: LedgerQuery) -> str | LedgerDays:
    """Read which bookings are meant. Raises Invalid."""
    match query.source, query.day, query.first, query.last:
        case str(source), UnsetType(), UnsetType(), UnsetType():
            return source
        case UnsetType(), date() as day, UnsetType(), UnsetType():
            return LedgerDays(first=day, last=day)
        case UnsetType(), UnsetType(), date() as first, date() as last:
            if 0 <= (last - first).days < MAX_LISTED_DAYS:
                return LedgerDays(first=first, last=last)
            raise _wrong("/to", "out_of_range", f"List 1 to {MAX_LISTED_DAYS} days at once.")
    raise _wrong("/source", "required", "Send source, day, or both from and to.")


def _wrong(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid("The query is not valid.", errors=(FieldError(pointer=pointer, code=code, detail=detail),))
