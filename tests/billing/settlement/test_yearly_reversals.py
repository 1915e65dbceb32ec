"""What refunds and disputes of a year take: it is paid at once, and brings a package a month."""

import pytest
from sqlalchemy import select, update

from billing import calendar
from billing.payments import InvoiceReason
from models.database import Database
from models.ledger import CreditBalance
from models.plan import Plan
from models.stripe import ReversedPayment
from tests.billing import catalogue
from tests.billing.catalogue import FREE_CREDITS, PRO_CREDITS, TEAM_CREDITS
from tests.billing.factories import Place, drifts, message, stored
from tests.billing.settlement import stories
from tests.billing.settlement.stories import DAY, PRO_YEARLY, START, TEAM_YEARLY, tell

PAID_MINOR = 29_000
YEAR_END = calendar.add_months(START, 12)
RENEWAL = ("SUBSCRIPTION_RENEWAL", PRO_CREDITS)
PACKAGE = ("PACKAGE_RESET", PRO_CREDITS)
TAKEN = ("CREDIT_REFUND", -PRO_CREDITS)
GIVEN = ("CREDIT_REFUND", PRO_CREDITS)
EXPIRED = ("CREDIT_EXPIRATION", -PRO_CREDITS)


@pytest.fixture(autouse=True)
async def _paid(database: Database, place: Place) -> None:
    """Let the year be paid."""
    await tell(
        database,
        invoice=stories.invoice(place, *_YEAR, paid_minor=PAID_MINOR),
        subscription=stories.subscription(place, price_id=PRO_YEARLY, end=YEAR_END),
    )


async def test_all_that_goes_back_takes_the_package_of_the_month_and_those_to_come(
    database: Database, place: Place
) -> None:
    """Those before it have expired; it is as if each next one had not come."""
    await _pass(database, place, months=3)
    await _reverse(database, place, months=3, refunded_minor=PAID_MINOR)

    assert (await stories.entries(database, place))[-2:] == [PACKAGE, TAKEN]
    assert await _balance(database, place) == 0
    await _pass(database, place, months=5)
    assert (await stories.entries(database, place))[-4:] == [PACKAGE, TAKEN, PACKAGE, TAKEN]
    assert await _balance(database, place) == 0
    assert await drifts(database, place) == []


