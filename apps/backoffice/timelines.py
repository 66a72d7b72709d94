"""A history as people read it: what happened, who did it, from which state to which, and whether the record holds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from apps.backoffice.staff_context import StaffContext
from apps.tenancy.models import User
from resale.application.ports import Reader
from resale.application.queries.history import HistoryEntry, HistoryList, list_history
from resale.domain.actors import Actor, ActorKind
from resale.domain.entities import AnyEntityType
from resale.domain.history import Fault
from resale.domain.tenants import Tenant

PAGE: Final = 100
_ACTORS: Final[Mapping[ActorKind, str]] = {
    ActorKind.SHOPPER: "Shopper",
    ActorKind.BRAND_KEY: "API key",
    ActorKind.STAFF: "Staff",
    ActorKind.SYSTEM: "System",
    ActorKind.PARTNER: "Partner",
}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One version. ``fault`` is empty where its hash was checked and holds."""

    version: int
    what: str
    type: str
    actor_kind: str
    actor_label: str
    actor_id: str
    actor_name: str
    at: datetime
    reason_code: str
    from_status: str
    to_status: str
    checked: bool
    fault: str
    hash: str


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """A page of history. ``behind`` counts versions written, but not recorded yet."""

    steps: tuple[Step, ...]
    verified: bool
    behind: int
    faults: int
    next_cursor: str | None


def read_timeline(
    *, context: StaffContext, reader: Reader, of: AnyEntityType, entity_id: str, cursor: str | None
) -> Timeline:
    """Read a page of a history for who works at a context; ``cursor`` is the page's own query parameter, if any."""
    history = list_history(
        reader=reader, principal=context.principal, of=of, entity_id=entity_id, limit=PAGE, cursor=cursor or None
    )
    return make_timeline(history, tenant=context.tenant)


def make_timeline(history: HistoryList, *, tenant: Tenant) -> Timeline:
    """Turn a page of history into steps; staff of the tenant are called by name, which history does not hold."""
    verification = history.verification
    faults = {finding.version: finding.fault for finding in verification.findings}
    names = _staff_names(tenant, history.data)
    before: HistoryEntry | None = None
    steps = []
    for entry in history.data:
        checked = entry.version <= verification.head_version
        steps.append(_step(entry, before, fault=faults.get(entry.version), checked=checked, names=names))
        before = entry
    behind = sum(1 for fault in faults.values() if fault == Fault.BEHIND)
    return Timeline(
        steps=tuple(steps),
        verified=verification.verified,
        behind=behind,
        faults=len(faults) - behind,
        next_cursor=history.next_cursor,
    )


def _step(
    entry: HistoryEntry, before: HistoryEntry | None, *, fault: Fault | None, checked: bool, names: Mapping[str, str]
) -> Step:
    change = entry.change
    return Step(
        version=entry.version,
        what=change.type.partition(".")[2].replace("_", " ").capitalize(),
        type=change.type,
        actor_kind=change.actor.kind,
        actor_label=_ACTORS[change.actor.kind],
        actor_id=change.actor.id,
        actor_name=names.get(change.actor.id, ""),
        at=change.at,
        reason_code=change.reason_code or "",
        from_status=(before.status or "") if before is not None else "",
        to_status=entry.status or "",
        checked=checked,
        fault=fault or "",
        hash=change.hash,
    )


def _staff_names(tenant: Tenant, entries: tuple[HistoryEntry, ...]) -> Mapping[str, str]:
    ids = {entry.change.actor.id for entry in entries if _is_staff(entry.change.actor)}
    if not ids:
        return {}
    known = User.objects.filter(staff_id__in=ids, memberships__tenant_id=tenant.id)
    return {user.staff_id: user.get_full_name() or user.get_username() for user in known}


def _is_staff(actor: Actor) -> bool:
    return actor.kind == ActorKind.STAFF
