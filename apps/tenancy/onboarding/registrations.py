"""What a registration changes in an existing row: only what differs from what the registration before it wrote."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from apps.tenancy import models
from apps.tenancy.tenants import TenantRecord
from resale.domain.partners import Connection
from resale.domain.tenant_onboarding import TenantRequest

#: Fields of a record that no later registration writes: fixed at the first one, or the operators'.
_FIXED: Final = frozenset({"slug", "external_id", "status", "price_rules"})


def describe_written(record: TenantRecord, request: TenantRequest) -> dict[str, Any]:
    """Return what a registration writes, as JSON, for the comparison by the next one.

    Limits and policies that the request leaves to the registry are None.
    """
    written: dict[str, Any] = {name: value for name, value in _as_json(record).items() if name not in _FIXED}
    return {**written, "limits": _as_json(request.limits), "policies": _as_json(request.policies)}


def update_record(
    record: TenantRecord, row: models.Tenant, *, request: TenantRequest, former: Mapping[str, Any] | None
) -> TenantRecord:
    """Return the record of an existing row: its own values, and of a registration's what changed.

    Args:
        record: What a new tenant would be registered with.
        row: The tenant's.
        request: What is requested.
        former: What the registration before wrote; empty if that was not recorded, so that nothing but resources that
            the row lacks is written. None: there was no registration, and all of the request is written.
    """
    fields = {name: getattr(row, name) for name in TenantRecord.__struct_fields__ if name != "connections"}
    wanted = describe_written(record, request)
    offered, resources = wanted.pop("connections"), wanted.pop("resources")
    for name, value in wanted.items():
        is_changed = former is None or value != former.get(name, value)
        if value is not None and is_changed:
            fields[name] = value
    if former is not None:
        resources = merge_resources(row.resources, former.get("resources", {}), resources)
    former_offers = (former or {}).get("connections", ())
    changed = [one for one, offer in zip(record.connections, offered, strict=True) if offer not in former_offers]
    updated = msgspec.convert({**fields, "resources": resources}, TenantRecord)
    return msgspec.structs.replace(updated, connections=_connect_changed(row, changed))


def merge_resources(row: Mapping[str, Any], former: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resource map of a row with the outputs that changed.

    An entry in which the row differs from the former outputs stays: an operator set it, as to a restored table.
    """
    return {name: _merge_entry(row.get(name), former.get(name), value) for name, value in new.items()}


def _merge_entry(row: Any, former: Any, new: Any) -> Any:
    if isinstance(new, Mapping):
        return merge_resources(row or {}, former or {}, new)
    return new if row in (None, "", former) else row


def _connect_changed(row: models.Tenant, offered: Sequence[Connection]) -> list[Connection]:
    """Return the row's connections; an offered one replaces that of its kind with the same provider."""
    known = [connection.as_struct() for connection in row.connections.all()]
    offers = {connection.kind: connection for connection in offered}
    kept = [one for one in known if one.kind not in offers or one.provider != offers[one.kind].provider]
    return [*kept, *(one for kind, one in offers.items() if kind not in {other.kind for other in kept})]


def _as_json(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))
