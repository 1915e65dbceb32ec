"""The receiver: what is believed, what is stored, what is answered."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Message, Receive

from gateway import stripe_transport, webhooks
from gateway.webhooks import TOLERANCE_SECONDS, Receiver
from models.database import Database
from models.stripe import StripeEvent

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD, NEW = "whsec_old", "whsec_new"
LIMIT_BYTES = 4_096
TIMEOUT_SECONDS = 0.2


class _Clock:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Return the time of the test."""
        return NOW

    def real(self) -> datetime:
        """Return the time of the test."""
        return NOW


@dataclass
class Hook:
    """The receiver as Stripe reaches it, and how often it has told that an event came."""

    client: httpx.AsyncClient
    database: Database
    receiver: Receiver
    told: list[None] = field(default_factory=list)

    async def send(self, body: bytes, *signatures: str) -> int:
        """Send a body with these signature headers; return the status of the answer."""
        headers = [("Stripe-Signature", signature) for signature in signatures]
        answer = await self.client.post(webhooks.PATH, content=body, headers=headers)
        return answer.status_code

    async def stored(self) -> list[Any]:
        """Return the rows of the inbox."""
        async with self.database.snapshot() as snapshot:
            return [*await snapshot.all(select(StripeEvent.__table__))]


@pytest.fixture
async def hook(database_url: str) -> AsyncIterator[Hook]:
    """Yield a receiver that two secrets may have signed for, in test mode."""
    database = Database(database_url)
    told: list[None] = []
    receiver = Receiver(
        database,
        secrets=[NEW, OLD],
        expects_live=False,
        limit_bytes=LIMIT_BYTES,
        timeout_seconds=TIMEOUT_SECONDS,
        clock=_Clock(),
        received=lambda: told.append(None),
    )
    app = Starlette(routes=[Route(webhooks.PATH, receiver.receive, methods=["POST"])])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        yield Hook(client, database, receiver, told)
    await database.close()


def _sent(body: AsyncIterator[bytes]) -> Receive:
    """Return what a server gives an application of a body that comes in parts."""

    async def receive() -> Message:
        return {"type": "http.request", "body": await anext(body), "more_body": True}

    return receive


def event(**values: Any) -> bytes:
    """Return an event of a paid invoice, as Stripe writes it."""
    return json.dumps(
        {
            "id": "evt_1",
            "object": "event",
            "type": "invoice.paid",
            "api_version": stripe_transport.API_VERSION,
            "livemode": False,
            "created": int(NOW.timestamp()),
            "data": {"object": {"id": "in_1", "object": "invoice"}},
        }
        | values,
        indent=2,
    ).encode()


def signed(body: bytes, *, secret: str = NEW, age_seconds: int = 0) -> str:
    """Return the signature of a body, made so many seconds ago."""
    at = int(NOW.timestamp()) - age_seconds
    return f"t={at},v1={digest(body, secret=secret, at=at)}"


