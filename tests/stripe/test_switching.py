"""A switch at the period's end, called as a mutation does, while others are at the subscription."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from billing.errors import PaymentsUnavailable
from billing.payments import SubscriptionState
from gateway import stripe_switching
from models.plan import BillingCycle
from tests.stripe.conftest import Till

KEY = "the key of a claim"
SCHEDULES = "/v1/subscription_schedules"


async def subscribed(till: Till) -> SubscriptionState:
    """Return the subscription of a new workspace that has paid for a plan."""
    page = await till.open(await till.workspace(), await till.plan("pro"))
    await till.pay(page)
    subscription_id = (await till.payments.checkout(page.session_id)).subscription_id
    assert subscription_id is not None
    return await till.payments.subscription(subscription_id)


async def test_a_key_whose_schedule_was_released_makes_another_one(till: Till) -> None:
    """As often as that happens; what is asked twice in between is made once."""
    state = await subscribed(till)
    price_id = await till.price_id("starter")
    made = []

    for _ in range(3):
        asked = {"price_id": price_id, "idempotency_key": KEY}
        change = await till.payments.switch_later(state, **asked)
        assert await till.payments.switch_later(state, **asked) == change
        assert (change.is_live, change.price_id) == (True, price_id)
        made.append(change.schedule_id)
        await till.payments.release_schedule(change.schedule_id, idempotency_key=made[-1])

    assert len({*made}) == 3
    assert (await till.payments.subscription(state.subscription_id)).schedule_id is None


async def test_a_key_keeps_what_is_cancelled_again_in_the_portal(till: Till) -> None:
    """For a date, as the portal does, or for the period's end, as we do: each asks otherwise."""
    state = await subscribed(till)
    subscriptions = till.account.v1.subscriptions
    date = int(state.period_end.timestamp())

    for cancelled in ({"cancel_at_period_end": True}, {"cancel_at": date}):
        await subscriptions.update_async(state.subscription_id, cancelled)  # type: ignore[arg-type]  # a union of its fields
        kept = await till.payments.keep(state.subscription_id, idempotency_key=KEY)

        assert kept.cancels_at is None


async def test_a_schedule_that_was_released_after_the_last_look_is_replaced(till: Till) -> None:
    """The look may be as old as it likes."""
    state = await subscribed(till)
    first = await till.payments.switch_later(
        state, price_id=await till.price_id("starter"), idempotency_key="another key"
    )
    await till.payments.release_schedule(first.schedule_id, idempotency_key="undo")

    change = await till.payments.switch_later(
        replace(state, schedule_id=first.schedule_id),
        price_id=await till.price_id("pro", BillingCycle.YEARLY),
        idempotency_key=KEY,
    )

    assert change.is_live
    assert change.schedule_id != first.schedule_id
    current = await till.payments.subscription(state.subscription_id)
    assert current.schedule_id == change.schedule_id


async def test_a_schedule_that_is_released_while_it_is_changed_may_be_asked_for_again(
    till: Till,
) -> None:
    """Nothing has happened: that is said, and the same key makes the switch."""
    state = await subscribed(till)
    asked = {"price_id": await till.price_id("starter"), "idempotency_key": KEY}

    with released_first(till) as released, pytest.raises(PaymentsUnavailable) as refused:
        await till.payments.switch_later(state, **asked)

    assert not refused.value.is_final
    current = await till.payments.subscription(state.subscription_id)
    assert (current.schedule_id, len(released)) == (None, 1)
    change = await till.payments.switch_later(current, **asked)
    assert change.price_id == asked["price_id"]
    assert (await till.payments.subscription(state.subscription_id)).schedule_id not in released


def test_a_schedule_says_again_what_is_not_to_change() -> None:
    """Whatever is not said of a phase Stripe takes from it: discounts, taxes, other items."""
    seats: dict[str, Any] = {
        "price": "price_seats",
        "quantity": 4,
        "discounts": [{"coupon": "half", "discount": None, "promotion_code": None}],
        "tax_rates": [{"id": "txr_seats", "object": "tax_rate"}],
    }
    current = {
        "start_date": 1_000,
        "end_date": 5_000,
        "items": [{"price": "price_pro", "quantity": 3, "discounts": [], "tax_rates": []}, seats],
        "discounts": [{"coupon": "forever", "discount": "di_given", "promotion_code": None}],
        "default_tax_rates": [{"id": "txr_all", "object": "tax_rate"}],
        "default_payment_method": "pm_card",
        "collection_method": None,
        "description": None,
        "trial_end": 2_000,
    }
    schedule = {
        "current_phase": {"start_date": 1_000, "end_date": 5_000},
        "phases": [current | {"start_date": 0, "end_date": 1_000}, current],
    }
    recurring = {"interval": "month", "interval_count": 1}

    now, later = stripe_switching.phases(
        schedule, recurring, price_id="price_starter", at=datetime.fromtimestamp(4_000, UTC)
    )

    kept = {
        "discounts": [{"discount": "di_given"}],
        "default_tax_rates": ["txr_all"],
        "default_payment_method": "pm_card",
        "proration_behavior": "none",
    }
    others = {
        "price": "price_seats",
        "quantity": 4,
        "discounts": [{"coupon": "half"}],
        "tax_rates": ["txr_seats"],
    }
    assert now == kept | {
        "items": [{"price": "price_pro", "quantity": 3}, others],
        "start_date": 1_000,
        "end_date": 4_000,
        "trial_end": 2_000,
    }
    assert later == kept | {
        "items": [{"price": "price_starter", "quantity": 3}, others],
        "duration": recurring,
    }


@contextmanager
def released_first(till: Till) -> Iterator[list[str]]:
    """Release a schedule just before the request that changes it; yield which it was."""
    released: list[str] = []

    async def release(request: httpx.Request) -> None:
        path = request.url.path
        if request.method == "POST" and path.startswith(f"{SCHEDULES}/") and not released:
            released.append(path.rpartition("/")[2])
            headers = {"Authorization": request.headers["Authorization"]}
            answer = await till.browser.post(f"{path}/release", headers=headers)
            answer.raise_for_status()

    hooks = till.account.transport._client_async.event_hooks
    before = hooks["request"]
    till.account.transport._client_async.event_hooks = hooks | {"request": [*before, release]}
    yield released
    till.account.transport._client_async.event_hooks = hooks
