"""Stores, queues, codecs and partners behind ports."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from resale.domain.media import RenderedImage
from resale.domain.money import Money
from resale.domain.payments import PaymentOutcome


class UploadForm(msgspec.Struct, frozen=True, kw_only=True):
    """A presigned POST: send ``fields`` and then ``file`` as multipart to ``url`` before ``expires_at``."""

    url: str
    fields: dict[str, str]
    expires_at: datetime


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an object. ``bytes`` is its size."""

    key: str
    version_id: str
    bytes: int


class UploadForms(Protocol):
    """Presigned POSTs to the tenant's media bucket."""

    def sign(self, *, key: str, content_type: str, min_bytes: int, max_bytes: int, now: datetime) -> UploadForm:
        """Sign a form bound to key, type and size range, with credentials that outlive it."""


class MediaStore(Protocol):
    """The tenant's media bucket."""

    def find_first_version(self, key: str) -> StoredObject | None:
        """Find the oldest version of an object: a slot is consumed once, later uploads never count."""

    def read(self, key: str, *, version_id: str, max_bytes: int) -> bytes:
        """Read one version, refusing more than ``max_bytes`` with ImageRefused(too_large)."""

    def put_rendition(self, key: str, *, body: bytes, content_type: str) -> None:
        """Store a content-addressed object; storing it again is a no-op."""


class ImageCodec(Protocol):
    """Turns an upload into clean renditions."""

    def render(self, data: bytes, *, declared_content_type: str) -> RenderedImage:
        """Sniff, bound, orient, strip, convert and scale. Raises ImageRefused."""


class PaymentProvider(Protocol):
    """A payment service. Every call is keyed by our attempt id; saying it twice charges once."""

    def charge(self, *, attempt_id: str, order_id: str, amount: Money, token: str) -> PaymentOutcome:
        """Authorise and capture. Raises Unavailable when the outcome is not known."""

    def find_charge(self, *, attempt_id: str) -> PaymentOutcome | None:
        """Ask what became of an attempt; None when the provider never booked it."""

    def refund(self, *, attempt_id: str) -> PaymentOutcome:
        """Give an attempt back, whole; one never booked is closed, so that a late charge under its id takes nothing.

        Returns state refunded or, when there was nothing to give back, voided (declined stays declined).
        """


class Keyring(Protocol):
    """Data keys per owner, wrapped by the tenant's key service."""

    def seal(self, *, owner_id: str, entity_id: str, plaintext: bytes) -> str:
        """Encrypt for an owner, bound to an entity; makes the owner's key when there is none."""

    def open(self, *, owner_id: str, entity_id: str, sealed: str) -> bytes:
        """Decrypt. Raises SealBroken when the token was changed or belongs elsewhere."""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One message as received. ``handle`` deletes it; ``receive_count`` is SQS's own count."""

    body: str
    message_id: str
    handle: str
    receive_count: int


class Queues(Protocol):
    """The queues of one tenant."""

    def receive(self, queue_url: str, *, wait_seconds: int, max_count: int = 10) -> tuple[Received, ...]:
        """Long-poll; raises Unavailable when the queue does not answer."""

    def send(self, queue_url: str, bodies: Sequence[str]) -> Mapping[int, str]:
        """Send in batches packed by ten and by bytes; returns the error code of each body that failed, by position."""

    def delete(self, queue_url: str, handles: Sequence[str]) -> None:
        """Delete what is done; one that fails comes again, which every consumer bears."""


class DeadLetters(Protocol):
    """The dead-letter queue of one queue, for an operator."""

    def list_messages(self) -> tuple[Received, ...]:
        """Give what lies there, up to a thousand; all of it stays. Raises Unavailable."""

    def replay(self, message_id: str) -> bool:
        """Send one message to its queue again and take it out; False when it is not there.

        Raises:
            Unavailable: The queue refused or did not answer; the message is still there.
        """
