"""How a subscription ends, by request or in the portal, and how that is undone."""

from typing import Any

import pytest
import stripe

from tests.sandbox.shop import (
    AUTHENTICATED_ALWAYS,
    DECLINED,
    DECLINED_LATER,
    Shop,
    actions,
    item_of,
    links,
)

RETURN_URL = "http://shop.test/billing"


async def _portal(shop: Shop, customer: str, **features: Any) -> str:
    """Open the portal for a customer and return its address."""
    enabled = {
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "subscription_update": {"enabled": False},
    }
    configuration = await shop.v1.billing_portal.configurations.create_async(
        {"features": enabled | features}
    )
    session = await shop.v1.billing_portal.sessions.create_async(
        {"customer": customer, "configuration": configuration.id, "return_url": RETURN_URL}
    )
    return str(session.url)


async def test_a_cancelled_subscription_lives_to_the_end_of_its_period(shop: Shop) -> None:
    """Then it is deleted, and nothing more is charged."""
    subscription = await shop.subscribed()
    end = item_of(subscription).current_period_end

    cancelled = await shop.v1.subscriptions.update_async(
        subscription.id, {"cancel_at_period_end": True}
    )
    assert (cancelled.status, cancelled.cancel_at) == ("active", end)
    assert cancelled.cancellation_details.reason == "cancellation_requested"
    await shop.move(end + 3600)

    ended = await shop.subscription(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", end)
    assert (await shop.types("customer.subscription"))[-1] == "customer.subscription.deleted"
    assert len(await shop.types("invoice.created")) == 1


async def test_a_cancellation_can_be_undone(shop: Shop) -> None:
    """The subscription renews as if nothing had been."""
    subscription = await shop.subscribed()
    update = shop.v1.subscriptions.update_async
    await update(subscription.id, {"cancel_at_period_end": True})

    kept = await update(subscription.id, {"cancel_at_period_end": False})

    assert (kept.cancel_at, kept.canceled_at, kept.cancel_at_period_end) == (None, None, False)
    await shop.move(item_of(subscription).current_period_end + 3600)
    assert (await shop.subscription(subscription.id)).status == "active"
    assert len(await shop.types("invoice.paid")) == 2


async def test_a_subscription_ends_at_once_by_request(shop: Shop) -> None:
    """Once: afterwards only its metadata can change."""
    subscription = await shop.subscribed()
    subscriptions = shop.v1.subscriptions

    ended = await subscriptions.cancel_async(subscription.id)

    assert ended.status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        await subscriptions.cancel_async(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="A canceled subscription"):
        await subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    noted = await subscriptions.update_async(subscription.id, {"metadata": {"seen": "yes"}})
    assert noted.metadata.seen == "yes"
    assert (await subscriptions.list_async()).data == []
    assert len((await subscriptions.list_async({"status": "all"})).data) == 1


async def test_the_portal_cancels_with_a_date_and_not_with_a_flag(shop: Shop) -> None:
    """As Stripe's does: who undoes it must unset `cancel_at`."""
    subscription = await shop.subscribed()
    page = await _portal(shop, str(subscription.customer))

    shown = (await shop.browser.get(page)).text
    await shop.browser.post(f"{page}/subscriptions/{subscription.id}/cancel")

    assert f"/subscriptions/{subscription.id}/cancel" in " ".join(actions(shown))
    cancelled = await shop.subscription(subscription.id)
    assert cancelled.cancel_at == item_of(subscription).current_period_end
    assert cancelled.cancel_at_period_end is False
    kept = await shop.v1.subscriptions.update_async(subscription.id, {"cancel_at": ""})
    assert kept.cancel_at is None


async def test_the_portal_resumes_what_it_has_cancelled(shop: Shop) -> None:
    """The page then offers to cancel again."""
    subscription = await shop.subscribed()
    page = await _portal(shop, str(subscription.customer))
    await shop.browser.post(f"{page}/subscriptions/{subscription.id}/cancel")

    await shop.browser.post(f"{page}/subscriptions/{subscription.id}/resume")

    assert (await shop.subscription(subscription.id)).cancel_at is None
    assert "Cancel subscription" in (await shop.browser.get(page)).text


async def test_the_portal_shows_invoices_and_the_way_back(shop: Shop) -> None:
    """And no change of plan, as long as that is turned off."""
    subscription = await shop.subscribed()
    invoice = await shop.v1.invoices.retrieve_async(subscription.latest_invoice)

    page = await shop.browser.get(await _portal(shop, str(subscription.customer)))

    assert links(page.text) == [invoice.hosted_invoice_url, RETURN_URL]
    assert "Update plan" not in page.text
    assert invoice.number in page.text


async def test_the_portal_changes_the_plan_where_that_is_turned_on(shop: Shop) -> None:
    """To the prices that the configuration lists, and to no other."""
    subscription = await shop.subscribed()
    price = await shop.v1.prices.retrieve_async(shop.prices["pro"])
    page = await _portal(
        shop,
        str(subscription.customer),
        subscription_update={
            "enabled": True,
            "default_allowed_updates": ["price"],
            "products": [{"product": price.product, "prices": [price.id]}],
            "proration_behavior": "always_invoice",
        },
    )
    form = f"{page}/subscriptions/{subscription.id}/plan"

    refused = await shop.browser.post(form, data={"price": shop.prices["pro_yearly"]})
    await shop.browser.post(form, data={"price": price.id})

    assert refused.status_code == 409
    assert item_of(await shop.subscription(subscription.id)).price.id == price.id


async def test_the_portal_takes_another_card(shop: Shop) -> None:
    """It refuses one that is declined at once, and asks the bank where the card wants that."""
    subscription = await shop.subscribed()
    page = await _portal(shop, str(subscription.customer))

    declined = await shop.browser.post(f"{page}/card", data={"card_number": DECLINED})
    asked = await shop.browser.post(f"{page}/card", data={"card_number": AUTHENTICATED_ALWAYS})
    unchanged = (await shop.subscription(subscription.id)).default_payment_method
    await shop.answer_bank(asked.headers["location"], "complete")

    assert declined.status_code == 402
    assert unchanged == subscription.default_payment_method
    changed = (await shop.subscription(subscription.id)).default_payment_method
    method = await shop.v1.payment_methods.retrieve_async(changed)
    assert method.card.last4 == AUTHENTICATED_ALWAYS[-4:]


async def test_a_portal_without_a_configuration_cannot_be_opened(shop: Shop) -> None:
    """Stripe wants its settings saved first."""
    customer = await shop.customer()

    with pytest.raises(stripe.InvalidRequestError, match="customer portal"):
        await shop.v1.billing_portal.sessions.create_async({"customer": customer.id})


async def test_a_stranger_cannot_act_on_a_subscription_in_the_portal(shop: Shop) -> None:
    """A session is one customer's."""
    subscription = await shop.subscribed()
    stranger = await shop.customer()
    page = await _portal(shop, stranger.id)

    answer = await shop.browser.post(f"{page}/subscriptions/{subscription.id}/cancel")

    assert answer.status_code == 404
    assert (await shop.subscription(subscription.id)).cancel_at is None


async def test_a_saved_card_that_declines_ends_nothing_by_itself(shop: Shop) -> None:
    """Only the next charge fails."""
    subscription = await shop.subscribed()

    await shop.change_card(str(subscription.customer), DECLINED_LATER)

    assert (await shop.subscription(subscription.id)).status == "active"
