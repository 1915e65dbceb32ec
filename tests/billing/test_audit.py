"""The audit: books that are right are silent, and whatever is tampered with is named."""

import pytest
from sqlalchemy import text

from billing import audit, ledger, usage
from billing.audit import Drift, Invariant
from models.database import Database
from models.ledger import CreditAdjustment, CreditCharge
from models.usage import ConversationUsage
from tests.billing.factories import (
    NOON,
    Place,
    add_place,
    call,
    days,
    deduction,
    drifts,
    grant,
    hours,
    import_,
    message,
    purchase,
    stored,
)


@pytest.fixture
async def history(database: Database, place: Place) -> Place:
    """Give the workspace a history of thirteen entries, in which everything has happened.

    1 grant 100, expiring after a day   2 charge 30, 3 charge 5, 4 charge 7 of three kinds
    5 expiration 58   6 grant 50   7 removal 20   8 charge 40: 10 unpaid   9 removal 6: 6 unpaid
    10 purchase 8 repays 8   11 charge 1: 1 unpaid   12 purchase 100 repays 9   13 charge 11
    """
    key = {"workspace_id": place.workspace_id}
    async with database.write() as session:
        expiring = grant(100, source_key="gift", expires_at=NOON + days(1))
        await ledger.grant(session, **key, grant=expiring, now=NOON)
        events = [
            message(place, 30, event_id="a", conversation_id="chat", message_count=2),
            call(place, 5),
            import_(place, 7),
        ]
        await usage.record(session, **key, events=events, now=NOON + hours(1))
        later = NOON + days(2)
        await ledger.grant(session, **key, grant=grant(50), now=later)
        await ledger.remove(session, **key, deduction=deduction(20), now=later)
        late = [message(place, 40, conversation_id="chat", occurred_at=later)]
        await usage.record(session, **key, events=late, now=later)
        await ledger.remove(session, **key, deduction=deduction(6), now=later)
        await ledger.grant(session, **key, grant=purchase(8), now=later)
        await usage.record(session, **key, events=[call(place, 1, call_id="b")], now=later)
        await ledger.grant(session, **key, grant=purchase(100), now=later)
        await usage.record(session, **key, events=[import_(place, 11, task_id="c")], now=later)
    return place


async def test_books_that_are_right_are_silent(database: Database, history: Place) -> None:
    """After grants, charges, an expiry, removals, overdraft and repayment."""
    adjustments = await stored(database, history, CreditAdjustment)
    charges = await stored(database, history, CreditCharge)
    numbers = [row["entry_number"] for row in (*adjustments, *charges)]
    assert sorted(numbers) == list(range(1, 14))
    assert await drifts(database, history) == []


async def test_an_empty_ledger_is_silent(database: Database, place: Place) -> None:
    """There is nothing that could be wrong."""
    assert await drifts(database, place) == []


_LATER = "2026-03-03 12:00:00+00"

