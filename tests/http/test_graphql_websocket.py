"""GraphQL over WebSocket, against a real server: the protocol, and what clients do to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from gateway.limits import HTTPLimits
from tests.http import world as worlds
from tests.http.world import LIMITS, SECRET, World

PROTOCOL = Subprotocol("graphql-transport-ws")


@asynccontextmanager
async def _opened(address: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """Yield a connection that has said nothing yet."""
    url = address.replace("http://", "ws://") + "/graphql"
    defaults: dict[str, Any] = {"subprotocols": [PROTOCOL], "open_timeout": 30}
    async with connect(url, **(defaults | options)) as websocket:
        yield websocket


@asynccontextmanager
async def _acknowledged(
    address: str, payload: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[ClientConnection]:
    """Yield a connection that has been initialised."""
    async with _opened(address, **options) as websocket:
        init = {"type": "connection_init"} | ({} if payload is None else {"payload": payload})
        await _send(websocket, init)
        assert await _receive(websocket) == {"type": "connection_ack"}
        yield websocket


async def _send(websocket: ClientConnection, message: object) -> None:
    await websocket.send(json.dumps(message))


async def _receive(websocket: ClientConnection) -> Any:
    async with asyncio.timeout(30):
        frame = await websocket.recv()
    assert isinstance(frame, str)
    return json.loads(frame)


async def _ask(websocket: ClientConnection, query: str, **payload: Any) -> list[dict[str, Any]]:
    """Return the messages that answer an operation, without their id."""
    message = {"id": "1", "type": "subscribe", "payload": {"query": query, **payload}}
    await _send(websocket, message)
    answers: list[dict[str, Any]] = []
    while not answers or answers[-1]["type"] == "next":
        answers.append(await _receive(websocket))
        assert answers[-1].pop("id") == "1"
    return answers


async def _closed(websocket: ClientConnection) -> tuple[int, str]:
    """Return how the server closes the connection."""
    async with asyncio.timeout(30):
        with pytest.raises(ConnectionClosed) as closed:
            await websocket.recv()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


async def test_queries_mutations_and_subscriptions_run(address: str, world: World) -> None:
    """Each result is a `next`, and the end is told."""
    bumps = world.bumps

    async with _acknowledged(address) as websocket:
        query = await _ask(
            websocket, "query ($t: String!) { echo(text: $t) }", variables={"t": "é"}
        )
        mutation = await _ask(websocket, "mutation { bump }")
        subscription = await _ask(websocket, "subscription { count(to: 2) }")

    assert query == [
        {"type": "next", "payload": {"data": {"echo": "é"}}},
        {"type": "complete"},
    ]
    assert mutation[0]["payload"] == {"data": {"bump": bumps + 1}}
    assert world.bumps == bumps + 1
    assert [answer.get("payload") for answer in subscription] == [
        {"data": {"count": 1}},
        {"data": {"count": 2}},
        None,
    ]


@pytest.mark.parametrize(
    "frame",
    [
        "[]",
        '"x"',
        "1",
        "null",
        "{}",
        "x",
        "",
        "[" * 5_000,
        b"{}",
        b"\xff\x00",
        '{"type": []}',
        '{"type": {}}',
        '{"type": "subscribe"}',
        '{"type": "start"}',
        json.dumps({"type": "x" * 500}),
        '{"type": "connection_init", "payload": []}',
        '{"type": "ping", "payload": 1}',
        '{"type": "complete"}',
        '{"type": "complete", "id": []}',
        '{"id": "", "type": "subscribe", "payload": {"query": "{ viewer }"}}',
        '{"id": 1, "type": "subscribe", "payload": {"query": "{ viewer }"}}',
        '{"id": "1", "type": "subscribe", "payload": []}',
        '{"id": "1", "type": "subscribe", "payload": null}',
        '{"id": "1", "type": "subscribe", "payload": {}}',
        '{"id": "1", "type": "subscribe", "payload": {"query": 1}}',
        '{"id": "1", "type": "subscribe", "payload": {"query": "{ viewer }", "variables": []}}',
        '{"id": "1", "type": "subscribe", "payload": {"query": "{ viewer }", "operationName": 1}}',
        '{"id": "1", "type": "subscribe", "payload": {"query": "\\ud800"}}',
    ],
)
async def test_a_malformed_frame_closes_its_connection_and_no_other(
    address: str, frame: str | bytes
) -> None:
    """4400 says why; the server logs nothing and goes on serving."""
    with capture_logs() as logs:
        async with _acknowledged(address) as other, _acknowledged(address) as websocket:
            await websocket.send(frame)
            code, reason = await _closed(websocket)
            assert code == 4400
            assert reason
            assert (await _ask(other, "{ viewer }"))[0]["payload"] == {"data": {"viewer": None}}
    assert logs == []


async def test_a_payload_may_be_null(address: str) -> None:
    """The protocol allows it where a payload may be left out."""
    async with _opened(address) as websocket:
        await _send(websocket, {"type": "connection_init", "payload": None})
        assert await _receive(websocket) == {"type": "connection_ack"}
        await _send(websocket, {"type": "pong", "payload": None})
        await _send(websocket, {"type": "ping", "payload": None})
        assert await _receive(websocket) == {"type": "pong"}


async def test_a_frame_that_is_too_large_closes_the_connection(address: str) -> None:
    """A frame at the limit is read; it is counted in bytes."""
    ping = '{"type": "ping", "payload": {"filler": "%s"}}'
    room = LIMITS.body_bytes - len(ping % "")

    async with _acknowledged(address) as websocket:
        await websocket.send(ping % ("é" * (room // 2)))
        assert await _receive(websocket) == {"type": "pong"}
        await websocket.send(ping % ("é" * (room // 2 + 1)))
        code, _ = await _closed(websocket)

    assert code == 1009


async def test_only_the_maintained_protocol_is_spoken(address: str) -> None:
    """The older `graphql-ws` and no protocol at all are turned away."""
    for protocols in ([Subprotocol("graphql-ws")], None):
        async with _opened(address, subprotocols=protocols) as websocket:
            assert (await _closed(websocket))[0] == 4406


async def test_nothing_runs_before_the_connection_is_initialised(
    address: str, world: World
) -> None:
    """4401."""
    bumps = world.bumps

    async with _opened(address) as websocket:
        payload = {"query": "mutation { bump }"}
        await _send(websocket, {"id": "1", "type": "subscribe", "payload": payload})
        code, _ = await _closed(websocket)

    assert code == 4401
    assert world.bumps == bumps


async def test_a_connection_that_is_not_initialised_in_time_is_closed() -> None:
    """4408; the time is a limit."""
    limits = HTTPLimits(websocket_init_timeout=timedelta(milliseconds=50))
    with worlds.serving(worlds.application(World(), limits=limits)) as address:
        async with _opened(address) as websocket:
            assert (await _closed(websocket))[0] == 4408


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing" + "x" * 500 + " }", "GRAPHQL_VALIDATION_FAILED"),
        ("", "BAD_REQUEST"),
        ("{ thing {" + "".join(f" a{n}: name" for n in range(31)) + " } }", "ALIAS_LIMIT_EXCEEDED"),
        ("query ($r: Range!) { ranged(within: $r) }", "BAD_USER_INPUT"),
        ("query A { viewer } query B { viewer }", "OPERATION_RESOLUTION_FAILURE"),
        ("subscription ($r: Int!) { count(to: $r) }", "BAD_USER_INPUT"),
    ],
)
async def test_a_bad_operation_is_answered_and_the_connection_lives(
    address: str, query: str, code: str
) -> None:
    """The limits are the schema's, so they hold here too."""
    async with _acknowledged(address) as websocket:
        (refusal, *_) = await _ask(websocket, query)
        after = await _ask(websocket, "{ viewer }")

    assert refusal["type"] == "error"
    assert code in [error["extensions"]["code"] for error in refusal["payload"]]
    assert after[0]["payload"] == {"data": {"viewer": None}}


