"""The ledger on PostgreSQL: what the book says is what is written, and writers take turns."""

import asyncio
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from billing import balance, ledger, usage
from billing.book import Book
from billing.entries import Adjustment, Deduction, Grant
from billing.errors import CreditsOutOfRange, WorkspaceNotFound
from billing.usage import UsageEvent
from models.base import new_id
from models.database import Database
from models.ledger import (
    CreditAdjustment,
    CreditBalance,
    CreditCharge,
    CreditLot,
    LotKind,
)
from tests import postgres
from tests.billing import factories
from tests.billing.factories import (
    DAY,
    NOON,
    Place,
    add_place,
    days,
    deduction,
    drifts,
    grant,
    hours,
    message,
    package,
    purchase,
    stored,
)


async def _grant(
    database: Database, place: Place, asked: Grant, *, now: datetime = NOON
) -> Adjustment:
    async with database.write() as session:
        return await ledger.grant(session, workspace_id=place.workspace_id, grant=asked, now=now)


async def _remove(
    database: Database, place: Place, asked: Deduction, *, now: datetime = NOON
) -> Adjustment:
    async with database.write() as session:
        return await ledger.remove(
            session, workspace_id=place.workspace_id, deduction=asked, now=now
        )


async def _record(
    database: Database, place: Place, *events: UsageEvent, now: datetime = NOON
) -> list[usage.Answer]:
    async with database.write() as session:
        outcome = await usage.record(
            session, workspace_id=place.workspace_id, events=events, now=now
        )
    return [*outcome.answers]


async def _balance(database: Database, place: Place) -> tuple[int, int, int]:
    """Return the booked balance, the overdraft and the number of the last entry."""
    columns = CreditBalance.balance, CreditBalance.overdraft, CreditBalance.last_entry_number
    async with database.snapshot() as snapshot:
        row = await snapshot.first(
            select(*columns).where(CreditBalance.workspace_id == place.workspace_id)
        )
    assert row is not None
    return row.balance, row.overdraft, row.last_entry_number


async def test_a_grant_is_written_as_an_adjustment_and_its_lot(
    database: Database, place: Place
) -> None:
    """One row each, under one number, and the balance says so."""
    asked = grant(100, source_key="gift:1", expires_at=NOON + DAY)

    written = await _grant(database, place, asked, now=NOON + hours(1))

    assert await stored(database, place, CreditAdjustment) == [
        {
            "entry_number": 1,
            "source_key": "gift:1",
            "type": "ADMIN_ADJUSTMENT",
            "amount": 100,
            "unpaid": 0,
            "balance_after": 100,
            "detail": {"note": ""},
            "description": "",
            "created_at": NOON + hours(1),
        }
    ]
    assert await stored(database, place, CreditLot) == [
        {
            "number": written.number,
            "kind": LotKind.GRANTED,
            "granted": 100,
            "remaining": 100,
            "period_end": None,
            "expires_at": NOON + DAY,
            "created_at": NOON + hours(1),
        }
    ]
    assert await _balance(database, place) == (100, 0, 1)


async def test_a_source_is_written_once(database: Database, place: Place) -> None:
    """The answer is the entry of the first time, as it was written; nothing is added."""
    asked = grant(100)
    first = await _grant(database, place, asked)
    assert await _grant(database, place, asked, now=NOON + days(3)) == first
    assert await _balance(database, place) == (100, 0, 1)

    once = deduction(30)
    removed = await _remove(database, place, once)
    assert await _remove(database, place, once) == removed
    assert await _balance(database, place) == (70, 0, 2)


