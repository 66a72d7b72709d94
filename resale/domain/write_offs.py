"""Write-offs: a debt of a seller that the shop bears."""

from datetime import datetime

import msgspec

from resale.domain.accounts import BAD_DEBT, seller_account
from resale.domain.ledger import LedgerTransaction, Posting
from resale.domain.sellers import Seller, SellerBalance


def write_off(balance: SellerBalance) -> SellerBalance:
    """Return a balance without its debt: the shop carries what the open transfers still deduct."""
    debt = max(0, -balance.available)
    return msgspec.structs.replace(balance, available=balance.available + debt, carried=balance.carried + debt)


def write_off_transaction(seller: Seller, balance: SellerBalance, *, at: datetime) -> LedgerTransaction:
    """Return the transaction of a debt that is written off; the version of ``seller`` makes the step unique."""
    postings = (Posting(BAD_DEBT, -balance.available), Posting(seller_account(seller.customer_id), balance.available))
    step = f"written_off_{seller.version}_{balance.currency}"
    return LedgerTransaction(source_id=seller.id, step=step, currency=balance.currency, at=at, postings=postings)
