"""The inbox on the sandbox: leases, retries, crashes, races, and purchases that are undone."""

import asyncio
import random
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any, Self

import pytest
from sqlalchemy import select, update

from billing import events, settlement
from billing.errors import PaymentsRefused
from billing.events import Lease, LeaseLost
from billing.settlement import Story, Subject
from gateway import stripe_switching
from gateway.clock import OffsetClock
from models.database import Database
from models.ledger import CreditAdjustment
from models.stripe import StripeEvent, StripeEventStatus
from models.subscription import Checkout, Subscription
from tests.billing.factories import Place, drifts, stored
from tests.stripe.conftest import Till

PACK = ("CREDIT_PACKAGE_PURCHASE", 500)
STARTER = ("SUBSCRIPTION_RENEWAL", 500)
DISPUTED = "4000000000000259"


class _Killed(Exception):
    """The process died."""


class _Ahead(OffsetClock):
    """The clock of a machine that is a minute ahead."""

    def real(self) -> datetime:
        """Return what that machine takes for the time."""
        return super().real() + timedelta(minutes=1)


class _DatetimeAhead(datetime):
    """Whatever that machine takes for the time."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """Return it."""
        return super().now(tz) + timedelta(minutes=1)


async def entries(database: Database, place: Place) -> list[tuple[str, int]]:
    """Return the adjustments after Free's first package."""
    rows = await stored(database, place, CreditAdjustment)
    return [(row["type"], row["amount"]) for row in rows][1:]


async def statuses(database: Database) -> set[str]:
    """Return the statuses that events of the inbox have."""
    async with database.snapshot() as snapshot:
        return {row.status for row in await snapshot.all(select(StripeEvent.status))}


async def forget_pauses(till: Till) -> None:
    """Let everything that rests, or is leased, be due."""
    async with till.database.write() as session:
        await session.execute(
            update(StripeEvent.__table__)  # type: ignore[arg-type]  # a mapped table is one
            .where(StripeEvent.status.in_(("PENDING", "FAILED")))
            .values(next_attempt_at=till.clock.real(), lease_token=None, leased_until=None)
        )


async def test_what_is_bought_is_granted_from_its_events(till: Till) -> None:
    """Packs with their receipt, a plan with its package; each object is settled once."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.packs()))
    await till.pay(await till.open(place, await till.plan("starter")))

    assert await till.hear() > 0
    outcomes = await till.settle()

    assert sorted(await entries(till.database, place)) == [PACK, STARTER]
    assert {outcome.status for outcome in outcomes} == {StripeEventStatus.DONE}
    objects = [outcome.lease.object_id for outcome in outcomes]
    assert len(objects) == len({*objects})
    assert {row["status"] for row in await stored(till.database, place, Checkout)} == {"COMPLETED"}
    assert await drifts(till.database, place) == []


async def test_events_in_any_order_and_many_times_grant_once(till: Till) -> None:
    """Ten shuffles, everything told again after each."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.packs()))
    await till.pay(await till.open(place, await till.plan("starter")))
    await till.hear()
    chance = random.Random(3)  # noqa: S311 - repeatable, not secret

    for _ in range(10):
        async with till.database.write() as session:
            ids = [*(await session.scalars(select(StripeEvent.id).order_by(StripeEvent.id)))]
            chance.shuffle(ids)
            for place_in_line, event_id in enumerate(ids):
                due_at = till.clock.real() - timedelta(seconds=len(ids) - place_in_line)
                await events.retry(session, event_ids=[event_id], at=due_at)
        await till.settle()

    assert sorted(await entries(till.database, place)) == [PACK, STARTER]


async def test_an_object_is_leased_by_one_worker(till: Till) -> None:
    """All of its waiting events; another object is free, and a lease that runs out is, too."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.plan("starter")))
    await till.hear()
    at = till.clock.real()

    leases = []
    while True:
        async with till.database.write() as session:
            lease = await events.claim(session, at=at)
        if lease is None:
            break
        leases.append(lease)

    objects = [lease.object_id for lease in leases]
    assert len(objects) == len({*objects}) > 1
    async with till.database.write() as session:
        again = await events.claim(session, at=at + events.LEASE + timedelta(seconds=1))
    assert again is not None
    assert (again.object_id, again.attempts) == (leases[0].object_id, 2)


async def test_who_has_lost_the_lease_commits_nothing(till: Till) -> None:
    """Although the object was fetched while it was held."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.packs()))
    await till.hear()
    async with till.database.write() as session:
        slow = await events.claim(session, at=till.clock.real())
    assert slow is not None
    story = await settlement.fetch(
        till.payments, slow.subject, slow.object_id, asked_at=till.clock.real()
    )
    await forget_pauses(till)
    async with till.database.write() as session:
        assert await events.claim(session, at=till.clock.real()) is not None

    with pytest.raises(LeaseLost):
        await _finish(till, slow, story)

    assert await entries(till.database, place) == []


