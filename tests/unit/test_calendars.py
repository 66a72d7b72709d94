"""Business days: weekends and public holidays of the market, and the end of the day that is found."""

import subprocess
import sys
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from resale.domain.calendars import add_business_days
from resale.domain.countries import COUNTRY_CODES
from resale.domain.time_zones import ZONE_NAMES, time_zone_of
from tests.architecture.sources import ROOT

WEDNESDAY = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
NEW_YORK = "America/New_York"
BEFORE_CHRISTMAS = datetime(2026, 12, 23, 9, 30, tzinfo=UTC)  # a Wednesday


def end_of(year: int, month: int, day: int, zone: str = "UTC") -> datetime:
    return datetime(year, month, day, 23, 59, 59, tzinfo=ZoneInfo(zone), fold=1)


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
            ("US", end_of(2026, 12, 29, NEW_YORK)),  # the 25th only
            ("ZZ", end_of(2026, 12, 28)),
        ],
    )
    def test_skips_the_markets_public_holidays(self, market: str, found: datetime) -> None:
        days = {"GB": 4, "US": 3, "ZZ": 3}[market]
        assert add_business_days(BEFORE_CHRISTMAS, days, market=market) == found

    def test_goes_over_the_turn_of_the_year(self) -> None:
        assert add_business_days(datetime(2027, 12, 30, 12, tzinfo=UTC), 1, market="US") == end_of(2028, 1, 3, NEW_YORK)

    def test_rests_on_the_weekend_of_the_market(self) -> None:
        thursday = datetime(2026, 2, 5, 9, tzinfo=UTC)
        assert add_business_days(thursday, 1, market="SA") == end_of(2026, 2, 8, "Asia/Riyadh")  # a Sunday

    def test_counts_a_weekend_day_worked_in_exchange(self) -> None:
        assert add_business_days(datetime(2026, 1, 3, 9, tzinfo=UTC), 1, market="CN") == end_of(
            2026, 1, 4, "Asia/Shanghai"
        )

    def test_begins_with_the_day_of_the_market(self) -> None:
        thursday_evening = datetime(2026, 3, 6, 3, tzinfo=UTC)  # 22:00 of the 5th in New York
        assert add_business_days(thursday_evening, 1, market="US") == end_of(2026, 3, 6, NEW_YORK)
        friday_morning = datetime(2026, 3, 5, 16, tzinfo=UTC)  # 01:00 of the 6th in Tokyo
        assert add_business_days(friday_morning, 1, market="JP") == end_of(2026, 3, 9, "Asia/Tokyo")

    @pytest.mark.parametrize(
        ("market", "start", "found"),
        [
            ("GB", datetime(2026, 3, 27, 12, tzinfo=UTC), datetime(2026, 3, 30, 22, 59, 59, tzinfo=UTC)),  # summer time
            ("GB", datetime(2026, 10, 23, 12, tzinfo=UTC), datetime(2026, 10, 26, 23, 59, 59, tzinfo=UTC)),  # ends
            ("US", datetime(2026, 3, 6, 12, tzinfo=UTC), datetime(2026, 3, 10, 3, 59, 59, tzinfo=UTC)),
            ("NZ", datetime(2026, 9, 25, 2, tzinfo=UTC), datetime(2026, 9, 28, 10, 59, 59, tzinfo=UTC)),
        ],
    )
    def test_ends_with_the_day_of_the_market_over_a_change_of_clocks(
        self, market: str, start: datetime, found: datetime
    ) -> None:
        assert add_business_days(start, 1, market=market) == found

    def test_gives_the_whole_day_where_clocks_are_put_back_at_midnight(self) -> None:
        wednesday = datetime(2026, 10, 28, 12, tzinfo=UTC)  # Egypt: on Thursday, clocks go from 24:00 to 23:00
        assert add_business_days(wednesday, 1, market="EG") == datetime(2026, 10, 29, 21, 59, 59, tzinfo=UTC)

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


class TestTimeZones:
    def test_are_there_for_every_country_but_two_uninhabited_ones(self) -> None:
        assert COUNTRY_CODES - ZONE_NAMES.keys() == {"BV", "HM"}  # the tz database has none for them
        assert ZONE_NAMES.keys() <= COUNTRY_CODES

    @pytest.mark.parametrize("market", sorted(ZONE_NAMES))
    def test_are_known_here(self, market: str) -> None:
        assert time_zone_of(market).key == ZONE_NAMES[market]

    @pytest.mark.parametrize(
        ("market", "zone"),
        [("GB", "Europe/London"), ("AU", "Australia/Sydney"), ("CA", "America/Toronto"), ("BR", "America/Sao_Paulo")],
    )
    def test_are_those_of_the_main_place_of_business(self, market: str, zone: str) -> None:
        assert time_zone_of(market).key == zone
