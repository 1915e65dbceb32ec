"""Following what changes over the wire: two gateways on one database, over both transports."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from billing.access import Viewer
from gateway import auth
from gateway.settings import Settings
from models.base import new_id
from tests import gateway_process, postgres
from tests.gateway_process import SECRET, Served
from tests.resolvers.mutating import ADJUST_CREDITS, REGISTRAR, TREASURER, UPSERT_WORKSPACE
from tests.resolvers.world import MEMBER, OWNER, World, workspace_id

FOLLOW = "subscription($id: ID!) { creditBalanceChanged(workspaceId: $id) { remaining } }"
END = "end"
"""What a stream tells last when nothing has told its end."""


@dataclass
class Stream:
    """A stream of events as its client reads it."""

    lines: AsyncIterator[str]

    async def next(self) -> Any:
        """Return the next event: what was remaining, the code of an error, or how it ended."""
        event = None
        async with asyncio.timeout(30):
            async for line in self.lines:
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data" and event == "next":
                    return _told(json.loads(value))
                elif name == "data":
                    return event
        return END


@dataclass
class Socket:
    """A subscription over WebSocket as its client reads it."""

    websocket: ClientConnection

    async def next(self) -> Any:
        """Return the next message: as of a stream, or the code of the closing."""
        try:
            async with asyncio.timeout(30):
                message = json.loads(await self.websocket.recv())
        except ConnectionClosed as closed:
            return closed.rcvd and closed.rcvd.code
        if message["type"] == "next":
            return _told(message["payload"])
        if message["type"] == "error":
            return message["payload"][0]["extensions"]["code"]
        return message["type"]


@pytest.fixture(scope="module")
async def gateways(postgres_url: str, world_url: str) -> AsyncIterator[tuple[Served, Served]]:
    """Yield two gateways on one database."""
    databases = postgres.database(postgres_url, template_url=world_url)
    async with databases as url, serve(url) as one, serve(url) as other:
        yield one, other


@asynccontextmanager
async def serve(url: str, *arguments: str) -> AsyncIterator[Served]:
    """Run a gateway whose tokens end when they say so."""
    serving = gateway_process.serve(
        *arguments,
        DATABASE_URL=url,
        GATEWAY_AUTH_CLOCK_SKEW_SECONDS="0",
        GATEWAY_SUBSCRIPTION_INTERVAL_SECONDS="0",
    )
    async with serving as served:
        yield served


@pytest.mark.parametrize("kind", ["stream", "socket"])
async def test_what_one_gateway_writes_another_one_tells(
    gateways: tuple[Served, Served], kind: str
) -> None:
    """And the one that writes tells it, too."""
    one, other = gateways
    follow = follow_stream if kind == "stream" else follow_socket
    async with follow(one) as here, follow(other) as there:
        before = await here.next()
        assert await there.next() == before
        for total in (5, 10, 15):
            await adjust(other, 5)
            assert await here.next() == before + total
            assert await there.next() == before + total


@pytest.mark.parametrize("kind", ["stream", "socket"])
async def test_a_token_that_expires_ends_what_it_began(
    gateways: tuple[Served, Served], kind: str
) -> None:
    """With the code of a request that comes with it; what came before was told."""
    follow = follow_stream if kind == "stream" else follow_socket
    async with follow(gateways[0], lifetime=timedelta(seconds=3)) as told:
        value = await told.next()
        assert isinstance(value, int)
        while isinstance(value, int):
            await adjust(gateways[1], 1)
            value = await told.next()

    assert value == "UNAUTHENTICATED"


@pytest.mark.parametrize("kind", ["stream", "socket"])
async def test_who_is_removed_is_told_and_sent_no_value(
    gateways: tuple[Served, Served], kind: str
) -> None:
    """A stream ends with the error and its completion, a WebSocket's operation with the error."""
    follow = follow_stream if kind == "stream" else follow_socket
    mia = {"subject": "mia", "role": "MEMBER"}
    id_ = await upsert(gateways[1], kind, members=[mia])
    async with follow(gateways[0], MEMBER, id_=id_) as told:
        assert isinstance(await told.next(), int)
        await upsert(gateways[1], kind, leaving=["mia"])

        assert await told.next() == "WORKSPACE_NOT_FOUND"
        assert kind == "socket" or await told.next() == "complete"


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_gateway_that_stops_lets_its_followers_go(world: World, workers: str) -> None:
    """At once, and so that they come back: nothing is said to be complete."""
    url = world.database.engine.url.render_as_string(hide_password=False)
    async with (
        serve(url, "--workers", workers) as served,
        follow_stream(served) as stream,
        follow_socket(served) as socket,
    ):
        await stream.next()
        await socket.next()
        async with asyncio.timeout(10):  # of the 15 that requests in flight have
            assert await served.stop() == 0
        assert await stream.next() == END
        assert await socket.next() == 1012

    assert [line for line in served.lines if line.get("level") in ("warning", "error")] == []


