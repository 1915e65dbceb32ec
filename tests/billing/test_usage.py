"""Recording usage: each event is charged once, and its record adds it up."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import insert

from billing import balance, ledger, usage, use
from billing.errors import UsageBatchTooLarge, WorkspaceNotFound
from billing.usage import Answer, Duplicate, Recorded, Refused, UsageEvent
from billing.use import RefusalReason
from models.base import CREDITS_MAX, Base, new_id
from models.database import Database
from models.ledger import CreditBalance, CreditCharge, CreditSpend, UsageKind
from models.usage import BillingType, ConversationUsage, ImportType, ImportUsage, McpHttpCall
from models.workspace import Membership, Role, User
from tests.billing.factories import (
    DAY,
    NOON,
    Place,
    add_place,
    call,
    days,
    drifts,
    grant,
    hours,
    import_,
    message,
    stored,
)


async def _record(
    database: Database, place: Place, *events: UsageEvent, now: datetime = NOON
) -> list[Answer]:
    async with database.write() as session:
        outcome = await usage.record(
            session, workspace_id=place.workspace_id, events=events, now=now
        )
    return [*outcome.answers]


async def test_an_event_of_a_conversation_makes_its_record(
    database: Database, place: Place
) -> None:
    """Its record says what it said; the charge points at it."""
    event = message(
        place,
        12,
        event_id="event",
        conversation_id="chat",
        title="Hello",
        billing_type=BillingType.IMAGE_GENERATION,
        message_count=2,
        occurred_at=NOON - hours(1),
    )

    assert await _record(database, place, event) == [Recorded("event", 1)]

    [record] = await stored(database, place, ConversationUsage)
    assert record == {
        "id": record["id"],
        "conversation_id": "chat",
        "title": "Hello",
        "user_id": place.user_id,
        "billing_type": BillingType.IMAGE_GENERATION,
        "message_count": 2,
        "credits": 12,
        "created_at": NOON - hours(1),
        "updated_at": NOON - hours(1),
    }
    [charge] = await stored(database, place, CreditCharge)
    assert charge["conversation_usage_id"] == record["id"]
    assert (charge["kind"], charge["message_count"]) == (UsageKind.IMAGE_GENERATION, 2)
    assert (charge["occurred_at"], charge["created_at"]) == (NOON - hours(1), NOON)
    assert (charge["credits"], charge["unpaid"]) == (12, 12)


async def test_calls_and_imports_have_records_of_their_own(
    database: Database, place: Place
) -> None:
    """Each kind in its table; two events of one task are one record."""
    await _record(database, place, call(place, 5), import_(place, 7), import_(place, 3))

    [mcp_http_call] = await stored(database, place, McpHttpCall)
    assert mcp_http_call == {
        "id": mcp_http_call["id"],
        "call_id": "call",
        "api_key_id": place.api_key_id,
        "user_id": place.user_id,
        "credits": 5,
        "created_at": NOON,
    }
    [job] = await stored(database, place, ImportUsage)
    assert job == {
        "id": job["id"],
        "task_id": "task",
        "import_type": ImportType.BRAND,
        "import_url": "https://x.example",
        "user_id": place.user_id,
        "credits": 10,
        "created_at": NOON,
    }
    assert await stored(database, place, ConversationUsage) == []
    assert await drifts(database, place) == []


async def test_a_conversation_adds_up_over_one_batch_and_over_many(
    database: Database, place: Place
) -> None:
    """Its billing type is its first event's; each charge keeps its own kind."""
    image = BillingType.IMAGE_GENERATION
    await _record(database, place, message(place, 10), message(place, 20, billing_type=image))
    await _record(database, place, message(place, 30, billing_type=image, message_count=4))

    [record] = await stored(database, place, ConversationUsage)
    assert (record["credits"], record["message_count"]) == (60, 6)
    assert record["billing_type"] is BillingType.MESSAGE
    kinds = [row["kind"] for row in await stored(database, place, CreditCharge)]
    assert kinds == [UsageKind.MESSAGE, UsageKind.IMAGE_GENERATION, UsageKind.IMAGE_GENERATION]
    assert await drifts(database, place) == []


