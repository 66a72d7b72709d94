"""What one tenant's uploads notice of another's 5,000 queued ones: ``python -m bench.neighbour_jobs``.

One images worker with two children serves both tenants. Tenant B sends one image at a time and waits until it is
rendered; tenant A's queue is empty and full in turn, round by round. Printed are B's times in both. The worker, the
engines and what is measured share the cores, so the figures mean something on a machine that does nothing else.
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import django
import pyvips

from bench.processes import children
from bench.stack import Stack, prepare_environment
from deploy.local.brands import BRANDS, Brand

_QUEUED_COUNT: Final = 5_000
_CHILD_COUNT: Final = 2
_IMAGES_A_LISTING: Final = 12
_EDGE_PX: Final = 640
_PATIENCE_SECONDS: Final = 120.0
_LOOK_EVERY_SECONDS: Final = 0.002
_VISIBLE, _HIDDEN = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"


class NotDone(Exception):  # noqa: N818 - named for what happened
    """The worker did not do in time what is measured."""


def main() -> int:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.neighbour_jobs", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=4, help="of images with A's queue empty, and as many with it full"
    )
    parser.add_argument("--images", type=int, default=40, help="of B in each half of a round")
    parser.add_argument("--queued", type=int, default=_QUEUED_COUNT, help="images in A's queue")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resale-bench-") as folder:
        prepare_environment(Path(folder))
        django.setup()
        with Stack(Path(folder), say=print) as stack:
            stack.start_data()
            _measure(stack, rounds=options.rounds, count=options.images, queued=options.queued)
    return 0


def _measure(stack: Stack, *, rounds: int, count: int, queued: int) -> None:
    loud, quiet = Uploads(BRANDS[0]), Uploads(BRANDS[1])
    loud.upload(queued + 4 * rounds * count)  # some are rendered in each round
    quiet.upload(2 * rounds * count + _CHILD_COUNT)
    pid = stack.start_images_worker(child_count=_CHILD_COUNT)
    _await(lambda: len(children(pid)) == _CHILD_COUNT, "the worker has its children")
    for _ in range(_CHILD_COUNT):
        quiet.time_next()  # imports, sessions, connections
    alone: list[float] = []
    beside: list[float] = []
    for number in range(rounds):
        alone += [quiet.time_next() for _ in range(count)]
        loud.queue(queued)
        beside += [quiet.time_next() for _ in range(count)]
        print(f"  round {number + 1} of {rounds}: A has {loud.empty()} images left")
    print(f"\nB renders one image after the other; A has {queued} queued; one worker, {_CHILD_COUNT} children")
    print("| | A's queue empty | A's queue full | change |\n| --- | --- | --- | --- |")
    for name, percent in (("p50", 50), ("p90", 90), ("p99", 99)):
        one, other = (statistics.quantiles(side, n=100)[percent - 1] for side in (alone, beside))
        print(f"| B {name} | {one:.0f} ms | {other:.0f} ms | {other / one - 1:+.0%} |")
    print(f"{len(alone)} images in each column; load {os.getloadavg()[0]:.1f}")


class Uploads:
    """Uploaded images of one tenant that no message was sent for yet, in order."""

    def __init__(self, brand: Brand) -> None:
        from apps.core.container import get_container  # noqa: PLC0415 - models load only once Django is set up
        from apps.tenancy import registry  # noqa: PLC0415 - as above
        from bench import seeding  # noqa: PLC0415 - as above

        self._tenant = registry.by_slug(brand.slug)
        session = get_container().sessions.for_tenant(self._tenant)
        self._s3: Any = session.client("s3")
        self._sqs: Any = session.client("sqs")
        self._queue_url = self._tenant.resources.queues.images.url
        self._queues = get_container().queues(self._tenant)
        ((self._subject, _),) = seeding.enrol(self._tenant, 1, named="uploader")
        self._waiting: list[Any] = []

    def upload(self, count: int) -> None:
        """Make drafts and store their originals; the messages of S3 about them are taken out of the queue."""
        picture = _draw()
        drafts = -(-count // _IMAGES_A_LISTING)
        self._waiting += itertools.chain.from_iterable(self._draft(picture) for _ in range(drafts))
        self.empty()

    def queue(self, count: int) -> None:
        """Send messages for the next images. Raises NotDone."""
        self._send(self._waiting[:count])

    def time_next(self) -> float:
        """Send the message of one image; return the milliseconds until it is rendered. Raises NotDone."""
        image = self._waiting.pop(0)
        began = time.perf_counter()
        self._send([image])
        _await(lambda: self._is_rendered(image), "an image is rendered")
        return (time.perf_counter() - began) * 1000

    def empty(self) -> int:
        """Empty the queue and wait for what is under way; return how many images are not rendered. Raises NotDone."""
        # The tenant's role cannot purge a queue.
        take = partial(self._sqs.receive_message, QueueUrl=self._queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        while found := take().get("Messages"):
            entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(found)]
            self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
        _await(lambda: not any(self._counts()), "the queue is empty")
        while self._waiting and self._is_rendered(self._waiting[0]):
            del self._waiting[0]
        return len(self._waiting)

    def _draft(self, picture: bytes) -> Sequence[Any]:
        from bench import seeding  # noqa: PLC0415 - as above
        from resale.application.operations.listings import create_listing  # noqa: PLC0415 - as above
        from resale.domain.listings import Condition, NewListing, PriceInput, SlotInput  # noqa: PLC0415 - as above
        from resale.domain.media import original_key  # noqa: PLC0415 - as above

        slots = (SlotInput(content_type="image/jpeg", bytes=len(picture)),) * _IMAGES_A_LISTING
        price = PriceInput(amount=4_200, currency=self._tenant.currency)
        new = NewListing(title="Jacket", product="jacket", condition=Condition.GOOD, price=price, images=slots)
        shopper = seeding.shopper_of(self._tenant, self._subject)
        uow = seeding.open_uow(self._tenant, now=datetime.now(UTC))
        _, images = create_listing(uow, shopper=shopper, new=new)
        for image in images:
            self._s3.put_object(
                Bucket=self._tenant.resources.media_bucket,
                Key=original_key(image.listing_id, image.id),
                Body=picture,
                ContentType="image/jpeg",
            )
        return images

    def _send(self, images: Sequence[Any]) -> None:
        from apps.workers.messages import envelope  # noqa: PLC0415 - as above
        from resale.application.reactions import TASKS  # noqa: PLC0415 - as above
        from resale.domain.task_names import PROCESS_IMAGE  # noqa: PLC0415 - as above

        names = TASKS[PROCESS_IMAGE].arguments
        ids = [dict(zip(names, (image.listing_id, image.id), strict=True)) for image in images]
        if self._queues.send(self._queue_url, [envelope(PROCESS_IMAGE, each, uuid.uuid4().hex) for each in ids]):
            raise NotDone("SQS did not take every message")

    def _is_rendered(self, image: Any) -> bool:
        from bench import seeding  # noqa: PLC0415 - as above
        from resale.domain.media import MediaStatus  # noqa: PLC0415 - as above

        uow = seeding.open_uow(self._tenant, now=datetime.now(UTC))
        return uow.media.get(image.listing_id, image.id).status == MediaStatus.READY

    def _counts(self) -> tuple[int, int]:
        response = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=[_VISIBLE, _HIDDEN])
        return int(response["Attributes"][_VISIBLE]), int(response["Attributes"][_HIDDEN])


def _await(is_so: Callable[[], bool], until: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise NotDone(f"waited {_PATIENCE_SECONDS} s until {until}")
        time.sleep(_LOOK_EVERY_SECONDS)


def _draw() -> bytes:
    noise = pyvips.Image.gaussnoise(_EDGE_PX // 8, _EDGE_PX // 8, mean=128, sigma=40, seed=1)
    return bytes(noise.resize(8, kernel="cubic").cast("uchar").jpegsave_buffer(Q=80))


if __name__ == "__main__":
    sys.exit(main())
