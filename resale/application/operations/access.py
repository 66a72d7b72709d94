"""Authorise the principal of a unit of work: to see an entity, to act on it, and on the version they read."""

from collections.abc import Mapping
from typing import Final, Protocol

from resale.application.ports import UnitOfWork
from resale.domain.access import Action, Role, permits, role_towards
from resale.domain.entities import Absent, AnyEntityType, entity_type_of
from resale.errors import Forbidden

_A: Final = Action
_LISTING: Final = "This listing is not yours to change."
_CLAIM: Final = "This is not yours to do."
#: action → the detail of Forbidden, for a caller who may see the entity but not act on it. Complete, by a test.
REFUSALS: Final[Mapping[Action, str]] = {
    _A.EDIT_LISTING: _LISTING,
    _A.SUBMIT_LISTING: _LISTING,
    _A.PAUSE_LISTING: _LISTING,
    _A.WITHDRAW_LISTING: _LISTING,
    _A.MODERATE_LISTING: _LISTING,
    _A.RELIST_LISTING: _LISTING,
    _A.CANCEL_ORDER: "This order is not yours to cancel.",
    _A.CORRECT_ADDRESS: "Only the buyer and the brand correct where an order goes.",
    _A.REQUEST_LABEL: "Only the seller asks for the label.",
    _A.CONFIRM_RECEIPT: "Only the buyer confirms receipt.",
    _A.REFUND_ORDER: "Only the brand gives money back.",
    _A.ACKNOWLEDGE_ORDER: "Only the brand takes note of this.",
    _A.REPORT_TRACKING: "Only the brand reports where a parcel is.",
    _A.OPEN_CLAIM: "Only the buyer claims.",
    _A.RESOLVE_CLAIM: _CLAIM,
    _A.WITHDRAW_CLAIM: _CLAIM,
    _A.ADD_EVIDENCE: _CLAIM,
    _A.REPORT_RETURN: _CLAIM,
    _A.CANCEL_PAYOUT: "This payout is not yours to cancel.",
    _A.MOVE_TEST_CLOCK: "Only the brand moves its test clock.",
    _A.RECORD_PURCHASE: "Purchases are recorded by the brand.",
}


class Entity(Protocol):
    """The fields of an entity that permissions depend on."""

    @property
    def id(self) -> str:
        """Its id; the prefix tells its type."""

    @property
    def version(self) -> int:
        """Its version: the number of its writes."""

    @property
    def status(self) -> str:
        """Its state."""


def authorize(uow: UnitOfWork, *, entity: Entity, action: Action) -> Role:
    """Return the role of the principal towards an entity; raise unless the role permits the action.

    Raises:
        NotFound: The principal may not see the entity; the error is the entity type's own.
        Forbidden: The principal may see it, but not do this.
    """
    entity_type = entity_type_of(entity.id)
    role = _role_of(uow, entity_type, entity)
    if isinstance(entity_type.view, Absent) or not permits(entity_type.view, role, entity.status):
        raise entity_type.not_found
    if not permits(action, role, entity.status):
        raise Forbidden(REFUSALS[action])
    return role


def require_standing(uow: UnitOfWork, *, action: Action, status: str) -> None:
    """Authorise an action on something that does not exist yet, and has no owner. Raises Forbidden."""
    if not permits(action, uow.principal.standing, status):
        raise Forbidden(REFUSALS[action])


def require_version(uow: UnitOfWork, *, entity: Entity) -> None:
    """Refuse any other version than the client read (If-Match). Raises the entity type's own Conflict."""
    check_version(entity=entity, version=uow.context.expected_version)


def check_version(*, entity: Entity, version: int | None) -> None:
    """Refuse any other version than the given one; None permits any. Raises the entity type's own Conflict."""
    if version not in {None, entity.version}:
        entity_type = entity_type_of(entity.id)
        raise entity_type.changed(f"The {entity_type.name} is at version {entity.version} by now; read it again.")


def _role_of(uow: UnitOfWork, entity_type: AnyEntityType, entity: Entity) -> Role:
    owner, counterparty = entity_type.owner, entity_type.counterparty
    if owner is None:
        return uow.principal.standing
    other = None if counterparty is None else counterparty(entity)
    return role_towards(uow.principal, owner_id=owner(entity), counterparty_id=other)
