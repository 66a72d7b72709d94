"""The metric by which workers scale: what waits in two tenants' queues on the real engine, published as one sum."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from pytest_django import Settings

from apps.core.logs import Formatter
from apps.workers import queue_backlog
from apps.workers.queue_backlog import BACKLOG, EVERY, QUEUE_CLASS, TENANTS, QueueBacklog
from apps.workers.roles import sweep_loops
from resale.bootstrap import Container
from resale.domain.served_tenants import served_tenants_of
from resale.domain.tenants import Tenant
from resale.errors import Unavailable
from tests.fixtures.graveyard import Graveyard
from tests.fixtures.storefront import Front
from tests.unit.builders import NOW

LATER = NOW + EVERY


class Counting:
    """Two tenants whose queues hold what a test puts there, and the lines that are published."""

    def __init__(self, container: Container, yards: tuple[Graveyard, Graveyard], log: pytest.LogCaptureFixture) -> None:
        self._container = container
        self._log = log
        self.yards = yards
        self.tenants = [yard.tenant for yard in yards]

    def put(self, yard: Graveyard, queue: str, count: int) -> None:
        for number in range(count):
            yard.owner.send_message(QueueUrl=yard.queue(queue).url, MessageBody=f"{number}")

    def waiting(self, yard: Graveyard, queue: str) -> int:
        """Ask the account's owner how many messages wait."""
        name = "ApproximateNumberOfMessages"
        found = yard.owner.get_queue_attributes(QueueUrl=yard.queue(queue).url, AttributeNames=[name])
        return int(found["Attributes"][name])

    def count(self, backlog: QueueBacklog, tenant: Tenant) -> None:
        backlog.count(tenant, self._container.queues(tenant), now=NOW)

    def publish(self, backlog: QueueBacklog) -> None:
        for now in (NOW, LATER):  # the first call starts the minute
            backlog.publish(self.tenants, now=now)

    def lines(self) -> list[Any]:
        return [json.loads(Formatter().format(one)) for one in self._log.records if one.name == "resale.metrics"]

    def sums(self) -> dict[str, int]:
        return {line[QUEUE_CLASS]: line[BACKLOG] for line in self.lines() if BACKLOG in line}

    def missing(self) -> list[str]:
        found = [one for one in self._log.records if getattr(one, "event", "") == "backlog.incomplete"]
        return [one.tenants for one in found]  # type: ignore[attr-defined]  # an extra field


@pytest.fixture
def counting(
    container: Container, graveyard: Graveyard, other_graveyard: Graveyard, caplog: pytest.LogCaptureFixture
) -> Iterator[Counting]:
    with caplog.at_level(logging.INFO):
        yield Counting(container, (graveyard, other_graveyard), caplog)


def out_of_reach(tenant: Tenant, other: Tenant) -> Tenant:
    """A tenant whose queues refuse its role: they are another's."""
    resources = msgspec.structs.replace(tenant.resources, queues=other.resources.queues)
    return msgspec.structs.replace(tenant, resources=resources)


class TestPublish:
    def test_writes_the_sum_of_all_tenants_by_class(self, counting: Counting) -> None:
        northwind, atelier = counting.yards
        counting.put(northwind, "orders", 3)
        counting.put(atelier, "orders", 2)
        counting.put(atelier, "images", 1)
        backlog = QueueBacklog()
        for tenant in counting.tenants:
            counting.count(backlog, tenant)
        counting.publish(backlog)
        assert counting.sums() == {"changes": 0, "orders": 5, "images": 1}
        assert len(counting.lines()) == 3
        assert counting.missing() == []

    def test_describes_the_class_and_no_tenant_as_a_dimension(self, counting: Counting) -> None:
        backlog = QueueBacklog()
        counting.count(backlog, counting.tenants[0])
        counting.publish(backlog)
        (directives,) = {json.dumps(line["_aws"]["CloudWatchMetrics"]) for line in counting.lines()}
        (directive,) = json.loads(directives)
        assert (directive["Namespace"], directive["Dimensions"]) == ("Resale", [[QUEUE_CLASS]])
        assert directive["Metrics"] == [{"Name": BACKLOG, "Unit": "Count"}]

    def test_counts_what_waits_and_not_what_is_being_processed(self, counting: Counting) -> None:
        yard = counting.yards[0]
        counting.put(yard, "orders", 2)
        yard.owner.receive_message(QueueUrl=yard.queue("orders").url, MaxNumberOfMessages=1)
        backlog = QueueBacklog()
        counting.count(backlog, yard.tenant)
        counting.publish(backlog)
        assert counting.sums()["orders"] == 1

    def test_leaves_out_who_cannot_be_reached_and_names_them(self, counting: Counting) -> None:
        northwind, atelier = counting.yards
        counting.put(northwind, "orders", 3)
        backlog = QueueBacklog()
        counting.count(backlog, northwind.tenant)
        with pytest.raises(Unavailable):
            counting.count(backlog, out_of_reach(atelier.tenant, northwind.tenant))
        counting.publish(backlog)
        assert counting.sums()["orders"] == 3
        assert counting.missing() == [atelier.tenant.slug]
        assert {(line["tenants_counted"], line["tenants_missing"]) for line in counting.lines()} == {(1, 1)}

    def test_writes_nothing_when_nobody_was_counted(self, counting: Counting) -> None:
        """A backlog of 0 would remove workers while all queues are out of reach."""
        counting.publish(QueueBacklog())
        assert counting.lines() == []
        assert len(counting.missing()) == 1

    def test_does_not_use_an_old_count(self, counting: Counting) -> None:
        backlog = QueueBacklog()
        counting.count(backlog, counting.tenants[0])
        backlog.publish(counting.tenants[:1], now=LATER)
        backlog.publish(counting.tenants[:1], now=NOW + timedelta(minutes=4))
        assert counting.lines() == []

    def test_writes_once_a_minute(self, counting: Counting) -> None:
        backlog = QueueBacklog()
        counting.count(backlog, counting.tenants[0])
        for seconds in (0, 5, 59, 60, 65, 119):
            backlog.publish(counting.tenants[:1], now=NOW + timedelta(seconds=seconds))
        assert len(counting.lines()) == 3

    def test_of_own_processes_is_another_metric(self, counting: Counting) -> None:
        backlog = QueueBacklog(["third", "atelier"])
        counting.count(backlog, counting.tenants[0])
        counting.publish(backlog)
        line = counting.lines()[0]
        assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[QUEUE_CLASS, TENANTS]]
        assert line[TENANTS] == "atelier,third"


class TestTheSweep:
    @pytest.mark.parametrize("words", [(), ("-third",), ("northwind",)])
    def test_counts_the_tenants_that_it_visits(
        self,
        front: Front,
        counting: Counting,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
        words: tuple[str, ...],
    ) -> None:
        monkeypatch.setattr(queue_backlog, "EVERY", timedelta())
        settings.SERVED_TENANTS = served_tenants_of(words)
        counting.put(counting.yards[0], "images", 2)
        loops = sweep_loops(interval_seconds=0, health_file=None)
        loops._make_round(front.shop.tenant)()
        loops._on_alive([front.shop.tenant])
        # The round also wakes what other tests left in this shop, and counts afterwards.
        assert counting.sums()["images"] == counting.waiting(counting.yards[0], "images") >= 2
        groups = {line.get(TENANTS) for line in counting.lines() if BACKLOG in line}
        assert groups == {"northwind" if words == ("northwind",) else None}
