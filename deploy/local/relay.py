"""The relay, which replaces the Pipes on one machine: stream → changes queue, checkpoint after send.

What the queue will never take, it sets aside as a Pipe does: where the record lies goes to the Pipes' dead-letter
queue, and the records behind it are carried. What fails for the moment is tried again, and nothing is set aside for it.

It polls a stream only when the engine's file moved. What was sent and not consumed before ministack was killed is gone
from the queue: ministack's generation then differs from the checkpoint's, and the relay starts again from the
streams' beginning. Consumers are idempotent, so sending again is harmless.
"""

import json
import logging
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from deploy.local.database_watch import DatabaseWatch
from resale.application.ports import CONTENT_REFUSED, StreamRange
from resale.domain.tenants import Tenant
from resale.struct_types import build_struct_types

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.05
REFRESH_SECONDS: Final = 5.0
BACK_OFF_FIRST_SECONDS: Final = 0.5
BACK_OFF_MAX_SECONDS: Final = 10.0


class Batch(Protocol):
    """Records of one shard, ready to be sent."""

    @property
    def bodies(self) -> Sequence[str]:
        """Messages, oldest first."""

    @property
    def ranges(self) -> Sequence[StreamRange]:
        """The position of each message's record."""

    @property
    def position(self) -> Mapping[str, str]:
        """The position of the shard after them."""


class Streams(Protocol):
    """The streams of a tenant."""

    def read(self, positions: Mapping[str, str]) -> Iterator[Batch]:
        """Read all records after ``positions``."""


class Sender(Protocol):
    """The queues of a tenant."""

    def send(self, queue_url: str, bodies: Sequence[str]) -> Mapping[int, str]:
        """Send bodies; return the failures by position."""


#: Puts down where a record lies that the queue does not take. Raises Unavailable.
SetAside = Callable[[StreamRange], None]


