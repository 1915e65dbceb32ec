"""Proof that the books are right: every invariant, recomputed from the rows that it speaks of.

Nothing that the gateway has added up is believed: balances, totals and what is unpaid are summed
again, set by set, one statement a question. Where nothing has drifted, every answer is empty.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import TextClause, select, text

from models.database import Snapshot
from models.workspace import Workspace

DRIFTS_MAX = 100
"""The most drifts that one question reports of one workspace; more would say no more."""


class Invariant(StrEnum):
    """What always holds, by the name that a drift carries."""

    ENTRIES_GAPLESS = "ENTRIES_GAPLESS"
    ENTRIES_CHAINED = "ENTRIES_CHAINED"
    ENTRIES_IN_TIME = "ENTRIES_IN_TIME"
    BALANCE_EXPLAINED = "BALANCE_EXPLAINED"
    OVERDRAFT_EXPLAINED = "OVERDRAFT_EXPLAINED"
    LAST_ENTRY_KNOWN = "LAST_ENTRY_KNOWN"
    LOT_GRANTED = "LOT_GRANTED"
    LOT_EXPLAINED = "LOT_EXPLAINED"
    LOT_EXPIRED = "LOT_EXPIRED"
    CHARGE_EXPLAINED = "CHARGE_EXPLAINED"
    ADJUSTMENT_EXPLAINED = "ADJUSTMENT_EXPLAINED"
    SOURCE_ONCE = "SOURCE_ONCE"
    EVENT_ONCE = "EVENT_ONCE"
    RECORD_EXPLAINED = "RECORD_EXPLAINED"
    RECORD_KIND = "RECORD_KIND"


@dataclass(frozen=True, slots=True)
class Drift:
    """Something that is not as it follows from the rest; `subject` says what, of which row."""

    workspace_id: UUID
    invariant: Invariant
    subject: str
    expected: str
    found: str


async def workspace_ids(snapshot: Snapshot) -> list[UUID]:
    """Return the workspaces that there are, oldest first."""
    rows = await snapshot.all(select(Workspace.id).order_by(Workspace.created_at, Workspace.id))
    return [row.id for row in rows]


async def audit(snapshot: Snapshot, *, workspace_id: UUID) -> list[Drift]:
    """Return what has drifted in a workspace; empty is what it should be."""
    drifts: list[Drift] = []
    for question in _QUESTIONS:
        rows = await snapshot.all(
            question, {"workspace_id": workspace_id, "drifts_max": DRIFTS_MAX}
        )
        for row in rows:
            invariant, subject, expected, found = map(str, row)
            drifts.append(Drift(workspace_id, Invariant(invariant), subject, expected, found))
    return drifts


def _question(sql: str) -> TextClause:
    """Return a statement of drifts: invariant, subject, expected, found; those that differ."""
    return text(f"{sql} LIMIT :drifts_max")


# The entries in their order, each beside the one before it.
_ENTRIES = _question("""
    SELECT drift.invariant, 'entry ' || entry_number, drift.expected, drift.found
    FROM (
        SELECT *,
            lag(entry_number, 1, 0::bigint) OVER in_order AS number_before,
            lag(balance_after, 1, 0::bigint) OVER in_order AS balance_before,
            lag(created_at, 1, created_at) OVER in_order AS time_before
        FROM (
            SELECT entry_number, amount, balance_after, created_at
            FROM credit_adjustments WHERE workspace_id = :workspace_id
            UNION ALL
            SELECT entry_number, -credits, balance_after, created_at
            FROM credit_charges WHERE workspace_id = :workspace_id
        ) AS entry
        WINDOW in_order AS (ORDER BY entry_number)
    ) AS entry
    CROSS JOIN LATERAL (
        VALUES
            ('ENTRIES_GAPLESS', (number_before + 1)::text, entry_number::text,
                entry_number = number_before + 1),
            ('ENTRIES_CHAINED', (balance_before + amount)::text, balance_after::text,
                balance_after = balance_before + amount),
            ('ENTRIES_IN_TIME', 'at or after ' || time_before, created_at::text,
                created_at >= time_before)
    ) AS drift (invariant, expected, found, holds)
    WHERE (
        entry_number <> number_before + 1
        OR balance_after <> balance_before + amount
        OR created_at < time_before
    ) AND NOT drift.holds
    ORDER BY entry_number
