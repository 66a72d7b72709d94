"""The dead-letter queues of a tenant: looked at without hiding anything for long, and one message taken at a time."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from resale.adapters.aws.sessions import TenantSession, TenantSessions
from resale.adapters.dynamodb.cursors import Cursors, InvalidCursor
from resale.adapters.sqs.dead_letters import SQSDeadLetters
from resale.application.ports import DeadLetterMessage
from resale.domain.dead_letters import DeadLetterHeld, LetterQueue, letter_id_of, message_id_of
from resale.domain.ids import DeadLetterId
from resale.domain.tenants import Tenant
from resale.errors import Unavailable
from tests.adapters.conftest import OpenSessions
from tests.faults.proxy import Fault, FaultProxy
from tests.fixtures.graveyard import Graveyard

ORDERS = LetterQueue.ORDERS


@pytest.fixture
def letters(session: TenantSession) -> SQSDeadLetters:
    return SQSDeadLetters(session, Cursors(b"secret"))


@pytest.fixture
def dead(graveyard: Graveyard) -> list[DeadLetterId]:
    """Twelve messages that failed: more than one receive gives."""
    return [graveyard.bury(f"body {number}") for number in range(12)]


def ids(found: tuple[DeadLetterMessage, ...]) -> list[DeadLetterId]:
    return [letter_id_of(letter.message_id) for letter in found]


def listed(letters: SQSDeadLetters, queue: LetterQueue | None = ORDERS) -> list[DeadLetterId]:
    return ids(letters.list_letters(queue=queue, limit=100, cursor=None).letters)


def taken(letters: SQSDeadLetters, letter_id: DeadLetterId) -> DeadLetterMessage:
    letter = letters.take(message_id_of(letter_id), queue=ORDERS)
    assert letter is not None
    return letter


@contextmanager
def put_back_soon(letters: SQSDeadLetters, letter: DeadLetterMessage) -> Iterator[None]:
    """End somebody's look while another one is under way."""
    timer = threading.Timer(1.0, letters.put_back, (letter,))
    timer.start()
    yield
    timer.join()


class TestListLetters:
    def test_shows_all_and_leaves_them_visible(
        self, letters: SQSDeadLetters, dead: list[DeadLetterId], graveyard: Graveyard
    ) -> None:
        for _ in range(2):
            assert sorted(listed(letters)) == sorted(dead)
            assert graveyard.count() == (12, 0)

    def test_pages_through_them_longest_sent_first(self, letters: SQSDeadLetters, dead: list[DeadLetterId]) -> None:
        first = letters.list_letters(queue=ORDERS, limit=7, cursor=None)
        second = letters.list_letters(queue=ORDERS, limit=7, cursor=first.next_cursor)
        assert sorted(ids((*first.letters, *second.letters))) == sorted(dead)
        assert second.next_cursor is None
        sent = [letter.sent_at for letter in (*first.letters, *second.letters)]
        assert sent == sorted(sent)

    def test_takes_no_cursor_of_another_list(self, letters: SQSDeadLetters, dead: list[DeadLetterId]) -> None:
        cursor = letters.list_letters(queue=ORDERS, limit=len(dead) - 1, cursor=None).next_cursor
        with pytest.raises(InvalidCursor):
            letters.list_letters(queue=None, limit=7, cursor=cursor)

    def test_of_all_queues_names_each_ones_own(self, letters: SQSDeadLetters, graveyard: Graveyard) -> None:
        buried = {graveyard.bury("x", name): name for name in LetterQueue}
        page = letters.list_letters(queue=None, limit=100, cursor=None)
        assert {letter_id_of(letter.message_id): letter.queue for letter in page.letters} == buried

    def test_waits_for_the_end_of_another_look(
        self, letters: SQSDeadLetters, dead: list[DeadLetterId], graveyard: Graveyard
    ) -> None:
        held = letters.take(message_id_of(dead[3]), queue=ORDERS)
        assert held is not None
        assert graveyard.count() == (11, 1)
        with put_back_soon(letters, held):
            assert sorted(listed(letters)) == sorted(dead)

    def test_says_when_a_queue_does_not_answer(
        self, aws_proxy: FaultProxy, open_sessions: OpenSessions, tenants: tuple[Tenant, Tenant]
    ) -> None:
        letters = SQSDeadLetters(open_sessions().for_tenant(tenants[0]), Cursors(b"secret"))
        aws_proxy.inject(Fault.THROTTLE, "ReceiveMessage")
        with pytest.raises(Unavailable):
            letters.list_letters(queue=ORDERS, limit=7, cursor=None)


