"""What the tests of plans sell, and a workspace that holds one of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert

from billing import holding, ledger, packages, refresh, usage
from billing.holding import Beginning, Held
from billing.usage import UsageEvent
from models.database import Database
from models.ledger import AdjustmentType
from models.plan import BillingCycle, CreditPack, Plan, PlanKind, PlanPrice, StripePrice
from tests.billing.factories import NOON, Place, add_place, grant

FREE_CREDITS = 200
PASS_CREDITS = 300
PRO_CREDITS = 1_000
TEAM_CREDITS = 5_000
PACK_CREDITS = 50
PACK_PRICE_ID = "price_pack"
PASS_MONTHS = 3

PRICES = {
    ("pass", BillingCycle.ONE_TIME): 7_900,
    ("season", BillingCycle.ONE_TIME): 9_900,
    ("pro", BillingCycle.MONTHLY): 2_900,
    ("pro", BillingCycle.YEARLY): 29_000,
    ("team", BillingCycle.MONTHLY): 9_900,
    ("team", BillingCycle.YEARLY): 99_000,
}
"""Minor units of a plan in a cycle."""

_CREDITS = {
    "free": FREE_CREDITS,
    "pass": PASS_CREDITS,
    "season": PASS_CREDITS,
    "pro": PRO_CREDITS,
    "team": TEAM_CREDITS,
}
_ONE_TIME = ("pass", "season")


def price_id(plan_id: str, billing_cycle: BillingCycle) -> str:
    """Return the provider's id of a price, where no provider has made it."""
    return f"price_{plan_id}_{billing_cycle.lower()}"


async def add(database: Database, *, free_refreshes: bool = True) -> None:
    """Add plans and a pack: Free, two one-time plans, Pro and Team, monthly and yearly."""
    async with database.write() as session:
        await session.execute(insert(Plan), [_plan(rank, free_refreshes) for rank in range(5)])
        await session.execute(
            insert(PlanPrice),
            [
                {
                    "plan_id": plan_id,
                    "billing_cycle": cycle,
                    "amount_minor": amount_minor,
                    "currency": "USD",
                    "lookup_key": f"{plan_id}_{cycle.lower()}",
                    "stripe_price_id": price_id(plan_id, cycle),
                }
                for (plan_id, cycle), amount_minor in PRICES.items()
            ],
        )
        await session.execute(
            insert(StripePrice),
            [
                {
                    "stripe_price_id": price_id(plan_id, cycle),
                    "plan_id": plan_id,
                    "billing_cycle": cycle,
                    "amount_minor": amount_minor,
                    "currency": "USD",
                    "created_at": NOON,
                }
                for (plan_id, cycle), amount_minor in PRICES.items()
            ],
        )
        await session.execute(
            insert(CreditPack).values(
                id="pack",
                name="50 credits",
                credits=PACK_CREDITS,
                amount_minor=500,
                currency="USD",
                quantity_max=100,
                lookup_key="pack",
                stripe_price_id=PACK_PRICE_ID,
                created_at=NOON,
            )
        )
        await session.execute(
            insert(StripePrice).values(
                stripe_price_id=PACK_PRICE_ID,
                pack_id="pack",
                amount_minor=500,
                currency="USD",
                created_at=NOON,
            )
        )


async def add_workspace(database: Database, *, now: datetime = NOON) -> Place:
    """Add a workspace on Free, created just now."""
    place = await add_place(database)
    async with database.write() as session:
        await refresh.begin_free(
            session, workspace_id=place.workspace_id, at=now, is_new=True, now=now
        )
    return place


async def pay_for(
    database: Database,
    place: Place,
    plan_id: str,
    billing_cycle: BillingCycle,
    *,
    start: datetime,
    end: datetime,
    stripe_subscription_id: str | None = None,
) -> Held:
    """Let the workspace hold a plan whose period is paid at its start, with its first package."""
    async with database.write() as session:
        plan = await holding.plan(session, plan_id=plan_id)
        period = packages.refresh_period(plan, billing_cycle, start=start, end=end, now=start)
        beginning = Beginning(
            plan=plan,
            billing_cycle=billing_cycle,
            period_start=start,
            period_end=end,
            refresh=period,
            stripe_subscription_id=stripe_subscription_id,
        )
        held = await holding.begin(
            session, workspace_id=place.workspace_id, beginning=beginning, now=start
        )
        assert period is not None
        await packages.grant(
            session,
            held=held,
            refresh=period,
            type_=AdjustmentType.SUBSCRIPTION_RENEWAL,
            now=start,
        )
    return held


async def spend(
    database: Database, place: Place, *events: UsageEvent, now: datetime = NOON
) -> None:
    """Record usage."""
    async with database.write() as session:
        await usage.record(session, workspace_id=place.workspace_id, events=events, now=now)


async def catch_up(database: Database, place: Place, *, now: datetime) -> bool:
    """Let time catch up with a workspace; False when it is locked."""
    async with database.write() as session:
        return await refresh.catch_up(session, workspace_id=place.workspace_id, now=now)


async def give(database: Database, place: Place, amount: int, *, now: datetime = NOON) -> None:
    """Grant credits that nobody paid for."""
    async with database.write() as session:
        await ledger.grant(session, workspace_id=place.workspace_id, grant=grant(amount), now=now)


def _plan(rank: int, free_refreshes: bool) -> dict[str, Any]:  # noqa: FBT001 - private
    plan_id = [*_CREDITS][rank]
    one_time = plan_id in _ONE_TIME
    kind = PlanKind.ONE_TIME if one_time else PlanKind.RECURRING
    return {
        "id": plan_id,
        "name": plan_id.title(),
        "description": "",
        "rank": rank,
        "kind": PlanKind.FREE if plan_id == "free" else kind,
        "features": [],
        "credits_per_refresh": _CREDITS[plan_id],
        "refreshes": free_refreshes or plan_id != "free",
        "period_months": PASS_MONTHS if one_time else None,
        "created_at": NOON,
    }
