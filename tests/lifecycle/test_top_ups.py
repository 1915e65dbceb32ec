"""Credit packs: bought, paid late, declined, given back, disputed."""

import asyncio
from typing import Any

import pytest

from tests.lifecycle.cards import BANK_FAILS, BANK_PAYS, DECLINED, PAID, REFUND_FAILS
from tests.lifecycle.catalogue import PACK_CREDITS, PACK_PRICE, PACKAGES
from tests.lifecycle.graphql import codes
from tests.lifecycle.owner import SUCCESS_URL, Owner, of_type
from tests.lifecycle.world import World

CLICKS = 20
PURCHASE = "CREDIT_PACKAGE_PURCHASE"
REFUND = "CREDIT_REFUND"


async def test_paid_packs_bring_their_credits_for_good(world: World) -> None:
    """A month later they are still there."""
    owner = await world.subscribed()

    checkout = await _top_up(owner, 3)
    opened = await owner.checkout_status(checkout["id"])
    paid = await world.sandbox.pay(checkout["url"], PAID)
    await world.settled()

    assert (opened, paid.headers["location"]) == ("OPEN", SUCCESS_URL)
    assert checkout["credits"] == 3 * PACK_CREDITS
    assert await owner.checkout_status(checkout["id"]) == "COMPLETED"
    assert of_type(await owner.adjustments(), PURCHASE) == [3 * PACK_CREDITS]
    await world.pass_time(days=40)
    assert (await owner.state()).purchased == 3 * PACK_CREDITS


async def test_who_returns_before_the_webhook_sees_that_it_is_not_there_yet(world: World) -> None:
    """And sees it when it is, by asking again for the same purchase."""
    owner = await world.subscribed()
    checkout = await _top_up(owner)
    await world.sandbox.control("webhooks", hold=True)
    await world.sandbox.pay(checkout["url"], PAID)

    assert await owner.checkout_status(checkout["id"]) == "OPEN"
    assert (await owner.state()).purchased == 0

    await world.sandbox.control("webhooks")
    await world.settled()
    assert await owner.checkout_status(checkout["id"]) == "COMPLETED"
    assert (await owner.state()).purchased == PACK_CREDITS


async def test_twenty_clicks_with_one_key_are_one_purchase(world: World) -> None:
    """The same page for all of them; and twenty payments of it are one."""
    owner = await world.subscribed()
    key = owner.fresh_key()

    payloads = await asyncio.gather(*(owner.top_up(2, key=key) for _ in range(CLICKS)))
    [url] = {payload["topUpCheckout"]["url"] for payload in payloads}
    await asyncio.gather(*(world.sandbox.pay(url, PAID) for _ in range(CLICKS)))
    await world.settled()

    assert of_type(await owner.adjustments(), PURCHASE) == [2 * PACK_CREDITS]
    assert codes(await owner.top_up(3, key=key)) == ["IDEMPOTENCY_KEY_REUSED"]


async def test_packs_paid_by_bank_come_when_the_bank_has_paid(world: World) -> None:
    """Until then the purchase is processing; one that fails brings nothing."""
    owner = await world.subscribed()
    paid, failed = await _top_up(owner), await _top_up(owner, 2)
    await world.sandbox.pay(paid["url"], BANK_PAYS)
    await world.sandbox.pay(failed["url"], BANK_FAILS)
    await world.settled()
    assert await owner.checkout_status(paid["id"]) == "PROCESSING"
    assert of_type(await owner.adjustments(), PURCHASE) == []

    await world.pass_time(days=4, minutes=1)

    assert await owner.checkout_status(paid["id"]) == "COMPLETED"
    assert await owner.checkout_status(failed["id"]) == "FAILED"
    assert of_type(await owner.adjustments(), PURCHASE) == [PACK_CREDITS]


async def test_declined_and_abandoned_packs_bring_nothing(world: World) -> None:
    """The page stays open for another card, for a day."""
    owner = await world.subscribed()
    checkout = await _top_up(owner)

    assert (await world.sandbox.pay(checkout["url"], DECLINED)).status_code == 402
    await world.settled()
    assert await owner.checkout_status(checkout["id"]) == "OPEN"

    await world.pass_time(hours=25)
    assert await owner.checkout_status(checkout["id"]) == "EXPIRED"
    assert of_type(await owner.adjustments(), PURCHASE) == []


async def test_a_refund_takes_the_credits_in_proportion(world: World) -> None:
    """The sums count: two partial ones, then the rest, never more than came."""
    owner = await world.subscribed()
    intent = await _bought(world, owner, packs=3)

    await world.sandbox.api("POST", "/v1/refunds", payment_intent=intent, amount="100")
    await world.settled()
    assert of_type(await owner.adjustments(), REFUND) == [-50]
    await world.sandbox.api("POST", "/v1/refunds", payment_intent=intent, amount="1")
    await world.settled()
    assert of_type(await owner.adjustments(), REFUND) == [-50]
    await world.sandbox.api("POST", "/v1/refunds", payment_intent=intent)
    await world.settled()

    assert of_type(await owner.adjustments(), REFUND) == [-50, -(3 * PACK_CREDITS - 50)]
    assert (await owner.state()).purchased == 0


async def test_a_refund_of_credits_that_are_used_is_owed(world: World) -> None:
    """The purchase's own lot first; what it lacks becomes overdraft only when all is gone."""
    owner = await world.subscribed()
    intent = await _bought(world, owner)
    await world.use(owner, 800, "nearly all")

    await world.sandbox.api("POST", "/v1/refunds", payment_intent=intent)
    await world.settled()

    state = await owner.state()
    # 100 + 500 + 250 less 800 leave 50 of the packs; 250 go back.
    assert (state.remaining, state.overdraft) == (0, 200)


