"""Each row of the switch table for a plan that renews, to the credit and to the cent."""

import asyncio
from datetime import datetime, timedelta

import pytest

from tests.lifecycle.cards import ALWAYS_AUTHENTICATED, BANK_PAYS, DECLINED_WHEN_CHARGED, PAID
from tests.lifecycle.catalogue import PACKAGES
from tests.lifecycle.graphql import codes
from tests.lifecycle.owner import Owner, of_type
from tests.lifecycle.world import World

COMPENSATION = "SUBSCRIPTION_SWITCH_COMPENSATION"
CLICKS = 20
HALF_UPGRADE = 750
"""Of 2,000 less 500 a little less than half, rounded up."""


async def test_an_upgrade_takes_effect_at_once_for_what_was_shown(world: World) -> None:
    """Half the difference in credits; the old package keeps what remains of it."""
    owner = await world.subscribed()
    await _midway(world, owner)

    shown = await owner.outcome("pro", "MONTHLY")
    assert shown["__typename"] == "PlanSwitchConfirmationRequired"
    before = await owner.state()
    switched = await owner.outcome("pro", "MONTHLY", token=shown["preview"]["token"])
    await world.settled()

    assert before.plan == "starter"
    assert switched["__typename"] == "PlanSwitched"
    assert shown["preview"]["credits"] == HALF_UPGRADE
    state = await owner.state()
    assert (state.plan, state.recurring) == ("pro", 100 + 500 + HALF_UPGRADE)
    assert of_type(await owner.adjustments(), COMPENSATION) == [HALF_UPGRADE]
    _, truth = await world.sandbox.customer()
    charged = [invoice["amount"] for invoice in truth["invoices"]]
    assert charged == [1000, shown["preview"]["amountDue"]["amountMinor"]]


async def test_from_monthly_to_yearly_a_new_period_begins(world: World) -> None:
    """With a whole package, less what was not yet due of the old one."""
    owner = await world.subscribed()
    await _midway(world, owner)

    await owner.confirmed("pro", "YEARLY")
    await world.settled()

    state = await owner.state()
    assert (state.plan, state.cycle) == ("pro", "YEARLY")
    assert of_type(await owner.adjustments(), COMPENSATION) == [1751]
    assert state.period_end is not None
    assert _years(state.period_start, state.period_end) == 1


async def test_twenty_confirmations_at_once_are_one_switch(world: World) -> None:
    """One invoice, one compensation; who comes too late is told, and nothing is half done."""
    owner = await world.subscribed()
    await _midway(world, owner)
    token = (await owner.outcome("pro", "MONTHLY"))["preview"]["token"]
    key = owner.fresh_key()

    same = await asyncio.gather(
        *(owner.switch("pro", "MONTHLY", token=token, key=key) for _ in range(CLICKS))
    )
    others = await asyncio.gather(
        *(owner.switch("pro", "MONTHLY", token=token) for _ in range(CLICKS))
    )
    await world.settled()

    assert {payload["outcome"]["__typename"] for payload in same} == {"PlanSwitched"}
    assert {code for payload in others for code in codes(payload)} <= {
        "ALREADY_ON_PLAN",
        "PREVIEW_EXPIRED",
    }
    assert of_type(await owner.adjustments(), COMPENSATION) == [HALF_UPGRADE]
    _, truth = await world.sandbox.customer()
    assert len(truth["invoices"]) == 2


async def test_a_declined_upgrade_changes_nothing(world: World) -> None:
    """Neither plan nor credits; with a good card it can be made after all."""
    owner = await world.subscribed()
    customer, _ = await world.sandbox.customer()
    await world.sandbox.control(f"customers/{customer}/card", number=DECLINED_WHEN_CHARGED)
    await _midway(world, owner)
    token = (await owner.outcome("pro", "MONTHLY"))["preview"]["token"]

    refused = await owner.switch("pro", "MONTHLY", token=token)
    await world.settled()

    assert codes(refused) == ["PAYMENT_DECLINED"]
    assert (await owner.state()).plan == "starter"
    assert of_type(await owner.adjustments(), COMPENSATION) == []
    await world.sandbox.control(f"customers/{customer}/card", number=PAID)
    await owner.confirmed("pro", "MONTHLY")
    await world.settled()
    assert of_type(await owner.adjustments(), COMPENSATION) == [HALF_UPGRADE]


