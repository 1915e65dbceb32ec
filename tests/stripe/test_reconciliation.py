"""What was lost on the way is found again, by events and by what there is."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from billing import reconciliation, settlement
from billing.errors import PaymentsUnavailable
from billing.reconciliation import INTERVAL, Compared, Comparison
from models.ledger import CreditAdjustment
from models.plan import Plan
from models.stripe import Reconciliation, StripeEvent, StripeEventStatus
from models.subscription import Checkout, CheckoutStatus, Subscription
from tests.billing.factories import Place, stored
from tests.stripe.conftest import Till


async def reconcile(till: Till) -> list[Compared]:
    """Make the comparisons that are due."""
    return await reconciliation.run_due(
        till.database, till.history, expects_live=False, clock=till.clock
    )


async def make_due(till: Till, *comparisons: Comparison) -> None:
    """Let only these comparisons be due."""
    names = [*comparisons]
    async with till.database.write() as session:
        table = Reconciliation.__table__
        later = till.clock.now() + timedelta(days=9)
        await session.execute(update(table).values(next_at=later))  # type: ignore[arg-type]  # a mapped table is one
        await session.execute(
            update(table)  # type: ignore[arg-type]  # a mapped table is one
            .where(Reconciliation.name.in_(names))
            .values(next_at=till.clock.now())
        )


async def amounts(till: Till, place: Place) -> list[int]:
    """Return what was added and removed after Free's first package."""
    return [row["amount"] for row in await stored(till.database, place, CreditAdjustment)][1:]


async def test_a_lost_webhook_heals_by_itself(till: Till) -> None:
    """Events are listed again, and go through the same inbox."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.packs()))

    found = {each.comparison: each.found for each in await reconcile(till)}
    assert found[Comparison.EVENTS] > 0
    await till.settle()
    assert await amounts(till, place) == [500]

    assert await reconcile(till) == [], "neither is due"
    await make_due(till, *Comparison)
    assert {each.found for each in await reconcile(till)} == {0}
    await till.settle()
    assert await amounts(till, place) == [500]


async def test_what_the_events_do_not_tell_any_more_is_found_by_what_there_is(till: Till) -> None:
    """A subscription, its invoice and two pages, all of whose events are gone."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.packs()))
    await till.pay(await till.open(place, await till.plan("starter")))
    await reconcile(till)
    async with till.database.write() as session:
        await session.execute(StripeEvent.__table__.delete())  # type: ignore[attr-defined]  # a mapped table has it
    await make_due(till, Comparison.OBJECTS)

    [compared] = await reconcile(till)

    assert (compared.comparison, compared.found) == (Comparison.OBJECTS, 4)
    await till.settle()
    assert sorted(await amounts(till, place)) == [500, 500]
    await make_due(till, Comparison.OBJECTS)
    assert [each.found for each in await reconcile(till)] == [0]


async def test_events_that_are_never_applied_hide_nothing(till: Till) -> None:
    """An endpoint that sends more than it was set up for; what matters was lost."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.packs()))
    await till.hear()
    async with till.database.write() as session:
        table = StripeEvent.__table__
        told = {"type": "checkout.session.unheard_of", "status": StripeEventStatus.UNAPPLIED}
        await session.execute(update(table).values(told))  # type: ignore[arg-type]  # a mapped table is one

    assert await reconcile(till) == [
        Compared(Comparison.EVENTS, 0),
        Compared(Comparison.OBJECTS, 1),
    ]

    await till.settle()
    assert await amounts(till, place) == [500]


async def test_what_was_put_aside_is_not_found_again(till: Till) -> None:
    """Somebody has seen it, or need not."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.packs()))
    await till.hear()
    async with till.database.write() as session:
        table = StripeEvent.__table__
        aside = {"status": StripeEventStatus.UNAPPLIED}
        await session.execute(update(table).values(aside))  # type: ignore[arg-type]  # a mapped table is one

    assert {each.found for each in await reconcile(till)} == {0}