async def test_what_goes_back_takes_the_last_packages_first(
    database: Database, place: Place
) -> None:
    """Half of the money in the sixth month: six packages are paid, and none comes after them."""
    await _pass(database, place, months=5)
    await _reverse(database, place, months=5, refunded_minor=PAID_MINOR // 2)
    assert (await stories.entries(database, place))[-1] == PACKAGE

    await _pass(database, place, months=7)

    kinds = [entry for entry in await stories.entries(database, place) if entry != EXPIRED]
    assert kinds[-4:] == [PACKAGE, TAKEN, PACKAGE, TAKEN]
    assert kinds.count(TAKEN) == 2
    assert await drifts(database, place) == []


async def test_a_small_part_that_goes_back_is_taken_in_the_last_month(
    database: Database, place: Place
) -> None:
    """A goodwill refund in the second month costs nobody what they have now."""
    await _reverse(database, place, months=1, refunded_minor=PAID_MINOR // 24)

    await _pass(database, place, months=11)

    taken = [amount for kind, amount in await stories.entries(database, place) if "REFUND" in kind]
    assert taken == [-(12 * PRO_CREDITS * (PAID_MINOR // 24) // PAID_MINOR)]
    assert await _balance(database, place) == PRO_CREDITS + taken[0]
    assert await drifts(database, place) == []


async def test_what_was_used_of_a_year_that_goes_back_is_owed(
    database: Database, place: Place
) -> None:
    """The packages to come do not pay for it: they go back too."""
    used = message(place, FREE_CREDITS + 600)
    await catalogue.spend(database, place, used, now=START)
    await _pass(database, place, months=1)

    await _reverse(database, place, months=1, disputed_minor=PAID_MINOR)

    assert await _balance(database, place) == -600
    await _pass(database, place, months=2)
    assert await _balance(database, place) == -600
    assert await drifts(database, place) == []


async def test_a_year_that_is_paid_after_all_has_what_it_would_have_had(
    database: Database, place: Place
) -> None:
    """The dispute is won in the third month: the package of the month; the others would be over."""
    await catalogue.spend(database, place, message(place, FREE_CREDITS + 600), now=START)
    await _reverse(database, place, months=0, disputed_minor=PAID_MINOR)
    await _pass(database, place, months=2)
    assert await _balance(database, place) == -600

    await _reverse(database, place, months=2, disputed_minor=0)

    assert await _balance(database, place) == PRO_CREDITS
    async with database.snapshot() as snapshot:
        assert await snapshot.all(select(ReversedPayment)) == []
    await _pass(database, place, months=3)
    assert (await stories.entries(database, place))[-1] == PACKAGE
    assert await _balance(database, place) == PRO_CREDITS
    assert await drifts(database, place) == []


async def test_what_the_catalogue_says_by_now_keeps_no_credits_of_money_that_went_back(
    database: Database, place: Place
) -> None:
    """The package of the month was larger when it came."""
    await _pass(database, place, months=3)
    async with database.write() as session:
        smaller = update(Plan).where(Plan.id == "pro").values(credits_per_refresh=PRO_CREDITS // 4)
        await session.execute(smaller)

    await _reverse(database, place, months=3, refunded_minor=PAID_MINOR)

    assert (await stories.entries(database, place))[-1] == TAKEN
    await _pass(database, place, months=5)
    assert await _balance(database, place) == 0
    assert await drifts(database, place) == []


async def test_a_larger_plan_for_the_rest_of_the_year_takes_what_it_adds(
    database: Database, place: Place
) -> None:
    """Its own credits, and of each package to come what the smaller plan had not."""
    await _pass(database, place, months=1)
    switched = calendar.add_months(START, 1) + DAY
    switch = stories.invoice(
        place,
        *stories.pair(PRO_YEARLY, TEAM_YEARLY, at=switched, end=YEAR_END),
        invoice_id="in_2",
        reason=InvoiceReason.SUBSCRIPTION_UPDATE,
    )
    team = stories.subscription(place, price_id=TEAM_YEARLY, end=YEAR_END, latest_invoice_id="in_2")
    await tell(database, invoice=switch, subscription=team, now=switched)
    _, added = (await stories.entries(database, place))[-1]
    assert added > 0

    await tell(
        database,
        payment=stories.payment(
            place, payment_id="pi_2", invoice_id="in_2", paid_minor=3_500, refunded_minor=3_500
        ),
        invoice=switch,
        subscription=team,
        object_id="pi_2",
        asked_at=stories.fetch_time(),
        now=switched + DAY,
    )
    assert (await stories.entries(database, place))[-1] == ("CREDIT_REFUND", -added)
    assert await _balance(database, place) == PRO_CREDITS

    await _pass(database, place, months=2)
    assert (await stories.entries(database, place))[-2:] == [
        ("PACKAGE_RESET", TEAM_CREDITS),
        ("CREDIT_REFUND", PRO_CREDITS - TEAM_CREDITS),
    ]
    assert await _balance(database, place) == PRO_CREDITS
    assert await drifts(database, place) == []


async def _pass(database: Database, place: Place, *, months: int) -> None:
    """Let each month pass until then, and a day."""
    for month in range(1, months + 1):
        await catalogue.catch_up(database, place, now=calendar.add_months(START, month) + DAY)


async def _reverse(database: Database, place: Place, *, months: int, **reversed_: int) -> None:
    """Let some of the year's payment go back, so many months later."""
    await tell(
        database,
        payment=stories.payment(
            place, payment_id="pi_1", invoice_id="in_1", paid_minor=PAID_MINOR, **reversed_
        ),
        invoice=stories.invoice(place, *_YEAR, paid_minor=PAID_MINOR),
        subscription=stories.subscription(place, price_id=PRO_YEARLY, end=YEAR_END),
        object_id="pi_1",
        asked_at=stories.fetch_time(),
        now=calendar.add_months(START, months) + DAY,
    )


async def _balance(database: Database, place: Place) -> int:
    """Return the booked balance: what the lots hold, less what is owed."""
    [row] = await stored(database, place, CreditBalance)
    balance: int = row["balance"]
    return balance


_YEAR = [stories.line(PRO_YEARLY, amount_minor=PAID_MINOR, end=YEAR_END)]
