"""Plans: the catalogue, what a workspace holds, and what choosing another would do."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from billing.access import Viewer
from models.base import new_id
from models.plan import BillingCycle, CreditPack, Plan, PlanKind, PlanPrice
from models.subscription import Subscription, SubscriptionStatus
from resolvers import ids
from tests.resolvers.world import (
    ACME,
    ADMIN,
    CREATED,
    MEMBER,
    OWNER,
    PERIOD_END,
    PERIOD_START,
    SERVICE,
    World,
)

CURRENT = "CURRENT"
CHECKOUT = "CHECKOUT"
NOW_ = "UPGRADE_NOW"
AT_END = "SWITCH_AT_PERIOD_END"
CANCEL = "CANCEL_AT_PERIOD_END"
PAST_DUE = "UNAVAILABLE: PAST_DUE"
MUST_END = "UNAVAILABLE: RECURRING_PLAN_MUST_END_FIRST"
LAPSES = "UNAVAILABLE: ONE_TIME_PLAN_LAPSES"
SCHEDULED = "UNAVAILABLE: ALREADY_SCHEDULED"
FOLLOWS = "UNAVAILABLE: PAID_PLAN_FOLLOWS"

MONTHLY, YEARLY, ONE_TIME = BillingCycle.MONTHLY, BillingCycle.YEARLY, BillingCycle.ONE_TIME

OPTIONS = [
    ("free", None),
    ("pro", "MONTHLY"),
    ("pro", "YEARLY"),
    ("team", "MONTHLY"),
    ("team", "YEARLY"),
    ("sprint", "ONE_TIME"),
]
"""Every plan on sale in each of its cycles, in rank order, monthly first."""

FREE: dict[str, Any] = {
    "plan_id": "free",
    "billing_cycle": None,
    "period_end": None,
    "refresh_period_start": None,
    "refresh_period_end": None,
}


def held(plan: str, cycle: BillingCycle, **more: Any) -> dict[str, Any]:
    """Return the columns of a paid subscription."""
    return {"plan_id": plan, "billing_cycle": cycle, "period_end": PERIOD_END} | more


def pending(plan: str, cycle: BillingCycle | None = None) -> dict[str, Any]:
    """Return the columns of a pending change."""
    return {
        "pending_plan_id": plan,
        "pending_billing_cycle": cycle,
        "pending_at": PERIOD_END,
    }


UNPAID = {"status": SubscriptionStatus.PAST_DUE}

SWITCHES = {
    "Free": (FREE, [CURRENT, CHECKOUT, CHECKOUT, CHECKOUT, CHECKOUT, CHECKOUT]),
    "Pro monthly": (held("pro", MONTHLY), [CANCEL, CURRENT, NOW_, NOW_, NOW_, MUST_END]),
    "Pro yearly": (held("pro", YEARLY), [CANCEL, AT_END, CURRENT, AT_END, NOW_, MUST_END]),
    "Team monthly": (held("team", MONTHLY), [CANCEL, AT_END, AT_END, CURRENT, NOW_, MUST_END]),
    "Team yearly": (held("team", YEARLY), [CANCEL, AT_END, AT_END, AT_END, CURRENT, MUST_END]),
    "one-time": (
        held("sprint", ONE_TIME),
        [LAPSES, CHECKOUT, CHECKOUT, CHECKOUT, CHECKOUT, CHECKOUT],
    ),
    "one-time, with another one paid to follow": (
        held("sprint", ONE_TIME) | pending("legacy", ONE_TIME),
        [LAPSES, FOLLOWS, FOLLOWS, FOLLOWS, FOLLOWS, CHECKOUT],
    ),
    "an archived plan": (
        held("legacy", MONTHLY),
        [CANCEL, NOW_, NOW_, NOW_, NOW_, MUST_END],
    ),
    "an archived plan, yearly": (
        held("legacy", YEARLY),
        [CANCEL, AT_END, NOW_, AT_END, NOW_, MUST_END],
    ),
    "past due": (
        held("pro", MONTHLY) | UNPAID,
        [PAST_DUE, CURRENT, PAST_DUE, PAST_DUE, PAST_DUE, PAST_DUE],
    ),
    "past due with a pending change": (
        held("team", YEARLY) | UNPAID | pending("pro", MONTHLY),
        [PAST_DUE, PAST_DUE, PAST_DUE, PAST_DUE, CURRENT, PAST_DUE],
    ),
    "one-time and past due": (
        held("sprint", ONE_TIME) | UNPAID,
        [PAST_DUE, PAST_DUE, PAST_DUE, PAST_DUE, PAST_DUE, PAST_DUE],
    ),
    "a pending downgrade": (
        held("team", YEARLY) | pending("pro", MONTHLY),
        [CANCEL, SCHEDULED, AT_END, AT_END, CURRENT, MUST_END],
    ),
    "a pending cycle": (
        held("pro", YEARLY) | pending("pro", MONTHLY),
        [CANCEL, SCHEDULED, CURRENT, AT_END, NOW_, MUST_END],
    ),
    "a pending cancellation": (
        held("pro", MONTHLY) | pending("free"),
        [SCHEDULED, CURRENT, NOW_, NOW_, NOW_, MUST_END],
    ),
}
"""What is held, and what choosing each of the options would do."""

PLAN_OPTIONS = """
query($id: ID!) { workspace(id: $id) { planOptions {
  plan { id name } billingCycle price { amountMinor currency }
  action reason requiresConfirmation
} } }
"""


async def hold(world: World, **columns: Any) -> None:
    """Change what Acme holds."""
    async with world.database.write() as session:
        await session.execute(
            update(Subscription).where(Subscription.workspace_id == ACME).values(**columns)
        )


@pytest.mark.parametrize(("columns", "expected"), SWITCHES.values(), ids=SWITCHES)
async def test_what_choosing_a_plan_would_do(
    world: World, columns: dict[str, Any], expected: list[str]
) -> None:
    """The whole switch table, option by option; paid to paid is confirmed first."""
    await hold(world, **columns)

    options = (await world.answer(PLAN_OPTIONS))["workspace"]["planOptions"]

    plans = [ids.decode(option["plan"]["id"]).key for option in options]
    assert [*zip(plans, [option["billingCycle"] for option in options], strict=True)] == OPTIONS
    actions = [
        f"{option['action']}: {option['reason']}" if option["reason"] else option["action"]
        for option in options
    ]
    assert actions == expected
    assert [option["requiresConfirmation"] for option in options] == [
        action in {NOW_, AT_END} for action in expected
    ]


async def test_an_option_costs_its_price_and_free_nothing(shared_world: World) -> None:
    """The price of the cycle, not that of the plan's first."""
    options = (await shared_world.answer(PLAN_OPTIONS))["workspace"]["planOptions"]

    prices = [option["price"] and option["price"]["amountMinor"] for option in options]
    assert prices == [None, 1_999, 19_990, 4_999, 49_990, 9_900]


