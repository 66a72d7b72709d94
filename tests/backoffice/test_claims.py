"""Claims for staff: those that are open, one of them, and what managers decide, by the API's own operations."""

import hashlib
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from deploy.local.journey.client import Client, upload
from resale.application.operations.claims import advance_claim, open_claim, resolve_claim
from resale.application.operations.customers import Shopper
from resale.application.operations.media import process_image
from resale.domain.access import Principal
from resale.domain.claims import Claim, ClaimReason, ClaimStatus, NewClaim, Resolution, Verdict
from resale.domain.ids import MediaId
from resale.domain.media import evidence_album
from resale.domain.orders import Order, OrderStatus
from tests.backoffice.staff_clients import Backoffice, StaffClient
from tests.fixtures.pictures import jpeg, scene
from tests.operations.partners import Carrier, Partners
from tests.operations.world import BRAND
from tests.unit.builders import NOW

WORDS = "A sleeve is torn from end to end."
PHOTO = jpeg(scene(64, 48))
NOTE = "The photos show the tear."


@pytest.fixture
def delivered(backoffice: Backoffice) -> Order:
    return backoffice.front.world.delivered(Partners())


@pytest.fixture
def claim(backoffice: Backoffice, delivered: Order) -> Claim:
    return opened(backoffice, delivered)


def opened(backoffice: Backoffice, order: Order, *, hours: int = 0) -> Claim:
    new = NewClaim(reason=ClaimReason.NOT_AS_DESCRIBED, description=WORDS)
    now = NOW + timedelta(hours=hours)
    uow = backoffice.front.world.uow(now=now, principal=Principal(customer_id=order.buyer_id))
    return open_claim(uow, order_id=order.id, new=new)


def approved(backoffice: Backoffice, claim: Claim, partners: Partners) -> Claim:
    world = backoffice.front.world
    approve = Resolution(decision=Verdict.APPROVE)
    resolve_claim(world.uow(principal=BRAND), claim_id=claim.id, resolution=approve)
    return advance_claim(world.uow(), partners=partners, claim_id=claim.id)


def stored(backoffice: Backoffice, claim: Claim) -> Claim:
    return backoffice.front.world.uow().claims.get(claim.id)


def decide(client: StaffClient, claim: Claim, decision: str, **body: Any) -> Any:
    return client.post("claim-resolve", {"version": claim.version, "decision": decision, **body}, claim_id=claim.id)


