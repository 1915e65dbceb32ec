"""What subscriptions and their invoices mean: periods, packages, switches, ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing import quotes
from billing.catalog import Money
from billing.payments import (
    InvoiceReason,
    SubscriptionProgress,
)
from billing.quotes import Quote
from billing.unsettled import (
    InvoiceUnclear,
    PriceUnknown,
    PurchaseRefused,
    SubscriptionUnknown,
)
from models.base import new_id
from models.database import Database
from models.ledger import CreditAdjustment, CreditLot
from models.plan import BillingCycle
from tests.billing.catalogue import (
    FREE_CREDITS,
    PACK_CREDITS,
    PRO_CREDITS,
    TEAM_CREDITS,
)
from tests.billing.factories import Place, drifts, stored
from tests.billing.settlement import stories
from tests.billing.settlement.stories import (
    DAY,
    END,
    HALF,
    NEXT_END,
    PRO,
    PRO_YEARLY,
    START,
    TEAM,
    TEAM_YEARLY,
    tell,
)


async def test_a_first_invoice_grants_the_package_and_opens_the_period(
    database: Database, place: Place
) -> None:
    """It may be the first that is heard of its subscription."""
    told = await tell(
        database, invoice=stories.invoice(place), subscription=stories.subscription(place)
    )

    assert told == place.workspace_id
    assert await stories.entries(database, place) == [("SUBSCRIPTION_RENEWAL", PRO_CREDITS)]
    held = await stories.live(database, place)
    assert (held["plan_id"], held["billing_cycle"], held["status"]) == ("pro", "MONTHLY", "ACTIVE")
    assert (held["period_start"], held["period_end"]) == (START, END)
    assert (held["refresh_period_start"], held["refresh_period_end"]) == (START, END)
    lots = await stored(database, place, CreditLot)
    assert [lot["expires_at"] for lot in lots] == [datetime(2026, 4, 1, 12, tzinfo=UTC), END + DAY]


async def test_a_subscription_without_a_paid_invoice_grants_nothing(
    database: Database, place: Place
) -> None:
    """The plan is held, the clock has nothing to refresh."""
    await tell(database, subscription=stories.subscription(place))
    await tell(
        database,
        invoice=stories.invoice(place, is_paid=False),
        subscription=stories.subscription(place),
    )

    held = await stories.live(database, place)
    assert (held["plan_id"], held["refresh_period_end"]) == ("pro", None)
    assert await stories.entries(database, place) == []


async def test_a_subscription_that_is_not_paid_yet_is_not_held(
    database: Database, place: Place
) -> None:
    """Incomplete is not begun."""
    incomplete = stories.subscription(place, progress=SubscriptionProgress.INCOMPLETE)
    await tell(database, subscription=incomplete)

    assert (await stories.live(database, place))["plan_id"] == "free"


async def test_a_renewal_replaces_what_is_left_of_the_month_before(
    database: Database, place: Place
) -> None:
    """In one step, although the grace is not over; until it is paid the period stays."""
    await tell(database, invoice=stories.invoice(place), subscription=stories.subscription(place))
    renewed = stories.subscription(place, start=END, end=NEXT_END)
    await tell(database, subscription=renewed, now=END)
    assert (await stories.live(database, place))["period_end"] == END

    paid = stories.invoice(
        place,
        stories.line(start=END, end=NEXT_END),
        invoice_id="in_2",
        reason=InvoiceReason.SUBSCRIPTION_CYCLE,
    )
    later = END + timedelta(hours=1)
    await tell(database, invoice=paid, subscription=renewed, now=later)

    assert (await stories.entries(database, place))[-2:] == [
        ("CREDIT_EXPIRATION", -PRO_CREDITS),
        ("SUBSCRIPTION_RENEWAL", PRO_CREDITS),
    ]
    held = await stories.live(database, place)
    assert (held["period_start"], held["refresh_period_end"]) == (END, NEXT_END)
    assert await drifts(database, place) == []


async def test_an_invoice_of_an_earlier_month_that_comes_late_is_granted_and_expires(
    database: Database, place: Place
) -> None:
    """It was paid for; it repays what is unpaid, and does not move the period back."""
    renewed = stories.subscription(place, start=END, end=NEXT_END)
    second = stories.invoice(
        place,
        stories.line(start=END, end=NEXT_END),
        invoice_id="in_2",
        reason=InvoiceReason.SUBSCRIPTION_CYCLE,
    )
    now = END + 3 * DAY
    await tell(database, invoice=second, subscription=renewed, now=now)

    await tell(database, invoice=stories.invoice(place), subscription=renewed, now=now)

    assert (await stories.entries(database, place))[1:] == [
        ("SUBSCRIPTION_RENEWAL", PRO_CREDITS),
        ("SUBSCRIPTION_RENEWAL", PRO_CREDITS),
        ("CREDIT_EXPIRATION", -PRO_CREDITS),
    ]
    assert (await stories.live(database, place))["period_start"] == END
    assert await drifts(database, place) == []


async def test_a_subscription_past_due_keeps_its_plan(database: Database, place: Place) -> None:
    """Until it is deleted."""
    await tell(database, invoice=stories.invoice(place), subscription=stories.subscription(place))
    past_due = stories.subscription(
        place, progress=SubscriptionProgress.PAST_DUE, start=END, end=NEXT_END
    )
    await tell(database, subscription=past_due, now=END)

    held = await stories.live(database, place)
    assert (held["plan_id"], held["status"], held["period_end"]) == ("pro", "PAST_DUE", END)


async def test_a_deleted_subscription_leaves_free_and_its_lots_expire(
    database: Database, place: Place
) -> None:
    """Free's own lot of before and what was bought stay; Free's new package comes."""
    await tell(database, invoice=stories.invoice(place), subscription=stories.subscription(place))
    checkout_id = await stories.checkout(database, place)
    await tell(database, checkout=stories.page(place, checkout_id=checkout_id))
    ended = stories.subscription(place, progress=SubscriptionProgress.ENDED, ended_at=HALF, end=END)

    await tell(database, subscription=ended, now=HALF)
    await tell(database, subscription=ended, now=HALF + DAY)

    assert (await stories.entries(database, place))[2:] == [
        ("CREDIT_EXPIRATION", -PRO_CREDITS),
        ("PACKAGE_RESET", FREE_CREDITS),
    ]
    held = await stories.live(database, place)
    assert (held["plan_id"], held["period_start"]) == ("free", HALF)
    keys = [row["source_key"] for row in await stored(database, place, CreditAdjustment)]
    assert keys[-2].startswith("sub_end:sub_1:")
    lots = await stored(database, place, CreditLot)
    assert [lot["remaining"] for lot in lots] == [FREE_CREDITS, 0, 2 * PACK_CREDITS, FREE_CREDITS]
    assert await drifts(database, place) == []


async def test_what_a_cancelled_plan_grants_has_no_grace(database: Database, place: Place) -> None:
    """And what is to come is Free."""
    cancelled = stories.subscription(place, cancels_at=END)
    await tell(database, invoice=stories.invoice(place), subscription=cancelled)

    held = await stories.live(database, place)
    assert (held["pending_plan_id"], held["pending_billing_cycle"]) == ("free", None)
    assert held["pending_at"] == END
    assert (await stored(database, place, CreditLot))[-1]["expires_at"] == END

    await tell(database, subscription=stories.subscription(place))
    assert (await stories.live(database, place))["pending_plan_id"] is None


async def test_a_scheduled_change_is_pending_and_then_the_renewals_package(
    database: Database, place: Place
) -> None:
    """Also where the new price's rhythm makes the provider call it an update."""
    scheduled = stories.subscription(place, schedule_id="sub_sched_1")
    await tell(database, invoice=stories.invoice(place), subscription=scheduled)
    await tell(database, subscription=scheduled, change=stories.change(PRO_YEARLY))
    assert (await stories.live(database, place))["pending_plan_id"] is None, "it is no newer fetch"

    newer = stories.subscription(place, schedule_id="sub_sched_1")
    await tell(database, subscription=newer, change=stories.change(PRO_YEARLY))
    held = await stories.live(database, place)
    assert (held["pending_plan_id"], held["pending_billing_cycle"]) == ("pro", "YEARLY")

    a_year_later = datetime(2027, 4, 2, 12, tzinfo=UTC)
    yearly = stories.subscription(place, price_id=PRO_YEARLY, start=END, end=a_year_later)
    paid = stories.invoice(
        place,
        stories.line(PRO_YEARLY, amount_minor=29_000, start=END, end=a_year_later),
        invoice_id="in_2",
        reason=InvoiceReason.SUBSCRIPTION_UPDATE,
    )
    await tell(database, invoice=paid, subscription=yearly, now=END)

    held = await stories.live(database, place)
    assert (held["billing_cycle"], held["pending_plan_id"]) == ("YEARLY", None)
    assert (held["period_end"], held["refresh_period_end"]) == (a_year_later, NEXT_END)
    assert (await stories.entries(database, place))[-1] == ("SUBSCRIPTION_RENEWAL", PRO_CREDITS)