_TAMPERINGS = [
    (
        "UPDATE credit_balances SET balance = 81",
        [
            ("BALANCE_EXPLAINED", "balance by entries", "80", "81"),
            ("BALANCE_EXPLAINED", "balance by lots", "80", "81"),
        ],
    ),
    (
        "UPDATE credit_balances SET overdraft = 1",
        [("OVERDRAFT_EXPLAINED", "overdraft", "0", "1")],
    ),
    (
        "UPDATE credit_balances SET last_entry_number = 14",
        [("LAST_ENTRY_KNOWN", "last entry number", "13", "14")],
    ),
    (
        "UPDATE credit_balances SET last_entry_at = last_entry_at + interval '1 second'",
        [("LAST_ENTRY_KNOWN", "last entry time", _LATER, "2026-03-03 12:00:01+00")],
    ),
    (
        "DELETE FROM credit_balances",
        [
            ("BALANCE_EXPLAINED", "balance by entries", "80", "nothing"),
            ("BALANCE_EXPLAINED", "balance by lots", "80", "nothing"),
            ("OVERDRAFT_EXPLAINED", "overdraft", "0", "nothing"),
            ("LAST_ENTRY_KNOWN", "last entry number", "13", "nothing"),
            ("LAST_ENTRY_KNOWN", "last entry time", _LATER, "nothing"),
        ],
    ),
    (
        "UPDATE credit_adjustments SET amount = 51 WHERE entry_number = 6",
        [
            ("ENTRIES_CHAINED", "entry 6", "51", "50"),
            ("BALANCE_EXPLAINED", "balance by entries", "81", "80"),
            ("LOT_GRANTED", "lot 6", f"51 at {_LATER}", f"50 at {_LATER}"),
        ],
    ),
    (
        "UPDATE credit_adjustments SET amount = -21 WHERE entry_number = 7",
        [
            ("ENTRIES_CHAINED", "entry 7", "29", "30"),
            ("BALANCE_EXPLAINED", "balance by entries", "79", "80"),
            ("ADJUSTMENT_EXPLAINED", "adjustment 7", "1", "0"),
        ],
    ),
    (
        "UPDATE credit_adjustments SET unpaid = 1 WHERE entry_number = 9",
        [
            ("BALANCE_EXPLAINED", "balance by lots", "79", "80"),
            ("OVERDRAFT_EXPLAINED", "overdraft", "1", "0"),
            ("ADJUSTMENT_EXPLAINED", "adjustment 9", "0", "1"),
        ],
    ),
    (
        "UPDATE credit_adjustments SET balance_after = 1 WHERE entry_number = 7",
        [
            ("ENTRIES_CHAINED", "entry 7", "30", "1"),
            ("ENTRIES_CHAINED", "entry 8", "-39", "-10"),
        ],
    ),
    (
        "UPDATE credit_adjustments SET created_at = '2026-02-28Z' WHERE entry_number = 7",
        [("ENTRIES_IN_TIME", "entry 7", f"at or after {_LATER}", "2026-02-28 00:00:00+00")],
    ),
    (
        "DELETE FROM credit_adjustments WHERE entry_number = 7",
        [
            ("ENTRIES_GAPLESS", "entry 8", "7", "8"),
            ("ENTRIES_CHAINED", "entry 8", "10", "-10"),
            ("BALANCE_EXPLAINED", "balance by entries", "100", "80"),
            ("ADJUSTMENT_EXPLAINED", "adjustment 7", "-20", "0"),
        ],
    ),
    (
        "DELETE FROM credit_adjustments WHERE entry_number = 12",
        [
            ("ENTRIES_GAPLESS", "entry 13", "12", "13"),
            ("ENTRIES_CHAINED", "entry 13", "-20", "80"),
            ("BALANCE_EXPLAINED", "balance by entries", "-20", "80"),
            ("LOT_GRANTED", "lot 12", "nothing", f"100 at {_LATER}"),
        ],
    ),
    (
        "UPDATE credit_lots SET remaining = 79 WHERE number = 12",
        [
            ("BALANCE_EXPLAINED", "balance by lots", "79", "80"),
            ("LOT_EXPLAINED", "lot 12", "80", "79"),
        ],
    ),
    (
        "UPDATE credit_lots SET granted = 101 WHERE number = 12",
        [
            ("LOT_GRANTED", "lot 12", f"100 at {_LATER}", f"101 at {_LATER}"),
            ("LOT_EXPLAINED", "lot 12", "81", "80"),
        ],
    ),
    (
        "UPDATE credit_lots SET expires_at = '2026-03-03 12:00Z' WHERE number = 6",
        [
            ("LOT_EXPIRED", "adjustment 7", f"nothing of lot 6 from {_LATER}", "20"),
            ("LOT_EXPIRED", "charge 8", f"nothing of lot 6 from {_LATER}", "30"),
        ],
    ),
    (
        "UPDATE credit_lots SET expires_at = '2026-03-03 12:00Z' WHERE number = 12",
        [
            ("LOT_EXPIRED", "lot 12", f"0 left from {_LATER}", "80"),
            ("LOT_EXPIRED", "charge 13", f"nothing of lot 12 from {_LATER}", "11"),
        ],
    ),
    (
        "DELETE FROM credit_lots WHERE number = 10",
        [("LOT_GRANTED", "lot 10", f"8 at {_LATER}", "nothing")],
    ),
    (
        "UPDATE credit_charges SET credits = 8 WHERE entry_number = 4",
        [
            ("ENTRIES_CHAINED", "entry 4", "57", "58"),
            ("BALANCE_EXPLAINED", "balance by entries", "79", "80"),
            ("CHARGE_EXPLAINED", "charge 4", "1", "0"),
            ("RECORD_EXPLAINED", "import task credits", "8", "7"),
        ],
    ),
    (
        "UPDATE credit_charges SET unpaid = 1 WHERE entry_number = 4",
        [
            ("BALANCE_EXPLAINED", "balance by lots", "79", "80"),
            ("OVERDRAFT_EXPLAINED", "overdraft", "1", "0"),
            ("CHARGE_EXPLAINED", "charge 4", "0", "1"),
        ],
    ),
    (
        "UPDATE credit_charges SET balance_after = 1 WHERE entry_number = 13",
        [("ENTRIES_CHAINED", "entry 13", "80", "1")],
    ),
    (
        "UPDATE credit_charges SET created_at = '2026-03-02Z' WHERE entry_number = 13",
        [("ENTRIES_IN_TIME", "entry 13", f"at or after {_LATER}", "2026-03-02 00:00:00+00")],
    ),
    (
        "UPDATE credit_charges SET occurred_at = '2026-03-09Z' WHERE entry_number = 8",
        [("RECORD_EXPLAINED", "conversation chat time", "2026-03-09 00:00:00+00", _LATER)],
    ),
    (
        "UPDATE credit_charges SET message_count = 5 WHERE entry_number = 2",
        [("RECORD_EXPLAINED", "conversation chat messages", "6", "3")],
    ),
    (
        "UPDATE credit_charges SET kind = 'VIDEO_GENERATION' WHERE entry_number = 2",
        [("RECORD_KIND", "conversation chat billing type", "VIDEO_GENERATION", "MESSAGE")],
    ),
    (
        "UPDATE credit_charges SET entry_number = 14 WHERE entry_number = 13",
        [
            ("ENTRIES_GAPLESS", "entry 14", "13", "14"),
            ("LAST_ENTRY_KNOWN", "last entry number", "14", "13"),
            ("CHARGE_EXPLAINED", "charge 13", "-11", "0"),
            ("CHARGE_EXPLAINED", "charge 14", "11", "0"),
        ],
    ),
    (
        "DELETE FROM credit_charges WHERE entry_number = 11",
        [
            ("ENTRIES_GAPLESS", "entry 12", "11", "12"),
            ("ENTRIES_CHAINED", "entry 12", "92", "91"),
            ("BALANCE_EXPLAINED", "balance by entries", "81", "80"),
            ("CHARGE_EXPLAINED", "charge 11", "-1", "0"),
            ("RECORD_EXPLAINED", "call b credits", "nothing", "1"),
        ],
    ),
    (
        "UPDATE credit_spends SET credits = 2 WHERE charge_number = 11",
        [
            ("LOT_EXPLAINED", "lot 12", "79", "80"),
            ("CHARGE_EXPLAINED", "charge 11", "-1", "0"),
        ],
    ),
    (
        "UPDATE credit_spends SET lot_number = 6 WHERE charge_number = 13",
        [("LOT_EXPLAINED", "lot 6", "-11", "0"), ("LOT_EXPLAINED", "lot 12", "91", "80")],
    ),
    (
        "DELETE FROM credit_spends WHERE charge_number = 4",
        [("LOT_EXPLAINED", "lot 1", "7", "0"), ("CHARGE_EXPLAINED", "charge 4", "7", "0")],
    ),
    (
        "UPDATE credit_removals SET credits = 19 WHERE adjustment_number = 7",
        [("LOT_EXPLAINED", "lot 6", "1", "0"), ("ADJUSTMENT_EXPLAINED", "adjustment 7", "1", "0")],
    ),
    (
        "DELETE FROM credit_removals WHERE adjustment_number = 7",
        [
            ("LOT_EXPLAINED", "lot 6", "20", "0"),
            ("ADJUSTMENT_EXPLAINED", "adjustment 7", "20", "0"),
        ],
    ),
    (
        "UPDATE conversation_usage SET credits = 71",
        [("RECORD_EXPLAINED", "conversation chat credits", "70", "71")],
    ),
    (
        "UPDATE conversation_usage SET message_count = 0",
        [("RECORD_EXPLAINED", "conversation chat messages", "3", "0")],
    ),
    (
        "UPDATE conversation_usage SET updated_at = updated_at + interval '1 hour'",
        [("RECORD_EXPLAINED", "conversation chat time", _LATER, "2026-03-03 13:00:00+00")],
    ),
    (
        "UPDATE conversation_usage SET billing_type = 'VIDEO_GENERATION'",
        [("RECORD_KIND", "conversation chat billing type", "MESSAGE", "VIDEO_GENERATION")],
    ),
    (
        "DELETE FROM conversation_usage",
        [
            ("RECORD_KIND", "conversation {} billing type", "MESSAGE", "nothing"),
            ("RECORD_EXPLAINED", "conversation {} credits", "70", "nothing"),
            ("RECORD_EXPLAINED", "conversation {} messages", "3", "nothing"),
            ("RECORD_EXPLAINED", "conversation {} time", _LATER, "nothing"),
        ],
    ),
    (
        "UPDATE mcp_http_calls SET credits = 6 WHERE call_id = 'call'",
        [("RECORD_EXPLAINED", "call call credits", "5", "6")],
    ),
    (
        "UPDATE import_usage SET credits = 6 WHERE task_id = 'task'",
        [("RECORD_EXPLAINED", "import task credits", "7", "6")],
    ),
]


