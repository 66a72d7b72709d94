"""Celery's consumer, made safe: messages that it cannot run stay in SQS, and its loop has a heartbeat."""

import logging
from pathlib import Path
from typing import Any

from celery import bootsteps
from celery.exceptions import NotRegistered
from celery.worker.consumer import Consumer
from kombu.exceptions import ContentDisallowed

from apps.workers import health

logger = logging.getLogger(__name__)


class Heartbeat(bootsteps.StartStopStep):
    """Rewrites the health file from a timer of the event loop."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        """Write a heartbeat as soon as the event loop runs, then regularly.

        Not before: Celery is still starting until then, and a SIGTERM would end it with an error.
        """
        path = parent.app.conf.broker_transport_options.get("health_file")
        if path is None or parent.hub is None:
            return
        parent.hub.call_soon(_beat, Path(path), parent)
        self._timer = parent.hub.call_repeatedly(health.BEAT_SECONDS, _beat, Path(path), parent)

    def stop(self, parent: Any) -> None:  # noqa: ARG002 - Celery's signature
        """Stop the heartbeat."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _beat(path: Path, consumer: Any) -> None:
    try:
        health.write(path, consumer.task_consumer.channel.report() if consumer.task_consumer else {})
    except OSError as error:
        logger.error("health file not written: %r", error)  # noqa: TRY400 - one line is enough


class SafeConsumer(Consumer):
    """Rejects the messages that the stock consumer deletes, and logs neither bodies nor headers.

    The transport lets only well-formed bodies through; this is the second door.
    """

    def __init__(self, on_task_request: Any, **options: Any) -> None:
        options["app"].steps["consumer"].add(Heartbeat)
        super().__init__(on_task_request, **options)

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Reject a body that cannot be decoded; the stock consumer acknowledges it, which deletes it."""
        self._refuse(message, exc)

    def on_unknown_message(self, body: object, message: Any) -> None:  # noqa: ARG002 - Celery's signature
        """Reject a message without a task name."""
        self._refuse(message, ContentDisallowed("no task"))

    def on_unknown_task(self, body: object, message: Any, exc: Exception) -> None:  # noqa: ARG002 - same
        """Reject a task that is not registered here: a newer worker may have it."""
        self._refuse(message, NotRegistered(str(exc)))

    def on_invalid_task(self, body: object, message: Any, exc: Exception) -> None:  # noqa: ARG002 - same
        """Reject a task whose message violates the protocol."""
        self._refuse(message, exc)

    def _refuse(self, message: Any, error: Exception) -> None:
        queue = (message.delivery_info or {}).get("routing_key")
        logger.error("message %s on queue %s not run: %r", message.properties.get("correlation_id"), queue, error)
        message.channel.note_failure(message.delivery_tag, error)
        message.reject()
