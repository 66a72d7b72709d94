"""Test clocks: a sandbox shop's own back end advances its time. Only these endpoints read the wall clock."""

from typing import Final

from apps.core import clock
from apps.storefront.context import Context
from apps.storefront.endpoint import Endpoint
from apps.storefront.parameters import LimitQuery
from apps.storefront.permissions import Access
from apps.tenancy.scopes import Scope
from resale.application.operations.clocks import advance_test_clock, create_test_clock
from resale.application.queries.clocks import ClockPage, ClockView, get_test_clock, list_test_clocks, view_test_clock
from resale.domain.clocks import (
    ClockAdvance,
    ClockBackwards,
    ClockChanged,
    ClockExists,
    ClockNotFound,
    ClockTooFar,
    NewClock,
    SandboxOnly,
)
from resale.domain.ids import ClockId

_TAG: Final = "Test clocks"
_COLLECTION: Final = "/v1/test_clocks"


@Endpoint(
    method="get",
    path=_COLLECTION,
    id="listTestClocks",
    tag=_TAG,
    summary="List the shop's test clock",
    access=Access.BRAND,
    scope=Scope.TEST_CLOCKS_MANAGE,
    query=LimitQuery,
    responses=(ClockView,),
    listed=True,
    problems=(SandboxOnly,),
)
def list_all(context: Context[LimitQuery, None]) -> ClockPage:
    """List the shop's test clocks: one, or none."""
    return list_test_clocks(reader=context.reader, principal=context.principal, wall_now=clock.for_platform())


@Endpoint(
    method="post",
    path=_COLLECTION,
    id="createTestClock",
    tag=_TAG,
    summary="Create the shop's test clock",
    details=(
        "A sandbox shop has at most one test clock, and it cannot be deleted. It shows the current time, or a later "
        "time from `now`, and never stops. Every deadline of the shop follows it within a second. Tokens, upload "
        "forms, signatures and idempotency keys use the current time."
    ),
    access=Access.BRAND,
    scope=Scope.TEST_CLOCKS_MANAGE,
    body=NewClock,
    status=201,
    location=_COLLECTION,
    responses=(ClockView,),
    tagged=True,
    problems=(SandboxOnly, ClockExists, ClockBackwards, ClockTooFar, ClockChanged),
)
def create(context: Context[None, NewClock]) -> ClockView:
    """Create the shop's test clock."""
    made = context.run(create_test_clock, new=context.body, wall_now=clock.for_platform())
    clock.forget_absence(context.tenant)
    return view_test_clock(made, wall_now=clock.for_platform())


@Endpoint(
    method="get",
    path="/v1/test_clocks/{clock_id}",
    id="getTestClock",
    tag=_TAG,
    summary="Retrieve a test clock",
    access=Access.BRAND,
    scope=Scope.TEST_CLOCKS_MANAGE,
    responses=(ClockView,),
    problems=(SandboxOnly, ClockNotFound),
)
def get(context: Context[None, None], clock_id: ClockId) -> ClockView:
    """Return the test clock. Without an ETag, because its time differs each time."""
    return get_test_clock(
        reader=context.reader, principal=context.principal, clock_id=clock_id, wall_now=clock.for_platform()
    )


@Endpoint(
    method="post",
    path="/v1/test_clocks/{clock_id}/advance",
    id="advanceTestClock",
    tag=_TAG,
    summary="Advance a test clock",
    details=(
        "Send either `to` (a time) or `seconds`. At most 400 days in one call, and ten years ahead in total. "
        "Everything that is due by then is processed at once. Not idempotent: send `If-Match` to advance it only "
        "once."
    ),
    access=Access.BRAND,
    scope=Scope.TEST_CLOCKS_MANAGE,
    body=ClockAdvance,
    example={"seconds": 5_184_000},
    if_match=True,
    responses=(ClockView,),
    tagged=True,
    problems=(SandboxOnly, ClockNotFound, ClockBackwards, ClockTooFar, ClockChanged),
)
def advance(context: Context[None, ClockAdvance], clock_id: ClockId) -> ClockView:
    """Advance the shop's time, and wake everything that is due by then."""
    advanced = context.run(advance_test_clock, clock_id=clock_id, advance=context.body, wall_now=clock.for_platform())
    return view_test_clock(advanced, wall_now=clock.for_platform())
