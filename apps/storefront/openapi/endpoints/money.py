"""Endpoints of money: seller accounts, payouts, refunds, the books."""

from typing import Final

from apps.storefront.money import LedgerQuery, ReconciliationQuery
from apps.storefront.openapi import codes
from apps.storefront.openapi.codes import codes_of
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from apps.storefront.parameters import PageQuery
from resale.application.operations.orders import NewRefund, RefundTooLarge, RefundUnderWay
from resale.application.queries.balances import BalanceTransactionView, BalanceView
from resale.application.queries.history import HistoryList
from resale.application.queries.ledger import (
    BalanceSheet,
    LedgerBehind,
    LedgerNotFound,
    LedgerTransactionView,
    Reconciliation,
)
from resale.application.queries.orders import BrandOrder
from resale.application.queries.payouts import BrandPayout, PayoutView
from resale.application.queries.sellers import SellerView
from resale.domain import orders, payouts, sellers
from resale.domain.customers import CustomerChanged
from resale.domain.partners import PartnerMisconfigured, PartnerUnavailable
from resale.domain.payouts import NewPayout
from resale.domain.sellers import SellerEdit
from resale.domain.transfers import TransferChanged
from resale.errors import Forbidden

MONEY_ENDPOINTS: Final = (
    Endpoint(
        method="get",
        path="/v1/seller_account",
        id="getSellerAccount",
        tag="Money",
        summary="The shopper's own seller account",
        details="`available` is what the next payout takes; below zero it is owed, and netted with what comes.",
        access=Access.SHOPPER,
        answers=(SellerView,),
        tagged=True,
        problems=codes_of(sellers.SellerNotFound),
    ),
    Endpoint(
        method="patch",
        path="/v1/seller_account",
        id="editSellerAccount",
        tag="Money",
        summary="Say how to be paid and where parcels leave from",
        details="What is absent stays. `payout_destination` is the payment provider's name of an account.",
        access=Access.SHOPPER,
        body=SellerEdit,
        answers=(SellerView,),
        tagged=True,
        problems=codes_of(sellers.SellerChanged, CustomerChanged),
    ),
    Endpoint(
        method="get",
        path="/v1/balance",
        id="getBalance",
        tag="Money",
        summary="What the shopper has as a seller",
        details=(
            "`available` is what the next payout takes, `pending` what sales earn that are not completed yet. `owed` "
            "is netted with what comes. `in_transit` is on its way to the bank."
        ),
        access=Access.SHOPPER,
        answers=(BalanceView,),
    ),
    Endpoint(
        method="get",
        path="/v1/balance_transactions",
        id="listBalanceTransactions",
        tag="Money",
        summary="What came to the shopper's balance and what left it, newest first",
        details=(
            "Sales, reversals of refunds after completion, and payouts, each as it stands now: a payout that `failed` "
            "or was `returned` gave back what it took."
        ),
        access=Access.SHOPPER,
        query=PageQuery,
        answers=(BalanceTransactionView,),
        listed=True,
    ),
    Endpoint(
        method="get",
        path="/v1/payouts",
        id="listPayouts",
        tag="Money",
        summary="Payouts, newest first",
        details="The shopper's own; for the brand, all.",
        access=Access.PARTY,
        scope="payouts:read",
        query=PageQuery,
        answers=(PayoutView, BrandPayout),
        listed=True,
    ),
    Endpoint(
        method="post",
        path="/v1/payouts",
        id="startPayout",
        tag="Money",
        summary="Pay out all that is available",
        details=(
            "By `method`, or by what the seller account says: cash to its destination, or store credit with the shop's "
            "bonus. Without asking, a seller is paid some time after an order completes."
        ),
        access=Access.SHOPPER,
        body=NewPayout,
        key_required=True,
        status=202,
        answers=(PayoutView,),
        tagged=True,
        problems=codes_of(
            payouts.NothingToPayOut, payouts.PayoutDestinationMissing, sellers.SellerChanged, TransferChanged
        ),
    ),
    Endpoint(
        method="get",
        path="/v1/payouts/{payout_id}",
        id="getPayout",
        tag="Money",
        summary="One payout",
        access=Access.PARTY,
        scope="payouts:read",
        answers=(PayoutView, BrandPayout),
        tagged=True,
        problems=codes_of(payouts.PayoutNotFound),
    ),
    Endpoint(
        method="get",
        path="/v1/payouts/{payout_id}/history",
        id="getPayoutHistory",
        tag="Histories",
        summary="Everything that happened to a payout, oldest first",
        details="With the verification of its whole chain of hashes.",
        access=Access.BRAND,
        scope="history:read",
        query=PageQuery,
        answers=(HistoryList,),
        problems=(*codes.LIST, *codes_of(payouts.PayoutNotFound)),
    ),
    Endpoint(
        method="post",
        path="/v1/payouts/{payout_id}/cancel",
        id="cancelPayout",
        tag="Money",
        summary="Cancel a payout",
        details=(
            "By its seller or the brand, while it `may_be_cancelled`: until its sending begins, moments after it was "
            "started. What it took is available again, and paid in time by itself. Said again: the same answer."
        ),
        access=Access.PARTY,
        scope="payouts:write",
        answers=(PayoutView, BrandPayout),
        if_match=True,
        tagged=True,
        problems=codes_of(
            payouts.PayoutNotFound,
            Forbidden,
            payouts.PayoutTransitionRefused,
            payouts.PayoutChanged,
            sellers.SellerChanged,
            TransferChanged,
        ),
    ),
    Endpoint(
        method="post",
        path="/v1/refunds",
        id="refundOrder",
        tag="Money",
        summary="Give a buyer money back",
        details=(
            "Of an order that is shipped, delivered or completed: `amount` of it, or all that is left. The workflow "
            "pays it; read the order's `refunds`. After completion the seller's part is taken from their balance."
        ),
        access=Access.BRAND,
        scope="refunds:write",
        body=NewRefund,
        key_required=True,
        status=202,
        answers=(BrandOrder,),
        tagged=True,
        problems=codes_of(
            orders.OrderNotFound,
            Forbidden,
            orders.OrderTransitionRefused,
            RefundTooLarge,
            RefundUnderWay,
            orders.OrderChanged,
        ),
    ),
    Endpoint(
        method="get",
        path="/v1/ledger/transactions",
        id="listLedgerTransactions",
        tag="Money",
        summary="What was booked, oldest first",
        details=(
            "For an order or a payout by `source`, on a `day`, or `from` one day `to` another, in UTC. Debits are "
            "positive, credits negative; the entries of a transaction sum to nought and are never split over pages. "
            "A day that is not over may still gain some that belong before the cursor: read it again when it is."
        ),
        access=Access.BRAND,
        scope="ledger:read",
        query=LedgerQuery,
        answers=(LedgerTransactionView,),
        listed=True,
        problems=codes_of(LedgerNotFound, LedgerBehind),
    ),
    Endpoint(
        method="get",
        path="/v1/ledger/balances",
        id="getBalanceSheet",
        tag="Money",
        summary="What the house's accounts hold",
        details=(
            "An amount for each currency, the shop's own first; nothing is added up over currencies. Read entry by "
            "entry: for reports, not for every page."
        ),
        access=Access.BRAND,
        scope="ledger:read",
        answers=(BalanceSheet,),
        problems=codes_of(LedgerNotFound),
    ),
    Endpoint(
        method="get",
        path="/v1/reports/reconciliation",
        id="getReconciliation",
        tag="Money",
        summary="Whether provider, ledger and orders agree",
        details="Movement by movement; `agreed` when nothing differs but what a step is still to settle.",
        access=Access.BRAND,
        scope="ledger:read",
        query=ReconciliationQuery,
        answers=(Reconciliation,),
        problems=codes_of(LedgerNotFound, PartnerMisconfigured, PartnerUnavailable),
    ),
)
