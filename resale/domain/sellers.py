"""Seller accounts: payout method, payout account, ship-from address, and the guarded balance of each currency."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from resale.domain.addresses import Address
from resale.domain.ids import SELLER_ID, CustomerId, SellerId
from resale.domain.payouts import PayoutMethod
from resale.domain.text import code
from resale.errors import Conflict, Invalid, NotFound, Rejected

SCHEMA: Final = 1

Destination = Annotated[str, code(r"^acct_[A-Za-z0-9_]+\Z", min_length=6, max_length=120)]


class PayoutAccountStatus(StrEnum):
    """The status of a seller's account at the payment provider.

    Source: docs.stripe.com/connect/handling-api-verification ("payouts_enabled", "disabled_reason").
    """

    PENDING = "pending"  # onboarding is not finished
    ACTIVE = "active"
    RESTRICTED = "restricted"  # payouts are stopped until the requirements are met
    REJECTED = "rejected"  # for good


#: Statuses in which the provider pays nothing to the seller's bank.
_STOPPED: Final = frozenset(set(PayoutAccountStatus) - {PayoutAccountStatus.ACTIVE})


class PayoutAccountStopped(Rejected):
    """The payment provider pays nothing to the seller's payout account at the moment."""

    code = "payout_account_stopped"
    title = "Payout account stopped"
    default_detail = (
        "The payment provider does not pay to this seller's payout account until its requirements are met. See "
        "`payout_requirements` of the seller account."
    )


class PayoutAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A seller's account as the provider has it. ``requirements`` are the provider's codes of what it requires."""

    status: PayoutAccountStatus
    requirements: tuple[str, ...] = ()


class SellerNotFound(NotFound):
    """The seller account does not exist."""

    code = "seller_not_found"
    title = "Seller account not found"
    default_detail = "This customer has no seller account yet. Create it by updating it."


class SellerChanged(Conflict):
    """Another writer changed the seller account first."""

    code = "seller_changed"
    title = "Seller account changed"
    default_detail = "Another request changed the seller account meanwhile. Read it again, then retry."


class PayoutDestinationRefused(Invalid):
    """The shop accepts no payout destination that a seller enters."""

    code = "payout_destination_refused"
    title = "Payout destination refused"
    default_detail = (
        "This shop accepts no payout destination that is entered. Create an onboarding link instead: "
        "`POST /v1/payout_accounts/onboarding_link`."
    )


class SellerEdit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An update of a seller account. Fields that are absent do not change."""

    payout_method: PayoutMethod | UnsetType = UNSET
    payout_destination: Destination | UnsetType = UNSET
    ship_from: Address | UnsetType = UNSET


class SellerPrivate(msgspec.Struct, frozen=True, kw_only=True):
    """The sealed part of an account: the ship-from address."""

    ship_from: Address | None = None


class SellerBalance(msgspec.Struct, frozen=True, kw_only=True):
    """The balance of a seller in one currency.

    ``available`` is the sum of the open transfers and of ``carried``; a negative amount is owed. ``carried`` is what no
    open transfer stands for: what a payout left because the provider cannot pay it, and debts that store credit paid.
    ``frozen`` is the part of ``available`` whose payments are disputed: no payout takes it meanwhile.
    ``store_credit_bonus`` is the part of ``store_credit`` that the shop added.
    """

    currency: str
    available: int = 0
    carried: int = 0
    frozen: int = 0
    store_credit: int = 0
    store_credit_bonus: int = 0

    @property
    def payable(self) -> int:
        """The available amount without what is frozen."""
        return self.available - self.frozen


