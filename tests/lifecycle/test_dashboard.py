"""What an operator does in Stripe's dashboard, beside what owners do with the gateway."""

import asyncio
from typing import Any

from tests.lifecycle.cards import PAID
from tests.lifecycle.catalogue import PACK_CREDITS, PACKAGES, PRICES
from tests.lifecycle.graphql import codes
from tests.lifecycle.world import World

FEE = 700


async def test_what_is_added_to_an_invoice_by_hand_keeps_no_package_back(world: World) -> None:
    """A fee on a renewal, and one on an upgrade: both are paid, and bring what they would."""
    owner = await world.subscribed()
    await _charge_a_fee(world)

    await world.pass_time(days=32)
    renewed = await owner.state()
    await _charge_a_fee(world)
    shown = await owner.outcome("pro", "MONTHLY")
    await owner.outcome("pro", "MONTHLY", token=shown["preview"]["token"])
    await world.settled()

    assert renewed.recurring == PACKAGES["starter"]
    state = await owner.state()
    assert (state.plan, state.recurring) == ("pro", 500 + shown["preview"]["credits"])
    _, truth = await world.sandbox.customer()
    assert [invoice["amount"] for invoice in truth["invoices"]] == [
        PRICES["starter_monthly"],
        PRICES["starter_monthly"] + FEE,
        shown["preview"]["amountDue"]["amountMinor"],
    ]
    assert await world.failing() == []


async def test_a_plan_at_a_price_of_its_own_can_be_cancelled_all_the_same(world: World) -> None:
    """The owner is told that it ends; what the catalogue does not know stays to be seen."""
    owner = await world.subscribed()
    subscription = await _subscription(world)
    [item] = subscription["items"]["data"]
    price = await world.sandbox.api(
        "POST",
        "/v1/prices",
        **{
            "product": item["price"]["product"],
            "currency": "usd",
            "unit_amount": "900",
            "recurring[interval]": "month",
        },
    )
    await world.sandbox.api(
        "POST",
        f"/v1/subscriptions/{subscription['id']}",
        **{
            "items[0][id]": item["id"],
            "items[0][price]": price["id"],
            "proration_behavior": "none",
        },
    )
    await world.settled()

    outcome = await owner.outcome("free")
    await world.settled()

    assert outcome["__typename"] == "PlanSwitchScheduled"
    assert {reason.split(":")[0] for _, reason in await world.failing()} == {"PriceUnknown"}
    await world.pass_time(days=31)
    state = await owner.state()
    assert (state.plan, state.status) == ("free", "ACTIVE")
    _, truth = await world.sandbox.customer()
    assert [invoice["amount"] for invoice in truth["invoices"]] == [PRICES["starter_monthly"]]


async def test_a_downgrade_and_its_undoing_leave_the_quantity_alone(world: World) -> None:
    """Seats that were sold by hand go on with the plan that follows, at once and later."""
    owner = await world.subscribed("pro", "MONTHLY")
    subscription = await _subscription(world)
    [item] = subscription["items"]["data"]
    seats = {"items[0][id]": item["id"], "items[0][quantity]": "3"}
    path = f"/v1/subscriptions/{subscription['id']}"
    await world.sandbox.api("POST", path, **seats, proration_behavior="none")
    await world.settled()

    await owner.confirmed("starter", "MONTHLY")
    scheduled = await _subscription(world)
    await owner.undo()
    undone = await _subscription(world)
    await owner.confirmed("starter", "MONTHLY")
    await world.pass_time(days=32)
    renewed = await _subscription(world)

    found = (scheduled, undone, renewed)
    assert [each["items"]["data"][0]["quantity"] for each in found] == [3, 3, 3]
    assert (await owner.state()).plan == "starter"
    _, truth = await world.sandbox.customer()
    assert truth["invoices"][-1]["amount"] == 3 * PRICES["starter_monthly"]


async def test_a_customer_that_is_deleted_can_buy_again(world: World) -> None:
    """The plan ends with it; another customer has another plan, packs and the portal."""
    owner = await world.subscribed()
    gone, _ = await world.sandbox.customer()

    await world.sandbox.api("DELETE", f"/v1/customers/{gone}")
    await world.settled()
    assert (await owner.state()).plan == "free"
    key = owner.fresh_key()
    first, second, portal = await asyncio.gather(
        owner.switch("pro", "MONTHLY", key=key),
        owner.switch("pro", "MONTHLY"),
        owner.open_portal(),
    )

    assert (codes(first), codes(second), codes(portal)) == ([], [], [])
    assert first["outcome"] == second["outcome"]
    await world.sandbox.pay(first["outcome"]["url"], PAID)
    await world.settled()
    assert (await owner.state()).plan == "pro"
    topped_up = await owner.top_up()
    await world.sandbox.pay(topped_up["topUpCheckout"]["url"], PAID)
    await world.settled()
    assert (await owner.state()).purchased == PACK_CREDITS
    customers = (await world.sandbox.api("GET", "/v1/customers"))["data"]
    assert [each["id"] == gone for each in customers] == [False]
    assert await world.failing() == []


async def _subscription(world: World) -> Any:
    """Return the one subscription there is, as Stripe has it."""
    _, truth = await world.sandbox.customer()
    [subscription] = truth["subscriptions"]
    return await world.sandbox.api("GET", f"/v1/subscriptions/{subscription['subscription']}")


async def _charge_a_fee(world: World) -> None:
    """Let the customer's next invoice have another line."""
    customer, _ = await world.sandbox.customer()
    fee = {"amount": str(FEE), "currency": "usd", "description": "Onboarding"}
    await world.sandbox.api("POST", "/v1/invoiceitems", customer=customer, **fee)