class TestTake:
    def test_keeps_one_hidden_until_it_is_put_back(
        self, letters: SQSDeadLetters, dead: list[DeadLetterId], graveyard: Graveyard
    ) -> None:
        letter = taken(letters, dead[11])
        assert letter.body == "body 11"
        assert graveyard.count() == (11, 1)
        letters.put_back(letter)
        assert graveyard.count() == (12, 0)

    def test_of_what_was_just_listed_finds_it(self, letters: SQSDeadLetters, dead: list[DeadLetterId]) -> None:
        listed(letters)
        assert taken(letters, dead[0]).body == "body 0"

    def test_finds_it_in_whichever_queue_it_is(self, letters: SQSDeadLetters, graveyard: Graveyard) -> None:
        letter_id = graveyard.bury("x", "images")
        letter = letters.take(message_id_of(letter_id), queue=None)
        assert letter is not None
        assert letter.queue == LetterQueue.IMAGES

    def test_of_nothing_is_nothing(self, letters: SQSDeadLetters, dead: list[DeadLetterId]) -> None:
        assert letters.take(str(uuid.uuid4()), queue=ORDERS) is None
        assert sorted(listed(letters)) == sorted(dead)

    def test_says_that_somebody_holds_what_it_does_not_see(
        self, letters: SQSDeadLetters, dead: list[DeadLetterId], session: TenantSession
    ) -> None:
        held = taken(letters, dead[5])
        impatient = SQSDeadLetters(session, Cursors(b"secret"), patience_seconds=0)
        with pytest.raises(DeadLetterHeld):
            impatient.take(held.message_id, queue=ORDERS)

    def test_waits_for_the_end_of_another_look(self, letters: SQSDeadLetters, dead: list[DeadLetterId]) -> None:
        held = taken(letters, dead[5])
        with put_back_soon(letters, held):
            assert taken(letters, dead[5]).body == "body 5"


class TestFind:
    def test_leaves_it_visible(self, letters: SQSDeadLetters, dead: list[DeadLetterId], graveyard: Graveyard) -> None:
        letter = letters.find(message_id_of(dead[2]), queue=None)
        assert letter is not None
        assert letter.body == "body 2"
        assert graveyard.count() == (12, 0)


class TestSendAndDelete:
    def test_sends_the_body_and_deletes_the_one(
        self, letters: SQSDeadLetters, dead: list[DeadLetterId], graveyard: Graveyard
    ) -> None:
        letter = taken(letters, dead[4])
        letters.send(ORDERS, letter.body)
        letters.delete(letter)
        assert graveyard.sent() == ["body 4"]
        assert sorted(listed(letters)) == sorted(set(dead) - {dead[4]})

    def test_says_when_the_queue_takes_nothing(
        self, aws_proxy: FaultProxy, open_sessions: OpenSessions, tenants: tuple[Tenant, Tenant]
    ) -> None:
        letters = SQSDeadLetters(open_sessions().for_tenant(tenants[0]), Cursors(b"secret"))
        aws_proxy.inject(Fault.THROTTLE, "SendMessageBatch")
        with pytest.raises(Unavailable):
            letters.send(ORDERS, "body")


class TestTenancy:
    def test_another_tenants_letters_are_not_there(
        self, sessions: TenantSessions, tenants: tuple[Tenant, Tenant], dead: list[DeadLetterId]
    ) -> None:
        others = SQSDeadLetters(sessions.for_tenant(tenants[1]), Cursors(b"secret"))
        assert listed(others) == []
        assert others.take(message_id_of(dead[0]), queue=None) is None
