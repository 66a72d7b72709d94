"""What partners tell: kept before it is answered, once, and sealed."""

import base64
import uuid
import zlib
from typing import Any

import msgspec
import pytest

from apps.core.execution import run_with_retries
from resale.adapters.dynamodb.buffer import TooLarge
from resale.application.operations.inbound import OWNER, record_inbound
from resale.application.ports import UnitOfWork
from resale.domain.changes import ChangeType
from resale.domain.ids import InboundId
from resale.domain.inbound import Inbound, InboundNotFound, InboundPrivate, InboundStatus
from resale.domain.partners import MAX_HOOK_BYTES, Connection, PartnerEvent
from tests.operations.world import World, later
from tests.unit.builders import NOW, ORDER
from tests.unit.events import a_connection, a_partner_event, a_scan

PAYLOAD = b'{"id": "evt_1", "name": "Robin Okafor"}'


def an_event(**fields: Any) -> PartnerEvent:
    """An event nobody told before."""
    return a_partner_event(**{"provider_event_id": uuid.uuid4().hex, **fields})


def told(
    world: World, event: PartnerEvent, payload: bytes = PAYLOAD, *, by: Connection | None = None, seconds: float = 0
) -> Inbound:
    """Tell something as the door does."""
    return run_with_retries(
        lambda: world.uow(now=later(seconds)),
        record_inbound,
        connection=by or a_connection(),
        event=event,
        payload=payload,
    )


def stored(world: World, inbound_id: InboundId) -> Inbound:
    return world.uow().inbound.get(inbound_id)


class TestRecordInbound:
    def test_keeps_what_was_told(self, world: World) -> None:
        event = an_event(reference="ch_1", tracking=(a_scan(),))
        kept = stored(world, told(world, event).id)
        assert (kept.status, kept.version, kept.target_id, kept.reference) == ("received", 1, ORDER, "ch_1")
        assert kept.provider_event_id == event.provider_event_id
        assert kept.tracking == event.tracking
        assert kept.due_at == later(30)

    def test_seals_the_body_as_it_came(self, world: World) -> None:
        inbound = told(world, an_event())
        kept = stored(world, inbound.id)
        assert isinstance(kept.private, str)
        assert "Robin" not in kept.private
        opened = world.reader.vault.open(kept.private, InboundPrivate, owner_id=OWNER, entity_id=kept.id)
        assert zlib.decompress(opened.payload) == PAYLOAD

    def test_takes_the_same_event_once(self, world: World) -> None:
        event = an_event()
        first = told(world, event)
        again = told(world, event, b'{"delivery": 2}', seconds=60)
        assert again.id == first.id
        kept = stored(world, first.id)
        assert (kept.version, kept.created_at) == (1, NOW)

    def test_leaves_an_event_that_is_settled_as_it_is(self, world: World) -> None:
        event = an_event()
        inbound = told(world, event)
        settle(world.uow(), inbound.id)
        told(world, event, seconds=60)
        assert stored(world, inbound.id).status == InboundStatus.PROCESSED

    def test_tells_connections_and_events_apart(self, world: World) -> None:
        event = an_event()
        other = a_connection(id="con_" + "9" * 32)
        ids = {told(world, event).id, told(world, event, by=other).id, told(world, an_event()).id}
        assert len(ids) == 3

    def test_keeps_tenants_apart(self, world: World, other_world: World) -> None:
        inbound = told(world, an_event())
        with pytest.raises(InboundNotFound):
            stored(other_world, inbound.id)

    def test_takes_the_largest_body_a_partner_may_send(self, world: World) -> None:
        lines = [{"id": uuid.uuid4().hex, "token": base64.b64encode(uuid.uuid4().bytes).decode()} for _ in range(640)]
        body = msgspec.json.encode(lines).ljust(MAX_HOOK_BYTES)
        assert len(body) == MAX_HOOK_BYTES
        assert stored(world, told(world, an_event(), body).id).version == 1

    def test_refuses_what_cannot_be_kept(self, world: World) -> None:
        noise = b"".join(uuid.uuid4().bytes for _ in range(MAX_HOOK_BYTES // 16))
        with pytest.raises(TooLarge):
            told(world, an_event(), noise)

    @pytest.mark.parametrize("forged", ["ord_1", "lst_" + "4" * 32, "../" + "x" * 300])
    def test_takes_no_id_that_is_none(self, world: World, forged: str) -> None:
        assert stored(world, told(world, an_event(order_id=forged)).id).target_id is None

    def test_bounds_the_names_a_partner_gives(self, world: World) -> None:
        long = uuid.uuid4().hex * 100
        kept = stored(world, told(world, an_event(provider_event_id=long, kind=long, reference=long)).id)
        assert kept.provider_event_id.startswith("sha256:")
        assert max(len(kept.provider_event_id), len(kept.provider_event_kind), len(kept.reference or "")) <= 200


def settle(uow: UnitOfWork, inbound_id: InboundId) -> None:
    inbound = uow.inbound.get(inbound_id)
    uow.inbound.save(
        msgspec.structs.replace(inbound, status=InboundStatus.PROCESSED), change_type=ChangeType.INBOUND_PROCESSED
    )
    uow.commit()