async def test_an_upgrade_is_not_paid_from_a_bank_account(world: World) -> None:
    """What a bank pays days later can't be waited for; with a card in the portal it is made."""
    owner = await world.subscribed(number=BANK_PAYS)
    await world.pass_time(days=5)
    assert (await owner.outcome("free"))["__typename"] == "PlanSwitchScheduled"
    token = (await owner.outcome("pro", "MONTHLY"))["preview"]["token"]

    refused = await owner.switch("pro", "MONTHLY", token=token)
    await world.settled()

    assert codes(refused) == ["PAYMENT_DECLINED"]
    assert "card" in refused["userErrors"][0]["message"]
    state = await owner.state()
    assert (state.plan, state.pending) == ("starter", ("free", None))
    await world.sandbox.click(await owner.portal(), "card", card_number=PAID)
    assert (await owner.confirmed("pro", "MONTHLY"))["__typename"] == "PlanSwitched"
    await world.settled()
    assert (await owner.state()).plan == "pro"


async def test_an_upgrade_waits_for_the_cardholder(world: World) -> None:
    """On the page of the invoice; the switch is made when that is paid."""
    owner = await world.subscribed(number=ALWAYS_AUTHENTICATED)
    await _midway(world, owner)

    required = await owner.confirmed("pro", "MONTHLY")
    await world.settled()

    assert required["__typename"] == "PlanSwitchPaymentRequired"
    assert (await owner.state()).plan == "starter"
    assert of_type(await owner.adjustments(), COMPENSATION) == []
    await world.sandbox.click(required["url"], "authenticate", outcome="complete")
    await world.settled()
    assert (await owner.state()).plan == "pro"
    assert of_type(await owner.adjustments(), COMPENSATION) == [HALF_UPGRADE]


async def test_an_upgrade_that_is_authenticated_next_month_brings_that_months_package(
    world: World,
) -> None:
    """What was shown was for a month that has passed; the new one began on the old plan."""
    owner = await world.subscribed("starter", "YEARLY", number=ALWAYS_AUTHENTICATED)
    begins = datetime.fromisoformat((await owner.state()).period_start)
    next_month = begins + timedelta(days=31)
    await world.move(next_month - timedelta(hours=12))
    required = await owner.confirmed("pro", "YEARLY")
    await world.move(next_month + timedelta(hours=2))
    assert (await owner.state()).recurring == PACKAGES["starter"]

    await world.sandbox.click(required["url"], "authenticate", outcome="complete")
    await world.settled()

    state = await owner.state()
    assert (state.plan, state.recurring) == ("pro", PACKAGES["pro"])
    entries = await owner.adjustments()
    assert of_type(entries, "PACKAGE_RESET") == [PACKAGES["starter"], 1500]
    assert of_type(entries, COMPENSATION) == [25]
    await world.move(next_month + timedelta(days=31))
    assert (await owner.state()).recurring == PACKAGES["pro"]


async def test_an_upgrade_that_nobody_authenticates_is_never_made(world: World) -> None:
    """A day later the invoice is void, and nothing was charged."""
    owner = await world.subscribed(number=ALWAYS_AUTHENTICATED)
    await _midway(world, owner)
    required = await owner.confirmed("pro", "MONTHLY")

    await world.sandbox.click(required["url"], "authenticate", outcome="fail")
    await world.pass_time(hours=24)

    state = await owner.state()
    assert (state.plan, state.status) == ("starter", "ACTIVE")
    assert of_type(await owner.adjustments(), COMPENSATION) == []
    _, truth = await world.sandbox.customer()
    assert [invoice["amount"] for invoice in truth["invoices"]] == [1000]