async def test_what_nobody_expected_is_masked(address: str) -> None:
    """As over HTTP."""
    with capture_logs() as logs:
        async with _acknowledged(address) as websocket:
            answers = await _ask(websocket, "{ bug }")

    assert SECRET not in json.dumps(answers)
    (error,) = answers[0]["payload"]["errors"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR", "reference": logs[0]["reference"]}
    assert len(logs) == 1


async def test_each_operation_has_a_context_of_its_own(address: str) -> None:
    """So loaders never remember what another operation saw."""
    async with _acknowledged(address) as websocket:
        first = await _ask(websocket, "{ context }")
        await _send(websocket, _operation("a", "{ stuck context }"))
        second = await _ask(websocket, "{ context }")

    numbers = [answers[0]["payload"]["data"]["context"] for answers in (first, second)]
    assert numbers == [numbers[0], numbers[0] + 2]


async def test_a_connection_runs_only_so_many_operations_at_a_time() -> None:
    """One more is refused, not queued; a completed one makes room and is cancelled."""
    world = World()
    with worlds.serving(worlds.application(world)) as address:
        async with _acknowledged(address) as websocket:
            for name in ("a", "b", "c"):
                await _send(websocket, _operation(name, f'{{ stuck(name: "{name}") }}'))
            await _send(websocket, _operation("d", "{ viewer }"))
            refusal = await _receive(websocket)
            await _send(websocket, {"id": "a", "type": "complete"})
            await _send(websocket, _operation("d", "{ viewer }"))
            answer = await _receive(websocket)
            assert world.cancelled == ["a"]

    assert (refusal["id"], refusal["type"]) == ("d", "error")
    assert refusal["payload"][0]["extensions"] == {"code": "OPERATION_LIMIT_EXCEEDED", "limit": 3}
    assert (answer["id"], answer["type"]) == ("d", "next")


async def test_an_id_that_is_in_use_closes_the_connection(address: str) -> None:
    """Even one that is too long to be repeated in the reason."""
    async with _acknowledged(address) as websocket:
        for _ in range(2):
            await _send(websocket, _operation("é" * 500, "{ stuck }"))
        code, reason = await _closed(websocket)

    assert code == 4409
    assert reason.startswith("Subscriber for é")


async def test_a_client_that_leaves_cancels_its_operations() -> None:
    """Nothing runs on for nobody, and nobody's leaving is logged."""
    world = World()
    with worlds.serving(worlds.application(world)) as address, capture_logs() as logs:
        async with _acknowledged(address) as websocket:
            await _send(websocket, _operation("a", '{ stuck(name: "a") }'))
            await _send(websocket, _operation("b", "subscription { silence }"))
            await _send(websocket, _operation("c", "{ viewer }"))
            assert (await _receive(websocket))["id"] == "c"
    # The server has stopped, so whatever was to happen has happened.
    assert sorted(world.cancelled) == ["a", "silence"]
    assert logs == []


async def test_an_operation_that_takes_too_long_is_cancelled() -> None:
    """It is an error of the operation; a subscription that waits for news is none."""
    world = World()
    with worlds.serving(worlds.application(world, timeout_seconds=0.2)) as address:
        async with _acknowledged(address) as websocket:
            await _send(websocket, _operation("quiet", "subscription { silence }"))
            (refusal,) = await _ask(websocket, "{ stuck }")
            assert world.cancelled == ["stuck"]
            assert (await _ask(websocket, "{ viewer }"))[0]["type"] == "next"

    assert refusal["type"] == "error"
    assert refusal["payload"][0]["extensions"] == {"code": "TIMEOUT"}


async def test_a_value_of_a_subscription_that_takes_too_long_ends_it() -> None:
    """Its fields are cancelled; the operation ends with the error, and the connection lives."""
    world = World()
    with worlds.serving(worlds.application(world, timeout_seconds=0.2)) as address:
        async with _acknowledged(address) as websocket:
            query = "subscription { queries { viewer stuck } }"
            (refusal,) = await _ask(websocket, query)
            assert world.cancelled == ["stuck"]
            values = await _ask(websocket, "subscription { queries { viewer } }")

    assert refusal["type"] == "error"
    assert refusal["payload"][0]["extensions"] == {"code": "TIMEOUT"}
    assert [value["type"] for value in values] == ["next", "next", "complete"]


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
async def test_a_token_can_come_with_the_initialisation(address: str, name: str) -> None:
    """Browsers cannot send a header with the handshake; where both come, this one counts."""
    handshake = {"Authorization": "Bearer good-handshake"}

    async with _acknowledged(address, {name: "Bearer good-ada"}) as websocket:
        by_payload = await _ask(websocket, "{ viewer }")
    async with _acknowledged(address, additional_headers=handshake) as websocket:
        by_header = await _ask(websocket, "{ viewer }")
    both = _acknowledged(address, {name: "Bearer good-ada"}, additional_headers=handshake)
    async with both as websocket:
        by_both = await _ask(websocket, "{ viewer }")

    assert by_payload[0]["payload"] == {"data": {"viewer": "good-ada"}}
    assert by_header[0]["payload"] == {"data": {"viewer": "good-handshake"}}
    assert by_both[0]["payload"] == {"data": {"viewer": "good-ada"}}


async def test_no_token_can_be_sent_as_null(address: str) -> None:
    """Clients write `Authorization: null` for nobody."""
    async with _acknowledged(address, {"Authorization": None}) as websocket:
        answer = await _ask(websocket, "{ viewer }")

    assert answer[0]["payload"] == {"data": {"viewer": None}}


@pytest.mark.parametrize(
    ("token", "code", "logged"),
    [("bad", 4403, 0), (1, 4403, 0), ("🏊", 4403, 0), ("unknowable", 1013, 0), ("broken", 1011, 1)],
)
async def test_a_token_is_judged_when_the_connection_is_initialised(
    address: str, token: object, code: int, logged: int
) -> None:
    """A bad one is forbidden; one that cannot be judged may come again."""
    with capture_logs() as logs:
        async with _opened(address) as websocket:
            payload = {"Authorization": token}
            await _send(websocket, {"type": "connection_init", "payload": payload})
            assert (await _closed(websocket))[0] == code
    assert len(logs) == logged


async def test_a_token_that_expires_ends_the_connection() -> None:
    """It is judged again for each operation; the client comes back with a new one."""
    world = World()
    with worlds.serving(worlds.application(world)) as address:
        async with _acknowledged(address, {"Authorization": "good-ada"}) as websocket:
            before = await _ask(websocket, "{ viewer }")
            world.expired.add("good-ada")
            await _send(websocket, _operation("1", "mutation { bump }"))
            code, reason = await _closed(websocket)

    assert before[0]["payload"] == {"data": {"viewer": "good-ada"}}
    assert (code, reason) == (4403, "The token has expired.")
    assert world.bumps == 0


async def test_pages_of_other_origins_are_turned_away_unless_they_are_named() -> None:
    """The handshake fails; a named origin and the gateway's own succeed."""
    app = "https://app.example.com"
    with worlds.serving(worlds.application(World(), cors_origins=(app,))) as address:
        with pytest.raises(InvalidStatus):
            async with _opened(address, origin="https://evil.example.com"):
                pass
        for origin in (app, address):
            async with _acknowledged(address, origin=origin) as websocket:
                assert (await _ask(websocket, "{ viewer }"))[0]["type"] == "next"


def _operation(identifier: str, query: str) -> dict[str, Any]:
    return {"id": identifier, "type": "subscribe", "payload": {"query": query}}
