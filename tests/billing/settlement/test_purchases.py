"""What checkout pages mean: packs, one-time plans, and pages that nobody paid."""

import itertools
from datetime import UTC, datetime

import pytest

from billing.payments import (
    CheckoutMode,
    CheckoutProgress,
)
from billing.unsettled import (
    CheckoutUnknown,
    PurchaseRefused,
)
from models.database import Database
from models.ledger import CreditAdjustment, CreditLot
from models.plan import BillingCycle
from tests.billing.catalogue import (
    PACK_CREDITS,
    PASS_CREDITS,
    PRO_CREDITS,
)
from tests.billing.factories import Place, stored
from tests.billing.settlement import stories
from tests.billing.settlement.stories import (
    DAY,
    END,
    PASS,
    PRO,
    SEASON,
    START,
    tell,
)


async def test_a_paid_page_grants_its_packs_once(database: Database, place: Place) -> None:
    """The quantity is the page's, the credits of a pack are those that it was sold with."""
    checkout_id = await stories.checkout(database, place)
    paid = stories.page(place, checkout_id=checkout_id, quantity=3, paid_minor=1_500)
    told = stories.payment(place)

    for _ in range(2):
        await tell(database, checkout=paid, payment=told)

    assert await stories.entries(database, place) == [("CREDIT_PACKAGE_PURCHASE", 3 * PACK_CREDITS)]
    last = (await stored(database, place, CreditAdjustment))[-1]
    assert last["source_key"] == "checkout:cs_1"
    assert last["detail"] == {
        "packs": 3,
        "amount_minor": 1_500,
        "currency": "USD",
        "checkout_id": str(checkout_id),
        "receipt_url": "https://receipts.example.com/pi_of_cs_1",
    }
    assert (await stored(database, place, CreditLot))[-1]["expires_at"] is None
    assert await stories.status(database, place) == ["COMPLETED"]


@pytest.mark.parametrize(
    ("progress", "recorded"),
    [
        (CheckoutProgress.OPEN, "OPEN"),
        (CheckoutProgress.PROCESSING, "PROCESSING"),
        (CheckoutProgress.FAILED, "FAILED"),
        (CheckoutProgress.EXPIRED, "EXPIRED"),
    ],
)
async def test_a_page_that_is_not_paid_grants_nothing(
    database: Database, place: Place, progress: CheckoutProgress, recorded: str
) -> None:
    """A payment that takes days may still fail."""
    checkout_id = await stories.checkout(database, place)

    await tell(database, checkout=stories.page(place, checkout_id=checkout_id, progress=progress))

    assert await stories.entries(database, place) == []
    assert await stories.status(database, place) == [recorded]


async def test_a_page_never_goes_back(database: Database, place: Place) -> None:
    """Heard of in any order it ends as completed, and grants once."""
    steps = (
        CheckoutProgress.OPEN,
        CheckoutProgress.PROCESSING,
        CheckoutProgress.EXPIRED,
        CheckoutProgress.PAID,
    )
    for number, order in enumerate(itertools.permutations(steps)):
        session_id = f"cs_{number}"
        checkout_id = await stories.checkout(database, place)
        for progress in order:
            told = stories.page(
                place, session_id=session_id, checkout_id=checkout_id, progress=progress
            )
            await tell(database, checkout=told)

    assert {*await stories.status(database, place)} == {"COMPLETED"}
    assert (
        await stories.entries(database, place)
        == [("CREDIT_PACKAGE_PURCHASE", 2 * PACK_CREDITS)] * 24
    )


async def test_a_page_that_nobody_recorded_is_said_to_be_unknown(
    database: Database, place: Place
) -> None:
    """Money came in for it: somebody has to look."""
    with pytest.raises(CheckoutUnknown, match="cs_1"):
        await tell(database, checkout=stories.page(place))

    await tell(database, checkout=stories.page(place, progress=CheckoutProgress.EXPIRED))
    assert await stories.entries(database, place) == []


async def test_a_page_of_a_subscription_grants_nothing_itself(
    database: Database, place: Place
) -> None:
    """It links the customer and begins the plan; its invoice grants."""
    checkout_id = await stories.checkout(
        database, place, plan_id="pro", billing_cycle=BillingCycle.MONTHLY
    )
    paid = stories.page(
        place,
        checkout_id=checkout_id,
        mode=CheckoutMode.SUBSCRIPTION,
        price_id=PRO,
        subscription_id="sub_1",
    )

    await tell(database, checkout=paid, subscription=stories.subscription(place))

    assert await stories.status(database, place) == ["COMPLETED"]
    assert (await stories.live(database, place))["plan_id"] == "pro"
    assert await stories.entries(database, place) == []


