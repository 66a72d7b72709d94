"""The relay between real streams and a real queue: what it carries, remembers, sends again, and never stops for."""

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.workers.changes.consumer import ChangesConsumer
from apps.workers.changes.set_aside import Redelivery, SetAsideChanges
from deploy.local.database_watch import DatabaseWatch
from deploy.local.engines.local import LocalEngines
from deploy.local.provisioning.pipes import LocalPipe
from deploy.local.relay import Checkpoint, Relay, RelayStalled, TenantRelay
from resale.application.ports import StreamRange
from resale.bootstrap import Container
from resale.domain.actors import Actor, ActorKind
from resale.domain.changes import Change, encode_change
from resale.domain.tenants import Tenant
from resale.errors import Unavailable
from resale.settings import Settings
from tests.integration.callers import root
from tests.local.processes import until
from tests.unit.builders import NOW

POISON = "before \uffff after"
SAMPLE = json.loads((Path(__file__).parent / "samples" / "pipe-message.json").read_text())


class Ground:
    """One tenant's tables and changes queue, and relays between them."""

    def __init__(self, tenant: Tenant, engines: LocalEngines, container: Container, folder: Path) -> None:
        self.tenant = tenant
        self.container = container
        self.engines = engines
        self.folder = folder
        self.generation_file = folder / "generation"
        self.generation_file.write_text("first")
        self.url = tenant.resources.queues.changes.url
        self.owner: Any = root(tenant.account_id, engines.aws_endpoint_url).client("sqs", tenant.region)
        self._dynamodb: Any = root(tenant.account_id, engines.dynamodb_endpoints[tenant.account_id]).client(
            "dynamodb", tenant.region
        )
        self.queues = container.queues(tenant)

    def relay(
        self, sender: Any = None, streams: Any = None, *, set_aside: Any = None, seconds_later: int = 0
    ) -> TenantRelay:
        """A relay as a new process would be; what it remembers is in its file. ``seconds_later`` sets its clock."""
        return TenantRelay(
            streams=streams or self.container.streams(self.tenant),
            sender=sender or self.queues,
            queue_url=self.url,
            set_aside=set_aside or self.set_aside,
            watch=DatabaseWatch(
                self.engines.dynamodb_file(self.tenant.account_id),
                clock_ns=lambda: time.time_ns() + seconds_later * 10**9,
            ),
            checkpoint=self.checkpoint(),
        )

    def set_aside(self, place: StreamRange) -> None:
        LocalPipe(self.tenant, aws_url=self.engines.aws_endpoint_url).set_aside(place, now=NOW)

    def set_aside_count(self) -> int:
        return self.queues.count(self.tenant.resources.pipes_dlq_url)

    def stream_arn(self) -> str:
        (arn, *_) = (
            place.stream_arn for batch in self.container.streams(self.tenant).read({}) for place in batch.ranges
        )
        return arn

    def redeliver(self) -> Redelivery:
        """Do what the sweep does about what was set aside."""
        return SetAsideChanges(
            tenant=self.tenant,
            queues=self.queues,
            open_streams=lambda: self.container.streams(self.tenant),
            read_range=self.container.stream_range,
        ).run_once()

    def consume(self) -> None:
        """Do what the changes worker does, until nothing is left."""
        consumer = ChangesConsumer(
            tenant=self.tenant,
            queues=self.queues,
            history=self.container.history(self.tenant),
            read_row=self.container.history_row,
        )
        while consumer.run_once(wait_seconds=0):
            pass

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.folder / "checkpoint.json", self.generation_file)

    def write(self, *, with_change: bool = True, count: int = 1, text: str = "") -> list[str]:
        """Write customers, below everything that refuses a text; returns their ids."""
        ids = [f"cus_{uuid.uuid4().hex}" for _ in range(count)]
        for entity_id in ids:
            written = item(entity_id, with_change, text)
            self._dynamodb.put_item(TableName=self.tenant.resources.tables.customers, Item=written)
        return ids

    def taken(self) -> list[dict[str, Any]]:
        """Take every message off the queue."""
        found: list[dict[str, Any]] = []
        while received := self.queues.receive(self.url, wait_seconds=0):
            found += [json.loads(message.body) for message in received]
            self.queues.delete(self.url, [message.handle for message in received])
        return found

    def taken_ids(self) -> list[str]:
        """The customers whose changes lay in the queue."""
        return sorted(message["dynamodb"]["Keys"]["pk"]["S"] for message in self.taken())

    def next_ids(self) -> list[str]:
        """Wait for messages, and take them."""
        received = self.queues.receive(self.url, wait_seconds=5)
        self.queues.delete(self.url, [message.handle for message in received])
        return sorted({json.loads(message.body)["dynamodb"]["Keys"]["pk"]["S"] for message in received})


