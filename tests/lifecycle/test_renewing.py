"""A plan goes on: renewals in time, late, failing; yearly plans with their monthly packages."""

from datetime import datetime, timedelta

from tests.lifecycle.cards import ALWAYS_AUTHENTICATED, DECLINED_WHEN_CHARGED, PAID
from tests.lifecycle.catalogue import PACKAGES
from tests.lifecycle.graphql import codes
from tests.lifecycle.owner import Owner, of_type
from tests.lifecycle.world import World, until

RENEWAL = "SUBSCRIPTION_RENEWAL"
EXPIRATION = "CREDIT_EXPIRATION"
HOUR = timedelta(hours=1, minutes=1)
"""A renewal is charged an hour after the period's end."""


async def test_a_renewal_brings_a_package_and_ends_the_one_before(world: World) -> None:
    """What was not used of it expires; what was used stays used."""
    owner = await world.subscribed()
    await world.use(owner, 180, "used")

    await world.move(await _period_end(owner) + HOUR)

    state = await owner.state()
    assert (state.status, state.remaining) == ("ACTIVE", PACKAGES["starter"])
    # 180 were paid by the 100 of Free, which would have expired first, and by 80 of the plan's.
    assert await owner.adjustments() == [
        ("FREE_WORKSPACE_GRANT", 100),
        (RENEWAL, 500),
        (EXPIRATION, -420),
        (RENEWAL, 500),
    ]


async def test_the_package_lasts_until_a_renewal_that_is_a_little_late(world: World) -> None:
    """For a day after the period's end: there is no gap between two paid periods."""
    owner = await world.subscribed()

    await world.move(await _period_end(owner) + timedelta(minutes=30))

    assert (await owner.state()).recurring == PACKAGES["starter"]


async def test_a_renewal_that_is_heard_of_days_late_counts_from_its_period(world: World) -> None:
    """The old package has expired by then; the new one ends with the period that was paid."""
    owner = await world.subscribed()
    first_end = await _period_end(owner)
    await world.sandbox.control("webhooks", hold=True)
    await world.sandbox.control("faults", kind="error", fraction=1.0, method="GET")

    await world.sandbox.move(first_end + timedelta(days=3))
    await until(lambda: _has_nothing(owner))
    assert (await owner.state()).plan == "starter"
    await world.sandbox.forget_faults()
    await world.sandbox.control("webhooks")
    await world.settled()

    state = await owner.state()
    assert datetime.fromisoformat(state.period_start) == first_end
    assert state.remaining == 500
    assert of_type(await owner.adjustments(), RENEWAL) == [500, 500]
    assert of_type(await owner.adjustments(), EXPIRATION) == [-100, -500]


async def test_a_renewal_whose_webhook_is_lost_is_found_by_reconciling(world: World) -> None:
    """A quarter of an hour later, without anybody asking."""
    owner = await world.subscribed()
    await world.sandbox.control("webhooks", drop=1.0)
    await world.move(await _period_end(owner) + HOUR)

    await world.reconciled()

    assert of_type(await owner.adjustments(), RENEWAL) == [500, 500]


async def test_an_unpaid_renewal_grants_nothing_until_it_is_paid(world: World) -> None:
    """Past due, nothing can be chosen; a good card in the portal puts it right."""
    owner = await world.subscribed()
    customer, _ = await world.sandbox.customer()
    await world.sandbox.control(f"customers/{customer}/card", number=DECLINED_WHEN_CHARGED)

    await world.move(await _period_end(owner) + HOUR)

    state = await owner.state()
    assert (state.plan, state.status) == ("starter", "PAST_DUE")
    assert of_type(await owner.adjustments(), RENEWAL) == [500]
    assert codes(await owner.switch("pro", "MONTHLY")) == ["PAST_DUE"]
    await world.sandbox.click(await owner.portal(), "card", card_number=PAID)
    await world.pass_time(days=3, hours=1)
    state = await owner.state()
    assert (state.status, state.remaining) == ("ACTIVE", 500)
    assert of_type(await owner.adjustments(), RENEWAL) == [500, 500]


async def test_a_renewal_that_is_never_paid_ends_in_free(world: World) -> None:
    """After the provider's last attempt."""
    owner = await world.subscribed()
    customer, _ = await world.sandbox.customer()
    await world.sandbox.control(f"customers/{customer}/card", number=DECLINED_WHEN_CHARGED)

    await world.move(await _period_end(owner) + HOUR)
    await world.pass_time(days=16)

    state = await owner.state()
    assert (state.plan, state.status, state.remaining) == ("free", "ACTIVE", 100)
    assert of_type(await owner.adjustments(), RENEWAL) == [500]


async def test_a_renewal_that_the_bank_asks_about_waits_for_the_answer(world: World) -> None:
    """On the invoice's own page."""
    owner = await world.subscribed(number=ALWAYS_AUTHENTICATED)

    await world.move(await _period_end(owner) + HOUR)

    assert (await owner.state()).status == "PAST_DUE"
    assert of_type(await owner.adjustments(), RENEWAL) == [500]
    customer, _ = await world.sandbox.customer()
    found = await world.sandbox.api("GET", "/v1/invoices", customer=customer, status="open")
    page = found["data"][0]["hosted_invoice_url"]
    await world.sandbox.click(page, "authenticate", outcome="complete")
    await world.settled()
    assert (await owner.state()).status == "ACTIVE"
    assert of_type(await owner.adjustments(), RENEWAL) == [500, 500]


async def test_a_year_brings_a_package_each_month(world: World) -> None:
    """By our own clock, within what is paid; the next year's first one by its invoice."""
    owner = await world.subscribed("starter", "YEARLY")

    for _ in range(11):
        await world.pass_time(days=31, hours=1)  # past the end of a month, not on it
    assert of_type(await owner.adjustments(), "PACKAGE_RESET") == [500] * 11
    assert of_type(await owner.adjustments(), RENEWAL) == [500]
    assert (await owner.state()).remaining == 500

    await world.move(await _period_end(owner) + HOUR)
    assert of_type(await owner.adjustments(), "PACKAGE_RESET") == [500] * 11
    assert of_type(await owner.adjustments(), RENEWAL) == [500, 500]


async def test_an_overdraft_is_repaid_by_the_next_package(world: World) -> None:
    """The oldest debt first."""
    owner = await world.subscribed()
    await world.use(owner, 750, "more than there is")
    state = await owner.state()
    assert (state.remaining, state.overdraft) == (0, 150)

    await world.move(await _period_end(owner) + HOUR)

    state = await owner.state()
    assert (state.remaining, state.overdraft) == (350, 0)


async def test_the_one_who_referred_is_rewarded_once(world: World) -> None:
    """At the signup, and with the first paid invoice: no renewal rewards again."""
    referrer = await world.owner("referrer")
    newcomer = await world.owner("acme", referred_by="referrer")
    await world.settled()
    await world.buy(newcomer, "starter", "MONTHLY")

    await world.move(await _period_end(newcomer) + HOUR)

    rewards = await referrer.adjustments()
    assert of_type(rewards, "REFERRAL_SIGNUP_REWARD") == [40]
    assert of_type(rewards, "REFERRAL_FIRST_PAID_PLAN_REWARD") == [60]
    assert of_type(await newcomer.adjustments(), "REFERRAL_FIRST_PAID_PLAN_REWARD") == [20]


async def _has_nothing(owner: Owner) -> bool:
    return (await owner.state()).remaining == 0


async def _period_end(owner: Owner) -> datetime:
    state = await owner.state()
    assert state.period_end is not None
    return datetime.fromisoformat(state.period_end)
