"""Checkout: what a customer can do on its page, and what becomes of the session."""

import httpx
import pytest
import stripe

from tests.sandbox.shop import (
    AUTHENTICATED_ONCE,
    BANK_FAILS,
    BANK_PAYS,
    CANCEL_URL,
    DECLINED,
    PAID,
    Shop,
    links,
)

SETTLED_SECONDS = 4 * 24 * 3600


async def test_a_paid_checkout_completes_once_and_leads_to_the_success_url(shop: Shop) -> None:
    """The session tells what was bought; a second click pays nothing."""
    session = await shop.checkout(await shop.customer(), "pack", quantity=3)

    answer = await shop.pay(session, PAID)
    again = await shop.pay(session, PAID)

    assert answer.headers["location"] == f"http://shop.test/done?session={session.id}"
    assert again.status_code == 409
    paid = await shop.session(session.id)
    assert (paid.status, paid.payment_status, paid.amount_total) == ("complete", "paid", 1500)
    assert paid.line_items is not None
    assert [row.quantity for row in paid.line_items.data] == [3]
    assert await shop.types("checkout", "payment_intent", "charge") == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


async def test_the_payment_intent_of_a_checkout_carries_its_metadata(shop: Shop) -> None:
    """So that an event about it tells whose it is."""
    session = await shop.bought()

    intent = await shop.v1.payment_intents.retrieve_async(session.payment_intent)

    assert intent.metadata.to_dict() == {"workspace_id": "w1"}
    assert (intent.status, intent.amount_received) == ("succeeded", 500)


async def test_a_declined_card_leaves_the_checkout_open(shop: Shop) -> None:
    """The page says why, and another card pays the same session."""
    session = await shop.checkout(await shop.customer(), "pack")

    answer = await shop.pay(session, DECLINED)

    assert answer.status_code == 402
    assert '<p role="alert">Your card was declined.</p>' in answer.text
    assert (await shop.session(session.id)).status == "open"
    assert "checkout.session.completed" not in await shop.types()

    assert (await shop.pay(session, PAID)).status_code == 303
    assert (await shop.session(session.id)).payment_status == "paid"
    assert len(await shop.types("payment_intent.created")) == 1


@pytest.mark.parametrize("price", ["pack", "starter"])
async def test_authentication_completes_a_checkout(shop: Shop, price: str) -> None:
    """Nothing is sold before the customer has answered the bank."""
    session = await shop.checkout(await shop.customer(), price)
    asked = await shop.pay(session, AUTHENTICATED_ONCE)
    page = asked.headers["location"]
    assert (await shop.session(session.id)).status == "open"

    shown = await shop.browser.get(page)
    answer = await shop.answer_bank(page, "complete")

    assert "Complete authentication" in shown.text
    assert "Fail authentication" in shown.text
    assert answer.headers["location"] == f"http://shop.test/done?session={session.id}"
    assert (await shop.session(session.id)).payment_status == "paid"


@pytest.mark.parametrize("price", ["pack", "starter"])
async def test_failed_authentication_leaves_the_checkout_open(shop: Shop, price: str) -> None:
    """No subscription begins, and nothing is charged."""
    session = await shop.checkout(await shop.customer(), price)
    asked = await shop.pay(session, AUTHENTICATED_ONCE)

    answer = await shop.answer_bank(asked.headers["location"], "fail")

    assert answer.status_code == 402
    assert "unable to authenticate" in answer.text
    assert (await shop.session(session.id)).status == "open"
    assert await shop.types("customer.subscription", "charge.succeeded") == []


@pytest.mark.parametrize(
    ("number", "outcome", "payment_status"),
    [(BANK_PAYS, "succeeded", "paid"), (BANK_FAILS, "failed", "unpaid")],
)
async def test_a_bank_debit_is_settled_days_later(
    shop: Shop, number: str, outcome: str, payment_status: str
) -> None:
    """The session completes unpaid; the bank decides four days later."""
    session = await shop.bought(number)
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    assert "checkout.session.completed" in await shop.types()

    await shop.move(await shop.now() + SETTLED_SECONDS)

    assert (await shop.session(session.id)).payment_status == payment_status
    assert (await shop.types("checkout"))[-1] == f"checkout.session.async_payment_{outcome}"


