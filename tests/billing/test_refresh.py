"""What the clock does, on PostgreSQL: refreshes, expiries, lapses, and what it leaves alone."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

from billing import calendar, holding, packages, refresh
from billing.calendar import Period
from billing.holding import PlanTerms
from models.base import new_id
from models.database import Database
from models.ledger import CreditAdjustment, CreditLot
from models.plan import BillingCycle, PlanKind
from models.subscription import Checkout, CheckoutKind, CheckoutStatus, Subscription
from tests.billing import catalogue
from tests.billing.catalogue import FREE_CREDITS, PASS_CREDITS, PRO_CREDITS, catch_up
from tests.billing.factories import NOON, Place, drifts, hours, stored

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def _sold(database: Database) -> None:
    await catalogue.add(database)


async def due(database: Database, *, now: datetime) -> list[Any]:
    """Return the first page of workspaces in which something is due."""
    async with database.snapshot() as snapshot:
        return [*await refresh.due(snapshot, now=now)]


async def entries(database: Database, place: Place) -> list[tuple[str, int]]:
    """Return the type and the amount of each adjustment."""
    rows = await stored(database, place, CreditAdjustment)
    return [(row["type"], row["amount"]) for row in rows]


async def live(database: Database, place: Place) -> dict[str, Any]:
    """Return the row of the plan that is held."""
    rows = await stored(database, place, Subscription)
    [row] = [row for row in rows if row["ended_at"] is None]
    return row


def at(year: int, month: int, day: int) -> datetime:
    """Return noon of a day."""
    return datetime(year, month, day, 12, tzinfo=UTC)


def terms(*, refreshes: bool = True) -> PlanTerms:
    """Return a plan that is paid."""
    return PlanTerms(
        id="pro",
        name="Pro",
        kind=PlanKind.RECURRING,
        credits_per_refresh=1,
        refreshes=refreshes,
        period_months=None,
    )


async def test_a_new_workspace_is_granted_free_once(database: Database) -> None:
    """Its credits expire with the month, without a grace: nobody pays late for Free."""
    place = await catalogue.add_workspace(database)

    assert await entries(database, place) == [("FREE_WORKSPACE_GRANT", FREE_CREDITS)]
    [lot] = await stored(database, place, CreditLot)
    assert lot["expires_at"] == lot["period_end"] == at(2026, 4, 1)
    assert await due(database, now=at(2026, 4, 1) - hours(1)) == []


async def test_free_is_refreshed_every_month(database: Database) -> None:
    """What is left of the old package expires at the same moment, each in its own entry."""
    place = await catalogue.add_workspace(database)

    assert await due(database, now=at(2026, 4, 1)) == [place.workspace_id]
    await catch_up(database, place, now=at(2026, 4, 1))
    await catch_up(database, place, now=at(2026, 4, 1) + hours(1))

    assert await entries(database, place) == [
        ("FREE_WORKSPACE_GRANT", FREE_CREDITS),
        ("CREDIT_EXPIRATION", -FREE_CREDITS),
        ("PACKAGE_RESET", FREE_CREDITS),
    ]
    assert await due(database, now=at(2026, 4, 1) + hours(1)) == []
    assert await drifts(database, place) == []


async def test_of_missed_months_only_the_present_one_is_granted(database: Database) -> None:
    """A worker that was down for three months: the packages in between have expired."""
    place = await catalogue.add_workspace(database)

    await catch_up(database, place, now=at(2026, 6, 10))

    assert await entries(database, place) == [
        ("FREE_WORKSPACE_GRANT", FREE_CREDITS),
        ("CREDIT_EXPIRATION", -FREE_CREDITS),
        ("PACKAGE_RESET", FREE_CREDITS),
    ]
    held = await live(database, place)
    assert held["refresh_period_start"] == at(2026, 6, 1)
    assert held["refresh_period_end"] == at(2026, 7, 1)
    keys = [row["source_key"] for row in await stored(database, place, CreditAdjustment)]
    assert keys[-1] == f"package:{held['id']}:2026-06-01T12:00:00+00:00"


async def test_a_clock_that_goes_back_takes_nothing_and_grants_nothing(
    database: Database,
) -> None:
    """The entries that it made stay."""
    place = await catalogue.add_workspace(database)
    await catch_up(database, place, now=at(2026, 6, 10))
    before = await entries(database, place)

    await catch_up(database, place, now=at(2026, 4, 20))

    assert await entries(database, place) == before
    assert await drifts(database, place) == []


async def test_a_free_plan_that_does_not_refresh_grants_for_good(database: Database) -> None:
    """Once, to a new workspace; nothing expires."""
    await _let_free_refresh(database, refreshes=False)
    place = await catalogue.add_workspace(database)

    assert await due(database, now=at(2027, 4, 1)) == []
    assert await entries(database, place) == [("FREE_WORKSPACE_GRANT", FREE_CREDITS)]
    [lot] = await stored(database, place, CreditLot)
    assert (lot["kind"], lot["expires_at"]) == ("GRANTED", None)


async def test_free_begins_to_refresh_when_the_catalogue_says_so(database: Database) -> None:
    """Not in a month whose credits have come already; and again after it has been stopped."""
    await _let_free_refresh(database, refreshes=False)
    place = await catalogue.add_workspace(database)
    first = [("FREE_WORKSPACE_GRANT", FREE_CREDITS)]
    again = [("PACKAGE_RESET", FREE_CREDITS)]
    expired = [("CREDIT_EXPIRATION", -FREE_CREDITS)]

    await _let_free_refresh(database, refreshes=True)
    assert await due(database, now=at(2026, 3, 20)) == [place.workspace_id]
    await catch_up(database, place, now=at(2026, 3, 20))
    assert await entries(database, place) == first
    assert await due(database, now=at(2026, 3, 20)) == []
    await catch_up(database, place, now=at(2026, 4, 1))
    assert await entries(database, place) == first + again

    await _let_free_refresh(database, refreshes=False)
    await catch_up(database, place, now=at(2026, 5, 1))
    assert await due(database, now=at(2026, 6, 20)) == []
    await _let_free_refresh(database, refreshes=True)
    assert await due(database, now=at(2026, 6, 20)) == [place.workspace_id]
    await catch_up(database, place, now=at(2026, 6, 20))

    assert await entries(database, place) == first + again + expired + again
    held = await live(database, place)
    assert held["refresh_period_start"] == at(2026, 6, 1)
    assert await due(database, now=at(2026, 6, 20)) == []
    assert await drifts(database, place) == []


async def test_a_yearly_plan_is_refreshed_every_month_until_its_year_ends(
    database: Database,
) -> None:
    """The last package has the renewal's grace; the next year begins with a paid invoice."""
    place = await catalogue.add_workspace(database)
    start, end = at(2026, 3, 31), at(2027, 3, 31)
    await catalogue.pay_for(database, place, "pro", BillingCycle.YEARLY, start=start, end=end)

    for month in range(1, 14):
        await catch_up(database, place, now=calendar.add_months(start, month) + hours(1))

    lots = [row for row in await stored(database, place, CreditLot) if row["granted"] > 200]
    assert [lot["granted"] for lot in lots] == [PRO_CREDITS] * 12
    assert [lot["period_end"].day for lot in lots] == [
        *(30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 28, 31)
    ]
    assert [lot["expires_at"] - lot["period_end"] for lot in lots] == [
        *[timedelta()] * 11,
        packages.RENEWAL_GRACE,
    ]
    assert await drifts(database, place) == []


