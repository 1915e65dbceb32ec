"""Periods and quick picks: calendar arithmetic in UTC, pure and anchored.

The nth month is counted from the anchor, never from the month before: an anchor on the 31st meets
the last day of a shorter month and is back on the 31st after it.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple


class Period(NamedTuple):
    """A half-open time: from `start`, before `end`."""

    start: datetime
    end: datetime


class QuickPick(StrEnum):
    """A range of dates that people pick by its name; it ends with the moment of asking."""

    LAST_7_DAYS = "LAST_7_DAYS"
    LAST_30_DAYS = "LAST_30_DAYS"
    LAST_3_MONTHS = "LAST_3_MONTHS"


def add_months(anchor: datetime, months: int) -> datetime:
    """Return the same day and time of day `months` later, or the last day of a shorter month.

    `anchor` needs a time zone; the answer is in UTC, and `months` may be negative.
    """
    assert anchor.tzinfo is not None
    anchor = anchor.astimezone(UTC)
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = min(anchor.day, monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)


def refresh_period(anchor: datetime, *, months: int = 1, now: datetime) -> Period:
    """Return the period of so many `months` that holds `now`, of the clock started at `anchor`.

    The clock is monthly on yearly plans too. `now` may not be before `anchor`.
    """
    assert anchor <= now
    start, then = anchor.astimezone(UTC), now.astimezone(UTC)
    passed = (then.year - start.year) * 12 + then.month - start.month
    if add_months(anchor, passed) > now:
        passed -= 1
    passed -= passed % months
    return Period(add_months(anchor, passed), add_months(anchor, passed + months))


def midnight(time: datetime) -> datetime:
    """Return the start of the day of `time`, in UTC."""
    assert time.tzinfo is not None
    return time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def quick_pick_start(pick: QuickPick, *, now: datetime) -> datetime:
    """Return the UTC midnight from which `pick` counts; today is one of its days.

    Three months reach back to the same calendar day, or the last day of a shorter month.
    """
    today = midnight(now)
    match pick:
        case QuickPick.LAST_7_DAYS:
            return today - timedelta(days=6)
        case QuickPick.LAST_30_DAYS:
            return today - timedelta(days=29)
        case QuickPick.LAST_3_MONTHS:
            return add_months(today, -3)