""")

# The balance row beside the sums of everything that it sums up.
_BALANCE = _question("""
    SELECT drift.invariant, drift.subject, drift.expected, coalesce(drift.found, 'nothing')
    FROM (
        SELECT coalesce(sum(amount), 0) AS credits, coalesce(sum(unpaid), 0) AS unpaid,
            coalesce(max(entry_number), 0) AS number, max(created_at) AS at
        FROM (
            SELECT amount, unpaid, entry_number, created_at
            FROM credit_adjustments WHERE workspace_id = :workspace_id
            UNION ALL
            SELECT -credits, unpaid, entry_number, created_at
            FROM credit_charges WHERE workspace_id = :workspace_id
        ) AS entry
    ) AS entries
    CROSS JOIN (
        SELECT coalesce(sum(remaining), 0) AS remaining
        FROM credit_lots WHERE workspace_id = :workspace_id
    ) AS lots
    LEFT JOIN credit_balances AS balance ON balance.workspace_id = :workspace_id
    CROSS JOIN LATERAL (
        VALUES
            ('BALANCE_EXPLAINED', 'balance by entries', entries.credits::text,
                balance.balance::text),
            ('BALANCE_EXPLAINED', 'balance by lots', (lots.remaining - entries.unpaid)::text,
                balance.balance::text),
            ('OVERDRAFT_EXPLAINED', 'overdraft', entries.unpaid::text, balance.overdraft::text),
            ('LAST_ENTRY_KNOWN', 'last entry number', entries.number::text,
                balance.last_entry_number::text),
            ('LAST_ENTRY_KNOWN', 'last entry time',
                coalesce(entries.at, balance.last_entry_at)::text, balance.last_entry_at::text)
    ) AS drift (invariant, subject, expected, found)
    WHERE drift.expected IS DISTINCT FROM drift.found
""")

# Each lot beside the adjustment that brought it in; a positive adjustment without one, too.
_LOT_GRANTED = _question("""
    SELECT 'LOT_GRANTED', 'lot ' || number, coalesce(adjustment.granted, 'nothing'),
        coalesce(lot.granted, 'nothing')
    FROM (
        SELECT entry_number AS number, amount || ' at ' || created_at AS granted
        FROM credit_adjustments WHERE workspace_id = :workspace_id AND amount > 0
    ) AS adjustment
    FULL JOIN (
        SELECT number, granted || ' at ' || created_at AS granted
        FROM credit_lots WHERE workspace_id = :workspace_id
    ) AS lot USING (number)
    WHERE adjustment.granted IS DISTINCT FROM lot.granted
    ORDER BY number
""")

# What each lot has left beside what was granted and what it paid.
_LOT_EXPLAINED = _question("""
    SELECT 'LOT_EXPLAINED', 'lot ' || number, (granted - paid)::text, remaining::text
    FROM (
        SELECT number, granted, remaining, coalesce(spent, 0) + coalesce(removed, 0) AS paid
        FROM credit_lots
        LEFT JOIN (
            SELECT lot_number AS number, sum(credits) AS spent
            FROM credit_spends WHERE workspace_id = :workspace_id GROUP BY lot_number
        ) AS spend USING (number)
        LEFT JOIN (
            SELECT lot_number AS number, sum(credits) AS removed
            FROM credit_removals WHERE workspace_id = :workspace_id GROUP BY lot_number
        ) AS removal USING (number)
        WHERE workspace_id = :workspace_id
    ) AS lot
    WHERE remaining <> granted - paid OR remaining NOT BETWEEN 0 AND granted
    ORDER BY number
