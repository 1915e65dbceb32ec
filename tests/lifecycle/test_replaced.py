"""What a switch has replaced that nobody pays: it comes again, once, if it still should."""

import pytest

from tests.lifecycle.cards import ALWAYS_AUTHENTICATED
from tests.lifecycle.owner import Owner
from tests.lifecycle.world import World


async def test_an_event_of_a_plan_that_is_over_forgets_nothing(world: World) -> None:
    """The last month of an earlier subscription is paid back while the bank is asked."""
    owner = await world.subscribed("pro", "MONTHLY", number=ALWAYS_AUTHENTICATED)
    old = await _held(world)
    payment = (await world.sandbox.api("GET", "/v1/payment_intents"))["data"][0]["id"]
    await world.sandbox.api("DELETE", f"/v1/subscriptions/{old}")
    await world.settled()
    await world.buy(owner, "pro", "MONTHLY", number=ALWAYS_AUTHENTICATED)
    await _replaced(owner, "free")

    await world.sandbox.refund(payment, 100)
    await world.settled()
    await world.pass_time(hours=24)

    assert (await owner.state()).pending == ("free", None)


async def test_it_never_comes_to_a_later_subscription(world: World) -> None:
    """Of the end of the one that it was of, nothing was told: it was seen by who chose again."""
    owner = await world.subscribed("pro", "MONTHLY", number=ALWAYS_AUTHENTICATED)
    await _replaced(owner, "free")
    await world.settled()
    await world.sandbox.control("webhooks", drop=1.0)
    await world.sandbox.api("DELETE", f"/v1/subscriptions/{await _held(world)}")
    await owner.switch("starter", "MONTHLY")
    assert (await owner.state()).plan == "free"
    await world.sandbox.control("webhooks")

    await world.buy(owner, "starter", "MONTHLY")

    state = await owner.state()
    assert (state.plan, state.pending) == ("starter", None)


async def test_what_was_undone_in_the_portal_meanwhile_does_not_come_again(world: World) -> None:
    """A cancellation that is made there, and unmade, while the bank is asked."""
    owner = await world.subscribed("pro", "MONTHLY", number=ALWAYS_AUTHENTICATED)
    await _replaced(owner, "free")
    for ends in ("true", "false"):
        await world.sandbox.api(
            "POST", f"/v1/subscriptions/{await _held(world)}", cancel_at_period_end=ends
        )
        await world.settled()

    await world.pass_time(hours=24)

    assert (await owner.state()).pending is None


@pytest.mark.parametrize("kind", ["error", "error_after"])
@pytest.mark.parametrize(
    ("plan", "path"), [("free", "/v1/subscriptions/"), ("starter", "/v1/subscription_schedules/")]
)
async def test_what_the_provider_fails_to_make_comes_with_the_next_attempt(
    world: World, kind: str, plan: str, path: str
) -> None:
    """Also where it has failed half way, or after the deed."""
    owner = await world.subscribed("pro", "MONTHLY", number=ALWAYS_AUTHENTICATED)
    await _replaced(owner, plan)
    await world.settled()
    await world.sandbox.control("faults", kind=kind, method="POST", path=path, count=1)

    await world.pass_time(hours=24)
    await world.retry_failing()

    assert await world.sandbox.forget_faults() == 1
    assert (await owner.state()).pending == (plan, None if plan == "free" else "MONTHLY")


async def test_a_price_that_is_not_sold_any_more_does_not_stand_in_the_way(world: World) -> None:
    """The change cannot come again; what is paid is granted all the same."""
    owner = await world.subscribed("pro", "MONTHLY", number=ALWAYS_AUTHENTICATED)
    await _replaced(owner, "starter")
    price = await world.sandbox.price("starter_monthly")
    await world.sandbox.api("POST", f"/v1/prices/{price}", active="false")

    await world.pass_time(hours=24)
    await world.retry_failing()
    assert await world.failing() == []
    found = await world.sandbox.api("GET", f"/v1/subscriptions/{await _held(world)}")
    assert found["schedule"] is None
    await world.pass_time(days=31)
    assert await world.failing() == []
    assert (await owner.state()).pending is None


async def _held(world: World) -> str:
    found = await world.sandbox.api("GET", "/v1/subscriptions")
    return str(found["data"][0]["id"])


async def _replaced(owner: Owner, plan: str) -> None:
    """Let something be to come, and an upgrade that takes its place wait for the bank."""
    await (owner.outcome("free") if plan == "free" else owner.confirmed(plan, "MONTHLY"))
    required = await owner.confirmed("pro", "YEARLY")
    assert required["__typename"] == "PlanSwitchPaymentRequired"