@pytest.mark.parametrize(
    ("statement", "expected"), _TAMPERINGS, ids=[statement for statement, _ in _TAMPERINGS]
)
async def test_tampering_is_named(
    database: Database,
    history: Place,
    statement: str,
    expected: list[tuple[str, str, str, str]],
) -> None:
    """Exactly what is wrong by it, even where the foreign keys are gone."""
    [chat] = await stored(database, history, ConversationUsage)
    await _tamper(database, _WITHOUT_FOREIGN_KEYS, statement)
    assert [
        (drift.invariant, drift.subject, drift.expected, drift.found)
        for drift in await drifts(database, history)
    ] == [
        (invariant, subject.format(chat["id"]), expected, found)
        for invariant, subject, expected, found in expected
    ]


async def test_what_is_credited_or_charged_twice_is_named(
    database: Database, history: Place
) -> None:
    """Even where the unique indexes are gone."""
    await _tamper(
        database,
        "DROP INDEX credit_adjustments_source_key",
        "DROP INDEX credit_charges_event_key",
        "UPDATE credit_adjustments SET source_key = 'gift' WHERE entry_number = 6",
        "UPDATE credit_charges SET event_id = 'a' WHERE entry_number = 13",
    )
    assert await drifts(database, history) == [
        Drift(history.workspace_id, Invariant.EVENT_ONCE, "event a", "1", "2"),
        Drift(history.workspace_id, Invariant.SOURCE_ONCE, "source gift", "1", "2"),
    ]


