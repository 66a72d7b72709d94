"""The archive of offboarded tenants: exports and certificates, in a storage of the platform that outlives accounts."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

import msgspec
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage

from resale.application.ports import OffboardingProviders
from resale.domain.tenants import Tenant

_FORMAT: Final = "DynamoDB JSON, one item a line"
#: How many items are written between two renewals of the lease; a scan reads thousands a second.
_ITEMS_PER_RENEWAL: Final = 5_000
_encode: Final = msgspec.json.Encoder(order="sorted").encode


class ExportedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table in an export: ``file`` is relative to the storage, ``sha256`` of its bytes."""

    table: str
    file: str
    item_count: int
    byte_count: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of an export."""

    tenant_id: str
    slug: str
    stopped_at: datetime
    format: str = _FORMAT
    tables: tuple[ExportedTable, ...]


class SavedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the storage."""

    file: str
    sha256: str


class Archive:
    """The files of one storage, each under the slug of its tenant. Writing a file replaces it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def export(
        self, providers: OffboardingProviders, tenant: Tenant, *, stopped_at: datetime, renew: Callable[[], None]
    ) -> tuple[Manifest, SavedFile]:
        """Write every table as JSON lines, and the manifest last; ``renew`` is called from time to time."""
        folder = f"{tenant.slug}/export-{stopped_at:%Y%m%dT%H%M%SZ}"
        names = msgspec.structs.asdict(tenant.resources.tables)
        tables = []
        for purpose, name in names.items():
            renew()
            lines = providers.iter_items(tenant, name)
            tables.append(self._save_lines(f"{folder}/{purpose}.jsonl", name, lines, renew))
        manifest = Manifest(tenant_id=tenant.id, slug=tenant.slug, stopped_at=stopped_at, tables=tuple(tables))
        return manifest, self.save(f"{folder}/manifest.json", manifest)

    def save(self, name: str, content: msgspec.Struct) -> SavedFile:
        """Write one document as JSON with sorted keys."""
        encoded = msgspec.json.format(_encode(content), indent=2) + b"\n"
        self._replace(name, ContentFile(encoded))
        return SavedFile(file=name, sha256=hashlib.sha256(encoded).hexdigest())

    def _save_lines(self, name: str, table: str, lines: Iterator[bytes], renew: Callable[[], None]) -> ExportedTable:
        digest, item_count, byte_count = hashlib.sha256(), 0, 0
        with tempfile.TemporaryFile() as file:
            for line in lines:
                ended = line + b"\n"
                digest.update(ended)
                item_count, byte_count = item_count + 1, byte_count + file.write(ended)
                if item_count % _ITEMS_PER_RENEWAL == 0:
                    renew()
            file.seek(0)
            self._replace(name, File(file))
        return ExportedTable(
            table=table, file=name, item_count=item_count, byte_count=byte_count, sha256=digest.hexdigest()
        )

    def _replace(self, name: str, content: File) -> None:  # type: ignore[type-arg]  # of bytes
        self._storage.delete(name)
        self._storage.save(name, content)