@pytest.mark.parametrize("batched", [True, False], ids=["in one batch", "one by one"])
async def test_the_latest_event_gives_a_conversation_its_time_and_title(
    database: Database, place: Place, *, batched: bool
) -> None:
    """Not the last to arrive, and not one without a title."""
    events = [
        message(place, title="first", occurred_at=NOON - hours(3)),
        message(place, title="latest", occurred_at=NOON - hours(1)),
        message(place, title="late to arrive", occurred_at=NOON - hours(2)),
        message(place, title="", occurred_at=NOON),
    ]
    if batched:
        await _record(database, place, *events)
    else:
        for event in events:
            await _record(database, place, event)

    [record] = await stored(database, place, ConversationUsage)
    assert (record["title"], record["updated_at"]) == ("latest", NOON)
    assert record["created_at"] == NOON - hours(3)


async def test_an_old_title_is_better_than_none(database: Database, place: Place) -> None:
    """It does not move the time back."""
    await _record(database, place, message(place, title="", occurred_at=NOON))
    await _record(database, place, message(place, title="old", occurred_at=NOON - hours(2)))
    [record] = await stored(database, place, ConversationUsage)
    assert (record["title"], record["updated_at"]) == ("old", NOON)


async def test_a_record_stays_with_whom_its_first_event_named(
    database: Database, place: Place
) -> None:
    """Another member's event adds to it and does not take it over."""
    colleague = await _join(database, place)
    await _record(database, place, message(place, 1))
    await _record(database, place, message(place, 2, user_id=colleague))
    [record] = await stored(database, place, ConversationUsage)
    assert (record["user_id"], record["credits"]) == (place.user_id, 3)


async def test_an_event_sent_again_is_a_duplicate(database: Database, place: Place) -> None:
    """In the same batch, in a later one and after it has grown too old; charged once."""
    event = message(place, 10, event_id="event")
    tokyo = timezone(timedelta(hours=9))
    elsewhere = replace(event, occurred_at=event.occurred_at.astimezone(tokyo))

    assert await _record(database, place, event, elsewhere) == [
        Recorded("event", 1),
        Duplicate("event", 1),
    ]
    assert await _record(database, place, event, now=NOON + days(60)) == [Duplicate("event", 1)]

    [record] = await stored(database, place, ConversationUsage)
    assert (record["credits"], record["message_count"]) == (10, 1)
    assert len(await stored(database, place, CreditCharge)) == 1
    assert await drifts(database, place) == []


_SAID = use.Conversation("conversation", "", BillingType.MESSAGE, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"credits": 11},
        {"occurred_at": NOON - hours(1)},
        {"user_id": new_id()},
        {"use": replace(_SAID, conversation_id="other")},
        {"use": replace(_SAID, title="other")},
        {"use": replace(_SAID, billing_type=BillingType.VIDEO_GENERATION)},
        {"use": replace(_SAID, message_count=2)},
        {"use": use.Import("conversation", ImportType.BRAND, "")},
    ],
    ids=["credits", "time", "person", "conversation", "title", "type", "messages", "kind"],
)
async def test_another_event_under_the_same_id_is_refused(
    database: Database, place: Place, other: dict[str, Any]
) -> None:
    """In the same batch and in a later one; nothing of it is charged."""
    event = replace(message(place, 10, event_id="event"), use=_SAID)
    reused = [Refused("event", RefusalReason.EVENT_ID_REUSED)]
    assert await _record(database, place, event, replace(event, **other)) == [
        Recorded("event", 1),
        *reused,
    ]
    assert await _record(database, place, replace(event, **other)) == reused
    [charge] = await stored(database, place, CreditCharge)
    assert charge["credits"] == 10
    assert await drifts(database, place) == []


async def test_one_bad_event_does_not_spoil_the_batch(database: Database, place: Place) -> None:
    """It is refused by name, the others are recorded, and its id stays free."""
    bad = message(place, -1, event_id="bad")
    answers = await _record(database, place, message(place, event_id="a"), bad, call(place))
    assert answers[:2] == [
        Recorded("a", 1),
        Refused("bad", RefusalReason.CREDITS_OUT_OF_RANGE),
    ]
    assert isinstance(answers[2], Recorded)
    assert await _record(database, place, message(place, event_id="bad")) == [Recorded("bad", 3)]
    assert await drifts(database, place) == []


