"""What refunds and disputes take with them, and give again."""

from typing import Any

from sqlalchemy import update

from models.database import Database
from models.ledger import CreditAdjustment, CreditLot
from models.plan import Plan
from tests.billing import catalogue
from tests.billing.catalogue import (
    FREE_CREDITS,
    PRO_CREDITS,
)
from tests.billing.factories import Place, drifts, message, stored
from tests.billing.settlement import stories
from tests.billing.settlement.stories import (
    START,
    tell,
)


async def test_what_a_refund_takes_is_in_proportion_and_follows_the_sums(
    database: Database, place: Place
) -> None:
    """A part, more, all; then it fails, and all is given again."""
    checkout_id = await stories.checkout(database, place)
    page = stories.page(place, checkout_id=checkout_id)
    await tell(database, checkout=page)

    for refunded in (333, 333, 500, 1_000, 0):
        await _reverse(database, place, page, refunded_minor=refunded)

    assert (await stories.entries(database, place))[1:] == [
        ("CREDIT_REFUND", -33),
        ("CREDIT_REFUND", -17),
        ("CREDIT_REFUND", -50),
        ("CREDIT_REFUND", 100),
    ]
    keys = [row["source_key"] for row in await stored(database, place, CreditAdjustment)]
    assert keys[2:] == [f"reversal:pi_of_cs_1:{number}" for number in (1, 2, 3, 4)]
    assert await drifts(database, place) == []


async def test_a_refund_and_a_dispute_never_take_more_than_came(
    database: Database, place: Place
) -> None:
    """Each has its own entry; a dispute that is won gives back what it took."""
    checkout_id = await stories.checkout(database, place)
    page = stories.page(place, checkout_id=checkout_id)

    await _reverse(database, place, page, refunded_minor=600, disputed_minor=1_000)
    await _reverse(database, place, page, refunded_minor=600)

    rows = await stored(database, place, CreditAdjustment)
    assert [(row["amount"], row["detail"].get("kind")) for row in rows[1:]] == [
        (100, None),
        (-60, "REFUND"),
        (-40, "DISPUTE"),
        (40, "DISPUTE"),
    ]


async def test_a_refund_that_is_made_again_takes_what_was_given_again(
    database: Database, place: Place
) -> None:
    """It is the payment's too: nothing of it can be spent, and nothing is owed."""
    checkout_id = await stories.checkout(database, place)
    page = stories.page(place, checkout_id=checkout_id)
    await tell(database, checkout=page)

    for refunded in (600, 0, 1_000):
        await _reverse(database, place, page, refunded_minor=refunded)

    lots = await stored(database, place, CreditLot)
    assert [lot["remaining"] for lot in lots] == [FREE_CREDITS, 0, 0]
    last = (await stored(database, place, CreditAdjustment))[-1]
    assert (last["amount"], last["unpaid"]) == (-100, 0)
    assert await drifts(database, place) == []


async def test_what_is_spent_of_a_refunded_purchase_is_unpaid(
    database: Database, place: Place
) -> None:
    """Its own lot first, and no other lot's credits."""
    checkout_id = await stories.checkout(database, place)
    page = stories.page(place, checkout_id=checkout_id)
    await tell(database, checkout=page)
    await catalogue.spend(database, place, message(place, FREE_CREDITS + 30), now=START)
    await catalogue.give(database, place, 500, now=START)

    await _reverse(database, place, page, refunded_minor=1_000)

    last = (await stored(database, place, CreditAdjustment))[-1]
    assert (last["amount"], last["unpaid"]) == (-100, 30)
    lots = await stored(database, place, CreditLot)
    assert [lot["remaining"] for lot in lots] == [0, 0, 500]
    assert await drifts(database, place) == []


async def test_a_refund_that_is_heard_of_first_settles_its_purchase_first(
    database: Database, place: Place
) -> None:
    """Whichever comes first, the sums agree."""
    paid = stories.payment(
        place, payment_id="pi_1", invoice_id="in_1", paid_minor=2_900, refunded_minor=1_450
    )
    await tell(
        database,
        payment=paid,
        invoice=stories.invoice(place),
        subscription=stories.subscription(place),
        object_id="pi_1",
        asked_at=stories.fetch_time(),
    )

    assert await stories.entries(database, place) == [
        ("SUBSCRIPTION_RENEWAL", PRO_CREDITS),
        ("CREDIT_REFUND", -PRO_CREDITS // 2),
    ]


async def test_a_package_goes_back_whole_whatever_the_catalogue_says_by_now(
    database: Database, place: Place
) -> None:
    """It was larger when it came."""
    await tell(database, invoice=stories.invoice(place), subscription=stories.subscription(place))
    async with database.write() as session:
        smaller = update(Plan).where(Plan.id == "pro").values(credits_per_refresh=PRO_CREDITS // 4)
        await session.execute(smaller)

    await tell(
        database,
        payment=stories.payment(
            place, payment_id="pi_1", invoice_id="in_1", paid_minor=2_900, refunded_minor=2_900
        ),
        invoice=stories.invoice(place),
        subscription=stories.subscription(place),
        object_id="pi_1",
        asked_at=stories.fetch_time(),
    )

    assert (await stories.entries(database, place))[-1] == ("CREDIT_REFUND", -PRO_CREDITS)


async def test_a_payment_that_was_fetched_earlier_gives_nothing_back(
    database: Database, place: Place
) -> None:
    """A worker that was slow knows of no refund yet."""
    checkout_id = await stories.checkout(database, place)
    page = stories.page(place, checkout_id=checkout_id)
    early = stories.fetch_time()
    await _reverse(database, place, page, refunded_minor=1_000)

    await tell(
        database,
        payment=stories.payment(place),
        checkout=page,
        object_id="pi_of_cs_1",
        asked_at=early,
    )

    assert (await stories.entries(database, place))[1:] == [("CREDIT_REFUND", -100)]


async def _reverse(database: Database, place: Place, page: Any, **reversed_: Any) -> None:
    await tell(
        database,
        payment=stories.payment(place, **reversed_),
        checkout=page,
        object_id="pi_of_cs_1",
        asked_at=stories.fetch_time(),
    )
