"""The data lane: the item operations of DynamoDB for one tenant account.

Everything else (tables, streams, backups) goes through ``TenantSession.client``.
Decision: docs/decisions/0003-data-lane.md.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from resale.adapters.dynamodb.attribute_values import Attributes, Item, Value, from_attributes, from_wire, to_wire
from resale.adapters.dynamodb.error_classification import (
    ConditionFailed,
    Reason,
    RequestInvalid,
    RequestRefused,
    TransactionCanceled,
)
from resale.adapters.dynamodb.http_connections import ConnectionPool
from resale.adapters.dynamodb.signed_calls import SignedCaller
from resale.adapters.signing import CredentialSource

__all__ = [
    "ConditionFailed",
    "DynamoDB",
    "Item",
    "Reason",
    "RequestInvalid",
    "RequestRefused",
    "TransactionCanceled",
    "Value",
    "from_wire",
    "to_wire",
]

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


#: Adds the read and the write units that a call consumed.
CountUnits = Callable[[float, float], None]


class _Consumed(msgspec.Struct):
    """Units of one table with its indexes."""

    units: float = msgspec.field(default=0.0, name="CapacityUnits")


class _Got(msgspec.Struct):
    consumed: _Consumed | None = msgspec.field(default=None, name="ConsumedCapacity")
    item: Attributes | None = msgspec.field(default=None, name="Item")


class _Put(msgspec.Struct):
    consumed: _Consumed | None = msgspec.field(default=None, name="ConsumedCapacity")


class _Transacted(msgspec.Struct):
    consumed: list[_Consumed] = msgspec.field(default=[], name="ConsumedCapacity")


class _Found(msgspec.Struct):
    items: list[Attributes] = msgspec.field(name="Items")
    consumed: _Consumed | None = msgspec.field(default=None, name="ConsumedCapacity")
    last: Attributes | None = msgspec.field(default=None, name="LastEvaluatedKey")


_encode: Final = msgspec.json.Encoder().encode
_decode_got: Final = msgspec.json.Decoder(_Got).decode
_decode_found: Final = msgspec.json.Decoder(_Found).decode
_decode_put: Final = msgspec.json.Decoder(_Put).decode
_decode_transacted: Final = msgspec.json.Decoder(_Transacted).decode


class DynamoDB:
    """The items of one tenant account, shared by threads. Every method can raise Unavailable and RequestInvalid."""

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        region: str,
        credentials: CredentialSource,
        count_units: CountUnits | None = None,
    ) -> None:
        """Open nothing yet. ``count_units`` is called with what each call consumed; without it nobody asks."""
        self._count_units = count_units
        self._asked: Mapping[str, str] = _NONE if count_units is None else {"ReturnConsumedCapacity": "TOTAL"}
        self._call = SignedCaller(pool, region=region, credentials=credentials).call

    def get_item(
        self, *, table: str, key: Item, attributes: Sequence[str] = (), consistent: bool = True
    ) -> Item | None:
        """Return an item, or the named attributes of it; None if there is none."""
        request: dict[str, Any] = {
            "TableName": table,
            "Key": to_wire(key),
            "ConsistentRead": consistent,
            **self._asked,
        }
        _project(request, tuple(attributes), _NONE)
        got = _decode_got(self._call("GetItem", _encode(request)))
        self._count_read(got.consumed)
        return None if got.item is None else from_attributes(got.item)

    def query(  # noqa: PLR0913 - the words of one query, half of them with a default
        self,
        *,
        table: str,
        index: str | None,
        condition: str,
        names: Mapping[str, str] = _NONE,
        values: Mapping[str, Value],
        attributes: Sequence[str] = (),
        limit: int,
        forward: bool,
        start: Item | None = None,
        consistent: bool = False,
    ) -> tuple[list[Item], Item | None]:
        """Return up to ``limit`` items of one partition in order, and the key to continue from (None at the end)."""
        request: dict[str, Any] = {
            "TableName": table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": to_wire(values),
            "Limit": limit,
            "ScanIndexForward": forward,
            **self._asked,
        }
        if index is not None:
            request["IndexName"] = index
        if consistent:
            request["ConsistentRead"] = True
        if start is not None:
            request["ExclusiveStartKey"] = to_wire(start)
        _project(request, tuple(attributes), names)
        found = _decode_found(self._call("Query", _encode(request)))
        self._count_read(found.consumed)
        return [from_attributes(item) for item in found.items], None if found.last is None else from_attributes(
            found.last
        )

    def put_item(
        self,
        *,
        table: str,
        item: Item,
        condition: str | None,
        names: Mapping[str, str] = _NONE,
        values: Mapping[str, Value] = _NONE,
    ) -> None:
        """Write a complete item.

        Raises:
            ConditionFailed: The condition does not hold; carries the stored item.
        """
        request: dict[str, Any] = {"TableName": table, "Item": to_wire(item), **self._asked}
        _restrict(request, condition, names, values)
        response = self._call("PutItem", _encode(request))
        if self._count_units is not None and (consumed := _decode_put(response).consumed) is not None:
            self._count_units(0, consumed.units)

    def transact_write(self, actions: Sequence[Mapping[str, object]]) -> None:
        """Execute all actions or none.

        No ``ClientRequestToken``: the actions are conditional, and the returned items tell a repeated write from a lost
        race (research: a token slows the local engine with each one it holds).

        Args:
            actions: In DynamoDB's own JSON, items by :func:`to_wire`, each with
                ``ReturnValuesOnConditionCheckFailure: ALL_OLD``.

        Raises:
            TransactionCanceled: Says of each action why, in their order.
        """
        response = self._call("TransactWriteItems", _encode({"TransactItems": actions, **self._asked}))
        if self._count_units is not None:
            self._count_units(0, sum(table.units for table in _decode_transacted(response).consumed))

    def _count_read(self, consumed: _Consumed | None) -> None:
        if self._count_units is not None and consumed is not None:
            self._count_units(consumed.units, 0)


def _project(request: dict[str, Any], attributes: tuple[str, ...], names: Mapping[str, str]) -> None:
    if attributes:
        expression, placeholders = _projection(attributes)
        request["ProjectionExpression"] = expression
        request["ExpressionAttributeNames"] = {**placeholders, **names} if names else placeholders
    elif names:
        request["ExpressionAttributeNames"] = dict(names)


@functools.lru_cache(maxsize=256)
def _projection(attributes: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return a projection with placeholders: some attribute names are reserved words of DynamoDB."""
    placeholders = {f"#p{number}": name for number, name in enumerate(attributes)}
    return ",".join(placeholders), placeholders


def _restrict(
    request: dict[str, Any], condition: str | None, names: Mapping[str, str], values: Mapping[str, Value]
) -> None:
    if condition is not None:
        request["ConditionExpression"] = condition
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if names:
        request["ExpressionAttributeNames"] = dict(names)
    if values:
        request["ExpressionAttributeValues"] = to_wire(values)
