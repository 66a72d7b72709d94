"""The generated set through the public API and the real worker: every slot ends, nothing stalls, memory is bounded."""

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.journey.client import Client
from tests.e2e.machine import Machine, eventually
from tests.e2e.processes import descendants_of
from tests.e2e.shops import Picture, Shop, send_picture
from tests.fixtures.pictures import METADATA_MARKS, jpeg, scene
from tests.proofs.images.generated import Sample, generate

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

MOST_MIB = 512
IN_A_LISTING = 12
_STARTED_CPU_SECONDS = 0.7  # of a renderer that is ready takes half; one that decodes 49 megapixels soon takes more


class Memory:
    """The most memory that each process of a pool has held, by process id."""

    def __init__(self) -> None:
        self.peaks: dict[int, tuple[str, int]] = {}

    def look(self, leader: int) -> None:
        for process in descendants_of(leader):
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            peak = re.search(r"VmHWM:\s+(\d+)", status)
            name = "renderer" if "images.rendering" in process.command else "child"
            if peak is not None:
                self.peaks[process.pid] = name, int(peak[1]) // 1024

    def most(self, name: str) -> int:
        return max(peak for found, peak in self.peaks.values() if found == name)

    @contextmanager
    def watched(self, leader: int) -> Iterator[None]:
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.03):
                self.look(leader)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("images"))
    machine.start()
    yield machine
    machine.close()


def test_every_slot_ends_and_no_process_swells(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    shop, leader, memory = Shop(machine, "northwind"), machine.leader("images"), Memory()
    samples, wrong = generate(), []
    with memory.watched(leader.pid):
        for start in range(0, len(samples), IN_A_LISTING):
            wrong += _put_through(shop, samples[start : start + IN_A_LISTING])
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(samples)} files; at most {memory.most('renderer')} MiB in a renderer, "
            f"{memory.most('child')} MiB in a worker's child\n"
        )
    assert wrong == []
    assert leader.is_alive
    assert max(memory.most("renderer"), memory.most("child")) <= MOST_MIB
    depths = machine.queue_depths()
    assert {name: depth for name, depth in depths.items() if "-images" in name and depth} == {}


@pytest.mark.parametrize(
    ("victim", "number"),
    [("renderer", signal.SIGSEGV), ("renderer", signal.SIGKILL), ("child", signal.SIGKILL)],
    ids=["decoder crashes", "renderer is killed", "child is killed"],
)
def test_poison_does_not_hold_up_the_others_of_a_shop(machine: Machine, victim: str, number: signal.Signals) -> None:
    """Five pictures whose process, or whose worker's child, ends at each attempt, and a good one behind them."""
    shop, leader = Shop(machine, "northwind"), machine.leader("images")
    seller, slow = shop.shopper(), Picture(jpeg(scene(7_900, 6_200), interlace=True))
    poison = shop.draft(seller, [slow] * 5)
    over = threading.Event()

    def crash() -> None:
        while not over.wait(0.05):
            for process in descendants_of(leader.pid):
                if "images.rendering" in process.command and process.cpu_seconds() > _STARTED_CPU_SECONDS:
                    os.kill(process.pid if victim == "renderer" else process.parent, number)

    for image in poison["images"]:
        assert send_picture(image, slow).status == 204
    thread = threading.Thread(target=crash)
    thread.start()
    try:
        good = Picture(jpeg(scene(32, 24)))
        draft = shop.draft(seller, [good])
        assert send_picture(draft["images"][0], good).status == 204
        (image,) = shop.images_done(seller, draft["id"], seconds=90)
        assert image["status"] == "ready"
        ended = shop.images_done(seller, poison["id"], seconds=240)
    finally:
        over.set()
        thread.join()
    reasons = {image["rejection_reason"] for image in ended}
    assert "unprocessable" in reasons
    assert reasons <= {"unprocessable", None}, "one that was done before it was noticed is ready"
    eventually(lambda: machine.queue_depths()["northwind-images-dlq"], lambda depth: depth == 0, until="no letter")


def _put_through(shop: Shop, samples: list[Sample]) -> list[str]:
    """Upload into a draft's slots; return what did not end as it has to."""
    seller = shop.shopper()
    pictures = [Picture(sample.data, sample.content_type) for sample in samples]
    draft = shop.draft(seller, pictures)
    for image, picture in zip(draft["images"], pictures, strict=True):
        assert send_picture(image, picture).status == 204
    images = shop.images_done(seller, draft["id"], seconds=240)
    wrong = []
    for sample, image in zip(samples, images, strict=True):
        if image["status"] not in sample.outcomes:
            wrong.append(f"{sample.name}: {image['status']} {image['rejection_reason']}")
        if image["status"] == "rejected" and not image["rejection_reason"]:
            wrong.append(f"{sample.name}: no reason")
        for rendition in image["renditions"]:
            body = Client(rendition["url"]).get("").content
            if [mark for mark in (*METADATA_MARKS, b"Camera") if mark in body]:
                wrong.append(f"{sample.name}: metadata in a rendition")
    return wrong
