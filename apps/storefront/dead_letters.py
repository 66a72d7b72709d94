"""Dead letters over HTTP, for the brand's own back end: what its queues gave up on, and what is to become of it."""

from http import HTTPStatus
from typing import Final

import msgspec
from django.http import HttpResponse
from msgspec import UNSET
from rest_framework.request import Request

from apps.core.dead_letters import LetterOffice
from apps.core.requests import decode_body
from apps.core.views import LeanAPIView, json_response
from apps.storefront.context import Call, call_of, require_brand
from apps.storefront.parameters import DeadLettersQuery, NoQuery, given, read_query, refuse_input
from resale.application.operations.dead_letters import Discard
from resale.domain.dead_letters import DeadLetterNotFound
from resale.domain.ids import DeadLetterId, is_id

READ: Final = "dead_letters:read"
MANAGE: Final = "dead_letters:manage"
_encode: Final = msgspec.json.Encoder().encode


class DeadLettersView(LeanAPIView):
    """``/v1/dead_letters``."""

    def get(self, request: Request) -> HttpResponse:
        """List what lies in one dead-letter queue or in all, the longest sent first."""
        call = call_of(request)
        query = read_query(request, DeadLettersQuery)
        page = _office(call, READ).list_letters(
            queue=None if query.queue is UNSET else query.queue, limit=query.limit, cursor=given(query.cursor)
        )
        return json_response(_encode(page))


class DeadLetterDetailView(LeanAPIView):
    """``/v1/dead_letters/{letter_id}``."""

    def get(self, request: Request, letter_id: str) -> HttpResponse:
        """Show one with its body, its last error and the timeline of what it is about."""
        call = call_of(request)
        read_query(request, NoQuery)
        return json_response(_encode(_office(call, READ).show(_letter_id(letter_id))))


class DeadLetterDryRunView(LeanAPIView):
    """``/v1/dead_letters/{letter_id}/dry_run``."""

    def post(self, request: Request, letter_id: str) -> HttpResponse:
        """Say what a replay would do."""
        call = call_of(request)
        refuse_input(request)
        return json_response(_encode(_office(call, READ).dry_run(_letter_id(letter_id))))


class DeadLetterReplayView(LeanAPIView):
    """``/v1/dead_letters/{letter_id}/replay``."""

    def post(self, request: Request, letter_id: str) -> HttpResponse:
        """Have one run once more."""
        call = call_of(request)
        refuse_input(request)
        view = _office(call, MANAGE).replay(_letter_id(letter_id))
        location = {"Location": f"/v1/dead_letters/{view.id}"}
        return json_response(_encode(view), HTTPStatus.ACCEPTED, location)


class DeadLetterDiscardView(LeanAPIView):
    """``/v1/dead_letters/{letter_id}/discard``."""

    def post(self, request: Request, letter_id: str) -> HttpResponse:
        """Give one up, with a reason."""
        call = call_of(request)
        read_query(request, NoQuery)
        office = _office(call, MANAGE)
        discard = decode_body(request, Discard)
        return json_response(_encode(office.discard(_letter_id(letter_id), reason=discard.reason)))


def _office(call: Call, scope: str) -> LetterOffice:
    principal = require_brand(call, scope=scope)
    return LetterOffice(
        call.tenant,
        principal=principal,
        run=lambda operation: call.run(operation, principal=principal),
        now=call.now,
    )


def _letter_id(text: str) -> DeadLetterId:
    if not is_id("dlq", text):
        raise DeadLetterNotFound("No such dead letter.")
    return DeadLetterId(text)