@pytest.mark.parametrize("viewer", [ADMIN, MEMBER, SERVICE], ids=["admin", "member", "service"])
async def test_options_are_the_same_for_all_who_read(shared_world: World, viewer: Viewer) -> None:
    """Who may choose one is told by the permissions."""
    assert await shared_world.answer(PLAN_OPTIONS, viewer) == await shared_world.answer(
        PLAN_OPTIONS
    )


SUBSCRIPTION = """
query($id: ID!) { workspace(id: $id) {
  subscription {
    plan { name } kind status billingCycle currentPeriodStart currentPeriodEnd
    pendingChange { plan { name } billingCycle effectiveAt }
  }
  creditPack { name credits quantityMax price { amountMinor currency } }
} }
"""

PACK = {
    "name": "500 credits",
    "credits": 500,
    "quantityMax": 20,
    "price": {"amountMinor": 1_999, "currency": "USD"},
}


@pytest.mark.parametrize(
    ("columns", "expected", "pack"),
    [
        pytest.param(
            FREE,
            {
                "plan": {"name": "Free"},
                "kind": "FREE",
                "billingCycle": None,
                "currentPeriodEnd": None,
            },
            None,
            id="Free",
        ),
        pytest.param(
            held("pro", YEARLY),
            {"plan": {"name": "Pro"}, "kind": "RECURRING", "billingCycle": "YEARLY"},
            PACK,
            id="recurring",
        ),
        pytest.param(
            held("sprint", ONE_TIME),
            {"plan": {"name": "Sprint"}, "kind": "ONE_TIME", "billingCycle": "ONE_TIME"},
            PACK,
            id="one-time",
        ),
        pytest.param(held("legacy", MONTHLY), {"plan": {"name": "Legacy"}}, PACK, id="archived"),
        pytest.param(held("pro", MONTHLY) | UNPAID, {"status": "PAST_DUE"}, PACK, id="past due"),
        pytest.param(
            pending("team", YEARLY),
            {
                "pendingChange": {
                    "plan": {"name": "Team"},
                    "billingCycle": "YEARLY",
                    "effectiveAt": "2026-12-01T00:00:00Z",
                }
            },
            PACK,
            id="a pending change",
        ),
        pytest.param(
            pending("free"),
            {
                "pendingChange": {
                    "plan": {"name": "Free"},
                    "billingCycle": None,
                    "effectiveAt": "2026-12-01T00:00:00Z",
                }
            },
            PACK,
            id="a pending cancellation",
        ),
    ],
)
async def test_what_a_workspace_holds(
    world: World, columns: dict[str, Any], expected: dict[str, Any], pack: Any
) -> None:
    """The plan with its period and the change to come; only a paid one can buy credits."""
    await hold(world, **columns)

    workspace = (await world.answer(SUBSCRIPTION))["workspace"]

    as_it_is = {
        "plan": {"name": "Pro"},
        "kind": "RECURRING",
        "status": "ACTIVE",
        "billingCycle": "MONTHLY",
        "currentPeriodStart": "2026-11-01T00:00:00Z",
        "currentPeriodEnd": "2026-12-01T00:00:00Z",
        "pendingChange": None,
    }
    assert workspace["subscription"] == as_it_is | expected
    assert workspace["creditPack"] == pack


