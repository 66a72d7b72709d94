"""Staff of a sandbox shop work in its time, and look at it without asking for it."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.tenancy import models, registry
from resale.domain.listings import ListingStatus
from tests.backoffice.staff_clients import Backoffice, StaffClient

pytestmark = pytest.mark.usefixtures("no_clock_left")

AHEAD = timedelta(days=60)


def test_what_staff_decide_is_decided_in_the_shops_time(backoffice: Backoffice, moderator: StaffClient) -> None:
    now = datetime.now(UTC) + AHEAD
    assert backoffice.front.post("/v1/test_clocks", {"now": now.isoformat()}, brand=True).status == 201
    listing = backoffice.pending()
    moderator.post("listing-approve", {"version": listing.version}, listing_id=listing.id)
    published_at = backoffice.front.world.listing(listing.id).published_at
    assert published_at is not None
    assert timedelta(0) <= published_at - now < timedelta(minutes=1)


def test_while_nobody_can_say_what_time_it_is_they_can_look_and_not_decide(
    backoffice: Backoffice, moderator: StaffClient
) -> None:
    listing = backoffice.pending()
    row = models.Tenant.objects.get(slug=backoffice.slug)
    row.resources["tables"]["customers"] = "gone"
    row.save()
    registry.clear()
    assert moderator.get("listing", listing_id=listing.id).status == 200
    page = moderator.post("listing-approve", {"version": listing.version}, listing_id=listing.id)
    assert "did not respond in time" in page.text
    assert backoffice.front.world.listing(listing.id).status == ListingStatus.PENDING_REVIEW
