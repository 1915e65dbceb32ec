"""Inputs that several lists share: date filters."""

from datetime import datetime

import strawberry

from billing import calendar
from billing.errors import PeriodInverted
from billing.records import Period
from resolvers.types.enums import QuickPick


@strawberry.input(description="A half-open time range, `from <= t < to`; either end may be open.")
class DateTimeRange:
    """A half-open time range."""

    from_: datetime | None = strawberry.field(
        name="from", default=strawberry.UNSET, description="From this moment on."
    )
    to: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Before this moment."
    )


@strawberry.input(one_of=True, description="A date filter: a range, or a quick pick.")
class DateTimeFilter:
    """A range or a quick pick."""

    range: DateTimeRange | None = strawberry.field(
        default=strawberry.UNSET, description="A range of your own."
    )
    quick_pick: QuickPick | None = strawberry.field(
        default=strawberry.UNSET, description="A range that ends now, by its name."
    )


def period(
    chosen: DateTimeFilter | None, *, now: datetime, resolved: datetime | None = None
) -> Period:
    """Return the time that a filter lets through, all of it without one.

    A quick pick counts from `resolved` when a cursor carries it, so that paging never shifts.
    Raises PeriodInverted.
    """
    if not chosen:
        return Period()
    if chosen.quick_pick:
        return Period(resolved or calendar.quick_pick_start(chosen.quick_pick, now=now), None)
    assert chosen.range
    if chosen.range.from_ and chosen.range.to and chosen.range.from_ > chosen.range.to:
        raise PeriodInverted
    return Period(chosen.range.from_ or None, chosen.range.to or None)