async def test_what_has_ended_is_no_longer_held(world: World) -> None:
    """It is history, and the new one is the workspace's."""
    await hold(world, status=SubscriptionStatus.ENDED, ended_at=PERIOD_START)
    async with world.database.write() as session:
        await session.execute(
            insert(Subscription).values(
                workspace_id=ACME,
                id=new_id(),
                plan_id="team",
                billing_cycle=MONTHLY,
                status=SubscriptionStatus.ACTIVE,
                period_start=PERIOD_START,
                period_end=PERIOD_END,
                created_at=PERIOD_START,
            )
        )

    workspace = (await world.answer(SUBSCRIPTION))["workspace"]

    assert workspace["subscription"]["plan"]["name"] == "Team"
    assert workspace["subscription"]["status"] == "ACTIVE"


async def test_no_pack_is_sold_where_the_catalogue_has_none(world: World) -> None:
    """Also to a paid workspace."""
    async with world.database.write() as session:
        await session.execute(update(CreditPack).values(archived_at=CREATED))

    assert (await world.answer(SUBSCRIPTION))["workspace"]["creditPack"] is None


PERMISSIONS = """
query($id: ID!) { workspace(id: $id) { viewerPermissions {
  canManagePlan canBuyCredits canOpenPortal canSeeUsers reason
} } }
"""


@pytest.mark.parametrize(
    ("viewer", "columns", "may", "reason"),
    [
        pytest.param(OWNER, {}, "plan credits portal users", None, id="owner, paid"),
        pytest.param(OWNER, FREE, "plan portal users", "PAID_PLAN_REQUIRED", id="owner, Free"),
        pytest.param(
            OWNER,
            held("sprint", ONE_TIME),
            "plan credits portal users",
            None,
            id="owner, one-time",
        ),
        pytest.param(ADMIN, {}, "users", "NOT_OWNER", id="admin, paid"),
        pytest.param(ADMIN, FREE, "users", "NOT_OWNER", id="admin, Free"),
        pytest.param(MEMBER, {}, "", "NOT_OWNER", id="member, paid"),
        pytest.param(MEMBER, FREE, "", "NOT_OWNER", id="member, Free"),
        pytest.param(SERVICE, {}, "users", "NOT_OWNER", id="service"),
    ],
)
async def test_permissions_say_what_may_be_done_and_why_not(
    world: World, viewer: Viewer, columns: dict[str, Any], may: str, reason: str | None
) -> None:
    """A button is shown, or the reason why not."""
    if columns:
        await hold(world, **columns)

    permissions = (await world.answer(PERMISSIONS, viewer))["workspace"]["viewerPermissions"]

    assert permissions == {
        "canManagePlan": "plan" in may,
        "canBuyCredits": "credits" in may,
        "canOpenPortal": "portal" in may,
        "canSeeUsers": "users" in may,
        "reason": reason,
    }