async def test_a_paid_period_that_has_ended_waits_for_its_invoice(database: Database) -> None:
    """The clock neither grants nor lapses it; what was granted expires after the grace."""
    place = await catalogue.add_workspace(database)
    start, end = at(2026, 3, 2), at(2026, 4, 2)
    await catalogue.pay_for(database, place, "pro", BillingCycle.MONTHLY, start=start, end=end)
    await catch_up(database, place, now=at(2026, 4, 1))

    assert await due(database, now=end + packages.RENEWAL_GRACE - hours(1)) == []
    await catch_up(database, place, now=end + packages.RENEWAL_GRACE)

    assert (await live(database, place))["plan_id"] == "pro"
    assert (await entries(database, place))[-2:] == [
        ("CREDIT_EXPIRATION", -FREE_CREDITS),
        ("CREDIT_EXPIRATION", -PRO_CREDITS),
    ]
    assert await due(database, now=end + packages.RENEWAL_GRACE) == []


async def test_a_plan_that_is_set_to_end_has_no_grace(database: Database) -> None:
    """Nobody will pay late for a month that does not come."""
    place = await catalogue.add_workspace(database)
    start, end = at(2026, 3, 2), at(2027, 3, 2)
    held = await catalogue.pay_for(
        database, place, "pro", BillingCycle.YEARLY, start=start, end=end
    )
    async with database.write() as session:
        pending = holding.Pending(plan_id="free", billing_cycle=None, at=end)
        await holding.change(session, held, pending=pending)

    await catch_up(database, place, now=at(2027, 2, 20))

    last = (await stored(database, place, CreditLot))[-1]
    assert last["expires_at"] == last["period_end"] == end


