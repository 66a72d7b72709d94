"""The attempts by messages: put into the attacker's own queues, and run as the worker runs them."""

import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import pytest

from apps.core.logs import Formatter
from apps.workers import messages
from apps.workers.changes.consumer import ChangesConsumer
from apps.workers.tasks import definitions  # noqa: F401 - registers the tasks
from config.celery import app
from deploy.local.attacks import tasks as table
from deploy.local.attacks.means import Attack
from resale.application.reactions import TASKS, Purpose
from resale.domain.inbound import inbound_id_of
from resale.domain.media import original_key
from resale.domain.sellers import seller_id_of
from resale.domain.tenants import Queue
from tests.attacks.parties import Attacker, Victim

_SIGNATURE: Final = '"event":"'


class Messages:
    """Messages in the attacker's own queues, run as the worker runs them."""

    def __init__(self, attacker: Attacker, victim: Victim, caplog: pytest.LogCaptureFixture) -> None:
        self._attacker, self._victim, self._caplog = attacker, victim, caplog

    def faults(self, attack: Attack) -> Iterator[str]:
        """Iterate over what is wrong with one row."""
        self._caplog.set_level(logging.INFO)
        self._caplog.clear()
        is_change = attack.surface == table.CHANGES
        outcome = self._copy() if is_change else self._deliver(self._body(attack), _purpose_of(attack.surface))
        lines = [Formatter().format(record) for record in self._caplog.records]
        refusals = [json.loads(line)["code"] for line in lines if '"event":"task.refused"' in line]
        found = f"refused {refusals[0]}" if refusals else outcome
        if not attack.means.accepts(found):
            yield f"{attack}: {found} instead of {attack.means.expected}"
        event = "" if attack.means.expected == "done" and attack.means.name == table.IDS.name else attack.means.event
        if event and not any(f'{_SIGNATURE}{event}"' in line for line in lines):
            yield f"{attack}: is not logged as {event}"
        if quoted := self._victim.quoted_in("\n".join(lines)):
            yield f"{attack}: logs {quoted}"

    def _deliver(self, body: str, purpose: Purpose) -> str:
        tenant = self._attacker.front.shop.tenant
        queue: Queue = getattr(tenant.resources.queues, purpose)
        message_id, raw_task = str(uuid.uuid4()), messages.RAW_TASKS.get(purpose)
        polled = (queue.name, purpose, tenant.slug)
        payload = messages.read(body, message_id=message_id, raw_task=raw_task, polled=polled)
        task: Any = app.tasks[payload["headers"]["task"]]
        delivered = {"queue": purpose, "message_id": message_id, "receive_count": 1}
        task.push_request(
            id=payload["headers"]["id"],
            delivery_info={"routing_key": queue.name},
            properties={"delivery_info": {"delivered": delivered}},
        )
        try:
            task(**json.loads(payload["body"])[1])
        except Exception as error:  # noqa: BLE001 - how it ended is what the row states
            return f"failed {type(error).__name__}"
        finally:
            task.pop_request()
        return "done"

    def _copy(self) -> str:
        """Put a record of the victim's orders into the attacker's changes queue, and have it read."""
        tenant, container = self._attacker.front.shop.tenant, self._attacker.front.container
        victim = self._victim.front.shop.tenant
        queues, url = container.queues(tenant), tenant.resources.queues.changes.url
        item = self._victim.account.item(victim.resources.tables.orders, self._victim.ids["order_id"])
        stream = f"arn:aws:dynamodb:{victim.region}:{victim.account_id}:table/{victim.resources.tables.orders}/stream/1"
        record = {"dynamodb": {"NewImage": item}, "eventSourceARN": stream}
        assert not queues.send(url, [json.dumps(record)])
        consumer = ChangesConsumer(
            tenant=tenant,
            queues=queues,
            history=container.history(tenant),
            read_row=partial(container.history_row, tenant=tenant),
            failures=container.failures(tenant),
        )
        assert consumer.run_once(wait_seconds=1) == 1
        row = container.reader(tenant).find_history_row(self._victim.ids["order_id"], int(item["version"]["N"]))
        return "failed" if row is None else "copied"

    def _body(self, attack: Attack) -> str:
        if attack.means.name == table.UPLOAD.name:
            return json.dumps(self._upload())
        kwargs = {name: self._ids()[name] for name in TASKS[attack.surface].arguments}
        if attack.means.name == table.TENANT.name:
            kwargs["tenant"] = self._victim.slug
        body = json.loads(messages.envelope(attack.surface, kwargs, uuid.uuid4().hex))
        if attack.means.name == table.FORGED.name:
            queue = self._victim.front.shop.tenant.resources.queues.orders
            body["headers"]["tenant"] = self._victim.slug
            body["properties"] = {"delivery_info": {"routing_key": queue.name, "sqs_queue": queue.url}}
        return json.dumps(body)

    def _ids(self) -> Mapping[str, str]:
        ids, partner = self._victim.ids, self._victim.partner
        return {
            **ids,
            "listing_id": ids["pending_id"],
            "seller_id": seller_id_of(self._victim.customer_id),
            "inbound_id": inbound_id_of(connection_id=partner.connection.id, provider_event_id=self._victim.event_id),
        }

    def _upload(self) -> dict[str, Any]:
        key = original_key(self._victim.ids["pending_id"], self._victim.ids["media_id"])  # type: ignore[arg-type]  # ids of a test
        bucket = self._victim.front.shop.tenant.resources.media_bucket
        photo = {"bucket": {"name": bucket}, "object": {"key": key}}
        return {"Records": [{"eventName": "ObjectCreated:Post", "s3": photo}]}


def _purpose_of(task: str) -> Purpose:
    return TASKS[task].purpose if task in TASKS else Purpose.IMAGES