""")

# Every write books first what has expired: no entry is later than the expiry of a lot that holds
# credits, and no lot pays for an entry that came after its expiry.
_LOT_EXPIRED = _question("""
    SELECT 'LOT_EXPIRED', subject, expected, found
    FROM (
        SELECT number, 'lot ' || number AS subject, '0 left from ' || expires_at AS expected,
            remaining::text AS found
        FROM credit_lots AS lot
        WHERE workspace_id = :workspace_id AND remaining > 0 AND expires_at <= greatest(
            (SELECT max(created_at) FROM credit_adjustments WHERE workspace_id = :workspace_id),
            (SELECT max(created_at) FROM credit_charges WHERE workspace_id = :workspace_id)
        )
        UNION ALL
        SELECT charge_number, 'charge ' || charge_number,
            'nothing of lot ' || lot_number || ' from ' || expires_at, spend.credits::text
        FROM credit_spends AS spend
        JOIN credit_lots AS lot ON lot.workspace_id = spend.workspace_id
            AND lot.number = spend.lot_number AND lot.expires_at IS NOT NULL
        JOIN credit_charges AS charge ON charge.workspace_id = spend.workspace_id
            AND charge.entry_number = spend.charge_number
        WHERE spend.workspace_id = :workspace_id
            AND charge_number > lot_number AND charge.created_at >= expires_at
        UNION ALL
        SELECT adjustment_number, 'adjustment ' || adjustment_number,
            'nothing of lot ' || lot_number || ' from ' || expires_at, removal.credits::text
        FROM credit_removals AS removal
        JOIN credit_lots AS lot ON lot.workspace_id = removal.workspace_id
            AND lot.number = removal.lot_number AND lot.expires_at IS NOT NULL
        JOIN credit_adjustments AS adjustment ON adjustment.workspace_id = removal.workspace_id
            AND adjustment.entry_number = removal.adjustment_number
        WHERE removal.workspace_id = :workspace_id AND type <> 'CREDIT_EXPIRATION'
            AND adjustment_number > lot_number AND adjustment.created_at >= expires_at
    ) AS late
    ORDER BY number
""")

# What each charge cost beside what lots paid of it; spends of no charge, too.
_CHARGE_EXPLAINED = _question("""
    SELECT 'CHARGE_EXPLAINED', 'charge ' || number, coalesce(credits - paid, 0)::text,
        coalesce(unpaid, 0)::text
    FROM (
        SELECT number, coalesce(credits, 0) AS credits, coalesce(paid, 0) AS paid,
            coalesce(unpaid, 0) AS unpaid
        FROM (
            SELECT entry_number AS number, credits, unpaid
            FROM credit_charges WHERE workspace_id = :workspace_id
        ) AS charge
        FULL JOIN (
            SELECT charge_number AS number, sum(credits) AS paid
            FROM credit_spends WHERE workspace_id = :workspace_id GROUP BY charge_number
        ) AS spend USING (number)
    ) AS charge
    WHERE unpaid <> credits - paid
    ORDER BY number
""")

# What each adjustment took beside what it took from lots: an addition takes nothing.
_ADJUSTMENT_EXPLAINED = _question("""
    SELECT 'ADJUSTMENT_EXPLAINED', 'adjustment ' || number, (taken - removed)::text, unpaid::text
    FROM (
        SELECT number, coalesce(taken, 0) AS taken, coalesce(removed, 0) AS removed,
            coalesce(unpaid, 0) AS unpaid
        FROM (
            SELECT entry_number AS number, greatest(-amount, 0) AS taken, unpaid
            FROM credit_adjustments WHERE workspace_id = :workspace_id
        ) AS adjustment
        FULL JOIN (
            SELECT adjustment_number AS number, sum(credits) AS removed
            FROM credit_removals WHERE workspace_id = :workspace_id GROUP BY adjustment_number
        ) AS removal USING (number)
    ) AS adjustment
    WHERE unpaid <> taken - removed
    ORDER BY number
""")

_ONCE = _question("""
    SELECT invariant, subject, '1', count::text
    FROM (
        SELECT 'SOURCE_ONCE' AS invariant, 'source ' || source_key AS subject, count(*) AS count
        FROM credit_adjustments WHERE workspace_id = :workspace_id
        GROUP BY source_key HAVING count(*) > 1
        UNION ALL
        SELECT 'EVENT_ONCE', 'event ' || event_id, count(*)
        FROM credit_charges WHERE workspace_id = :workspace_id
        GROUP BY event_id HAVING count(*) > 1
    ) AS twice
    ORDER BY subject