async def test_workers_side_by_side_settle_everything_once(till: Till) -> None:
    """Eight at once."""
    places = [await till.workspace() for _ in range(3)]
    for place in places:
        await till.pay(await till.open(place, await till.packs()))
        await till.pay(await till.open(place, await till.plan("starter")))
    await till.hear()

    await asyncio.gather(*(till.settle() for _ in range(8)))
    await forget_pauses(till)
    await till.settle()

    for place in places:
        assert sorted(await entries(till.database, place)) == [PACK, STARTER]
        assert await drifts(till.database, place) == []
    assert await statuses(till.database) == {"DONE"}


async def test_a_worker_that_dies_at_any_statement_loses_nothing(till: Till) -> None:
    """The nth statement of all the work fails, for every n; then another worker goes on."""
    number, crashed = 0, True
    while crashed:
        place = await till.workspace()
        await till.pay(await till.open(place, await till.packs()))
        await till.hear()
        crashed = await _die(till, number)
        await forget_pauses(till)
        await till.settle()

        assert await entries(till.database, place) == [PACK], number
        assert await drifts(till.database, place) == []
        number += 1
    assert number > 10


async def test_what_fails_rests_longer_each_time_and_blocks_nothing_else(till: Till) -> None:
    """It stays visible with its error until it is settled."""
    place = await till.workspace()
    page = await till.open(place, await till.packs())
    await till.pay(page)
    await till.hear()
    await till.control("faults", kind="error", fraction=1.0, path="/v1/checkout/sessions/")

    [outcome] = [each for each in await till.settle() if each.error is not None]
    assert outcome.status is StripeEventStatus.FAILED
    async with till.database.snapshot() as snapshot:
        [shown] = await events.listed(snapshot)
    assert (shown.object_id, shown.attempts) == (page.session_id, 1)
    assert shown.last_error is not None
    assert shown.last_error.startswith("PaymentsUnavailable")
    first = await _pause(till, shown.id)
    await forget_pauses(till)
    await till.settle()
    assert await _pause(till, shown.id) > first

    await till.browser.delete("/_sandbox/faults")
    async with till.database.write() as session:
        assert await events.retry(session, event_ids=None, at=till.clock.real()) == [shown.id]
    await till.settle()
    assert await entries(till.database, place) == [PACK]
    async with till.database.snapshot() as snapshot:
        assert await events.listed(snapshot) == []


async def test_an_object_of_somebody_else_is_put_aside(till: Till) -> None:
    """One account may be shared with other programs: it is kept, and shown."""
    product = await till.account.v1.products.create_async({"name": "Theirs"})
    price = await till.account.v1.prices.create_async(
        {"product": product.id, "currency": "usd", "unit_amount": 900}
    )
    session = await till.account.v1.checkout.sessions.create_async(
        {
            "line_items": [{"price": price.id, "quantity": 1}],
            "mode": "payment",
            "success_url": "https://theirs.test",
        }
    )
    assert session.url is not None
    await till.browser.post(session.url, data={"method": "card", "card_number": "4242424242424242"})
    await till.hear()

    [outcome] = await till.settle()

    assert outcome.status is StripeEventStatus.UNAPPLIED
    async with till.database.snapshot() as snapshot:
        [shown] = await events.listed(snapshot)
    assert shown.last_error == "It is about no workspace of ours"


async def test_a_second_subscription_is_paid_back_and_ended(till: Till) -> None:
    """It stays visible; the first one and its credits are as they were."""
    place = await till.workspace()
    await _subscribe_twice(till, place)

    refused = [outcome for outcome in await till.settle() if outcome.error is not None]

    assert {outcome.status for outcome in refused} == {StripeEventStatus.UNAPPLIED}
    await _expect_one_subscription(till, place)


