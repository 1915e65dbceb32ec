"""Recording together: whoever waits for the same workspace shares a transaction."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import pytest

from billing import ledger, use
from billing.errors import UsageBatchTooLarge, WorkspaceNotFound
from billing.recorder import Recorder
from billing.reporting import Report
from billing.usage import Answer, Duplicate, Recorded, Refused
from billing.use import RefusalReason
from models.base import new_id
from models.database import Database, DatabaseUnavailable
from models.ledger import CreditCharge
from models.usage import BillingType
from tests import dying, postgres
from tests.billing.factories import NOON, Place, add_place, days, drifts, stored


@pytest.fixture
def recorder(database: Database) -> Recorder:
    """Return a recorder as a process has it."""
    return Recorder(database)


async def test_who_comes_at_once_is_recorded_in_one_transaction(
    database: Database, place: Place, recorder: Recorder
) -> None:
    """The ledger is locked once, and each is given the answers to their own events."""
    batches = [[_report(f"{n} {i}", place) for i in range(3)] for n in range(32)]

    with _locks(database) as locks:
        answers = await _together(recorder, place, batches)

    assert len(locks) == 1
    assert [[answer.event_id for answer in each] for each in answers] == [
        [report.event_id for report in batch] for batch in batches
    ]
    assert all(isinstance(answer, Recorded) for each in answers for answer in each)
    assert len(await stored(database, place, CreditCharge)) == 96
    assert await drifts(database, place) == []


async def test_no_more_are_recorded_together_than_one_batch_may_hold(
    database: Database, place: Place, recorder: Recorder
) -> None:
    """A transaction stays as short as that of the largest batch."""
    batches = [[_report(f"{n} {i}", place) for i in range(500)] for n in range(4)]

    with _locks(database) as locks:
        await _together(recorder, place, batches)

    assert len(locks) == 2
    assert len(await stored(database, place, CreditCharge)) == 2_000


async def test_an_event_that_two_send_at_once_is_charged_once(
    database: Database, place: Place, recorder: Recorder
) -> None:
    """Each is told what became of their own."""
    first, again, other = _report("a", place), _report("a", place), _report("a", place, 9)

    answers = await _together(recorder, place, [[], [first], [again], [other]])

    assert answers == [
        [],
        [Recorded("a", 1)],
        [Duplicate("a", 1)],
        [Refused("a", RefusalReason.EVENT_ID_REUSED)],
    ]
    assert len(await stored(database, place, CreditCharge)) == 1


async def test_whose_events_cannot_be_recorded_fails_alone(
    database: Database, place: Place, recorder: Recorder
) -> None:
    """A mistake of one caller is no failure of those who wait with them."""
    unzoned = _report("bad", place, occurred_at=NOON.replace(tzinfo=None))
    batches = [[], [_report("a", place)], [unzoned], [_report("b", place)]]

    answers = await asyncio.gather(
        *(_record(recorder, place, batch) for batch in batches), return_exceptions=True
    )

    assert isinstance(answers[2], AssertionError)
    assert [answers[1], answers[3]] == [[Recorded("a", 1)], [Recorded("b", 2)]]
    charged = [charge["event_id"] for charge in await stored(database, place, CreditCharge)]
    assert charged == ["a", "b"]


async def test_a_failure_of_the_database_is_everybodys(
    database: Database, place: Place, recorder: Recorder
) -> None:
    """It is told, not hidden; sent again, everything is recorded once."""
    batches = [[_report(name, place)] for name in "abc"]

    with dying.at_step(database, 4):
        failed = await asyncio.gather(
            *(_record(recorder, place, batch) for batch in batches), return_exceptions=True
        )
    again = await _together(recorder, place, batches)

    assert [type(failure) for failure in failed] == [DatabaseUnavailable] * 3
    assert again == [[Recorded(name, number)] for number, name in enumerate("abc", 1)]
    assert len(await stored(database, place, CreditCharge)) == 3


async def test_a_workspace_does_not_wait_for_another_one(
    database: Database, place: Place, recorder: Recorder
) -> None:
    """Not even when somebody holds its ledger."""
    elsewhere = await add_place(database)
    async with (
        database.write() as session,
        ledger.opened(session, workspace_id=place.workspace_id),
    ):
        waiting = asyncio.create_task(_record(recorder, place, [_report("here", place)]))
        answers = await _record(recorder, elsewhere, [_report("there", elsewhere)])
        assert not waiting.done()

    assert answers == [Recorded("there", 1)]
    assert await waiting == [Recorded("here", 1)]


async def test_who_comes_meanwhile_waits_together_and_may_give_up(
    database: Database, place: Place, recorder: Recorder
) -> None:
    """Before their turn nothing is recorded of them; whose turn had begun sends a duplicate."""
    with _locks(database) as locks:
        async with (
            database.write() as session,
            ledger.opened(session, workspace_id=place.workspace_id),
        ):
            begun = asyncio.create_task(_record(recorder, place, [_report("begun", place)]))
            await postgres.until_somebody_waits(database)
            hasty, one, other = (
                asyncio.create_task(_record(recorder, place, [_report(name, place)]))
                for name in ("hasty", "one", "other")
            )
            await asyncio.wait({begun, hasty, one, other}, timeout=0)
            begun.cancel()
            hasty.cancel()
        assert [await one, await other] == [[Recorded("one", 2)], [Recorded("other", 3)]]

    assert len(locks) == len(["ours", "begun", "one and other"])

    charged = [charge["event_id"] for charge in await stored(database, place, CreditCharge)]
    assert charged == ["begun", "one", "other"]


async def test_the_latest_clock_of_those_who_wait_is_the_time_of_all(
    database: Database, place: Place, recorder: Recorder
) -> None:
    """Time does not run back in a ledger."""
    batches = {"early": NOON, "late": NOON + days(2), "later": NOON + days(1)}

    await asyncio.gather(
        *(
            _record(recorder, place, [_report(name, place)], now=now)
            for name, now in batches.items()
        )
    )

    charges = await stored(database, place, CreditCharge)
    assert [charge["created_at"] for charge in charges] == 3 * [NOON + days(2)]


async def test_what_cannot_be_recorded_at_all_is_refused(
    database: Database, place: Place, recorder: Recorder
) -> None:
    """A batch that is too large, at once; a workspace that is not there, for all who name it."""
    with pytest.raises(UsageBatchTooLarge):
        await _record(recorder, place, [_report(str(n), place) for n in range(1_001)])

    answers = await asyncio.gather(
        *(recorder.record(workspace_id=new_id(), reports=[], now=NOON) for _ in range(2)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [WorkspaceNotFound, WorkspaceNotFound]
    assert await stored(database, place, CreditCharge) == []


def _report(
    event_id: str, place: Place, credits_: int = 3, *, occurred_at: datetime = NOON
) -> Report:
    return Report(
        event_id=event_id,
        occurred_at=occurred_at,
        user_subject=str(place.user_id),
        credits=credits_,
        use=use.Conversation("chat", "", BillingType.MESSAGE, 1),
    )


async def _record(
    recorder: Recorder, place: Place, reports: Sequence[Report], *, now: datetime = NOON
) -> list[Answer]:
    outcome = await recorder.record(workspace_id=place.workspace_id, reports=reports, now=now)
    return [*outcome.answers]


async def _together(
    recorder: Recorder, place: Place, batches: Sequence[Sequence[Report]]
) -> list[list[Answer]]:
    return await asyncio.gather(*(_record(recorder, place, batch) for batch in batches))


@contextmanager
def _locks(database: Database) -> Iterator[list[str]]:
    """Give the statements that lock a ledger from now on."""
    locks: list[str] = []

    def hear(statement: str) -> None:
        if "FOR UPDATE" in statement:
            locks.append(statement)

    stop = database.on_statement(hear)
    yield locks
    stop()
