"""From a committed write to its history: the consumer, what follows, poison alone in the DLQ, and reconciliation."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.workers.changes.consumer import HOLD_SECONDS, PAUSE_SECONDS, ChangesConsumer
from apps.workers.changes.reconciliation import reconcile_entity, reconcile_tenant
from apps.workers.sweep import Sweeper
from resale.application.ports import DueItem, FailureLog, HistoryLog, HistoryRow, RecordUnreadable
from resale.application.queries.history import Verification, verify_history
from resale.domain.dead_letters import FailureNote, LetterQueue
from resale.domain.history import Fault
from resale.domain.orders import Order
from resale.domain.tenants import Tenant
from resale.errors import Unavailable
from tests.fixtures.streams import find_end
from tests.operations.partners import Partners
from tests.operations.world import World, later


class Changes:
    """One tenant's changes, carried from its streams to its queue as the Pipe does, and consumed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queues = world.container.queues(world.tenant)
        self._began = find_end(world.container.streams(world.tenant))
        self.url = world.tenant.resources.queues.changes.url
        self.orders_url = world.tenant.resources.queues.orders.url
        self.consumer = ChangesConsumer(
            tenant=world.tenant,
            queues=self.queues,
            history=world.container.history(world.tenant),
            read_row=world.container.history_row,
            failures=world.container.failures(world.tenant),
        )

    def bodies_of(self, entity_id: str) -> list[str]:
        return [
            body
            for batch in self.world.container.streams(self.world.tenant).read(self._began)
            for body in batch.bodies
            if self.world.container.history_row(body).entity_id == entity_id
        ]

    def send(self, bodies: list[str]) -> None:
        assert self.queues.send(self.url, bodies) == {}

    def consume_all(self) -> None:
        while self.consumer.run_once(wait_seconds=0):
            pass

    def tasks(self) -> list[str]:
        """Take what lies in the orders queue."""
        found: list[str] = []
        while received := self.queues.receive(self.orders_url, wait_seconds=0):
            found += [message.body for message in received]
            self.queues.delete(self.orders_url, [message.handle for message in received])
        return found

    def sweeper(self) -> Sweeper:
        return Sweeper(reader=self.world.reader, queues=self.queues)

    def send_one(self, body: str) -> str:
        """Send one body; returns SQS's own id of the message."""
        client: Any = self.world.container.sessions.for_tenant(self.world.tenant).client("sqs")
        return str(client.send_message(QueueUrl=self.url, MessageBody=body)["MessageId"])

    def hidden_count(self) -> int:
        """How many changes were received and not deleted."""
        name = "ApproximateNumberOfMessagesNotVisible"
        client: Any = self.world.container.sessions.for_tenant(self.world.tenant).client("sqs")
        response = client.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])
        return int(response["Attributes"][name])

    def verify(self, entity_id: str) -> Verification:
        return verify_history(reader=self.world.reader, entity_id=entity_id, parent_id=entity_id)


@pytest.fixture
def changes(world: World) -> Iterator[Changes]:
    made = Changes(world)
    made.tasks()
    yield made
    made.consume_all()
    made.tasks()


@pytest.fixture
def submitted(world: World) -> Order:
    return world.order(world.shopper(), world.active(world.shopper()))