class TestList:
    def test_has_the_nearest_deadline_first(self, backoffice: Backoffice, viewer: StaffClient) -> None:
        world = backoffice.front.world
        soon = opened(backoffice, world.delivered(Partners()), hours=1)
        late = opened(backoffice, world.delivered(Partners()), hours=2)
        page = viewer.get("claims")
        assert page.html.index(soon.id) < page.html.index(late.id)
        assert "the brand's decision" in page.text
        assert WORDS not in page.text

    def test_holds_open_ones_only(self, viewer: StaffClient, manager: StaffClient, claim: Claim) -> None:
        assert claim.id in viewer.get("claims").html
        decide(manager, claim, "deny", note=NOTE)
        assert claim.id not in viewer.get("claims").html

    def test_goes_on_where_a_page_is_full(
        self, backoffice: Backoffice, viewer: StaffClient, claim: Claim, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("apps.backoffice.claims._READ", 1)
        monkeypatch.setattr("apps.backoffice.claims._SHOWN", 1)
        newer = opened(backoffice, backoffice.front.world.delivered(Partners()), hours=3)
        seen, link = [], "?"
        while link and claim.id not in seen:
            page = viewer.get("claims", query=link)
            seen += [one for one in (claim.id, newer.id) if one in page.html]
            link = page.html.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
        assert seen == [newer.id, claim.id]

    def test_a_foreign_cursor_starts_it_again(self, viewer: StaffClient) -> None:
        assert viewer.get("claims", query="?cursor=made-up").location == "/admin/claims/"


class TestClaim:
    def test_shows_what_the_buyer_wrote_its_order_and_history(
        self, backoffice: Backoffice, viewer: StaffClient, claim: Claim
    ) -> None:
        backoffice.record(claim.id)
        page = viewer.get("claim", claim_id=claim.id)
        assert f"Not as described Description by the buyer {WORDS}" in page.text
        assert "Waits for the brand's decision" in page.text
        assert "£120.00" in page.text
        assert reverse("admin:order", kwargs={"order_id": claim.order_id}) in page.html
        assert "1 Opened Opened System" in page.text
        assert "Complete and unedited" in page.text

    def test_is_linked_from_its_order(self, viewer: StaffClient, claim: Claim) -> None:
        order = viewer.get("order", order_id=claim.order_id)
        assert reverse("admin:claim", kwargs={"claim_id": claim.id}) in order.html

    def test_shows_the_return(self, backoffice: Backoffice, viewer: StaffClient, claim: Claim) -> None:
        approved(backoffice, claim, Partners())
        text = viewer.get("claim", claim_id=claim.id).text
        assert "Return parcel State Label bought Carrier Post, Standard Tracking TRACK1" in text

    def test_warns_of_what_needs_a_person(self, backoffice: Backoffice, viewer: StaffClient, claim: Claim) -> None:
        approved(backoffice, claim, Partners(shipping=Carrier(refuse=True)))
        page = viewer.get("claim", claim_id=claim.id)
        assert "refused to sell a return label" in page.text
        assert "Only managers can resolve" not in page.text
        assert "Needs action" in viewer.get("claims").text

    def test_without_a_return_label_is_decided_otherwise(
        self, backoffice: Backoffice, manager: StaffClient, claim: Claim
    ) -> None:
        waiting = approved(backoffice, claim, Partners(shipping=Carrier(refuse=True)))
        assert "Change the decision" in manager.get("claim", claim_id=claim.id).text
        page = decide(manager, waiting, "approve_without_return")
        assert "The refund has started" in page.text
        assert stored(backoffice, claim).status == ClaimStatus.APPROVED_WITHOUT_RETURN

    @pytest.mark.parametrize("text", ["x", "clm_1", "ord_" + "0" * 32, "clm_" + "0" * 32])
    def test_what_is_no_claim_is_not_there(self, viewer: StaffClient, manager: StaffClient, text: str) -> None:
        assert viewer.get("claim", claim_id=text).status == 404
        assert manager.send("claim-resolve", {"version": 1, "decision": "approve"}, claim_id=text).status_code == 404
        body = {"version": 1, "status": "delivered"}
        assert manager.send("claim-report", body, claim_id=text).status_code == 404


class TestPhotos:
    @pytest.fixture
    def buyer(self, backoffice: Backoffice) -> Shopper:
        return backoffice.front.shopper()

    @pytest.fixture
    def claimed(self, backoffice: Backoffice, buyer: Shopper) -> Claim:
        """A claim of which one photo is ready and one is awaited."""
        front, tenant = backoffice.front, backoffice.front.shop.tenant
        claim = opened(backoffice, front.world.delivered(Partners(), buyer=buyer))
        slot = {"content_type": "image/jpeg", "bytes": len(PHOTO), "sha256": hashlib.sha256(PHOTO).hexdigest()}
        added = front.post(f"/v1/claims/{claim.id}/evidence", slot, by=buyer).json["evidence"][0]
        upload(added["upload"]["url"], added["upload"]["fields"], PHOTO)
        process_image(
            front.world.uow(now=datetime.now(UTC)),
            store=front.container.media_store(tenant),
            codec=front.container.codec,
            listing_id=evidence_album(claim.id),
            media_id=MediaId(added["id"]),
        )
        front.post(f"/v1/claims/{claim.id}/evidence", slot, by=buyer)
        return claim

    def test_are_shown_by_links_that_end(self, viewer: StaffClient, claimed: Claim) -> None:
        page = viewer.get("claim", claim_id=claimed.id)
        assert "Evidence photos" in page.text
        assert "Waiting for upload" in page.text
        link = unescape(page.html.partition(" data-enlarge")[0].rpartition('href="')[2].partition('"')[0])
        assert "X-Amz-Expires=900" in link
        assert Client(link).get("").headers["content-type"] == "image/webp"


class TestDeciding:
    @pytest.mark.parametrize(
        ("decision", "note", "outcome"),
        [
            ("approve", "", ("The buyer returns the item", ClaimStatus.APPROVED)),
            ("approve_without_return", "", ("The refund has started", ClaimStatus.APPROVED_WITHOUT_RETURN)),
            ("request_evidence", "Which sleeve?", ("Evidence is requested", ClaimStatus.AWAITING_EVIDENCE)),
            ("deny", NOTE, ("claim is denied", ClaimStatus.DENIED)),
        ],
    )
    def test_does_what_the_api_does(
        self,
        backoffice: Backoffice,
        manager: StaffClient,
        claim: Claim,
        decision: str,
        note: str,
        outcome: tuple[str, str],
    ) -> None:
        said, status = outcome
        page = decide(manager, claim, decision, note=note)
        assert said in page.text
        assert note in page.text
        assert (stored(backoffice, claim).status, stored(backoffice, claim).version) == (status, claim.version + 1)
        assert backoffice.record(claim.id).change.actor.id == manager.user.staff_id

    def test_gives_back_a_part_to_the_penny(self, backoffice: Backoffice, manager: StaffClient, claim: Claim) -> None:
        decide(manager, claim, "approve_without_return", amount="12.50")
        assert stored(backoffice, claim).refund_amount == 1_250
        (refund,) = backoffice.front.world.uow().orders.get(claim.order_id).refunds
        assert refund.amount == 1_250

    def test_is_the_managers(
        self, backoffice: Backoffice, viewer: StaffClient, moderator: StaffClient, claim: Claim
    ) -> None:
        for client in (viewer, moderator):
            page = client.get("claim", claim_id=claim.id)
            assert "Only managers can resolve this claim" in page.text
            assert reverse("admin:claim-resolve", kwargs={"claim_id": claim.id}) not in page.html
            assert "role does not allow" in decide(client, claim, "approve").text
        assert stored(backoffice, claim).version == claim.version

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"decision": ""}, "Choose a decision"),
            ({"decision": "settle"}, "valid choice"),
            ({"decision": "deny"}, "Write to the buyer why"),
            ({"decision": "request_evidence", "note": "  "}, "Write to the buyer why"),
            ({"decision": "approve", "amount": "5"}, "only with an approval without return"),
            ({"decision": "deny", "note": NOTE, "amount": "5"}, "only with an approval without return"),
            ({"decision": "approve_without_return", "amount": "12,50"}, "Enter an amount such as 12.50"),
            ({"decision": "approve_without_return", "amount": "120.01"}, "larger than the remaining amount"),
            ({"decision": "deny", "note": "x" * 2_001}, "at most 2000 characters"),
            ({"decision": "approve", "version": ""}, "form was not complete"),
        ],
    )
    def test_says_what_is_wrong_and_keeps_what_was_typed(
        self, backoffice: Backoffice, manager: StaffClient, claim: Claim, body: dict[str, Any], said: str
    ) -> None:
        page = manager.post("claim-resolve", {"version": claim.version, **body}, claim_id=claim.id)
        assert page.status == 422
        assert said in page.text
        if "amount" in body:
            assert f'value="{body["amount"]}"' in page.html
        assert stored(backoffice, claim).version == claim.version

    def test_on_what_was_not_seen_is_not_done(self, backoffice: Backoffice, manager: StaffClient, claim: Claim) -> None:
        page = manager.post("claim-resolve", {"version": claim.version + 1, "decision": "approve"}, claim_id=claim.id)
        assert "claim was changed meanwhile" in page.text
        assert stored(backoffice, claim).version == claim.version

    def test_again_and_otherwise_is_refused_in_words(
        self, backoffice: Backoffice, manager: StaffClient, claim: Claim
    ) -> None:
        decide(manager, claim, "deny", note=NOTE)
        assert "claim is denied" in decide(manager, claim, "deny", note=NOTE).text
        denied = stored(backoffice, claim)
        page = decide(manager, denied, "approve")
        assert "status of the claim does not allow this" in page.text
        assert reverse("admin:claim-resolve", kwargs={"claim_id": claim.id}) not in page.html
        assert stored(backoffice, claim).version == denied.version

    def test_offers_what_can_still_be_decided(self, manager: StaffClient, claim: Claim) -> None:
        assert "Request evidence" in manager.get("claim", claim_id=claim.id).text
        page = decide(manager, claim, "request_evidence", note="Which sleeve?")
        assert "Request evidence" not in page.text
        assert "Deny." in page.text

    def test_by_a_form_from_elsewhere_is_refused(
        self, backoffice: Backoffice, manager: StaffClient, claim: Claim
    ) -> None:
        client = Browser(enforce_csrf_checks=True)
        client.force_login(manager.user)
        path = reverse("admin:claim-resolve", kwargs={"claim_id": claim.id})
        assert client.post(path, {"version": claim.version, "decision": "approve"}).status_code == 403
        assert stored(backoffice, claim).version == claim.version


