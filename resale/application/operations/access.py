"""Authorise the principal of a unit of work: to see an entity, to act on it, and on the version they read."""

from typing import Protocol

from resale.application.ports import UnitOfWork
from resale.domain.access import Action, Role, permits
from resale.domain.entities import entity_type_of
from resale.errors import Forbidden


class Entity(Protocol):
    """The fields of an entity that permissions depend on."""

    @property
    def id(self) -> str:
        """Its id, whose prefix determines the type."""

    @property
    def version(self) -> int:
        """Its version: the number of its writes."""

    @property
    def status(self) -> str:
        """Its status."""


def authorize(uow: UnitOfWork, *, entity: Entity, action: Action) -> Role:
    """Return the role of the principal towards an entity; raise unless the role permits the action.

    Raises:
        NotFound: The principal may not see the entity; the error is the entity type's own.
        Forbidden: The principal may see it, but not do this.
    """
    role = entity_type_of(entity.id).authorize_view(uow.principal, entity)
    if not permits(action, role, entity.status):
        raise Forbidden(action.refusal)
    return role


def require_standing(uow: UnitOfWork, *, action: Action, status: str) -> None:
    """Authorise an action on something that does not exist yet, and has no owner. Raises Forbidden."""
    if not permits(action, uow.principal.standing, status):
        raise Forbidden(action.refusal)


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