async def test_a_one_time_plan_begins_when_it_is_paid(database: Database, place: Place) -> None:
    """It lasts as long as it was sold for; its package has the page's source."""
    await stories.buy_plan(database, place, "cs_1", PASS, now=START)

    held = await stories.live(database, place)
    assert (held["plan_id"], held["billing_cycle"]) == ("pass", "ONE_TIME")
    assert (held["period_start"], held["period_end"]) == (
        START,
        datetime(2026, 6, 2, 12, tzinfo=UTC),
    )
    assert await stories.entries(database, place) == [("SUBSCRIPTION_RENEWAL", PASS_CREDITS)]
    keys = [row["source_key"] for row in await stored(database, place, CreditAdjustment)]
    assert keys[-1] == "checkout:cs_1"


async def test_a_one_time_plan_bought_again_is_extended_from_its_end(
    database: Database, place: Place
) -> None:
    """Counted from its start, and nothing is granted before the clock does."""
    start = datetime(2026, 3, 31, 12, tzinfo=UTC)
    await stories.buy_plan(database, place, "cs_1", PASS, now=start)
    await stories.buy_plan(database, place, "cs_2", PASS, now=start + DAY)

    held = await stories.live(database, place)
    assert held["period_end"] == datetime(2026, 9, 30, 12, tzinfo=UTC)
    assert await stories.entries(database, place) == [("SUBSCRIPTION_RENEWAL", PASS_CREDITS)]


async def test_another_one_time_plan_follows_the_one_that_is_held(
    database: Database, place: Place
) -> None:
    """A third one is refused as long as it waits."""
    await stories.buy_plan(database, place, "cs_1", PASS, now=START)
    await stories.buy_plan(database, place, "cs_2", SEASON, now=START + DAY)
    await stories.buy_plan(database, place, "cs_3", SEASON, now=START + DAY)

    held = await stories.live(database, place)
    assert (held["plan_id"], held["pending_plan_id"]) == ("pass", "season")
    assert held["pending_at"] == held["period_end"]


@pytest.mark.parametrize("bought", [PASS, SEASON])
async def test_what_was_bought_to_follow_is_not_lost_when_the_clock_is_late(
    database: Database, place: Place, bought: str
) -> None:
    """The plan has lapsed unnoticed when another page is paid: what follows it begins first."""
    await stories.buy_plan(database, place, "cs_1", PASS, now=START)
    await stories.buy_plan(database, place, "cs_2", SEASON, now=START + DAY)
    lapsed_at = (await stories.live(database, place))["period_end"]

    await stories.buy_plan(database, place, "cs_3", bought, now=lapsed_at + DAY)

    held = await stories.live(database, place)
    assert (held["plan_id"], held["period_start"]) == ("season", lapsed_at)
    assert (held["pending_plan_id"] == "pass") is (bought == PASS)


async def test_a_one_time_plan_beside_a_subscription_is_refused(
    database: Database, place: Place
) -> None:
    """The page of it was opened before the subscription began."""
    await tell(database, invoice=stories.invoice(place), subscription=stories.subscription(place))

    with pytest.raises(PurchaseRefused) as refused:
        await stories.buy_plan(database, place, "cs_1", PASS, now=START)

    assert refused.value.purchase.payment_id == "pi_of_cs_1"
    assert refused.value.purchase.in_the_way == "sub_1"
    assert await stories.status(database, place) == ["OPEN"]


async def test_a_subscription_replaces_a_one_time_plan_whose_lot_stays(
    database: Database, place: Place
) -> None:
    """The old lot keeps its expiry."""
    await stories.buy_plan(database, place, "cs_1", PASS, now=START)
    await tell(database, invoice=stories.invoice(place), subscription=stories.subscription(place))

    lots = (await stored(database, place, CreditLot))[1:]
    assert [(lot["remaining"], lot["expires_at"]) for lot in lots] == [
        (PASS_CREDITS, END),
        (PRO_CREDITS, END + DAY),
    ]
    assert (await stories.live(database, place))["plan_id"] == "pro"