def digest(body: bytes, *, secret: str, at: int) -> str:
    """Return the signature itself."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


async def test_an_event_that_is_held_back_is_not_waited_for(hook: Hook) -> None:
    """408: Stripe sends it again, and nobody keeps a connection for ever."""
    ended = asyncio.Event()

    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await ended.wait()

    request = Request({"type": "http", "method": "POST", "headers": []}, _sent(never()))
    answer = await hook.receiver.receive(request)

    assert answer.status_code == 408
    assert await hook.stored() == []


async def test_a_signed_event_is_stored_and_told(hook: Hook) -> None:
    """Waiting, with the object that it is about."""
    body = event()

    assert await hook.send(body, signed(body)) == 200

    [row] = await hook.stored()
    assert (row.id, row.type, row.object_id) == ("evt_1", "invoice.paid", "in_1")
    assert (row.status, row.attempts, row.received_at) == ("PENDING", 0, NOW)
    assert row.payload == json.loads(body)
    assert len(hook.told) == 1


async def test_an_event_that_comes_twice_is_stored_once(hook: Hook) -> None:
    """Both are answered well: Stripe need not send it again."""
    body = event()

    assert await hook.send(body, signed(body)) == 200
    assert await hook.send(body, signed(body)) == 200

    assert len(await hook.stored()) == 1


@pytest.mark.parametrize("secret", [OLD, NEW])
async def test_either_secret_may_have_signed_while_one_replaces_the_other(
    hook: Hook, secret: str
) -> None:
    """No event is lost by a rotation."""
    body = event()

    assert await hook.send(body, signed(body, secret=secret)) == 200


async def test_one_of_several_signatures_is_enough(hook: Hook) -> None:
    """While Stripe rolls a secret it signs with both, and with schemes of other days."""
    body, at = event(), int(NOW.timestamp())
    right = digest(body, secret=NEW, at=at)

    assert await hook.send(body, f"t={at},v0={'0' * 64},v1={'0' * 64},v1={right}") == 200


@pytest.mark.parametrize("age_seconds", [-TOLERANCE_SECONDS, TOLERANCE_SECONDS])
async def test_a_signature_of_about_now_is_believed(hook: Hook, age_seconds: int) -> None:
    """Up to the tolerance, before and after."""
    body = event()

    assert await hook.send(body, signed(body, age_seconds=age_seconds)) == 200


@pytest.mark.parametrize(
    "age_seconds",
    [-TOLERANCE_SECONDS - 1, TOLERANCE_SECONDS + 1, 10**8, -(10**8), -(10**11)],
)
async def test_a_signature_of_another_time_is_refused(hook: Hook, age_seconds: int) -> None:
    """Of the past, which may be replayed, and of the future, which was made for later."""
    body = event()

    assert await hook.send(body, signed(body, age_seconds=age_seconds)) == 400

    assert await hook.stored() == []
    assert hook.told == []


async def test_a_body_that_was_encoded_anew_is_refused(hook: Hook) -> None:
    """It says the same, and is not what was signed."""
    body = event()

    assert await hook.send(json.dumps(json.loads(body)).encode(), signed(body)) == 400

    assert await hook.stored() == []


def _forged() -> dict[str, list[str]]:
    body, at = event(), int(NOW.timestamp())
    right = digest(body, secret=NEW, at=at)
    return {
        "none": [],
        "empty": [""],
        "of another secret": [signed(body, secret="whsec_other")],
        "of an empty secret": [signed(body, secret="")],
        "without a time": [f"v1={right}"],
        "with two times": [f"t={at},t={at},v1={right}"],
        "with a time that is no number": [f"t=now,v1={right}"],
        "with an endless time": [f"t={'9' * 400},v1={right}"],
        "of another scheme": [f"t={at},v0={right}"],
        "of no scheme": [f"t={at}"],
        "cut short": [f"t={at},v1={right[:-1]}"],
        "in two headers": [signed(body), signed(body)],
        "too long": [f"t={at},v1={right}," + "v1=0," * 2_000],
        "not ASCII": [f"t={at},v1=é{right}"],
    }


@pytest.mark.parametrize("signatures", _forged().values(), ids=_forged().keys())
async def test_a_signature_that_is_not_stripes_is_refused(
    hook: Hook, signatures: list[str]
) -> None:
    """Nothing is stored, nobody is told."""
    headers = [(b"Stripe-Signature", signature.encode()) for signature in signatures]
    answer = await hook.client.post(webhooks.PATH, content=event(), headers=headers)

    assert answer.status_code == 400
    assert await hook.stored() == []
    assert hook.told == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"evt"',
        b"{}",
        b"{",
        b"\xff",
        b'{"id": "evt_1", "type": "invoice.paid", "data": null}',
        event(created="yesterday"),
        event(data={"object": None}),
    ],
)
async def test_a_signed_body_that_is_no_event_is_refused(hook: Hook, body: bytes) -> None:
    """A line, not a failure."""
    assert await hook.send(body, signed(body)) == 400

    assert await hook.stored() == []


async def test_a_body_beyond_the_limit_is_not_read_to_its_end(hook: Hook) -> None:
    """At the limit it is."""
    padding = LIMIT_BYTES - len(event(padding=""))
    at_limit, beyond = event(padding="x" * padding), event(padding="x" * (padding + 1))

    assert await hook.send(beyond, signed(beyond)) == 413
    assert await hook.stored() == []
    assert await hook.send(at_limit, signed(at_limit)) == 200


async def test_an_event_of_the_other_mode_is_kept_and_never_applied(hook: Hook) -> None:
    """Real money does not move test credits, nor the other way round."""
    body = event(livemode=True)

    assert await hook.send(body, signed(body)) == 200

    [row] = await hook.stored()
    assert (row.status, row.last_error) == ("UNAPPLIED", "It is of the live mode")


async def test_an_event_of_an_unknown_type_is_kept_and_never_applied(hook: Hook) -> None:
    """It is not fatal, and nothing that needs an eye."""
    body = event(type="climate.order.created")

    assert await hook.send(body, signed(body)) == 200

    [row] = await hook.stored()
    assert (row.status, row.last_error) == ("UNAPPLIED", None)


async def test_an_event_of_another_api_version_is_applied(hook: Hook) -> None:
    """Its object is fetched in our version: it is logged, not refused."""
    body = event(api_version="2019-02-19")

    assert await hook.send(body, signed(body)) == 200

    [row] = await hook.stored()
    assert (row.status, row.api_version) == ("PENDING", "2019-02-19")


async def test_what_the_database_cannot_hold_does_not_lose_an_event(hook: Hook) -> None:
    """A NUL in somebody's name."""
    body = event(request={"name": "A\0da"})

    assert await hook.send(body, signed(body)) == 200

    [row] = await hook.stored()
    assert row.payload["request"] == {"name": "Ada"}


@pytest.mark.parametrize(
    ("thing", "object_id"),
    [
        ({"id": "re_1", "object": "refund", "payment_intent": "pi_1"}, "pi_1"),
        ({"id": "du_1", "object": "dispute", "payment_intent": "pi_1"}, "pi_1"),
        ({"id": "re_1", "object": "refund", "payment_intent": None}, "re_1"),
        ({"id": "s_1", "object": "subscription_schedule", "subscription": "sub_1"}, "sub_1"),
        (
            {
                "id": "s_1",
                "object": "subscription_schedule",
                "subscription": None,
                "released_subscription": "sub_1",
            },
            "sub_1",
        ),
    ],
)
async def test_an_event_is_filed_under_what_it_is_judged_by(
    hook: Hook, thing: dict[str, Any], object_id: str
) -> None:
    """A refund by its payment, a schedule by its subscription."""
    body = event(data={"object": thing})

    await hook.send(body, signed(body))

    [row] = await hook.stored()
    assert row.object_id == object_id
