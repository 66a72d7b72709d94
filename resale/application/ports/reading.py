"""Reads of one tenant, which cannot commit, and its append-only history."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from resale.application.ports.entities import EntityReads
from resale.application.ports.ledger import LedgerReads
from resale.application.ports.records import (
    Document,
    DueItem,
    Head,
    HistoryPage,
    HistoryRow,
    IdempotencyRecord,
    Page,
)
from resale.application.ports.writing import Vault
from resale.domain.entities import AnyEntityType, EntityType
from resale.domain.tenants import Tenant

I = TypeVar("I", bound=str)  # noqa: E741 - an id


class Reader(EntityReads, LedgerReads, Protocol):
    """Reads of one tenant. Cannot commit. Lists take ``limit`` (1-100) and an opaque cursor."""

    @property
    def tenant(self) -> Tenant:
        """The tenant of the reader."""

    @property
    def vault(self) -> Vault:
        """The vault, which decrypts personal data."""

    def find(self, entity_type: EntityType[I, Any], entity_id: I) -> Document | None:
        """Return the document of an entity, from a consistent read; None if there is none.

        Not of an image or a transfer: they lie beside what they are part of, and are read with it.
        """

    def list_by(self, entity_type: AnyEntityType, field: str, value: str, *, limit: int, cursor: str | None) -> Page:
        """List the entities of a type with this value in a field, newest first. Raises InvalidCursor.

        Raises KeyError for a field that the type is not listed by.
        """

    def find_idempotency_record(self, key: str) -> IdempotencyRecord | None:
        """Return the idempotency record of a key, from a consistent read; None if there is none."""

    def list_history(self, entity_id: str, *, limit: int, cursor: str | None) -> HistoryPage:
        """Return a page of the recorded versions of an entity, oldest first, from a consistent read."""

    def find_history_row(self, entity_id: str, version: int) -> HistoryRow | None:
        """Return one recorded version of an entity, from a consistent read; None if there is none."""

    def find_head(self, entity_id: str, *, parent_id: str) -> Head | None:
        """Return the current version and hash of an entity; ``parent_id`` is the listing of an image, else its own."""

    def find_current_row(self, entity_id: str, *, parent_id: str) -> HistoryRow | None:
        """Build the history row of an entity's current version from its item, which has its change."""

    def iter_due(self, *, now: datetime) -> Iterator[DueItem]:
        """Iterate over the due items, page by page; eventually consistent."""


class HistoryLog(Protocol):
    """The append-only history, written by the changes worker."""

    def append(self, rows: tuple[HistoryRow, ...]) -> Mapping[tuple[str, int], Exception]:
        """Append each row unless it exists; return the failures by (entity id, version)."""