async def test_a_one_time_plan_lapses_to_free(database: Database) -> None:
    """Its last package expires at its end, and Free's comes at the same moment."""
    place = await catalogue.add_workspace(database)
    start, end = at(2026, 3, 2), at(2026, 6, 2)
    await catalogue.pay_for(database, place, "pass", BillingCycle.ONE_TIME, start=start, end=end)
    await catch_up(database, place, now=at(2026, 5, 3))
    assert await due(database, now=end - hours(1)) == []

    await catch_up(database, place, now=end + hours(5))

    held = await live(database, place)
    assert (held["plan_id"], held["period_start"], held["period_end"]) == ("free", end, None)
    assert (await entries(database, place))[-3:] == [
        ("PACKAGE_RESET", PASS_CREDITS),
        ("CREDIT_EXPIRATION", -PASS_CREDITS),
        ("PACKAGE_RESET", FREE_CREDITS),
    ]
    assert await drifts(database, place) == []


async def test_a_one_time_plan_that_was_bought_to_follow_begins_when_this_one_lapses(
    database: Database,
) -> None:
    """Twice bought, it lasts twice as long."""
    place = await catalogue.add_workspace(database)
    start, end = at(2026, 3, 2), at(2026, 6, 2)
    held = await catalogue.pay_for(
        database, place, "pass", BillingCycle.ONE_TIME, start=start, end=end
    )
    async with database.write() as session:
        pending = holding.Pending(plan_id="season", billing_cycle=BillingCycle.ONE_TIME, at=end)
        await holding.change(session, held, pending=pending)
        for days_later in (1, 2):
            await session.execute(_bought(place, at_=start + days_later * DAY))

    await catch_up(database, place, now=end + hours(1))

    now_held = await live(database, place)
    assert now_held["plan_id"] == "season"
    assert (now_held["period_start"], now_held["period_end"]) == (end, at(2026, 12, 2))
    assert now_held["pending_plan_id"] is None
    assert (await entries(database, place))[-1] == ("SUBSCRIPTION_RENEWAL", PASS_CREDITS)


async def test_a_one_time_plan_that_does_not_refresh_brings_a_package_each_time_it_was_bought(
    database: Database,
) -> None:
    """Prolonged once, and followed by another one that was bought twice: four payments."""
    plans = holding._PLANS
    async with database.write() as session:
        once = update(plans).where(plans.c.kind == PlanKind.ONE_TIME).values(refreshes=False)
        await session.execute(once)
    place = await catalogue.add_workspace(database)
    start, end, longer = at(2026, 3, 2), at(2026, 6, 2), at(2026, 9, 2)
    held = await catalogue.pay_for(
        database, place, "pass", BillingCycle.ONE_TIME, start=start, end=end
    )
    async with database.write() as session:
        pending = holding.Pending(plan_id="season", billing_cycle=BillingCycle.ONE_TIME, at=longer)
        await holding.change(session, held, period_end=longer, pending=pending)
        for days_later in (1, 2):
            await session.execute(_bought(place, at_=start + days_later * DAY))

    for month in range(1, 14):
        await catch_up(database, place, now=calendar.add_months(start, month) + hours(1))

    lots = [row for row in await stored(database, place, CreditLot) if row["granted"] > 200]
    assert [lot["granted"] for lot in lots] == [PASS_CREDITS] * 4
    assert [lot["expires_at"] for lot in lots] == [end, longer, at(2026, 12, 2), at(2027, 3, 2)]
    assert await drifts(database, place) == []


