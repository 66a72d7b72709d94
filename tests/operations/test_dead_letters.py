"""What is done about dead letters, on the real engines: replayed once, discarded once, whatever is cut off between."""

import random
import string
import uuid
from datetime import datetime

import msgspec
import pytest

from resale.adapters.dynamodb.dead_letters import NOTE_KEPT_FOR
from resale.application.operations.dead_letters import begin_replay, discard_dead_letter, finish_replay
from resale.application.operations.listings import Decision
from resale.application.ports import DeadLetterMessage, DeadLetterMessages, DeadLetters
from resale.application.queries.dead_letters import DryRunContext, EffectKind, describe_replay
from resale.domain.access import Principal, Role
from resale.domain.changes import ChangeType
from resale.domain.dead_letters import (
    TENANT_OWNER,
    DeadLetter,
    DeadLetterChanged,
    DeadLetterGone,
    DeadLetterNotFound,
    DeadLetterPrivate,
    DeadLetterStatus,
    DeadLetterTransitionRefused,
    FailureOutcome,
    LetterQueue,
    message_id_of,
)
from resale.domain.ids import ClaimId, DeadLetterId, InboundId, PayoutId, SellerId
from resale.domain.payouts import PayoutMethod, PayoutStatus
from resale.errors import Unavailable
from tests.fixtures.graveyard import Graveyard
from tests.operations.photographs import decide, publish, submitted
from tests.operations.world import BRAND, World, later
from tests.unit.builders import NOW, a_claim, a_dead_letter, a_failure_note, a_payout, a_seller
from tests.unit.events import an_inbound

ORDER = "ord_" + "7" * 32
REASON = "It is about an order that was never there."


class Killed(BaseException):
    """The process is no more: nothing after this runs, and nothing is tidied up."""


class Dying(DeadLetters):
    """The real queues, until the process dies right after one of its calls, or the call fails."""

    def __init__(self, real: DeadLetters, *, after: str = "", failing: str = "") -> None:
        self._real = real
        self._after = after
        self._failing = failing

    def list_letters(self, *, queue: LetterQueue | None, limit: int, cursor: str | None) -> DeadLetterMessages:
        return self._real.list_letters(queue=queue, limit=limit, cursor=cursor)

    def find(self, message_id: str, *, queue: LetterQueue | None) -> DeadLetterMessage | None:
        return self._real.find(message_id, queue=queue)

    def take(self, message_id: str, *, queue: LetterQueue | None) -> DeadLetterMessage | None:
        letter = self._real.take(message_id, queue=queue)
        if self._after and letter is not None:
            self._real.put_back(letter)  # as when its half minute is over: the dead keep nothing
        return letter

    def put_back(self, letter: DeadLetterMessage) -> None:
        self._real.put_back(letter)

    def send(self, queue: LetterQueue, body: str) -> None:
        self._fail("send")
        self._real.send(queue, body)
        self._die("send")

    def delete(self, letter: DeadLetterMessage) -> None:
        self._fail("delete")
        self._real.delete(letter)
        self._die("delete")

    def _fail(self, call: str) -> None:
        if call == self._failing:
            raise Unavailable("planted")

    def _die(self, call: str) -> None:
        if call == self._after:
            raise Killed


@pytest.fixture
def letters(world: World) -> DeadLetters:
    return world.container.dead_letters(world.tenant)


@pytest.fixture
def letter_id(graveyard: Graveyard) -> DeadLetterId:
    return graveyard.bury_task("orders.advance", order_id=ORDER)


def replay(
    world: World, letters: DeadLetters, letter_id: DeadLetterId, *, by: Principal = BRAND, now: datetime = NOW
) -> DeadLetter:
    begun = begin_replay(world.uow(now=now, principal=by), letters=letters, letter_id=letter_id)
    return finish_replay(world.uow(now=now), letters=letters, begun=begun)


def discard(
    world: World, letters: DeadLetters, letter_id: DeadLetterId, *, by: Principal = BRAND, reason: str = REASON
) -> DeadLetter:
    return discard_dead_letter(world.uow(principal=by), letters=letters, letter_id=letter_id, reason=reason)


def private_of(world: World, letter: DeadLetter) -> DeadLetterPrivate:
    assert isinstance(letter.private, str)
    return world.reader.vault.open(letter.private, DeadLetterPrivate, owner_id=TENANT_OWNER, entity_id=letter.id)


def stored(world: World, letter_id: DeadLetterId) -> DeadLetter | None:
    return world.uow().dead_letters.find(letter_id)


