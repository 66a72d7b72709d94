"""A parcel's reports: late, twice, in any order, and always with the same end."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resale.domain.ids import ShipmentId
from resale.domain.shipments import (
    MAX_EVENTS,
    SHIPMENTS,
    Shipment,
    ShipmentCommand,
    ShipmentStatus,
    TrackingEvent,
    bound_events,
    record_events,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
S = ShipmentStatus
CLIMB = (S.PRE_TRANSIT, S.IN_TRANSIT, S.OUT_FOR_DELIVERY, S.AVAILABLE_FOR_PICKUP, S.DELIVERED, S.RETURNED)
#: Statuses that a parcel has without a report.
WITHOUT_REPORT = (S.REQUESTED, S.PRE_TRANSIT, S.VOIDED, S.IN_TRANSIT)


def a_shipment(status: ShipmentStatus = S.PRE_TRANSIT) -> Shipment:
    return Shipment(id=ShipmentId("shp_1"), status=status)


def an_event(status: ShipmentStatus, *, hours: int = 0, name: str | None = None) -> TrackingEvent:
    return TrackingEvent(id=name or f"{status}-{hours}", status=status, occurred_at=NOON + timedelta(hours=hours))


#: Few ids, states and hours, so that the same report comes again and reports share a moment; an id means one report.
REPORTS = st.dictionaries(
    st.integers(min_value=0, max_value=9).map(str),
    st.tuples(st.sampled_from(ShipmentStatus), st.integers(min_value=0, max_value=5)),
    max_size=8,
).map(lambda found: [an_event(status, hours=hours, name=name) for name, (status, hours) in found.items()])


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[TrackingEvent], list[list[TrackingEvent]]]:
    """Reports, and how they really come: each at least once, shuffled, some again, in calls of any size."""
    reports = draw(REPORTS)
    again = draw(st.lists(st.sampled_from(reports), max_size=5)) if reports else []
    coming = list(draw(st.permutations(reports + again)))
    calls = []
    while coming:
        size = draw(st.integers(min_value=1, max_value=len(coming)))
        calls.append(coming[:size])
        del coming[:size]
    return reports, calls


class TestRecordEvents:
    @settings(database=None, max_examples=300, deadline=None)
    @given(deliveries(), st.sampled_from(WITHOUT_REPORT))
    def test_any_order_and_repetition_ends_the_same(
        self, delivered: tuple[list[TrackingEvent], list[list[TrackingEvent]]], start: ShipmentStatus
    ) -> None:
        reports, calls = delivered
        at_once = record_events(a_shipment(start), tuple(reports))
        piecemeal = a_shipment(start)
        for call in calls:
            piecemeal = record_events(piecemeal, tuple(call))
        assert piecemeal == at_once

    def test_reports_of_one_moment_climb_to_the_highest(self) -> None:
        for reported in permutations((S.IN_TRANSIT, S.FAILURE, S.DELIVERED)):
            shipment = a_shipment()
            for status in reported:
                shipment = record_events(shipment, (an_event(status),))
            assert shipment.status == S.DELIVERED

    @pytest.mark.parametrize("start", CLIMB)
    @pytest.mark.parametrize("reported", CLIMB[1:])
    def test_no_report_takes_it_down(self, start: ShipmentStatus, reported: ShipmentStatus) -> None:
        after = record_events(a_shipment(start), (an_event(reported),))
        assert after.status == max(start, reported, key=CLIMB.index)

    def test_what_was_given_up_is_found_again(self) -> None:
        lost = record_events(a_shipment(), (an_event(S.FAILURE),))
        assert lost.status == S.FAILURE
        assert record_events(lost, (an_event(S.DELIVERED, hours=9),)).status == S.DELIVERED

    def test_the_moments_are_the_earliest_however_late_they_are_told(self) -> None:
        first = record_events(a_shipment(), (an_event(S.DELIVERED, hours=30),))
        assert first.shipped_at == first.delivered_at == NOON + timedelta(hours=30)
        after = record_events(first, (an_event(S.IN_TRANSIT, hours=2), an_event(S.DELIVERED, hours=31)))
        assert (after.shipped_at, after.delivered_at) == (NOON + timedelta(hours=2), NOON + timedelta(hours=30))

    def test_a_label_or_a_failure_is_not_shipped(self) -> None:
        after = record_events(a_shipment(S.REQUESTED), (an_event(S.PRE_TRANSIT), an_event(S.FAILURE, hours=1)))
        assert (after.status, after.shipped_at, len(after.events)) == (S.FAILURE, None, 2)

    def test_a_known_report_changes_nothing(self) -> None:
        shipment = record_events(a_shipment(), (an_event(S.IN_TRANSIT), an_event(S.DELIVERED, hours=1)))
        assert record_events(shipment, shipment.events[::-1]) is shipment
        assert record_events(shipment, ()) is shipment

    def test_keeps_the_latest_reports_and_what_the_others_said(self) -> None:
        many = tuple(an_event(S.IN_TRANSIT, hours=hour) for hour in range(MAX_EVENTS + 10))
        shipment = record_events(a_shipment(), many)
        assert shipment.events == many[10:]
        assert shipment.shipped_at == NOON
        assert record_events(shipment, many) is shipment

    def test_a_parcel_with_a_voided_label_is_seen_all_the_same(self) -> None:
        after = record_events(a_shipment(S.VOIDED), (an_event(S.DELIVERED),))
        assert (after.status, after.shipped_at, after.delivered_at) == (S.DELIVERED, NOON, NOON)

    def test_a_voided_label_whose_failure_is_reported_is_no_parcel(self) -> None:
        after = record_events(a_shipment(S.VOIDED), (an_event(S.FAILURE),))
        assert (after.status, after.shipped_at) == (S.VOIDED, None)

    def test_the_carriers_own_time_tells_found_from_lost(self) -> None:
        for calls in permutations(
            (an_event(S.IN_TRANSIT), an_event(S.FAILURE, hours=1), an_event(S.IN_TRANSIT, hours=2))
        ):
            shipment = a_shipment()
            for event in calls:
                shipment = record_events(shipment, (event,))
            assert shipment.status == S.IN_TRANSIT

    @pytest.mark.parametrize("turned", [S.RETURNING, S.REFUSED, S.NOT_COLLECTED])
    def test_what_is_delivered_after_it_turned_back_is_back_at_its_sender(self, turned: ShipmentStatus) -> None:
        turn, delivery = an_event(turned, hours=1), an_event(S.DELIVERED, hours=9)
        for calls in ((turn, delivery), (delivery, turn)):
            shipment = a_shipment()
            for event in calls:
                shipment = record_events(shipment, (event,))
            assert (shipment.status, shipment.delivered_at) == (S.RETURNED, None)

    def test_what_was_delivered_before_it_turned_back_was_the_recipients(self) -> None:
        after = record_events(a_shipment(), (an_event(S.DELIVERED), an_event(S.RETURNING, hours=1)))
        assert (after.status, after.delivered_at) == (S.RETURNING, NOON)

    def test_an_old_report_again_is_no_news_where_the_oldest_were_dropped(self) -> None:
        lost = an_event(S.FAILURE)
        found = tuple(an_event(S.IN_TRANSIT, hours=hour) for hour in range(1, MAX_EVENTS + 5))
        shipment = record_events(record_events(a_shipment(), (lost,)), found)
        assert record_events(shipment, (lost,)).status == S.IN_TRANSIT


class TestBoundEvents:
    @pytest.mark.parametrize(("hours", "bounded"), [(-999, 0), (1, 1), (999, 5)])
    def test_holds_a_carriers_clock_between_the_order_and_now(self, hours: int, bounded: int) -> None:
        since, now = NOON, NOON + timedelta(hours=5)
        (event,) = bound_events((an_event(S.IN_TRANSIT, hours=hours),), since=since, now=now)
        assert event.occurred_at == NOON + timedelta(hours=bounded)

    def test_a_report_without_a_zone_is_none(self) -> None:
        body = b'{"id":"1","status":"delivered","occurred_at":"2026-03-02T12:00:00"}'
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(body, type=TrackingEvent)


class TestTable:
    def test_only_a_label_that_was_not_scanned_is_voided(self) -> None:
        sources = {row.source for row in SHIPMENTS if row.on == ShipmentCommand.VOID}
        assert sources == {S.REQUESTED, S.PRE_TRANSIT}
