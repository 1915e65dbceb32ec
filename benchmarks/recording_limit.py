"""The limit of recording: one transaction by hand that keeps the ledger's rows, and asks nothing.

It locks the balance, writes the records, the charges and what pays for them from the first lot that
holds credits, and the new balance: the rows that the gateway writes, under the same constraints.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, NamedTuple
from uuid import UUID

from benchmarks.limit import Connection
from models.base import new_id


class Event(NamedTuple):
    """An event of a conversation."""

    event_id: str
    conversation_id: str
    credits: int
    occurred_at: datetime


async def record(
    connection: Connection, workspace_id: UUID, user_id: UUID, events: Sequence[Event]
) -> None:
    """Charge events, each as one message of its conversation."""
    now = datetime.now(UTC)
    spent = [event.credits for event in events]
    async with connection.transaction():
        balance = await connection.fetchrow(_LOCK, workspace_id)
        lot = await connection.fetchval(_LOT, workspace_id)
        first = balance["last_entry_number"] + 1
        numbers = [*range(first, first + len(events))]
        left = [balance["balance"] - so_far for so_far in accumulate(spent)]
        record_ids = await _add_records(connection, workspace_id, user_id, events, now)
        await connection.execute(
            _CHARGES,
            *(workspace_id, numbers, [event.event_id for event in events]),
            [record_ids[event.conversation_id] for event in events],
            *(spent, left, [event.occurred_at for event in events], now),
        )
        await connection.execute(_SPENDS, workspace_id, numbers, lot, spent)
        await connection.execute(_SET_LOT, workspace_id, lot, sum(spent))
        await connection.execute(_SET_BALANCE, workspace_id, left[-1], numbers[-1], now)


async def _add_records(
    connection: Connection,
    workspace_id: UUID,
    user_id: UUID,
    events: Sequence[Event],
    now: datetime,
) -> dict[str, Any]:
    """Add the events to the totals of their conversations; return the ids of those."""
    credits_of: Counter[str] = Counter()
    for event in events:
        credits_of[event.conversation_id] += event.credits
    messages = Counter(event.conversation_id for event in events)
    rows = await connection.fetch(
        _RECORDS,
        *(workspace_id, user_id, now),
        [new_id() for _ in credits_of],
        *([*credits_of], [*messages.values()], [*credits_of.values()]),
    )
    return dict(rows)


_LOCK = """
    SELECT balance, last_entry_number FROM credit_balances WHERE workspace_id = $1 FOR UPDATE
"""
_LOT = """
    SELECT number FROM credit_lots WHERE workspace_id = $1 AND remaining > 0
    ORDER BY expires_at, number LIMIT 1
"""
_RECORDS = """
    INSERT INTO conversation_usage (workspace_id, user_id, created_at, updated_at, title,
        billing_type, id, conversation_id, message_count, credits)
    SELECT $1, $2, $3, $3, '', 'MESSAGE', given.*
    FROM unnest($4::uuid[], $5::text[], $6::bigint[], $7::bigint[]) AS given
    ON CONFLICT (workspace_id, conversation_id) DO UPDATE SET
        message_count = conversation_usage.message_count + excluded.message_count,
        credits = conversation_usage.credits + excluded.credits,
        updated_at = excluded.updated_at
    RETURNING conversation_id, id
"""
_CHARGES = """
    INSERT INTO credit_charges (workspace_id, created_at, event_hash, kind, message_count, unpaid,
        entry_number, event_id, conversation_usage_id, credits, balance_after, occurred_at)
    SELECT $1, $8, '', 'MESSAGE', 1, 0, given.*
    FROM unnest($2::bigint[], $3::text[], $4::uuid[], $5::bigint[], $6::bigint[],
        $7::timestamptz[]) AS given
"""
_SPENDS = """
    INSERT INTO credit_spends (workspace_id, lot_number, charge_number, credits)
    SELECT $1, $3, given.* FROM unnest($2::bigint[], $4::bigint[]) AS given
"""
_SET_LOT = """
    UPDATE credit_lots SET remaining = remaining - $3 WHERE workspace_id = $1 AND number = $2
"""
_SET_BALANCE = """
    UPDATE credit_balances SET balance = $2, last_entry_number = $3, last_entry_at = $4
    WHERE workspace_id = $1
"""
