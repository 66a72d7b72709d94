"""Balances of sellers, and their transactions."""

from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.parameters import PageQuery, none_if_unset
from apps.storefront.permissions import Access
from resale.application.queries.balances import (
    BalanceTransactionPage,
    BalanceTransactionView,
    BalanceView,
    get_own_balance,
    list_own_balance_transactions,
)


@Endpoint(
    method="get",
    path="/v1/balance",
    id="getBalance",
    tag="Money",
    summary="Retrieve the shopper's balance",
    details=(
        "`available` is the amount of the next payout. `pending` is the amount of sales that are not completed. "
        "`owed` is deducted from future earnings. `in_transit` is on its way to the bank."
    ),
    access=Access.SHOPPER,
    responses=(BalanceView,),
)
def get(context: Context[None, None]) -> BalanceView:
    """Return the caller's balance."""
    return get_own_balance(reader=context.reader, principal=context.principal)


@Endpoint(
    method="get",
    path="/v1/balance_transactions",
    id="listBalanceTransactions",
    tag="Money",
    summary="List the shopper's balance transactions, newest first",
    details=(
        "Sales, reversals after completion, and payouts, each in its current state. The amount of a payout that "
        "`failed` or was `returned` is back on the balance."
    ),
    access=Access.SHOPPER,
    query=PageQuery,
    responses=(BalanceTransactionView,),
    listed=True,
)
def list_transactions(context: Context[PageQuery, None]) -> BalanceTransactionPage:
    """List the caller's balance transactions, newest first."""
    query = context.query
    return list_own_balance_transactions(
        reader=context.reader, principal=context.principal, limit=query.limit, cursor=none_if_unset(query.cursor)
    )
