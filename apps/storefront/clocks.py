"""Test clocks over HTTP: a sandbox shop's own back end moves its time. Here alone a door speaks of the wall clock."""

from http import HTTPStatus
from typing import Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from apps.core import clock
from apps.core.requests import decode_body
from apps.core.views import LeanAPIView, json_response
from apps.storefront.context import call_of, require_brand
from apps.storefront.parameters import LimitQuery, NoQuery, expected_version, read_query
from apps.storefront.responses import one_object, version_tag
from resale.application.operations.clocks import advance_test_clock, create_test_clock
from resale.application.queries.clocks import get_test_clock, list_test_clocks, view_test_clock
from resale.domain.clocks import Clock, ClockAdvance, ClockNotFound, NewClock
from resale.domain.ids import ClockId, is_id

MANAGE: Final = "test_clocks:manage"
_encode: Final = msgspec.json.Encoder().encode


class ClocksView(LeanAPIView):
    """``/v1/test_clocks``."""

    def get(self, request: Request) -> HttpResponse:
        """List the shop's test clocks: one, or none."""
        call = call_of(request)
        read_query(request, LimitQuery)
        principal = require_brand(call, scope=MANAGE)
        page = list_test_clocks(reader=call.open_reader(), principal=principal, wall_now=clock.for_platform())
        return json_response(_encode(page))

    def post(self, request: Request) -> HttpResponse:
        """Make the shop's test clock."""
        call = call_of(request)
        read_query(request, NoQuery)
        principal = require_brand(call, scope=MANAGE)
        new = decode_body(request, NewClock)
        made = call.run(
            lambda uow: create_test_clock(uow=uow, principal=principal, new=new, wall_now=clock.for_platform()),
            principal=principal,
        )
        clock.forget_absence(call.tenant)
        return _answer(made, status=HTTPStatus.CREATED, location=f"/v1/test_clocks/{made.id}")


class ClockDetailView(LeanAPIView):
    """``/v1/test_clocks/{clock_id}``."""

    def get(self, request: Request, clock_id: str) -> HttpResponse:
        """Show the time. Never answered 304: it is another one each time."""
        call = call_of(request)
        read_query(request, NoQuery)
        principal = require_brand(call, scope=MANAGE)
        view = get_test_clock(
            reader=call.open_reader(),
            principal=principal,
            clock_id=_clock_id(clock_id),
            wall_now=clock.for_platform(),
        )
        return json_response(_encode(view))


class ClockAdvanceView(LeanAPIView):
    """``/v1/test_clocks/{clock_id}/advance``."""

    def post(self, request: Request, clock_id: str) -> HttpResponse:
        """Move the shop's time forward, and wake what is due by then."""
        call = call_of(request)
        read_query(request, NoQuery)
        principal = require_brand(call, scope=MANAGE)
        version = expected_version(request)
        advance = decode_body(request, ClockAdvance)
        found_id = _clock_id(clock_id)
        moved = call.run(
            lambda uow: advance_test_clock(
                uow=uow,
                principal=principal,
                clock_id=found_id,
                advance=advance,
                expected_version=version,
                wall_now=clock.for_platform(),
            ),
            principal=principal,
            expected_version=version,
        )
        return _answer(moved)


def _clock_id(text: str) -> ClockId:
    if not is_id("clk", text):
        raise ClockNotFound("No such test clock.")
    return ClockId(text)


def _answer(made: Clock, *, status: HTTPStatus = HTTPStatus.OK, location: str | None = None) -> HttpResponse:
    view = view_test_clock(made, wall_now=clock.for_platform())
    return one_object(_encode(view), tag=version_tag(view.version), status=status, location=location)