@pytest.mark.parametrize("plan", ["free", "starter"])
async def test_what_was_to_come_comes_again_after_an_upgrade_that_nobody_authenticates(
    world: World, plan: str
) -> None:
    """A cancellation, or a downgrade: who had chosen it is not charged for what they had not."""
    owner = await world.subscribed("pro", "MONTHLY", number=ALWAYS_AUTHENTICATED)
    await (owner.outcome("free") if plan == "free" else owner.confirmed("starter", "MONTHLY"))
    required = await owner.confirmed("pro", "YEARLY")
    await world.settled()
    assert required["__typename"] == "PlanSwitchPaymentRequired"
    assert (await owner.state()).pending is None

    await world.pass_time(hours=24)

    state = await owner.state()
    assert (state.plan, state.cycle) == ("pro", "MONTHLY")
    assert state.pending == (plan, None if plan == "free" else "MONTHLY")
    assert codes(await owner.undo()) == []
    await world.settled()
    assert (await owner.state()).pending is None


async def test_what_an_authenticated_upgrade_has_replaced_is_gone(world: World) -> None:
    """Nor does it come again when a later one is not authenticated."""
    owner = await world.subscribed(number=ALWAYS_AUTHENTICATED)
    await owner.outcome("free")
    required = await owner.confirmed("pro", "MONTHLY")
    await world.sandbox.click(required["url"], "authenticate", outcome="complete")
    await world.settled()
    assert (await owner.state()).plan == "pro"

    await owner.confirmed("pro", "YEARLY")
    await world.pass_time(hours=24)

    state = await owner.state()
    assert (state.plan, state.cycle, state.pending) == ("pro", "MONTHLY", None)


async def test_a_choice_after_an_upgrade_that_nobody_paid_replaces_the_same(world: World) -> None:
    """Declined, it puts back the cancellation that was there before both."""
    owner = await world.subscribed("pro", "MONTHLY", number=ALWAYS_AUTHENTICATED)
    await owner.outcome("free")
    await owner.confirmed("pro", "YEARLY")
    customer, _ = await world.sandbox.customer()
    await world.sandbox.control(f"customers/{customer}/card", number=DECLINED_WHEN_CHARGED)

    token = (await owner.outcome("pro", "YEARLY"))["preview"]["token"]
    refused = await owner.switch("pro", "YEARLY", token=token)
    await world.settled()

    assert codes(refused) == ["PAYMENT_DECLINED"]
    assert (await owner.state()).pending == ("free", None)


@pytest.mark.parametrize("plan", ["free", "starter"])
async def test_another_choice_gives_up_what_waits_for_the_cardholder(
    world: World, plan: str
) -> None:
    """Its page is open in another window; nobody who has cancelled pays there by mistake."""
    owner = await world.subscribed("pro", "MONTHLY", number=ALWAYS_AUTHENTICATED)
    required = await owner.confirmed("pro", "YEARLY")
    assert required["__typename"] == "PlanSwitchPaymentRequired"

    await (owner.outcome("free") if plan == "free" else owner.confirmed("starter", "MONTHLY"))
    await world.settled()

    page = await world.sandbox.browser.get(required["url"])
    assert page.status_code == 200
    assert "Pay" not in page.text
    state = await owner.state()
    assert (state.plan, state.cycle) == ("pro", "MONTHLY")
    assert state.pending == (plan, None if plan == "free" else "MONTHLY")
    _, truth = await world.sandbox.customer()
    assert [invoice["amount"] for invoice in truth["invoices"]] == [5000]


async def test_another_sum_than_was_shown_is_not_charged(world: World) -> None:
    """Somebody has changed the customer's balance, of which the gateway is not told."""
    owner = await world.subscribed()
    token = (await owner.outcome("pro", "MONTHLY"))["preview"]["token"]
    customer, _ = await world.sandbox.customer()
    await world.sandbox.api("POST", f"/v1/customers/{customer}", balance="2500")

    refused = await owner.switch("pro", "MONTHLY", token=token)

    assert codes(refused) == ["PREVIEW_EXPIRED"]
    shown = (await owner.outcome("pro", "MONTHLY"))["preview"]
    assert shown["amountDue"]["amountMinor"] == 4000 + 2500
    assert (await owner.state()).plan == "starter"
    await owner.outcome("pro", "MONTHLY", token=shown["token"])
    await world.settled()
    _, truth = await world.sandbox.customer()
    assert [invoice["amount"] for invoice in truth["invoices"]] == [1000, 6500]


