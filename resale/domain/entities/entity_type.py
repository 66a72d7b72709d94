"""The record of an entity type: the facts of all entities of one type."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

import msgspec

from resale.domain.access import Action, Principal, Role, permits, role_towards
from resale.domain.ids import CustomerId, IdType
from resale.domain.states import Machine
from resale.errors import Conflict, NotFound

I = TypeVar("I", bound=str)  # noqa: E741 - an id
E = TypeVar("E", bound=msgspec.Struct)


class Table(StrEnum):
    """The tables of entities, named as in ``domain.tenants.Tables``."""

    LISTINGS = "listings"
    ORDERS = "orders"
    CUSTOMERS = "customers"


class Absent(msgspec.Struct, frozen=True):
    """The reason why an entity type lacks something."""

    because: str


class EntityType(msgspec.Struct, Generic[I, E], frozen=True, kw_only=True):
    """The facts of all entities of one type.

    Attributes:
        id: Its kind of id, with the prefix.
        struct: The entity as stored.
        name: What people call one of it, in the singular.
        about: What it is, in a sentence or two; the documents quote it.
        table: Which table holds it.
        not_found: Raised when there is none that the caller may see.
        changed: Raised when another writer won.
        owner, counterparty: Read who it belongs to, and who is its other party; None where nobody is.
        view: The action of seeing it. Who may not see it is told ``not_found``.
        history: The action of seeing its history.
        argument: The name of its id in paths of the API, in addresses of the back office and in messages.
        parent: The field that names what it is a part of, and lies beside; None for a part of nothing.
        wake_task: The task that wakes it when it is due.
        page: Its page in the back office, reached with ``argument`` alone.
        states: Its state machine.
        sample: What its stored samples are called: ``tests/samples/<sample>-<schema>.json``.
    """

    id: IdType[I]
    struct: type[E]
    name: str
    about: str
    table: Table
    not_found: type[NotFound]
    changed: type[Conflict]
    owner: Callable[[E], CustomerId] | None = None
    counterparty: Callable[[E], CustomerId] | None = None
    view: Action | Absent
    history: Action | Absent
    argument: str
    parent: str | None = None
    wake_task: str | Absent
    page: str | Absent
    states: Machine[Any, Any] | Absent
    sample: str

    @property
    def prefix(self) -> str:
        """The prefix of its ids, without the underscore."""
        return self.id.prefix

    @property
    def object_name(self) -> str:
        """The name in the API, and in keys: ``object`` of its documents."""
        return next(str(field.default) for field in msgspec.structs.fields(self.struct) if field.name == "object")

    def read_id(self, text: str) -> I:
        """Return a text as an id of this type. Raises ``not_found`` if it is not one."""
        if not self.id.matches(text):
            raise self.not_found
        return text

    def authorize_view(self, principal: Principal, seen: Any) -> Role:
        """Return the role of a principal who can see an entity. Raises ``not_found``.

        Args:
            principal: Who looks.
            seen: The entity, or what was read of it: its status and its parties.

        Raises:
            NotFound: They may not: the type's ``not_found``.
        """
        role = self.role_of(principal, seen)
        if isinstance(self.view, Absent) or not permits(self.view, role, seen.status):
            raise self.not_found
        return role

    def role_of(self, principal: Principal, seen: Any) -> Role:
        """Return the role of a principal towards an entity, or towards fields read of it."""
        if self.owner is None:
            return principal.standing
        counterparty_id = None if self.counterparty is None else self.counterparty(seen)
        return role_towards(principal, owner_id=self.owner(seen), counterparty_id=counterparty_id)

    def parent_of(self, entity: E) -> str:
        """Return the id of an entity's parent, or its own."""
        parent_id: str = getattr(entity, self.parent or "id")
        return parent_id


AnyEntityType = EntityType[Any, Any]

NEVER_WAITS: Final = Absent("it has no deadline")
ONE_STATUS: Final = Absent("it has one status only")
