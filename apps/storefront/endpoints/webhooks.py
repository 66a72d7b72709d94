"""Webhooks of partners: verified, stored, acknowledged. A worker processes them."""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse

from apps.core import clock
from apps.core.container import get_container, run_operation
from apps.core.fair_shares.priorities import Priority
from apps.core.problems import BodyTimeout, BodyTooLarge, MalformedBody, UnsupportedBody
from apps.core.refused_credentials import log_refused_credential
from apps.core.requests import info_of, read_raw_body
from apps.core.views import json_response
from apps.storefront import problem_codes
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.permissions import Access
from apps.tenancy import registry
from apps.tenancy.errors import RegistryUnavailable, TenantFrozen, TenantNotServedHere
from apps.tenancy.serving import require_served
from resale.application.operations.inbound import record_inbound
from resale.application.ports import PaymentProvider, ShippingProvider
from resale.domain.actors import Actor, ActorKind
from resale.domain.command_context import CommandContext
from resale.domain.ids import ConnectionId
from resale.domain.partners import (
    MAX_HOOK_BYTES,
    Connection,
    ConnectionNotFound,
    PartnerEvent,
    PartnerKind,
    PartnerMisconfigured,
    PartnerUnavailable,
    SignatureInvalid,
    WebhookUnreadable,
)
from resale.domain.tenants import Tenant
from resale.errors import Unavailable

MAX_HEADERS: Final = 64
MAX_HEADER_CHARS: Final = 4096  # of one value; signatures are far shorter

_ACCEPTED: Final = b"{}"
_PREFIX: Final = "HTTP_"


@Endpoint(
    method="post",
    path="/v1/hooks/{connection_id}",
    id="receiveHook",
    tag="Partners",
    summary="Receive a webhook of a partner",
    details=(
        "The URL to configure at a payment provider or carrier. It requires no API key: the partner's signature of "
        "the body is verified. The body has at most 64 KiB, in the partner's format, and is stored before the "
        "response. Idempotent: repeating an event has no effect. A body that is not UTF-8 is refused with 400. A "
        "signed body of an unknown kind is accepted and recorded as ignored."
    ),
    access=Access.ANYBODY,
    priority=Priority.ESSENTIAL,
    raw_body="The event as the partner sends it.",
    status=202,
    problems=(
        *problem_codes.ACCOUNT,
        MalformedBody,
        BodyTimeout,
        BodyTooLarge,
        UnsupportedBody,
        ConnectionNotFound,
        RegistryUnavailable,
        TenantFrozen,
        TenantNotServedHere,
        SignatureInvalid,
        PartnerMisconfigured,
        PartnerUnavailable,
        Unavailable,
    ),
)
def receive(context: Context[None, None], connection_id: ConnectionId) -> HttpResponse:
    """Store a partner's event, then acknowledge it; the same event is stored once.

    The id names tenant and partner, the signature is who asks. A suspended tenant's partners are heard: what is under
    way goes on.
    """
    request = context.request
    tenant, connection = registry.by_connection(connection_id)
    info = info_of(request)
    info.tenant = tenant
    require_served(tenant)
    body = read_raw_body(request, max_bytes=MAX_HOOK_BYTES)
    _check_text(body)
    event = _read(tenant, connection, body, _headers_of(request))
    actor = Actor(kind=ActorKind.PARTNER, id=connection.id)
    command = CommandContext(actor=actor, request_id=info.id, now=clock.for_tenant(tenant))
    run_operation(tenant, command, record_inbound, connection=connection, event=event, payload=body)
    return json_response(_ACCEPTED, HTTPStatus.ACCEPTED)


def _read(tenant: Tenant, connection: Connection, body: bytes, headers: Mapping[str, str]) -> PartnerEvent:
    """Verify and parse a body. A valid one of an unknown kind is stored and acknowledged too.

    A partner that is refused tells the same for days, and in the end nothing any more.
    """
    container = get_container()
    is_payments = connection.kind == PartnerKind.PAYMENTS
    partner: PaymentProvider | ShippingProvider
    partner = container.payments(tenant) if is_payments else container.shipping(tenant)
    try:
        return partner.read_event(body=body, headers=headers)
    except SignatureInvalid as refusal:
        log_refused_credential(refusal.code, tenant_slug=tenant.slug, key_id=connection.id)
        raise
    except WebhookUnreadable:
        return PartnerEvent(provider_event_id=hashlib.sha256(body).hexdigest(), kind="unreadable")


def _check_text(body: bytes) -> None:
    """Refuse a body that is not UTF-8: no event of a partner is, and none could be signed as one.

    Raises:
        MalformedBody: 400, after which no partner that retries by status sends it again.
    """
    try:
        body.decode()
    except UnicodeDecodeError:
        raise MalformedBody("The body is not encoded as UTF-8. Sending it again has the same result.") from None


def _headers_of(request: HttpRequest) -> dict[str, str]:
    """Return the headers that can carry a signature, with names in lower case."""
    found = {
        name.removeprefix(_PREFIX).replace("_", "-").lower(): value
        for name, value in request.META.items()
        if name.startswith(_PREFIX) and len(value) <= MAX_HEADER_CHARS
    }
    return dict(list(found.items())[:MAX_HEADERS])
