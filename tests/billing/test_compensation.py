"""What a switch adds or takes away: the worked examples, and what holds for all of them."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing import compensation
from billing.calendar import Period
from models.base import CREDITS_MAX

NOVEMBER = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))

packages = st.integers(0, CREDITS_MAX)
fractions = st.fractions(0, 1)


def test_half_a_month_is_half_the_difference() -> None:
    """The 16th of November at midnight: 15 days of 30 are left."""
    left = compensation.fraction_left(NOVEMBER, at=datetime(2026, 11, 16, tzinfo=UTC))

    assert left == Fraction(1, 2)
    assert (
        compensation.amount(old_package=500, new_package=2_000, left=left, begins_anew=False) == 750
    )


def test_a_new_period_brings_the_whole_package_less_what_was_left_of_the_old_one() -> None:
    """From monthly to yearly on the 16th: 2,000 now, of which 250 were granted before."""
    half = Fraction(1, 2)

    assert (
        compensation.amount(old_package=500, new_package=2_000, left=half, begins_anew=True)
        == 1_750
    )


def test_a_part_of_a_credit_is_given_not_taken() -> None:
    """A third of 10 more is 4; a third of 10 less takes 3."""
    third = Fraction(1, 3)

    assert compensation.amount(old_package=0, new_package=10, left=third, begins_anew=False) == 4
    assert compensation.amount(old_package=10, new_package=0, left=third, begins_anew=False) == -3


def test_nothing_is_left_from_the_end_of_the_period_on() -> None:
    """Nor is there ever more left than the whole of it."""
    day = timedelta(days=1)

    assert compensation.fraction_left(NOVEMBER, at=NOVEMBER.end) == 0
    assert compensation.fraction_left(NOVEMBER, at=NOVEMBER.end + day) == 0
    assert compensation.fraction_left(NOVEMBER, at=NOVEMBER.start) == 1
    assert compensation.fraction_left(NOVEMBER, at=NOVEMBER.start - day) == 1


@given(package=packages, left=fractions)
def test_the_same_package_changes_nothing_within_a_period(package: int, left: Fraction) -> None:
    """Whatever is left of it."""
    assert (
        compensation.amount(old_package=package, new_package=package, left=left, begins_anew=False)
        == 0
    )


@given(old=packages, new=packages, left=fractions)
def test_what_is_granted_is_owed_and_less_than_a_credit_more(
    old: int, new: int, left: Fraction
) -> None:
    """Rounding is in favour of the workspace, by less than one credit."""
    owed = left * new - left * old

    given_ = compensation.amount(old_package=old, new_package=new, left=left, begins_anew=False)

    assert 0 <= given_ - owed < 1


@given(old=packages, new=packages, left=fractions)
def test_switching_back_at_once_gains_at_most_one_credit(
    old: int, new: int, left: Fraction
) -> None:
    """Both ways round up: there is no pump of credits in switching to and fro."""
    there = compensation.amount(old_package=old, new_package=new, left=left, begins_anew=False)
    back = compensation.amount(old_package=new, new_package=old, left=left, begins_anew=False)

    assert 0 <= there + back <= 1


@given(old=packages, new=packages, left=fractions)
def test_a_new_period_never_grants_less_than_the_same_one(
    old: int, new: int, left: Fraction
) -> None:
    """And never more than the new package."""
    same = compensation.amount(old_package=old, new_package=new, left=left, begins_anew=False)
    anew = compensation.amount(old_package=old, new_package=new, left=left, begins_anew=True)

    assert same <= anew <= new


@given(st.datetimes(NOVEMBER.start.replace(tzinfo=None), NOVEMBER.end.replace(tzinfo=None)))
def test_the_fraction_and_what_has_passed_are_the_whole_period(at: datetime) -> None:
    """To the microsecond, without a float."""
    at = at.replace(tzinfo=UTC)
    left = compensation.fraction_left(NOVEMBER, at=at)

    whole = (NOVEMBER.end - NOVEMBER.start) // timedelta(microseconds=1)
    assert left * whole == (NOVEMBER.end - at) // timedelta(microseconds=1)
