"""Authorise the principal of a unit of work: to see an entity, to act on it, and on the version they read."""

from collections.abc import Mapping
from typing import Final, Protocol

from resale.application.ports import UnitOfWork
from resale.domain.access import Action, Role, permits, role_towards
from resale.domain.entities import Absent, AnyEntityType, entity_type_of
from resale.errors import Forbidden

_A: Final = Action
_LISTING: Final = "Only the seller can change this listing."
#: action → the detail of Forbidden, for a caller who may see the entity but not act on it. Complete, by a test.
REFUSALS: Final[Mapping[Action, str]] = {
    _A.EDIT_LISTING: _LISTING,
    _A.SUBMIT_LISTING: _LISTING,
    _A.PAUSE_LISTING: "Only the seller or the brand can pause or resume this listing.",
    _A.WITHDRAW_LISTING: "Only the seller or the brand can withdraw this listing.",
    _A.MODERATE_LISTING: "Only the brand can review listings.",
    _A.RELIST_LISTING: "Only the seller can list this item again.",
    _A.CANCEL_ORDER: "Only the buyer, the brand, or the seller before shipping can cancel this order.",
    _A.CORRECT_ADDRESS: "Only the buyer and the brand can correct the shipping address.",
    _A.REQUEST_LABEL: "Only the seller can request the label.",
    _A.CONFIRM_RECEIPT: "Only the buyer can confirm receipt.",
    _A.REFUND_ORDER: "Only the brand can refund an order.",
    _A.ACKNOWLEDGE_ORDER: "Only the brand can acknowledge an issue.",
    _A.REPORT_TRACKING: "Only the brand can report tracking events.",
    _A.OPEN_CLAIM: "Only the buyer can open a claim.",
    _A.RESOLVE_CLAIM: "Only the brand can resolve a claim.",
    _A.WITHDRAW_CLAIM: "Only the buyer can withdraw their claim.",
    _A.ADD_EVIDENCE: "Only the buyer can add evidence to their claim.",
    _A.REPORT_RETURN: "Only the brand can report tracking events of a return.",
    _A.CANCEL_PAYOUT: "Only the seller or the brand can cancel this payout.",
    _A.MOVE_TEST_CLOCK: "Only the brand can advance its test clock.",
    _A.RECORD_PURCHASE: "Only the brand can record purchases.",
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
        raise entity_type.changed(
            f"The {entity_type.name} has been changed and is at version {entity.version}. Read it again."
        )


def _role_of(uow: UnitOfWork, entity_type: AnyEntityType, entity: Entity) -> Role:
    owner, counterparty = entity_type.owner, entity_type.counterparty
    if owner is None:
        return uow.principal.standing
    other = None if counterparty is None else counterparty(entity)
    return role_towards(uow.principal, owner_id=owner(entity), counterparty_id=other)