class TestReplay:
    def test_sends_the_body_once_and_records_it_with_the_body_sealed(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        done = replay(world, letters, letter_id)
        assert (done.status, done.version, done.replayed_at) == (DeadLetterStatus.REPLAYED, 2, NOW)
        assert (done.queue, done.task, done.entity_ids) == (LetterQueue.ORDERS, "orders.advance", (ORDER,))
        (sent,) = graveyard.sent()
        assert ORDER in sent
        assert graveyard.count() == (0, 0)
        assert private_of(world, done).reason is None
        item = world.container.sessions.for_tenant(world.tenant).dynamodb.get_item(
            table=world.tenant.resources.tables.orders, key={"pk": letter_id, "sk": "dead_letter"}
        )
        assert item is not None
        assert "kwargs" not in str(item)
        assert "headers" not in str(item)

    def test_said_again_it_answers_the_same_and_sends_nothing(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        first = replay(world, letters, letter_id)
        graveyard.sent()
        assert replay(world, letters, letter_id, now=later(60)) == first
        assert graveyard.sent() == []

    def test_leaves_the_other_letters_alone(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        graveyard.bury("another")
        replay(world, letters, letter_id)
        assert graveyard.count() == (1, 0)

    @pytest.mark.parametrize(("queue", "body"), [("images", "no task at all"), ("changes", "{}")])
    def test_takes_what_nobody_can_read_as_it_is(
        self, world: World, letters: DeadLetters, graveyard: Graveyard, queue: str, body: str
    ) -> None:
        done = replay(world, letters, graveyard.bury(body, queue))
        assert (done.task, done.entity_ids) == (None, ())
        assert graveyard.sent(queue) == [body]

    def test_finds_it_where_it_is_whatever_the_note_says(
        self, world: World, letters: DeadLetters, graveyard: Graveyard
    ) -> None:
        letter_id = graveyard.bury("moved by hand", "images")
        world.container.failures(world.tenant).record(a_failure_note(letter_id, queue=LetterQueue.ORDERS))
        assert replay(world, letters, letter_id).queue == LetterQueue.IMAGES

    def test_keeps_why_it_failed_beyond_the_note(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId
    ) -> None:
        world.container.failures(world.tenant).record(a_failure_note(letter_id))
        done = replay(world, letters, letter_id)
        assert done.last_error is not None
        assert done.last_error.code == "unavailable"

    @pytest.mark.parametrize("wrong", ["dlq_" + "0" * 32, "dlq_1", "ord_" + "0" * 32, "0197a3b2-7c1d-4e5f-8a9b"])
    def test_of_what_is_not_there(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard, wrong: str
    ) -> None:
        assert wrong != letter_id
        with pytest.raises(DeadLetterNotFound):
            replay(world, letters, DeadLetterId(wrong))
        assert graveyard.count() == (1, 0)

    @pytest.mark.parametrize("role", [Role.PUBLIC, Role.VIEWER, Role.MODERATOR])
    def test_is_not_for_everybody(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard, role: Role
    ) -> None:
        with pytest.raises(DeadLetterNotFound):
            replay(world, letters, letter_id, by=Principal(standing=role))
        assert graveyard.count() == (1, 0)

    def test_of_another_tenants_letter_finds_none(
        self, other_world: World, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        theirs = other_world.container.dead_letters(other_world.tenant)
        with pytest.raises(DeadLetterNotFound):
            replay(other_world, theirs, letter_id)
        assert graveyard.count() == (1, 0)

    def test_of_a_letter_that_vanished_meanwhile_finds_none(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        graveyard.empty()
        with pytest.raises(DeadLetterNotFound):
            replay(world, letters, letter_id)
        assert stored(world, letter_id) is None

    def test_begun_by_two_at_once_one_is_told(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId
    ) -> None:
        slow, seen = world.uow(), Dying(letters, after="-")  # both see it, as after half a minute
        assert slow.dead_letters.find(letter_id) is None
        begin_replay(world.uow(principal=BRAND), letters=seen, letter_id=letter_id)
        slow.dead_letters.add(a_dead_letter(id=letter_id), change_type=ChangeType.DEAD_LETTER_REPLAY_STARTED)
        with pytest.raises(DeadLetterChanged):
            slow.commit()


class TestReplayCutOff:
    def test_after_the_intent_it_is_finished_by_the_second_call(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        dying = Dying(letters, after="begin")
        begin_replay(world.uow(principal=BRAND), letters=dying, letter_id=letter_id)
        assert replay(world, letters, letter_id).status == DeadLetterStatus.REPLAYED
        assert len(graveyard.sent()) == 1
        assert graveyard.count() == (0, 0)

    def test_after_the_send_nothing_is_lost(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        with pytest.raises(Killed):
            replay(world, Dying(letters, after="send"), letter_id)
        assert graveyard.count() == (1, 0)
        cut_off = stored(world, letter_id)
        assert cut_off is not None
        assert cut_off.status == DeadLetterStatus.REPLAYING
        assert replay(world, letters, letter_id).status == DeadLetterStatus.REPLAYED
        assert len(set(graveyard.sent())) == 1  # once or twice, always the same
        assert graveyard.count() == (0, 0)

    def test_before_the_delete_the_second_call_deletes_and_sends_nothing(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        with pytest.raises(Unavailable):
            replay(world, Dying(letters, failing="delete"), letter_id)
        assert len(graveyard.sent()) == 1
        assert graveyard.count() == (1, 0)
        assert replay(world, letters, letter_id).status == DeadLetterStatus.REPLAYED
        assert graveyard.sent() == []
        assert graveyard.count() == (0, 0)

    def test_when_the_queue_takes_nothing_the_letter_waits_where_it_was(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        with pytest.raises(Unavailable):
            replay(world, Dying(letters, failing="send"), letter_id)
        assert graveyard.count() == (1, 0)
        assert graveyard.sent() == []
        assert replay(world, letters, letter_id).status == DeadLetterStatus.REPLAYED
        assert len(graveyard.sent()) == 1

    def test_while_somebody_holds_the_letter_nothing_is_sent(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        begun = begin_replay(world.uow(principal=BRAND), letters=letters, letter_id=letter_id)
        assert replay(world, letters, letter_id).status == DeadLetterStatus.REPLAYING
        assert graveyard.sent() == []
        assert finish_replay(world.uow(), letters=letters, begun=begun).status == DeadLetterStatus.REPLAYED
        assert len(graveyard.sent()) == 1

    def test_when_the_letter_vanished_the_kept_body_is_sent(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        begin_replay(world.uow(principal=BRAND), letters=letters, letter_id=letter_id)
        graveyard.empty()
        assert replay(world, letters, letter_id).status == DeadLetterStatus.REPLAYED
        (sent,) = graveyard.sent()
        assert ORDER in sent

    def test_of_a_letter_too_large_to_keep_says_that_it_is_gone(
        self, world: World, letters: DeadLetters, graveyard: Graveyard
    ) -> None:
        noise = random.Random(1)  # noqa: S311 - wanted: it does not compress
        body = "".join(noise.choices(string.ascii_letters, k=200_000))
        letter_id = graveyard.bury(body, "changes")
        begun = begin_replay(world.uow(principal=BRAND), letters=letters, letter_id=letter_id)
        assert (begun.record.body_kept, begun.record.size_bytes) == (False, 200_000)
        graveyard.empty()
        with pytest.raises(DeadLetterGone):
            replay(world, letters, letter_id)

    def test_a_large_letter_that_is_there_is_replayed(
        self, world: World, letters: DeadLetters, graveyard: Graveyard
    ) -> None:
        body = "".join(random.Random(2).choices(string.ascii_letters, k=200_000))  # noqa: S311 - as above
        assert replay(world, letters, graveyard.bury(body, "changes")).status == DeadLetterStatus.REPLAYED
        assert graveyard.sent("changes") == [body]


class TestDiscard:
    def test_takes_the_letter_out_and_keeps_it_with_the_reason_sealed(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        done = discard(world, letters, letter_id)
        assert (done.status, done.discarded_at, done.version) == (DeadLetterStatus.DISCARDED, NOW, 1)
        assert graveyard.count() == (0, 0)
        assert graveyard.sent() == []
        private = private_of(world, done)
        assert private.reason == REASON
        assert private.body is not None
        item = world.container.sessions.for_tenant(world.tenant).dynamodb.get_item(
            table=world.tenant.resources.tables.orders, key={"pk": letter_id, "sk": "dead_letter"}
        )
        assert REASON not in str(item)

    def test_said_again_the_first_reason_stands(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId
    ) -> None:
        first = discard(world, letters, letter_id)
        assert discard(world, letters, letter_id, reason="Another reason") == first

    def test_cut_off_before_the_delete_it_is_finished_by_the_second_call(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        with pytest.raises(Unavailable):
            discard(world, Dying(letters, failing="delete"), letter_id)
        assert graveyard.count() == (1, 0)
        assert discard(world, letters, letter_id).status == DeadLetterStatus.DISCARDED
        assert graveyard.count() == (0, 0)

    def test_a_discarded_letter_is_not_replayed_and_a_replayed_one_not_discarded(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        discard(world, letters, letter_id)
        with pytest.raises(DeadLetterTransitionRefused):
            replay(world, letters, letter_id)
        other = graveyard.bury("other")
        replay(world, letters, other)
        with pytest.raises(DeadLetterTransitionRefused):
            discard(world, letters, other)
        assert graveyard.sent() == ["other"]

    @pytest.mark.parametrize("role", [Role.PUBLIC, Role.VIEWER, Role.MODERATOR])
    def test_is_not_for_everybody(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard, role: Role
    ) -> None:
        with pytest.raises(DeadLetterNotFound):
            discard(world, letters, letter_id, by=Principal(standing=role))
        assert graveyard.count() == (1, 0)

    def test_of_what_is_not_there(self, world: World, letters: DeadLetters, letter_id: DeadLetterId) -> None:
        with pytest.raises(DeadLetterNotFound):
            discard(world, letters, DeadLetterId("dlq_" + "0" * 32))
        assert stored(world, letter_id) is None

    def test_of_another_tenants_letter_finds_none(
        self, other_world: World, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        with pytest.raises(DeadLetterNotFound):
            discard(other_world, other_world.container.dead_letters(other_world.tenant), letter_id)
        assert graveyard.count() == (1, 0)


class TestDescribeReplay:
    """What the tasks of claims, payouts, sellers and partners' events would do; the API's tests have the others."""

    def test_of_a_claim_says_its_step(self, world: World, letters: DeadLetters, graveyard: Graveyard) -> None:
        claim = a_claim(id=ClaimId(fresh("clm")))
        uow = world.uow()
        uow.claims.add(claim, change_type=ChangeType.CLAIM_OPENED)
        uow.commit()
        letter_id = graveyard.bury_task("claims.advance", claim_id=claim.id)
        assert effects(world, letters, letter_id, now=NOW) == []
        assert effects(world, letters, letter_id, now=claim.deadline_at) == [("step", claim.id, "opened", "expire")]

    @pytest.mark.parametrize(
        ("status", "method", "step"),
        [
            (PayoutStatus.PENDING, PayoutMethod.CASH, "pay_out"),
            (PayoutStatus.IN_TRANSIT, PayoutMethod.CASH, "look_up"),
            (PayoutStatus.FAILED, PayoutMethod.CASH, None),
            (PayoutStatus.PENDING, PayoutMethod.STORE_CREDIT, None),
        ],
    )
    def test_of_a_payout_says_whether_the_provider_is_asked(
        self,
        world: World,
        letters: DeadLetters,
        graveyard: Graveyard,
        status: PayoutStatus,
        method: PayoutMethod,
        step: str | None,
    ) -> None:
        payout = a_payout(id=PayoutId(fresh("pyt")), status=status, method=method)
        uow = world.uow()
        uow.payouts.add(payout, change_type=ChangeType.PAYOUT_CREATED)
        uow.commit()
        found = effects(world, letters, graveyard.bury_task("payouts.advance", payout_id=payout.id))
        assert found == ([] if step is None else [("step", payout.id, status.value, step)])

    def test_of_a_seller_says_whether_it_is_time(
        self, world: World, letters: DeadLetters, graveyard: Graveyard
    ) -> None:
        seller = a_seller(id=SellerId(fresh("sel")), due_at=later(60))
        uow = world.uow()
        uow.sellers.add(seller, change_type=ChangeType.SELLER_EDITED)
        uow.commit()
        letter_id = graveyard.bury_task("payouts.start", seller_id=seller.id)
        assert effects(world, letters, letter_id, now=NOW) == []
        assert effects(world, letters, letter_id, now=later(60)) == [("step", seller.id, "active", "start_payout")]

    def test_of_a_listing_says_whether_its_time_is_over(
        self, world: World, letters: DeadLetters, graveyard: Graveyard
    ) -> None:
        listing = world.active(world.shopper())
        letter_id = graveyard.bury_task("listings.expire", listing_id=listing.id)
        assert effects(world, letters, letter_id, now=NOW) == []
        found = effects(world, letters, letter_id, now=later(90 * 86_400))
        assert found == [("step", listing.id, "active", "expire")]

    def test_of_approved_photos_says_whether_some_are_not_public(
        self, world: World, letters: DeadLetters, graveyard: Graveyard
    ) -> None:
        media = submitted(world)
        letter_id = graveyard.bury_task("listings.publish_photos", listing_id=media.listing_id)
        assert effects(world, letters, letter_id) == []
        decide(world, media.listing_id, Decision.APPROVE)
        assert effects(world, letters, letter_id) == [("step", media.listing_id, "active", "publish_photos")]
        publish(world, media.listing_id)
        assert effects(world, letters, letter_id) == []

    def test_of_a_partners_event_says_whether_it_waits(
        self, world: World, letters: DeadLetters, graveyard: Graveyard
    ) -> None:
        event = msgspec.structs.replace(an_inbound(), id=InboundId(fresh("inb")))
        uow = world.uow()
        uow.inbound.add(event, change_type=ChangeType.INBOUND_RECEIVED)
        uow.commit()
        found = effects(world, letters, graveyard.bury_task("inbound.process", inbound_id=event.id))
        assert found == [("step", event.id, "received", "process")]

    @pytest.mark.parametrize(
        ("task", "argument", "code"),
        [
            ("claims.advance", "claim_id", "claim_not_found"),
            ("payouts.advance", "payout_id", "payout_not_found"),
            ("listings.expire", "listing_id", "listing_not_found"),
            ("listings.publish_photos", "listing_id", "listing_not_found"),
            ("inbound.process", "inbound_id", "inbound_not_found"),
            ("images.process", "media_id", "image_not_found"),
        ],
    )
    def test_of_what_is_not_there_says_that_it_is_refused(
        self, world: World, letters: DeadLetters, graveyard: Graveyard, task: str, argument: str, code: str
    ) -> None:
        context = dry_run_context(world, NOW)
        letter_id = graveyard.bury_task(task, **{argument: "jane@example.org"})
        described = describe_replay(context=context, letters=letters, principal=BRAND, letter_id=letter_id)
        (effect,) = described.effects
        assert (effect.kind, effect.code, effect.entity_id) == (EffectKind.REFUSE, code, None)

    def test_of_one_whose_replay_was_cut_off_says_what_its_kept_body_does(
        self, world: World, letters: DeadLetters, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        begin_replay(world.uow(principal=BRAND), letters=letters, letter_id=letter_id)
        graveyard.empty()
        (effect,) = effects(world, letters, letter_id)
        assert effect[:2] == ("refuse", ORDER)


def fresh(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex}"


def dry_run_context(world: World, now: datetime) -> DryRunContext:
    store = world.container.media_store(world.tenant)
    return DryRunContext(reader=world.reader, store=store, now=now, tasks_after=lambda _row: ())


def effects(
    world: World, letters: DeadLetters, letter_id: DeadLetterId, *, now: datetime = NOW
) -> list[tuple[str, str | None, str | None, str | None]]:
    described = describe_replay(
        context=dry_run_context(world, now), letters=letters, principal=BRAND, letter_id=letter_id
    )
    return [(one.kind.value, one.entity_id, one.status, one.step) for one in described.effects]


class TestNotes:
    def test_the_newest_of_a_message_is_found_and_carries_the_release(self, world: World) -> None:
        letter_id = DeadLetterId(f"dlq_{uuid.uuid4().hex}")
        failures = world.container.failures(world.tenant)
        failures.record(a_failure_note(letter_id, receive_count=1, code="conflict"))
        failures.record(a_failure_note(letter_id, receive_count=2))
        found = world.reader.find_failure(message_id_of(letter_id))
        assert found is not None
        assert (found.receive_count, found.code) == (2, "unavailable")

    def test_refusals_are_found_by_entity_oldest_first(self, world: World) -> None:
        order_id = f"ord_{uuid.uuid4().hex}"
        failures = world.container.failures(world.tenant)
        refused = {"outcome": FailureOutcome.REFUSED, "entity_ids": (order_id,)}
        for number in (3, 1, 2):
            one = DeadLetterId(f"dlq_{number:032x}")
            failures.record(a_failure_note(one, code=f"refused_{number}", at=later(number), **refused))
        assert [one.code for one in world.reader.list_refusals(order_id)] == ["refused_1", "refused_2", "refused_3"]
        assert world.reader.find_failure(message_id_of(DeadLetterId("dlq_" + f"{1:032x}"))) is None

    def test_they_are_gone_after_three_weeks(self, world: World) -> None:
        letter_id = DeadLetterId(f"dlq_{uuid.uuid4().hex}")
        world.container.failures(world.tenant).record(a_failure_note(letter_id))
        item = world.container.sessions.for_tenant(world.tenant).dynamodb.get_item(
            table=world.tenant.resources.tables.idempotency, key={"pk": f"failure#{message_id_of(letter_id)}"}
        )
        assert item is not None
        assert item["expires_at"] == int((NOW + NOTE_KEPT_FOR).timestamp())

    def test_another_tenants_are_not_there(self, world: World, other_world: World) -> None:
        letter_id = DeadLetterId(f"dlq_{uuid.uuid4().hex}")
        world.container.failures(world.tenant).record(a_failure_note(letter_id))
        assert other_world.reader.find_failure(message_id_of(letter_id)) is None