@pytest.mark.parametrize("wish", ["preview", "cancel", "undo"])
async def test_a_subscription_that_has_ended_unheard_of_is_over(world: World, wish: str) -> None:
    """Ended in Stripe's dashboard a moment ago; its webhook is on the way."""
    owner = await world.subscribed()
    if wish == "undo":
        await owner.outcome("free")
    _, truth = await world.sandbox.customer()
    await world.sandbox.control("webhooks", hold=True)
    await world.sandbox.api(
        "DELETE", f"/v1/subscriptions/{truth['subscriptions'][0]['subscription']}"
    )

    match wish:
        case "preview":
            # From Free, which it is by now, a plan is bought.
            assert (await owner.outcome("pro", "MONTHLY"))["__typename"] == "PlanCheckoutRequired"
        case "cancel":
            assert (await owner.outcome("free"))["__typename"] == "PlanSwitchScheduled"
        case _:
            assert codes(await owner.undo()) == ["NO_PENDING_CHANGE"]

    assert (await owner.state()).plan == "free"
    await world.sandbox.control("webhooks")
    await world.settled()
    state = await owner.state()
    assert (state.plan, state.recurring) == ("free", 2 * PACKAGES["free"])


async def test_a_downgrade_waits_for_the_end_of_the_period(world: World) -> None:
    """And is then the renewal's package, whatever its invoice is called."""
    owner = await world.subscribed("pro", "MONTHLY")

    scheduled = await owner.confirmed("starter", "MONTHLY")
    await world.settled()

    state = await owner.state()
    assert scheduled["__typename"] == "PlanSwitchScheduled"
    assert scheduled["effectiveAt"] == state.period_end
    assert (state.plan, state.pending) == ("pro", ("starter", "MONTHLY"))
    await _next_period(world, owner)
    state = await owner.state()
    assert (state.plan, state.pending, state.recurring) == ("starter", None, PACKAGES["starter"])
    assert of_type(await owner.adjustments(), "SUBSCRIPTION_RENEWAL") == [2000, 500]
    assert of_type(await owner.adjustments(), COMPENSATION) == []


async def test_from_yearly_to_monthly_waits_for_the_end_of_the_year(world: World) -> None:
    """Though its rank rises: the year is paid."""
    owner = await world.subscribed("starter", "YEARLY")

    scheduled = await owner.confirmed("pro", "MONTHLY")
    await world.settled()

    assert scheduled["__typename"] == "PlanSwitchScheduled"
    assert (await owner.state()).pending == ("pro", "MONTHLY")
    await _next_period(world, owner)
    state = await owner.state()
    assert (state.plan, state.cycle, state.recurring) == ("pro", "MONTHLY", PACKAGES["pro"])
    assert of_type(await owner.adjustments(), "SUBSCRIPTION_RENEWAL") == [500, 2000]


async def test_a_scheduled_downgrade_can_be_undone(world: World) -> None:
    """The plan renews as if nothing had been asked."""
    owner = await world.subscribed("pro", "MONTHLY")
    await owner.confirmed("starter", "MONTHLY")

    assert codes(await owner.undo()) == []
    await world.settled()

    assert (await owner.state()).pending is None
    assert codes(await owner.undo()) == ["NO_PENDING_CHANGE"]
    await _next_period(world, owner)
    assert (await owner.state()).plan == "pro"
    assert of_type(await owner.adjustments(), "SUBSCRIPTION_RENEWAL") == [2000, 2000]


async def test_free_comes_at_the_end_of_the_period(world: World) -> None:
    """With what Free brings; what is left of the plan's credits expires."""
    owner = await world.subscribed()

    scheduled = await owner.outcome("free")
    await world.settled()

    state = await owner.state()
    assert scheduled == {"__typename": "PlanSwitchScheduled", "effectiveAt": state.period_end}
    assert (state.plan, state.pending) == ("starter", ("free", None))
    await _next_period(world, owner)
    state = await owner.state()
    assert (state.plan, state.pending, state.remaining) == ("free", None, PACKAGES["free"])
    _, truth = await world.sandbox.customer()
    assert [row["status"] for row in truth["subscriptions"]] == ["canceled"]