async def test_what_is_paid_weeks_after_it_was_made_is_found(till: Till) -> None:
    """A bank takes days, a card that was declined longer: comparisons were made in between."""
    place = await till.workspace()
    await reconcile(till)
    await till.pay(await till.open(place, await till.packs()))
    await till.pay(await till.open(place, await till.plan("starter")))
    async with till.database.write() as session:
        weeks_later = {"watermark": till.clock.now() + timedelta(days=28)}
        await session.execute(update(Reconciliation.__table__).values(weeks_later))  # type: ignore[arg-type]  # a mapped table is one
    await make_due(till, Comparison.OBJECTS)

    [compared] = await reconcile(till)

    assert compared.found == 4
    await till.settle()
    assert sorted(await amounts(till, place)) == [500, 500]


async def test_a_page_that_was_closed_unheard_of_is_found(till: Till) -> None:
    """Once its time is over, and not before that."""
    place = await till.workspace()
    page = await till.open(place, await till.packs())
    async with till.database.write() as session:
        await settlement.checkout(session, page, now=till.clock.now())
    await reconcile(till)
    await till.payments.expire_checkout(page.session_id)
    await make_due(till, Comparison.OBJECTS)
    assert [each.found for each in await reconcile(till)] == [0]
    async with till.database.write() as session:
        over = {"expires_at": till.clock.now()}
        await session.execute(update(Checkout.__table__).values(over))  # type: ignore[arg-type]  # a mapped table is one
    await make_due(till, Comparison.OBJECTS)

    assert [each.found for each in await reconcile(till)] == [1]

    await till.settle()
    [checkout] = await stored(till.database, place, Checkout)
    assert checkout["status"] == CheckoutStatus.EXPIRED


async def test_an_invoice_that_brought_no_credits_is_found_once(till: Till) -> None:
    """The ledger does not know it; the inbox does."""
    place = await till.workspace()
    async with till.database.write() as session:
        nothing = {"credits_per_refresh": 0}
        await session.execute(update(Plan.__table__).values(nothing))  # type: ignore[arg-type]  # a mapped table is one
    await till.pay(await till.open(place, await till.plan("starter")))
    await till.hear()
    await till.settle()

    assert {each.found for each in await reconcile(till)} == {0}
    assert await amounts(till, place) == []


async def test_a_subscription_that_ended_unheard_of_is_found(till: Till) -> None:
    """What we take for live is compared as well."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.plan("starter")))
    await till.hear()
    await till.settle()
    [held] = [
        row
        for row in await stored(till.database, place, Subscription)
        if row["stripe_subscription_id"] is not None
    ]
    await till.payments.cancel_now(held["stripe_subscription_id"], idempotency_key="the end")
    await reconcile(till)
    async with till.database.write() as session:
        await session.execute(StripeEvent.__table__.delete())  # type: ignore[attr-defined]  # a mapped table has it
    await make_due(till, Comparison.OBJECTS)

    await reconcile(till)
    await till.settle()

    rows = await stored(till.database, place, Subscription)
    assert [row["plan_id"] for row in rows if row["ended_at"] is None] == ["free"]


async def test_a_comparison_is_made_by_one_worker(till: Till) -> None:
    """The others have nothing to do."""
    compared = await asyncio.gather(*(reconcile(till) for _ in range(4)))

    made = [each.comparison for some in compared for each in some]
    assert sorted(made) == sorted(Comparison)


async def test_a_comparison_that_fails_stays_due(till: Till) -> None:
    """From where it was: nothing is skipped."""
    await till.control("faults", kind="error", fraction=1.0)
    with pytest.raises(PaymentsUnavailable):
        await reconcile(till)
    await till.browser.delete("/_sandbox/faults")

    assert [each.comparison for each in await reconcile(till)] == [*Comparison]
    async with till.database.snapshot() as snapshot:
        rows = await snapshot.all(select(Reconciliation.__table__))
    assert {row.leased_until for row in rows} == {None}
    assert {row.next_at - row.watermark for row in rows} == {*INTERVAL.values()}
