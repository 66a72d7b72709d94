"""The partners' door: signed, kept before it is answered, once; everybody else is told nothing."""

import hashlib
import logging
import time
import uuid
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from django.test import Client
from pytest_django import Settings

from apps.core.logs import Formatter
from apps.tenancy import registry
from apps.tenancy.models import Tenant as TenantRow
from apps.tenancy.tenants import connect, set_tenant_status
from deploy.local.engines.local import LocalEngines
from deploy.local.payments.webhooks import SIGNATURE_HEADER, sign
from resale.application.operations.inbound import OWNER
from resale.bootstrap import Container
from resale.domain.ids import ConnectionId
from resale.domain.inbound import InboundNotFound, InboundPrivate
from resale.domain.partners import MAX_HOOK_BYTES, PartnerEvent, PartnerKind
from resale.domain.served_tenants import served_tenants_of
from resale.domain.tenants import TenantStatus
from tests.fixtures.storefront import Front
from tests.fixtures.streams import find_end
from tests.fixtures.webhooks import Partner, send
from tests.operations.partners import Books
from tests.unit.builders import ORDER
from tests.unit.events import a_connection


class Listener(Books):
    """A provider that takes anything, and remembers how it was said."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: Mapping[str, str] = {}

    def read_event(self, *, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
        self.heard = headers
        return PartnerEvent(provider_event_id=hashlib.sha256(body).hexdigest(), kind="anything")


def an_event(**data: Any) -> dict[str, Any]:
    return {
        "id": f"evt_{uuid.uuid4().hex}",
        "type": "payment.captured",
        "created_at": datetime.now(UTC),
        "data": {"order_id": ORDER, **data},
    }


@pytest.fixture
def partner(front: Front, engines: LocalEngines) -> Partner:
    return Partner(front, engines)


class TestTaking:
    def test_keeps_an_event_and_says_so(self, partner: Partner) -> None:
        event = an_event()
        response = partner.tell(event)
        assert (response.status, response.json) == (202, {})
        assert (partner.kept(event).status, partner.kept(event).target_id) == ("received", ORDER)

    def test_keeps_the_body_as_it_came(self, partner: Partner) -> None:
        event = an_event(name="Robin Okafor")
        body = msgspec.json.format(msgspec.json.encode(event), indent=4) + b"\n"
        assert partner.tell(body).status == 202
        kept = partner.kept(event)
        assert isinstance(kept.private, str)
        vault = partner.front.world.reader.vault
        opened = vault.open(kept.private, InboundPrivate, owner_id=OWNER, entity_id=kept.id)
        assert zlib.decompress(opened.payload) == body

    def test_takes_an_event_again_and_keeps_it_once(self, partner: Partner) -> None:
        event = an_event()
        assert [partner.tell(event).status for _ in range(3)] == [202, 202, 202]
        assert partner.kept(event).version == 1

    def test_takes_what_it_does_not_understand(self, partner: Partner) -> None:
        body = b"<xml>" + uuid.uuid4().hex.encode()
        assert [partner.tell(body).status for _ in range(2)] == [202, 202]
        kept = partner.kept_as(hashlib.sha256(body).hexdigest())
        assert (kept.provider_event_kind, kept.version, kept.target_id) == ("unreadable", 1, None)

    def test_takes_whatever_is_signed(self, partner: Partner) -> None:
        for body in (
            b"",
            b"null",
            b"[]",
            b'"event"',
            b"{}",
            b"{",
            b"[" * 60_000,
            b'{"id":' * 5_000,
            b"\xef\xbb\xbf{}",
            b'{"id": "evt_\\ud800", "type": "payment.captured"}',
            b'{"id": "evt_1", "type": "payment.captured", "created_at": 1e400, "data": {}}',
        ):
            assert partner.tell(body).status == 202
            assert partner.kept_as(hashlib.sha256(body).hexdigest()).provider_event_kind == "unreadable"

    def test_puts_it_on_record_as_the_partners(self, partner: Partner) -> None:
        event, world = an_event(), partner.front.world
        streams = world.container.streams(world.tenant)
        began = find_end(streams)
        partner.tell(event)
        kept, stream = partner.kept(event), streams.read(began)
        rows = [world.container.history_row(body) for batch in stream for body in batch.bodies]
        (row,) = [row for row in rows if row.entity_id == kept.id]
        assert (row.change.type, row.change.actor.kind) == ("inbound.received", "partner")
        assert row.change.actor.id == partner.connection.id

    def test_hears_the_partners_of_a_suspended_tenant(self, partner: Partner) -> None:
        set_tenant_status(slug=partner.front.shop.tenant.slug, status=TenantStatus.SUSPENDED)
        registry.clear()
        event = an_event()
        assert partner.tell(event).status == 202
        assert partner.kept(event).version == 1

    def test_refuses_the_partners_of_another_process_tenant(self, partner: Partner, settings: Settings) -> None:
        settings.SERVED_TENANTS = served_tenants_of(["nobody"])
        event = an_event()
        assert partner.tell(event).code == "421 tenant_not_served_here"
        with pytest.raises(InboundNotFound):
            partner.kept(event)

    def test_takes_the_largest_body(self, partner: Partner) -> None:
        event = an_event()
        assert partner.tell(msgspec.json.encode(event).ljust(MAX_HOOK_BYTES)).status == 202

    def test_takes_a_parcels_number_that_looks_like_a_cards(self, partner: Partner) -> None:
        assert partner.tell(an_event(reference="4111111111111111")).status == 202

    def test_hands_over_the_headers_in_lower_case_and_bounded(
        self, partner: Partner, web_container: Container, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        listener = Listener()
        monkeypatch.setattr(web_container, "payments", lambda _tenant: listener)
        headers = {"X-Provider-Signature": "Abc=", "X-Long": "x" * 5_000, **{f"X-Filler-{n}": "x" for n in range(100)}}
        assert partner.tell(an_event(), headers=headers).status == 202
        assert listener.heard["x-provider-signature"] == "Abc="
        assert "x-long" not in listener.heard
        assert len(listener.heard) == 64

    def test_writes_down_whose_it_was_and_nothing_it_said(
        self, partner: Partner, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        partner.tell(an_event(name="Robin Okafor"))
        lines = [Formatter().format(record) for record in caplog.records]
        (line,) = [msgspec.json.decode(line) for line in lines if '"resale.request"' in line]
        assert (line["route"], line["status"]) == ("v1/hooks/<str:connection_id>", 202)
        assert line["tenant"] == partner.front.shop.tenant.slug
        assert not [line for line in lines if "Robin" in line]


class TestRefusing:
    @pytest.mark.parametrize("headers", [{}, {SIGNATURE_HEADER: ""}, {SIGNATURE_HEADER: f"t=1,v1={'0' * 64}"}])
    def test_takes_nothing_unsigned(self, partner: Partner, headers: dict[str, str]) -> None:
        event = an_event()
        assert partner.tell(event, headers=headers).code == "401 signature_invalid"
        self.nothing_kept(partner, event)

    def test_takes_nothing_signed_long_ago(self, partner: Partner) -> None:
        body = msgspec.json.encode(an_event())
        old = {SIGNATURE_HEADER: sign(body, partner.secret, now=time.time() - 600)}
        assert partner.tell(body, headers=old).code == "401 signature_invalid"

    def test_takes_no_body_that_is_no_text(self, partner: Partner) -> None:
        for body in (b"\xff", b'{"id": "\xff"}', b'{"id": "\xed\xa0\x80"}', "é{}".encode("utf-16")):
            assert partner.tell(body).code == "400 malformed_body"
            assert partner.tell(body, headers={}).code == "400 malformed_body"

    def test_reads_an_event_only_where_all_of_it_is_text(self, partner: Partner) -> None:
        event = an_event(note="here")
        body = msgspec.json.encode(event).replace(b"here", b"\xff")
        assert partner.tell(body).code == "400 malformed_body"
        self.nothing_kept(partner, event)

    def test_takes_no_other_body_under_a_signature(self, partner: Partner) -> None:
        event = an_event()
        body = msgspec.json.encode(event)
        signed = partner.signature(body)
        assert partner.tell(body + b" ", headers=signed).code == "401 signature_invalid"
        self.nothing_kept(partner, event)

    def test_takes_no_key_for_a_signature(self, partner: Partner) -> None:
        key = {"X-API-Key": partner.front.shop.secret.text}
        assert partner.tell(an_event(), headers=key).code == "401 signature_invalid"

    @pytest.mark.parametrize("connection_id", ["con_" + "0" * 32, "con_1", "x"])
    def test_knows_no_such_connection(self, partner: Partner, connection_id: str) -> None:
        body = msgspec.json.encode(an_event())
        signed = partner.signature(body)
        assert send(f"/v1/hooks/{connection_id}", body, signed).code == "404 connection_not_found"

    def test_takes_nothing_longer(self, partner: Partner) -> None:
        event = an_event()
        body = msgspec.json.encode(event).ljust(MAX_HOOK_BYTES + 1)
        assert partner.tell(body).code == "413 body_too_large"
        self.nothing_kept(partner, event)

    def test_takes_no_query(self, partner: Partner) -> None:
        event = an_event()
        assert partner.tell(event, query="?tenant=atelier").code == "422 validation_failed"
        self.nothing_kept(partner, event)

    def test_is_for_posting(self, partner: Partner) -> None:
        assert Client().get(f"/v1/hooks/{partner.connection.id}").status_code == 405

    def nothing_kept(self, partner: Partner, event: dict[str, Any]) -> None:
        with pytest.raises(InboundNotFound):
            partner.kept(event)


class TestOutages:
    def test_says_that_it_kept_nothing(self, partner: Partner) -> None:
        row = TenantRow.objects.get(slug=partner.front.shop.tenant.slug)
        row.resources["tables"]["orders"] = "northwind-nowhere"
        row.save()
        registry.clear()
        event = an_event()
        response = partner.tell(event)
        assert (response.status, response.headers["Content-Type"]) == (503, "application/problem+json")
        assert int(response.headers["Retry-After"]) > 0
        TestRefusing().nothing_kept(partner, event)

    def test_asks_to_be_told_again_by_a_partner_it_cannot_verify(self, partner: Partner) -> None:
        carrier = a_connection(id=ConnectionId(f"con_{uuid.uuid4().hex}"), kind=PartnerKind.SHIPPING)
        connect(slug=partner.front.shop.tenant.slug, connection=carrier)
        registry.clear()
        response = send(f"/v1/hooks/{carrier.id}", b"{}", {})
        assert response.code == "503 partner_misconfigured"
