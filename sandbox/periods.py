"""Billing periods: months and years counted from an anchor, safe for the 31st and leap years."""

import calendar
from datetime import UTC, datetime, timedelta

from sandbox.errors import Object

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def add(anchor: int, recurring: Object, count: int = 1) -> int:
    """Return the anchor plus so many intervals of a price's `recurring`, in Unix seconds.

    Counted from the anchor, never from the last period: the 31st of January is followed by the
    28th of February and then by the 31st of March.
    """
    start = datetime.fromtimestamp(anchor, UTC)
    steps = recurring["interval_count"] * count
    if recurring["interval"] in _DAYS:
        return int((start + timedelta(days=_DAYS[recurring["interval"]] * steps)).timestamp())
    months = start.year * 12 + start.month - 1 + _MONTHS[recurring["interval"]] * steps
    year, month = divmod(months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def following(anchor: int, recurring: Object, after: int) -> int:
    """Return the first boundary later than `after` of the periods that start at the anchor."""
    count = 1
    while (boundary := add(anchor, recurring, count)) <= after:
        count += 1
    return boundary


def same(one: Object, other: Object) -> bool:
    """Tell whether two prices' `recurring` have the same length."""
    return (one["interval"], one["interval_count"]) == (other["interval"], other["interval_count"])
