"""Endpoints of test clocks: a sandbox shop's time, moved."""

from typing import Final

from apps.storefront.openapi.codes import codes_of
from apps.storefront.openapi.endpoints.shapes import Access, Endpoint
from apps.storefront.parameters import LimitQuery
from resale.application.queries.clocks import ClockView
from resale.domain import clocks

_SCOPE: Final = "test_clocks:manage"

CLOCK_ENDPOINTS: Final = (
    Endpoint(
        method="get",
        path="/v1/test_clocks",
        id="listTestClocks",
        tag="Test clocks",
        summary="The shop's test clock, if it has one",
        access=Access.BRAND,
        scope=_SCOPE,
        query=LimitQuery,
        answers=(ClockView,),
        listed=True,
        problems=codes_of(clocks.SandboxOnly),
    ),
    Endpoint(
        method="post",
        path="/v1/test_clocks",
        id="createTestClock",
        tag="Test clocks",
        summary="Make the shop's test clock",
        details=(
            "A sandbox shop has at most one, for good. It shows the wall clock's time, or runs ahead from `now`; it "
            "never stops. Every deadline of the shop follows it from then on, everywhere within a second. Tokens, "
            "upload forms, signatures and Idempotency-Keys keep to the wall clock."
        ),
        access=Access.BRAND,
        scope=_SCOPE,
        body=clocks.NewClock,
        status=201,
        answers=(ClockView,),
        tagged=True,
        problems=codes_of(
            clocks.SandboxOnly, clocks.ClockExists, clocks.ClockBackwards, clocks.ClockTooFar, clocks.ClockChanged
        ),
    ),
    Endpoint(
        method="get",
        path="/v1/test_clocks/{clock_id}",
        id="getTestClock",
        tag="Test clocks",
        summary="What time it is for the shop",
        access=Access.BRAND,
        scope=_SCOPE,
        answers=(ClockView,),
        problems=codes_of(clocks.SandboxOnly, clocks.ClockNotFound),
    ),
    Endpoint(
        method="post",
        path="/v1/test_clocks/{clock_id}/advance",
        id="advanceTestClock",
        tag="Test clocks",
        summary="Move the shop's time forward",
        details=(
            "`to` a moment, or on by `seconds`: one of them. At most 400 days in one call, and ten years ahead in all. "
            "What is due by then is woken at once. Said again it moves again: send `If-Match` to move it once."
        ),
        access=Access.BRAND,
        scope=_SCOPE,
        body=clocks.ClockAdvance,
        if_match=True,
        answers=(ClockView,),
        tagged=True,
        problems=codes_of(
            clocks.SandboxOnly, clocks.ClockNotFound, clocks.ClockBackwards, clocks.ClockTooFar, clocks.ClockChanged
        ),
    ),
)