def item(entity_id: str, with_change: bool, text: str = "") -> dict[str, Any]:  # noqa: FBT001 - a test's switch
    change = Change(
        id=f"chg_{uuid.uuid4().hex}",
        type="customer.created",
        actor=Actor(ActorKind.SYSTEM, "test"),
        request_id="req_1",
        transaction_id="txn_1",
        at=datetime(2026, 6, 17, 11, 3, 1, tzinfo=UTC),
    )
    plain = {"pk": {"S": entity_id}, "sk": {"S": "customer"}, "version": {"N": "1"}}
    doc = json.dumps({"id": entity_id, "schema": 1, "text": text}, ensure_ascii=False)
    return {**plain, "doc": {"S": doc}, **({"change": {"S": encode_change(change)}} if with_change else {})}


@pytest.fixture
def container(resale_settings: Settings) -> Iterator[Container]:
    opened = Container(resale_settings)
    yield opened
    opened.close()


@pytest.fixture
def ground(tenants: tuple[Tenant, Tenant], engines: LocalEngines, container: Container, tmp_path: Path) -> Ground:
    """Everything written before has been carried and taken."""
    made = Ground(tenants[0], engines, container, tmp_path)
    made.relay().run_once()
    made.taken()
    made.owner.purge_queue(QueueUrl=made.tenant.resources.pipes_dlq_url)
    return made


class Failing:
    """A queue that does not take the last body, as often as it is told to."""

    def __init__(self, inner: Any, times: int) -> None:
        self._inner = inner
        self._times = times

    def send(self, queue_url: str, bodies: Sequence[str]) -> Mapping[int, str]:
        if not self._times:
            return dict(self._inner.send(queue_url, bodies))
        self._times -= 1
        self._inner.send(queue_url, bodies[:-1])
        return {len(bodies) - 1: "InternalError"}


