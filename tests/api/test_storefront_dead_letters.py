"""Dead letters over HTTP: shown with why they failed, tried dry, replayed once, discarded with a reason."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.tenancy import keys
from apps.tenancy.models import KeyKind
from resale.adapters.dynamodb.attribute_values import to_wire
from resale.application.queries.dead_letters import DESCRIBERS
from resale.application.reactions import TASKS
from resale.domain.dead_letters import FailureOutcome, LetterQueue
from resale.domain.ids import DeadLetterId
from resale.domain.media import Media, original_key
from resale.domain.orders import Order
from resale.domain.task_names import ADVANCE_ORDER, PROCESS_IMAGE, PROCESS_UPLOAD
from tests.fixtures.graveyard import Graveyard
from tests.fixtures.recording import record
from tests.fixtures.storefront import ADDRESS, Front
from tests.unit.builders import NOW, a_failure_note

NOTHING = "dlq_" + "0" * 32
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def order(front: Front) -> Order:
    return front.world.order(front.shopper(), front.world.active(front.shopper()))


@pytest.fixture
def letter_id(graveyard: Graveyard, order: Order) -> DeadLetterId:
    return graveyard.bury_task(ADVANCE_ORDER, order_id=order.id)


def with_scope(front: Front, *scopes: str) -> Front:
    key = keys.issue_api_key(slug=front.shop.tenant.slug, kind=KeyKind.SECRET, scopes=scopes)
    return Front(replace(front.shop, secret=key), front.container)


def note(front: Front, letter_id: DeadLetterId, **fields: Any) -> None:
    front.container.failures(front.shop.tenant).record(a_failure_note(letter_id, **fields))


def image_of(front: Front, entity_id: str, sk: str) -> Any:
    """The item of an entity as the stream gives it."""
    tables = front.shop.tenant.resources.tables
    item = front.container.sessions.for_tenant(front.shop.tenant).dynamodb.get_item(
        table=tables.listings if sk == "listing" else tables.orders, key={"pk": entity_id, "sk": sk}
    )
    assert item is not None
    return to_wire(item)


def effects(front: Front, letter_id: str) -> list[dict[str, Any]]:
    response = front.post(f"/v1/dead_letters/{letter_id}/dry_run", brand=True)
    assert response.status == 200
    return [{name: value for name, value in one.items() if value is not None} for one in response.json["effects"]]


class TestList:
    def test_shows_ids_and_why_and_no_body(
        self, front: Front, letter_id: DeadLetterId, order: Order, graveyard: Graveyard
    ) -> None:
        note(front, letter_id)
        (shown,) = front.get("/v1/dead_letters?queue=orders", brand=True).json["data"]
        assert (shown["id"], shown["status"], shown["queue"]) == (letter_id, "waiting", "orders")
        assert (shown["task"], shown["entity_ids"]) == (ADVANCE_ORDER, [order.id])
        assert (shown["last_error"]["code"], shown["last_error"]["receive_count"]) == ("unavailable", 5)
        assert "body" not in shown
        assert graveyard.count() == (1, 0)

    def test_of_a_change_shows_its_ids_and_nothing_else_of_it(
        self, front: Front, order: Order, graveyard: Graveyard
    ) -> None:
        graveyard.bury_change(image_of(front, order.id, "order"))
        response = front.get("/v1/dead_letters?queue=changes", brand=True)
        (shown,) = response.json["data"]
        assert (shown["entity_ids"], shown["change_type"], shown["change_version"]) == (
            [order.id],
            "order.submitted",
            1,
        )
        assert order.listing.title.encode() not in response.body

    def test_of_all_queues_pages(self, front: Front, graveyard: Graveyard) -> None:
        buried = {graveyard.bury("x", name) for name in LetterQueue}
        first = front.get("/v1/dead_letters?limit=2", brand=True).json
        second = front.get(f"/v1/dead_letters?limit=2&cursor={first['next_cursor']}", brand=True).json
        assert {one["id"] for one in (*first["data"], *second["data"])} == buried
        assert (first["has_more"], second["has_more"]) == (True, False)

    @pytest.mark.parametrize("query", ["queue=nothing", "limit=0", "cursor=made-up", "sort=up"])
    def test_takes_no_other_words(self, front: Front, query: str) -> None:
        assert front.get(f"/v1/dead_letters?{query}", brand=True).status == 422

    def test_hides_nothing_from_a_replay_a_moment_later(
        self, front: Front, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        front.get("/v1/dead_letters", brand=True)
        assert front.post(f"/v1/dead_letters/{letter_id}/replay", brand=True).status == 202
        assert len(graveyard.sent()) == 1

    def test_what_a_message_says_of_itself_is_not_shown(self, front: Front, graveyard: Graveyard) -> None:
        graveyard.bury_task("jane@example.org pays", buyer="jane@example.org", order_id="Jane", other="ord_1")
        response = front.get("/v1/dead_letters?queue=orders", brand=True)
        assert b"jane" not in response.body.lower()
        assert (response.json["data"][0]["task"], response.json["data"][0]["entity_ids"]) == (None, [])


class TestShow:
    def test_shows_the_body_the_error_and_the_timeline(
        self, front: Front, letter_id: DeadLetterId, order: Order
    ) -> None:
        note(front, letter_id)
        record(front, order.id)
        refusal = {"outcome": FailureOutcome.REFUSED, "code": "order_transition_refused", "entity_ids": (order.id,)}
        note(front, DeadLetterId("dlq_" + "1" * 32), at=NOW + timedelta(hours=1), **refusal)
        response = front.get(f"/v1/dead_letters/{letter_id}", brand=True)
        shown = response.json
        assert json.loads(json.loads(shown["body"])["body"])[1] == {"order_id": order.id}
        assert shown["last_error"]["exception"] == "Unavailable"
        assert [(one["type"], one["version"], one["actor_kind"], one["code"]) for one in shown["timeline"]] == [
            ("order.submitted", 1, "shopper", None),
            ("refused", None, "system", "order_transition_refused"),
        ]
        assert ADDRESS["name"].encode() not in response.body

    def test_of_a_change_shows_no_body(self, front: Front, order: Order, graveyard: Graveyard) -> None:
        letter_id = graveyard.bury_change(image_of(front, order.id, "order"))
        response = front.get(f"/v1/dead_letters/{letter_id}", brand=True)
        assert response.json["body"] is None
        assert order.listing.title.encode() not in response.body

    def test_of_one_that_was_discarded_shows_body_reason_and_who_did_it(
        self, front: Front, letter_id: DeadLetterId, order: Order
    ) -> None:
        front.post(f"/v1/dead_letters/{letter_id}/discard", {"reason": "Settled by hand."}, brand=True)
        record_letter(front, letter_id)
        shown = front.get(f"/v1/dead_letters/{letter_id}", brand=True).json
        assert (shown["status"], shown["reason"]) == ("discarded", "Settled by hand.")
        assert order.id in shown["body"]
        (entry,) = [one for one in shown["timeline"] if one["entity_id"] == letter_id]
        assert (entry["type"], entry["actor_kind"]) == ("dead_letter.discarded", "brand_key")

    def test_ids_of_another_tenants_in_a_body_lead_nowhere(
        self, front: Front, other_front: Front, graveyard: Graveyard
    ) -> None:
        world, seller = other_front.world, other_front.shopper()
        listing = world.active(seller, price=other_price(), hs_code="620193", origin_country="PT")
        theirs = world.order(other_front.shopper(), listing)
        record(other_front, theirs.id)
        letter_id = graveyard.bury_task(ADVANCE_ORDER, order_id=theirs.id)
        assert front.get(f"/v1/dead_letters/{letter_id}", brand=True).json["timeline"] == []
        assert effects(front, letter_id) == [{"kind": "refuse", "entity_id": theirs.id, "code": "order_not_found"}]


class TestDryRun:
    def test_of_an_order_says_the_step_it_would_take(
        self, front: Front, letter_id: DeadLetterId, order: Order, graveyard: Graveyard
    ) -> None:
        (effect,) = effects(front, letter_id)
        assert (effect["kind"], effect["entity_id"]) == ("step", order.id)
        assert (effect["status"], effect["step"]) == ("submitted", "start_payment")
        assert "due_at" in effect
        assert front.world.stored_order(order) == order
        assert graveyard.count() == (1, 0)
        assert graveyard.sent() == []

    def test_of_an_order_that_is_done_says_nothing(self, front: Front, letter_id: DeadLetterId, order: Order) -> None:
        front.post(f"/v1/orders/{order.id}/cancel", brand=True)
        assert effects(front, letter_id) == []

    @pytest.mark.parametrize("order_id", ["ord_" + "0" * 32, "x"])
    def test_of_an_order_that_is_not_there_says_that_it_is_refused(
        self, front: Front, graveyard: Graveyard, order_id: str
    ) -> None:
        (effect,) = effects(front, graveyard.bury_task(ADVANCE_ORDER, order_id=order_id))
        assert (effect["kind"], effect["code"]) == ("refuse", "order_not_found")

    @pytest.mark.parametrize("body", ["no task at all", '{"Records": []}'])
    def test_of_what_nobody_reads_says_that_it_fails_again(self, front: Front, graveyard: Graveyard, body: str) -> None:
        assert effects(front, graveyard.bury(body)) == [{"kind": "fail"}]

    def test_of_an_image_says_what_it_would_find(self, front: Front, graveyard: Graveyard) -> None:
        _, (slot,) = front.world.draft(front.shopper(), now=LONG_AGO)  # its form has expired
        ids = {"listing_id": slot.listing_id, "media_id": slot.id}
        letter_id = graveyard.bury_task(PROCESS_IMAGE, queue="images", **ids)
        assert step_of(front, letter_id) == "expire"
        upload(front, slot)
        assert step_of(front, letter_id) == "process_upload"
        front.world.make_ready(slot)
        assert effects(front, letter_id) == []

    def test_of_an_upload_says_what_each_of_its_slots_would_find(self, front: Front, graveyard: Graveyard) -> None:
        _, (slot,) = front.world.draft(front.shopper(), now=LONG_AGO)
        names = [original_key(slot.listing_id, slot.id), "originals/nobody/nothing", "elsewhere"]
        event = {"Records": [{"eventName": "ObjectCreated:Post", "s3": {"object": {"key": key}}} for key in names]}
        letter_id = graveyard.bury(json.dumps(event), "images")
        (effect,) = effects(front, letter_id)
        assert (effect["entity_id"], effect["step"]) == (slot.id, "expire")

    def test_of_a_change_says_which_row_is_missing_and_what_follows(
        self, front: Front, order: Order, graveyard: Graveyard
    ) -> None:
        letter_id = graveyard.bury_change(image_of(front, order.id, "order"))
        sent = {"kind": "send", "entity_id": order.id, "task": ADVANCE_ORDER}
        assert effects(front, letter_id) == [{"kind": "record", "entity_id": order.id, "version": 1}, sent]
        record(front, order.id)
        assert effects(front, letter_id) == [sent]

    def test_of_a_change_that_is_on_record_otherwise_says_that_it_fails(
        self, front: Front, order: Order, graveyard: Graveyard
    ) -> None:
        image = image_of(front, order.id, "order")
        record(front, order.id)
        forged = {**image, "change": {"S": image["change"]["S"].replace("order.submitted", "order.cancelled")}}
        (effect,) = effects(front, graveyard.bury_change(forged))
        assert (effect["kind"], effect["version"]) == ("fail", 1)

    def test_of_a_task_without_a_description_says_that_it_runs(self, front: Front, graveyard: Graveyard) -> None:
        letter_id = graveyard.bury_task("seasons.turn", order_id="ord_" + "0" * 32)
        assert effects(front, letter_id) == [{"kind": "run", "task": "seasons.turn"}]

    def test_nothing_is_described_that_is_no_task(self) -> None:
        assert set(DESCRIBERS) <= {*TASKS, PROCESS_IMAGE, PROCESS_UPLOAD}


class TestReplay:
    def test_sends_it_once_and_answers_the_same_again(
        self, front: Front, letter_id: DeadLetterId, graveyard: Graveyard
    ) -> None:
        path = f"/v1/dead_letters/{letter_id}"
        first = front.post(f"{path}/replay", brand=True)
        assert (first.status, first.json["status"], first.headers["Location"]) == (202, "replayed", path)
        again = front.post(f"{path}/replay", brand=True)
        assert (again.status, again.body) == (202, first.body)
        assert len(graveyard.sent()) == 1
        assert front.get("/v1/dead_letters?queue=orders", brand=True).json["data"] == []

    def test_is_on_record_with_the_key_that_asked(self, front: Front, letter_id: DeadLetterId) -> None:
        front.post(f"/v1/dead_letters/{letter_id}/replay", brand=True)
        item = image_of(front, letter_id, "dead_letter")
        change = json.loads(item["change"]["S"])
        assert (change["type"], change["actor"]) == (
            "dead_letter.replayed",
            {"kind": "brand_key", "id": front.shop.secret.id},
        )

    def test_of_one_that_was_discarded_is_refused(self, front: Front, letter_id: DeadLetterId) -> None:
        front.post(f"/v1/dead_letters/{letter_id}/discard", {"reason": "Settled."}, brand=True)
        response = front.post(f"/v1/dead_letters/{letter_id}/replay", brand=True)
        assert response.code == "409 dead_letter_transition_refused"

    def test_takes_no_body(self, front: Front, letter_id: DeadLetterId, graveyard: Graveyard) -> None:
        assert front.post(f"/v1/dead_letters/{letter_id}/replay", {"to": "images"}, brand=True).status == 422
        assert graveyard.count() == (1, 0)


class TestDiscard:
    def test_takes_it_out_for_good(self, front: Front, letter_id: DeadLetterId, graveyard: Graveyard) -> None:
        path, body = f"/v1/dead_letters/{letter_id}/discard", {"reason": "Settled by hand."}
        first = front.post(path, body, brand=True)
        assert (first.status, first.json["status"]) == (200, "discarded")
        assert "reason" not in first.json
        assert front.post(path, {"reason": "Another."}, brand=True).body == first.body
        assert graveyard.count() == (0, 0)
        assert graveyard.sent() == []

    @pytest.mark.parametrize(
        "body", [{}, {"reason": ""}, {"reason": "    "}, {"reason": "x" * 501}, {"reason": "why", "force": True}]
    )
    def test_needs_a_reason(self, front: Front, letter_id: DeadLetterId, graveyard: Graveyard, body: Any) -> None:
        assert front.post(f"/v1/dead_letters/{letter_id}/discard", body, brand=True).code == "422 validation_failed"
        assert graveyard.count() == (1, 0)


PATHS = [
    ("GET", "", "read"),
    ("POST", "/dry_run", "read"),
    ("POST", "/replay", "manage"),
    ("POST", "/discard", "manage"),
]


class TestWhoseTheyAre:
    @pytest.mark.parametrize(("method", "path", "scope"), PATHS, ids=[path or "show" for _, path, _ in PATHS])
    def test_they_are_the_brands_own_within_its_keys_scopes(
        self, front: Front, letter_id: DeadLetterId, graveyard: Graveyard, method: str, path: str, scope: str
    ) -> None:
        target = f"/v1/dead_letters/{letter_id}{path}"
        body = {"reason": "Settled."} if path == "/discard" else None
        assert front.ask(method, target, body).code == "403 secret_key_required"
        assert front.ask(method, target, body, by=front.shopper()).code == "403 secret_key_required"
        other = with_scope(front, f"dead_letters:{'read' if scope == 'manage' else 'manage'}", "orders:write")
        assert other.ask(method, target, body, brand=True).code == "403 scope_missing"
        assert graveyard.count() == (1, 0)
        allowed = with_scope(front, f"dead_letters:{scope}")
        assert allowed.ask(method, target, body, brand=True).status in {200, 202}

    def test_the_list_needs_the_scope_too(self, front: Front) -> None:
        assert front.get("/v1/dead_letters").code == "403 secret_key_required"
        assert with_scope(front, "orders:read").get("/v1/dead_letters", brand=True).code == "403 scope_missing"

    @pytest.mark.parametrize("wrong", [NOTHING, "x", "dlq_" + "G" * 32, "0197a3b2-7c1d-4e5f-8a9b-0c1d2e3f4a5b"])
    def test_what_is_no_dead_letter_is_not_there(self, front: Front, wrong: str) -> None:
        assert front.get(f"/v1/dead_letters/{wrong}", brand=True).code == "404 dead_letter_not_found"
        assert front.post(f"/v1/dead_letters/{wrong}/replay", brand=True).code == "404 dead_letter_not_found"


def step_of(front: Front, letter_id: str) -> str:
    (effect,) = effects(front, letter_id)
    return str(effect["step"])


def upload(front: Front, slot: Media) -> None:
    """Put an upload where the form would have put it."""
    client: Any = front.container.sessions.for_tenant(front.shop.tenant).client("s3")
    bucket = front.shop.tenant.resources.media_bucket
    client.put_object(Bucket=bucket, Key=original_key(slot.listing_id, slot.id), Body=b"x", ContentType="image/jpeg")


def record_letter(front: Front, letter_id: str) -> None:
    """Copy a dead letter's newest version to history, as the changes worker does."""
    image = image_of(front, letter_id, "dead_letter")
    row = front.container.history_row(json.dumps({"dynamodb": {"NewImage": image}}))
    assert not front.container.history(front.shop.tenant).append((row,))


def other_price() -> Any:
    return {"amount": 12_000, "currency": "USD"}
