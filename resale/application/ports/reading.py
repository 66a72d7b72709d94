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
        """The one tenant it was opened for."""

    @property
    def vault(self) -> Vault:
        """Opens personal data."""

    def find(self, entity_type: EntityType[I, Any], entity_id: I) -> Document | None:
        """Read an entity's document, consistently; None when there is none.

        Not of an image or a transfer: they lie beside what they are part of, and are read with it.
        """

    def list_by(self, entity_type: AnyEntityType, field: str, value: str, *, limit: int, cursor: str | None) -> Page:
        """Entities of a type with this value in a field, newest first. Raises InvalidCursor.

        Raises KeyError for a field that the type is not listed by.
        """

    def find_idempotency_record(self, key: str) -> IdempotencyRecord | None:
        """Read the record of a keyed command, consistently."""

    def list_history(self, entity_id: str, *, limit: int, cursor: str | None) -> HistoryPage:
        """The recorded versions of an entity, oldest first, consistently."""

    def find_history_row(self, entity_id: str, version: int) -> HistoryRow | None:
        """Read one recorded version of an entity, consistently."""

    def find_head(self, entity_id: str, *, parent_id: str) -> Head | None:
        """The version and hash an entity stands at now; ``parent_id`` is the listing of an image, else the entity."""

    def find_current_row(self, entity_id: str, *, parent_id: str) -> HistoryRow | None:
        """The row of the version an entity stands at now, made from the item itself, which carries its change."""

    def iter_due(self, *, now: datetime) -> Iterator[DueItem]:
        """Go through everything that waits and is due, page by page; eventually consistent."""


class HistoryLog(Protocol):
    """Where the changes worker appends. Rows are never changed."""

    def append(self, rows: tuple[HistoryRow, ...]) -> Mapping[tuple[str, int], Exception]:
        """Put each row unless it is there; returns what failed by (entity id, version)."""
