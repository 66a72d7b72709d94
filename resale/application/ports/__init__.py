"""Ports: the interfaces that use cases need. Each Protocol documents its contract; adapters implement it."""

from resale.application.ports.clocks import ClockRepository
from resale.application.ports.customers import CustomerRepository
from resale.application.ports.dead_letters import (
    DeadLetterMessage,
    DeadLetterMessages,
    DeadLetterRepository,
    DeadLetters,
    FailureLog,
)
from resale.application.ports.ledger import LedgerRepository
from resale.application.ports.media import MediaRepository
from resale.application.ports.partners import (
    CONTENT_REFUSED,
    ConnectionStates,
    ImageCodec,
    Keyring,
    MediaStore,
    Partners,
    PaymentProvider,
    PrivateLinks,
    Queues,
    Received,
    Secrets,
    ShippingProvider,
    StoredObject,
    UploadForm,
    UploadForms,
)
from resale.application.ports.pipeline import Pipeline
from resale.application.ports.reading import (
    HistoryLog,
    Reader,
)
from resale.application.ports.records import (
    AlreadyPosted,
    Document,
    DueItem,
    Head,
    HistoryPage,
    HistoryRow,
    IdempotencyConflict,
    IdempotencyInProgress,
    IdempotencyMismatch,
    IdempotencyRecord,
    LedgerPage,
    Page,
    RecordsTrimmed,
    RecordUnreadable,
    ReferenceTaken,
    StreamRange,
)
from resale.application.ports.repositories import LostRace, Repository
from resale.application.ports.transfers import TransferRepository
from resale.application.ports.writing import IdempotencyRepository, ReferenceRepository, UnitOfWork, Vault

__all__ = [
    "CONTENT_REFUSED",
    "AlreadyPosted",
    "ClockRepository",
    "ConnectionStates",
    "CustomerRepository",
    "DeadLetterMessage",
    "DeadLetterMessages",
    "DeadLetterRepository",
    "DeadLetters",
    "Document",
    "DueItem",
    "FailureLog",
    "Head",
    "HistoryLog",
    "HistoryPage",
    "HistoryRow",
    "IdempotencyConflict",
    "IdempotencyInProgress",
    "IdempotencyMismatch",
    "IdempotencyRecord",
    "IdempotencyRepository",
    "ImageCodec",
    "Keyring",
    "LedgerPage",
    "LedgerRepository",
    "LostRace",
    "MediaRepository",
    "MediaStore",
    "Page",
    "Partners",
    "PaymentProvider",
    "Pipeline",
    "PrivateLinks",
    "Queues",
    "Reader",
    "Received",
    "RecordUnreadable",
    "RecordsTrimmed",
    "ReferenceRepository",
    "ReferenceTaken",
    "Repository",
    "Secrets",
    "ShippingProvider",
    "StoredObject",
    "StreamRange",
    "TransferRepository",
    "UnitOfWork",
    "UploadForm",
    "UploadForms",
    "Vault",
]
