"""Credits used over time: a sum for each bucket and kind of usage; reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, cast, func, select

from billing import batch, calendar
from billing.errors import PeriodInverted, TooManyBuckets
from models.database import Snapshot
from models.ledger import CreditCharge, UsageKind

BUCKETS_MAX = 400
"""The most buckets that a series has."""


class Granularity(StrEnum):
    """How long a bucket is; weeks start on Monday, all in UTC."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True)
class Window:
    """What a series covers: half-open times, cut into buckets, of some kinds or, empty, of all."""

    start: datetime
    end: datetime
    granularity: Granularity
    kinds: frozenset[UsageKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was used in a half-open stretch of time, by kind; the first and last may be partial."""

    start: datetime
    end: datetime
    credits: Mapping[UsageKind, int]


async def usage(
    snapshot: Snapshot, window: Window, *, workspace_ids: Sequence[UUID]
) -> list[list[Bucket]]:
    """Return the buckets of each workspace, in their order, empty buckets included.

    Raises PeriodInverted, and TooManyBuckets above 400.
    """
    if window.start >= window.end:
        raise PeriodInverted
    starts = list(_starts(window))

    columns = CreditCharge.__table__.c
    start = func.date_trunc(window.granularity.lower(), columns.occurred_at, "UTC").label("start")
    statement = (
        select(start, columns.kind, cast(func.sum(columns.credits), BigInteger).label("credits"))
        .where(columns.occurred_at >= window.start, columns.occurred_at < window.end)
        .group_by(start, columns.kind)
    )
    if window.kinds:
        statement = statement.where(columns.kind.in_(sorted(window.kinds)))
    each = await batch.rows_of_each(
        snapshot,
        statement,
        parent=(columns.workspace_id,),
        parents=[(workspace_id,) for workspace_id in workspace_ids],
    )
    kinds = [kind for kind in UsageKind if kind in window.kinds or not window.kinds]
    series = []
    for rows in each:
        used = {(row.start, row.kind): row.credits for row in rows}
        series.append(
            [
                Bucket(first, last, {kind: used.get((first, kind), 0) for kind in kinds})
                for first, last in zip(starts, [*starts[1:], window.end], strict=True)
            ]
        )
    return series


def _starts(window: Window) -> Iterator[datetime]:
    """Yield the start of each bucket that the window touches."""
    start = window.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if window.granularity is Granularity.WEEK:
        start -= timedelta(days=start.weekday())
    if window.granularity is Granularity.MONTH:
        start = start.replace(day=1)
    first, count = start, 0
    while start < window.end:
        count += 1
        if count > BUCKETS_MAX:
            raise TooManyBuckets(maximum=BUCKETS_MAX)
        yield start
        match window.granularity:
            case Granularity.DAY:
                start += timedelta(days=1)
            case Granularity.WEEK:
                start += timedelta(weeks=1)
            case Granularity.MONTH:
                start = calendar.add_months(first, count)
