"""Repositories: reads and writes of one entity type within a unit of work.

They take no tenant, so none can be crossed. An entity type that needs more than ``Repository`` has a Protocol of its
own, in the file of its noun.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from resale.domain.changes import ChangeType
from resale.domain.reasons import Reason
from resale.errors import Outcome

I_contra = TypeVar("I_contra", contravariant=True)
E = TypeVar("E")
E_contra = TypeVar("E_contra", contravariant=True)

#: What a lost race means, decided from the status that was read: an outcome, or None for a plain Conflict.
LostRace = Callable[[str], Outcome | None]


class WriteRepository(Protocol[E_contra]):
    """Buffers versions of one entity type. ``Repository`` adds the reads."""

    def add(self, entity: E_contra, *, change_type: ChangeType, reason_code: Reason | None = None) -> None:
        """Buffer the first version; an existing one fails the commit with the type's ``changed``."""

    def save(
        self,
        entity: E_contra,
        *,
        change_type: ChangeType,
        reason_code: Reason | None = None,
        lost: LostRace | None = None,
    ) -> None:
        """Buffer the next version of an entity read in this unit of work.

        On commit another writer is the type's ``changed`` (Conflict), or what ``lost`` makes of the status found.
        """


class Repository(WriteRepository[E], Protocol[I_contra, E]):
    """Reads and buffers entities of one type."""

    def get(self, entity_id: I_contra) -> E:
        """Return an entity, from a consistent read. Raises the type's ``not_found``.

        Raises:
            NotFound: There is none: the type's ``not_found``.
            Unavailable: The data store did not respond in time. Retry later.
        """

    def find(self, entity_id: I_contra) -> E | None:
        """Return an entity, from a consistent read; None if there is none."""
