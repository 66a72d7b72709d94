"""The scenes of a rehearsal: what happens to the tasks and the registry while the traffic flows."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from tests.e2e.machine import eventually
from tests.rehearsal.balancer import GROUPS
from tests.rehearsal.stage import Stage

_WORKERS: Final = ("changes", "sweep", "worker-orders", "worker-images")
_IN_THE_ORDER_OF_A_RELEASE: Final = (*_WORKERS, "web")  # docs/operations.md, "Release"
_IN_FLIGHT: Final = 20  # requests: twice as many as there are clients


@dataclass(frozen=True)
class Scene:
    """One scene: its name in the table, and how many requests may fail before their client repeats them.

    ``play`` returns that budget.
    """

    name: str
    play: Callable[[Stage], int]


def stay(stage: Stage, *, seconds: float) -> int:  # noqa: ARG001 - a scene's signature
    """Do nothing for a while, to see that nothing fails by itself."""
    time.sleep(seconds)
    return 0


def deploy_rolling(stage: Stage) -> int:
    """Replace each task of each service by one of the next release: the new one first."""
    stage.next_release()
    for service in _IN_THE_ORDER_OF_A_RELEASE:
        for old in stage.of(service):
            stage.add_task(service, old.zone)
            stage.remove_task(old)
    return 0


def scale_in_and_out(stage: Stage) -> int:
    """Scale each service of workers, and web, from two tasks to one and back."""
    services = _IN_THE_ORDER_OF_A_RELEASE
    zones = {service: stage.of(service)[0].zone for service in services}
    for service in services:
        stage.remove_task(stage.of(service)[0])
    for service in services:
        stage.add_task(service, zones[service])
    return 0


def switch_web(stage: Stage) -> int:
    """Start the next release of web beside the present one, send all requests to it at once, and stop the former."""
    stage.next_release()
    blue = stage.of("web")
    group = next(group for group in GROUPS if group != stage.balancer.live)
    for task in blue:
        stage.add_task("web", task.zone, group=group)
    stage.balancer.switch(group)
    for task in blue:
        stage.remove_task(task)
    return 0


def lose_zone(stage: Stage) -> int:
    """Kill half of every service at once; replace it when the load balancer has noticed.

    Until then the load balancer sends a share of the requests to tasks that are gone. With two tasks that is half of
    them, so this is the budget, with a fifth more for chance.
    """
    lost = [task for task in stage.tasks if task.zone == "b"]
    dead = [task.name for task in lost if task.service == "web"]
    before = stage.balancer.counts()
    stage.kill_tasks(lost)
    eventually(
        lambda: [name for name in dead if stage.balancer.is_up(name)],
        lambda up: not up,
        until="the load balancer has noticed",
        seconds=2 * stage.balancer.noticed_seconds,
    )
    meanwhile = stage.balancer.counts() - before
    stage.forget_killed(lost)
    for task in lost:
        stage.add_task(task.service, task.zone)
    return _IN_FLIGHT + round(meanwhile.requests * 0.6)


def lose_registry(stage: Stage, *, seconds: float) -> int:
    """Stop PostgreSQL for a while: what is cached is served, and no order waits for it."""
    stage.stop_registry()
    time.sleep(seconds)
    stage.start_registry()
    return 0


def stall_registry(stage: Stage, *, seconds: float) -> int:
    """Freeze PostgreSQL for a while: connections are accepted, and nothing responds on them."""
    with stage.frozen_registry():
        time.sleep(seconds)
    return 0


def scenes(*, database_down_seconds: float) -> tuple[Scene, ...]:
    """List the scenes in the order in which they are played."""
    return (
        Scene("nothing happens", partial(stay, seconds=20)),
        Scene("rolling deploy", deploy_rolling),
        Scene("scale in and out", scale_in_and_out),
        Scene("blue-green switch of web", switch_web),
        Scene("a zone is killed", lose_zone),
        # A process knows a key from its first request on, and new tasks have had none.
        Scene("new tasks meet every key", partial(stay, seconds=40)),
        Scene(f"registry down {database_down_seconds:g} s", partial(lose_registry, seconds=database_down_seconds)),
        Scene("registry stalls 40 s", partial(stall_registry, seconds=40)),
        Scene("nothing happens again", partial(stay, seconds=20)),
    )
