"""The usage over time: whole, in order, and to the credit."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ledger import CreditCharge, UsageKind
from tests.resolvers import busy
from tests.resolvers.busy import BUSY
from tests.resolvers.world import CREATED, NOW, World, workspace_id

SERIES = """
query($id: ID!, $filterBy: UsageSeriesFilter!, $granularity: SeriesGranularity!) {
  workspace(id: $id) {
    usageSeries(filterBy: $filterBy, granularity: $granularity) {
      start end credits byKind { kind credits }
    }
  }
}
"""

MOMENTS = st.datetimes(
    datetime(2026, 7, 20),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2026, 12, 1),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
) | st.integers(0, 200).map(lambda halves: CREATED + halves * timedelta(hours=12))
"""Any moment in any zone, and noons and midnights, when most of it happened."""


async def series(world: World, granularity: str = "DAY", kinds: Any = None, **dates: Any) -> Any:
    """Return the series of the busy workspace."""
    data = await world.answer(
        SERIES,
        id=workspace_id(BUSY),
        granularity=granularity,
        filterBy={"kinds": kinds, "occurredAt": dates},
    )
    return data["workspace"]["usageSeries"]


def span(start: str, end: str | None = None) -> dict[str, Any]:
    """Return a range of dates."""
    return {"from": start, "to": end}


def moment(text: str) -> datetime:
    """Return the moment that the gateway wrote."""
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def bucket_of(time: datetime, granularity: str) -> datetime:
    """Return the start of the whole bucket of a moment, found day by day."""
    day = time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while (granularity == "WEEK" and day.isoweekday() != 1) or (
        granularity == "MONTH" and day.day != 1
    ):
        day -= timedelta(days=1)
    return day


@settings(max_examples=60)
@given(
    times=st.tuples(MOMENTS, MOMENTS).map(sorted),
    granularity=st.sampled_from(["DAY", "WEEK", "MONTH"]),
    kinds=st.none() | st.lists(st.sampled_from(list(UsageKind)), max_size=3),
)
async def test_a_series_sums_what_was_used(
    busy_world: World,
    times: list[datetime],
    granularity: str,
    kinds: list[UsageKind] | None,
) -> None:
    """Every charge of the range is in the bucket of its time, and none is left out or twice."""
    start, end = times
    charges = [
        charge
        for charge in await busy.rows_of(busy_world.database, CreditCharge)
        if start <= charge.occurred_at < end and (not kinds or charge.kind in kinds)
    ]

    points = await series(
        busy_world, granularity, kinds, range=span(start.isoformat(), end.isoformat())
    )

    used = Counter[tuple[datetime, str]]()
    for charge in charges:
        used[bucket_of(charge.occurred_at, granularity), charge.kind] += charge.credits
    for point in points:
        bucket = bucket_of(moment(point["start"]), granularity)
        by_kind = {each["kind"]: each["credits"] for each in point["byKind"]}
        assert by_kind == {
            kind: used[bucket, kind] for kind in UsageKind if kind in (kinds or UsageKind)
        }
        assert point["credits"] == sum(by_kind.values())
    assert sum(point["credits"] for point in points) == sum(each.credits for each in charges)


@settings(max_examples=60)
@given(
    times=st.tuples(MOMENTS, MOMENTS).map(sorted),
    granularity=st.sampled_from(["DAY", "WEEK", "MONTH"]),
)
async def test_buckets_cover_the_range_without_a_gap(
    busy_world: World, times: list[datetime], granularity: str
) -> None:
    """The first begins with it, the last ends with it, and each other is a whole bucket."""
    start, end = times
    points = await series(busy_world, granularity, range=span(start.isoformat(), end.isoformat()))

    edges = [moment(point["start"]) for point in points] + [end]
    assert edges[0] == start
    assert [moment(point["end"]) for point in points] == edges[1:]
    for edge in edges[1:-1]:
        assert edge == bucket_of(edge, granularity)
    buckets = [bucket_of(edge, granularity) for edge in edges[:-1]]
    assert len(set(buckets)) == len(buckets)


async def test_a_quick_pick_ends_now(busy_world: World) -> None:
    """Seven days with today as far as it has come."""
    points = await series(busy_world, quickPick="LAST_7_DAYS")

    assert points[0]["start"] == "2026-11-09T00:00:00Z"
    assert [point["end"] for point in points[-2:]] == [
        "2026-11-15T00:00:00Z",
        "2026-11-15T12:00:00Z",
    ]
    assert len(points) == 7


async def test_a_range_without_an_end_ends_now(busy_world: World) -> None:
    """Like a quick pick."""
    points = await series(busy_world, "MONTH", range=span("2026-10-15T00:00:00+02:00"))

    assert [(point["start"], point["end"]) for point in points] == [
        ("2026-10-14T22:00:00Z", "2026-11-01T00:00:00Z"),
        ("2026-11-01T00:00:00Z", "2026-11-15T12:00:00Z"),
    ]


async def test_weeks_start_on_monday(busy_world: World) -> None:
    """Also across the end of a year."""
    points = await series(
        busy_world, "WEEK", range=span("2026-12-30T00:00:00Z", "2027-01-12T00:00:00Z")
    )

    starts = [moment(point["start"]).strftime("%a %d") for point in points]
    assert starts == ["Wed 30", "Mon 04", "Mon 11"]


async def test_empty_time_is_zeros_of_every_kind(busy_world: World) -> None:
    """A chart needs a point for each bucket."""
    points = await series(busy_world, range=span("2025-01-01T00:00:00Z", "2025-01-03T00:00:00Z"))

    zeros = [{"kind": kind.value, "credits": 0} for kind in UsageKind]
    assert [point["byKind"] for point in points] == [zeros, zeros]
    assert [point["credits"] for point in points] == [0, 0]


async def test_a_series_that_starts_after_now_is_empty(busy_world: World) -> None:
    """Nobody has used anything there; it ends where it starts."""
    assert await series(busy_world, range=span((NOW + timedelta(days=1)).isoformat())) == []


async def test_no_time_has_no_buckets(busy_world: World) -> None:
    """A range that ends where it starts is empty, not wrong."""
    noon = NOW.isoformat()

    assert await series(busy_world, range=span(noon, noon)) == []


@pytest.mark.parametrize(
    ("granularity", "end"),
    [
        ("DAY", "2027-02-05T00:00:00Z"),
        ("WEEK", "2033-08-29T00:00:00Z"),
        ("MONTH", "2059-05-01T00:00:00Z"),
    ],
)
async def test_a_series_has_400_buckets_at_most(
    busy_world: World, granularity: str, end: str
) -> None:
    """One microsecond more is another bucket, and refused."""
    most = await series(busy_world, granularity, range=span("2026-01-01T00:00:00Z", end))

    more = moment(end) + timedelta(microseconds=1)
    refused = await busy_world.ask(
        SERIES,
        id=workspace_id(BUSY),
        granularity=granularity,
        filterBy={"occurredAt": {"range": span("2026-01-01T00:00:00Z", more.isoformat())}},
    )

    assert len(most) == 400
    assert refused.codes == ["TOO_MANY_BUCKETS"]
    assert refused.statements == 1


@pytest.mark.parametrize("granularity", ["DAY", "WEEK", "MONTH"])
async def test_time_has_an_end(busy_world: World, granularity: str) -> None:
    """The last day that a calendar knows is a day like any other."""
    points = await series(
        busy_world, granularity, range=span("9999-12-30T00:00:00Z", "9999-12-31T23:59:59Z")
    )

    assert points[0]["start"] == "9999-12-30T00:00:00Z"
    assert points[-1]["end"] == "9999-12-31T23:59:59Z"
    assert len(points) == (2 if granularity == "DAY" else 1)
