"""The sweep: asks each tenant's tables what is due and sends its message. Commits nothing; several may run at once."""

import logging
from collections import defaultdict
from datetime import datetime
from typing import Final

from apps.workers.changes import queue_url
from apps.workers.messages import envelope
from resale.application.ports import Queues, Reader
from resale.application.reactions import Purpose, task_when_due

logger = logging.getLogger(__name__)

BATCH: Final = 200  # wake-ups a tenant and round; what is left is due still in the next


def sweep_tenant(*, reader: Reader, queues: Queues, now: datetime) -> int:
    """Send a message for everything of one tenant that is due.

    Shape: one query a shard and table; one batch of sends a queue. A wake-up sent twice finds the item moved on.

    Returns:
        How many messages SQS took.

    Raises:
        Unavailable: The tenant's store or queues do not answer; the next round asks again.
    """
    bodies: dict[Purpose, list[str]] = defaultdict(list)
    for item in reader.list_due(now=now, limit=BATCH):
        task = task_when_due(item)
        bodies[task.purpose].append(envelope(task.name, task.kwargs, task.id))
    sent = 0
    for purpose, texts in bodies.items():
        failed = queues.send(queue_url(reader.tenant, purpose), texts)
        sent += len(texts) - len(failed)
        for code in failed.values():
            logger.error("wake-up not sent", extra={"tenant": reader.tenant.slug, "why": code})
    return sent