async def test_a_lot_repays_what_was_unpaid_before_it_was_opened(
    database: Database, place: Place
) -> None:
    """The oldest first; only as much of the queue is read as the lot can repay."""
    await _record(database, place, message(place, 10), message(place, 20))
    await _remove(database, place, deduction(5))
    await _record(database, place, message(place, 40))

    await _grant(database, place, grant(32))

    charges = await stored(database, place, CreditCharge)
    adjustments = await stored(database, place, CreditAdjustment)
    assert [row["unpaid"] for row in charges] == [0, 0, 40]
    assert [row["unpaid"] for row in adjustments] == [3, 0]
    assert await _balance(database, place) == (-43, 43, 5)
    assert await drifts(database, place) == []


async def test_a_block_that_raises_writes_nothing(database: Database, place: Place) -> None:
    """Not even what it did before that, nor what had expired."""
    await _grant(database, place, grant(10, expires_at=NOON + hours(1)))
    with pytest.raises(CreditsOutOfRange):
        async with (
            database.write() as session,
            ledger.opened(session, workspace_id=place.workspace_id) as book,
        ):
            book.charge(factories.usage(-1), now=NOON + DAY)
    assert await _balance(database, place) == (10, 0, 1)
    assert len(await stored(database, place, CreditAdjustment)) == 1


async def test_expiry_alone_is_written(database: Database, place: Place) -> None:
    """As often as it is asked for, once."""
    await _grant(database, place, grant(10, expires_at=NOON + hours(1)))
    for _ in range(2):
        async with database.write() as session:
            await ledger.expire(session, workspace_id=place.workspace_id, now=NOON + DAY)
    assert [row["amount"] for row in await stored(database, place, CreditAdjustment)] == [10, -10]
    assert await _balance(database, place) == (0, 0, 2)
    assert await drifts(database, place) == []


async def test_the_end_of_a_plan_is_written(database: Database, place: Place) -> None:
    """The named lot is empty, the bought one is whole."""
    plan = await _grant(database, place, package(100))
    await _grant(database, place, purchase(50))
    async with (
        database.write() as session,
        ledger.opened(session, workspace_id=place.workspace_id) as book,
    ):
        book.end([plan.number], source_key="sub_end:sub_1", now=NOON)
    assert [row["remaining"] for row in await stored(database, place, CreditLot)] == [0, 50]
    assert await drifts(database, place) == []


async def test_a_workspace_without_a_ledger_is_refused(database: Database) -> None:
    """Nothing is created on the way."""
    workspace_id = new_id()
    with pytest.raises(WorkspaceNotFound) as refusal:
        async with database.write() as session:
            await ledger.grant(session, workspace_id=workspace_id, grant=grant(1), now=NOON)
    assert refusal.value.workspace_id == workspace_id


async def test_a_grant_that_was_not_announced_is_a_bug(database: Database, place: Place) -> None:
    """Its source was not looked up, so that it could be granted twice."""
    with pytest.raises(AssertionError):
        async with (
            database.write() as session,
            ledger.opened(session, workspace_id=place.workspace_id) as book,
        ):
            book.grant(grant(1), now=NOON)
    assert await _balance(database, place) == (0, 0, 0)


async def test_a_thousand_charges_take_as_many_statements_as_one(
    database: Database, place: Place
) -> None:
    """Lock, lots, charges, spends, the lot, the balance."""
    await _grant(database, place, grant(10_000))
    record_id = await factories.add_conversation(database, place)
    counts = []
    for size in (1, 1_000):
        statements: list[str] = []
        stop = database.on_statement(statements.append)
        async with (
            database.write() as session,
            ledger.opened(session, workspace_id=place.workspace_id) as book,
        ):
            for _ in range(size):
                book.charge(factories.usage(2, record_id=record_id), now=NOON)
        stop()
        counts.append(len(statements))
    assert counts == [7, 7]


@dataclass(frozen=True)
class _Step:
    """Something that happens to a workspace, after some time."""

    verb: str
    wait: timedelta
    amounts: list[int]
    kind: LotKind
    life: timedelta | None
    flag: bool


