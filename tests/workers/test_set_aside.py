"""What becomes of changes that a Pipe set aside: the sweep sends them, and an operator can look and help."""

import itertools
import json
import uuid
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.workers.changes import set_aside
from apps.workers.changes.set_aside import Redelivery, SetAsideChanges
from apps.workers.roles import sweep_loops
from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.pipes import LocalPipe
from resale.application.ports import StreamRange
from tests.fixtures.graveyard import Graveyard
from tests.fixtures.storefront import Front
from tests.fixtures.streams import find_end
from tests.integration.callers import root
from tests.unit.builders import NOW

POISON = "before \uffff after"


class Aside:
    """One change whose text no queue takes, below the rules that refuse it, and the Pipe's letter about it."""

    def __init__(self, front: Front, engines: LocalEngines) -> None:
        self.front = front
        self.tenant = front.shop.tenant
        self.url = self.tenant.resources.pipes_dlq_url
        self._began = find_end(front.container.streams(self.tenant))
        self.owner: Any = root(self.tenant.account_id, engines.aws_endpoint_url).client("sqs", self.tenant.region)
        self._pipe = LocalPipe(self.tenant, aws_url=engines.aws_endpoint_url)
        self._table: Any = root(self.tenant.account_id, engines.dynamodb_endpoints[self.tenant.account_id]).client(
            "dynamodb", self.tenant.region
        )

    def plant(self) -> str:
        """Write an item as an older release would have, and set its record aside."""
        listing, _ = self.front.world.draft(self.front.shopper())
        key = {"pk": {"S": f"cus_{uuid.uuid4().hex}"}, "sk": {"S": "customer"}}
        doc = {"S": json.dumps({"id": key["pk"]["S"], "schema": 1, "text": POISON}, ensure_ascii=False)}
        (body, *_) = [body for _, body in self.records() if listing.id in body]
        change = json.loads(body)["dynamodb"]["NewImage"]["change"]
        item = {**key, "version": {"N": "1"}, "doc": doc, "change": change}
        self._table.put_item(TableName=self.tenant.resources.tables.customers, Item=item)
        (place,) = [place for place, body in self.records() if key["pk"]["S"] in body]
        self._pipe.set_aside(place, now=NOW)
        return key["pk"]["S"]

    def plant_letters(self, count: int) -> None:
        """Set one sound record aside so many times, as after an outage; a message each."""
        self.front.world.draft(self.front.shopper())
        (place, _), *_ = self.records()
        for _ in range(count):
            self._pipe.set_aside(place, now=NOW)

    def round(self, **bounds: Any) -> Redelivery:
        """Do one round of the sweep's."""
        container = self.front.container
        return SetAsideChanges(
            tenant=self.tenant,
            queues=container.queues(self.tenant),
            open_streams=lambda: container.streams(self.tenant),
            read_range=container.stream_range,
            **bounds,
        ).run_once()

    def plant_trimmed(self) -> None:
        self.front.world.draft(self.front.shopper())
        (place, _), *_ = self.records()
        gone = StreamRange(stream_arn=place.stream_arn, shard_id="shardId-gone", first="1", last="1")
        self._pipe.set_aside(gone, now=NOW)

    def records(self) -> list[tuple[StreamRange, str]]:
        batches = self.front.container.streams(self.tenant).read(self._began)
        return [pair for batch in batches for pair in zip(batch.ranges, batch.bodies, strict=True)]

    def said(self, action: str) -> str:
        output = StringIO()
        call_command("set_aside", self.tenant.slug, action, stdout=output)
        return output.getvalue()

    def count(self) -> int:
        return self.front.container.queues(self.tenant).count(self.url)


@pytest.fixture
def aside(front: Front, engines: LocalEngines, graveyard: Graveyard) -> Iterator[Aside]:
    assert graveyard.sent("changes") == []
    made = Aside(front, engines)
    made.owner.purge_queue(QueueUrl=made.url)
    yield made
    made.owner.purge_queue(QueueUrl=made.url)


class TestSweep:
    def test_sends_what_was_set_aside_as_it_was_written(self, aside: Aside, graveyard: Graveyard) -> None:
        planted = aside.plant()
        sweep_loops(interval_seconds=0, health_file=None)._make_round(aside.tenant)()
        (body,) = graveyard.sent("changes")
        assert body.isascii()
        row = aside.front.container.history_row(body)
        assert (row.entity_id, json.loads(row.doc)["text"]) == (planted, POISON)
        assert aside.count() == 0


class TestRound:
    """One round ends in bounded time, so that what is due at the tenant, and its heartbeats, do not wait for it."""

    def test_counts_what_it_sent(self, aside: Aside, graveyard: Graveyard, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(set_aside, "ROUND_LETTERS", 10)
        aside.plant_letters(11)
        done = aside.round()
        assert (done.sent, done.more, aside.count()) == (10, True, 1)
        done = aside.round()
        assert (done.sent, done.more, aside.count()) == (1, False, 0)
        assert len(graveyard.sent("changes")) == 11

    def test_starts_no_batch_after_its_time(self, aside: Aside, graveyard: Graveyard) -> None:
        aside.plant_letters(11)
        done = aside.round(monotonic=itertools.count(step=set_aside.ROUND_SECONDS).__next__)
        assert (done.sent, done.more, aside.count()) == (10, True, 1)
        assert len(graveyard.sent("changes")) == 10

    def test_that_left_some_is_followed_by_another_at_once(
        self, aside: Aside, graveyard: Graveyard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(set_aside, "ROUND_SECONDS", 0.0)
        sweep = sweep_loops(interval_seconds=60, health_file=None)._make_round(aside.tenant)
        aside.plant_letters(1)
        assert (sweep(), aside.count()) == (0.0, 0)
        assert sweep() == 60
        assert len(graveyard.sent("changes")) == 1


class TestCommand:
    def test_goes_on_until_nothing_is_left(
        self, aside: Aside, graveyard: Graveyard, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(set_aside, "ROUND_LETTERS", 10)
        aside.plant_letters(11)
        assert aside.said("replay") == "11 changes sent to the changes queue, 0 messages not sent\n"
        assert len(graveyard.sent("changes")) == 11

    def test_counts_and_sends(self, aside: Aside, graveyard: Graveyard) -> None:
        aside.plant()
        assert aside.said("count") == "1 messages\n"
        assert aside.said("replay") == "1 changes sent to the changes queue, 0 messages not sent\n"
        assert aside.said("count") == "0 messages\n"
        assert len(graveyard.sent("changes")) == 1

    def test_discards_only_what_left_the_stream(self, aside: Aside, graveyard: Graveyard) -> None:
        aside.plant_trimmed()
        aside.plant()
        said = aside.said("discard")
        assert "trimmed" in said
        assert "(discarded)" in said
        assert said.endswith("1 changes sent to the changes queue, 1 messages not sent\n")
        assert (aside.count(), len(graveyard.sent("changes"))) == (0, 1)

    def test_fails_when_something_stays(self, aside: Aside) -> None:
        aside.plant_trimmed()
        with pytest.raises(CommandError, match="Messages that were not sent stay"):
            aside.said("replay")
        assert aside.count() == 1
