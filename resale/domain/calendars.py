"""Business days of a market: weekends and public holidays, by the ``holidays`` package.

It is imported when a market's year is first asked for: loading its countries takes half a second and 31 MB, which only
the process that sets such deadlines shall pay (measured: 0.2 s for the package, 0.33 s for the first country).
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

_DAY: Final = timedelta(days=1)
_END: Final = time(23, 59, 59, tzinfo=UTC)
_SATURDAY: Final = 5


def add_business_days(start: datetime, days: int, *, market: str) -> datetime:
    """Return the end of the n-th business day after the day of ``start``.

    Days are UTC's: a market's zones are not known here. A day counts unless it is of the market's weekend or one of
    its nation-wide public holidays (regional ones are not), observed days included; a weekend day worked in exchange
    counts. A market nobody knows has Saturdays and Sundays off.

    Args:
        start: Any moment, aware; its own day never counts.
        days: One or more.
        market: ISO 3166-1 alpha-2.

    Returns:
        23:59:59 UTC of that day.

    Raises:
        ValueError: ``days`` below one.
    """
    if days < 1:
        raise ValueError("at least one business day is required")
    day = start.astimezone(UTC).date()
    while days:
        day += _DAY
        days -= _is_business_day(day, market)
    return datetime.combine(day, _END)


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