def _bad_events(place: Place) -> Sequence[tuple[UsageEvent, RefusalReason]]:
    """Return events that are refused, each for one reason."""
    text = RefusalReason.TEXT_INVALID
    return [
        (message(place, -1), RefusalReason.CREDITS_OUT_OF_RANGE),
        (message(place, CREDITS_MAX + 1), RefusalReason.CREDITS_OUT_OF_RANGE),
        (message(place, 10**30), RefusalReason.CREDITS_OUT_OF_RANGE),
        (message(place, message_count=-1), RefusalReason.MESSAGE_COUNT_OUT_OF_RANGE),
        (message(place, message_count=2**31), RefusalReason.MESSAGE_COUNT_OUT_OF_RANGE),
        (
            message(place, occurred_at=NOON - days(35) - hours(0.01)),
            RefusalReason.OCCURRED_TOO_LONG_AGO,
        ),
        (message(place, occurred_at=NOON + hours(0.1)), RefusalReason.OCCURRED_IN_THE_FUTURE),
        (message(place, event_id="x" * 256), text),
        (replace(message(place), event_id=""), text),
        (replace(message(place), event_id="\0"), text),
        (message(place, conversation_id=""), text),
        (message(place, conversation_id="\ud800"), text),
        (message(place, title="x" * 1_001), text),
        (message(place, title="\0"), text),
        (call(place, call_id="x" * 256), text),
        (import_(place, task_id=""), text),
        (import_(place, import_url="x" * 2_049), text),
    ]


async def test_bad_events_are_refused_for_their_reason(database: Database, place: Place) -> None:
    """Nothing is written: no charge, no record, no entry."""
    bad = _bad_events(place)
    answers = await _record(database, place, *(event for event, _ in bad))
    assert answers == [Refused(event.event_id, reason) for event, reason in bad]
    for model in (CreditCharge, ConversationUsage, McpHttpCall, ImportUsage):
        assert await stored(database, place, model) == []


async def test_the_bounds_themselves_are_allowed(database: Database, place: Place) -> None:
    """The oldest, the most ahead, the longest, the cheapest."""
    events = [
        message(place, occurred_at=NOON - days(35)),
        message(place, occurred_at=NOON + timedelta(minutes=5)),
        message(place, event_id="x" * 255, conversation_id="x" * 255, title="x" * 1_000),
        message(place, 0, message_count=0),
        message(place, message_count=2**31 - 1),
        import_(place, task_id="x" * 255, import_url="x" * 2_048),
    ]
    answers = await _record(database, place, *events)
    assert all(isinstance(answer, Recorded) for answer in answers)
    assert await drifts(database, place) == []


async def test_credits_beyond_what_can_be_kept_are_refused(
    database: Database, place: Place
) -> None:
    """Of the balance, and of one record, however often it was paid for."""
    most = [message(place, CREDITS_MAX, event_id=event_id) for event_id in ("a", "b")]
    assert await _record(database, place, *most) == [
        Recorded("a", 1),
        Refused("b", RefusalReason.CREDITS_OUT_OF_RANGE),
    ]
    async with database.write() as session:
        await ledger.grant(
            session, workspace_id=place.workspace_id, grant=grant(CREDITS_MAX), now=NOON
        )
    assert await _record(
        database,
        place,
        message(place, 1, event_id="c"),
        message(place, 1, event_id="d", conversation_id="other"),
    ) == [Refused("c", RefusalReason.CREDITS_OUT_OF_RANGE), Recorded("d", 3)]
    assert await drifts(database, place) == []


async def test_the_same_ids_in_two_workspaces_are_different_things(
    database: Database, place: Place
) -> None:
    """Event ids, conversations: each workspace has its own."""
    other = await add_place(database)
    for where in (place, other):
        assert await _record(database, where, message(where, 4, event_id="event")) == [
            Recorded("event", 1)
        ]
    for where in (place, other):
        [record] = await stored(database, where, ConversationUsage)
        assert record["credits"] == 4


async def test_finished_usage_is_recorded_past_the_balance(
    database: Database, place: Place
) -> None:
    """What is there pays, the rest is overdraft; an expired lot pays nothing."""
    async with database.write() as session:
        for lot in (grant(10), grant(5, expires_at=NOON + hours(1))):
            await ledger.grant(session, workspace_id=place.workspace_id, grant=lot, now=NOON)
    event = message(place, 25, occurred_at=NOON)
    await _record(database, place, event, now=NOON + DAY)
    assert await stored(database, place, CreditSpend) == [
        {"charge_number": 4, "lot_number": 1, "credits": 10}
    ]
    [booked] = await stored(database, place, CreditBalance)
    assert (booked["balance"], booked["overdraft"]) == (-15, 15)
    assert await drifts(database, place) == []


