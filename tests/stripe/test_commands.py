"""`gateway stripe` and `gateway events`, run as operators run them."""

from datetime import UTC, datetime
from typing import Any

from billing import events
from billing.payments import PaymentEvent
from gateway.stripe_client import PORTAL_MARK
from models.database import Database
from tests import gateway_process
from tests.stripe.conftest import Till

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "sk_test_of_the_till"


async def test_stripe_is_set_up_once(till: Till, sandbox_address: str) -> None:
    """An endpoint for exactly the events that matter, a portal that changes no plans."""
    settings: Any = {
        "GATEWAY_STRIPE_SECRET_KEY": KEY,
        "GATEWAY_STRIPE_API_BASE": sandbox_address,
    }
    asked = ("stripe", "setup", "--url", "https://billing.test/")
    known = len((await till.account.v1.webhook_endpoints.list_async()).data)

    first = await gateway_process.run(*asked, **settings)
    again = await gateway_process.run(*asked, **settings)

    assert (first.status, first.errors, again.status) == (0, "", 0)
    assert "GATEWAY_STRIPE_WEBHOOK_SECRET=whsec_" in first.output
    assert "whsec_" not in again.output
    endpoints = (await till.account.v1.webhook_endpoints.list_async()).data
    assert len(endpoints) == known + 1
    [ours] = [each for each in endpoints if each.url == "https://billing.test/webhooks/stripe"]
    assert sorted(ours.enabled_events) == sorted(events.TYPES)
    portals = (await till.account.v1.billing_portal.configurations.list_async()).data
    [portal] = [each for each in portals if each.to_dict()["metadata"] == PORTAL_MARK]
    assert not portal.features.subscription_update.enabled
    await till.account.v1.webhook_endpoints.delete_async(ours.id)


async def test_without_a_key_there_is_nothing_to_set_up() -> None:
    """The line names the setting."""
    ended = await gateway_process.run("stripe", "setup", "--url", "https://billing.test")

    assert (ended.status, ended.output) == (2, "")
    assert "GATEWAY_STRIPE_SECRET_KEY" in ended.errors


async def test_what_failed_is_listed_and_retried(database_url: str) -> None:
    """With its reason; what is done is not shown unless it is asked for."""
    database = Database(database_url)
    async with database.write() as session:
        for number, is_live in ((1, True), (2, False)):
            await events.store(session, _event(number, is_live=is_live), expects_live=False, at=AT)

    shown = await gateway_process.run("events", "list", DATABASE_URL=database_url)
    everything = await gateway_process.run("events", "list", "--all", DATABASE_URL=database_url)
    retried = await gateway_process.run("events", "retry", "evt_2", DATABASE_URL=database_url)
    unknown = await gateway_process.run("events", "retry", "evt_9", DATABASE_URL=database_url)
    await database.close()

    assert (shown.status, shown.errors) == (0, "")
    assert shown.output == (
        "2026-03-01 12:00:00  UNAPPLIED  evt_1  invoice.paid  in_1  attempts 0\n"
        "    It is of the live mode\n"
        "Events: 1.\n"
    )
    assert everything.output.endswith("Events: 2.\n")
    assert (retried.status, retried.output) == (0, "evt_2\nTo be tried again: 1.\n")
    assert (unknown.status, unknown.output) == (1, "To be tried again: 0.\n")
    assert "evt_9" in unknown.errors


def _event(number: int, *, is_live: bool) -> PaymentEvent:
    return PaymentEvent(
        event_id=f"evt_{number}",
        type="invoice.paid",
        object_id=f"in_{number}",
        api_version=None,
        is_live=is_live,
        payload={},
        occurred_at=AT,
    )
