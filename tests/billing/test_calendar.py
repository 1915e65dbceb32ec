"""The calendar: months are counted from the anchor, days in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import calendar
from billing.calendar import Period, QuickPick

_MOMENTS = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2100, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.just(UTC),
)


def _utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "months", "expected"),
    [
        (_utc(2026, 1, 15, 9), 1, _utc(2026, 2, 15, 9)),
        (_utc(2026, 1, 31), 1, _utc(2026, 2, 28)),
        (_utc(2028, 1, 31), 1, _utc(2028, 2, 29)),
        (_utc(2026, 1, 31), 2, _utc(2026, 3, 31)),
        (_utc(2026, 1, 31), 3, _utc(2026, 4, 30)),
        (_utc(2026, 12, 31), 2, _utc(2027, 2, 28)),
        (_utc(2028, 2, 29), 12, _utc(2029, 2, 28)),
        (_utc(2028, 2, 29), 48, _utc(2032, 2, 29)),
        (_utc(2026, 1, 31), -2, _utc(2025, 11, 30)),
        (_utc(2026, 1, 31), 0, _utc(2026, 1, 31)),
    ],
)
def test_months_are_added_to_the_day_of_the_anchor(
    anchor: datetime, months: int, expected: datetime
) -> None:
    """A shorter month gives its last day; the time of day stays."""
    assert calendar.add_months(anchor, months) == expected


def test_months_are_counted_in_utc_whatever_the_zone_of_the_anchor() -> None:
    """Half past midnight on the 1st in Berlin is still the last day of the month before."""
    berlin = timezone(timedelta(hours=1))
    anchor = datetime(2026, 2, 1, 0, 30, tzinfo=berlin)
    assert calendar.add_months(anchor, 1) == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "period"),
    [
        (_utc(2026, 1, 31), Period(_utc(2026, 1, 31), _utc(2026, 2, 28))),
        (_utc(2026, 2, 27, 23), Period(_utc(2026, 1, 31), _utc(2026, 2, 28))),
        (_utc(2026, 2, 28), Period(_utc(2026, 2, 28), _utc(2026, 3, 31))),
        (_utc(2026, 3, 30), Period(_utc(2026, 2, 28), _utc(2026, 3, 31))),
        (_utc(2026, 3, 31), Period(_utc(2026, 3, 31), _utc(2026, 4, 30))),
        (_utc(2027, 1, 30), Period(_utc(2026, 12, 31), _utc(2027, 1, 31))),
        (_utc(2028, 2, 29), Period(_utc(2028, 2, 29), _utc(2028, 3, 31))),
    ],
)
def test_a_clock_of_the_31st_is_back_on_the_31st_after_each_shorter_month(
    now: datetime, period: Period
) -> None:
    """The period is neither cut short for good by February nor by April."""
    assert calendar.refresh_period(_utc(2026, 1, 31), now=now) == period


def test_a_yearly_plan_refreshes_twelve_times_and_ends_with_its_last_refresh() -> None:
    """Also from a leap day to a year without one: no thirteenth refresh, no gap."""
    anchor = _utc(2028, 2, 29)
    now, starts = anchor, []
    while now < calendar.add_months(anchor, 12):
        period = calendar.refresh_period(anchor, now=now)
        starts.append(period.start)
        now = period.end
    assert len(starts) == 12
    assert now == _utc(2029, 2, 28)


@given(anchor=_MOMENTS, later=st.timedeltas(timedelta(0), timedelta(days=20_000)))
def test_every_moment_is_in_exactly_one_refresh_period(anchor: datetime, later: timedelta) -> None:
    """Periods are half-open and follow each other without a gap."""
    now = anchor + later
    period = calendar.refresh_period(anchor, now=now)
    assert period.start <= now < period.end
    assert calendar.refresh_period(anchor, now=period.start) == period
    assert calendar.refresh_period(anchor, now=period.end).start == period.end
    assert timedelta(days=28) <= period.end - period.start <= timedelta(days=31)


def test_a_period_of_several_months_begins_where_the_one_before_it_ends() -> None:
    """Its end, too, is back on the 31st after a shorter month."""
    anchor = _utc(2026, 1, 31)
    first = Period(anchor, _utc(2026, 4, 30))
    second = Period(_utc(2026, 4, 30), _utc(2026, 7, 31))
    assert calendar.refresh_period(anchor, months=3, now=_utc(2026, 4, 29)) == first
    assert calendar.refresh_period(anchor, months=3, now=_utc(2026, 4, 30)) == second
    assert calendar.refresh_period(anchor, months=3, now=_utc(2026, 7, 30)) == second


def test_a_clock_has_no_period_before_its_anchor() -> None:
    """Asking for one is a bug, not a refusal."""
    with pytest.raises(AssertionError):
        calendar.refresh_period(_utc(2026, 1, 2), now=_utc(2026, 1, 1))


@pytest.mark.parametrize(
    ("pick", "now", "start"),
    [
        (QuickPick.LAST_7_DAYS, _utc(2026, 3, 7, 15), _utc(2026, 3, 1)),
        (QuickPick.LAST_7_DAYS, _utc(2026, 3, 7), _utc(2026, 3, 1)),
        (QuickPick.LAST_30_DAYS, _utc(2026, 3, 30, 23), _utc(2026, 3, 1)),
        (QuickPick.LAST_3_MONTHS, _utc(2026, 5, 15, 8), _utc(2026, 2, 15)),
        (QuickPick.LAST_3_MONTHS, _utc(2026, 5, 31, 8), _utc(2026, 2, 28)),
        (QuickPick.LAST_3_MONTHS, _utc(2028, 5, 30), _utc(2028, 2, 29)),
        (QuickPick.LAST_3_MONTHS, _utc(2026, 2, 28), _utc(2025, 11, 28)),
    ],
)
def test_a_quick_pick_starts_at_a_utc_midnight(
    pick: QuickPick, now: datetime, start: datetime
) -> None:
    """Today is one of its days; three months reach to the same day or the last of a shorter."""
    assert calendar.quick_pick_start(pick, now=now) == start


def test_a_quick_pick_asks_for_the_day_in_utc() -> None:
    """In Tokyo it is already the 8th."""
    now = datetime(2026, 3, 8, 5, tzinfo=timezone(timedelta(hours=9)))
    assert calendar.quick_pick_start(QuickPick.LAST_7_DAYS, now=now) == _utc(2026, 3, 1)
