"""Business days of a market: weekends and public holidays by the ``holidays`` package, in the market's time zone.

It is imported when a market's year is first asked for: loading its countries takes half a second and 31 MB, which only
the process that sets such deadlines shall pay (measured: 0.2 s for the package, 0.33 s for the first country).
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from resale.domain.time_zones import time_zone_of

_DAY: Final = timedelta(days=1)
_END: Final = time(23, 59, 59, fold=1)  # where clocks are put back at midnight, the later of the two
_SATURDAY: Final = 5


def add_business_days(start: datetime, days: int, *, market: str) -> datetime:
    """Return the end of the n-th business day after the day of ``start``.

    Days begin and end in the market's time zone (``time_zones``), daylight saving time included. A day counts unless
    it is of the market's weekend or one of its nation-wide public holidays (regional ones are not), observed days
    included; a weekend day worked in exchange counts. A market nobody knows has Saturdays and Sundays off, and UTC.

    Args:
        start: Any moment, aware; its own day never counts.
        days: One or more.
        market: ISO 3166-1 alpha-2.

    Returns:
        23:59:59 of that day in the market, as UTC.

    Raises:
        ValueError: ``days`` below one.
    """
    if days < 1:
        raise ValueError("at least one business day is required")
    zone = time_zone_of(market)
    day = start.astimezone(zone).date()
    while days:
        day += _DAY
        days -= _is_business_day(day, market)
    return datetime.combine(day, _END, tzinfo=zone).astimezone(UTC)


def _is_business_day(day: date, market: str) -> bool:
    return _calendar(market, day.year)(day)


@lru_cache(maxsize=256)
def _calendar(market: str, year: int) -> Callable[[date], bool]:
    """Return a function that decides whether a day of the year is a business day."""
    import holidays  # noqa: PLC0415 - half a second; see the top

    if market not in holidays.list_supported_countries(include_aliases=False):
        return _is_weekday
    return holidays.country_holidays(market, years=year, expand=False).is_working_day


def _is_weekday(day: date) -> bool:
    return day.weekday() < _SATURDAY
