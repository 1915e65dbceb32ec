"""Recording usage: events become charges, and the records that people see add them up.

A batch belongs to one workspace and is one transaction, but each event has its own answer: a bad
one is refused and the others are recorded. What is finished is recorded even past the balance.
An event id is charged once: the same event sent again is a duplicate, another event under the
same id is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, Text, Uuid, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing import ledger, rows, use
from billing.book import Book
from billing.entries import Usage
from billing.errors import CreditsOutOfRange, UsageBatchTooLarge
from billing.tally import Key, Tallies
from billing.use import RefusalReason, Use
from models.base import CREDITS_MAX
from models.ledger import CreditCharge

BATCH_MAX = 1_000
"""The most events of one batch."""

AGE_MAX = timedelta(days=35)
"""How long ago an event may have occurred."""

AHEAD_MAX = timedelta(minutes=5)
"""How far the clock that an event was dated by may be ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent:
    """What a member has used, and what it costs; `event_id` names it for good."""

    event_id: str
    occurred_at: datetime
    user_id: UUID
    credits: int
    use: Use


@dataclass(frozen=True, slots=True)
class Recorded:
    """The event is charged, by the entry of that number."""

    event_id: str
    charge_number: int


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The event was charged before, by the entry of that number; nothing has changed."""

    event_id: str
    charge_number: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The event is not charged; if nothing else took its id, that is free."""

    event_id: str
    reason: RefusalReason


Answer = Recorded | Duplicate | Refused


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of each event, in their order, and what the workspace has left after it."""

    answers: Sequence[Answer]
    remaining: int
    overdraft: int


async def record(
    session: AsyncSession, *, workspace_id: UUID, events: Sequence[UsageEvent], now: datetime
) -> Outcome:
    """Record finished usage, all of it even past the balance.

    Whom and which API keys the events name is the workspace's: `reporting.record` sees to that.
    Raises UsageBatchTooLarge and WorkspaceNotFound; nothing is recorded then.
    """
    if len(events) > BATCH_MAX:
        raise UsageBatchTooLarge(len(events), maximum=BATCH_MAX)

    flaws = [_flaw(event) for event in events]
    sound = [event for event, flaw in zip(events, flaws, strict=True) if flaw is None]
    async with ledger.opened(session, workspace_id=workspace_id) as book:
        batch = await _open_batch(session, book, workspace_id, sound, now)
        answers = [
            Refused(event.event_id, flaw) if flaw is not None else batch.record(event)
            for event, flaw in zip(events, flaws, strict=True)
        ]
        await batch.tallies.write(session, workspace_id=workspace_id)
        return Outcome(answers, book.remaining(now=now), book.overdraft)


@dataclass(slots=True)
class _Batch:
    """What events are judged by: the ledger, the records, and what was charged before.

    `charged` holds, for each event id that is taken, the event's hash and the charge's number.
    """

    book: Book
    tallies: Tallies
    charged: dict[str, tuple[str, int]]
    now: datetime

    def record(self, event: UsageEvent) -> Answer:
        """Charge a sound event and add it to its record, if the rules allow that."""
        event_hash, key = _hash(event), event.use.key
        if event.event_id in self.charged:
            charged_hash, number = self.charged[event.event_id]
            if charged_hash == event_hash:
                return Duplicate(event.event_id, number)
            return Refused(event.event_id, RefusalReason.EVENT_ID_REUSED)
        reason = self._refusal(event, key)
        if reason is not None:
            return Refused(event.event_id, reason)
        usage = Usage(
            event_id=event.event_id,
            event_hash=event_hash,
            kind=event.use.kind,
            record_id=self.tallies.id_of(key),
            credits=event.credits,
            message_count=event.use.message_count,
            occurred_at=event.occurred_at,
        )
        try:
            charge = self.book.charge(usage, now=self.now)
        except CreditsOutOfRange:
            return Refused(event.event_id, RefusalReason.CREDITS_OUT_OF_RANGE)

        self.tallies.add(
            key,
            event.use.columns,
            user_id=event.user_id,
            spent=event.credits,
            occurred_at=event.occurred_at,
        )
        self.charged[event.event_id] = event_hash, charge.number
        return Recorded(event.event_id, charge.number)

    def _refusal(self, event: UsageEvent, key: Key) -> RefusalReason | None:
        """Return what forbids an event that nothing has charged yet."""
        if event.occurred_at < self.now - AGE_MAX:
            return RefusalReason.OCCURRED_TOO_LONG_AGO
        if event.occurred_at > self.now + AHEAD_MAX:
            return RefusalReason.OCCURRED_IN_THE_FUTURE
        if self.tallies.credits_of(key) + event.credits > CREDITS_MAX:
            return RefusalReason.CREDITS_OUT_OF_RANGE
        return None


async def _open_batch(
    session: AsyncSession,
    book: Book,
    workspace_id: UUID,
    events: Sequence[UsageEvent],
    now: datetime,
) -> _Batch:
    """Read what the events are judged by: one statement a question, whatever their number."""
    event_ids = list({event.event_id for event in events})
    charged = await session.execute(
        _CHARGED, {"of_workspace": workspace_id, "event_ids": event_ids}
    )
    keys = {event.use.key for event in events}
    return _Batch(
        book=book,
        tallies=await Tallies.read(session, workspace_id=workspace_id, keys=keys),
        charged={event_id: (event_hash, number) for event_id, event_hash, number in charged},
        now=now,
    )


def _flaw(event: UsageEvent) -> RefusalReason | None:
    """Return what makes the event unsound, whatever the workspace."""
    assert event.occurred_at.tzinfo is not None
    if not 0 <= event.credits <= CREDITS_MAX:
        return RefusalReason.CREDITS_OUT_OF_RANGE
    if not use.is_id(event.event_id):
        return RefusalReason.TEXT_INVALID
    return event.use.flaw()


def _hash(event: UsageEvent) -> str:
    """Return what tells an event sent again from another: all that it says, whatever the zone."""
    said = {
        "event_id": event.event_id,
        "occurred_at": event.occurred_at.astimezone(UTC),
        "user_id": event.user_id,
        "credits": event.credits,
        "kind": event.use.kind,
        "use": event.use.columns,
    }
    # `str`: an id that was read from the database is of a class that orjson does not know.
    canonical = orjson.dumps(said, option=orjson.OPT_SORT_KEYS, default=str)
    return sha256(canonical).hexdigest()


_CHARGES = rows.table(CreditCharge).c
_CHARGED = select(_CHARGES.event_id, _CHARGES.event_hash, _CHARGES.entry_number).where(
    _CHARGES.workspace_id == bindparam("of_workspace", type_=Uuid()),
    _CHARGES.event_id == func.any(bindparam("event_ids", type_=ARRAY(Text))),
)