async def test_a_charge_on_the_wrong_kind_of_record_is_named(
    database: Database, history: Place
) -> None:
    """Even where the check is gone."""
    await _tamper(
        database,
        "ALTER TABLE credit_charges DROP CONSTRAINT charge_has_its_record",
        "UPDATE credit_charges SET kind = 'MESSAGE' WHERE entry_number = 4",
    )
    [drift] = await drifts(database, history)
    assert (drift.invariant, drift.subject, drift.expected) == (
        Invariant.RECORD_KIND,
        "charge 4",
        "the record of MESSAGE",
    )
    assert drift.found.startswith("import ")


async def test_the_drift_of_one_workspace_is_not_anothers(
    database: Database, history: Place
) -> None:
    """Each is audited by itself; `workspace_ids` says which there are."""
    bystander = await add_place(database)
    await _tamper(database, "UPDATE credit_lots SET remaining = 79 WHERE number = 12")
    assert len(await drifts(database, history)) == 2
    assert await drifts(database, bystander) == []
    async with database.snapshot() as snapshot:
        assert await audit.workspace_ids(snapshot) == [
            history.workspace_id,
            bystander.workspace_id,
        ]


async def test_a_question_reports_so_many_drifts_and_no_more(
    database: Database, place: Place
) -> None:
    """A workspace in ruins does not flood the report."""
    events = [message(place, 1) for _ in range(150)]
    async with database.write() as session:
        await usage.record(session, workspace_id=place.workspace_id, events=events, now=NOON)
    await _tamper(database, "UPDATE credit_charges SET balance_after = 1")
    assert len(await drifts(database, place)) == audit.DRIFTS_MAX


_WITHOUT_FOREIGN_KEYS = """
    DO $$
    DECLARE key record;
    BEGIN
        FOR key IN
            SELECT conrelid::regclass AS owner, conname FROM pg_constraint WHERE contype = 'f'
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', key.owner, key.conname);
        END LOOP;
    END $$
"""


async def _tamper(database: Database, *statements: str) -> None:
    """Do to the database what nobody should."""
    async with database.write() as session:
        for statement in statements:
            await session.execute(text(statement))
