"""What a workspace has left to spend: the balance, its lots, its past; reads.

A lot does not count from its expiry on, whether the ledger has booked that or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    DateTime,
    Select,
    Uuid,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
    union_all,
)

from billing import batch, keyset
from models.database import Snapshot
from models.ledger import (
    CreditAdjustment,
    CreditBalance,
    CreditCharge,
    CreditLot,
    LotKind,
)

DEPLETION_WINDOW = timedelta(days=30)
"""The past whose mean daily use projects when credits run out."""

DEPLETION_AHEAD_MAX = timedelta(days=36_500)
"""How far ahead credits are projected to run out: past that, a few uses say nothing."""


@dataclass(frozen=True, slots=True)
class NextExpiry:
    """The credits that expire next, and when people are told they do."""

    amount: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """What can be spent at a moment: live lots by kind, never negative, and the overdraft."""

    workspace_id: UUID
    recurring: int
    purchased: int
    granted: int
    overdraft: int
    next_expiry: NextExpiry | None

    @property
    def remaining(self) -> int:
        """The credits that can be spent."""
        return self.recurring + self.purchased + self.granted


async def current(
    snapshot: Snapshot, *, workspace_ids: Sequence[UUID], now: datetime
) -> dict[UUID, Balance]:
    """Return the balance of each workspace at `now`, by workspace id, by one statement."""
    rows = await snapshot.all(_CURRENT, {"workspace_ids": workspace_ids, "now": now})
    sums: dict[UUID, dict[LotKind, int]] = {}
    expiries: dict[UUID, dict[datetime, int]] = {}
    overdrafts: dict[UUID, int] = {}
    for row in rows:
        overdrafts[row.workspace_id] = row.overdraft
        of_kind = sums.setdefault(row.workspace_id, dict.fromkeys(LotKind, 0))
        at_time = expiries.setdefault(row.workspace_id, {})
        if row.kind is not None:
            of_kind[row.kind] += row.remaining
            # What is in its grace lasts until its renewal: no time that is told is to come.
            if row.shown_expiry is not None and row.shown_expiry > now:
                at_time[row.shown_expiry] = at_time.get(row.shown_expiry, 0) + row.remaining
    return {
        workspace_id: Balance(
            workspace_id=workspace_id,
            recurring=sums[workspace_id][LotKind.RECURRING],
            purchased=sums[workspace_id][LotKind.PURCHASED],
            granted=sums[workspace_id][LotKind.GRANTED],
            overdraft=overdraft,
            next_expiry=_next(expiries[workspace_id]),
        )
        for workspace_id, overdraft in overdrafts.items()
    }


async def lots(
    snapshot: Snapshot, *, workspace_ids: Sequence[UUID], part: keyset.Slice, now: datetime
) -> list[keyset.Page]:
    """Return a page of each workspace's live lots, in the order in which they came.

    A row has the columns of `CreditLot`.
    """
    return await keyset.pages(
        snapshot,
        columns=list(_LOTS),
        parent=(_LOTS.workspace_id,),
        parents=[(workspace_id,) for workspace_id in workspace_ids],
        where=live_at(now),
        order=keyset.Order((_LOTS.created_at, _LOTS.number), descending=False),
        part=part,
    )


async def lot_counts(
    snapshot: Snapshot, *, workspace_ids: Sequence[UUID], now: datetime
) -> dict[UUID, int]:
    """Return the number of each workspace's live lots."""
    found = await keyset.counts(
        snapshot,
        parent=(_LOTS.workspace_id,),
        parents=[(workspace_id,) for workspace_id in workspace_ids],
        where=live_at(now),
    )
    return dict(zip(workspace_ids, found, strict=True))


async def as_of(snapshot: Snapshot, *, workspace_ids: Sequence[UUID], at: datetime) -> list[int]:
    """Return the booked balance of each workspace at `at`, in their order; negative in overdraft.

    The last entry by then says it, less the lots that had expired by then and are not booked yet:
    index lookups, however long the history. Before the first entry it is 0.
    """
    each = await batch.rows_of_each(
        snapshot,
        _booked_at(at),
        parent=(_BALANCES.workspace_id,),
        parents=[(workspace_id,) for workspace_id in workspace_ids],
    )
    return [rows[0].balance if rows else 0 for rows in each]