class TestChangesConsumer:
    def test_history_is_whole_however_records_arrive(self, changes: Changes, submitted: Order) -> None:
        bodies = changes.bodies_of(submitted.listing_id)
        changes.send([*reversed(bodies), *bodies])
        changes.consume_all()
        verification = changes.verify(submitted.listing_id)
        assert verification.verified
        assert verification.head_version == len(bodies) == 4

    def test_what_follows_is_sent_with_ids_only(self, changes: Changes, submitted: Order) -> None:
        changes.send(changes.bodies_of(submitted.id))
        changes.consume_all()
        (task,) = changes.tasks()
        assert json.loads(task)["headers"] == {"task": "orders.advance", "id": f"orders.advance:{submitted.id}:1"}
        assert json.loads(json.loads(task)["body"]) == [[], {"order_id": submitted.id}, {}]

    def test_a_redelivery_writes_the_same_row_and_the_same_message(self, changes: Changes, submitted: Order) -> None:
        (body,) = changes.bodies_of(submitted.id)
        changes.send([body])
        changes.consume_all()
        first = changes.world.reader.list_history(submitted.id, limit=10, cursor=None).rows
        changes.send([body])
        changes.consume_all()
        assert changes.world.reader.list_history(submitted.id, limit=10, cursor=None).rows == first
        assert len({json.loads(task)["headers"]["id"] for task in changes.tasks()}) == 1

    def test_poison_stays_and_its_neighbours_are_done(self, changes: Changes, submitted: Order) -> None:
        bodies = changes.bodies_of(submitted.listing_id)
        changes.send([bodies[0], '{"no":"record"}', *bodies[1:]])
        changes.consume_all()
        assert changes.verify(submitted.listing_id).verified
        assert changes.hidden_count() >= 1

    def test_one_that_breaks_its_reader_stays_and_its_neighbours_are_done(
        self, changes: Changes, submitted: Order
    ) -> None:
        def read(body: str) -> HistoryRow:
            if body == "breaks":
                raise RuntimeError("planted")
            return changes.world.container.history_row(body)

        changes.consumer = ChangesConsumer(
            tenant=changes.world.tenant,
            queues=changes.queues,
            history=changes.world.container.history(changes.world.tenant),
            read_row=read,
        )
        changes.send(["breaks", *changes.bodies_of(submitted.listing_id)])
        changes.consume_all()
        assert changes.verify(submitted.listing_id).verified

    def test_one_that_the_store_refuses_stays_and_its_neighbours_are_done(
        self, changes: Changes, submitted: Order
    ) -> None:
        bodies = changes.bodies_of(submitted.listing_id)
        record = json.loads(bodies[0])
        image = record["dynamodb"]["NewImage"]
        entity_id = "lst_" + "e" * 32
        image["doc"]["S"] = json.dumps({"id": entity_id, "text": "x" * 420_000})  # an item holds 400 KB
        before = changes.hidden_count()
        changes.send([json.dumps(record), *bodies])
        changes.consume_all()
        assert changes.verify(submitted.listing_id).verified
        assert changes.world.reader.find_history_row(entity_id, 1) is None
        assert changes.hidden_count() == before + 1

    def test_a_forged_row_for_a_known_version_is_refused(self, changes: Changes, submitted: Order) -> None:
        (body,) = changes.bodies_of(submitted.id)
        row = changes.world.container.history_row(body)
        history = changes.world.container.history(changes.world.tenant)
        assert history.append((row,)) == {}
        forged = HistoryRow(
            entity_id=row.entity_id, version=row.version, change=row.change, doc='{"status":"x"}', private=row.private
        )
        other = HistoryRow(
            entity_id=row.entity_id,
            version=row.version,
            change=type(row.change)(
                id="chg_other",
                type="order.confirmed",
                actor=row.change.actor,
                request_id="r",
                transaction_id="t",
                at=row.change.at,
            ),
            doc=row.doc,
        )
        assert history.append((forged,)) == {}  # the same change: the row that is there stays
        assert set(history.append((other,))) == {(submitted.id, 1)}
        assert changes.verify(submitted.id).verified


class Shut:
    """A tenant's queues, of which the orders queue takes nothing."""

    def __init__(self, changes: Changes) -> None:
        self._queues, self._orders_url = changes.queues, changes.orders_url
        self.receive, self.delete = changes.queues.receive, changes.queues.delete
        self.postponed: list[int] = []

    def postpone(self, queue_url: str, handles: list[str], *, seconds: int) -> None:
        self.postponed += [seconds] * len(handles)
        self._queues.postpone(queue_url, handles, seconds=seconds)

    def send(self, queue_url: str, bodies: list[str]) -> Mapping[int, str]:
        if queue_url == self._orders_url:
            raise Unavailable("the orders queue is shut")
        return self._queues.send(queue_url, bodies)


