"""Webhooks: signed, repeated until accepted, and as chaotic as one asks for."""

import asyncio
import sys
import time

import httpx
import pytest
import stripe

from tests.sandbox import server
from tests.sandbox.receiver import SECRET, Receiver
from tests.sandbox.shop import Shop


async def test_each_event_arrives_once_and_signed(shop: Shop, receiver: Receiver) -> None:
    """The receiver verifies each signature with stripe-python; the time in it is the real one."""
    await shop.bought()

    counts = (await shop.control("idle"))["counts"]

    happened = [event.id for event in await shop.events() if event.created]
    arrived = [event.id for event in receiver.events]
    assert sorted(arrived) == sorted(happened[-len(arrived) :])
    assert counts["delivered"] == len(happened)
    assert receiver.events[0].api_version == stripe.api_version


async def test_signatures_keep_the_real_time_when_the_clock_is_moved(
    shop: Shop, receiver: Receiver
) -> None:
    """A receiver that refuses old signatures would take none otherwise."""
    await shop.move(await shop.now() + 40 * 24 * 3600)

    await shop.customer()
    await shop.control("idle")

    event = receiver.events[-1]
    assert event.type == "customer.created"
    assert event.created > time.time() + 39 * 24 * 3600


async def test_a_refused_event_comes_again(shop: Shop, receiver: Receiver) -> None:
    """Until it is accepted; nothing is lost."""
    receiver.refusals = 2

    customer = await shop.customer()
    counts = (await shop.control("idle"))["counts"]

    assert [event.data.object["id"] for event in receiver.events] == [customer.id]
    assert counts["refused"] == 2
    assert (await shop.events())[-1].pending_webhooks == 0


async def test_an_event_that_is_never_accepted_is_given_up_and_can_be_listed(
    shop: Shop, receiver: Receiver
) -> None:
    """Whoever asks for what did not arrive finds it."""
    receiver.refusals = 4

    customer = await shop.customer()
    counts = (await shop.control("idle"))["counts"]

    assert receiver.events == []
    assert (counts["refused"], counts["failed"]) == (4, 1)
    page = await shop.v1.events.list_async({"delivery_success": False})
    assert [event.data.object["id"] for event in page.data] == [customer.id]


async def test_every_event_can_be_delivered_twice_or_not_at_all(
    shop: Shop, receiver: Receiver
) -> None:
    """What is dropped is still in the list of events."""
    await shop.control("webhooks", duplicate=1.0)
    await shop.customer()
    await shop.control("idle")
    assert receiver.types() == ["customer.created", "customer.created"]
    assert len({event.id for event in receiver.events}) == 1

    await shop.control("webhooks", drop=1.0)
    await shop.customer()
    await shop.control("idle")

    assert len(receiver.events) == 2
    assert len(await shop.types("customer.created")) == 2


async def test_held_events_arrive_when_they_are_let_go(shop: Shop, receiver: Receiver) -> None:
    """In another order, if so told."""
    await shop.control("webhooks", hold=True, shuffle=True, parallel=1)
    for _ in range(20):
        await shop.customer()
    assert (await shop.control("idle"))["held"] == 20
    assert receiver.events == []

    released = await shop.control("webhooks/flush")
    await shop.control("idle")

    assert released == {"released": 20}
    order = [event.id for event in receiver.events]
    happened = [event.id for event in await shop.events()][-20:]
    assert sorted(order) == sorted(happened)
    assert order != happened


async def test_an_endpoint_gets_only_what_it_asked_for(shop: Shop, receiver: Receiver) -> None:
    """Its secret is told once."""
    endpoints = shop.v1.webhook_endpoints
    made = await endpoints.create_async(
        {"url": "http://127.0.0.1:1/", "enabled_events": ["invoice.paid"]}
    )
    assert made.secret.startswith("whsec_")

    changed = await endpoints.update_async(made.id, {"enabled_events": ["refund.created"]})
    listed = (await endpoints.list_async()).data
    await shop.customer()
    counts = (await shop.control("idle"))["counts"]
    await endpoints.delete_async(made.id)

    assert changed.enabled_events == ["refund.created"]
    assert [getattr(endpoint, "secret", None) for endpoint in listed] == [None, None]
    assert "refused" not in counts
    assert receiver.types() == ["customer.created"]


async def test_events_are_listed_by_type_and_time(shop: Shop) -> None:
    """Newest first."""
    session = await shop.bought()
    since = session.created
    listing = shop.v1.events.list_async

    page = await listing({"types": ["checkout.session.completed", "charge.succeeded"]})
    assert [event.type for event in page.data] == [
        "checkout.session.completed",
        "charge.succeeded",
    ]
    later = await listing({"created": {"gte": since + 60}})
    assert later.data == []
    event = await shop.v1.events.retrieve_async(page.data[0].id)
    assert event.data.object["id"] == session.id


async def test_an_event_says_what_changed_and_who_asked(shop: Shop) -> None:
    """`previous_attributes` has the old values of what is new."""
    customer = await shop.customer()

    await shop.v1.customers.update_async(
        customer.id, {"name": "Ada"}, {"idempotency_key": "rename"}
    )

    event = (await shop.events())[-1]
    assert event.type == "customer.updated"
    assert event.data.previous_attributes is not None
    assert event.data.previous_attributes.to_dict() == {"name": None}
    assert event.request is not None
    assert event.request.idempotency_key == "rename"


async def test_the_state_survives_a_restart(tmp_path: object, receiver: Receiver) -> None:
    """With `--data`: objects, what is due, keys and endpoints; the clock file tells the offset."""
    state, offset = f"{tmp_path}/state.json", f"{tmp_path}/offset"
    options = ("--data", state, "--clock-file", offset, "--webhook-url", receiver.address)
    key = {"Authorization": "Bearer sk_test_x", "Idempotency-Key": "k1"}
    serving = ("--webhook-secret", SECRET)
    async with server.serving(*options, *serving) as at, httpx.AsyncClient(base_url=at) as client:
        first = (await client.post("/v1/customers", data={"name": "A"}, headers=key)).json()
        await client.post("/_sandbox/clock", json={"seconds": 5000})
        await client.post("/_sandbox/idle")

    async with server.serving(*options, *serving) as at, httpx.AsyncClient(base_url=at) as client:
        again = await client.post("/v1/customers", data={"name": "A"}, headers=key)
        clock = (await client.get("/_sandbox/clock")).json()
        await client.post("/_sandbox/idle")
    assert again.json() == first
    assert again.headers["idempotent-replayed"] == "true"
    assert clock["offset_seconds"] == 5000


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])  # noqa: S104 - refused
async def test_the_sandbox_binds_to_loopback_only(host: str) -> None:
    """Anything else is refused before it listens."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "--port", "0", "--host", host),
        stderr=asyncio.subprocess.PIPE,
    )

    _, complaint = await process.communicate()

    assert process.returncode == 2
    assert b"the sandbox binds to loopback only" in complaint


async def test_the_same_seed_and_history_have_the_same_ids_and_the_same_chaos(
    shop: Shop, receiver: Receiver
) -> None:
    """So that a failure can be repeated."""
    runs = []
    for _ in range(2):
        await shop.control("reset")
        receiver.events.clear()
        await shop.control("webhooks", drop=0.3, duplicate=0.3, parallel=1)
        made = [(await shop.customer()).id for _ in range(12)]
        counts = (await shop.control("idle"))["counts"]
        runs.append((made, counts, sorted(event.id for event in receiver.events)))

    assert runs[0] == runs[1]
    assert {"dropped", "duplicated", "delivered"} <= set(runs[0][1])
