"""The rules of the ledger, pure: a `Book` knows no database and no clock.

A book holds what a workspace's entries have left behind: the balance, the overdraft, the lots that
still hold credits and, oldest first, the entries that are not paid in full. Its verbs `grant`,
`remove`, `end` and `charge` write one entry each, after those of the lots that have expired.
`take_changes` hands over what is to be written.

Burn order: the lot that expires soonest pays first, one that never expires last; then the older.
Overdraft: usage is charged even when nothing is left; a lot that comes repays the oldest first.
Time: an entry is never dated before the one before it, whatever clock its writer has.
"""

from bisect import insort
from collections import deque
from collections.abc import Collection, Iterable
from copy import copy
from datetime import datetime
from operator import attrgetter

from billing.details import Expiration, ExpirationReason
from billing.entries import (
    NEVER,
    Adjustment,
    Changes,
    Charge,
    Deduction,
    Grant,
    Lot,
    Removal,
    Spend,
    Unpaid,
    Usage,
)
from billing.errors import CreditsOutOfRange
from models.base import CREDITS_MAX
from models.ledger import AdjustmentType, LotKind


class Book:
    """The ledger of one workspace, open for writing.

    `opened_at` is the time of its last entry, or of its creation. `lots` are those with credits
    left and `unpaid` the entries not paid in full, both in any order; `adjustments` are the ones
    already written, of the `source_keys` that may be asked for: all, unless they are named.
    """

    def __init__(
        self,
        *,
        opened_at: datetime,
        balance: int = 0,
        overdraft: int = 0,
        last_entry_number: int = 0,
        lots: Iterable[Lot] = (),
        unpaid: Iterable[Unpaid] = (),
        adjustments: Iterable[Adjustment] = (),
        source_keys: Collection[str] | None = None,
    ) -> None:
        self.balance = balance
        self.overdraft = overdraft
        self.last_entry_number = last_entry_number
        self.last_entry_at = opened_at
        self._lots = sorted(lots, key=_burn_order)
        self._unpaid = deque(sorted(unpaid))
        self._adjusted = {adjustment.source_key: adjustment for adjustment in adjustments}
        self._source_keys = source_keys
        self._entries: list[Adjustment | Charge] = []
        self._spends: list[Spend] = []
        self._removals: list[Removal] = []
        self._touched: dict[int, Lot] = {}
        self._repaid: dict[int, Unpaid] = {}
        self._written = last_entry_number

    @property
    def lots(self) -> tuple[Lot, ...]:
        """The lots that hold credits, in burn order; those whose expiry is not booked included."""
        return tuple(self._lots)

    def remaining(self, *, now: datetime) -> int:
        """Return the credits that can be spent at `now`: lots that have not expired by then."""
        return sum(lot.remaining for lot in self._lots if (lot.expires_at or NEVER) > now)

    @property
    def unpaid(self) -> tuple[Unpaid, ...]:
        """The entries that are not paid in full, oldest first."""
        return tuple(self._unpaid)

    def grant(self, grant: Grant, *, now: datetime) -> Adjustment:
        """Add a lot, which repays what is unpaid first; a source granted before stays as it is.

        A lot that comes when it has already expired repays too; the rest of it expires at once.
        Raises CreditsOutOfRange for less than 1 credit, and beyond the largest balance.
        """
        known = self._known(grant.source_key)
        if known is not None:
            return known
        _check_credits(grant)
        now = self._turn_to(now)
        if self.balance + grant.credits > CREDITS_MAX:
            raise CreditsOutOfRange(f"{grant.credits} more credits are more than can be kept")

        if grant.renews_at is not None:
            self._close_periods(ended_by=grant.renews_at, now=now)
        number = self._next_number(now)
        lot = Lot(
            number=number,
            kind=grant.kind,
            granted=grant.credits,
            remaining=grant.credits,
            period_end=grant.period_end,
            expires_at=grant.expires_at,
            created_at=now,
        )
        self._touched[number] = lot
        adjustment = self._write(grant, number, grant.credits, unpaid=0, now=now)
        self._repay_from(lot)
        if lot.remaining:
            insort(self._lots, lot, key=_burn_order)
            self.expire(now=now)
        return adjustment

    def remove(self, deduction: Deduction, *, now: datetime) -> Adjustment:
        """Take credits from lots; what those do not hold is unpaid. Each source only once.

        Raises CreditsOutOfRange for less than 1 credit, and beyond the largest overdraft.
        """
        known = self._known(deduction.source_key)
        if known is not None:
            return known
        _check_credits(deduction)
        now = self._turn_to(now)
        if self.balance - deduction.credits < -CREDITS_MAX:
            raise CreditsOutOfRange(f"{deduction.credits} fewer credits are less than can be kept")

        lots = self._lots
        if deduction.own_lots is not None:
            lots = [lot for lot in lots if lot.number in deduction.own_lots]
        elif deduction.recurring_first:
            lots = sorted(lots, key=_is_not_recurring)
        return self._remove(deduction, lots, now=now)

    def end(
        self, lot_numbers: Collection[int], *, source_key: str, now: datetime
    ) -> list[Adjustment]:
        """Book what is left of the lots as expired before their time: their plan has ended.

        Each lot has an entry of its own, under the source key with the lot's number. A lot that
        holds nothing any more has none, so that doing it again does nothing.
        """
        now = self._turn_to(now)
        return [
            self._end(lot, f"{source_key}:{lot.number}", _ENDED, now=now)
            for lot in self.lots
            if lot.number in lot_numbers
        ]

    def charge(self, usage: Usage, *, now: datetime) -> Charge:
        """Charge a usage event to the lots in burn order, and what they lack to the overdraft.

        Whether the event was charged before is not asked here.
        Raises CreditsOutOfRange for negative credits, and beyond the largest overdraft.
        """
        now = self._turn_to(now)
        if not 0 <= usage.credits <= min(CREDITS_MAX, self.balance + CREDITS_MAX):
            raise CreditsOutOfRange(f"A charge of {usage.credits} credits cannot be kept")

        number = self._next_number(now)
        unpaid = usage.credits
        for lot_number, paid in self._take(unpaid, self._lots):
            self._spends.append(Spend(number, lot_number, paid))
            unpaid -= paid
        if unpaid:
            self._owe(Unpaid(number, unpaid, is_charge=True))
        self.balance -= usage.credits
        charge = Charge(number, usage, unpaid, self.balance, now)
        self._entries.append(charge)
        return charge

    def expire(self, *, now: datetime) -> list[Adjustment]:
        """Book every lot that has expired by `now`, each in an entry dated at its expiry.

        An expiry that comes to light after a later entry is dated at that entry.
        """
        expired = []
        while self._lots and (expires_at := self._lots[0].expires_at or NEVER) <= now:
            lot, at = self._lots[0], max(expires_at, self.last_entry_at)
            expired.append(self._end(lot, _end_of(lot), _EXPIRED, now=at))
        return expired

    def take_changes(self) -> Changes:
        """Return what is new and what has changed since the last time."""
        lots, repaid = self._touched.values(), self._repaid.values()
        changes = Changes(
            adjustments=[entry for entry in self._entries if isinstance(entry, Adjustment)],
            charges=[entry for entry in self._entries if isinstance(entry, Charge)],
            lots=[copy(lot) for lot in lots if lot.number > self._written],
            spends=self._spends,
            removals=self._removals,
            remaining={lot.number: lot.remaining for lot in lots if lot.number <= self._written},
            charges_unpaid={entry.number: entry.credits for entry in repaid if entry.is_charge},
            adjustments_unpaid={
                entry.number: entry.credits for entry in repaid if not entry.is_charge
            },
        )
        self._entries, self._spends, self._removals = [], [], []
        self._touched, self._repaid = {}, {}
        self._written = self.last_entry_number
        return changes

    def _known(self, source_key: str) -> Adjustment | None:
        assert self._source_keys is None or source_key in self._source_keys
        return self._adjusted.get(source_key)

    def _turn_to(self, now: datetime) -> datetime:
        """Book what has expired; return the time of writing, never before the last entry."""
        now = max(now, self.last_entry_at)
        self.expire(now=now)
        return now

    def _next_number(self, now: datetime) -> int:
        self.last_entry_at = now
        self.last_entry_number += 1
        return self.last_entry_number

    def _write(
        self, source: Grant | Deduction, number: int, amount: int, *, unpaid: int, now: datetime
    ) -> Adjustment:
        self.balance += amount
        adjustment = Adjustment(
            number=number,
            source_key=source.source_key,
            type=source.type,
            amount=amount,
            unpaid=unpaid,
            balance_after=self.balance,
            detail=source.detail,
            description=source.description,
            created_at=now,
        )
        self._entries.append(adjustment)
        self._adjusted[source.source_key] = adjustment
        return adjustment

    def _remove(self, deduction: Deduction, lots: Iterable[Lot], *, now: datetime) -> Adjustment:
        """Write a deduction, taken from `lots` in their order."""
        number = self._next_number(now)
        unpaid = deduction.credits
        for lot_number, taken in self._take(unpaid, lots):
            self._removals.append(Removal(number, lot_number, taken))
            unpaid -= taken
        if unpaid:
            self._owe(Unpaid(number, unpaid, is_charge=False))
        return self._write(deduction, number, -deduction.credits, unpaid=unpaid, now=now)

    def _end(
        self, lot: Lot, source_key: str, reason: ExpirationReason, *, now: datetime
    ) -> Adjustment:
        """Write what is left of a lot as expired."""
        deduction = Deduction(
            source_key=source_key,
            type=AdjustmentType.CREDIT_EXPIRATION,
            credits=lot.remaining,
            detail=Expiration(reason, lot.number),
        )
        return self._remove(deduction, [lot], now=now)

    def _close_periods(self, *, ended_by: datetime, now: datetime) -> None:
        """Write the rest of each recurring lot whose period is over, grace or not, as expired."""
        for lot in self.lots:
            is_over = lot.period_end is not None and lot.period_end <= ended_by
            if lot.kind is LotKind.RECURRING and is_over:
                self._end(lot, _end_of(lot), _RENEWED, now=now)

    def _take(self, wanted: int, lots: Iterable[Lot]) -> list[tuple[int, int]]:
        """Take up to `wanted` credits from `lots`; return the number of each and what it gave."""
        taken = []
        emptied = False
        for lot in lots:
            if not wanted:
                break
            part = min(lot.remaining, wanted)
            wanted -= part
            lot.remaining -= part
            emptied |= not lot.remaining
            self._touched[lot.number] = lot
            taken.append((lot.number, part))
        if emptied:
            self._lots = [lot for lot in self._lots if lot.remaining]
        return taken

    def _owe(self, unpaid: Unpaid) -> None:
        self.overdraft += unpaid.credits
        self._unpaid.append(unpaid)

    def _repay_from(self, lot: Lot) -> None:
        """Let a new lot pay what is unpaid, oldest first."""
        while lot.remaining and self._unpaid:
            debt = self._unpaid.popleft()
            part = min(lot.remaining, debt.credits)
            lot.remaining -= part
            self.overdraft -= part
            rest = debt._replace(credits=debt.credits - part)
            if rest.credits:
                self._unpaid.appendleft(rest)
            if debt.is_charge:
                self._spends.append(Spend(debt.number, lot.number, part))
            else:
                self._removals.append(Removal(debt.number, lot.number, part))
            self._set_unpaid(rest)
        assert not lot.remaining or not self.overdraft

    def _set_unpaid(self, rest: Unpaid) -> None:
        """Keep what is left unpaid of an entry: on the entry if it is new, as a change if not."""
        place = rest.number - self._written - 1
        if place < 0:
            self._repaid[rest.number] = rest
        else:
            self._entries[place] = self._entries[place]._replace(unpaid=rest.credits)


_EXPIRED = ExpirationReason.PERIOD_ENDED
_RENEWED = ExpirationReason.REPLACED_BY_RENEWAL
_ENDED = ExpirationReason.SUBSCRIPTION_ENDED

_burn_order = attrgetter("burn_order")


def _is_not_recurring(lot: Lot) -> bool:
    return lot.kind is not LotKind.RECURRING


def _end_of(lot: Lot) -> str:
    """Return the source key of a lot's expiration: a lot expires once."""
    return f"expiration:{lot.number}"


def _check_credits(asked: Grant | Deduction) -> None:
    if not 1 <= asked.credits <= CREDITS_MAX:
        raise CreditsOutOfRange(f"An adjustment by {asked.credits} credits is not possible")
