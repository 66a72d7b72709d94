"""The body of a queue message: what is read out of it, and how much of it is not."""

import base64
import json
import pickle
from typing import Any

import pytest

from apps.workers import messages
from apps.workers.messages import Malformed, envelope

ARGUMENTS = '[[],{"order_id":"ord_1"},{}]'


def body(**changes: Any) -> str:
    fields = {"body": ARGUMENTS, "headers": {"task": "orders.advance", "id": "m-1"}, "properties": {}}
    return json.dumps({**fields, **changes})


def read(text: str, raw_task: str | None = None) -> dict[str, Any]:
    return messages.read(text, message_id="sqs-1", raw_task=raw_task)


class TestEnvelope:
    def test_is_read_back_as_the_task_it_names(self) -> None:
        found = read(envelope("orders.advance", {"order_id": "ord_1"}, "m-1"))

        assert found["headers"] == {"task": "orders.advance", "id": "m-1"}
        assert json.loads(found["body"]) == [[], {"order_id": "ord_1"}, {}]

    def test_is_read_with_the_base64_body_that_celery_sends(self) -> None:
        encoded = base64.b64encode(ARGUMENTS.encode()).decode()

        found = read(body(body=encoded, properties={"body_encoding": "base64"}))

        assert json.loads(found["body"])[1] == {"order_id": "ord_1"}


class TestRead:
    def test_keeps_nothing_but_task_id_and_keyword_arguments(self) -> None:
        forged = {"task": "orders.advance", "id": "m-1", "expires": "2000-01-01", "timelimit": [1, 1], "shadow": "x"}
        embedded = '[[],{"order_id":"ord_1"},{"callbacks":[{"task":"other"}],"chain":[]}]'

        found = read(body(headers=forged, body=embedded, properties={"delivery_info": {"routing_key": "other"}}))

        assert found == read(body())

    def test_hands_a_raw_object_to_the_queues_own_task(self) -> None:
        found = read('{"Records": [{"eventName": "ObjectCreated:Post"}]}', raw_task="images.process_upload")

        assert found["headers"] == {"task": "images.process_upload", "id": "sqs-1"}
        assert json.loads(found["body"])[1] == {"event": {"Records": [{"eventName": "ObjectCreated:Post"}]}}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "plain text",
            "[]",
            '"text"',
            "[" * 100_000,
            "{}",
            body(headers=None),
            body(headers={"task": "orders.advance"}),
            body(headers={"task": ["orders.advance"], "id": "m-1"}),
            body(body={"order_id": "ord_1"}),
            body(body="{not json"),
            body(body="[]"),
            body(body='[["ord_1"],{},{}]'),
            body(body="[[],[],{}]"),
            body(body="%%%", properties={"body_encoding": "base64"}),
            body(
                **{"content-type": "application/x-python-serialize"},
                body=base64.b64encode(pickle.dumps([(), {}, {}])).decode(),
                properties={"body_encoding": "base64"},
            ),
        ],
    )
    def test_refuses_what_asks_for_no_task(self, text: str) -> None:
        with pytest.raises(Malformed):
            read(text)

    @pytest.mark.parametrize("text", ["plain text", "[1]", body(body="[]")])
    def test_refuses_it_also_where_raw_objects_are_taken(self, text: str) -> None:
        with pytest.raises(Malformed):
            read(text, raw_task="images.process_upload")
