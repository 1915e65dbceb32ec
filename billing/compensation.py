"""What a plan switch within a paid period adds to the credits, or takes away: pure arithmetic.

The old package was granted for a whole refresh period, of which the fraction `left` is still to
come. The new plan grants that fraction of its own package, or all of it when the switch begins a
new period. The difference is one adjustment.
"""

from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil

from billing.calendar import Period

_MICROSECOND = timedelta(microseconds=1)
_NOTHING, _ALL = Fraction(0), Fraction(1)


def fraction_left(period: Period, *, at: datetime) -> Fraction:
    """Return the part of a refresh period that is left at a moment, exact: from 0 to 1."""
    left = Fraction((period.end - at) // _MICROSECOND, (period.end - period.start) // _MICROSECOND)
    return min(max(left, _NOTHING), _ALL)


def amount(*, old_package: int, new_package: int, left: Fraction, begins_anew: bool) -> int:
    """Return the credits of a switch; they are removed when it is negative."""
    granted = _ALL if begins_anew else left
    return rounded(granted * new_package - left * old_package)


def rounded(share: Fraction) -> int:
    """Return whole credits: a part of one is rounded up, in favour of whoever owns them."""
    return ceil(share)