class Counting:
    """Streams that count how often they were read."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.reads = 0

    def read(self, positions: Mapping[str, str]) -> Iterator[Any]:
        self.reads += 1
        return iter(self._inner.read(positions))


class TestTenantRelay:
    def test_carries_each_change_once(self, ground: Ground) -> None:
        relay, written = ground.relay(), ground.write(count=25)
        assert relay.run_once() == 25
        assert ground.taken_ids() == sorted(written)
        assert until(lambda: relay.run_once() == 0)
        assert ground.taken() == []

    def test_carries_only_items_with_a_change(self, ground: Ground) -> None:
        ground.write(with_change=False, count=3)
        (written,) = ground.write()
        assert ground.relay().run_once() == 1
        assert ground.taken_ids() == [written]

    def test_writes_the_message_that_a_pipe_writes(self, ground: Ground) -> None:
        ground.write()
        ground.relay().run_once()
        (message,) = ground.taken()
        assert shape(message) == shape(SAMPLE)

    def test_goes_on_where_an_ended_one_stopped(self, ground: Ground) -> None:
        ground.write()
        ground.relay().run_once()
        (second,) = ground.write()
        ground.taken()
        assert ground.relay().run_once() == 1
        assert ground.taken_ids() == [second]

    def test_sends_again_what_the_queue_did_not_take(self, ground: Ground) -> None:
        relay = ground.relay(sender=Failing(ground.queues, times=1), seconds_later=10)  # every write has settled
        relay.run_once()
        written = ground.write(count=3)
        with pytest.raises(RelayStalled, match="1 changes were not accepted by the queue"):
            until(lambda: relay.run_once() > 0)  # an engine without a file is looked at once a second
        relay.run_once()
        assert set(ground.taken_ids()) == set(written)

    def test_reads_nothing_while_nothing_is_written(self, ground: Ground) -> None:
        streams = Counting(ground.container.streams(ground.tenant))
        relay = ground.relay(streams=streams)
        assert until(lambda: is_idle(relay, streams))
        ground.write()
        assert until(lambda: relay.run_once() == 1)

    def test_starts_over_when_messages_were_lost(self, ground: Ground) -> None:
        relay, written = ground.relay(), ground.write(count=3)
        relay.run_once()
        ground.taken()  # as a crash would
        ground.generation_file.write_text("second")
        relay.run_once()
        assert set(written) <= set(ground.taken_ids())

    def test_starts_over_when_they_were_lost_while_it_sent(self, ground: Ground) -> None:
        class Crashing:
            def send(self, _queue_url: str, _bodies: Sequence[str]) -> Mapping[int, str]:
                ground.generation_file.write_text("second")  # taken, lost, and the queue is back
                return {}

        written = ground.write(count=3)
        ground.relay(sender=Crashing()).run_once()
        ground.relay().run_once()
        assert set(written) <= set(ground.taken_ids())

    def test_takes_half_a_checkpoint_for_a_beginning(self, ground: Ground) -> None:
        (written,) = ground.write()
        (ground.folder / "checkpoint.json").write_text('{"generation": "fi')
        ground.relay().run_once()
        assert written in ground.taken_ids()


class TestPoison:
    """One record that the queue never takes: it holds nothing up, nothing of it is lost, and it reaches history."""

    def test_is_set_aside_and_what_is_behind_it_is_carried(self, ground: Ground) -> None:
        before, _, behind = ground.write(count=2), ground.write(text=POISON), ground.write(count=12)
        assert ground.relay().run_once() == 14
        assert ground.taken_ids() == sorted([*before, *behind])
        assert ground.set_aside_count() == 1

    def test_is_read_again_from_the_stream_and_recorded_as_it_was_written(self, ground: Ground) -> None:
        (poison,) = ground.write(text=POISON)
        ground.relay().run_once()
        assert ground.redeliver() == Redelivery(sent=1, left=())
        ground.consume()
        (row,) = ground.container.reader(ground.tenant).list_history(poison, limit=10, cursor=None).rows
        assert json.loads(row.doc)["text"] == POISON
        assert ground.set_aside_count() == 0

    def test_each_character_that_the_queue_refuses_ends_in_history(self, ground: Ground) -> None:
        characters = [chr(number) for number in (0x1, 0xB, 0x1F, 0xFFFE, 0xFFFF)]
        written = {ground.write(text=character)[0]: character for character in characters}
        ground.relay().run_once()
        ground.redeliver()
        ground.consume()
        reader = ground.container.reader(ground.tenant)
        for entity_id, character in written.items():
            (row,) = reader.list_history(entity_id, limit=10, cursor=None).rows
            assert json.loads(row.doc)["text"] == character

    def test_of_a_fault_of_the_moment_nothing_is_set_aside(self, ground: Ground) -> None:
        relay, _ = ground.relay(sender=Failing(ground.queues, times=1)), ground.write(text=POISON, count=2)
        with pytest.raises(RelayStalled):
            relay.run_once()
        assert ground.set_aside_count() == 0

    def test_that_cannot_be_set_aside_is_kept_before_the_checkpoint(self, ground: Ground) -> None:
        def refuse(_place: StreamRange) -> None:
            raise Unavailable("planted")

        ground.write(text=POISON)
        with pytest.raises(Unavailable, match="planted"):
            ground.relay(set_aside=refuse).run_once()
        ground.relay().run_once()
        assert ground.set_aside_count() == 1

    def test_whose_record_left_the_stream_is_reported_and_stays(self, ground: Ground) -> None:
        ground.set_aside(StreamRange(stream_arn=ground.stream_arn(), shard_id="shardId-gone", first="1", last="1"))
        done = ground.redeliver()
        assert (done.sent, [left.why for left in done.left]) == (0, ["trimmed"])
        assert ground.set_aside_count() == 1

    def test_may_be_any_message(self, ground: Ground) -> None:
        ground.owner.send_message(QueueUrl=ground.tenant.resources.pipes_dlq_url, MessageBody="no letter")
        assert [left.why for left in ground.redeliver().left] == ["unreadable"]


class TestRelay:
    def test_serves_others_while_one_tenant_fails(
        self, ground: Ground, tenants: tuple[Tenant, Tenant], running: Callable[[Relay], None]
    ) -> None:
        (written,) = ground.write()

        def make(tenant: Tenant) -> TenantRelay:
            if tenant is not ground.tenant:
                raise RuntimeError("no engine")
            return ground.relay()

        running(Relay(tenants=lambda: reversed(tenants), make=make))
        assert ground.next_ids() == [written]

    def test_comes_back_when_the_queue_does(self, ground: Ground, running: Callable[[Relay], None]) -> None:
        (written,) = ground.write()
        sender = Failing(ground.queues, times=2)
        running(Relay(tenants=lambda: [ground.tenant], make=lambda _: ground.relay(sender=sender)))
        assert ground.next_ids() == [written]

    def test_carries_what_was_written_last_before_it_ends(self, ground: Ground) -> None:
        written: list[str] = ground.write()

        class Ending:
            """Streams that are written to once more when they were read, as the platform is asked to end."""

            def read(self, positions: Mapping[str, str]) -> Iterator[Any]:
                yield from ground.container.streams(ground.tenant).read(positions)
                if len(written) == 1:
                    written.extend(ground.write())
                    relay.stop()

        relay = Relay(tenants=lambda: [ground.tenant], make=lambda _: ground.relay(streams=Ending()))
        relay.run()
        assert set(ground.taken_ids()) == set(written)


class TestDatabaseWatch:
    @pytest.fixture
    def database(self, tmp_path: Path) -> Path:
        path = tmp_path / "a.sqlite"
        path.write_bytes(b"1")
        path.with_name("a.sqlite-wal").write_bytes(b"1")
        return path

    def test_sees_each_write_once(self, database: Path) -> None:
        now = [database.stat().st_mtime_ns + 10**9]
        watch = DatabaseWatch(database, clock_ns=lambda: now[0])
        assert [watch.has_changed(), watch.has_changed()] == [True, False]
        os.utime(database.with_name("a.sqlite-wal"), ns=(now[0], now[0]))
        now[0] += 10**9
        assert [watch.has_changed(), watch.has_changed()] == [True, False]

    def test_looks_again_after_a_look_within_the_clocks_tick(self, database: Path) -> None:
        written_ns = database.with_name("a.sqlite-wal").stat().st_mtime_ns
        now = [written_ns + 1_000_000]
        watch = DatabaseWatch(database, clock_ns=lambda: now[0])
        assert [watch.has_changed(), watch.has_changed()] == [True, True]
        now[0] += 10**9
        assert [watch.has_changed(), watch.has_changed()] == [True, False]

    def test_says_so_again_when_what_it_saw_was_not_used(self, database: Path) -> None:
        watch = DatabaseWatch(database, clock_ns=lambda: database.stat().st_mtime_ns + 10**9)
        watch.has_changed()
        watch.forget()
        assert watch.has_changed()

    def test_says_so_once_a_second_where_there_is_no_file(self, tmp_path: Path) -> None:
        now = [10**12]
        watch = DatabaseWatch(tmp_path / "absent.sqlite", clock_ns=lambda: now[0])
        assert [watch.has_changed(), watch.has_changed()] == [True, False]
        now[0] += 10**9
        assert watch.has_changed()


class TestTheStoredSample:
    def test_is_read_by_the_changes_worker(self, container: Container) -> None:
        row = container.history_row(json.dumps(SAMPLE))
        assert (row.entity_id, row.version, row.change.type) == (
            "cus_01970000000070008000000000000001",
            1,
            "customer.created",
        )


@pytest.fixture
def running() -> Iterator[Callable[[Relay], None]]:
    """Start relays on threads; they are stopped after the test."""
    started: list[tuple[Relay, threading.Thread]] = []

    def start(relay: Relay) -> None:
        thread = threading.Thread(target=relay.run)
        thread.start()
        started.append((relay, thread))

    yield start
    for relay, thread in started:
        relay.stop()
        thread.join(10)
        assert not thread.is_alive()


def is_idle(relay: TenantRelay, streams: Counting) -> bool:
    before = streams.reads
    relay.run_once()
    return streams.reads == before


def shape(value: Any) -> Any:
    """The keys all the way down, and the type of each value."""
    if isinstance(value, dict):
        return {key: shape(entry) for key, entry in value.items()}
    return "number" if isinstance(value, int | float) else type(value).__name__