class Seller(msgspec.Struct, frozen=True, kw_only=True):
    """A seller account as stored, with its first balance; ``other_balances`` are of other currencies.

    A shop that changes its currency leaves its sellers' first balances as they are: amounts of two currencies are never
    summed. ``payout_account_status`` is None while nobody has read the account at the provider.
    """

    id: SellerId
    object: str = "seller"
    schema: int = SCHEMA
    version: int = 0
    status: str = "active"
    customer_id: CustomerId
    currency: str
    available: int = 0
    carried: int = 0
    frozen: int = 0
    store_credit: int = 0
    store_credit_bonus: int = 0
    other_balances: tuple[SellerBalance, ...] = ()
    payout_method: PayoutMethod = PayoutMethod.CASH
    payout_destination: str | None = None  # the provider's name of an account, not a bank account number
    payout_account: str | None = None  # the account that onboarding opened at the provider
    payout_account_status: PayoutAccountStatus | None = None
    payout_requirements: tuple[str, ...] = ()  # what the provider requires of the seller, as its own codes
    ships_from_known: bool = False
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None = None
    private: str | UnsetType = UNSET

    @property
    def balances(self) -> tuple[SellerBalance, ...]:
        """The balances of all currencies, the first one first."""
        return (self.balance_in(self.currency), *self.other_balances)

    @property
    def payable(self) -> int:
        """The available amount of the first balance without what is frozen."""
        return self.available - self.frozen

    @property
    def can_be_paid_in_cash(self) -> bool:
        """Whether there is a payout account, and the provider does not stop its payouts."""
        return self.payout_destination is not None and self.payout_account_status not in _STOPPED

    @property
    def can_be_paid(self) -> bool:
        """Whether a payout can start automatically."""
        has_method = self.payout_method == PayoutMethod.STORE_CREDIT or self.can_be_paid_in_cash
        return has_method and any(balance.payable > 0 for balance in self.balances)

    def balance_in(self, currency: str) -> SellerBalance:
        """Return the balance of a currency, zero if there is none yet."""
        if currency == self.currency:
            return SellerBalance(
                currency=currency,
                available=self.available,
                carried=self.carried,
                frozen=self.frozen,
                store_credit=self.store_credit,
                store_credit_bonus=self.store_credit_bonus,
            )
        empty = SellerBalance(currency=currency)
        return next((one for one in self.other_balances if one.currency == currency), empty)


def seller_id_of(customer_id: CustomerId) -> SellerId:
    """Return the id of a customer's seller account."""
    return SELLER_ID.sibling_of(customer_id)


def with_payout_account(seller: Seller, account: PayoutAccount | None) -> Seller:
    """Return a seller account with the state of its payout account; None if nobody has read it at the provider."""
    status, requirements = (None, ()) if account is None else (account.status, account.requirements)
    return msgspec.structs.replace(seller, payout_account_status=status, payout_requirements=requirements)


def net_debt(balance: SellerBalance) -> tuple[SellerBalance, int, int]:
    """Return a balance whose debt is netted against its store credit; the debt netted, and the bonus reversed.

    A clawback takes back what was paid: cash that has gone is a debt, store credit is still here. Its bonus is reversed
    in the same proportion, so that nobody keeps a bonus for a sale that was refunded.
    """
    earned = balance.store_credit - balance.store_credit_bonus
    debt = min(-balance.available, earned)
    if debt <= 0:
        return balance, 0, 0
    bonus = (2 * balance.store_credit_bonus * debt + earned) // (2 * earned)
    netted = msgspec.structs.replace(
        balance,
        available=balance.available + debt,
        carried=balance.carried + debt,
        store_credit=balance.store_credit - debt - bonus,
        store_credit_bonus=balance.store_credit_bonus - bonus,
    )
    return netted, debt, bonus


def with_balance(seller: Seller, balance: SellerBalance) -> Seller:
    """Return a seller account with another balance of one currency."""
    if balance.currency == seller.currency:
        return msgspec.structs.replace(
            seller,
            available=balance.available,
            carried=balance.carried,
            frozen=balance.frozen,
            store_credit=balance.store_credit,
            store_credit_bonus=balance.store_credit_bonus,
        )
    others = [one for one in seller.other_balances if one.currency != balance.currency]
    return msgspec.structs.replace(seller, other_balances=(*others, balance))
