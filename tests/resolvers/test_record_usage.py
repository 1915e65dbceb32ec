"""`recordUsage`: what a service may rely on."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from random import Random
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from billing import audit
from models.ledger import CreditCharge
from models.workspace import Membership
from resolvers import ids
from tests import dying
from tests.resolvers import world as worlds
from tests.resolvers.mutating import (
    ADJUST_CREDITS,
    ALMIGHTY,
    RECORD_USAGE,
    RECORDER,
    TREASURER,
    mutate,
    refusal,
)
from tests.resolvers.world import (
    ACME,
    EMPTY,
    KEY,
    MIA,
    NOW,
    SERVICE,
    World,
    workspace_id,
)

REMAINING = 1_241
"""What Acme has left before a test begins."""

Event = dict[str, dict[str, Any]]


def written(time: datetime) -> str:
    """Return a time as a client writes it."""
    return time.isoformat().replace("+00:00", "Z")


def used(event_id: str, **said: Any) -> dict[str, Any]:
    """Return what every kind of event says."""
    return {"eventId": event_id, "occurredAt": written(NOW), "userSubject": "mia"} | said


def message(event_id: str = "message", **said: Any) -> Event:
    """Return an event of a conversation, of 10 credits."""
    return {
        "conversation": used(event_id, credits=10)
        | {"conversationId": "conv_new", "billingType": "MESSAGE"}
        | said
    }


def call(event_id: str = "call", **said: Any) -> Event:
    """Return an event of an MCP-HTTP call, of 3 credits."""
    return {
        "mcpHttpCall": used(event_id, credits=3)
        | {"callId": f"call_{event_id}", "apiKeyExternalId": "Production"}
        | said
    }


def job(event_id: str = "job", **said: Any) -> Event:
    """Return an event of an import job, of 7 credits."""
    return {
        "import": used(event_id, credits=7)
        | {"taskId": f"task_{event_id}", "importType": "BRAND", "importUrl": "https://x.example"}
        | said
    }


def recorded(event_id: str) -> dict[str, Any]:
    """Return the answer to an event that is charged."""
    return {"eventId": event_id, "status": "RECORDED", "reason": None}


def duplicate(event_id: str) -> dict[str, Any]:
    """Return the answer to an event that was charged before."""
    return {"eventId": event_id, "status": "DUPLICATE", "reason": None}


def refused(event_id: str, reason: str) -> dict[str, Any]:
    """Return the answer to an event that is not charged."""
    return {"eventId": event_id, "status": "REFUSED", "reason": reason}


async def record(world: World, *events: Event, **more: Any) -> Any:
    """Record events of Acme; return the payload."""
    asked = {"workspaceId": workspace_id(), "events": [*events]} | more
    return await mutate(world, RECORD_USAGE, RECORDER, asked)


async def test_each_kind_of_event_is_recorded_and_answered_in_its_order(world: World) -> None:
    """The lists show what was recorded, under the names by which the host knows it."""
    payload = await record(world, job(), message(title="New"), call())

    assert payload == {
        "results": [recorded("job"), recorded("message"), recorded("call")],
        "balance": {"remaining": REMAINING - 20, "overdraft": 0},
        "userErrors": [],
    }
    acme = (await world.answer(_LISTS))["workspace"]
    mia = {"id": ids.encode("User", MIA)}
    assert acme["conversationUsage"]["nodes"] == [
        {
            "conversationId": "conv_new",
            "title": "New",
            "messageCount": 1,
            "credits": 10,
            "billingType": "MESSAGE",
            "updatedAt": "2026-11-15T12:00:00Z",
            "user": mia,
        }
    ]
    assert acme["mcpHttpCalls"]["nodes"] == [
        {
            "callId": "call_call",
            "credits": 3,
            "apiKey": {"id": ids.encode("ApiKey", KEY, workspace_id=ACME)},
            "user": mia,
        }
    ]
    assert acme["importUsage"]["nodes"] == [
        {"taskId": "task_job", "importUrl": "https://x.example", "credits": 7, "user": mia}
    ]


async def test_events_may_stand_in_the_document_itself(world: World) -> None:
    """A title that is null says nothing; what is left out is what the schema says."""
    said = f'occurredAt: "{written(NOW)}", userSubject: "mia"'
    document = f"""mutation {{ recordUsage(input: {{ workspaceId: "{workspace_id()}", events: [
        {{ conversation: {{ eventId: "a", {said}, credits: 10, conversationId: "conv_new",
            billingType: IMAGE_GENERATION, title: null }} }}
        {{ mcpHttpCall: {{ eventId: "b", {said}, credits: 3, callId: "call_b",
            apiKeyExternalId: "Production" }} }}
        {{ import: {{ eventId: "c", {said}, credits: 7, taskId: "task_c", importType: PRODUCT,
            importUrl: "https://x.example" }} }}
    ] }}) {{ results {{ eventId status reason }} }} }}"""

    payload = (await world.answer(document, RECORDER))["recordUsage"]

    assert payload["results"] == [recorded("a"), recorded("b"), recorded("c")]
    [conversation] = (await world.answer(_LISTS))["workspace"]["conversationUsage"]["nodes"]
    assert (conversation["title"], conversation["messageCount"]) == ("", 1)
    assert conversation["billingType"] == "IMAGE_GENERATION"


async def test_a_batch_that_is_sent_again_is_charged_once(world: World) -> None:
    """As it must be after any failure."""
    batch = [message(), call(), job()]
    first = await record(world, *batch)
    again = await record(world, *batch)

    assert again["results"] == [duplicate("message"), duplicate("call"), duplicate("job")]
    assert again["balance"] == first["balance"]
    assert await _charges(world) == {"message": 10, "call": 3, "job": 7}


async def test_an_event_that_is_twice_in_a_batch_is_charged_once(world: World) -> None:
    """And another event under its id is refused, in the batch and after it."""
    payload = await record(world, message(), message(), message(credits=11))
    later = await record(world, message(title="Another"), call("message"))

    assert payload["results"] == [
        recorded("message"),
        duplicate("message"),
        refused("message", "EVENT_ID_REUSED"),
    ]
    assert later["results"] == [
        refused("message", "EVENT_ID_REUSED"),
        refused("message", "EVENT_ID_REUSED"),
    ]
    assert await _charges(world) == {"message": 10}


BAD: dict[str, tuple[Event, str]] = {
    "negative credits": (message("bad", credits=-1), "CREDITS_OUT_OF_RANGE"),
    "negative messages": (message("bad", messageCount=-1), "MESSAGE_COUNT_OUT_OF_RANGE"),
    "too old": (message("bad", occurredAt="2026-10-11T11:59:59Z"), "OCCURRED_TOO_LONG_AGO"),
    "the first year": (message("bad", occurredAt="0001-01-01T00:00:00Z"), "OCCURRED_TOO_LONG_AGO"),
    "the future": (message("bad", occurredAt="2026-11-15T12:05:01Z"), "OCCURRED_IN_THE_FUTURE"),
    "the last year": (
        message("bad", occurredAt="9999-12-31T23:59:59Z"),
        "OCCURRED_IN_THE_FUTURE",
    ),
    "nobody": (message("bad", userSubject="nobody"), "UNKNOWN_USER"),
    "no subject": (message("bad", userSubject=""), "UNKNOWN_USER"),
    "a stranger": (message("bad", userSubject="sam"), "UNKNOWN_USER"),
    "NUL in the subject": (message("bad", userSubject="mia\0"), "UNKNOWN_USER"),
    "unknown key": (call("bad", apiKeyExternalId="None"), "UNKNOWN_API_KEY"),
    "another workspace's key": (call("bad", apiKeyExternalId="Rival's"), "UNKNOWN_API_KEY"),
    "NUL in the key": (call("bad", apiKeyExternalId="Production\0"), "UNKNOWN_API_KEY"),
    "no conversation": (message("bad", conversationId=""), "TEXT_INVALID"),
    "long conversation": (message("bad", conversationId="x" * 256), "TEXT_INVALID"),
    "NUL in the title": (message("bad", title="a\0b"), "TEXT_INVALID"),
    "half of a pair": (message("bad", title="a\ud800b"), "TEXT_INVALID"),
    "long title": (message("bad", title="x" * 1_001), "TEXT_INVALID"),
    "NUL in the call": (call("bad", callId="\0"), "TEXT_INVALID"),
    "NUL in the task": (job("bad", taskId="\0"), "TEXT_INVALID"),
    "NUL in the address": (job("bad", importUrl="https://\0"), "TEXT_INVALID"),
    "long address": (job("bad", importUrl="x" * 2_049), "TEXT_INVALID"),
}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(("bad", "reason"), BAD.values(), ids=BAD)
async def test_a_bad_event_is_refused_and_the_others_are_recorded(
    world: World, bad: Event, reason: str
) -> None:
    """Wherever it stands in the batch; it leaves nothing behind, not even its id."""
    payload = await record(world, message("before"), bad, call("after"))
    mended = await record(world, message("bad"))

    assert payload == {
        "results": [recorded("before"), refused("bad", reason), recorded("after")],
        "balance": {"remaining": REMAINING - 13, "overdraft": 0},
        "userErrors": [],
    }
    assert mended["results"] == [recorded("bad")]
    assert await _charges(world) == {"before": 10, "after": 3, "bad": 10}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("event_id", "shown"),
    [("", ""), ("x" * 256, "x" * 256), ("a\0b", "a\0b"), ("a\udfffb", "a?b")],
    ids=["empty", "long", "NUL", "half of a pair"],
)
async def test_an_event_of_a_bad_id_is_refused_by_the_id_that_json_can_carry(
    world: World, event_id: str, shown: str
) -> None:
    """The answers keep their places."""
    payload = await record(world, message(), message(event_id), call())

    assert payload["results"] == [
        recorded("message"),
        refused(shown, "TEXT_INVALID"),
        recorded("call"),
    ]


async def test_the_limits_of_time_and_length_are_in(world: World) -> None:
    """35 days ago, 5 minutes ahead, nothing charged, no message, the longest texts."""
    payload = await record(
        world,
        message("old", occurredAt=written(NOW - timedelta(days=35))),
        message("ahead", occurredAt=written(NOW + timedelta(minutes=5))),
        message("free", credits=0, messageCount=0),
        message("x" * 255, conversationId="é" * 255, title="t" * 1_000),
    )

    assert {result["status"] for result in payload["results"]} == {"RECORDED"}


async def test_who_has_left_is_still_charged_for_what_they_used(world: World) -> None:
    """Usage may arrive late."""
    async with world.database.write() as session:
        await session.execute(
            update(Membership).where(Membership.user_id == MIA).values(left_at=NOW)
        )

    assert (await record(world, message()))["results"] == [recorded("message")]


async def test_a_revoked_key_is_still_charged_for_what_was_called_with_it(world: World) -> None:
    """Usage may arrive late."""
    payload = await record(world, call(apiKeyExternalId="Old laptop"))

    assert payload["results"] == [recorded("call")]


async def test_what_is_used_beyond_the_credits_is_recorded_and_told(world: World) -> None:
    """The next credits repay it."""
    payload = await record(world, message(credits=2_000))
    adjusted = await mutate(
        world,
        ADJUST_CREDITS,
        TREASURER,
        {
            "workspaceId": workspace_id(),
            "amount": 1_000,
            "note": "Goodwill",
            "idempotencyKey": "goodwill",
        },
    )

    assert payload["results"] == [recorded("message")]
    assert payload["balance"] == {"remaining": 0, "overdraft": 759}
    assert adjusted["balance"] == {"remaining": 241, "overdraft": 0}


async def test_nothing_to_record_tells_the_balance(world: World) -> None:
    """An empty batch is no mistake."""
    assert await record(world) == {
        "results": [],
        "balance": {"remaining": REMAINING, "overdraft": 0},
        "userErrors": [],
    }


async def test_a_thousand_events_are_recorded_and_one_more_is_refused(world: World) -> None:
    """All of the larger batch, before anything of it is recorded."""
    events = [message(f"event {number}", credits=1) for number in range(1_001)]

    assert refusal(await record(world, *events)) == ("USAGE_BATCH_TOO_LARGE", ["input", "events"])
    assert await _charges(world) == {}
    payload = await record(world, *events[:1_000])

    assert payload["results"] == [recorded(f"event {number}") for number in range(1_000)]
    assert payload["balance"] == {"remaining": REMAINING - 1_000, "overdraft": 0}


async def test_many_events_take_the_statements_of_few(world: World) -> None:
    """One a question, whatever the number of events."""
    heard: list[str] = []

    async def statements(number: int) -> int:
        heard.clear()
        events = [
            make(f"{number}:{place}", credits=1)
            for place in range(number)
            for make in (message, call, job)
        ]
        for place, said in enumerate(_inner(events)):
            said["eventId"] += f":{place}"
        stop = world.database.on_statement(heard.append)
        payload = await record(world, *events)
        stop()
        assert {result["status"] for result in payload["results"]} == {"RECORDED"}
        return len(heard)

    few, many = await statements(2), await statements(200)

    questions = {
        "reuse plans": 1,
        "whom subjects name, and what keys": 2,
        "the lock, and the lots": 2,
        "what is charged": 1,
        "the records of each kind": 3,
    }
    writes = {"charges and spends": 2, "lots and the balance": 2, "the records of each kind": 3}
    assert few == many == sum(questions.values()) + sum(writes.values())


@pytest.mark.parametrize(
    ("id_", "code"),
    [
        (ids.encode("Workspace", MIA), "WORKSPACE_NOT_FOUND"),
        (ids.encode("User", MIA), "INVALID_ID"),
        (str(ACME), "INVALID_ID"),
        ("", "INVALID_ID"),
        ("\0", "INVALID_ID"),
    ],
)
async def test_an_unknown_workspace_is_a_user_error(
    shared_world: World, id_: str, code: str
) -> None:
    """It points at the id."""
    payload = await record(shared_world, message(), workspaceId=id_)

    assert refusal(payload) == (code, ["input", "workspaceId"])


@pytest.mark.parametrize(
    "event",
    [
        {},
        message() | job(),
        {"conversation": None},
        message(billingType="SONG"),
        message(credits=1.5),
        message(credits=2**53),
        message(occurredAt="yesterday"),
        message(eventId=None),
        message(surprise=1),
    ],
)
async def test_what_is_no_event_by_the_schema_refuses_the_request(
    world: World, event: Event
) -> None:
    """GraphQL answers before we are asked: nothing is recorded."""
    asked = {"workspaceId": workspace_id(), "events": [message(), event]}
    answer = await world.ask(RECORD_USAGE, RECORDER, input=asked)

    assert answer.data is None
    assert answer.codes == ["BAD_USER_INPUT"]
    assert await _charges(world) == {}


async def test_a_charge_is_shown_to_who_may_read(world: World) -> None:
    """What was recorded, and what was before; nothing for what was refused."""
    document = RECORD_USAGE.replace("reason", "charge { credits kind payments { credits } }")
    asked = {
        "workspaceId": workspace_id(),
        "events": [message(), message(), message(credits=4)],
    }

    payload = await mutate(world, document, ALMIGHTY, asked)
    blind = await world.ask(document, RECORDER, input=asked)

    charge = {"credits": 10, "kind": "MESSAGE", "payments": [{"credits": 10}]}
    assert [result["charge"] for result in payload["results"]] == [charge, charge, None]
    assert blind.codes == ["SCOPE_MISSING", "SCOPE_MISSING"]
    statuses = [result["status"] for result in blind.data["recordUsage"]["results"]]
    assert statuses == ["DUPLICATE", "DUPLICATE", "REFUSED"]


async def test_two_mutations_of_one_request_see_what_the_first_has_done(world: World) -> None:
    """Each answers from a snapshot that is younger than its commit."""
    document = """mutation($one: RecordUsageInput!, $two: RecordUsageInput!) {
        one: recordUsage(input: $one) { balance { remaining } }
        two: recordUsage(input: $two) { results { status } balance { remaining } }
    }"""
    one = {"workspaceId": workspace_id(), "events": [message()]}
    two = {"workspaceId": workspace_id(), "events": [message(), call()]}

    data = await world.answer(document, RECORDER, one=one, two=two)

    assert data["one"]["balance"] == {"remaining": REMAINING - 10}
    assert data["two"]["balance"] == {"remaining": REMAINING - 13}
    assert [result["status"] for result in data["two"]["results"]] == ["DUPLICATE", "RECORDED"]


async def test_a_service_that_only_reads_changes_nothing(world: World) -> None:
    """Nor does one workspace's usage touch another's."""
    asked = {"workspaceId": workspace_id(), "events": [message()]}
    answer = await world.ask(RECORD_USAGE, SERVICE, input=asked)
    elsewhere = await record(world, workspaceId=workspace_id(EMPTY))

    assert (answer.codes, answer.data) == (["SCOPE_MISSING"], {"recordUsage": None})
    assert await _charges(world) == {}
    assert elsewhere["balance"] == {"remaining": 0, "overdraft": 0}


async def test_one_batch_sent_by_many_at_once_is_charged_once(world: World) -> None:
    """Each event is recorded by exactly one of them."""
    batch = [message("a"), call("b"), job("c")]

    payloads = await asyncio.gather(*(record(world, *batch) for _ in range(12)))

    statuses = Counter(
        (result["eventId"], result["status"])
        for payload in payloads
        for result in payload["results"]
    )
    assert statuses == {
        (event_id, status): number
        for event_id in "abc"
        for status, number in (("RECORDED", 1), ("DUPLICATE", 11))
    }
    assert await _charges(world) == {"a": 10, "b": 3, "c": 7}


async def test_many_writers_lose_nothing(world: World) -> None:
    """32 services record and resend for two seconds: the balance is what was recorded."""
    numbers, until = count(), monotonic() + 2
    charged: dict[str, int] = {}

    async def write(seed: int) -> None:
        random = Random(seed)  # noqa: S311 - a repeatable choice
        sent: list[Event] = []
        while monotonic() < until:
            fresh = [
                random.choice((message, call, job))(f"event {next(numbers)}", credits=price)
                for price in random.choices(range(5), k=random.randint(1, 5))
            ]
            resent = random.sample(sent, min(len(sent), 2))
            payload = await record(world, *fresh, *resent)
            expected = [_answer(event, "RECORDED") for event in fresh]
            expected += [_answer(event, "DUPLICATE") for event in resent]
            assert payload["results"] == expected
            charged.update((event["eventId"], event["credits"]) for event in _inner(fresh))
            sent += fresh

    await asyncio.gather(*(write(seed) for seed in range(32)))

    balance = (await record(world))["balance"]
    assert len(charged) > 32
    assert await _charges(world) == charged
    assert balance["remaining"] - balance["overdraft"] == REMAINING - sum(charged.values())
    async with world.database.snapshot() as snapshot:
        assert await audit.audit(snapshot, workspace_id=ACME) == []


async def test_a_service_that_dies_anywhere_sends_its_batch_again(world: World) -> None:
    """Before each statement and before the commit: nothing is half done."""
    batch = [message(), call(), job()]
    asked = {"workspaceId": workspace_id(), "events": batch}
    for number in count(1):
        with dying.at_step(world.database, number) as death, capture_logs():
            answer = await world.ask(RECORD_USAGE, RECORDER, input=asked)
        if not death.has_come:
            break
        assert set(answer.codes) == {"DATABASE_UNAVAILABLE"}
        if answer.data["recordUsage"] is None:
            assert await _charges(world) == {}

    assert number > 10
    assert await _charges(world) == {"message": 10, "call": 3, "job": 7}
    async with world.database.snapshot() as snapshot:
        assert await audit.audit(snapshot, workspace_id=ACME) == []


_CHARGES = select(CreditCharge.event_id, CreditCharge.credits).where(
    CreditCharge.workspace_id == ACME,
    CreditCharge.event_id.not_in([event.event_id for event in worlds.acme_events()]),
)

_LISTS = """query($id: ID!) { workspace(id: $id) {
    conversationUsage(first: 1, filterBy: {search: "conv_new"}) { nodes {
        conversationId title messageCount credits billingType updatedAt user { id }
    } }
    mcpHttpCalls(first: 1, orderBy: {field: CREATED_AT, direction: DESC}) { nodes {
        callId credits apiKey { id } user { id }
    } }
    importUsage(first: 1, orderBy: {field: CREATED_AT, direction: DESC}) { nodes {
        taskId importUrl credits user { id }
    } }
} }"""


def _inner(events: Sequence[Event]) -> list[dict[str, Any]]:
    return [said for event in events for said in event.values()]


def _answer(event: Event, status: str) -> dict[str, Any]:
    [said] = _inner([event])
    return {"eventId": said["eventId"], "status": status, "reason": None}


async def _charges(world: World) -> Mapping[str, int]:
    """Return what each event of the test has cost Acme."""
    async with world.database.snapshot() as snapshot:
        rows = await snapshot.all(_CHARGES)
    return {row.event_id: row.credits for row in rows}
