"""Business days: weekends and public holidays of the market, and the end of the day that is found."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from resale.domain.calendars import add_business_days
from tests.architecture.sources import ROOT

WEDNESDAY = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
BEFORE_CHRISTMAS = datetime(2026, 12, 23, 9, 30, tzinfo=UTC)  # a Wednesday


def end_of(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 23, 59, 59, tzinfo=UTC)


class TestAddBusinessDays:
    @pytest.mark.parametrize(
        ("days", "found"),
        [(1, end_of(2026, 3, 5)), (2, end_of(2026, 3, 6)), (3, end_of(2026, 3, 9)), (30, end_of(2026, 4, 15))],
    )
    def test_skips_weekends(self, days: int, found: datetime) -> None:
        assert add_business_days(WEDNESDAY, days, market="ZZ") == found

    @pytest.mark.parametrize("day", [6, 7, 8])
    def test_friday_and_the_weekend_lead_to_the_same_monday(self, day: int) -> None:
        assert add_business_days(datetime(2026, 3, day, tzinfo=UTC), 1, market="GB") == end_of(2026, 3, 9)

    @pytest.mark.parametrize(
        ("market", "found"),
        [
            ("GB", end_of(2026, 12, 31)),  # 25th, and Boxing Day observed on Monday
            ("US", end_of(2026, 12, 29)),  # the 25th only
            ("ZZ", end_of(2026, 12, 28)),
        ],
    )
    def test_skips_the_markets_public_holidays(self, market: str, found: datetime) -> None:
        days = {"GB": 4, "US": 3, "ZZ": 3}[market]
        assert add_business_days(BEFORE_CHRISTMAS, days, market=market) == found

    def test_goes_over_the_turn_of_the_year(self) -> None:
        assert add_business_days(datetime(2027, 12, 30, tzinfo=UTC), 1, market="US") == end_of(2028, 1, 3)

    def test_rests_on_the_weekend_of_the_market(self) -> None:
        thursday = datetime(2026, 2, 5, 9, tzinfo=UTC)
        assert add_business_days(thursday, 1, market="SA") == end_of(2026, 2, 8)  # a Sunday

    def test_counts_a_weekend_day_worked_in_exchange(self) -> None:
        assert add_business_days(datetime(2026, 1, 3, 9, tzinfo=UTC), 1, market="CN") == end_of(2026, 1, 4)

    def test_days_are_utcs(self) -> None:
        late_in_new_york = datetime(2026, 3, 5, 22, tzinfo=timezone(timedelta(hours=-5)))  # the 6th in UTC
        assert add_business_days(late_in_new_york, 1, market="US") == end_of(2026, 3, 9)

    @pytest.mark.parametrize("market", ["", "gb", "GBR", "../x", "United Kingdom"])
    def test_what_is_no_known_market_has_weekends(self, market: str) -> None:
        assert add_business_days(BEFORE_CHRISTMAS, 2, market=market) == end_of(2026, 12, 25)

    @pytest.mark.parametrize("days", [0, -1])
    def test_refuses_less_than_one(self, days: int) -> None:
        with pytest.raises(ValueError, match="least"):
            add_business_days(WEDNESDAY, days, market="GB")


class TestCost:
    def test_nobody_pays_for_the_calendars_who_asks_for_none(self) -> None:
        code = "import sys, resale.domain.calendars; sys.exit('holidays' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
