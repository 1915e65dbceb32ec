"""Credits used over time: a sum for each bucket and kind of usage; reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice, pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Row, cast, func, select

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

    def __post_init__(self) -> None:
        """Refuse what is inverted or too long: PeriodInverted, TooManyBuckets."""
        if self.start > self.end:
            raise PeriodInverted
        if len(list(islice(_starts(self), BUCKETS_MAX + 1))) > BUCKETS_MAX:
            raise TooManyBuckets(maximum=BUCKETS_MAX)


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was used in a half-open time, by kind; of the first and last only what is covered."""

    start: datetime
    end: datetime
    credits: Mapping[UsageKind, int]


async def usage(
    snapshot: Snapshot, window: Window, *, workspace_ids: Sequence[UUID]
) -> list[list[Bucket]]:
    """Return the buckets of each workspace, in their order, empty buckets included."""
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
    return [list(_buckets(window, rows)) for rows in each]


def _buckets(window: Window, rows: Iterable[Row[Any]]) -> Iterator[Bucket]:
    """Yield the buckets of a workspace that used what `rows` say."""
    used = {(row.start, row.kind): row.credits for row in rows}
    kinds = [kind for kind in UsageKind if kind in window.kinds or not window.kinds]
    for start, end in pairwise([*_starts(window), window.end]):
        credits_ = {kind: used.get((start, kind), 0) for kind in kinds}
        yield Bucket(max(start, window.start), end, credits_)


def _starts(window: Window) -> Iterator[datetime]:
    """Yield the start of each whole bucket that the window touches: the first may be before it."""
    if window.start == window.end:
        return
    start = calendar.midnight(window.start)
    if window.granularity is Granularity.WEEK:
        start -= timedelta(days=start.weekday())
    if window.granularity is Granularity.MONTH:
        start = start.replace(day=1)
    while start < window.end:
        yield start
        try:
            start = _next(start, window.granularity)
        except (OverflowError, ValueError):
            return  # no calendar goes on: the bucket is the last one of all


def _next(start: datetime, granularity: Granularity) -> datetime:
    match granularity:
        case Granularity.DAY:
            return start + timedelta(days=1)
        case Granularity.WEEK:
            return start + timedelta(weeks=1)
        case Granularity.MONTH:
            return calendar.add_months(start, 1)
