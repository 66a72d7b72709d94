"""What one tenant's uploads notice of another's 5,000 queued ones: ``python -m bench.neighbour_jobs``.

Tenant B sends one image at a time and waits until it is rendered. In turn, round by round, tenant A's queue is empty;
it is full, and a worker of A's own renders it on the same cores; it is full, and one worker with two children serves
both. What is left between the last two is what tenants notice of each other. The workers, the engines and what is
measured share the cores, so the figures mean something on a machine that does nothing else.
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import django
import pyvips

from bench.processes import children
from bench.stack import Stack, prepare_environment
from deploy.local.brands import BRANDS, Brand

_ALONE, _APART, _SHARED = _TURNS = ("A's queue empty", "full, a worker of A's own", "full, one worker for both")
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
    parser.add_argument("--rounds", type=int, default=4, help="of the three turns")
    parser.add_argument("--images", type=int, default=40, help="of B in each turn")
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
    _permit_own_processes()
    loud, quiet = Uploads(BRANDS[0]), Uploads(BRANDS[1])
    loud.upload(queued + 8 * rounds * count)  # some are rendered in each round
    quiet.upload(3 * rounds * (count + _CHILD_COUNT))
    times: dict[str, list[float]] = {turn: [] for turn in _TURNS}

    def time_turn(turn: str) -> None:
        for _ in range(_CHILD_COUNT):
            quiet.time_next()  # imports, sessions, connections
        if turn != _ALONE:
            loud.queue(queued)
        times[turn] += [quiet.time_next() for _ in range(count)]

    for number in range(rounds):
        with _worker(stack, child_count=_CHILD_COUNT):
            time_turn(_ALONE)
            time_turn(_SHARED)
            loud.empty()
        with (
            _worker(stack, child_count=_CHILD_COUNT, tenant=BRANDS[1].slug),
            _worker(stack, child_count=_CHILD_COUNT // 2, tenant=BRANDS[0].slug),
        ):
            time_turn(_APART)
            print(f"  round {number + 1} of {rounds}: A has {loud.empty()} images left")
    print(f"\nB renders one image after the other; A has {queued} queued and uses {_CHILD_COUNT // 2} child at most")
    print(f"| | {' | '.join(_TURNS)} | shared to apart |\n| --- | --- | --- | --- | --- |")
    for name, percent in (("p50", 50), ("p90", 90), ("p99", 99)):
        alone, apart, shared = (statistics.quantiles(times[turn], n=100)[percent - 1] for turn in _TURNS)
        print(f"| B {name} | {alone:.0f} ms | {apart:.0f} ms | {shared:.0f} ms | {shared / apart - 1:+.0%} |")
    print(f"{rounds * count} images in each column; load {os.getloadavg()[0]:.1f}")


@contextmanager
def _worker(stack: Stack, *, child_count: int, tenant: str = "") -> Iterator[None]:
    pid = stack.start_images_worker(child_count=child_count, tenant=tenant)
    try:
        _await(lambda: len(children(pid)) == child_count, "the worker has its children")
        yield
    finally:
        stack.stop_images_worker(tenant=tenant)


def _permit_own_processes() -> None:
    """Give the tenants a tier whose workers can be their own."""
    from apps.tenancy.models import Tenant  # noqa: PLC0415 - models load only once Django is set up
    from resale.domain.entitlements import Tier  # noqa: PLC0415 - as above

    Tenant.objects.update(tier=Tier.PREMIUM.value)


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
