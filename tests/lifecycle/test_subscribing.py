"""From Free to a plan: one page, one subscription, one package, whatever people click."""

import asyncio

import pytest

from tests.lifecycle.cards import (
    ALWAYS_AUTHENTICATED,
    BANK_FAILS,
    BANK_PAYS,
    DECLINED,
    PAID,
)
from tests.lifecycle.catalogue import PACKAGES
from tests.lifecycle.graphql import codes
from tests.lifecycle.owner import CANCEL_URL, SUCCESS_URL
from tests.lifecycle.world import World

CLICKS = 20
FREE = ("FREE_WORKSPACE_GRANT", PACKAGES["free"])
STARTER = ("SUBSCRIPTION_RENEWAL", PACKAGES["starter"])


async def test_a_paid_page_brings_the_plan_and_its_first_package(world: World) -> None:
    """The credits that came with Free stay as they are."""
    owner = await world.owner()

    await world.buy(owner, "starter", "MONTHLY")

    state = await owner.state()
    assert (state.plan, state.cycle, state.status) == ("starter", "MONTHLY", "ACTIVE")
    assert (state.remaining, state.pending) == (PACKAGES["free"] + PACKAGES["starter"], None)
    assert await owner.adjustments() == [FREE, STARTER]
    assert await world.failing() == []


async def test_an_abandoned_page_brings_nothing_and_expires(world: World) -> None:
    """A day later another one is opened."""
    owner = await world.owner()
    abandoned = await owner.outcome("starter", "MONTHLY")

    await world.pass_time(hours=25)

    assert (await owner.state()).plan == "free"
    assert (await world.sandbox.pay(abandoned["url"], PAID)).status_code == 409
    again = await owner.outcome("starter", "MONTHLY")
    assert again["url"] != abandoned["url"]
    assert await owner.adjustments() == [FREE]


async def test_a_declined_card_brings_nothing_until_another_is_paid_with(world: World) -> None:
    """On the same page."""
    owner = await world.owner()
    page = (await owner.outcome("starter", "MONTHLY"))["url"]

    assert (await world.sandbox.pay(page, DECLINED)).status_code == 402
    await world.settled()
    assert (await owner.state()).plan == "free"
    assert await owner.adjustments() == [FREE]

    assert (await world.sandbox.pay(page, PAID)).status_code == 303
    await world.settled()
    assert await owner.adjustments() == [FREE, STARTER]


async def test_a_bank_that_asks_is_waited_for(world: World) -> None:
    """Nothing comes before the answer, and nothing of a failed one."""
    owner = await world.owner()
    page = (await owner.outcome("starter", "MONTHLY"))["url"]

    asked = (await world.sandbox.pay(page, ALWAYS_AUTHENTICATED)).headers["location"]
    await world.sandbox.authenticate(asked, "fail")
    await world.settled()
    assert (await owner.state()).plan == "free"

    asked = (await world.sandbox.pay(page, ALWAYS_AUTHENTICATED)).headers["location"]
    await world.settled()
    assert await owner.adjustments() == [FREE]
    await world.sandbox.authenticate(asked)
    await world.settled()
    assert await owner.adjustments() == [FREE, STARTER]


async def test_twenty_clicks_at_once_are_one_page_and_one_subscription(world: World) -> None:
    """Whether they come with one key or with twenty: as one finger does it, or twenty tabs."""
    owner = await world.owner()
    key = owner.fresh_key()

    same = await asyncio.gather(
        *(owner.switch("starter", "MONTHLY", key=key) for _ in range(CLICKS))
    )
    others = await asyncio.gather(*(owner.switch("starter", "MONTHLY") for _ in range(CLICKS)))

    payloads = [*same, *others]
    assert [payload["userErrors"] for payload in payloads] == [[]] * (2 * CLICKS)
    [page] = {payload["outcome"]["url"] for payload in payloads}
    paid = await asyncio.gather(*(world.sandbox.pay(page, PAID) for _ in range(CLICKS)))
    assert sorted(answer.status_code for answer in paid) == [303] + [409] * (CLICKS - 1)
    await world.settled()
    assert await owner.adjustments() == [FREE, STARTER]
    _, truth = await world.sandbox.customer()
    assert [row["status"] for row in truth["subscriptions"]] == ["active"]


async def test_another_choice_closes_the_page_of_the_one_before(world: World) -> None:
    """So that both are never paid."""
    owner = await world.owner()
    first = (await owner.outcome("starter", "MONTHLY"))["url"]

    second = (await owner.outcome("pro", "YEARLY"))["url"]

    assert (await world.sandbox.pay(first, PAID)).status_code == 409
    assert (await world.sandbox.pay(second, PAID)).status_code == 303
    await world.settled()
    state = await owner.state()
    assert (state.plan, state.cycle) == ("pro", "YEARLY")
    assert await owner.adjustments() == [FREE, ("SUBSCRIPTION_RENEWAL", PACKAGES["pro"])]


