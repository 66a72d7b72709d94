"""One run: a seed, a shop, and everything that can go wrong in it; then quiet, until nothing waits."""

import re
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from apps.core.execution import run_with_retries
from apps.workers.changes.consumer import ChangesConsumer, queue_url
from apps.workers.sweep import Sweeper
from apps.workers.tasks.handlers import TASK_HANDLERS, Delivery
from resale.application.operations.account_movements import post_account_movement
from resale.application.operations.inbound import record_inbound
from resale.application.ports import Received, UnitOfWork
from resale.application.reactions import Purpose
from resale.bootstrap import Container
from resale.domain.access import Principal
from resale.domain.actors import Actor, ActorKind
from resale.domain.amount_rules import rules_of
from resale.domain.command_context import CommandContext, CommandKey
from resale.domain.ids import ConnectionId
from resale.domain.messages import read_task
from resale.domain.partners import Connection, PartnerEvent, PartnerKind, Provider
from resale.domain.tenants import Tenant
from resale.errors import Conflict, NotFound, Outcome, Rejected, Unavailable
from tests.simulation.agenda import Agenda
from tests.simulation.bank import Bank
from tests.simulation.chance import CALM, Chance, Odds
from tests.simulation.container import BothPartners, SimulatedContainer
from tests.simulation.currencies import in_currency_of
from tests.simulation.engine import Engine
from tests.simulation.line import Line
from tests.simulation.people import People, Said
from tests.simulation.post import Post
from tests.simulation.queues import SimulatedQueues
from tests.simulation.setting import open_shop
from tests.simulation.store import Crashed, UnreliableStore
from tests.simulation.strangers import Strangers
from tests.simulation.watching import Watch
from tests.unit.builders import NOW

#: How often each thing is done while things go wrong.
_STEPS = {"work": 30, "task": 8, "world": 14, "speak": 22, "sweep": 6, "wait": 20}
_WAITS = {(0, 30): 12, (30, 300): 5, (300, 4 * 3600): 4, (4 * 3600, 86_400): 4, (86_400, 5 * 86_400): 1.5}
_PATIENCE = 4  # deliveries of one message after which nothing more goes wrong with it
_FAST = 0.35  # how often the workers are done with everything after a step
_LONG = 300  # seconds
_WORKED_OFF = 0.93
_CATCHING_UP = 12
_QUIET_ROUNDS = 500

PAYMENTS = Connection(id=ConnectionId(f"con_{1:032x}"), kind=PartnerKind.PAYMENTS, provider=Provider.SANDBOX)
SHIPPING = Connection(id=ConnectionId(f"con_{2:032x}"), kind=PartnerKind.SHIPPING, provider=Provider.SANDBOX)

_ID = re.compile(r"([a-z]{3})_([0-9a-f]{32})")


