"""The workflow of a claim: its next step, its wake-up, and the deadline that ends it."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from resale.domain.claims import (
    ADDRESS_SOUGHT_EVERY,
    POLL_EVERY,
    REFUND_DUE,
    STEP_DUE,
    Claim,
    ClaimCommand,
    ClaimStatus,
    ClaimStep,
    ClaimTransitionRefused,
    next_claim_step,
    parcel_of,
    refunds_at_once,
    schedule_claim,
    transition_claim,
    update_claim,
)
from resale.domain.ids import ShipmentId
from resale.domain.issues import Issue, issues_of, raise_issue
from resale.domain.policies import RefundAt
from resale.domain.shipments import Shipment, ShipmentStatus
from tests.unit.builders import NOW, a_claim

_C = ClaimStatus
_P = ShipmentStatus
DEADLINE = NOW + timedelta(days=60)
SOON = NOW + timedelta(hours=1)
LATE = DEADLINE + timedelta(days=7)


def a_parcel(status: ShipmentStatus = _P.PRE_TRANSIT, **fields: Any) -> Shipment:
    """A return whose label was bought."""
    return Shipment(**{"id": ShipmentId("shp_" + "5" * 32), "status": status, "provider_reference": "trk_1", **fields})


def unlabelled(**fields: Any) -> Shipment:
    return a_parcel(_P.REQUESTED, provider_reference=None, **fields)


def returning(status: ClaimStatus, parcel: Shipment, **fields: Any) -> Claim:
    return a_claim(status=status, return_shipment=parcel, **fields)


def missing_label(parcel: Shipment) -> Claim:
    return raise_issue(returning(_C.APPROVED, parcel), Issue.RETURN_LABEL_MISSING)


OPENED = a_claim()
WITH_GRACE = a_claim(expires_at=LATE)
WAITS_FOR_LABEL = returning(_C.APPROVED, unlabelled(label_wanted=True))
WITHOUT_ADDRESS = missing_label(unlabelled())
LABEL_ISSUED = returning(_C.RETURN_LABEL_ISSUED, a_parcel())
LABEL_REFUNDED = returning(_C.RETURN_LABEL_ISSUED, a_parcel(void_requested_at=NOW, void_due_at=LATE))
SENT_BACK = returning(_C.RETURN_LABEL_ISSUED, a_parcel(_P.IN_TRANSIT, shipped_at=NOW))
ON_ITS_WAY = returning(_C.RETURN_IN_TRANSIT, a_parcel(_P.IN_TRANSIT, shipped_at=NOW), expires_at=LATE)
ARRIVED = returning(_C.RETURN_IN_TRANSIT, a_parcel(_P.DELIVERED, shipped_at=NOW), expires_at=LATE)
LOST = returning(_C.RETURN_IN_TRANSIT, a_parcel(_P.FAILURE, shipped_at=NOW))
BACK_AT_BUYER = returning(_C.RETURN_IN_TRANSIT, a_parcel(_P.RETURNED, shipped_at=NOW), expires_at=LATE)
REFUND_STARTED = returning(_C.RETURN_IN_TRANSIT, a_parcel(_P.IN_TRANSIT, shipped_at=NOW), refund_amount=100)
NO_RETURN = a_claim(status=_C.APPROVED_WITHOUT_RETURN)
DENIED = a_claim(status=_C.DENIED)
DENIED_WITH_LABEL = returning(_C.DENIED, a_parcel())
DENIED_LABEL_VOIDED = returning(_C.DENIED, a_parcel(_P.VOIDED, void_requested_at=NOW, void_due_at=LATE))
DENIED_LABEL_USED = returning(_C.DENIED, a_parcel(_P.DELIVERED))


class TestNextClaimStep:
    @pytest.mark.parametrize(
        ("claim", "step"),
        [
            (OPENED, ClaimStep.NOTHING),
            (WAITS_FOR_LABEL, ClaimStep.BUY_RETURN_LABEL),
            (WITHOUT_ADDRESS, ClaimStep.NOTHING),
            (LABEL_ISSUED, ClaimStep.NOTHING),
            (LABEL_REFUNDED, ClaimStep.NOTHING),
            (SENT_BACK, ClaimStep.REFUND_RETURN),
            (ON_ITS_WAY, ClaimStep.NOTHING),
            (ARRIVED, ClaimStep.REFUND_RETURN),
            (LOST, ClaimStep.REFUND_RETURN),
            (BACK_AT_BUYER, ClaimStep.NOTHING),
            (REFUND_STARTED, ClaimStep.NOTHING),
            (NO_RETURN, ClaimStep.NOTHING),
            (DENIED, ClaimStep.NOTHING),
            (DENIED_WITH_LABEL, ClaimStep.VOID_RETURN_LABEL),
            (DENIED_LABEL_VOIDED, ClaimStep.NOTHING),
            (DENIED_LABEL_USED, ClaimStep.NOTHING),
            (returning(_C.RETURN_LABEL_ISSUED, a_parcel(_P.FAILURE)), ClaimStep.NOTHING),  # never scanned
            (returning(_C.RETURN_LABEL_ISSUED, a_parcel(shipped_at=NOW)), ClaimStep.NOTHING),  # not with the carrier
            (returning(_C.REFUNDED, a_parcel(_P.IN_TRANSIT, shipped_at=NOW)), ClaimStep.NOTHING),
            (returning(_C.UNDER_REVIEW, unlabelled(label_wanted=True)), ClaimStep.NOTHING),
            (returning(_C.APPROVED, a_parcel(label_wanted=True)), ClaimStep.NOTHING),
        ],
    )
    def test_before_the_wake_up(self, claim: Claim, step: ClaimStep) -> None:
        assert next_claim_step(claim, now=NOW) == step

    @pytest.mark.parametrize(
        ("claim", "step"),
        [
            (OPENED, ClaimStep.NOTHING),
            (WITHOUT_ADDRESS, ClaimStep.SEEK_ADDRESS),
            (returning(_C.APPROVED, unlabelled()), ClaimStep.NOTHING),  # nothing says that it is missing
            (missing_label(a_parcel(label_wanted=False)), ClaimStep.NOTHING),  # it was bought meanwhile
            (raise_issue(returning(_C.OPENED, unlabelled()), Issue.RETURN_LABEL_MISSING), ClaimStep.NOTHING),
            (LABEL_ISSUED, ClaimStep.TRACK_RETURN),
            (LABEL_REFUNDED, ClaimStep.TRACK_RETURN),
            (returning(_C.RETURN_LABEL_ISSUED, a_parcel(provider_reference=None)), ClaimStep.NOTHING),
            (ON_ITS_WAY, ClaimStep.TRACK_RETURN),
            (BACK_AT_BUYER, ClaimStep.TRACK_RETURN),
            (REFUND_STARTED, ClaimStep.NOTHING),
            (NO_RETURN, ClaimStep.NOTHING),
            (DENIED, ClaimStep.NOTHING),
            (DENIED_LABEL_VOIDED, ClaimStep.SETTLE_RETURN_VOID),
            (DENIED_LABEL_USED, ClaimStep.NOTHING),
        ],
    )
    def test_at_the_wake_up(self, claim: Claim, step: ClaimStep) -> None:
        woken = msgspec.structs.replace(claim, due_at=NOW)
        assert next_claim_step(woken, now=NOW) == step
        asleep = msgspec.structs.replace(claim, due_at=None)
        assert next_claim_step(asleep, now=NOW) == ClaimStep.NOTHING

    @pytest.mark.parametrize(
        ("claim", "now", "step"),
        [
            (OPENED, DEADLINE, ClaimStep.EXPIRE),
            (OPENED, DEADLINE - timedelta(seconds=1), ClaimStep.NOTHING),
            (WITH_GRACE, DEADLINE, ClaimStep.NOTHING),
            (WITH_GRACE, LATE, ClaimStep.EXPIRE),
            (WAITS_FOR_LABEL, LATE, ClaimStep.BUY_RETURN_LABEL),  # nobody is late who has no label yet
            (LABEL_ISSUED, DEADLINE, ClaimStep.EXPIRE),
            (returning(_C.RETURN_LABEL_ISSUED, a_parcel(shipped_at=NOW)), DEADLINE, ClaimStep.TRACK_RETURN),
            (ON_ITS_WAY, LATE, ClaimStep.REFUND_RETURN),  # it counts as arrived
            (BACK_AT_BUYER, LATE, ClaimStep.TRACK_RETURN),
        ],
    )
    def test_at_the_deadline(self, claim: Claim, now: datetime, step: ClaimStep) -> None:
        assert next_claim_step(claim, now=now) == step


class TestScheduleClaim:
    @pytest.mark.parametrize(
        ("claim", "due_at"),
        [
            (OPENED, DEADLINE),
            (WITH_GRACE, LATE),
            (WAITS_FOR_LABEL, NOW + STEP_DUE),
            (WITHOUT_ADDRESS, NOW + ADDRESS_SOUGHT_EVERY),
            (LABEL_ISSUED, NOW + POLL_EVERY),
            (returning(_C.RETURN_LABEL_ISSUED, a_parcel(), deadline_at=SOON), SOON),
            (returning(_C.RETURN_LABEL_ISSUED, a_parcel(), deadline_at=NOW), NOW + POLL_EVERY),
            (SENT_BACK, NOW + REFUND_DUE),
            (ON_ITS_WAY, NOW + POLL_EVERY),
            (ARRIVED, NOW + REFUND_DUE),
            (REFUND_STARTED, NOW + POLL_EVERY),
            (NO_RETURN, NOW + POLL_EVERY),
            (DENIED, None),
            (DENIED_WITH_LABEL, NOW + STEP_DUE),
            (DENIED_LABEL_VOIDED, LATE),
            (DENIED_LABEL_USED, None),
        ],
    )
    def test_wakes_it_for_its_next_step(self, claim: Claim, due_at: datetime | None) -> None:
        assert schedule_claim(claim, now=NOW).due_at == due_at

    def test_begins_to_void_the_label_of_a_claim_that_ended(self) -> None:
        assert parcel_of(schedule_claim(DENIED_WITH_LABEL, now=NOW)).given_up_at == NOW
        assert schedule_claim(LABEL_ISSUED, now=NOW).return_shipment == LABEL_ISSUED.return_shipment


class TestUpdateClaim:
    def test_starts_its_tries_again_and_clears_what_it_waited_for(self) -> None:
        waiting = raise_issue(
            raise_issue(msgspec.structs.replace(OPENED, step_tries=3), Issue.PARTNER_SILENT), Issue.PARCEL_LOST
        )
        updated = update_claim(waiting, now=NOW)
        assert (updated.step_tries, issues_of(updated), updated.version) == (0, (Issue.PARCEL_LOST,), 2)

    def test_a_command_leads_to_its_status_if_its_guard_holds(self) -> None:
        with pytest.raises(ClaimTransitionRefused):
            transition_claim(OPENED, ClaimCommand.EXPIRE, now=NOW)
        expired = transition_claim(OPENED, ClaimCommand.EXPIRE, now=DEADLINE)
        assert (expired.status, expired.version, expired.due_at) == (_C.EXPIRED, 2, None)


class TestReturn:
    @pytest.mark.parametrize(
        ("refund_at", "status", "at_once"),
        [
            (RefundAt.FIRST_SCAN, _P.IN_TRANSIT, True),
            (RefundAt.DELIVERED, _P.IN_TRANSIT, False),
            (RefundAt.DELIVERED, _P.DELIVERED, True),
            (RefundAt.DELIVERED, _P.FAILURE, True),
        ],
    )
    def test_is_refunded_at_once_by_the_shops_policy(
        self, refund_at: RefundAt, status: ShipmentStatus, *, at_once: bool
    ) -> None:
        claim = returning(_C.RETURN_IN_TRANSIT, a_parcel(status), refund_at=refund_at)
        assert refunds_at_once(claim) == at_once

    def test_of_a_claim_without_one_is_an_error(self) -> None:
        with pytest.raises(TypeError, match=r"^an approved claim has a return$"):
            parcel_of(OPENED)
