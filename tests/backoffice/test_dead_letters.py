"""Dead letters for managers: the list, one with why it failed, what a replay would do, replayed, discarded."""

import pytest

from resale.domain.dead_letters import FailureOutcome
from resale.domain.ids import DeadLetterId
from resale.domain.orders import Order
from resale.domain.task_names import ADVANCE_ORDER
from tests.backoffice.staff_clients import Backoffice, StaffClient
from tests.fixtures.graveyard import Graveyard
from tests.unit.builders import a_failure_note


@pytest.fixture
def order(backoffice: Backoffice) -> Order:
    world = backoffice.front.world
    return world.order(backoffice.front.shopper(), world.active(backoffice.front.shopper()))


@pytest.fixture
def letter_id(graveyard: Graveyard, order: Order) -> DeadLetterId:
    return graveyard.bury_task(ADVANCE_ORDER, order_id=order.id)


def note(backoffice: Backoffice, letter_id: DeadLetterId, **fields: object) -> None:
    backoffice.front.container.failures(backoffice.front.shop.tenant).record(a_failure_note(letter_id, **fields))


class TestList:
    def test_names_each_and_why_it_failed(
        self, backoffice: Backoffice, manager: StaffClient, letter_id: DeadLetterId
    ) -> None:
        note(backoffice, letter_id)
        page = manager.get("dead-letters")
        assert ADVANCE_ORDER in page.text
        assert "Unavailable" in page.text
        assert f"/admin/dead_letters/{letter_id}/" in page.html

    def test_is_of_one_queue_when_asked(self, manager: StaffClient, letter_id: DeadLetterId) -> None:
        assert letter_id in manager.get("dead-letters", query="?queue=orders").html
        assert letter_id not in manager.get("dead-letters", query="?queue=images").html
        assert manager.get("dead-letters", query="?queue=nothing").status == 404

    def test_a_foreign_cursor_starts_it_again(self, manager: StaffClient, letter_id: DeadLetterId) -> None:
        assert letter_id
        assert manager.get("dead-letters", query="?cursor=made-up").location == "/admin/dead_letters/"

    def test_is_linked_for_managers_only(
        self, viewer: StaffClient, moderator: StaffClient, manager: StaffClient
    ) -> None:
        assert "Dead letters" in manager.get("index").text
        for client in (viewer, moderator):
            assert "Dead letters" not in client.get("index").text
            assert client.get("dead-letters").status == 404


class TestLetter:
    def test_shows_its_error_body_and_timeline(
        self, backoffice: Backoffice, manager: StaffClient, letter_id: DeadLetterId, order: Order
    ) -> None:
        note(backoffice, letter_id)
        backoffice.record(order.id)
        refused = {"outcome": FailureOutcome.REFUSED, "code": "order_transition_refused", "entity_ids": (order.id,)}
        note(backoffice, DeadLetterId("dlq_" + "3" * 32), **refused)
        text = manager.get("dead-letter", letter_id=letter_id).text
        assert "Unavailable" in text
        assert f'"task": "{ADVANCE_ORDER}"' in text
        assert "Refused" in text
        assert "Order transition refused" in text
        assert "1 Submitted Submitted" in text

    def test_says_what_a_replay_would_do_when_asked(
        self, manager: StaffClient, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        assert "Start payment" not in manager.get("dead-letter", letter_id=letter_id).text
        assert "Start payment" in manager.get("dead-letter", letter_id=letter_id, query="?dry_run=1").text
        assert graveyard.count() == (1, 0)

    @pytest.mark.parametrize("body", ["<script>alert(1)</script>", '{"a": "<b>"}'])
    def test_shows_any_body_as_text(self, manager: StaffClient, graveyard: Graveyard, body: str) -> None:
        page = manager.get("dead-letter", letter_id=graveyard.bury(body))
        assert "<script>alert" not in page.html
        assert "<b>" not in page.html
        assert "unreadable" in page.text.lower() or "nothing that can be read" in page.text

    def test_is_found_by_its_id(self, manager: StaffClient, letter_id: DeadLetterId) -> None:
        assert manager.get("search", query=f"?q={letter_id}").location == f"/admin/dead_letters/{letter_id}/"

    @pytest.mark.parametrize("text", ["x", "dlq_1", "dlq_" + "0" * 32])
    def test_what_is_none_is_not_there(self, manager: StaffClient, text: str) -> None:
        assert manager.get("dead-letter", letter_id=text).status == 404


class TestActing:
    def test_replays_one_once(self, manager: StaffClient, letter_id: DeadLetterId, graveyard: Graveyard) -> None:
        for _ in range(2):
            page = manager.post("dead-letter-replay", letter_id=letter_id)
            assert "sent back to its queue" in page.text
        assert "Replayed" in page.text
        assert len(graveyard.sent()) == 1
        assert graveyard.count() == (0, 0)

    def test_discards_one_with_a_reason(
        self, backoffice: Backoffice, manager: StaffClient, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        page = manager.post("dead-letter-discard", {"reason": "Settled reported by staff."}, letter_id=letter_id)
        assert "Settled reported by staff." in page.text
        assert graveyard.count() == (0, 0)
        assert "already been replayed or discarded" in manager.post("dead-letter-replay", letter_id=letter_id).text
        row = backoffice.front.world.reader.find_head(letter_id, parent_id=letter_id)
        assert row is not None
        assert row.version == 1

    @pytest.mark.parametrize("reason", ["", "x", "x" * 501])
    def test_needs_a_reason(
        self, manager: StaffClient, letter_id: DeadLetterId, graveyard: Graveyard, reason: str
    ) -> None:
        answer = manager.send("dead-letter-discard", {"reason": reason}, letter_id=letter_id)
        assert answer.status_code == 422
        assert graveyard.count() == (1, 0)

    def test_is_the_managers(
        self, viewer: StaffClient, moderator: StaffClient, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        for client in (viewer, moderator):
            assert client.get("dead-letter", letter_id=letter_id).status == 404
            assert client.send("dead-letter-replay", letter_id=letter_id).status_code == 404
            assert client.send("dead-letter-discard", {"reason": "Why not."}, letter_id=letter_id).status_code == 404
        assert graveyard.count() == (1, 0)
