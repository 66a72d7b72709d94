"""The base class of tasks: it runs for the tenant whose queue was polled, and handles each kind of outcome."""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from celery import Task
from celery.exceptions import Reject
from kombu.utils.imports import symbol_by_name

from apps.core import clock
from apps.core.logs import log_context
from apps.workers.failures import Delivered, TaskTooLarge, try_record
from apps.workers.transport.bindings import TenantSource
from resale.domain.dead_letters import FailureOutcome
from resale.domain.tenants import Tenant
from resale.errors import NotFound, Rejected

logger = logging.getLogger(__name__)

_REFUSED: Final = {"event": "task.refused"}  # stable: alarms are set on it
_KNOWN_SECONDS: Final = (
    10.0  # a suspended tenant's messages are not run for longer than this after the registry says so
)


class TenantTask(Task[..., None]):
    """Base class of tasks: ``run(self, *, …ids)`` with ``self.tenant``.

    - NotFound and Rejected are final: noted with their code, and the message is deleted.
    - Conflict, Unavailable and anything else: noted, and the message stays; SQS delivers it again after a back-off,
      and in the end to the dead-letter queue. A task never retries itself and publishes nothing.
    - A queue of no active tenant: the message stays.
    """

    abstract = True
    Request = "apps.workers.tasks.requests:NotedRequest"

    def __call__(self, *_positional: Any, **ids: Any) -> None:
        """Run for the tenant of the queue; Celery calls this for each message."""
        with self._scope():
            try:
                self.run(**ids)
            except (NotFound, Rejected) as outcome:
                logger.warning("task ended: %s", outcome.code, extra={**_REFUSED, "code": outcome.code})
                self._note(outcome, ids, FailureOutcome.REFUSED)
            except MemoryError as error:
                self._note(too_large := TaskTooLarge(self.name), ids)
                raise too_large from error
            except Exception as error:
                self._note(error, ids)
                raise

    @property
    def queue_name(self) -> str:
        """The queue that this message was polled from. The transport sets it; a body cannot."""
        return str((self.request.delivery_info or {}).get("routing_key"))

    @property
    def receive_count(self) -> int:
        """The receive count of SQS, including this delivery. A body cannot forge it."""
        delivered = read_delivery(self.request.properties)
        return 1 if delivered is None else delivered.receive_count

    @property
    def tenant(self) -> Tenant:
        """The tenant that owns ``queue_name``.

        Raises:
            Reject: No active tenant has such a queue; the message stays in it.
        """
        tenant = _tenants_of(self.app.conf.broker_transport_options["tenants"]).find(self.queue_name)
        if tenant is None:
            raise Reject(f"no active tenant has queue {self.queue_name}", requeue=False)
        return tenant

    def _note(self, error: Exception, ids: Mapping[str, Any], outcome: FailureOutcome = FailureOutcome.FAILED) -> None:
        """Note why this delivery failed, if the worker has a recorder."""
        options, delivered = self.app.conf.broker_transport_options, read_delivery(self.request.properties)
        if delivered is None or options.get("failures") is None:
            return
        note = delivered.note(error, at=clock.for_platform(), outcome=outcome, task=self.name, kwargs=ids)
        tenant = self.tenant
        try_record(partial(symbol_by_name(options["failures"]), tenant), note, tenant=tenant)

    @contextmanager
    def _scope(self) -> Iterator[None]:
        """Add tenant, queue, task and message to every log line of the block."""
        with log_context(tenant=self.tenant.slug, queue=self.queue_name, task=self.name, task_id=str(self.request.id)):
            yield


def read_delivery(properties: Mapping[str, Any] | None) -> Delivered | None:
    """Return the identity of a delivery, as the transport wrote it; None for one from another source."""
    info = (properties or {}).get("delivery_info") or {}
    return Delivered(**info["delivered"]) if "delivered" in info else None


class _TenantsByQueue:
    """The active tenants by queue name, read again if a name is unknown or the list is old."""

    def __init__(self, source: TenantSource) -> None:
        self._source = source
        self._by_queue: dict[str, Tenant] = {}
        self._read_at = -_KNOWN_SECONDS

    def find(self, queue_name: str) -> Tenant | None:
        """Return the tenant of a queue."""
        if queue_name not in self._by_queue or time.monotonic() - self._read_at > _KNOWN_SECONDS:
            self._by_queue = {
                queue.name: tenant
                for tenant in self._source()
                for queue in (tenant.resources.queues.orders, tenant.resources.queues.images)
            }
            self._read_at = time.monotonic()
        return self._by_queue.get(queue_name)


_known = threading.local()  # per thread (and so per pool process): nothing shared, nothing to lock


def _tenants_of(source_path: str) -> _TenantsByQueue:
    tables: dict[str, _TenantsByQueue] = _known.__dict__
    if source_path not in tables:
        tables[source_path] = _TenantsByQueue(symbol_by_name(source_path))
    return tables[source_path]