PLANS = """
{ plans {
  id name description rank kind features creditsPerRefresh refreshes
  prices {
    billingCycle price { amountMinor currency } monthlyEquivalent { amountMinor currency }
  }
} }
"""


async def test_the_catalogue_is_in_rank_order_for_everybody(shared_world: World) -> None:
    """Without a token too; what is no longer sold is not there."""
    plans = (await shared_world.answer(PLANS, None))["plans"]

    assert [plan["name"] for plan in plans] == ["Free", "Pro", "Team", "Sprint"]
    assert [plan["kind"] for plan in plans] == ["FREE", "RECURRING", "RECURRING", "ONE_TIME"]
    assert [plan["creditsPerRefresh"] for plan in plans] == [0, 500, 2_000, 900]
    assert [plan["refreshes"] for plan in plans] == [False, True, True, True]
    assert plans[0]["prices"] == []
    assert plans == (await shared_world.answer(PLANS, OWNER))["plans"]


async def test_a_price_is_told_by_the_month(shared_world: World) -> None:
    """A year's divided by twelve, a one-time plan's by its months, to the nearest cent."""
    plans = (await shared_world.answer(PLANS, None))["plans"]

    months = {
        (plan["name"], price["billingCycle"]): (
            price["price"]["amountMinor"],
            price["monthlyEquivalent"]["amountMinor"],
        )
        for plan in plans
        for price in plan["prices"]
    }
    assert months == {
        ("Pro", "MONTHLY"): (1_999, 1_999),
        ("Pro", "YEARLY"): (19_990, 1_666),
        ("Team", "MONTHLY"): (4_999, 4_999),
        ("Team", "YEARLY"): (49_990, 4_166),
        ("Sprint", "ONE_TIME"): (9_900, 3_300),
    }


async def test_an_empty_catalogue_has_no_plans(world: World) -> None:
    """An operator may start without one."""
    async with world.database.write() as session:
        await session.execute(delete(Subscription))
        await session.execute(delete(PlanPrice))
        await session.execute(delete(Plan))

    assert await world.answer(PLANS, None) == {"plans": []}


async def test_the_statements_do_not_grow_with_the_catalogue(world: World) -> None:
    """One for the workspace, one for what it holds, one for all plans and prices."""
    few = await world.ask(PLAN_OPTIONS)
    async with world.database.write() as session:
        for number in range(30):
            key = f"plan{number}"
            await session.execute(
                insert(Plan).values(
                    id=key,
                    name=key,
                    description="",
                    rank=10 + number,
                    kind=PlanKind.RECURRING,
                    features=[],
                    credits_per_refresh=1,
                    refreshes=True,
                    created_at=CREATED + timedelta(days=number),
                )
            )
            await session.execute(
                insert(PlanPrice).values(
                    plan_id=key,
                    billing_cycle=MONTHLY,
                    amount_minor=number,
                    currency="USD",
                    lookup_key=key,
                )
            )
    many = await world.ask(PLAN_OPTIONS)

    assert len(many.data["workspace"]["planOptions"]) == len(OPTIONS) + 30
    assert few.statements == many.statements == 3


async def test_who_holds_a_free_plan_that_is_no_longer_offered_is_on_the_one_that_is(
    world: World,
) -> None:
    """Free is Free: there is nothing to change to."""
    async with world.database.write() as session:
        await session.execute(
            update(Plan).where(Plan.id == "free").values(archived_at=CREATED, rank=9)
        )
        row = await session.execute(select(*Plan.__table__.c).where(Plan.id == "free"))
        offered = row.one()._asdict() | {"id": "gratis", "rank": 0, "archived_at": None}
        await session.execute(insert(Plan).values(**offered))
        await session.execute(
            update(Subscription).where(Subscription.workspace_id == ACME).values(**FREE)
        )
    document = "query($id: ID!) { workspace(id: $id) { planOptions { action plan { id } } } }"

    options = (await world.answer(document))["workspace"]["planOptions"]

    assert options[0] == {"action": "CURRENT", "plan": {"id": ids.encode("Plan", "gratis")}}
    assert {option["action"] for option in options[1:]} == {"CHECKOUT"}