@asynccontextmanager
async def follow_stream(
    served: Served,
    viewer: Viewer = OWNER,
    *,
    lifetime: timedelta = timedelta(minutes=5),
    id_: str | None = None,
) -> AsyncIterator[Stream]:
    """Follow a balance by server-sent events, Acme's unless an id is given."""
    async with (
        httpx.AsyncClient(base_url=served.url, timeout=60, trust_env=False) as client,
        client.stream(
            "POST",
            "/graphql",
            json={"query": FOLLOW, "variables": {"id": id_ or workspace_id()}},
            headers=_bearer(viewer, lifetime) | {"Accept": "text/event-stream"},
        ) as answer,
    ):
        assert answer.status_code == 200
        yield Stream(answer.aiter_lines())


@asynccontextmanager
async def follow_socket(
    served: Served,
    viewer: Viewer = OWNER,
    *,
    lifetime: timedelta = timedelta(minutes=5),
    id_: str | None = None,
) -> AsyncIterator[Socket]:
    """Follow a balance over a WebSocket, Acme's unless an id is given."""
    url = served.url.replace("http://", "ws://") + "/graphql"
    protocols = [Subprotocol("graphql-transport-ws")]
    async with connect(url, subprotocols=protocols, proxy=None) as websocket:
        init = {"type": "connection_init", "payload": _bearer(viewer, lifetime)}
        await websocket.send(json.dumps(init))
        assert json.loads(await websocket.recv()) == {"type": "connection_ack"}
        payload = {"query": FOLLOW, "variables": {"id": id_ or workspace_id()}}
        await websocket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        yield Socket(websocket)


async def adjust(served: Served, amount: int) -> None:
    """Give Acme credits."""
    await _mutate(
        served,
        ADJUST_CREDITS,
        TREASURER,
        workspaceId=workspace_id(),
        amount=amount,
        note="a gift",
        idempotencyKey=str(new_id()),
    )


async def upsert(served: Served, external_id: str, **patch: Any) -> str:
    """Tell of a workspace; return its global id."""
    payload = await _mutate(
        served, UPSERT_WORKSPACE, REGISTRAR, externalId=external_id, name="New", **patch
    )
    return str(payload["workspaceId"])


async def _mutate(served: Served, document: str, viewer: Viewer, **input_: Any) -> Any:
    async with httpx.AsyncClient(base_url=served.url, timeout=60, trust_env=False) as client:
        answer = await client.post(
            "/graphql",
            json={"query": document, "variables": {"input": input_}},
            headers=_bearer(viewer, timedelta(minutes=5)),
        )
    [payload] = answer.json()["data"].values()
    assert payload["userErrors"] == []
    return payload


def _bearer(viewer: Viewer, lifetime: timedelta) -> dict[str, str]:
    settings = Settings(auth_shared_secret=SECRET)
    token = auth.issue_development_token(
        settings, viewer=viewer, lifetime=lifetime, now=datetime.now(UTC)
    )
    return {"Authorization": f"Bearer {token}"}


def _told(payload: dict[str, Any]) -> Any:
    """Return what was remaining, or the code of the error."""
    if "errors" in payload:
        return payload["errors"][0]["extensions"]["code"]
    return payload["data"]["creditBalanceChanged"]["remaining"]
