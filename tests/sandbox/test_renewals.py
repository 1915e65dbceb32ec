"""Renewals: a year of them, failed ones, and what the clock does in which order."""

from datetime import UTC, datetime

import pytest
import stripe

from tests.sandbox.shop import AUTHENTICATED_ALWAYS, DECLINED_LATER, PAID, Shop, item_of

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS


async def _starting_at(shop: Shop, moment: datetime) -> int:
    """Freeze the sandbox at a moment, which may be past as long as nothing is due."""
    await shop.control("clock", frozen=True)
    await shop.v1.test_helpers.test_clocks.create_async({"frozen_time": int(moment.timestamp())})
    return int(moment.timestamp())


def _days(moments: list[int]) -> list[str]:
    return [datetime.fromtimestamp(moment, UTC).strftime("%m-%d %H:%M") for moment in moments]


async def test_a_year_of_renewals_from_the_31st_of_january(shop: Shop) -> None:
    """Each is counted from the anchor: short months do not shorten those after them."""
    await _starting_at(shop, datetime(2027, 1, 31, 9, 30, tzinfo=UTC))
    subscription = await shop.subscribed()
    ends = []

    for _ in range(12):
        end = item_of(await shop.subscription(subscription.id)).current_period_end
        ends.append(end)
        await shop.move(end + HOUR_SECONDS)

    assert _days(ends) == [
        *("02-28 09:30", "03-31 09:30", "04-30 09:30", "05-31 09:30", "06-30 09:30"),
        *("07-31 09:30", "08-31 09:30", "09-30 09:30", "10-31 09:30", "11-30 09:30"),
        *("12-31 09:30", "01-31 09:30"),
    ]
    page = await shop.v1.invoices.list_async({"subscription": subscription.id, "limit": 100})
    assert [invoice.billing_reason for invoice in page.data] == [
        *["subscription_cycle"] * 12,
        "subscription_create",
    ]
    assert {invoice.status for invoice in page.data} == {"paid"}
    assert len({invoice.number for invoice in page.data}) == 13


async def test_a_year_of_renewals_in_one_leap_of_the_clock_is_the_same_year(shop: Shop) -> None:
    """Everything due is done in order, each at its own time."""
    start = await _starting_at(shop, datetime(2028, 1, 31, tzinfo=UTC))
    subscription = await shop.subscribed()

    await shop.move(int(datetime(2029, 1, 31, 1, tzinfo=UTC).timestamp()))

    paid = [event for event in await shop.events() if event.type == "invoice.paid"]
    assert _days([event.created for event in paid])[:4] == [
        *("01-31 00:00", "02-29 01:00", "03-31 01:00", "04-30 01:00"),
    ]
    assert len(paid) == 13
    times = [event.created for event in await shop.events() if event.type.startswith("invoice")]
    assert times == sorted(times)
    assert times[0] == start
    assert (await shop.subscription(subscription.id)).status == "active"


async def test_a_renewal_is_drafted_at_the_boundary_and_charged_an_hour_later(
    shop: Shop,
) -> None:
    """The new period begins before it is paid: a renewal that arrives late is normal."""
    subscription = await shop.subscribed()
    end = item_of(subscription).current_period_end

    await shop.move(end)

    renewed = await shop.subscription(subscription.id)
    draft = await shop.v1.invoices.retrieve_async(renewed.latest_invoice)
    assert item_of(renewed).current_period_start == end
    assert (draft.status, draft.billing_reason) == ("draft", "subscription_cycle")
    assert (draft.period_start, draft.period_end) == (item_of(subscription).created, end)
    assert draft.lines.data[0].period.start == end
    assert len(await shop.types("invoice.paid")) == 1

    await shop.move(end + HOUR_SECONDS)

    assert (await shop.v1.invoices.retrieve_async(draft.id)).status == "paid"


async def test_a_test_clock_moves_the_one_time_of_the_sandbox(shop: Shop) -> None:
    """Only ahead, once something is due."""
    subscription = await shop.subscribed()
    end = item_of(subscription).current_period_end
    clocks = shop.v1.test_helpers.test_clocks
    clock = await clocks.create_async({"frozen_time": end - DAY_SECONDS, "name": "a month on"})

    advanced = await clocks.advance_async(clock.id, {"frozen_time": end + HOUR_SECONDS})

    assert (advanced.frozen_time, advanced.status) == (end + HOUR_SECONDS, "ready")
    assert len(await shop.types("invoice.paid")) == 2
    with pytest.raises(stripe.InvalidRequestError, match="must be later"):
        await clocks.advance_async(clock.id, {"frozen_time": end})


