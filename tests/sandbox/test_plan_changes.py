"""Changing plans: previews that come true, changes that wait for their payment, schedules."""

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from tests.sandbox.shop import (
    AUTHENTICATED_ALWAYS,
    AUTHENTICATED_ONCE,
    DECLINED_LATER,
    PAID,
    Shop,
    item_of,
)

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS


def _to(shop: Shop, subscription: stripe.Subscription, price: str, **more: Any) -> Any:
    return {
        "items": [{"id": item_of(subscription).id, "price": shop.prices[price]}],
        "proration_behavior": "always_invoice",
        **more,
    }


async def _preview(shop: Shop, subscription: stripe.Subscription, details: Any) -> stripe.Invoice:
    params = {"subscription": subscription.id, "subscription_details": details}
    preview: stripe.Invoice = await shop.v1.invoices.create_preview_async(params)
    return preview


async def _upgrade(
    shop: Shop, subscription: stripe.Subscription, price: str = "pro", **more: Any
) -> stripe.Subscription:
    params = _to(shop, subscription, price, payment_behavior="pending_if_incomplete", **more)
    changed: stripe.Subscription
    changed = await shop.v1.subscriptions.update_async(subscription.id, params)
    return changed


async def _latest(shop: Shop, subscription: stripe.Subscription) -> Any:
    return await shop.v1.invoices.retrieve_async(subscription.latest_invoice)


async def test_an_upgrade_costs_what_its_preview_said(shop: Shop) -> None:
    """With the same date: to the cent, however much later it happens, and nothing before."""
    subscription = await shop.subscribed()
    item = item_of(subscription)
    length = item.current_period_end - item.current_period_start
    date = item.current_period_start + length // 3
    await shop.move(date)
    details = _to(shop, subscription, "pro", proration_date=date)

    preview = await _preview(shop, subscription, details)
    assert len(await shop.types("invoice.created")) == 1
    await shop.move(date + 2 * HOUR_SECONDS)
    upgraded = await _upgrade(shop, subscription, proration_date=date)

    invoice = await _latest(shop, upgraded)
    amounts = [line.amount for line in preview.lines.data]
    assert [line.amount for line in invoice.lines.data] == amounts
    assert (invoice.amount_paid, invoice.billing_reason) == (
        preview.amount_due,
        "subscription_update",
    )
    left = item.current_period_end - date
    assert amounts == [-round(1000 * left / length), round(5000 * left / length)]
    assert item_of(upgraded).price.lookup_key == "pro"
    assert item_of(upgraded).current_period_end == item.current_period_end
    assert upgraded.pending_update is None
    assert "customer.subscription.pending_update_applied" not in await shop.types()


async def test_the_lines_of_an_upgrade_say_from_what_to_what(shop: Shop) -> None:
    """The negative one is the price that was left, the positive one that taken."""
    subscription = await shop.subscribed()

    upgraded = await _upgrade(shop, subscription)

    left, taken = (await _latest(shop, upgraded)).lines.data
    assert left.amount < 0 < taken.amount
    assert left.pricing.price_details.price == shop.prices["starter"]
    assert taken.pricing.price_details.price == shop.prices["pro"]
    for line in (left, taken):
        assert line.parent.subscription_item_details.proration is True
        assert line.period.end == item_of(subscription).current_period_end
    details = left.parent.subscription_item_details.proration_details
    assert details.credited_items.invoice == subscription.latest_invoice


async def test_a_yearly_plan_begins_a_period_of_its_own(shop: Shop) -> None:
    """It is charged in full, less the month not used; the preview says so."""
    subscription = await shop.subscribed()
    date = item_of(subscription).current_period_start + 10 * DAY_SECONDS
    await shop.move(date)
    details = _to(shop, subscription, "pro_yearly", proration_date=date)

    preview = await _preview(shop, subscription, details)
    upgraded = await _upgrade(shop, subscription, "pro_yearly", proration_date=date)

    invoice = await _latest(shop, upgraded)
    unused, whole = invoice.lines.data
    assert (whole.amount, whole.parent.subscription_item_details.proration) == (50000, False)
    assert unused.amount < 0
    assert invoice.amount_paid == preview.amount_due == 50000 + unused.amount
    item = item_of(upgraded)
    assert item.current_period_start == upgraded.billing_cycle_anchor >= date
    assert item.current_period_end - item.current_period_start in (
        365 * DAY_SECONDS,
        366 * DAY_SECONDS,
    )


