"""What a run left behind, read from the store as it is and from the partners' own books."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from resale.application.ports import Reader
from resale.domain.claims import Claim
from resale.domain.inbound import Inbound
from resale.domain.ledger import LedgerEntry
from resale.domain.listings import Listing
from resale.domain.orders import Order
from resale.domain.payouts import Payout
from resale.domain.sellers import Seller
from resale.domain.transfers import Transfer
from tests.simulation.bank import Bank
from tests.simulation.post import Post
from tests.simulation.queues import Message

if TYPE_CHECKING:
    from tests.simulation.run import Run

_KINDS: Final[dict[str, Any]] = {
    "order": Order,
    "listing": Listing,
    "claim": Claim,
    "payout": Payout,
    "seller": Seller,
    "inbound": Inbound,
    "transfer": Transfer,
}


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the history: what was recorded, as plain data."""

    entity_id: str
    version: int
    change: dict[str, Any]
    doc: dict[str, Any]


class Evidence(msgspec.Struct, kw_only=True):
    """Everything that checks look at."""

    orders: list[Order]
    listings: list[Listing]
    claims: list[Claim]
    payouts: list[Payout]
    sellers: list[Seller]
    inbound: list[Inbound]
    transfers: list[Transfer]
    entries: list[LedgerEntry]
    history: dict[str, list[Version]]
    parents: dict[str, str]
    bank: Bank
    post: Post
    dead: dict[str, list[Message]]
    agreed: dict[str, int]  # by order: the total that its buyer saw and named
    held: dict[str, tuple[str, ...]]  # by buyer: the orders that still hold a listing for them
    reader: Callable[[], Reader]

    def balance(self, account: str) -> int:
        """What an account of the ledger sums to: debit positive."""
        return sum(entry.amount for entry in self.entries if entry.account == account)


def evidence_of(run: "Run") -> Evidence:
    """Read it all, past every index and adapter."""
    tables, scan = run.tenant.resources.tables, run.engine.scan
    docs = [item["doc"]["S"] for table in (tables.orders, tables.listings) for item in scan(table)]
    found: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
    for doc in docs:
        kind = msgspec.json.decode(doc)["object"]
        if kind in _KINDS:
            found[kind].append(msgspec.json.decode(doc, type=_KINDS[kind]))
    history = _history(scan(tables.history))
    return Evidence(
        orders=found["order"],
        listings=found["listing"],
        claims=found["claim"],
        payouts=found["payout"],
        sellers=found["seller"],
        inbound=found["inbound"],
        transfers=found["transfer"],
        entries=[msgspec.json.decode(item["doc"]["S"], type=LedgerEntry) for item in scan(tables.ledger)],
        history=history,
        parents=_parents(run, history),
        bank=run.bank,
        post=run.post,
        dead=run.queues.dead,
        agreed=run.people.agreed,
        held=_held(scan(tables.idempotency)),
        reader=lambda: run.reader,
    )


def _held(rows: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The open holds of each buyer, as they are stored."""
    return {
        row["pk"]["S"].removeprefix("holds#"): tuple(one["order_id"] for one in msgspec.json.decode(row["holds"]["S"]))
        for row in rows
        if row["pk"]["S"].startswith("holds#")
    }


def _history(rows: list[dict[str, Any]]) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for row in rows:
        version = Version(
            entity_id=row["pk"]["S"],
            version=int(row["version"]["N"]),
            change=msgspec.json.decode(row["change"]["S"]),
            doc=msgspec.json.decode(row["doc"]["S"]),
        )
        found.setdefault(version.entity_id, []).append(version)
    return {entity_id: sorted(kept, key=lambda one: one.version) for entity_id, kept in found.items()}


def _parents(run: "Run", history: dict[str, list[Version]]) -> dict[str, str]:
    """Every entity that was ever written, and what it lies beside."""
    everything = {entity_id: rows[-1].doc for entity_id, rows in history.items()} | dict(run.watch.latest)
    return {
        entity_id: str(doc["order_id"]) if doc["object"] == "transfer" else entity_id
        for entity_id, doc in everything.items()
    }