async def test_a_cancellation_can_be_undone(world: World) -> None:
    """Whether it was asked for here or in the portal, which sets a date instead."""
    owner = await world.subscribed()
    await owner.outcome("free")
    await owner.undo()
    await world.settled()
    assert (await owner.state()).pending is None

    await world.sandbox.click(await owner.portal(), "cancel")
    await world.settled()
    assert (await owner.state()).pending == ("free", None)
    assert codes(await owner.undo()) == []
    await world.settled()

    assert (await owner.state()).pending is None
    await _next_period(world, owner)
    assert (await owner.state()).plan == "starter"
    assert of_type(await owner.adjustments(), "SUBSCRIPTION_RENEWAL") == [500, 500]


async def test_a_cancellation_in_the_portal_is_seen_and_takes_effect(world: World) -> None:
    """Its undoing there, too."""
    owner = await world.subscribed()
    portal = await owner.portal()
    await world.sandbox.click(portal, "cancel")
    await world.settled()
    assert (await owner.state()).pending == ("free", None)
    await world.sandbox.click(portal, "resume")
    await world.settled()
    assert (await owner.state()).pending is None

    await world.sandbox.click(portal, "cancel")
    await world.settled()
    await _next_period(world, owner)

    assert (await owner.state()).plan == "free"
    assert of_type(await owner.adjustments(), "SUBSCRIPTION_RENEWAL") == [500]


async def test_a_new_choice_takes_the_place_of_the_one_that_waits(world: World) -> None:
    """A downgrade replaces a cancellation, an upgrade replaces both."""
    owner = await world.subscribed("starter", "YEARLY")
    await owner.outcome("free")
    await world.settled()

    await owner.confirmed("starter", "MONTHLY")
    await world.settled()
    assert (await owner.state()).pending == ("starter", "MONTHLY")

    await owner.confirmed("pro", "YEARLY")
    await world.settled()
    state = await owner.state()
    assert (state.plan, state.cycle, state.pending) == ("pro", "YEARLY", None)


async def test_the_plan_one_is_on_and_the_change_that_waits_are_not_chosen_again(
    world: World,
) -> None:
    """Nor a one-time plan while another renews."""
    owner = await world.subscribed("pro", "MONTHLY")

    assert codes(await owner.switch("pro", "MONTHLY")) == ["ALREADY_ON_PLAN"]
    assert codes(await owner.switch("pass", "ONE_TIME")) == ["RECURRING_PLAN_MUST_END_FIRST"]
    await owner.confirmed("starter", "MONTHLY")
    await world.settled()
    assert codes(await owner.switch("starter", "MONTHLY")) == ["ALREADY_SCHEDULED"]


async def test_a_preview_is_worth_nothing_once_things_have_moved(world: World) -> None:
    """Nor ten minutes later, nor for another plan."""
    owner = await world.subscribed()
    token = (await owner.outcome("pro", "MONTHLY"))["preview"]["token"]

    assert codes(await owner.switch("pro", "YEARLY", token=token)) == ["PREVIEW_EXPIRED"]
    await world.pass_time(minutes=11)
    assert codes(await owner.switch("pro", "MONTHLY", token=token)) == ["PREVIEW_EXPIRED"]

    assert (await owner.state()).plan == "starter"
    _, truth = await world.sandbox.customer()
    assert len(truth["invoices"]) == 1


async def _midway(world: World, owner: Owner) -> None:
    """Let it be ten minutes past the middle of the paid period."""
    state = await owner.state()
    assert state.period_end is not None
    start, end = map(datetime.fromisoformat, (state.period_start, state.period_end))
    await world.move(start + (end - start) / 2 + timedelta(minutes=10))


async def _next_period(world: World, owner: Owner) -> None:
    """Let the paid period end, and what comes after it be paid."""
    state = await owner.state()
    assert state.period_end is not None
    await world.move(datetime.fromisoformat(state.period_end) + timedelta(hours=1, minutes=1))


def _years(start: str, end: str) -> int:
    return datetime.fromisoformat(end).year - datetime.fromisoformat(start).year