async def test_a_declined_upgrade_changes_nothing_but_waits(shop: Shop) -> None:
    """The plan and the period stay; the pending update ends after 23 hours, its invoice void."""
    subscription = await shop.subscribed()
    await shop.change_card(str(subscription.customer), DECLINED_LATER)

    tried = await _upgrade(shop, subscription)

    assert item_of(tried).price.lookup_key == "starter"
    assert item_of(tried).current_period_end == item_of(subscription).current_period_end
    assert tried.status == "active"
    assert tried.pending_update is not None
    assert tried.pending_update.subscription_items is not None
    assert tried.pending_update.subscription_items[0].price.lookup_key == "pro"
    invoice = await _latest(shop, tried)
    assert (invoice.status, invoice.amount_paid) == ("open", 0)
    assert await shop.types("invoice.payment_failed", "invoice.payment_action") == [
        "invoice.payment_failed"
    ]

    await shop.move(tried.pending_update.expires_at)

    after = await shop.subscription(subscription.id)
    assert after.pending_update is None
    assert item_of(after).price.lookup_key == "starter"
    assert (await _latest(shop, tried)).status == "void"
    assert "customer.subscription.pending_update_expired" in await shop.types()


async def test_an_upgrade_that_needs_authentication_is_completed_on_the_invoice_page(
    shop: Shop,
) -> None:
    """Until then nothing changes; afterwards the update is applied once."""
    subscription = await shop.subscribed(number=AUTHENTICATED_ALWAYS)

    tried = await _upgrade(shop, subscription)

    assert tried.pending_update is not None
    assert item_of(tried).price.lookup_key == "starter"
    assert "invoice.payment_action_required" in await shop.types()
    invoice = await _latest(shop, tried)
    page = invoice.hosted_invoice_url
    assert "Complete authentication" in (await shop.browser.get(page)).text

    await shop.answer_bank(f"{page}/authenticate", "complete")

    applied = await shop.subscription(subscription.id)
    assert applied.pending_update is None
    assert item_of(applied).price.lookup_key == "pro"
    assert (await _latest(shop, applied)).status == "paid"
    assert len(await shop.types("customer.subscription.pending_update_applied")) == 1
    again = await shop.answer_bank(f"{page}/authenticate", "complete")
    assert again.status_code == 409


async def test_failed_authentication_of_an_upgrade_changes_nothing(shop: Shop) -> None:
    """The update goes on waiting, and another card may still pay for it."""
    subscription = await shop.subscribed(number=AUTHENTICATED_ALWAYS)
    tried = await _upgrade(shop, subscription)
    page = (await _latest(shop, tried)).hosted_invoice_url

    failed = await shop.answer_bank(f"{page}/authenticate", "fail")

    assert failed.status_code == 402
    waiting = await shop.subscription(subscription.id)
    assert waiting.pending_update is not None
    assert item_of(waiting).price.lookup_key == "starter"
    await shop.browser.post(f"{page}/pay", data={"card_number": PAID})
    assert item_of(await shop.subscription(subscription.id)).price.lookup_key == "pro"


async def test_a_card_set_up_in_checkout_is_not_asked_again(shop: Shop) -> None:
    """Unlike the one that asks always."""
    subscription = await shop.subscribed(number=AUTHENTICATED_ONCE)

    upgraded = await _upgrade(shop, subscription)

    assert upgraded.pending_update is None
    assert item_of(upgraded).price.lookup_key == "pro"


@pytest.mark.parametrize("number", [DECLINED_LATER, AUTHENTICATED_ALWAYS])
async def test_error_if_incomplete_refuses_what_cannot_be_paid(shop: Shop, number: str) -> None:
    """And leaves no invoice behind."""
    subscription = await shop.subscribed()
    await shop.change_card(str(subscription.customer), number)
    if number == AUTHENTICATED_ALWAYS:
        subscription = await shop.subscribed(number=number)
    before = await shop.types()

    with pytest.raises(stripe.CardError):
        await shop.v1.subscriptions.update_async(
            subscription.id,
            _to(shop, subscription, "pro", payment_behavior="error_if_incomplete"),
        )

    assert await shop.types() == before
    after = await shop.subscription(subscription.id)
    assert item_of(after).price.lookup_key == "starter"


async def test_a_second_upgrade_replaces_one_that_waits(shop: Shop) -> None:
    """The first invoice is void: nobody can pay both."""
    subscription = await shop.subscribed()
    await shop.change_card(str(subscription.customer), DECLINED_LATER)
    first = await _upgrade(shop, subscription)

    second = await _upgrade(shop, subscription, "pro_yearly")

    assert (await _latest(shop, first)).status == "void"
    assert second.pending_update is not None
    assert second.latest_invoice != first.latest_invoice