""")

# Each conversation beside its charges: the first says what it is billed as, the latest when.
_CONVERSATIONS = _question("""
    SELECT drift.invariant,
        'conversation ' || coalesce(conversation_id, id::text) || ' ' || drift.total,
        coalesce(drift.expected, 'nothing'), coalesce(drift.found, 'nothing')
    FROM (
        SELECT conversation_usage_id AS id, min(entry_number) AS entry_number,
            sum(message_count) AS message_count, sum(credits) AS credits,
            max(occurred_at) AS updated_at
        FROM credit_charges
        WHERE workspace_id = :workspace_id AND conversation_usage_id IS NOT NULL
        GROUP BY conversation_usage_id
    ) AS charges
    FULL JOIN (
        SELECT id, conversation_id, billing_type, message_count, credits, updated_at
        FROM conversation_usage WHERE workspace_id = :workspace_id
    ) AS record USING (id)
    LEFT JOIN credit_charges AS first ON first.workspace_id = :workspace_id
        AND first.entry_number = charges.entry_number
    CROSS JOIN LATERAL (
        VALUES
            ('RECORD_EXPLAINED', 'credits', charges.credits::text, record.credits::text),
            ('RECORD_EXPLAINED', 'messages', charges.message_count::text,
                record.message_count::text),
            ('RECORD_EXPLAINED', 'time', charges.updated_at::text, record.updated_at::text),
            ('RECORD_KIND', 'billing type', first.kind, record.billing_type)
    ) AS drift (invariant, total, expected, found)
    WHERE drift.expected IS DISTINCT FROM drift.found
    ORDER BY conversation_id, drift.total
""")

_CALLS = _question("""
    SELECT 'RECORD_EXPLAINED', 'call ' || coalesce(call_id, id::text) || ' credits',
        coalesce(charges.credits::text, 'nothing'), coalesce(record.credits::text, 'nothing')
    FROM (
        SELECT mcp_http_call_id AS id, sum(credits) AS credits
        FROM credit_charges
        WHERE workspace_id = :workspace_id AND mcp_http_call_id IS NOT NULL
        GROUP BY mcp_http_call_id
    ) AS charges
    FULL JOIN (
        SELECT id, call_id, credits FROM mcp_http_calls WHERE workspace_id = :workspace_id
    ) AS record USING (id)
    WHERE record.credits IS DISTINCT FROM charges.credits
    ORDER BY call_id
""")

_IMPORTS = _question("""
    SELECT 'RECORD_EXPLAINED', 'import ' || coalesce(task_id, id::text) || ' credits',
        coalesce(charges.credits::text, 'nothing'), coalesce(record.credits::text, 'nothing')
    FROM (
        SELECT import_usage_id AS id, sum(credits) AS credits
        FROM credit_charges
        WHERE workspace_id = :workspace_id AND import_usage_id IS NOT NULL
        GROUP BY import_usage_id
    ) AS charges
    FULL JOIN (
        SELECT id, task_id, credits FROM import_usage WHERE workspace_id = :workspace_id
    ) AS record USING (id)
    WHERE record.credits IS DISTINCT FROM charges.credits
    ORDER BY task_id
""")

# Each charge beside the one record that its kind belongs to.
_KINDS = _question("""
    SELECT 'RECORD_KIND', 'charge ' || entry_number, 'the record of ' || kind,
        concat_ws(
            ' and ',
            'conversation ' || conversation_usage_id,
            'call ' || mcp_http_call_id,
            'import ' || import_usage_id
        )
    FROM credit_charges
    WHERE workspace_id = :workspace_id AND (
        (kind = 'MCP_HTTP_CALL') <> (mcp_http_call_id IS NOT NULL)
        OR (kind = 'IMPORT') <> (import_usage_id IS NOT NULL)
        OR (kind NOT IN ('MCP_HTTP_CALL', 'IMPORT')) <> (conversation_usage_id IS NOT NULL)
    )
    ORDER BY entry_number
""")

_QUESTIONS = (
    _ENTRIES,
    _BALANCE,
    _LOT_GRANTED,
    _LOT_EXPLAINED,
    _LOT_EXPIRED,
    _CHARGE_EXPLAINED,
    _ADJUSTMENT_EXPLAINED,
    _ONCE,
    _CONVERSATIONS,
    _CALLS,
    _IMPORTS,
    _KINDS,
)
