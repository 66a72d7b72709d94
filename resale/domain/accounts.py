"""The chart of accounts: each account of a tenant's ledger, with its type and its normal side.

A name that was posted to is never changed: entries are immutable. ``docs/reference/accounts.md`` is written from here.
"""

from enum import StrEnum
from typing import Final

import msgspec

from resale.domain.ids import CustomerId


class AccountType(StrEnum):
    """The type of an account, in the order of a balance sheet and an income statement."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"


class Side(StrEnum):
    """The side of an account on which its balance is normally found."""

    DEBIT = "debit"
    CREDIT = "credit"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account, or a family of accounts: one for each customer."""

    name: str  # as posted; of a family without the customer
    title: str  # as shown to people
    type: AccountType
    about: str
    is_family: bool = False

    @property
    def normal_side(self) -> Side:
        """The side on which the account increases: debit for assets and expenses."""
        return Side.DEBIT if self.type in {AccountType.ASSET, AccountType.EXPENSE} else Side.CREDIT


BANK: Final = "bank"
PROVIDER: Final = "provider"
CARRIER_CLAIMS: Final = "carrier_claims"
DISPUTED_FUNDS: Final = "disputed_funds"
SELLERS_RECEIVABLE: Final = "sellers_receivable"
SELLERS: Final = "seller"
SELLERS_PENDING: Final = "sellers_pending"
PAYOUTS_IN_TRANSIT: Final = "payouts_in_transit"
STORE_CREDIT: Final = "store_credit"
COMMISSION_DEFERRED: Final = "commission_deferred"
VAT_ON_COMMISSION: Final = "vat_on_commission"
TAX: Final = "tax"
CARRIERS: Final = "carriers"
SUSPENSE: Final = "suspense"
COMMISSION: Final = "commission"
SHIPPING: Final = "shipping"
BREAKAGE: Final = "breakage"
LABELS: Final = "labels"
LOST_PARCELS: Final = "lost_parcels"
PROVIDER_FEES: Final = "provider_fees"
DISPUTE_FEES: Final = "dispute_fees"
BONUSES: Final = "bonuses"
BAD_DEBT: Final = "bad_debt"
ROUNDING: Final = "rounding"

_A = AccountType

#: All accounts, in the order in which reports show them.
CHART: Final = (
    Account(
        name=BANK,
        title="Bank",
        type=_A.ASSET,
        about="The shop's own bank account: what the payment provider paid out to the shop itself.",
    ),
    Account(
        name=PROVIDER,
        title="At the payment provider",
        type=_A.ASSET,
        about="Clearing account of the payment provider: captured, minus refunds, chargebacks, payouts and fees.",
    ),
    Account(
        name=CARRIER_CLAIMS,
        title="Claims on carriers",
        type=_A.ASSET,
        about="Compensation that was claimed from carriers for lost parcels and is not received yet.",
    ),
    Account(
        name=DISPUTED_FUNDS,
        title="Disputed funds",
        type=_A.ASSET,
        about="What the provider withdrew for disputes that are not decided yet.",
    ),
    Account(
        name=SELLERS_RECEIVABLE,
        title="Receivable from sellers",
        type=_A.ASSET,
        about=(
            "Negative balances of sellers, which are deducted from future earnings. Nothing is posted here: reports "
            "show sellers' accounts with a debit balance under this name."
        ),
    ),
    Account(
        name=SELLERS,
        title="Seller's balance",
        type=_A.LIABILITY,
        about="The balance of one seller: released earnings that are not paid out.",
        is_family=True,
    ),
    Account(
        name=SELLERS_PENDING,
        title="Sold, pending for sellers",
        type=_A.LIABILITY,
        about="Sellers' shares of sales that are not completed.",
    ),
    Account(
        name=PAYOUTS_IN_TRANSIT,
        title="Payouts in transit",
        type=_A.LIABILITY,
        about="Payouts that left a balance and are not paid, failed or returned.",
    ),
    Account(
        name=STORE_CREDIT,
        title="Store credit",
        type=_A.LIABILITY,
        about="The store credit of one customer, with bonuses.",
        is_family=True,
    ),
    Account(
        name=COMMISSION_DEFERRED,
        title="Deferred commission",
        type=_A.LIABILITY,
        about="Commission of captured sales that are not completed, including its VAT.",
    ),
    Account(
        name=VAT_ON_COMMISSION,
        title="VAT on commission",
        type=_A.LIABILITY,
        about="VAT that is included in earned commission, due to the tax authority.",
    ),
    Account(name=TAX, title="Tax", type=_A.LIABILITY, about="Sales tax that buyers paid, due to the tax authority."),
    Account(name=CARRIERS, title="Owed to carriers", type=_A.LIABILITY, about="Labels that are due to carriers."),
    Account(
        name=SUSPENSE,
        title="Suspense",
        type=_A.EQUITY,
        about="Movements at the provider that could not be assigned. Staff clear this account to zero.",
    ),
    Account(
        name=COMMISSION, title="Commission", type=_A.INCOME, about="Earned commission, without VAT posted separately."
    ),
    Account(name=SHIPPING, title="Shipping paid by buyers", type=_A.INCOME, about="Shipping that buyers paid."),
    Account(
        name=BREAKAGE,
        title="Breakage",
        type=_A.INCOME,
        about="Store credit that expired unused.",
    ),
    Account(name=LABELS, title="Labels bought", type=_A.EXPENSE, about="Cost of labels."),
    Account(
        name=LOST_PARCELS,
        title="Lost parcels",
        type=_A.EXPENSE,
        about="What the shop bears of lost parcels, minus compensation claimed from carriers.",
    ),
    Account(
        name=PROVIDER_FEES,
        title="Payment fees",
        type=_A.EXPENSE,
        about="Fees of the payment provider, except those for disputes.",
    ),
    Account(
        name=DISPUTE_FEES, title="Dispute fees", type=_A.EXPENSE, about="Fees of the payment provider for disputes."
    ),
    Account(
        name=BONUSES,
        title="Bonuses on store credit",
        type=_A.EXPENSE,
        about="What the shop added to payouts as store credit.",
    ),
    Account(
        name=BAD_DEBT, title="Bad debt", type=_A.EXPENSE, about="Negative balances of sellers that were written off."
    ),
    Account(
        name=ROUNDING,
        title="Rounding differences",
        type=_A.EXPENSE,
        about="Differences of minor units between our amounts and those of a partner.",
    ),
)

#: The shop's own accounts: many writers post to them at once, so they are spread over shards and their balances summed.
HOUSE_ACCOUNTS: Final = tuple(
    one.name
    for one in CHART
    if not one.is_family and one.name != SELLERS_RECEIVABLE  # nothing is posted to it
)
_BY_NAME: Final = {one.name: one for one in CHART}


def seller_account(seller_id: CustomerId) -> str:
    """Return the account of a seller's balance, a liability."""
    return f"{SELLERS}:{seller_id}"


def store_credit_account(customer_id: CustomerId) -> str:
    """Return the account of a customer's store credit, a liability."""
    return f"{STORE_CREDIT}:{customer_id}"


def find_account(name: str) -> Account | None:
    """Return the account of an entry, or the family that it belongs to; None for a name that is not in the chart."""
    return _BY_NAME.get(name.partition(":")[0])