async def test_a_test_can_settle_a_bank_debit_at_once(shop: Shop) -> None:
    """By its session; and only while it is processing."""
    session = await shop.bought(BANK_PAYS)

    await shop.control(f"payments/{session.id}/fail")

    assert (await shop.types("checkout"))[-1] == "checkout.session.async_payment_failed"
    again = await shop.browser.post(f"/_sandbox/payments/{session.id}/succeed")
    assert again.status_code == 400


async def test_a_subscription_by_bank_debit_is_active_before_it_is_paid(shop: Shop) -> None:
    """Its invoice stays open until the bank has paid."""
    subscription = await shop.subscribed(number=BANK_PAYS)
    assert subscription.status == "active"
    assert await shop.types("invoice.paid") == []

    await shop.move(await shop.now() + SETTLED_SECONDS)

    assert await shop.types("invoice.paid", "checkout.session.async") == [
        "invoice.paid",
        "checkout.session.async_payment_succeeded",
    ]


async def test_a_subscription_begins_with_its_first_invoice(shop: Shop) -> None:
    """The period is on the item, the subscription on the invoice's parent."""
    subscription = await shop.subscribed()

    item = subscription["items"].data[0]
    invoice = await shop.v1.invoices.retrieve_async(subscription.latest_invoice)

    assert subscription.status == "active"
    assert subscription.metadata.to_dict() == {"workspace_id": "w1"}
    assert (invoice.billing_reason, invoice.status) == ("subscription_create", "paid")
    details = invoice.parent.subscription_details
    assert details.subscription == subscription.id
    assert details.metadata.to_dict() == {"workspace_id": "w1"}
    line = invoice.lines.data[0]
    assert line.pricing.price_details.price == shop.prices["starter"]
    assert (line.period.start, line.period.end) == (
        item.current_period_start,
        item.current_period_end,
    )


async def test_a_session_nobody_pays_expires_after_a_day(shop: Shop) -> None:
    """Its page then sells nothing."""
    session = await shop.checkout(await shop.customer(), "pack")
    url = str(session.url)

    await shop.move(session.expires_at)

    assert (await shop.session(session.id)).status == "expired"
    assert await shop.types("checkout") == ["checkout.session.expired"]
    page = await shop.browser.get(url)
    assert "This page has expired." in page.text
    assert "<form" not in page.text


async def test_an_expired_session_cannot_be_paid_or_expired_again(shop: Shop) -> None:
    """A stale page of it neither."""
    session = await shop.checkout(await shop.customer(), "starter")

    await shop.v1.checkout.sessions.expire_async(session.id)

    assert (await shop.pay(session, PAID)).status_code == 409
    assert await shop.types("customer.subscription") == []
    with pytest.raises(stripe.InvalidRequestError, match="Only Checkout Sessions"):
        await shop.v1.checkout.sessions.expire_async(session.id)


async def test_the_page_has_labels_a_way_back_and_no_script(shop: Shop) -> None:
    """A person without a mouse, or a program without a browser, can pay."""
    session = await shop.checkout(await shop.customer(), "starter")

    page = (await shop.browser.get(str(session.url))).text

    assert CANCEL_URL in links(page)
    assert "<label>Card number" in page
    assert "Subscribe for $10.00" in page
    assert "<script" not in page


async def test_an_unknown_number_is_refused_without_a_payment(shop: Shop) -> None:
    """Only the documented test numbers mean something."""
    session = await shop.checkout(await shop.customer(), "pack")

    answer: httpx.Response = await shop.pay(session, "1234 5678 9012 3456")

    assert answer.status_code == 422
    assert await shop.types("payment_intent") == []