class Checkpoint:
    """The position up to which a tenant's streams were sent, in a file that is replaced atomically."""

    def __init__(self, path: Path, generation_file: Path) -> None:
        self._path = path
        self._generation_file = generation_file
        self._loaded_generation = ""

    def generation(self) -> str:
        """Return the generation of the queue engine whose messages still exist."""
        return self._generation_file.read_text()

    def load(self) -> dict[str, str]:
        """Return the positions; empty if ministack lost messages since, or nothing was sent yet."""
        self._loaded_generation = self.generation()
        try:
            stored = json.loads(self._path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):  # half of a file is a beginning, too
            return {}
        positions: dict[str, str] = stored["positions"]
        return positions if stored["generation"] == self._loaded_generation else {}

    def save(self, positions: Mapping[str, str]) -> None:
        """Store the positions with the generation in which they were loaded.

        Not for the present one: if ministack was killed since, what was sent before is gone, and these positions must
        not pass for the new generation's.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps({"generation": self._loaded_generation, "positions": dict(positions)}))
        draft.replace(self._path)


class TenantRelay:
    """Sends the changes of one tenant."""

    def __init__(
        self,
        *,
        streams: Streams,
        sender: Sender,
        queue_url: str,
        set_aside: SetAside,
        watch: DatabaseWatch,
        checkpoint: Checkpoint,
    ) -> None:
        self._set_aside = set_aside
        self._streams = streams
        self._sender = sender
        self._queue_url = queue_url
        self._watch = watch
        self._checkpoint = checkpoint
        self._generation: str | None = None

    def run_once(self) -> int:
        """Send new changes; the engine is not called while its file has not changed.

        Returns:
            How many changes were sent.

        Raises:
            Unavailable: Engine or queue did not respond; what was not sent is sent next time.
        """
        generation = self._checkpoint.generation()
        if not self._watch.has_changed() and generation == self._generation:
            return 0
        try:
            sent = self._drain()
        except BaseException:
            self._watch.forget()
            raise
        self._generation = generation  # read before the streams were: a crash meanwhile is seen as a change
        return sent

    def finish(self) -> int:
        """Send the changes since the last run, whatever the watch reports; return their number.

        A stand-in engine forgets its stream when it stops, so what is not sent by then is in no history.

        Raises:
            Unavailable: As ``run_once`` does.
        """
        self._watch.forget()
        return self.run_once()

    def _drain(self) -> int:
        positions = self._checkpoint.load()
        sent = 0
        for batch in self._streams.read(positions):
            failed = self._sender.send(self._queue_url, batch.bodies) if batch.bodies else {}
            self._set_aside_refused(batch, failed)
            positions.update(batch.position)
            self._checkpoint.save(positions)
            sent += len(batch.bodies) - len(failed)
        return sent

    def _set_aside_refused(self, batch: Batch, failed: Mapping[int, str]) -> None:
        """Set aside the changes that the queue always refuses; a temporary fault is raised before that."""
        passing = [code for code in failed.values() if code not in CONTENT_REFUSED]
        if passing:
            raise RelayStalled(f"{len(passing)} changes were not accepted by the queue")
        for position, code in failed.items():
            place = batch.ranges[position]
            self._set_aside(place)
            where = {"stream_arn": place.stream_arn, "sequence_number": place.first}
            logger.error("change set aside", extra={"event": "change.set_aside", "why": code, **where})


class RelayStalled(Exception):  # noqa: N818 - named for what happened
    """Raised when the queue did not accept everything; the checkpoint stays before it."""


class _Serving(NamedTuple):
    """The thread of a tenant, as it was known when the thread began."""

    tenant: Tenant
    ending: threading.Event
    thread: threading.Thread


class Relay:
    """One thread for each tenant, so that no tenant's fault stops another."""

    def __init__(self, *, tenants: Callable[[], Iterable[Tenant]], make: Callable[[Tenant], TenantRelay]) -> None:
        self._tenants = tenants
        self._make = make
        self._stopping = threading.Event()
        self._serving: dict[str, _Serving] = {}

    def run(self) -> None:
        """Send changes until ``stop``; new tenants are added, and a changed resource map is read anew."""
        build_struct_types()
        while not self._stopping.is_set():
            try:
                for tenant in self._tenants():
                    self._serve_latest(tenant)
            except Exception:  # the registry is away: those we know go on
                logger.exception("tenants could not be read")
            self._stopping.wait(REFRESH_SECONDS)
        for serving in self._serving.values():
            serving.thread.join()

    def stop(self) -> None:
        """Make ``run`` end; safe in a signal handler."""
        self._stopping.set()

    def _serve_latest(self, tenant: Tenant) -> None:
        known = self._serving.get(tenant.id)
        if known is not None and known.tenant.resources == tenant.resources:
            return
        if known is not None:  # two threads of one tenant would write over each other's checkpoint
            known.ending.set()
            known.thread.join()
        ending = threading.Event()
        thread = threading.Thread(target=self._serve, args=(tenant, ending), name=f"relay-{tenant.slug}", daemon=True)
        self._serving[tenant.id] = _Serving(tenant, ending, thread)
        thread.start()

    def _serve(self, tenant: Tenant, ending: threading.Event) -> None:
        relay: TenantRelay | None = None
        back_off = BACK_OFF_FIRST_SECONDS
        while not (self._stopping.is_set() or ending.is_set()):
            try:
                relay = relay or self._make(tenant)
                relay.run_once()
                wait, back_off = LOOK_SECONDS, BACK_OFF_FIRST_SECONDS
            except Exception:  # this tenant's fault is this tenant's: say it, wait, try again with fresh clients
                logger.exception("relay failed", extra={"tenant": tenant.slug})
                relay = None
                wait = back_off * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
                back_off = min(back_off * 2, BACK_OFF_MAX_SECONDS)
            self._stopping.wait(wait)
        if not ending.is_set():  # what the tables of a former resource map have left is dropped
            self._finish(tenant, relay)

    @staticmethod
    def _finish(tenant: Tenant, relay: TenantRelay | None) -> None:
        try:
            if relay is not None:
                relay.finish()
        except Exception:  # the next run reads on from the checkpoint
            logger.exception("relay could not send the last changes", extra={"tenant": tenant.slug})