class TestAShutQueue:
    def test_keeps_back_only_the_changes_that_need_it(self, changes: Changes, submitted: Order) -> None:
        shut = Shut(changes)
        consumer = ChangesConsumer(
            tenant=changes.world.tenant,
            queues=shut,  # type: ignore[arg-type]  # lists for sequences
            history=changes.world.container.history(changes.world.tenant),
            read_row=changes.world.container.history_row,
        )
        hidden_before = changes.hidden_count()
        listing_changes = changes.bodies_of(submitted.listing_id)
        changes.send([*listing_changes, *changes.bodies_of(submitted.id)])
        while consumer.run_once(wait_seconds=0):
            pass
        assert changes.hidden_count() - hidden_before == 1  # the order's, which will be received again
        assert changes.verify(submitted.id).verified
        assert shut.postponed == [PAUSE_SECONDS[0]]


class Down(HistoryLog):
    """A history whose store takes nothing of some entities while it is down."""

    def __init__(self, inner: HistoryLog, entity_ids: set[str]) -> None:
        self._inner = inner
        self.entity_ids = entity_ids

    def append(self, rows: tuple[HistoryRow, ...]) -> Mapping[tuple[str, int], Exception]:
        down = {(row.entity_id, row.version) for row in rows if row.entity_id in self.entity_ids}
        taken = tuple(row for row in rows if (row.entity_id, row.version) not in down)
        return {**self._inner.append(taken), **{key: Unavailable("planted") for key in down}}


class TestAStoreThatIsDown:
    """A fault of the moment: no change may end in the dead letters for it, however long it lasts."""

    @pytest.fixture
    def store(self, changes: Changes, submitted: Order) -> Down:
        return Down(changes.world.container.history(changes.world.tenant), {submitted.id, submitted.listing_id})

    @pytest.fixture
    def seconds(self) -> list[float]:
        return [0.0]

    @pytest.fixture
    def consumer(self, changes: Changes, store: Down, seconds: list[float]) -> Iterator[ChangesConsumer]:
        changes.consumer = ChangesConsumer(
            tenant=changes.world.tenant,
            queues=changes.queues,
            history=store,
            read_row=changes.world.container.history_row,
            clock_seconds=lambda: seconds[0],
        )
        yield changes.consumer
        store.entity_ids.clear()

    def test_is_asked_with_the_batch_in_hand_alone(
        self, changes: Changes, submitted: Order, consumer: ChangesConsumer
    ) -> None:
        changes.send(changes.bodies_of(submitted.listing_id))
        while not consumer.run_once(wait_seconds=1):
            pass
        hidden = changes.hidden_count()
        changes.send(changes.bodies_of(submitted.id))
        for _ in range(3):
            with pytest.raises(Unavailable):
                consumer.run_once(wait_seconds=0)
        assert changes.hidden_count() == hidden  # nothing more was received, so nothing counts towards its last receive

    def test_gets_what_was_in_hand_as_soon_as_it_is_back(
        self, changes: Changes, submitted: Order, consumer: ChangesConsumer, store: Down
    ) -> None:
        changes.send(changes.bodies_of(submitted.listing_id))
        while not consumer.run_once(wait_seconds=1):
            pass
        with pytest.raises(Unavailable):
            consumer.run_once(wait_seconds=0)
        store.entity_ids.clear()
        changes.consume_all()
        assert changes.verify(submitted.listing_id).verified

    def test_that_takes_one_thing_never_stops_the_others(
        self, changes: Changes, submitted: Order, consumer: ChangesConsumer, store: Down, seconds: list[float]
    ) -> None:
        store.entity_ids.discard(submitted.listing_id)
        changes.send(changes.bodies_of(submitted.id))  # alone in its batch: it looks as if the store were down
        while not consumer.run_once(wait_seconds=1):
            pass
        changes.send(changes.bodies_of(submitted.listing_id))
        seconds[0] = HOLD_SECONDS
        changes.consume_all()
        assert changes.verify(submitted.listing_id).verified