async def test_undoing_a_second_subscription_survives_a_crash_at_any_call(till: Till) -> None:
    """Of the calls that change something, the nth is cut off, before the deed or after it."""
    for kind in ("drop", "drop_after"):
        for path in ("/v1/refunds", "/v1/subscriptions/"):
            place = await till.workspace()
            await _subscribe_twice(till, place)
            await till.control("faults", kind=kind, count=1, path=path)
            await till.settle()
            await till.browser.delete("/_sandbox/faults")
            await forget_pauses(till)
            await till.settle()
            await till.hear()
            await till.settle()

            await _expect_one_subscription(till, place)


async def test_a_second_subscription_whose_payment_is_disputed_is_ended(till: Till) -> None:
    """The bank has the money back already; when the dispute is won, somebody has to look."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.plan("starter")))
    await till.hear()
    await till.settle()
    await till.pay(await till.open(place, await till.plan("pro")), DISPUTED)
    await till.hear()

    refused = [outcome for outcome in await till.settle() if outcome.error is not None]

    assert {outcome.status for outcome in refused} == {StripeEventStatus.UNAPPLIED}
    customer_id = await _customer_id(till, place)
    found = await till.account.v1.subscriptions.list_async(
        {"customer": customer_id, "status": "all"}
    )
    assert sorted(each.status for each in found.data) == ["active", "canceled"]
    assert await entries(till.database, place) == [STARTER]

    [dispute] = (await till.account.v1.disputes.list_async()).data
    await till.control(f"disputes/{dispute.id}/win")
    await till.hear()
    [won] = [outcome for outcome in await till.settle() if outcome.error is not None]
    assert won.status is StripeEventStatus.FAILED
    assert isinstance(won.error, PaymentsRefused)


async def test_a_later_refund_counts_whatever_the_clocks_of_the_machines_say(till: Till) -> None:
    """One machine is ahead when it settles the first refund; another, on time, the second."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.packs()))
    await till.hear()
    await till.settle()
    [checkout] = await stored(till.database, place, Checkout)
    payment_id = checkout["stripe_payment_intent_id"]

    for settling in (replace(till, clock=_Ahead(None)), till):
        await till.account.v1.refunds.create_async({"payment_intent": payment_id, "amount": 500})
        await till.hear()
        await settling.settle()

    taken = ("CREDIT_REFUND", -250)
    assert await entries(till.database, place) == [PACK, taken, taken]