_STEPS = st.lists(
    st.builds(
        _Step,
        verb=st.sampled_from(["grant", "grant", "again", "record", "record", "remove", "expire"]),
        wait=st.sampled_from([hours(-3), hours(0), hours(1), hours(7), DAY]),
        amounts=st.lists(st.integers(1, 40), min_size=1, max_size=4),
        kind=st.sampled_from(LotKind),
        life=st.sampled_from([None, hours(-1), hours(2), DAY, days(5)]),
        flag=st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


class _Twins:
    """The ledger of a workspace and a book in memory, to which the same happens."""

    def __init__(self, database: Database, place: Place) -> None:
        self.database = database
        self.place = place
        self.book = Book(opened_at=NOON)
        self.now = NOON
        self.grants: list[Grant] = [grant(1)]

    async def do(self, step: _Step) -> None:
        """Do it to both."""
        self.now += step.wait
        amount = step.amounts[0]
        if step.verb == "record":
            await self._record(step.amounts)
        elif step.verb == "remove":
            lots = [self.book.last_entry_number] if len(step.amounts) > 2 else None
            asked = deduction(amount, recurring_first=step.flag and lots is None, own_lots=lots)
            await _remove(self.database, self.place, asked, now=self.now)
            self.book.remove(asked, now=self.now)
        elif step.verb == "expire":
            async with self.database.write() as session:
                await ledger.expire(session, workspace_id=self.place.workspace_id, now=self.now)
            self.book.expire(now=self.now)
        else:
            if step.verb == "grant":
                end = None if step.life is None else self.now + step.life
                renews_at = self.now + DAY if step.flag else None
                self.grants.append(
                    grant(
                        amount, kind=step.kind, period_end=end, expires_at=end, renews_at=renews_at
                    )
                )
            await _grant(self.database, self.place, self.grants[-1], now=self.now)
            self.book.grant(self.grants[-1], now=self.now)

    async def _record(self, amounts: list[int]) -> None:
        events = [message(self.place, amount, occurred_at=self.now) for amount in amounts]
        await _record(self.database, self.place, *events, now=self.now)
        for event in events:
            self.book.charge(
                factories.usage(event.credits, event_id=event.event_id, occurred_at=self.now),
                now=self.now,
            )


async def _compare(database: Database, steps: list[_Step]) -> None:
    """Let the steps happen to a new workspace and to a book; every row must be the book's."""
    twins = _Twins(database, await add_place(database))
    for step in steps:
        await twins.do(step)

    assert await drifts(database, twins.place) == []
    book = twins.book
    assert await _balance(database, twins.place) == (
        book.balance,
        book.overdraft,
        book.last_entry_number,
    )
    for model, rows in ledger.new_rows(book.take_changes()).items():
        expected = [dict(zip(rows.names, row, strict=True)) for row in rows.values]
        found = await stored(database, twins.place, model)
        assert _comparable(found) == _comparable(expected)


def _comparable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows in a fixed order, without what a book in memory does not know."""
    unknown = {"event_hash", "conversation_usage_id"}
    known = [{name: row[name] for name in row if name not in unknown} for row in rows]
    return sorted(known, key=lambda row: list(row.values())[:2])


@given(steps=_STEPS)
@settings(
    max_examples=60,
    deadline=None,
    # Each example has a workspace of its own in the one database.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_what_is_written_is_what_the_book_says(
    database: Database, steps: list[_Step]
) -> None:
    """Row by row and table by table, after any history; and the audit finds nothing."""
    await _compare(database, steps)


@given(steps=_STEPS)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_the_balance_as_of_a_moment_is_what_the_book_would_have_said_then(
    database: Database, steps: list[_Step]
) -> None:
    """Between writes too: what had expired by then does not count, booked or not."""
    twins = _Twins(database, await add_place(database))
    pages = [(NOON, deepcopy(twins.book))]
    for step in steps:
        await twins.do(step)
        pages.append((twins.book.last_entry_at, deepcopy(twins.book)))

    for written_at, _ in pages:
        for moment in (written_at - hours(0.5), written_at, written_at + hours(1.5)):
            said = [book for at, book in pages if at <= moment]
            expected = deepcopy(said[-1]) if said else Book(opened_at=NOON)
            expected.expire(now=moment)
            async with database.snapshot() as snapshot:
                found = await balance.as_of(
                    snapshot, workspace_ids=[twins.place.workspace_id], at=moment
                )
            assert found == [expected.balance]


@pytest.mark.long
@given(steps=_STEPS)
@settings(
    max_examples=1_500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_what_is_written_is_what_the_book_says_at_length(
    database: Database, steps: list[_Step]
) -> None:
    """The same, with more histories."""
    await _compare(database, steps)


async def _write_at_once(database: Database, *, writers: int, rounds: int) -> None:
    """Let writers grant, remove and record in one workspace, each on a connection of its own."""
    place = await add_place(database)

    async def write(writer: int) -> int:
        total = 0
        for turn in range(rounds):
            now = NOON + timedelta(seconds=turn - writer)
            if turn % 5 == writer % 5:
                total += (await _grant(database, place, grant(50), now=now)).amount
            elif turn % 7 == writer % 7:
                total += (await _remove(database, place, deduction(9), now=now)).amount
            else:
                events = [message(place, 4), message(place, 3)]
                await _record(database, place, *events, now=now)
                total -= 7
        return total

    totals = await asyncio.gather(*(write(writer) for writer in range(writers)))

    total, _, last_entry_number = await _balance(database, place)
    entries = [
        row["entry_number"]
        for model in (CreditAdjustment, CreditCharge)
        for row in await stored(database, place, model)
    ]
    assert total == sum(totals)
    assert sorted(entries) == list(range(1, last_entry_number + 1))
    assert await drifts(database, place) == []


async def test_writers_of_one_workspace_lose_nothing(database: Database) -> None:
    """Whatever their clocks say: numbers without a gap, the sum of all, a clean audit."""
    await _write_at_once(database, writers=8, rounds=8)


@pytest.mark.long
async def test_many_writers_of_one_workspace_lose_nothing(database_url: str) -> None:
    """The same, with 32 writers."""
    database = Database(database_url, pool_size=32)
    await _write_at_once(database, writers=32, rounds=100)
    await database.close()


async def test_a_source_that_many_grant_at_once_is_granted_once(
    database: Database, place: Place
) -> None:
    """Everyone gets the same answer, nobody an error."""
    asked = grant(100)
    answers = await asyncio.gather(*(_grant(database, place, asked) for _ in range(8)))
    assert answers == [answers[0]] * 8
    assert await _balance(database, place) == (100, 0, 1)


async def test_writers_of_one_workspace_take_turns(database: Database, place: Place) -> None:
    """Who comes second waits for the first, and then sees what that has written."""
    await _grant(database, place, grant(100))
    record_id = await factories.add_conversation(database, place)
    async with (
        database.write() as session,
        ledger.opened(session, workspace_id=place.workspace_id) as book,
    ):
        second = asyncio.create_task(_remove(database, place, deduction(30)))
        await postgres.until_somebody_waits(database)
        assert not second.done()
        book.charge(factories.usage(20, record_id=record_id), now=NOON)
    assert (await second).balance_after == 50


async def test_two_workspaces_do_not_wait_for_each_other(database: Database, place: Place) -> None:
    """A whole write of the one fits into a write of the other."""
    other = await add_place(database)
    async with (
        database.write() as session,
        ledger.opened(session, workspace_id=place.workspace_id) as book,
    ):
        await asyncio.wait_for(_grant(database, other, grant(5)), timeout=5)
        await asyncio.wait_for(_record(database, other, message(other, 5)), timeout=5)
        book.expire(now=NOON)
    assert await _balance(database, other) == (0, 0, 2)
    assert await _balance(database, place) == (0, 0, 0)