async def depletions(
    snapshot: Snapshot, *, workspace_ids: Sequence[UUID], now: datetime
) -> dict[UUID, datetime]:
    """Return when each workspace runs out at the mean daily use of the last 30 days.

    Refreshes and expiries to come are left out; a workspace that used nothing, or whose credits
    last for longer than a century, is absent.
    """
    used = (
        select(_CHARGES.workspace_id, cast(func.sum(_CHARGES.credits), BigInteger).label("used"))
        .where(
            _CHARGES.workspace_id.in_(workspace_ids),
            _CHARGES.occurred_at >= now - DEPLETION_WINDOW,
            _CHARGES.occurred_at < now,
        )
        .group_by(_CHARGES.workspace_id)
        .having(func.sum(_CHARGES.credits) > 0)
        .subquery()
    )
    left = (
        select(func.coalesce(func.sum(_LOTS.remaining), 0))
        .where(_LOTS.workspace_id == used.c.workspace_id, live_at(now))
        .scalar_subquery()
    )
    rows = await snapshot.all(
        select(used.c.workspace_id, used.c.used, cast(left, BigInteger).label("remaining"))
    )
    lasting = {row.workspace_id: row.remaining / row.used for row in rows}
    return {
        workspace_id: now + DEPLETION_WINDOW * windows
        for workspace_id, windows in lasting.items()
        if windows <= DEPLETION_AHEAD_MAX / DEPLETION_WINDOW
    }


def live_at(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the condition of a lot that counts at `now`."""
    return and_(_LOTS.remaining > 0, or_(_LOTS.expires_at.is_(None), _LOTS.expires_at > now))


_LOTS = CreditLot.__table__.c
_CHARGES = CreditCharge.__table__.c
_BALANCES = CreditBalance.__table__.c
_TIME = DateTime(timezone=True)


def _current() -> Select[*tuple[Any, ...]]:
    """Return the statement of the balances: one row for each kind and shown expiry."""
    workspace_ids = bindparam("workspace_ids", type_=Uuid(), expanding=True)
    live = (
        select(
            _LOTS.workspace_id,
            _LOTS.kind,
            func.coalesce(_LOTS.period_end, _LOTS.expires_at).label("shown_expiry"),
            cast(func.sum(_LOTS.remaining), BigInteger).label("remaining"),
        )
        .where(_LOTS.workspace_id.in_(workspace_ids), live_at(bindparam("now", type_=_TIME)))
        .group_by(_LOTS.workspace_id, _LOTS.kind, "shown_expiry")
        .subquery()
    )
    return (
        select(
            _BALANCES.workspace_id,
            _BALANCES.overdraft,
            live.c.kind,
            live.c.shown_expiry,
            live.c.remaining,
        )
        .outerjoin(live, live.c.workspace_id == _BALANCES.workspace_id)
        .where(_BALANCES.workspace_id.in_(workspace_ids))
    )


_CURRENT = _current()


def _next(expiries: dict[datetime, int]) -> NextExpiry | None:
    if not expiries:
        return None
    soonest = min(expiries)
    return NextExpiry(expiries[soonest], soonest)


def _booked_at(at: datetime) -> Select[*tuple[Any, ...]]:
    """Return the statement of the balance at `at` beside each row of the balances."""
    latest = union_all(_latest(CreditCharge, at), _latest(CreditAdjustment, at)).subquery()
    entry = (
        select(latest.c.balance_after)
        .order_by(latest.c.entry_number.desc())
        .limit(1)
        .scalar_subquery()
    )
    unbooked = (
        select(func.sum(_LOTS.remaining))
        .where(
            _LOTS.workspace_id == _BALANCES.workspace_id,
            _LOTS.remaining > 0,
            _LOTS.created_at <= at,
            _LOTS.expires_at <= at,
        )
        .correlate(CreditBalance)
        .scalar_subquery()
    )
    balance = func.coalesce(entry, 0) - func.coalesce(unbooked, 0)
    return select(cast(balance, BigInteger).label("balance"))


def _latest(
    entries: type[CreditCharge | CreditAdjustment], at: datetime
) -> Select[*tuple[Any, ...]]:
    columns = entries.__table__.c
    return (
        select(columns.entry_number, columns.balance_after)
        .where(columns.workspace_id == _BALANCES.workspace_id, columns.created_at <= at)
        .order_by(columns.created_at.desc(), columns.entry_number.desc())
        .limit(1)
        .correlate(CreditBalance)
    )
