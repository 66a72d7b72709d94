"""A rehearsal: its scenes under traffic, the figures of each, and what must hold at the end."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.e2e.outcome import Findings, Outcome
from tests.e2e.sales import Sale, Sales
from tests.e2e.shops import Shop, seen
from tests.rehearsal.balancer import Counts
from tests.rehearsal.messages import expected_after, read_processed
from tests.rehearsal.scenes import Scene
from tests.rehearsal.stage import Stage
from tests.rehearsal.traffic import Traffic

_BRAND: Final = "northwind"
_HEADINGS: Final = (
    "scene",
    "seconds",
    "requests",
    "failed",
    "may fail",
    "orders submitted",
    "orders complete",
    "messages lost",
)


@dataclass(frozen=True)
class Played:
    """The figures of a scene. ``budget`` is how many requests may fail; dead letters are those that it added."""

    name: str
    seconds: float
    counts: Counts
    budget: int
    dead_letters: int


class Rehearsal:
    """Plays scenes on a stage that has started."""

    def __init__(self, stage: Stage, *, say: Callable[[str], None]) -> None:
        self._stage, self._say = stage, say
        self._sales = Sales(Shop(stage, _BRAND))
        self._outcome = Outcome(self._sales, stage, say=say)
        self._traffic = Traffic(self._sales)
        self._played: list[Played] = []
        self._unfinished: dict[str, int] = {}
        self._lost: dict[str, set[str]] = {}

    def play(self, scenes: Sequence[Scene]) -> list[str]:
        """Play the scenes in turn under traffic, let every order end, and return what is wrong."""
        self._traffic.scene = scenes[0].name
        with self._traffic.flowing():
            for scene in scenes:
                self._played.append(self._play(scene))
        self._say("waiting for the last orders")
        sales = self._traffic.submitted()
        found = self._await_and_look(sales)
        processed = read_processed(self._stage.logs)
        for scene in scenes:
            submitted = self._traffic.submitted(scene.name)
            self._unfinished[scene.name] = sum(bool(self._sales.rest(sale)) for sale in submitted)
            self._lost[scene.name] = {lost for sale in submitted for lost in self._expected(sale) - processed}
        self._stage.note_ended()
        failed = [
            f"{played.name}: {played.counts.failed} requests failed, and {played.budget} may"
            for played in self._played
            if played.counts.failed > played.budget
        ]
        lost = [f"{name}: lost {', '.join(sorted(ids)[:5])}" for name, ids in self._lost.items() if ids]
        return [*found.lines, *failed, *lost, *dict.fromkeys(self._stage.failures), *self._traffic.failures]

    def _await_and_look(self, sales: list[Sale]) -> Findings:
        """Wait for all ends and check everything; an end that never comes is a finding."""
        try:
            self._sales.await_ends(sales)
            self._say("paying the sellers")
            self._outcome.pay_sellers()
            return self._outcome.look(sales)
        except AssertionError as never:
            return Findings([str(never)])

    def table(self) -> Iterator[str]:
        """Iterate over the lines of the table, as Markdown."""
        yield f"| {' | '.join(_HEADINGS)} |"
        yield f"| --- |{' ---: |' * (len(_HEADINGS) - 1)}"
        for played in self._played:
            submitted = len(self._traffic.submitted(played.name))
            unfinished = self._unfinished[played.name]
            figures = (
                f"{played.seconds:.0f}",
                played.counts.requests,
                played.counts.failed,
                played.budget,
                submitted,
                submitted - unfinished,
                len(self._lost[played.name]) + played.dead_letters,
            )
            yield f"| {played.name} | {' | '.join(map(str, figures))} |"

    def _play(self, scene: Scene) -> Played:
        self._say(f"scene: {scene.name}")
        self._traffic.scene = scene.name
        began, counts, dead = time.monotonic(), self._stage.balancer.counts(), self._dead_letters()
        budget = scene.play(self._stage)
        self._stage.note_ended()
        return Played(
            name=scene.name,
            seconds=time.monotonic() - began,
            counts=self._stage.balancer.counts() - counts,
            budget=budget,
            dead_letters=self._dead_letters() - dead,
        )

    def _expected(self, sale: Sale) -> set[str]:
        history = seen(self._sales.shop.brand, f"/v1/orders/{sale.order_id}/history?limit=100")
        return expected_after(sale.order_id, history["data"])

    def _dead_letters(self) -> int:
        depths = self._stage.queue_depths()
        return sum(count for name, count in depths.items() if name.endswith("-dlq"))
