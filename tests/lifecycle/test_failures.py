"""When the provider is away, slow, or fails after the deed: nothing is half done, or done twice."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.lifecycle.cards import PAID
from tests.lifecycle.catalogue import PACK_CREDITS
from tests.lifecycle.graphql import codes
from tests.lifecycle.owner import CANCEL_URL, SUCCESS_URL, Owner, of_type
from tests.lifecycle.world import STRIPE_TIMEOUT_SECONDS, World, until

COMPENSATION = "SUBSCRIPTION_SWITCH_COMPENSATION"
KINDS = ("error", "error_after", "rate_limit", "drop", "drop_after")
"""500 before and after the deed, 429, and a connection that is lost before and after it."""

TOO_SLOW_SECONDS = STRIPE_TIMEOUT_SECONDS + 1
"""Longer than the gateway waits."""

Ask = Callable[[str], Awaitable[dict[str, Any]]]


@pytest.mark.parametrize("kind", KINDS)
async def test_each_mutation_is_refused_and_safe_to_repeat(world: World, kind: str) -> None:
    """The same key does it once, also where the deed was done and its answer lost."""
    owner = await world.owner()

    bought = await _troubled(
        world, owner, kind, lambda key: owner.switch("starter", "MONTHLY", key=key)
    )
    assert (await world.sandbox.pay(bought["outcome"]["url"], PAID)).status_code == 303
    await world.settled()

    topped_up = await _troubled(world, owner, kind, lambda key: owner.top_up(2, key=key))
    await world.sandbox.pay(topped_up["topUpCheckout"]["url"], PAID)
    await world.settled()

    token = (await owner.outcome("pro", "MONTHLY"))["preview"]["token"]
    switched = await _troubled(
        world, owner, kind, lambda key: owner.switch("pro", "MONTHLY", token=token, key=key)
    )
    assert switched["outcome"]["__typename"] == "PlanSwitched"

    token = (await owner.outcome("starter", "MONTHLY"))["preview"]["token"]
    scheduled = await _troubled(
        world, owner, kind, lambda key: owner.switch("starter", "MONTHLY", token=token, key=key)
    )
    assert scheduled["outcome"]["__typename"] == "PlanSwitchScheduled"
    await _troubled(world, owner, kind, lambda key: owner.undo(key=key))
    await _troubled(world, owner, kind, lambda key: owner.switch("free", key=key))
    await _troubled(world, owner, kind, lambda key: owner.undo(key=key))

    state = await owner.state()
    assert (state.plan, state.pending, state.purchased) == ("pro", None, 2 * PACK_CREDITS)
    _, truth = await world.sandbox.customer()
    assert len(truth["subscriptions"]) == len(truth["checkouts"]) == 1
    assert len(truth["invoices"]) == 2
    assert len(of_type(await owner.adjustments(), COMPENSATION)) == 1


async def test_a_preview_and_the_portal_are_refused_too(world: World) -> None:
    """With nothing to repeat: they change nothing."""
    owner = await world.subscribed()
    await world.sandbox.control("faults", kind="error", fraction=1.0)

    assert codes(await owner.switch("pro", "MONTHLY")) == ["PAYMENTS_UNAVAILABLE"]
    with pytest.raises(AssertionError, match="PAYMENTS_UNAVAILABLE"):
        await owner.portal()

    assert await world.sandbox.forget_faults() > 0
    assert (await owner.outcome("pro", "MONTHLY"))["preview"]["credits"] > 0


async def test_a_provider_that_is_too_slow_is_given_up_and_asked_again(world: World) -> None:
    """An owner's call, whose key then does what was asked for, once; and a worker's."""
    owner = await world.subscribed()
    key = owner.fresh_key()
    slow = {"kind": "slow", "seconds": TOO_SLOW_SECONDS, "path": "/v1/checkout/sessions"}
    await world.sandbox.control("faults", **slow, count=2)

    assert codes(await owner.top_up(key=key)) == ["PAYMENTS_UNAVAILABLE"]

    opened: dict[str, Any] = {}

    async def is_open() -> bool:
        # As long as the provider is at work on the first request, it refuses the second.
        opened.update(await owner.top_up(key=key))
        return not opened["userErrors"]

    await until(is_open)
    await world.sandbox.pay(opened["topUpCheckout"]["url"], PAID)
    await world.settled()

    assert {error.split(":")[0] for _, error in await world.failing()} == {"PaymentsUnavailable"}
    assert (await owner.state()).purchased == 0
    assert await world.sandbox.forget_faults() == 2
    await world.retry_failing()
    assert await world.failing() == []
    assert (await owner.state()).purchased == PACK_CREDITS
    assert len((await world.sandbox.api("GET", "/v1/checkout/sessions"))["data"]) == 2


async def test_webhooks_outlast_a_provider_that_cannot_be_asked(world: World) -> None:
    """They fail, stay visible, and are settled when it answers again."""
    owner = await world.subscribed()
    checkout = (await owner.top_up())["topUpCheckout"]
    await world.sandbox.control("faults", kind="error", fraction=1.0)
    await world.sandbox.pay(checkout["url"], PAID)
    await world.settled()

    assert {error.split(":")[0] for _, error in await world.failing()} == {"PaymentsUnavailable"}
    assert (await owner.state()).purchased == 0

    await world.sandbox.forget_faults()
    await world.retry_failing()
    assert await world.failing() == []
    assert (await owner.state()).purchased == PACK_CREDITS


async def test_an_unknown_price_grants_nothing_and_stays_to_be_seen(world: World) -> None:
    """Its events say which price it is; the others go on."""
    owner = await world.owner()
    abandoned = await owner.outcome("starter", "MONTHLY")
    [customer] = [name for name in (await world.sandbox.truth())["customers"] if name]
    product = await world.sandbox.api("POST", "/v1/products", name="Not in the catalogue")
    price = await world.sandbox.api(
        "POST",
        "/v1/prices",
        **{
            "product": product["id"],
            "currency": "usd",
            "unit_amount": "700",
            "recurring[interval]": "month",
        },
    )
    page = await _foreign_page(world, owner, customer, price["id"])

    assert (await world.sandbox.pay(page, PAID)).status_code == 303
    await world.settled()

    failing = dict(await world.failing())
    assert failing["invoice.paid"] == failing["customer.subscription.created"]
    assert failing["invoice.paid"] == (
        f"PriceUnknown: The catalogue knows no price {price['id']}: sync it, then retry"
    )
    assert (await owner.state()).plan == "free"
    assert await owner.adjustments() == [("FREE_WORKSPACE_GRANT", 100)]
    assert abandoned["__typename"] == "PlanCheckoutRequired"


async def test_a_subscription_that_is_ended_in_the_dashboard_ends_here(world: World) -> None:
    """At once: what is left of its credits expires; packs stay."""
    owner = await world.subscribed()
    checkout = (await owner.top_up())["topUpCheckout"]
    await world.sandbox.pay(checkout["url"], PAID)
    await world.settled()
    _, truth = await world.sandbox.customer()

    name = truth["subscriptions"][0]["subscription"]
    await world.sandbox.api("DELETE", f"/v1/subscriptions/{name}")
    await world.settled()

    state = await owner.state()
    assert (state.plan, state.purchased) == ("free", PACK_CREDITS)
    assert of_type(await owner.adjustments(), "CREDIT_EXPIRATION") == [-500]


async def test_a_schedule_that_is_released_in_the_dashboard_is_released_here(
    world: World,
) -> None:
    """The change that was to come is gone."""
    owner = await world.subscribed("pro", "MONTHLY")
    await owner.confirmed("starter", "MONTHLY")
    await world.settled()
    assert (await owner.state()).pending == ("starter", "MONTHLY")

    [schedule] = (await world.sandbox.api("GET", "/v1/subscription_schedules"))["data"]
    await world.sandbox.api("POST", f"/v1/subscription_schedules/{schedule['id']}/release")
    await world.settled()

    assert (await owner.state()).pending is None


async def test_a_gateway_that_is_away_misses_nothing(world: World) -> None:
    """Killed before a renewal, started after it: what nobody delivers is looked up."""
    owner = await world.subscribed()
    end = datetime.fromisoformat(str((await owner.state()).period_end))
    await world.gateway.kill()
    await world.sandbox.move(end + timedelta(hours=1, minutes=1))
    await world.sandbox.control("idle")

    await world.gateway.start()
    await until(lambda: _has_renewed(owner))

    assert of_type(await owner.adjustments(), "SUBSCRIPTION_RENEWAL") == [500, 500]


async def _has_renewed(owner: Owner) -> bool:
    return len(of_type(await owner.adjustments(), "SUBSCRIPTION_RENEWAL")) > 1


async def _troubled(world: World, owner: Owner, kind: str, ask: Ask) -> dict[str, Any]:
    """Ask while nothing can be changed at the provider, and again with the same key."""
    key = owner.fresh_key()
    before = await world.sandbox.truth()
    await world.sandbox.control("faults", kind=kind, fraction=1.0, method="POST")
    refused = await ask(key)
    # What has happened may be found by looking, or by the client's own second attempt.
    assert codes(refused) == ["PAYMENTS_UNAVAILABLE"] or kind.endswith("_after"), refused
    assert await world.sandbox.forget_faults() > 0
    if kind in {"error", "rate_limit", "drop"}:
        after = await world.sandbox.truth()
        assert after | {"now": None} == before | {"now": None}

    done = await ask(key)
    assert codes(done) == [], done
    await world.settled()
    return done


async def _foreign_page(world: World, owner: Owner, customer: str, price: str) -> str:
    session = await world.sandbox.api(
        "POST",
        "/v1/checkout/sessions",
        **{
            "customer": customer,
            "mode": "subscription",
            "line_items[0][price]": price,
            "line_items[0][quantity]": "1",
            "success_url": SUCCESS_URL,
            "cancel_url": CANCEL_URL,
            "subscription_data[metadata][workspace_id]": str(owner.key),
        },
    )
    url: str = session["url"]
    return url