async def test_two_workers_refresh_once(database: Database) -> None:
    """Who comes while the other is at work passes on, or finds the work done."""
    places = [await catalogue.add_workspace(database) for _ in range(5)]

    now = at(2026, 4, 1)
    await asyncio.gather(*(catch_up(database, place, now=now) for place in places * 4))

    for place in places:
        assert [amount for _, amount in await entries(database, place)] == [
            *(FREE_CREDITS, -FREE_CREDITS, FREE_CREDITS)
        ]


async def test_a_worker_passes_over_a_workspace_that_is_locked(database: Database) -> None:
    """It does not wait."""
    place = await catalogue.add_workspace(database)
    async with database.write() as session:
        await holding.locked(session, workspace_id=place.workspace_id)
        assert not await catch_up(database, place, now=at(2026, 4, 1))

    assert await entries(database, place) == [("FREE_WORKSPACE_GRANT", FREE_CREDITS)]


async def test_what_is_due_comes_in_pages(database: Database) -> None:
    """Each workspace once, by its id."""
    places = [await catalogue.add_workspace(database) for _ in range(5)]
    found: list[Any] = []
    async with database.snapshot() as snapshot:
        while page := await refresh.due(
            snapshot, after=found[-1] if found else None, limit=2, now=at(2026, 4, 1)
        ):
            assert len(page) <= 2
            found += page

    assert found == sorted(place.workspace_id for place in places)


starts = st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1)).map(  # noqa: DTZ001 - given a zone
    lambda start: start.replace(tzinfo=UTC)
)


@given(start=starts, days=st.integers(0, 800))
def test_a_monthly_period_holds_one_package(start: datetime, days: int) -> None:
    """However short the month that its anchor was cut to: no room for a second one."""
    end = calendar.add_months(start, 1)
    period = packages.refresh_period(
        terms(), BillingCycle.MONTHLY, start=start, end=end, now=start + days * DAY
    )

    assert period == Period(start, end)


@given(start=starts)
def test_a_yearly_period_holds_twelve_packages_without_a_gap(start: datetime) -> None:
    """Also when the provider ends the year a day later: on the 29th of February."""
    end = calendar.add_months(start, 12)
    for end_ in (end, end + DAY):
        found = []
        now = start
        while now < end_:
            period = packages.refresh_period(
                terms(), BillingCycle.YEARLY, start=start, end=end_, now=now
            )
            assert period is not None
            assert period.start == now
            found.append(period)
            now = period.end
        assert len(found) == 12
        assert now == end_


@given(start=starts, days=st.integers(0, 800))
def test_a_paid_plan_that_does_not_refresh_has_one_package_a_period(
    start: datetime, days: int
) -> None:
    """A year of it is one refresh period."""
    end = calendar.add_months(start, 12)
    plan = terms(refreshes=False)
    period = packages.refresh_period(
        plan, BillingCycle.YEARLY, start=start, end=end, now=start + days * DAY
    )

    assert period == Period(start, end)


async def _let_free_refresh(database: Database, *, refreshes: bool) -> None:
    """Let the catalogue say whether Free refreshes."""
    plans = holding._PLANS
    async with database.write() as session:
        said = update(plans).where(plans.c.kind == PlanKind.FREE).values(refreshes=refreshes)
        await session.execute(said)


def _bought(place: Place, *, at_: datetime) -> Any:
    return insert(Checkout).values(
        workspace_id=place.workspace_id,
        id=new_id(),
        user_id=place.user_id,
        kind=CheckoutKind.PLAN,
        status=CheckoutStatus.COMPLETED,
        plan_id="season",
        billing_cycle=BillingCycle.ONE_TIME,
        amount_minor=9_900,
        currency="USD",
        success_url="",
        cancel_url="",
        created_at=NOON,
        completed_at=at_,
    )
