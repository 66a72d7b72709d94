"""CPU of the changes worker for each change: its consumer in a separate process, over full batches of real records.

``python -m bench.changes COUNT SLUG`` takes that many changes from the queue and prints what they cost.
"""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final

import django
import msgspec

from bench.figures import Figure
from resale.domain.tenants import Tenant

_BATCH: Final = 10  # what SQS gives at once, at most
_WARM_BATCHES: Final = 5
_PARTS: Final = 5  # samples


class Measurement(msgspec.Struct, frozen=True):
    """Measurement of the child process: CPU milliseconds a change by part, and the size of its batches."""

    samples: tuple[float, ...]
    batch_size: float


class TooFewChanges(Exception):  # noqa: N818 - named for what happened
    """Raised when the queue or the streams have too few changes to measure."""


def measure(tenant: Tenant, count: int, *, say: Callable[[str], None]) -> Figure:
    """Queue the stream records of the load, mixed over tables like the Pipe's, and measure their consumption."""
    queued = _queue(tenant, count + _WARM_BATCHES * _BATCH)
    say(f"  {queued} changes are queued")
    command = [sys.executable, "-m", "bench.changes", str(count), tenant.slug]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    measurement = msgspec.json.decode(done.stdout.splitlines()[-1], type=Measurement)  # log lines come before it
    return Figure(
        name="changes worker",
        unit="CPU ms/change",
        gate=1.5,
        samples=measurement.samples,
        remark=f"{measurement.batch_size:.1f} changes a batch",
    )


def main() -> None:
    """Consume the records and print the cost."""
    django.setup()
    print(msgspec.json.encode(_consume(int(sys.argv[1]), sys.argv[2])).decode())


def _queue(tenant: Tenant, count: int) -> int:
    from apps.core.container import get_container  # noqa: PLC0415 - settings are read only once Django is set up

    container = get_container()
    bodies = [body for batch in container.streams(tenant).read({}) for body in batch.bodies]
    if len(bodies) < count:
        raise TooFewChanges(f"{len(bodies)} stream records, {count} wanted")
    mixed = random.Random(1).sample(bodies, count)  # noqa: S311 - the same mix each time
    failed = container.queues(tenant).send(tenant.resources.queues.changes.url, mixed)
    if failed:
        raise TooFewChanges(f"{len(failed)} messages were not accepted by SQS")
    return count


def _consume(count: int, slug: str) -> Measurement:
    from apps.core.container import get_container  # noqa: PLC0415 - as above
    from apps.tenancy import registry  # noqa: PLC0415 - as above
    from apps.workers.changes.consumer import ChangesConsumer  # noqa: PLC0415 - as above

    tenant, container = registry.by_slug(slug), get_container()
    consumer = ChangesConsumer(
        tenant=tenant,
        queues=container.queues(tenant),
        history=container.history(tenant),
        read_row=container.history_row,
    )
    for _ in range(_WARM_BATCHES):
        consumer.run_once(wait_seconds=0)
    samples, batch_count, done_count = [], 0, 0
    for _ in range(_PARTS):
        part, before = 0, time.process_time()
        while part < count // _PARTS:
            received = consumer.run_once(wait_seconds=0)
            if not received:
                raise TooFewChanges(f"the queue was empty after {done_count + part} of {count}")
            part, batch_count = part + received, batch_count + 1
        samples.append((time.process_time() - before) * 1000 / part)
        done_count += part
    container.close()
    return Measurement(tuple(samples), done_count / batch_count)


if __name__ == "__main__":
    main()