class Run:
    """Everything of one seed. ``violations`` are (check, what was seen)."""

    def __init__(self, seed: int, *, base: Container, tenant: Tenant, engine: Engine, length: int = 150) -> None:
        self.seed, self.length = seed, length
        self.chance, self.watch = Chance(seed), Watch(max_open_holds=tenant.policies.max_open_holds)
        self.agenda = Agenda(self.chance, NOW)
        self.odds, self.log = CALM, list[str]()
        self.violations: list[tuple[str, str]] = []
        self.tenant, self.engine = in_currency_of(seed, tenant), engine
        self.rules = self.tenant.amount_rules(self.tenant.currency)
        tenant = self.tenant
        line = Line(self.chance, self._interleave)
        self.line = line
        self.bank = Bank(self.chance, self.agenda, line, self._tell, rules=rules_of(Provider.STRIPE, tenant.currency))
        self.strangers = Strangers(self.chance, self.agenda, self.bank, self._tell)
        self.post = Post(self.chance, self.agenda, line, self._tell, currency=self.tenant.currency)
        orders = queue_url(tenant, Purpose.ORDERS)
        self.queues = SimulatedQueues(
            self.chance,
            lambda: self.now,
            may_drop=lambda url: url == orders,
            is_played=lambda url: url != queue_url(tenant, Purpose.IMAGES),
        )
        partners = BothPartners(self.bank, self.post)
        self.container = SimulatedContainer(base, engine=engine, partners=partners, queues=self.queues)
        self.store = self.container.on(
            tenant,
            ids=self.chance.new_id,
            store=lambda db: UnreliableStore(db, self.chance, interleave=self._interleave, seen=self.watch.see),
        )
        self._streams = self.container.streams(tenant)
        self._positions: dict[str, str] = {}
        tables = tenant.resources.tables
        self._streamed = {tables.listings, tables.orders, tables.customers}
        self._inside = 0
        self._under_way: Received | None = None
        self.people = People(self)
        self._start_process()

    @property
    def now(self) -> datetime:
        return self.agenda.now

    @property
    def reader(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - the container's
        return self.container.reader(self.tenant)

    def play(self, odds: Odds) -> list[tuple[str, str]]:
        """Play it all and say what broke; what may never be true ends it at once."""
        self._set_odds(CALM)
        open_shop(self)
        self.strangers.begin()
        self._set_odds(odds)
        for _ in range(self.length):
            self._one_step(self.chance.pick_weighted(_STEPS))
            if self.chance.happens(_FAST):
                self._catch_up()
            if self.watch.violations:
                return self.watch.violations
        self._set_odds(CALM)
        self.bank.is_moody = self.post.is_moody = False
        self._note("quiet")
        self._come_to_rest()
        for _ in range(2):  # the second import posts nothing
            self._import_fees()
        return [*self.violations, *self.watch.violations]

    def _import_fees(self) -> None:
        """Import the provider's fees, as the daily command does."""
        for movement in self.bank.movements:
            uow = self._open(Actor(kind=ActorKind.SYSTEM, id="import"), f"import_{movement.id}")
            post_account_movement(uow, movement=movement)

    # ------------------------------------------------------------ what is done
    def _one_step(self, name: str) -> None:
        step: Callable[[], object] = getattr(self, f"_{name}")
        try:
            step()
        except Crashed:
            self._note(f"{name}: the process died")
            self._start_process()
        except Unavailable as outcome:
            self._note(f"{name}: {outcome.code}")

    def _start_process(self) -> None:
        """What a process knows is gone with it."""
        self._sweeper = Sweeper(reader=self.container.reader(self.tenant), queues=self.queues)
        self._consumer = ChangesConsumer(
            tenant=self.tenant,
            queues=self.queues,
            history=self.container.history(self.tenant),
            read_row=self.container.history_row,
            clock_seconds=self._seconds,
        )

    def _seconds(self) -> float:
        return self.now.timestamp()

    def _work(self) -> None:
        """The workers have time: changes are carried on, and some of what follows is done."""
        self._relay()
        self._changes()
        for _ in range(self.chance.between(1, 6)):
            if not self._task():
                return

    def _relay(self) -> int:
        """Stream → changes queue; the position is kept after what was sent."""
        url = queue_url(self.tenant, Purpose.CHANGES)
        if self.chance.happens(self.odds.relay_rewinds):
            self._note(f"the changes queue lost {self.queues.lose_all(url)}; the relay begins anew")
            self._rewind()
        sent = 0
        for batch in self._streams.read(self._positions):
            if self.queues.send(url, batch.bodies):
                return sent  # not all were taken: from here again next time
            self._positions.update(batch.position)
            sent += len(batch.bodies)
        self.store.moved.clear()
        return sent

    def _rewind(self) -> None:
        self._positions = {}
        self.store.moved.update(msgspec.structs.astuple(self.tenant.resources.tables))

    def _changes(self) -> int:
        return self._consumer.run_once(wait_seconds=0)

    def _sweep(self) -> None:
        if sent := self._sweeper.run_once(now=self.now):
            self._note(f"sweep woke {sent}")

    def _task(self) -> int:
        """Hand out one message of the orders queue."""
        url = queue_url(self.tenant, Purpose.ORDERS)
        received = self.queues.receive(url, wait_seconds=0, max_count=1)
        for message in received:
            with_mishaps = message.receive_count < _PATIENCE
            odds = self.odds
            if not with_mishaps:
                self._set_odds(CALM)
            outer, self._under_way = self._under_way, message
            try:
                if self._run_task(message):
                    self.queues.delete(url, [message.handle])
            finally:
                self._under_way = outer
                self._set_odds(odds)
        return len(received)

    def _run_task(self, message: Received) -> bool:
        """Run it as the worker does; whether it is done with."""
        asked = read_task(message.body, message_id=message.message_id, raw_task=None)
        name, ids = asked.task, asked.kwargs
        what = f"task {name} {next(iter(ids.values()))}"
        delivery = Delivery(
            open_uow=lambda _now: self._open(Actor(kind=ActorKind.SYSTEM, id=name), message.message_id),
            partners=self.container.partners(self.tenant),
            now=lambda: self.now,
            receive_count=message.receive_count,
        )
        return self._try(what, lambda: TASK_HANDLERS[name](delivery, **ids)) in {"done", "final"}

    def _world(self) -> int:
        """Something happens by itself."""
        entry = self.agenda.pop_due()
        if entry is None:
            return 0
        self._note(entry.what)
        entry.act()
        return 1

    def _speak(self) -> None:
        self.people.speak()

    def _wait(self) -> None:
        low, high = self.chance.pick_weighted(_WAITS)
        if low >= _LONG and self.chance.happens(_WORKED_OFF):
            self._work_off()
        self.agenda.now += timedelta(seconds=self.chance.between(low, high), milliseconds=self.chance.between(0, 999))

    def _work_off(self) -> None:
        """Much time passes mostly when nothing is urgent: what is due soon is done before."""
        for _ in range(_CATCHING_UP):
            self._catch_up()
            urgent = self.now + timedelta(minutes=12)
            soon = (self.queues.next_visible_at(), min(self.watch.due(), default=None))
            if not any(at is not None and at <= urgent for at in soon):
                return
            self.agenda.now += timedelta(seconds=self.chance.between(20, 90))
            self._one_step("sweep")

    def _catch_up(self) -> None:
        """Workers are fast: mostly they are done with everything that is there."""
        for _ in range(_CATCHING_UP):
            self._one_step("work")
            if not self.store.moved & self._streamed and not self.queues.ready_count(
                queue_url(self.tenant, Purpose.ORDERS)
            ):
                return

    # ------------------------------------------------------------ what the rest of the run asks for
    def hear(self, what: str, said: Said, principal: Principal | None, key: CommandKey | None) -> bool:
        """Run what somebody says as a door does; whether they got a response, good or bad."""
        actor = Actor(kind=ActorKind.SYSTEM, id="somebody")
        opened = partial(self._open, actor, self.chance.new_id("req"), principal=principal, key=key)
        return self._try(what, lambda: run_with_retries(opened, said)) in {"done", "final"}

    def _tell(self, event: PartnerEvent) -> None:
        """A partner sends a webhook: late, twice, or never, since it can be asked of all that it tells."""
        if self.chance.happens(self.odds.hook_drop):
            return
        for _ in range(1 + self.chance.happens(self.odds.hook_duplicate)):
            seconds = self.chance.between(0, 7200) if self.chance.happens(self.odds.hook_delay) else 0
            self.agenda.add(f"webhook {event.kind}", lambda: self._hook(event), after=timedelta(seconds=seconds))

    def _hook(self, event: PartnerEvent) -> None:
        """The webhook's door: kept before it is answered; a partner that gets no response tells it again."""
        opened = partial(self._open, Actor(kind=ActorKind.SYSTEM, id="hook"), event.provider_event_id)
        connection = PAYMENTS if event.shipment_id is None else SHIPPING
        target = event.order_id or event.payout_id or event.shipment_id
        keep = partial(run_with_retries, opened, record_inbound, connection=connection, event=event, payload=b"{}")
        if self._try(f"told {event.kind} {target}", keep) == "again":
            self.agenda.add(f"webhook {event.kind}", lambda: self._hook(event), after=timedelta(minutes=10))

    def _open(self, actor: Actor, request_id: str, **given: Any) -> UnitOfWork:
        context = CommandContext(actor=actor, request_id=request_id, now=self.now, **given)
        return self.container.unit_of_work(self.tenant, context)

    def _try(self, what: str, act: Callable[[], object]) -> str:
        """Do it and say how it ended: done, final (the rules say no), again (nobody knows), died."""
        try:
            act()
        except (NotFound, Rejected) as outcome:
            self._note(f"{what}: {outcome.code}")
            return "final"
        except (Conflict, Unavailable) as outcome:
            self._note(f"{what}: {outcome.code}")
            return "again"
        except Crashed:
            self._note(f"{what}: the process died")
            self._start_process()
            return "again"
        except Exception as error:  # noqa: BLE001 - whatever breaks is what a run looks for
            self._note(f"{what}: {error!r}")
            where = traceback.format_exc(limit=-6)
            self.violations.append(("nothing_breaks", f"{what}: {error!r}\n{where}"))
            return "again"
        self._note(what)
        return "done"

    def _interleave(self, odds: float) -> None:
        """Somebody else acts between what was read and what comes next; or another worker has the same message."""
        if self._inside or not self.chance.happens(odds):
            return
        self._inside += 1
        try:
            if self._under_way is not None and self.chance.happens(self.odds.same_message):
                self._run_task(self._under_way)
                return
            for _ in range(self.chance.between(1, 3)):
                self._one_step(self.chance.pick_weighted({"task": 5, "world": 2, "speak": 4}))
        finally:
            self._inside -= 1

    def _set_odds(self, odds: Odds) -> None:
        self.odds = self.store.odds = self.line.odds = self.queues.odds = odds

    def _note(self, what: str) -> None:
        mishaps = [*self.store.mishaps, *self.line.mishaps]
        self.store.mishaps.clear()
        self.line.mishaps.clear()
        inside = "  > " if self._inside else ""
        if self.watch.changes:
            what = f"{what} → {', '.join(self.watch.changes)}"
            self.watch.changes.clear()
        wrong = f"  [{', '.join(mishaps)}]" if mishaps else ""
        self.log.append(f"{_elapsed(self.now)} {inside}{_named(what)}{wrong}")

    # ------------------------------------------------------------ quiet
    def _come_to_rest(self) -> None:
        """Deliver everything and let time pass in sweeps until nothing is due any more."""
        self._rewind()  # what the queue lost is in the streams
        step = timedelta(minutes=1)
        for _ in range(_QUIET_ROUNDS):
            self.people.settle_differences()
            if self._deliver_all():
                step = timedelta(minutes=1)
            due = self.watch.due()
            coming = [at for at in (*due, self.agenda.next_at(), self.queues.next_visible_at()) if at is not None]
            if not coming and not self.people.staff.is_needed():
                break
            if not coming:
                self.people.staff.decide_all()
                continue
            ahead = [at for at in coming if at > self.now]
            if len(ahead) < len(coming):  # something waits that was woken already: its pause grows
                ahead.append(self.now + step)
                step = min(step * 2, timedelta(hours=6))
            self.agenda.now = min(ahead)
            self._sweep()
            self.people.staff.decide_all()
        waiting = [item.entity_id for item in self.reader.iter_due(now=self.now + timedelta(days=3650))]
        if waiting:
            self.violations.append(("comes_to_rest", f"still waiting at {_elapsed(self.now)}: {waiting}"))

    def _deliver_all(self) -> int:
        delivered = 0
        while True:
            moved = self._relay()
            while received := self._changes():
                moved += received
            while self._task() or self._world():
                moved += 1
            if not moved:
                return delivered
            delivered += moved


def _named(what: str) -> str:
    """Ids are long; their beginning tells them apart, being counted."""
    return _ID.sub(lambda found: f"{found[1]}_{found[2].lstrip('0')[:6]}", what)


def _elapsed(now: datetime) -> str:
    since = now - NOW
    hours, rest = divmod(since.seconds, 3600)
    return f"{since.days:3}d{hours:02}:{rest // 60:02}:{rest % 60:02}"


__all__ = ["Outcome", "Run"]
