"""Credits used over time, for charts."""

from datetime import datetime

import strawberry

from billing.access import WorkspaceAccess
from billing.series import Bucket, Window
from resolvers import fields
from resolvers.context import Info
from resolvers.refusals import PeriodOpen
from resolvers.types.enums import Granularity, UsageKind
from resolvers.types.inputs import DateTimeFilter, period
from resolvers.types.scalars import BigInt


@strawberry.input(description="What a series covers.")
class UsageSeriesFilter:
    """What a series covers."""

    occurred_at: DateTimeFilter = strawberry.field(
        description="When it was used. It needs a start; without an end it ends now, so that a"
        " series that starts later is empty."
    )
    kinds: list[UsageKind] | None = strawberry.field(
        default=strawberry.UNSET, description="What was charged for: one of these; all without any."
    )


@strawberry.type(description="The credits of a kind of usage.")
class UsageKindCredits:
    """The credits of a kind of usage."""

    kind: UsageKind = strawberry.field(description="What was charged for.")
    credits: BigInt = strawberry.field(description="The credits charged.")


@strawberry.type(description="What was used in a stretch of time.")
class UsagePoint:
    """A bucket of a series."""

    start: datetime = strawberry.field(
        description="The start of the bucket; for the first one, the start of the series."
    )
    end: datetime = strawberry.field(
        description="The end of the bucket, not included; for the last one, the end of the series."
    )
    credits: BigInt = strawberry.field(description="The credits charged for all kinds asked for.")
    by_kind: list[UsageKindCredits] = strawberry.field(
        metadata=fields.counts_as(len(UsageKind)),
        description="The credits of each kind asked for, in a fixed order, zeros included.",
    )

    @classmethod
    def of(cls, bucket: Bucket) -> "UsagePoint":
        """Return the GraphQL value of a bucket."""
        return cls(
            start=bucket.start,
            end=bucket.end,
            credits=BigInt(sum(bucket.credits.values())),
            by_kind=[
                UsageKindCredits(kind=kind, credits=BigInt(used))
                for kind, used in bucket.credits.items()
            ],
        )


async def points(
    info: Info, access: WorkspaceAccess, *, filter_by: UsageSeriesFilter, granularity: Granularity
) -> list[UsagePoint]:
    """Return the series. Raises PeriodOpen, PeriodInverted and TooManyBuckets."""
    covered = period(filter_by.occurred_at, now=info.context.now)
    if covered.start is None:
        raise PeriodOpen
    window = Window(
        covered.start,
        covered.end or max(covered.start, info.context.now),
        granularity,
        frozenset(filter_by.kinds or ()),
    )
    buckets = await info.context.loaders.usage_series.load((window, access.workspace_id))
    return [UsagePoint.of(bucket) for bucket in buckets]