class TestReportingTheReturn:
    def test_starts_the_refund_once(self, backoffice: Backoffice, manager: StaffClient, claim: Claim) -> None:
        back = approved(backoffice, claim, Partners())
        body = {"version": back.version, "status": "in_transit"}
        for _ in range(2):
            assert "report is recorded" in manager.post("claim-report", body, claim_id=claim.id).text
        assert (stored(backoffice, claim).status, stored(backoffice, claim).version) == (
            ClaimStatus.RETURN_IN_TRANSIT,
            back.version + 1,
        )
        order = backoffice.front.world.uow().orders.get(claim.order_id)
        assert (order.status, [refund.amount for refund in order.refunds]) == (OrderStatus.CLAIM_OPEN, [12_000])
        page = manager.get("claim", claim_id=claim.id)
        assert "reported by staff" in page.text
        assert "The return is lost" in page.text

    def test_is_the_managers_and_of_what_was_seen(
        self, backoffice: Backoffice, moderator: StaffClient, manager: StaffClient, claim: Claim
    ) -> None:
        back = approved(backoffice, claim, Partners())
        body = {"version": back.version, "status": "in_transit"}
        assert "Report the return" not in moderator.get("claim", claim_id=claim.id).text
        assert "role does not allow" in moderator.post("claim-report", body, claim_id=claim.id).text
        stale = manager.post("claim-report", {**body, "version": back.version - 1}, claim_id=claim.id)
        assert "was changed meanwhile" in stale.text
        nowhere = manager.post("claim-report", {"version": back.version}, claim_id=claim.id)
        assert (nowhere.status, "Choose where the parcel is" in nowhere.text) == (422, True)
        assert stored(backoffice, claim).version == back.version

    def test_is_offered_where_there_is_one(self, manager: StaffClient, claim: Claim) -> None:
        assert "Report the return" not in manager.get("claim", claim_id=claim.id).text