async def test_what_is_left_is_what_a_reader_finds(database: Database, place: Place) -> None:
    """Also when nothing is charged, and when a lot has expired that nobody has booked yet."""
    key = {"workspace_id": place.workspace_id}
    async with database.write() as session:
        for lot in (grant(10, expires_at=NOON + hours(1)), grant(5)):
            await ledger.grant(session, **key, grant=lot, now=NOON)
    used, dear = message(place, 3), message(place, 100)
    told = []
    for event, now in ((used, NOON), (used, NOON + hours(2)), (dear, NOON + hours(3))):
        async with database.write() as session:
            outcome = await usage.record(session, **key, events=[event], now=now)
        async with database.snapshot() as snapshot:
            [found] = (
                await balance.current(snapshot, workspace_ids=[*key.values()], now=now)
            ).values()
        told.append((outcome.remaining, outcome.overdraft))
        assert told[-1] == (found.remaining, found.overdraft)
    assert told == [(12, 0), (5, 0), (0, 95)]


async def test_a_batch_has_a_limit(database: Database, place: Place) -> None:
    """A thousand events are recorded, one more and none is."""
    events = [message(place, 1, conversation_id=f"chat {i % 7}") for i in range(1_001)]
    with pytest.raises(UsageBatchTooLarge, match="1001 events"):
        await _record(database, place, *events)
    assert await stored(database, place, CreditCharge) == []

    answers = await _record(database, place, *events[:1_000])
    assert [answer for answer in answers if not isinstance(answer, Recorded)] == []
    records = await stored(database, place, ConversationUsage)
    assert sum(record["credits"] for record in records) == 1_000
    assert await drifts(database, place) == []


async def test_an_empty_batch_answers_nothing(database: Database, place: Place) -> None:
    """And writes nothing."""
    assert await _record(database, place) == []


async def test_a_workspace_that_does_not_exist_is_refused(database: Database, place: Place) -> None:
    """Whatever the events are."""
    with pytest.raises(WorkspaceNotFound):
        async with database.write() as session:
            await usage.record(session, workspace_id=new_id(), events=[message(place)], now=NOON)


async def test_a_thousand_events_take_as_many_statements_as_three(
    database: Database, place: Place
) -> None:
    """Lock, lots, four questions; records of three kinds, charges, spends, the lot, the balance."""
    async with database.write() as session:
        await ledger.grant(session, workspace_id=place.workspace_id, grant=grant(10_000), now=NOON)
    counts = []
    for size in (1, 300):
        statements: list[str] = []
        stop = database.on_statement(statements.append)
        await _record(
            database,
            place,
            *(message(place, conversation_id=f"{size} {i}") for i in range(size)),
            *(call(place, call_id=f"{size} {i}") for i in range(size)),
            *(import_(place, task_id=f"{size} {i}") for i in range(size)),
        )
        stop()
        counts.append(len(statements))
    assert counts == [14, 14]


async def test_events_sent_by_many_at_once_are_charged_once(
    database: Database, place: Place
) -> None:
    """Every event is recorded for exactly one sender and a duplicate for the others."""
    events = [message(place, 3, event_id=f"event {i}") for i in range(20)]
    batches = await asyncio.gather(
        *(_record(database, place, *events[sender:], *events[:sender]) for sender in range(6))
    )
    answers = [answer for batch in batches for answer in batch]
    assert len([answer for answer in answers if isinstance(answer, Recorded)]) == 20
    assert len([answer for answer in answers if isinstance(answer, Duplicate)]) == 100
    [record] = await stored(database, place, ConversationUsage)
    assert record["credits"] == 60
    assert await drifts(database, place) == []


async def _join(database: Database, place: Place) -> Any:
    """Add a member to the workspace; return who it is."""
    user_id = new_id()
    rows: list[tuple[type[Base], dict[str, Any]]] = [
        (User, {"id": user_id, "subject": str(user_id), "name": "Bo", "email": "bo@example.com"}),
        (
            Membership,
            {"workspace_id": place.workspace_id, "user_id": user_id, "role": Role.MEMBER},
        ),
    ]
    async with database.write() as session:
        for model, row in rows:
            await session.execute(insert(model).values(**row, created_at=NOON))
    return user_id