class TestNotes:
    """Why a message of the changes queue stays, as whoever looks at its dead letter is told."""

    def test_of_what_is_no_record(self, changes: Changes) -> None:
        note = self.noted(changes, changes.send_one('{"no":"record"}'))
        assert (note.queue, note.code, note.exception) == (LetterQueue.CHANGES, "malformed", "RecordUnreadable")
        assert (note.receive_count, note.entity_ids) == (1, ())

    def test_of_what_is_on_record_otherwise(self, changes: Changes, submitted: Order) -> None:
        (body,) = changes.bodies_of(submitted.id)
        row = changes.world.container.history_row(body)
        history = changes.world.container.history(changes.world.tenant)
        assert history.append((row,)) == {}
        note = self.noted(changes, changes.send_one(body.replace("order.submitted", "order.confirmed")))
        assert (note.exception, note.entity_ids) == ("HistoryForked", (submitted.id,))

    def test_of_what_follows_that_was_not_taken(self, changes: Changes, submitted: Order) -> None:
        shut: Any = Shut(changes)
        changes.consumer = ChangesConsumer(
            tenant=changes.world.tenant,
            queues=shut,
            history=changes.world.container.history(changes.world.tenant),
            read_row=changes.world.container.history_row,
            failures=changes.world.container.failures(changes.world.tenant),
        )
        note = self.noted(changes, changes.send_one(changes.bodies_of(submitted.id)[0]))
        assert (note.code, note.entity_ids) == ("not_sent", (submitted.id,))

    def test_a_note_that_is_lost_holds_nothing_up(self, changes: Changes, submitted: Order) -> None:
        changes.consumer = ChangesConsumer(
            tenant=changes.world.tenant,
            queues=changes.queues,
            history=changes.world.container.history(changes.world.tenant),
            read_row=changes.world.container.history_row,
            failures=Lost(),
        )
        poison = changes.send_one('{"no":"record"}')
        changes.send(changes.bodies_of(submitted.id))
        changes.consume_all()
        assert changes.verify(submitted.id).verified
        assert changes.world.reader.find_failure(poison) is None

    def noted(self, changes: Changes, message_id: str) -> FailureNote:
        changes.consume_all()
        note = changes.world.reader.find_failure(message_id)
        assert note is not None
        return note


class Lost(FailureLog):
    """A store that takes no note."""

    def record(self, note: FailureNote) -> None:
        raise Unavailable(f"planted for {note.message_id}")


class TestHistoryRow:
    @pytest.mark.parametrize(
        "body",
        [
            "",
            "{}",
            "[]",
            '{"dynamodb":{}}',
            '{"dynamodb":{"NewImage":{"pk":{"S":"x"}}}}',
            '{"dynamodb":{"NewImage":{"version":{"N":null}}}}',
            '{"dynamodb":{"NewImage":{"version":{"M":[]}}}}',
            '{"dynamodb":{"NewImage":{"version":{"L":5}}}}',
            '{"dynamodb":{"NewImage":{"doc":' + '{"L":[' * 3000 + "]}" * 3000 + "}}}",
        ],
        ids=["empty", "object", "list", "no image", "no doc", "no number", "no map", "no list", "deep"],
    )
    def test_what_is_no_record_is_unreadable(self, world: World, body: str) -> None:
        with pytest.raises(RecordUnreadable):
            world.container.history_row(body)


class TestReconcile:
    def test_finds_and_mends_a_gap(self, changes: Changes, submitted: Order) -> None:
        bodies = changes.bodies_of(submitted.listing_id)
        changes.send([bodies[0], *bodies[2:]])
        changes.consume_all()
        assert [finding.fault for finding in changes.verify(submitted.listing_id).findings] == [Fault.GAP]
        container, tenant = changes.world.container, changes.world.tenant
        found = reconcile_tenant(
            reader=changes.world.reader,
            history=container.history(tenant),
            streams=container.streams(tenant),
            read_row=container.history_row,
        )
        assert found.repaired >= 1
        assert submitted.listing_id not in found.open
        assert changes.verify(submitted.listing_id).verified

    def test_records_the_newest_version_from_its_item_alone(self, changes: Changes, submitted: Order) -> None:
        bodies = changes.bodies_of(submitted.listing_id)
        changes.send(bodies[:-2])
        changes.consume_all()
        world = changes.world
        still_open = reconcile_entity(
            reader=world.reader,
            history=world.container.history(world.tenant),
            entity_id=submitted.listing_id,
            parent_id=submitted.listing_id,
        )
        assert [(finding.version, finding.fault) for finding in still_open] == [(3, Fault.GAP)]
        rows = world.reader.list_history(submitted.listing_id, limit=10, cursor=None).rows
        assert rows[-1] == world.container.history_row(bodies[-1])

    def test_looks_into_the_history_of_a_transfer(self, changes: Changes) -> None:
        world = changes.world
        order = world.sold(Partners())
        transfer = world.transfer(order)
        reconcile_tenant(
            reader=world.reader,
            history=world.container.history(world.tenant),
            streams=world.container.streams(world.tenant),
            read_row=world.container.history_row,
        )
        verification = verify_history(reader=world.reader, entity_id=transfer.id, parent_id=order.id)
        assert verification.verified