async def test_who_returns_before_the_webhook_is_not_on_the_plan_yet(world: World) -> None:
    """And may not buy it twice: what is paid is found at the provider."""
    owner = await world.owner()
    page = (await owner.outcome("starter", "MONTHLY"))["url"]
    await world.sandbox.control("webhooks", hold=True)
    assert (await world.sandbox.pay(page, PAID)).headers["location"] == SUCCESS_URL

    assert (await owner.state()).plan == "free"
    again = await owner.switch("starter", "MONTHLY")

    assert again["outcome"] is None or again["outcome"].get("url") is None, again
    await world.sandbox.control("webhooks")
    await world.settled()
    assert await owner.adjustments() == [FREE, STARTER]


async def test_a_subscription_paid_by_bank_begins_when_the_bank_has_paid(world: World) -> None:
    """Four days after the page; before that, nothing has come."""
    owner = await world.owner()
    page = (await owner.outcome("starter", "MONTHLY"))["url"]
    assert (await world.sandbox.pay(page, BANK_PAYS)).status_code == 303
    await world.settled()
    assert await owner.adjustments() == [FREE]

    await world.pass_time(days=4, minutes=1)

    assert await owner.adjustments() == [FREE, STARTER]
    assert (await owner.state()).status == "ACTIVE"


async def test_a_subscription_whose_bank_fails_brings_nothing(world: World) -> None:
    """It is past due from then on, until the portal puts that right or it ends."""
    owner = await world.owner()
    page = (await owner.outcome("starter", "MONTHLY"))["url"]
    assert (await world.sandbox.pay(page, BANK_FAILS)).status_code == 303

    await world.pass_time(days=4, minutes=1)

    assert (await owner.state()).status == "PAST_DUE"
    assert await owner.adjustments() == [FREE]
    assert codes(await owner.switch("pro", "MONTHLY")) == ["PAST_DUE"]
    await world.sandbox.click(await owner.portal(), "card", card_number=PAID)
    await world.pass_time(days=4)
    assert (await owner.state()).status == "ACTIVE"
    assert await owner.adjustments() == [FREE, STARTER]


@pytest.mark.parametrize("plan", ["free", "pass"])
async def test_a_subscription_that_was_never_paid_leaves_what_was_before_it(
    world: World, plan: str
) -> None:
    """And no credits: else who opens one after the other would have a package for each."""
    owner = await world.owner()
    if plan != "free":
        await world.buy(owner, plan, "ONE_TIME")
    before, entries = await owner.state(), await owner.adjustments()
    page = (await owner.outcome("starter", "MONTHLY"))["url"]
    await world.sandbox.pay(page, BANK_FAILS)
    await world.pass_time(days=4, minutes=1)
    assert (await owner.state()).status == "PAST_DUE"

    _, truth = await world.sandbox.customer()
    [subscription] = truth["subscriptions"]
    await world.sandbox.api("DELETE", f"/v1/subscriptions/{subscription['subscription']}")
    await world.settled()

    assert await owner.state() == before
    assert await owner.adjustments() == entries
    await world.buy(owner, "pro", "MONTHLY")
    assert (await owner.state()).plan == "pro"


async def test_a_second_subscription_of_a_stale_page_is_ended_and_paid_back(
    world: World,
) -> None:
    """It grants nothing; the event says why, and stays to be seen."""
    owner = await world.subscribed()
    customer, _ = await world.sandbox.customer()
    stale = await world.sandbox.api(
        "POST",
        "/v1/checkout/sessions",
        **{
            "customer": customer,
            "mode": "subscription",
            "line_items[0][price]": await world.sandbox.price("pro_monthly"),
            "line_items[0][quantity]": "1",
            "success_url": SUCCESS_URL,
            "cancel_url": CANCEL_URL,
            "metadata[workspace_id]": str(owner.key),
            "subscription_data[metadata][workspace_id]": str(owner.key),
        },
    )

    assert (await world.sandbox.pay(stale["url"], PAID)).status_code == 303
    await world.settled()

    _, truth = await world.sandbox.customer()
    assert [row["status"] for row in truth["subscriptions"]] == ["active", "canceled"]
    assert [row["refunded"] for row in truth["invoices"]] == [0, 5000]
    assert await owner.adjustments() == [FREE, STARTER]
    assert (await owner.state()).plan == "starter"


async def test_only_the_owner_chooses(world: World) -> None:
    """A member is refused, and nothing is asked of the provider."""
    owner = await world.owner()
    stranger = await world.owner("rival")
    stranger.workspace_id = owner.workspace_id

    refused = await stranger.switch("starter", "MONTHLY")

    assert codes(refused) == ["WORKSPACE_NOT_FOUND"]
    assert (await world.sandbox.truth())["customers"].keys() == {""}