async def test_a_fetch_that_began_earlier_does_not_overwrite_a_later_one(
    database: Database, place: Place
) -> None:
    """However late it is settled."""
    early = stories.subscription(place)
    await tell(database, subscription=stories.subscription(place, cancels_at=END))

    await tell(database, subscription=early)

    assert (await stories.live(database, place))["pending_plan_id"] == "free"


# Switches


async def test_a_switch_adds_the_difference_for_the_rest_of_the_period(
    database: Database, place: Place
) -> None:
    """From the proration pair; the old lot keeps what remains and its expiry."""
    await tell(database, invoice=stories.invoice(place), subscription=stories.subscription(place))
    switched = stories.subscription(place, price_id=TEAM)
    paid = stories.invoice(
        place,
        *stories.pair(at=HALF),
        invoice_id="in_2",
        reason=InvoiceReason.SUBSCRIPTION_UPDATE,
    )

    for _ in range(2):
        await tell(database, invoice=paid, subscription=switched, now=HALF)

    assert (await stories.entries(database, place))[1:] == [
        ("SUBSCRIPTION_SWITCH_COMPENSATION", (TEAM_CREDITS - PRO_CREDITS) // 2)
    ]
    last = (await stored(database, place, CreditAdjustment))[-1]
    assert last["source_key"] == "invoice:in_2"
    assert last["detail"] == {
        "from_plan_id": "pro",
        "to_plan_id": "team",
        "fraction_left": 0.5,
    }
    assert [lot["expires_at"] for lot in (await stored(database, place, CreditLot))[1:]] == [
        END + DAY,
        END + DAY,
    ]
    assert (await stories.live(database, place))["plan_id"] == "team"


async def test_a_switch_to_another_rhythm_grants_the_new_package_less_what_was_left(
    database: Database, place: Place
) -> None:
    """The new period is paid, and the clock goes on from its start."""
    await tell(database, invoice=stories.invoice(place), subscription=stories.subscription(place))
    a_year_later = HALF.replace(year=2027)
    switched = stories.subscription(place, price_id=TEAM_YEARLY, start=HALF, end=a_year_later)
    paid = stories.invoice(
        place,
        stories.line(PRO, amount_minor=-1_450, start=HALF, end=END, is_proration=True),
        stories.line(TEAM_YEARLY, amount_minor=99_000, start=HALF, end=a_year_later),
        invoice_id="in_2",
        reason=InvoiceReason.SUBSCRIPTION_UPDATE,
    )

    await tell(database, invoice=paid, subscription=switched, now=HALF)

    assert (await stories.entries(database, place))[1:] == [
        ("SUBSCRIPTION_SWITCH_COMPENSATION", TEAM_CREDITS - PRO_CREDITS // 2)
    ]
    held = await stories.live(database, place)
    assert (held["period_start"], held["period_end"]) == (HALF, a_year_later)
    assert held["refresh_period_start"] == HALF
    last = (await stored(database, place, CreditLot))[-1]
    assert last["period_end"] == last["expires_at"] == held["refresh_period_end"]


async def test_a_switch_is_by_the_quote_that_its_invoice_is_bound_to(
    database: Database, place: Place
) -> None:
    """What was shown is what is granted, whatever the lines say."""
    await tell(database, invoice=stories.invoice(place), subscription=stories.subscription(place))
    quote = _quote(place, credits=1_234)
    async with database.write() as session:
        await quotes.keep(session, quote, now=START)
        await quotes.bind(session, quote, invoice_id="in_2")
    paid = stories.invoice(
        place,
        *stories.pair(at=HALF),
        invoice_id="in_2",
        reason=InvoiceReason.SUBSCRIPTION_UPDATE,
    )

    await tell(
        database, invoice=paid, subscription=stories.subscription(place, price_id=TEAM), now=HALF
    )

    assert (await stories.entries(database, place))[1:] == [
        ("SUBSCRIPTION_SWITCH_COMPENSATION", 1_234)
    ]


async def test_a_switch_to_less_takes_credits_from_recurring_lots(
    database: Database, place: Place
) -> None:
    """Below zero it is a removal, and no lot."""
    await tell(
        database,
        invoice=stories.invoice(place, stories.line(TEAM)),
        subscription=stories.subscription(place, price_id=TEAM),
    )
    paid = stories.invoice(
        place,
        *stories.pair(TEAM, PRO, at=HALF),
        invoice_id="in_2",
        reason=InvoiceReason.SUBSCRIPTION_UPDATE,
        paid_minor=0,
    )

    await tell(database, invoice=paid, subscription=stories.subscription(place), now=HALF)

    assert (await stories.entries(database, place))[1:] == [
        ("SUBSCRIPTION_SWITCH_COMPENSATION", -(TEAM_CREDITS - PRO_CREDITS) // 2)
    ]
    lots = await stored(database, place, CreditLot)
    assert [lot["remaining"] for lot in lots] == [0, TEAM_CREDITS - 2_000 + FREE_CREDITS]


async def test_prorations_that_wait_for_a_renewal_make_it_no_switch(
    database: Database, place: Place
) -> None:
    """They give back no time beyond the start of what is paid."""
    await tell(database, invoice=stories.invoice(place), subscription=stories.subscription(place))
    paid = stories.invoice(
        place,
        *stories.pair(at=HALF),
        stories.line(TEAM, start=END, end=NEXT_END),
        invoice_id="in_2",
        reason=InvoiceReason.SUBSCRIPTION_UPDATE,
    )
    renewed = stories.subscription(place, price_id=TEAM, start=END, end=NEXT_END)

    await tell(database, invoice=paid, subscription=renewed, now=END)

    assert (await stories.entries(database, place))[-1] == ("SUBSCRIPTION_RENEWAL", TEAM_CREDITS)


@pytest.mark.parametrize(
    "lines",
    [
        stories.pair(at=HALF)[:1],
        stories.pair(at=HALF)[1:],
        [*stories.pair(at=HALF), *stories.pair(TEAM, PRO, at=HALF + DAY)],
    ],
)
async def test_a_switch_that_is_unclear_grants_nothing(
    database: Database, place: Place, lines: list[Any]
) -> None:
    """It is said what is unclear."""
    paid = stories.invoice(place, *lines, reason=InvoiceReason.SUBSCRIPTION_UPDATE)

    with pytest.raises(InvoiceUnclear, match="in_1"):
        await tell(database, invoice=paid, subscription=stories.subscription(place))

    assert await stories.entries(database, place) == []
    assert (await stories.live(database, place))["plan_id"] == "free"


async def test_an_unknown_price_grants_nothing(database: Database, place: Place) -> None:
    """It is said which."""
    unknown = stories.subscription(place, price_id="price_new")
    paid = stories.invoice(place, stories.line("price_new"))

    with pytest.raises(PriceUnknown, match="price_new"):
        await tell(database, invoice=paid, subscription=unknown)

    assert await stories.entries(database, place) == []


async def test_an_invoice_alone_needs_its_subscription(database: Database, place: Place) -> None:
    """What a mutation has in hand is settled in the order of its story."""
    with pytest.raises(SubscriptionUnknown):
        await tell(database, invoice=stories.invoice(place))

    await tell(database, subscription=stories.subscription(place))
    await tell(database, invoice=stories.invoice(place))
    assert await stories.entries(database, place) == [("SUBSCRIPTION_RENEWAL", PRO_CREDITS)]


async def test_a_second_subscription_is_refused(database: Database, place: Place) -> None:
    """Nothing of it is kept; what is in its way is named."""
    await tell(database, invoice=stories.invoice(place), subscription=stories.subscription(place))
    second = stories.subscription(
        place, subscription_id="sub_2", price_id=TEAM, latest_invoice_id="in_2"
    )
    paid = stories.invoice(place, stories.line(TEAM), invoice_id="in_2", subscription_id="sub_2")

    with pytest.raises(PurchaseRefused) as refused:
        await tell(database, invoice=paid, subscription=second)

    assert refused.value.purchase.in_the_way == "sub_1"
    assert refused.value.purchase.invoice_id == "in_2"
    assert await stories.entries(database, place) == [("SUBSCRIPTION_RENEWAL", PRO_CREDITS)]


async def test_a_subscription_that_was_over_when_it_was_heard_of_leaves_free(
    database: Database, place: Place
) -> None:
    """Its paid package is granted and ends with it."""
    over = stories.subscription(place, progress=SubscriptionProgress.ENDED, ended_at=HALF)

    await tell(database, invoice=stories.invoice(place), subscription=over, now=END)

    assert (await stories.live(database, place))["plan_id"] == "free"
    balance = sum(amount for _, amount in await stories.entries(database, place))
    assert balance == -FREE_CREDITS + FREE_CREDITS
    assert await drifts(database, place) == []


def _quote(place: Place, *, credits: int) -> Quote:  # noqa: A002 - the quote's word
    return Quote(
        id=new_id(),
        workspace_id=place.workspace_id,
        from_plan_id="pro",
        plan_id="team",
        billing_cycle=BillingCycle.MONTHLY,
        price_id=TEAM,
        fingerprint="",
        proration_at=HALF,
        due=Money(3_500, "USD"),
        credits=credits,
        fraction_left=0.25,
        effective_at=HALF,
        expires_at=END,
    )
