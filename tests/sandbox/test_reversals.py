"""Refunds and disputes: money that goes back, and money that comes again."""

import pytest
import stripe

from tests.sandbox.shop import REFUND_FAILS, Shop, item_of

DAY_SECONDS = 24 * 3600


async def _charge(shop: Shop, session: stripe.checkout.Session) -> stripe.Charge:
    page = await shop.v1.charges.list_async({"payment_intent": session.payment_intent})
    charge: stripe.Charge = page.data[0]
    return charge


async def test_a_charge_is_refunded_in_parts_up_to_what_is_left(shop: Shop) -> None:
    """And not a cent more."""
    session = await shop.bought(quantity=2)
    refunds = shop.v1.refunds

    part = await refunds.create_async({"payment_intent": session.payment_intent, "amount": 300})
    assert (part.status, part.amount) == ("succeeded", 300)
    assert (await _charge(shop, session)).refunded is False
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        await refunds.create_async({"payment_intent": session.payment_intent, "amount": 701})
    rest = await refunds.create_async({"payment_intent": session.payment_intent})

    assert rest.amount == 700
    charge = await _charge(shop, session)
    assert (charge.amount_refunded, charge.refunded) == (1000, True)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await refunds.create_async({"payment_intent": session.payment_intent})
    assert refusal.value.code == "charge_already_refunded"
    assert await shop.types("refund", "charge.refund") == [
        *("refund.created", "charge.refunded", "refund.created", "charge.refunded"),
    ]
    page = await refunds.list_async({"payment_intent": session.payment_intent})
    assert [row.id for row in page.data] == [rest.id, part.id]


async def test_a_refund_may_fail_after_it_seemed_to_succeed(shop: Shop) -> None:
    """Its amount can then be refunded again."""
    session = await shop.bought(REFUND_FAILS)
    refund = await shop.v1.refunds.create_async({"payment_intent": session.payment_intent})
    assert refund.status == "succeeded"

    await shop.move(await shop.now() + DAY_SECONDS)

    failed = await shop.v1.refunds.retrieve_async(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert "refund.failed" in await shop.types()
    charge = await _charge(shop, session)
    assert (charge.amount_refunded, charge.refunded) == (0, False)


async def test_a_test_can_fail_a_refund_at_once(shop: Shop) -> None:
    """Once."""
    session = await shop.bought()
    refund = await shop.v1.refunds.create_async({"payment_intent": session.payment_intent})

    await shop.control(f"refunds/{refund.id}/fail")

    assert (await shop.v1.refunds.retrieve_async(refund.id)).status == "failed"
    again = await shop.browser.post(f"/_sandbox/refunds/{refund.id}/fail")
    assert again.status_code == 400
    assert len(await shop.types("refund.failed")) == 1


async def test_a_refund_that_was_pending_succeeds_later(shop: Shop) -> None:
    """As the card that does so says."""
    session = await shop.bought("4000 0000 0000 7726")
    refund = await shop.v1.refunds.create_async({"payment_intent": session.payment_intent})
    assert refund.status == "pending"

    await shop.move(await shop.now() + DAY_SECONDS)

    assert (await shop.v1.refunds.retrieve_async(refund.id)).status == "succeeded"
    assert await shop.types("refund") == ["refund.created", "refund.updated"]


@pytest.mark.parametrize(
    ("verb", "status", "closing"),
    [
        ("lose", "lost", ["charge.dispute.closed"]),
        ("win", "won", ["charge.dispute.funds_reinstated", "charge.dispute.closed"]),
    ],
)
async def test_a_dispute_takes_the_money_until_it_is_won(
    shop: Shop, verb: str, status: str, closing: list[str]
) -> None:
    """What was refunded before is not taken again."""
    session = await shop.bought()
    await shop.v1.refunds.create_async({"payment_intent": session.payment_intent, "amount": 100})

    dispute = await shop.control(f"payments/{session.payment_intent}/dispute")
    await shop.control(f"disputes/{dispute['id']}/{verb}")

    found = await shop.v1.disputes.retrieve_async(dispute["id"])
    assert (found.status, found.amount) == (status, 400)
    assert found.payment_intent == session.payment_intent
    assert await shop.types("charge.dispute") == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        *closing,
    ]
    assert (await _charge(shop, session)).disputed is True
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        await shop.v1.refunds.create_async({"payment_intent": session.payment_intent})


async def test_an_invoice_of_a_subscription_can_be_refunded(shop: Shop) -> None:
    """Which does not end the subscription."""
    subscription = await shop.subscribed()
    page = await shop.v1.invoice_payments.list_async({"invoice": subscription.latest_invoice})
    intent = page.data[0].payment.payment_intent

    refund = await shop.v1.refunds.create_async({"payment_intent": intent})

    assert refund.amount == 1000
    invoice = await shop.v1.invoices.retrieve_async(subscription.latest_invoice)
    assert (invoice.status, invoice.amount_paid) == ("paid", 1000)
    assert (await shop.subscription(subscription.id)).status == "active"


async def test_the_truth_tells_what_was_paid_and_what_was_taken_back(shop: Shop) -> None:
    """To reconcile with: everything paid, by customer."""
    subscription = await shop.subscribed()
    session = await shop.bought(quantity=2)
    await shop.v1.refunds.create_async({"payment_intent": session.payment_intent, "amount": 300})
    await shop.move(item_of(subscription).current_period_end + 3600)

    truth = (await shop.browser.get("/_sandbox/truth")).json()["customers"]

    packs = truth[str(session.customer)]["checkouts"]
    assert [(row["amount"], row["refunded"], row["disputed"]) for row in packs] == [(1000, 300, 0)]
    assert [(row["lookup_key"], row["quantity"]) for row in packs[0]["items"]] == [("pack", 2)]
    plans = truth[str(subscription.customer)]["invoices"]
    assert [(row["billing_reason"], row["amount"]) for row in plans] == [
        ("subscription_create", 1000),
        ("subscription_cycle", 1000),
    ]
    assert plans[0]["metadata"] == {"workspace_id": "w1"}
    assert [row["status"] for row in truth[str(subscription.customer)]["subscriptions"]] == [
        "active"
    ]
