"""A plan that is paid once: it begins, is prolonged, lapses, and gives way to one that renews."""

from datetime import datetime, timedelta

from tests.lifecycle.cards import BANK_FAILS, BANK_PAYS
from tests.lifecycle.catalogue import PACKAGES
from tests.lifecycle.graphql import codes
from tests.lifecycle.owner import Owner, of_type
from tests.lifecycle.truth import add_months
from tests.lifecycle.world import World


async def test_it_lasts_three_months_and_lapses(world: World) -> None:
    """A package each month; then Free's, with nobody asked."""
    owner = await world.subscribed("pass", "ONE_TIME")
    state = await owner.state()
    assert (state.plan, state.cycle, state.recurring) == ("pass", "ONE_TIME", 100 + 300)

    for _ in range(3):
        await world.pass_time(days=31, hours=1)  # past the end of a month, not on it

    state = await owner.state()
    assert (state.plan, state.remaining) == ("free", PACKAGES["free"])
    paid = of_type(await owner.adjustments(), "SUBSCRIPTION_RENEWAL")
    assert paid == [300]
    assert of_type(await owner.adjustments(), "PACKAGE_RESET")[:2] == [300, 300]
    assert (await world.sandbox.customer())[1]["subscriptions"] == []


async def test_bought_again_it_lasts_three_months_longer(world: World) -> None:
    """Counted from its end, not from now; its packages come month by month."""
    owner = await world.subscribed("pass", "ONE_TIME")
    first_end = await _end(owner)
    await world.pass_time(days=20)

    await world.buy(owner, "pass", "ONE_TIME")

    assert await _end(owner) == add_months(first_end, 3)
    assert (await owner.state()).recurring == 100 + 300
    await world.move(first_end + timedelta(hours=2))
    state = await owner.state()
    assert (state.plan, state.recurring) == ("pass", PACKAGES["pass"])


async def test_it_gives_way_to_a_plan_that_renews(world: World) -> None:
    """What is left of its package keeps its own expiry."""
    owner = await world.subscribed("pass", "ONE_TIME")

    await world.buy(owner, "starter", "MONTHLY")

    state = await owner.state()
    assert (state.plan, state.recurring) == ("starter", 100 + 300 + 500)


async def test_free_cannot_be_chosen_before_it_ends(world: World) -> None:
    """There is nothing to cancel: it lapses."""
    owner = await world.subscribed("pass", "ONE_TIME")

    assert codes(await owner.switch("free")) == ["ONE_TIME_PLAN_LAPSES"]
    assert (await owner.state()).pending is None


async def test_paid_by_bank_it_begins_when_the_money_has_come(world: World) -> None:
    """And not with the page; nor at all if the bank does not pay."""
    owner = await world.owner()
    page = (await owner.outcome("pass", "ONE_TIME"))["url"]
    await world.sandbox.pay(page, BANK_PAYS)
    await world.settled()
    assert (await owner.state()).plan == "free"

    unlucky = await world.owner("unlucky")
    page = (await unlucky.outcome("pass", "ONE_TIME"))["url"]
    await world.sandbox.pay(page, BANK_FAILS)
    await world.pass_time(days=4, minutes=1)

    assert (await owner.state()).plan == "pass"
    assert (await unlucky.state()).plan == "free"
    assert of_type(await unlucky.adjustments(), "SUBSCRIPTION_RENEWAL") == []


async def test_it_ends_when_all_that_was_paid_for_it_goes_back(world: World) -> None:
    """There is no subscription to cancel. Half of the money takes half of a package, no month."""
    owner = await world.subscribed("pass", "ONE_TIME")
    [intent] = await _payments(world)

    await world.sandbox.refund(intent, 3950)
    await world.settled()
    state = await owner.state()
    assert (state.plan, state.recurring) == ("pass", 100 + 150)

    await world.sandbox.refund(intent, 3950)
    await world.settled()
    state = await owner.state()
    assert (state.plan, state.cycle, state.recurring) == ("free", None, 100 + 100)
    assert of_type(await owner.adjustments(), "CREDIT_REFUND") == [-150, -150]
    await world.pass_time(days=31, hours=1)
    assert (await owner.state()).recurring == PACKAGES["free"]


async def test_a_longer_time_that_is_paid_back_is_taken_back(world: World) -> None:
    """What was paid before stays, and what follows the plan follows sooner."""
    owner = await world.subscribed("pass", "ONE_TIME")
    first_end = await _end(owner)
    await world.buy(owner, "pass", "ONE_TIME")
    assert await _end(owner) == add_months(first_end, 3)

    await world.sandbox.refund((await _payments(world))[-1], 7900)
    await world.settled()

    assert await _end(owner) == first_end
    state = await owner.state()
    assert (state.plan, state.recurring) == ("pass", 100 + 300)


async def test_a_dispute_ends_it_and_a_won_one_lets_it_go_on(world: World) -> None:
    """Until the end that it had; its credits come again, and no package twice."""
    owner = await world.subscribed("pass", "ONE_TIME")
    end = await _end(owner)
    [intent] = await _payments(world)

    dispute = await world.sandbox.control(f"payments/{intent}/dispute")
    await world.settled()
    assert (await owner.state()).plan == "free"
    await world.sandbox.control(f"disputes/{dispute['id']}/win")
    await world.settled()

    state = await owner.state()
    assert (state.plan, await _end(owner)) == ("pass", end)
    assert of_type(await owner.adjustments(), "CREDIT_REFUND") == [-300, 300]
    assert of_type(await owner.adjustments(), "SUBSCRIPTION_RENEWAL") == [300]


async def test_a_refund_of_an_earlier_time_leaves_the_present_one(world: World) -> None:
    """It lapsed long ago; what was bought since has been paid."""
    owner = await world.subscribed("pass", "ONE_TIME")
    for _ in range(4):
        await world.pass_time(days=31, hours=1)
    assert (await owner.state()).plan == "free"
    await world.buy(owner, "pass", "ONE_TIME")
    end = await _end(owner)

    await world.sandbox.refund((await _payments(world))[0], 7900)
    await world.settled()

    assert ((await owner.state()).plan, await _end(owner)) == ("pass", end)


async def _payments(world: World) -> list[str]:
    """Return the payments of the pages that were paid, oldest first."""
    _, truth = await world.sandbox.customer()
    return [checkout["payment_intent"] for checkout in truth["checkouts"]]


async def _end(owner: Owner) -> datetime:
    state = await owner.state()
    assert state.period_end is not None
    return datetime.fromisoformat(state.period_end)
