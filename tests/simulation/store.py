"""A tenant's data lane where things go wrong: others who are faster at reads, and crashes, lost answers at writes."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from resale.adapters.dynamodb.client import DynamoDB, Item, Reason, TransactionCanceled, from_wire
from resale.errors import Unavailable
from tests.simulation.chance import Chance, Odds

_NONE: Mapping[str, Any] = MappingProxyType({})


class Crashed(BaseException):
    """The process died here: nothing of it runs on, not even its handlers."""


class UnreliableStore:
    """Keeps what callers use of ``DynamoDB``; others act before each call (``interleave``), ``seen`` sees writes."""

    def __init__(
        self,
        db: DynamoDB,
        chance: Chance,
        *,
        interleave: Callable[[float], None],
        seen: Callable[[tuple[Item, ...]], None],
    ) -> None:
        self._db, self._chance, self._interleave, self._seen = db, chance, interleave, seen
        self.odds = Odds()
        self.mishaps: list[str] = []
        self.moved: set[str] = set()  # tables written to since somebody looked

    def get_item(self, **asked: Any) -> Item | None:
        self._interleave(self.odds.interleave_read)
        return self._db.get_item(**asked)

    def query(self, **asked: Any) -> tuple[list[Item], Item | None]:
        self._interleave(self.odds.interleave_read)
        return self._db.query(**asked)

    def put_item(
        self,
        *,
        table: str,
        item: Item,
        condition: str | None,
        names: Mapping[str, str] = _NONE,
        values: Mapping[str, Any] = _NONE,
    ) -> None:
        def write() -> None:
            self._db.put_item(table=table, item=item, condition=condition, names=names, values=values)
            self.moved.add(table)
            self._seen((item,))

        self._write(write, contended=None)

    def transact_write(self, actions: Sequence[Mapping[str, Any]]) -> None:
        def write() -> None:
            self._db.transact_write(actions)
            self.moved.update(action["Put"]["TableName"] for action in actions)
            self._seen(tuple(from_wire(action["Put"]["Item"]) for action in actions))

        contended = TransactionCanceled(tuple(Reason("TransactionConflict") for _ in actions))
        self._write(write, contended=contended)

    def _write(self, write: Callable[[], None], *, contended: Exception | None) -> None:
        odds, chance = self.odds, self._chance
        self._interleave(odds.interleave)
        if chance.happens(odds.crash_before):
            raise self._note("crash before a write", Crashed())
        if chance.happens(odds.unavailable_before):
            raise self._note("store down", Unavailable("The data store did not respond in time. Retry later."))
        if contended is not None and chance.happens(odds.conflict):
            raise self._note("conflict", contended)
        write()
        if chance.happens(odds.crash_after):
            raise self._note("crash after a write", Crashed())
        if chance.happens(odds.unavailable_after):
            raise self._note(
                "answer lost for good", Unavailable("The data store did not respond in time. Retry later.")
            )
        if chance.happens(odds.answer_lost):
            self._note("answer lost", None)
            write()

    def _note(self, what: str, error: Any) -> Any:
        self.mishaps.append(what)
        return error