async def test_a_refund_that_fails_gives_the_credits_again(world: World) -> None:
    """A day later the bank sends it back."""
    owner = await world.subscribed()
    intent = await _bought(world, owner, number=REFUND_FAILS)

    await world.sandbox.api("POST", "/v1/refunds", payment_intent=intent)
    await world.settled()
    assert (await owner.state()).purchased == 0

    await world.pass_time(days=1, minutes=1)
    assert (await owner.state()).purchased == PACK_CREDITS
    assert of_type(await owner.adjustments(), REFUND) == [-PACK_CREDITS, PACK_CREDITS]


async def test_a_dispute_takes_the_credits_and_a_won_one_gives_them_again(world: World) -> None:
    """A lost one does not."""
    owner = await world.subscribed()
    won, lost = await _bought(world, owner), await _bought(world, owner)

    disputes = [await world.sandbox.control(f"payments/{intent}/dispute") for intent in (won, lost)]
    await world.settled()
    assert (await owner.state()).purchased == 0

    for dispute, verdict in zip(disputes, ("win", "lose"), strict=True):
        await world.sandbox.control(f"disputes/{dispute['id']}/{verdict}")
    await world.settled()
    assert (await owner.state()).purchased == PACK_CREDITS
    assert sorted(of_type(await owner.adjustments(), REFUND)) == [-250, -250, 250]


async def test_a_refunded_plan_takes_its_package(world: World) -> None:
    """Half of the money, half of the credits."""
    owner = await world.subscribed()
    _, truth = await world.sandbox.customer()
    intent = truth["invoices"][0]["payment_intent"]

    await world.sandbox.api("POST", "/v1/refunds", payment_intent=intent, amount="500")
    await world.settled()

    assert of_type(await owner.adjustments(), REFUND) == [-250]


@pytest.mark.parametrize("is_refunded_first", [True, False])
async def test_credits_that_end_with_a_plan_are_not_taken_once_more_by_its_refund(
    world: World, *, is_refunded_first: bool
) -> None:
    """Whichever comes first, nothing is owed for what nobody has used; what was used is."""
    owner = await world.subscribed()
    await world.use(owner, 300, "of Free, and of the plan")
    _, truth = await world.sandbox.customer()
    [invoice], [subscription] = truth["invoices"], truth["subscriptions"]

    async def refund() -> None:
        await world.sandbox.refund(invoice["payment_intent"], invoice["amount"])

    async def cancel() -> None:
        await world.sandbox.api("DELETE", f"/v1/subscriptions/{subscription['subscription']}")

    for act in (refund, cancel) if is_refunded_first else (cancel, refund):
        await act()
        await world.settled()

    state = await owner.state()
    # 200 were used of the plan's 500, and Free has brought another 100.
    assert (state.plan, state.remaining - state.overdraft) == ("free", 100 - 200)


async def test_a_dispute_that_is_won_later_gives_what_has_repaid_it_meanwhile(
    world: World,
) -> None:
    """Not what would have expired with the month before: the present month has paid for it."""
    owner = await world.subscribed()
    await world.use(owner, 600, "everything")
    _, truth = await world.sandbox.customer()
    dispute = await world.sandbox.control(
        f"payments/{truth['invoices'][0]['payment_intent']}/dispute"
    )
    await world.settled()
    assert (await owner.state()).overdraft == PACKAGES["starter"]

    await world.pass_time(days=31, hours=2)
    assert (await owner.state()).remaining == 0
    await world.sandbox.control(f"disputes/{dispute['id']}/win")
    await world.settled()

    state = await owner.state()
    assert (state.remaining, state.recurring, state.overdraft) == (500, 500, 0)
    await world.pass_time(days=31, hours=2)
    assert (await owner.state()).remaining == PACKAGES["starter"]


async def test_only_so_many_packs_are_sold_and_only_on_a_paid_plan(world: World) -> None:
    """Nothing is asked of the provider for any other number."""
    owner = await world.owner()
    assert codes(await owner.top_up()) == ["PAID_PLAN_REQUIRED"]
    await world.buy(owner, "starter", "MONTHLY")
    before = await _sessions(world)

    for packs in (0, -1, 101, 10**9):
        assert codes(await owner.top_up(packs)) == ["PACKS_OUT_OF_RANGE"]

    assert await _sessions(world) == before


async def _top_up(owner: Owner, packs: int = 1) -> dict[str, Any]:
    payload = await owner.top_up(packs)
    assert payload["userErrors"] == [], payload
    checkout: dict[str, Any] = payload["topUpCheckout"]
    assert checkout["packs"] == packs
    return checkout


async def _bought(world: World, owner: Owner, *, packs: int = 1, number: str = PAID) -> str:
    """Buy packs; return what paid for them."""
    checkout = await _top_up(owner, packs)
    answer = await world.sandbox.pay(checkout["url"], number)
    assert answer.status_code == 303, answer.text
    await world.settled()
    _, truth = await world.sandbox.customer()
    bought = truth["checkouts"][-1]
    assert bought["amount"] == packs * PACK_PRICE
    intent: str = bought["payment_intent"]
    return intent


async def _sessions(world: World) -> int:
    found = await world.sandbox.api("GET", "/v1/checkout/sessions", limit="100")
    return len(found["data"])