@pytest.mark.parametrize(
    ("number", "action"),
    [(DECLINED_LATER, []), (AUTHENTICATED_ALWAYS, ["invoice.payment_action_required"])],
)
async def test_an_unpaid_renewal_makes_the_subscription_past_due(
    shop: Shop, number: str, action: list[str]
) -> None:
    """It is tried again days later, and a good card then puts everything in order."""
    subscription = await shop.subscribed()
    await shop.change_card(str(subscription.customer), number)
    due = item_of(subscription).current_period_end + HOUR_SECONDS

    await shop.move(due)

    late = await shop.subscription(subscription.id)
    invoice = await shop.v1.invoices.retrieve_async(late.latest_invoice)
    assert (late.status, invoice.status, invoice.attempt_count) == ("past_due", "open", 1)
    assert invoice.next_payment_attempt == due + 3 * DAY_SECONDS
    assert await shop.types("invoice.payment_action", "invoice.payment_failed") == [
        *action,
        "invoice.payment_failed",
    ]

    await shop.change_card(str(subscription.customer), PAID)
    await shop.move(due + 3 * DAY_SECONDS)

    assert (await shop.subscription(subscription.id)).status == "active"
    assert (await shop.v1.invoices.retrieve_async(invoice.id)).status == "paid"


async def test_a_subscription_that_is_never_paid_ends(shop: Shop) -> None:
    """After the last attempt, with the reason."""
    subscription = await shop.subscribed()
    await shop.change_card(str(subscription.customer), DECLINED_LATER)

    await shop.move(item_of(subscription).current_period_end + 20 * DAY_SECONDS)

    ended = await shop.subscription(subscription.id)
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "payment_failed"
    assert len(await shop.types("invoice.payment_failed")) == 4
    assert await shop.types("customer.subscription.deleted") == ["customer.subscription.deleted"]


async def test_an_open_invoice_is_paid_by_request_or_on_its_page(shop: Shop) -> None:
    """By request a decline is a card error; the page takes another card."""
    subscription = await shop.subscribed()
    await shop.change_card(str(subscription.customer), DECLINED_LATER)
    await shop.move(item_of(subscription).current_period_end + HOUR_SECONDS)
    late = await shop.subscription(subscription.id)

    with pytest.raises(stripe.CardError) as refusal:
        await shop.v1.invoices.pay_async(late.latest_invoice)

    assert refusal.value.code == "card_declined"
    invoice = await shop.v1.invoices.retrieve_async(late.latest_invoice)
    page = invoice.hosted_invoice_url
    declined = await shop.browser.post(f"{page}/pay", data={"card_number": DECLINED_LATER})
    assert declined.status_code == 402
    await shop.browser.post(f"{page}/pay", data={"card_number": PAID})
    assert "<strong>paid</strong>" in (await shop.browser.get(page)).text
    assert (await shop.subscription(subscription.id)).status == "active"


async def test_an_invoice_payment_tells_which_intent_paid_which_invoice(shop: Shop) -> None:
    """In both directions."""
    subscription = await shop.subscribed()
    payments = shop.v1.invoice_payments

    by_invoice = await payments.list_async({"invoice": subscription.latest_invoice})
    intent = by_invoice.data[0].payment.payment_intent
    by_intent = await payments.list_async(
        {"payment": {"type": "payment_intent", "payment_intent": intent}}
    )

    assert [row.invoice for row in by_intent.data] == [subscription.latest_invoice]
    assert (by_intent.data[0].status, by_intent.data[0].amount_paid) == ("paid", 1000)
    invoice = await shop.v1.invoices.retrieve_async(
        subscription.latest_invoice, {"expand": ["payments.data.payment.payment_intent"]}
    )
    assert invoice.payments.data[0].payment.payment_intent.status == "succeeded"


async def test_what_waits_for_a_customer_is_on_the_next_invoice_once(shop: Shop) -> None:
    """As a line that is of no subscription's item; a price that recurs cannot be added."""
    subscription = await shop.subscribed()
    fee = {"customer": subscription.customer, "amount": 700, "currency": "usd"}
    item = await shop.v1.invoice_items.create_async(fee | {"description": "Onboarding"})
    packs = {"price": shop.prices["pack"]}
    await shop.v1.invoice_items.create_async(
        {"customer": subscription.customer, "pricing": packs, "quantity": 2}
    )
    with pytest.raises(stripe.InvalidRequestError, match="type=recurring"):
        await shop.v1.invoice_items.create_async(
            {"customer": subscription.customer, "pricing": {"price": shop.prices["pro"]}}
        )

    first = item_of(await shop.subscription(subscription.id)).current_period_end
    await shop.move(first + HOUR_SECONDS)
    second = item_of(await shop.subscription(subscription.id)).current_period_end
    await shop.move(second + HOUR_SECONDS)

    page = await shop.v1.invoices.list_async({"subscription": subscription.id, "limit": 2})
    later, renewal = page.data
    assert (renewal.amount_paid, later.amount_paid) == (1000 + 700 + 2 * 500, 1000)
    assert [(line.amount, line.parent.type) for line in renewal.lines.data] == [
        (1000, "subscription_item_details"),
        (700, "invoice_item_details"),
        (1000, "invoice_item_details"),
    ]
    found = await shop.v1.invoice_items.retrieve_async(item.id)
    assert found.invoice == renewal.id
    waiting = await shop.v1.invoice_items.list_async({"pending": True})
    assert waiting.data == []