class TestSweep:
    def test_wakes_what_is_due_and_not_what_is_not(self, changes: Changes, submitted: Order) -> None:
        sweeper = changes.sweeper()
        sweeper.run_once(now=later(5))
        assert not [task for task in changes.tasks() if submitted.id in task]
        sweeper.run_once(now=later(31))
        assert len([task for task in changes.tasks() if submitted.id in task]) == 1

    def test_wakes_a_listing_whose_time_is_over(self, changes: Changes) -> None:
        listing = changes.world.active(changes.world.shopper())
        assert isinstance(listing.due_at, datetime)
        changes.sweeper().run_once(now=listing.due_at - timedelta(seconds=1))
        assert not [task for task in changes.tasks() if listing.id in task]
        changes.sweeper().run_once(now=listing.due_at)
        (task,) = [task for task in changes.tasks() if listing.id in task]
        assert json.loads(task)["headers"]["task"] == "listings.expire"
        assert json.loads(json.loads(task)["body"]) == [[], {"listing_id": listing.id}, {}]

    def test_several_sweeps_send_the_same_message(self, changes: Changes, submitted: Order) -> None:
        for _ in range(2):
            changes.sweeper().run_once(now=later(31))
        mine = [json.loads(task)["headers"]["id"] for task in changes.tasks() if submitted.id in task]
        assert len(mine) == 2
        assert len(set(mine)) == 1

    def test_what_was_woken_is_left_in_peace_for_a_pause_that_doubles(self, changes: Changes, submitted: Order) -> None:
        sweeper = changes.sweeper()
        woken = []
        for seconds in range(31, 31 + 8 * 60, 10):
            sweeper.run_once(now=later(seconds))
            woken += [seconds for task in changes.tasks() if submitted.id in task]
        assert woken == [31, 91, 211, 451]

    def test_a_jump_of_the_shops_time_holds_nothing_back(self, changes: Changes, submitted: Order) -> None:
        sweeper = changes.sweeper()
        woken = []
        for seconds in (31, 32, 60 * 86_400, 60 * 86_400 + 1):
            sweeper.run_once(now=later(seconds))
            woken += [seconds for task in changes.tasks() if submitted.id in task]
        assert woken == [31, 60 * 86_400]

    def test_passes_over_what_nothing_here_wakes(self, changes: Changes) -> None:
        reader = Stuck(changes.world.tenant, count=3, others=("new_" + "0" * 32,))
        sweeper = Sweeper(reader=reader, queues=changes.queues)  # type: ignore[arg-type]  # only what a sweep asks for
        assert sweeper.run_once(now=later(31)) == 3

    def test_goes_past_what_is_stuck(self, changes: Changes) -> None:
        reader = Stuck(changes.world.tenant, count=450)
        sweeper = Sweeper(reader=reader, queues=changes.queues)  # type: ignore[arg-type]  # only what a sweep asks for
        assert sweeper.run_once(now=later(31)) == 450
        assert sweeper.run_once(now=later(32)) == 0


class Stuck:
    """A reader in which the same items stay due."""

    def __init__(self, tenant: Tenant, *, count: int, others: tuple[str, ...] = ()) -> None:
        self.tenant = tenant
        self._count = count
        self._others = others

    def iter_due(self, *, now: datetime) -> Iterator[DueItem]:
        for entity_id in (*self._others, *(f"ord_{number:032x}" for number in range(self._count))):
            yield DueItem(entity_id=entity_id, parent_id=entity_id, due_at=now.replace(microsecond=0, second=0))
