"""What an operator does about messages that a queue gave up on, on real queues."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from resale.domain.dead_letters import FailureNote, FailureOutcome, message_id_of
from resale.domain.ids import DeadLetterId
from resale.domain.task_names import ADVANCE_ORDER
from tests.fixtures.graveyard import Graveyard
from tests.fixtures.storefront import Front
from tests.unit.builders import NOW, a_failure_note

BODIES = ["body one", "body two", "body three"]
ORDER = "ord_" + "6" * 32


@pytest.fixture
def ids(graveyard: Graveyard) -> dict[str, DeadLetterId]:
    """Three dead letters, by body."""
    return {body: graveyard.bury(body, "images") for body in BODIES}


def said(front: Front, *words: str, queue: str = "images", **options: Any) -> str:
    output = StringIO()
    call_command("dead_letters", front.shop.tenant.slug, queue, *words, stdout=output, **options)
    return output.getvalue()


def note(front: Front, one: FailureNote) -> None:
    front.container.failures(front.shop.tenant).record(one)


def listed(front: Front) -> set[str]:
    return {line.split()[0] for line in said(front, "list").splitlines()}


class TestList:
    def test_names_them_without_their_bodies(self, front: Front, ids: dict[str, DeadLetterId]) -> None:
        assert listed(front) == set(ids.values())
        assert "body" not in said(front, "list")

    def test_says_of_all_queues_what_each_is_about_and_why_it_failed(self, front: Front, graveyard: Graveyard) -> None:
        letter_id = graveyard.bury_task(ADVANCE_ORDER, order_id=ORDER)
        note(front, a_failure_note(letter_id))
        (line,) = said(front, "list", queue="all").splitlines()
        assert line.startswith(f"{letter_id} orders waiting: {ADVANCE_ORDER} {ORDER}, received")
        assert line.endswith("unavailable (Unavailable)")


class TestShow:
    def test_says_all_that_is_known(self, front: Front, graveyard: Graveyard) -> None:
        order = front.world.order(front.shopper(), front.world.active(front.shopper()))
        letter_id = graveyard.bury_task(ADVANCE_ORDER, order_id=order.id)
        note(front, a_failure_note(letter_id))
        refused = {"outcome": FailureOutcome.REFUSED, "code": "order_changed", "entity_ids": (order.id,)}
        refusal = a_failure_note(DeadLetterId("dlq_" + "2" * 32), at=NOW + timedelta(seconds=1), **refused)
        note(front, refusal)
        shown = json.loads(said(front, "show", letter_id))
        assert ADVANCE_ORDER in shown["body"]
        assert shown["last_error"]["code"] == "unavailable"
        assert [(one["type"], one["code"]) for one in shown["timeline"]] == [("refused", "order_changed")]

    def test_takes_the_id_that_sqs_gave_it(self, front: Front, ids: dict[str, DeadLetterId]) -> None:
        assert json.loads(said(front, "show", message_id_of(ids["body two"])))["body"] == "body two"


class TestDryRun:
    def test_says_what_would_change_and_changes_nothing(self, front: Front, graveyard: Graveyard) -> None:
        order = front.world.order(front.shopper(), front.world.active(front.shopper()))
        letter_id = graveyard.bury_task(ADVANCE_ORDER, order_id=order.id)
        (effect,) = json.loads(said(front, "dry-run", letter_id))["effects"]
        assert (effect["entity_id"], effect["step"]) == (order.id, "start_payment")
        assert front.world.stored_order(order) == order
        assert graveyard.count() == (1, 0)


class TestReplay:
    def test_sends_one_and_leaves_the_others(
        self, front: Front, ids: dict[str, DeadLetterId], graveyard: Graveyard
    ) -> None:
        for _ in range(2):
            assert said(front, "replay", ids["body two"]) == f"{ids['body two']} is replayed\n"
        assert graveyard.sent("images") == ["body two"]
        assert listed(front) == set(ids.values()) - {ids["body two"]}


class TestDiscard:
    def test_takes_one_out_with_its_reason(
        self, front: Front, ids: dict[str, DeadLetterId], graveyard: Graveyard
    ) -> None:
        letter_id = ids["body two"]
        assert said(front, "discard", letter_id, reason="Not ours.") == f"{letter_id} is discarded\n"
        assert listed(front) == set(ids.values()) - {letter_id}
        assert graveyard.sent("images") == []
        assert json.loads(said(front, "show", letter_id))["reason"] == "Not ours."

    @pytest.mark.parametrize("reason", [None, "", "x" * 501])
    def test_needs_a_reason(self, front: Front, ids: dict[str, DeadLetterId], reason: str | None) -> None:
        with pytest.raises(CommandError, match="reason"):
            said(front, "discard", ids["body two"], reason=reason)
        assert listed(front) == set(ids.values())


class TestWords:
    @pytest.mark.parametrize("action", ["show", "replay", "dry-run"])
    @pytest.mark.parametrize("wrong", ["another", "dlq_" + "0" * 32])
    def test_of_one_that_is_not_there(
        self, front: Front, ids: dict[str, DeadLetterId], action: str, wrong: str
    ) -> None:
        with pytest.raises(CommandError, match="No dead letter with this id"):
            said(front, action, wrong)
        assert listed(front) == set(ids.values())

    @pytest.mark.parametrize("words", [("replay",), ("show",), ("dry-run",), ("list", "an-id")])
    def test_only_one_named_message_at_a_time(self, front: Front, words: tuple[str, ...]) -> None:
        with pytest.raises(CommandError, match="id of one message"):
            said(front, *words)

    @pytest.mark.django_db
    def test_of_nobody_are_refused(self) -> None:
        with pytest.raises(CommandError, match="No tenant with this name"):
            call_command("dead_letters", "nobody", "images", "list")