async def test_prorations_may_wait_for_the_renewal(shop: Shop) -> None:
    """Stripe's default: the change is at once, its cost is on the next invoice."""
    subscription = await shop.subscribed()
    params = _to(shop, subscription, "pro")
    params["proration_behavior"] = "create_prorations"

    preview = await _preview(shop, subscription, dict(params))
    changed = await shop.v1.subscriptions.update_async(subscription.id, params)
    await shop.move(item_of(changed).current_period_end + HOUR_SECONDS)

    assert changed.latest_invoice == subscription.latest_invoice
    invoice = await _latest(shop, await shop.subscription(subscription.id))
    assert [line.amount for line in preview.lines.data] == [
        line.amount for line in invoice.lines.data
    ]
    assert len(invoice.lines.data) == 3
    assert invoice.amount_paid == invoice.total


async def test_a_credit_is_kept_for_the_next_invoices(shop: Shop) -> None:
    """A change that costs less than nothing is paid at once, by the customer's balance."""
    subscription = await shop.subscribed("pro")

    lowered = await _upgrade(shop, subscription, "starter")

    invoice = await _latest(shop, lowered)
    assert (invoice.status, invoice.amount_due) == ("paid", 0)
    assert invoice.total < 0
    customer = await shop.v1.customers.retrieve_async(subscription.customer)
    assert customer.balance == invoice.ending_balance == invoice.total
    await shop.move(item_of(lowered).current_period_end + HOUR_SECONDS)
    renewal = await _latest(shop, await shop.subscription(subscription.id))
    assert renewal.starting_balance == invoice.total
    assert (renewal.amount_due, renewal.status) == (0, "paid")


async def test_a_downgrade_waits_for_the_end_of_the_period(shop: Shop) -> None:
    """Two phases; after the second the schedule lets go of the subscription."""
    subscription = await shop.subscribed("pro")
    schedule = await _downgrade(shop, subscription)
    assert (await shop.subscription(subscription.id)).schedule == schedule.id
    end = item_of(subscription).current_period_end

    await shop.move(end + HOUR_SECONDS)

    lowered = await shop.subscription(subscription.id)
    invoice = await _latest(shop, lowered)
    assert item_of(lowered).price.lookup_key == "starter"
    assert (invoice.amount_paid, invoice.billing_reason) == (1000, "subscription_cycle")
    entered = await shop.v1.subscription_schedules.retrieve_async(schedule.id)
    assert (entered.status, entered.current_phase.start_date) == ("active", end)

    await shop.move(item_of(lowered).current_period_end + HOUR_SECONDS)

    over = await shop.v1.subscription_schedules.retrieve_async(schedule.id)
    assert (over.status, over.released_subscription) == ("released", subscription.id)
    kept = await shop.subscription(subscription.id)
    assert (kept.schedule, kept.status) == (None, "active")
    assert item_of(kept).price.lookup_key == "starter"


async def test_a_downgrade_to_a_shorter_cycle_begins_at_the_boundary(shop: Shop) -> None:
    """Stripe words it as an update, and charges it at once."""
    subscription = await shop.subscribed("pro_yearly")
    await _downgrade(shop, subscription, "pro")
    end = item_of(subscription).current_period_end

    await shop.move(end)

    lowered = await shop.subscription(subscription.id)
    invoice = await _latest(shop, lowered)
    assert (invoice.billing_reason, invoice.status) == ("subscription_update", "paid")
    assert (invoice.amount_paid, lowered.billing_cycle_anchor) == (5000, end)
    assert [line.parent.subscription_item_details.proration for line in invoice.lines.data] == [
        False
    ]


async def test_a_phase_counted_from_a_short_month_ends_within_a_period(shop: Shop) -> None:
    """A month from the 28th is the 28th, but the subscription keeps the 31st."""
    start = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)
    await shop.control("clock", at=int(start.timestamp()), frozen=True)
    subscription = await shop.subscribed("pro")
    schedule = await _downgrade(shop, subscription)
    assert schedule.phases[1].end_date == int(start.replace(month=3, day=28).timestamp())

    await shop.move(schedule.phases[1].end_date)

    over = await shop.v1.subscription_schedules.retrieve_async(schedule.id)
    lowered = await shop.subscription(subscription.id)
    assert (over.status, lowered.schedule) == ("released", None)
    assert item_of(lowered).price.lookup_key == "starter"
    assert item_of(lowered).current_period_end == int(start.replace(month=3).timestamp())