async def test_a_later_cancellation_counts_whatever_the_clocks_of_the_machines_say(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One machine is ahead when it settles the subscription; another, on time, its cancellation."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.plan("starter")))
    await till.hear()
    with monkeypatch.context() as machine:
        machine.setattr(stripe_switching, "datetime", _DatetimeAhead)
        await replace(till, clock=_Ahead(None)).settle()
    [live] = await _live(till, place)

    await till.account.v1.subscriptions.update_async(
        live["stripe_subscription_id"], {"cancel_at_period_end": True}
    )
    await till.hear()
    await till.settle()

    [live] = await _live(till, place)
    assert live["pending_plan_id"] == "free"


async def test_a_refund_takes_back_and_a_failed_one_gives_again(till: Till) -> None:
    """By the sums, whichever of its events is heard of."""
    place = await till.workspace()
    page = await till.open(place, await till.packs())
    await till.pay(page)
    await till.hear()
    await till.settle()
    payment_id = (await till.payments.checkout(page.session_id)).payment_id
    assert payment_id is not None

    refund = await till.account.v1.refunds.create_async(
        {"payment_intent": payment_id, "amount": 250}
    )
    await till.hear()
    await till.settle()
    assert (await entries(till.database, place))[1:] == [("CREDIT_REFUND", -125)]

    await till.control(f"refunds/{refund.id}/fail")
    await till.hear()
    await till.settle()
    assert (await entries(till.database, place))[1:] == [
        ("CREDIT_REFUND", -125),
        ("CREDIT_REFUND", 125),
    ]


@pytest.mark.parametrize(("verdict", "left"), [("win", 500), ("lose", 0)])
async def test_a_dispute_takes_all_until_it_is_won(till: Till, verdict: str, left: int) -> None:
    """One that is lost takes it for good."""
    place = await till.workspace()
    page = await till.open(place, await till.packs())
    await till.pay(page)
    payment_id = (await till.payments.checkout(page.session_id)).payment_id
    dispute = await till.control(f"payments/{payment_id}/dispute")
    await till.hear()
    await till.settle()
    assert sum(amount for _, amount in await entries(till.database, place)) == 0

    await till.control(f"disputes/{dispute['id']}/{verdict}")
    await till.hear()
    await till.settle()

    assert sum(amount for _, amount in await entries(till.database, place)) == left


async def test_old_events_are_forgotten_unless_somebody_has_to_look(till: Till) -> None:
    """What waits and what failed is kept for ever."""
    place = await till.workspace()
    await till.pay(await till.open(place, await till.packs()))
    await till.hear()
    await till.settle()
    later = till.clock.real() + events.KEPT + timedelta(seconds=1)
    async with till.database.write() as session:
        await events.forget(session, at=later - timedelta(days=1))
    assert await statuses(till.database) == {"DONE"}

    async with till.database.write() as session:
        await session.execute(
            update(StripeEvent.__table__)  # type: ignore[arg-type]  # a mapped table is one
            .where(StripeEvent.type == "checkout.session.completed")
            .values(status="FAILED", last_error="broken")
        )
        await events.forget(session, at=later)
    assert await statuses(till.database) == {"FAILED"}


async def _finish(till: Till, lease: Lease, story: Story) -> None:
    """Settle what was fetched under a lease, in one transaction."""
    async with till.database.write() as session:
        await settlement.settle(session, story, now=till.clock.now())
        await events.finish(session, lease, StripeEventStatus.DONE, at=till.clock.real())


async def _die(till: Till, number: int) -> bool:
    """Let the statement of that number fail as a kill does; tell whether there were so many."""
    left = number
    dead = False

    def hear(_: str) -> None:
        nonlocal left, dead
        # Who is dead says nothing any more: neither that it failed.
        if dead or left == 0:
            dead = True
            raise _Killed
        left -= 1

    silence = till.database.on_statement(hear)
    try:
        await till.settle()
    except _Killed:
        return True
    finally:
        silence()
    return dead


async def _pause(till: Till, event_id: str) -> timedelta:
    async with till.database.snapshot() as snapshot:
        due_at: datetime = await snapshot.scalar(
            select(StripeEvent.next_attempt_at).where(StripeEvent.id == event_id)
        )
    return due_at - till.clock.real()


async def _subscribe_twice(till: Till, place: Place) -> None:
    """Pay for another plan after one has begun, on a page that should have been closed."""
    await till.pay(await till.open(place, await till.plan("starter")))
    await till.hear()
    await till.settle()
    await till.pay(await till.open(place, await till.plan("pro")))
    await till.hear()


async def _expect_one_subscription(till: Till, place: Place) -> None:
    customer_id = await _customer_id(till, place)
    found = await till.account.v1.subscriptions.list_async(
        {"customer": customer_id, "status": "all"}
    )
    assert sorted(each.status for each in found.data) == ["active", "canceled"]
    invoices = await till.account.v1.invoices.list_async({"customer": customer_id})
    refunds = await till.account.v1.refunds.list_async({"limit": 100})
    back = sum(refund.amount for refund in refunds.data)
    assert back % 5_000 == 0
    assert back > 0
    assert len(invoices.data) == 2
    assert await entries(till.database, place) == [STARTER]
    assert [row["plan_id"] for row in await _live(till, place)] == ["starter"]
    async with till.database.snapshot() as snapshot:
        shown = await events.listed(snapshot)
    assert any("ended and paid back" in (event.last_error or "") for event in shown)
    assert await drifts(till.database, place) == []


async def _live(till: Till, place: Place) -> list[dict[str, Any]]:
    rows = await stored(till.database, place, Subscription)
    return [row for row in rows if row["ended_at"] is None]


async def _customer_id(till: Till, place: Place) -> str:
    found = await till.account.v1.customers.list_async({"limit": 100})
    [customer_id] = [
        customer.id
        for customer in found.data
        if customer.to_dict()["metadata"] == {"workspace_id": str(place.workspace_id)}
    ]
    return customer_id


def test_every_event_that_matters_says_what_it_is_about() -> None:
    """Each kind of object is told of, and invoices that may still change are not."""
    assert {*events.TYPES.values()} == {*Subject}
    assert "invoice.created" not in events.TYPES