async def test_a_plan_changes_at_the_end_of_a_period_only(shop: Shop) -> None:
    """Rather than a change that the sandbox would not prorate."""
    subscription = await shop.subscribed("pro")
    schedules = shop.v1.subscription_schedules
    schedule = await schedules.create_async({"from_subscription": subscription.id})
    phases = _phases(shop, schedule, "starter")
    phases[0]["end_date"] -= 60

    with pytest.raises(stripe.InvalidRequestError, match="at the end of a period"):
        await schedules.update_async(schedule.id, {"phases": phases})


async def test_a_downgrade_can_be_undone(shop: Shop) -> None:
    """Released, the subscription renews as it was."""
    subscription = await shop.subscribed("pro")
    schedule = await _downgrade(shop, subscription)

    released = await shop.v1.subscription_schedules.release_async(schedule.id)
    await shop.move(item_of(subscription).current_period_end + HOUR_SECONDS)

    assert (released.status, released.subscription) == ("released", None)
    kept = await shop.subscription(subscription.id)
    assert item_of(kept).price.lookup_key == "pro"
    assert await shop.types("subscription_schedule") == [
        "subscription_schedule.created",
        "subscription_schedule.updated",
        "subscription_schedule.released",
    ]
    with pytest.raises(stripe.InvalidRequestError, match="`released` status"):
        await shop.v1.subscription_schedules.release_async(schedule.id)


async def test_a_schedule_may_end_its_subscription(shop: Shop) -> None:
    """With its last phase; the end is the last event of the subscription."""
    subscription = await shop.subscribed()
    schedules = shop.v1.subscription_schedules
    schedule = await schedules.create_async({"from_subscription": subscription.id})
    await schedules.update_async(schedule.id, {"end_behavior": "cancel"})

    await shop.move(item_of(subscription).current_period_end)

    assert (await shop.subscription(subscription.id)).status == "canceled"
    assert (await schedules.retrieve_async(schedule.id)).status == "completed"
    assert (await shop.types("customer.subscription"))[-1] == "customer.subscription.deleted"
    assert len(await shop.types("invoice.created")) == 1


async def test_a_schedule_keeps_its_subscription_to_itself(shop: Shop) -> None:
    """No second schedule, and no cancellation but the schedule's own."""
    subscription = await shop.subscribed("pro")
    await _downgrade(shop, subscription)

    with pytest.raises(stripe.InvalidRequestError, match="already attached to a schedule"):
        await shop.v1.subscription_schedules.create_async({"from_subscription": subscription.id})
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        await shop.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})


async def test_the_current_phase_cannot_be_moved(shop: Shop) -> None:
    """Phases begin where the one before them ends."""
    subscription = await shop.subscribed("pro")
    schedules = shop.v1.subscription_schedules
    schedule = await schedules.create_async({"from_subscription": subscription.id})
    phases = _phases(shop, schedule, "starter")
    phases[0]["start_date"] += 1

    with pytest.raises(stripe.InvalidRequestError, match="start date of the current phase"):
        await schedules.update_async(schedule.id, {"phases": phases})

    phases[0]["start_date"] -= 1
    phases[1]["start_date"] = phases[0]["end_date"] + 1
    with pytest.raises(stripe.InvalidRequestError, match="where the phase before them ends"):
        await schedules.update_async(schedule.id, {"phases": phases})


async def _downgrade(
    shop: Shop, subscription: stripe.Subscription, price: str = "starter"
) -> stripe.SubscriptionSchedule:
    schedules = shop.v1.subscription_schedules
    schedule = await schedules.create_async({"from_subscription": subscription.id})
    params = {"end_behavior": "release", "phases": _phases(shop, schedule, price)}
    changed: stripe.SubscriptionSchedule = await schedules.update_async(schedule.id, params)
    return changed


def _phases(shop: Shop, schedule: stripe.SubscriptionSchedule, price: str) -> Any:
    current = schedule.phases[0]
    return [
        {
            "items": [{"price": current["items"][0].price, "quantity": 1}],
            "start_date": current.start_date,
            "end_date": current.end_date,
            "proration_behavior": "none",
        },
        {
            "items": [{"price": shop.prices[price], "quantity": 1}],
            "duration": {"interval": "month", "interval_count": 1},
            "proration_behavior": "none",
        },
    ]
