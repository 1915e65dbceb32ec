"""Which plan a workspace holds: read under the workspace's lock, begun, changed and ended.

Everybody who changes what a workspace holds takes the lock of its row in `workspaces` first and
that of its ledger after it, so that they take turns and never wait for each other in a circle.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Uuid, bindparam, insert, select, update

from billing import notices, rows
from billing.calendar import Period
from billing.errors import FreePlanMissing, WorkspaceNotFound
from models.base import new_id
from models.database import Session
from models.plan import BillingCycle, Plan, PlanKind
from models.subscription import Subscription, SubscriptionStatus
from models.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """What a plan grants, and how."""

    id: str
    name: str
    kind: PlanKind
    credits_per_refresh: int
    refreshes: bool
    period_months: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The plan that is held from `at` on; without a cycle it is Free."""

    plan_id: str
    billing_cycle: BillingCycle | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The plan that a workspace holds; `id` is of its row, `refresh` its package's period.

    What is paid is from `period_start` to before `period_end`, without an end on Free. `refresh`
    is None as long as nothing is paid, and where no package comes.
    """

    workspace_id: UUID
    id: UUID
    plan: PlanTerms
    billing_cycle: BillingCycle | None
    status: SubscriptionStatus
    period_start: datetime
    period_end: datetime | None
    refresh: Period | None
    pending: Pending | None
    stripe_subscription_id: str | None
    mirrored_at: datetime | None
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether Free follows."""
        return self.pending is not None and self.pending.billing_cycle is None

    @property
    def was_refused(self) -> bool:
        """Whether it was never held: it ended when it began, and is paid back."""
        return self.ended_at is not None and self.ended_at <= self.period_start


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A plan to be held; the one before it ends when its period starts."""

    plan: PlanTerms
    billing_cycle: BillingCycle | None
    period_start: datetime
    period_end: datetime | None
    refresh: Period | None
    stripe_subscription_id: str | None = None
    mirrored_at: datetime | None = None


async def locked(session: Session, *, workspace_id: UUID) -> Held:
    """Return what a workspace holds, locked until the transaction ends.

    Raises WorkspaceNotFound.
    """
    ours = {"of_workspace": workspace_id}
    if (await session.execute(_LOCK, ours)).one_or_none() is None:
        raise WorkspaceNotFound(workspace_id)
    return await _live(session, workspace_id)


async def locked_if_free(session: Session, *, workspace_id: UUID) -> Held | None:
    """Return what a workspace holds, locked; None while somebody else has the lock."""
    found = await session.execute(_LOCK_IF_FREE, {"of_workspace": workspace_id})
    return None if found.one_or_none() is None else await _live(session, workspace_id)


async def begin(
    session: Session,
    *,
    workspace_id: UUID,
    beginning: Beginning,
    now: datetime,
) -> Held:
    """Let a workspace hold a plan, and end the one that it held, at the new one's start."""
    held = Held(
        workspace_id=workspace_id,
        id=new_id(),
        plan=beginning.plan,
        billing_cycle=beginning.billing_cycle,
        status=SubscriptionStatus.ACTIVE,
        period_start=beginning.period_start,
        period_end=beginning.period_end,
        refresh=beginning.refresh,
        pending=None,
        stripe_subscription_id=beginning.stripe_subscription_id,
        mirrored_at=beginning.mirrored_at,
        created_at=now,
    )
    ended = {"ended_at": beginning.period_start, "status": SubscriptionStatus.ENDED}
    without_pending = dict.fromkeys(_PENDING)
    await session.execute(
        update(_ROWS)
        .where(_C.workspace_id == workspace_id, _C.ended_at.is_(None))
        .values(ended | without_pending)
    )
    await session.execute(
        insert(_ROWS).values(
            workspace_id=workspace_id,
            id=held.id,
            plan_id=held.plan.id,
            billing_cycle=held.billing_cycle,
            status=held.status,
            period_start=held.period_start,
            period_end=held.period_end,
            stripe_subscription_id=held.stripe_subscription_id,
            mirrored_at=held.mirrored_at,
            created_at=now,
            **_refresh_values(held.refresh),
        )
    )
    notices.announce(session, notices.balance(workspace_id))
    return held


async def change(session: Session, held: Held, **values: Any) -> None:
    """Set columns of what is held; `refresh` and `pending` stand for theirs."""
    if "refresh" in values:
        values |= _refresh_values(values.pop("refresh"))
    if "pending" in values:
        values |= _pending_values(values.pop("pending"))
    await session.execute(
        update(_ROWS).where(_C.workspace_id == held.workspace_id, _C.id == held.id).values(values)
    )
    # A balance tells when it is refreshed next, and by how much.
    notices.announce(session, notices.balance(held.workspace_id))


async def of_subscription(
    session: Session, *, workspace_id: UUID, stripe_subscription_id: str
) -> Held | None:
    """Return what the workspace holds, or held, by a subscription of the provider's."""
    asked = {"of_workspace": workspace_id, "of_subscription": stripe_subscription_id}
    row = (await session.execute(_OF_SUBSCRIPTION, asked)).one_or_none()
    return None if row is None else _held(workspace_id, row)


async def before(session: Session, held: Held) -> Held | None:
    """Return the plan that ended when this one began; None for one that the provider has ended."""
    came_before = {"of_workspace": held.workspace_id, "until": held.period_start}
    row = (await session.execute(_BEFORE, came_before)).one_or_none()
    return None if row is None else _held(held.workspace_id, row)


async def resume(session: Session, ended: Held, *, instead_of: Held, ended_at: datetime) -> Held:
    """Let a plan that has ended go on as if it had not, and end the one that came after it."""
    over = {"ended_at": ended_at, "status": SubscriptionStatus.ENDED, "pending": None}
    await change(session, instead_of, **over)
    live: dict[str, Any] = {"ended_at": None, "status": SubscriptionStatus.ACTIVE}
    await change(session, ended, **live)
    return replace(ended, **live)


async def add_ended(
    session: Session,
    *,
    workspace_id: UUID,
    beginning: Beginning,
    ended_at: datetime,
    now: datetime,
) -> Held:
    """Record a subscription that was over when we heard of it, or that is refused.

    One that ended when it began was never held.
    """
    assert beginning.stripe_subscription_id is not None
    await session.execute(
        insert(_ROWS).values(
            workspace_id=workspace_id,
            id=new_id(),
            plan_id=beginning.plan.id,
            billing_cycle=beginning.billing_cycle,
            status=SubscriptionStatus.ENDED,
            period_start=beginning.period_start,
            period_end=beginning.period_end,
            stripe_subscription_id=beginning.stripe_subscription_id,
            created_at=now,
            ended_at=ended_at,
        )
    )
    held = await of_subscription(
        session,
        workspace_id=workspace_id,
        stripe_subscription_id=beginning.stripe_subscription_id,
    )
    assert held is not None
    return held


async def free_plan(session: Session) -> PlanTerms:
    """Return the Free plan. Raises FreePlanMissing."""
    row = (await session.execute(_FREE_PLAN)).one_or_none()
    if row is None:
        raise FreePlanMissing
    return PlanTerms(**row._asdict())


async def plan(session: Session, *, plan_id: str) -> PlanTerms:
    """Return a plan that is known to exist."""
    row = (await session.execute(_PLAN, {"of_plan": plan_id})).one()
    return PlanTerms(**row._asdict())


async def _live(session: Session, workspace_id: UUID) -> Held:
    row = (await session.execute(_LIVE, {"of_workspace": workspace_id})).one()
    return _held(workspace_id, row)


def _held(workspace_id: UUID, row: Any) -> Held:
    return Held(
        workspace_id=workspace_id,
        id=row.id,
        plan=PlanTerms(
            id=row.plan_id,
            name=row.name,
            kind=row.kind,
            credits_per_refresh=row.credits_per_refresh,
            refreshes=row.refreshes,
            period_months=row.period_months,
        ),
        billing_cycle=row.billing_cycle,
        status=row.status,
        period_start=row.period_start,
        period_end=row.period_end,
        refresh=None
        if row.refresh_period_start is None
        else Period(row.refresh_period_start, row.refresh_period_end),
        pending=None
        if row.pending_plan_id is None
        else Pending(
            plan_id=row.pending_plan_id,
            billing_cycle=row.pending_billing_cycle,
            at=row.pending_at,
        ),
        stripe_subscription_id=row.stripe_subscription_id,
        mirrored_at=row.mirrored_at,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def _refresh_values(refresh: Period | None) -> dict[str, datetime | None]:
    start, end = refresh or (None, None)
    return {"refresh_period_start": start, "refresh_period_end": end}


def _pending_values(pending: Pending | None) -> dict[str, Any]:
    if pending is None:
        return dict.fromkeys(_PENDING)
    return dict(zip(_PENDING, (pending.plan_id, pending.billing_cycle, pending.at), strict=True))


_PENDING = ("pending_plan_id", "pending_billing_cycle", "pending_at")

_ROWS = rows.table(Subscription)
_C = _ROWS.c
_PLANS = rows.table(Plan)
_WORKSPACES = rows.table(Workspace)
_OURS = bindparam("of_workspace", type_=Uuid())

_LOCK_OF = select(_WORKSPACES.c.id).where(_WORKSPACES.c.id == _OURS)
# FOR NO KEY UPDATE: rows that refer to the workspace are still written meanwhile.
_LOCK = _LOCK_OF.with_for_update(key_share=True)
_LOCK_IF_FREE = _LOCK_OF.with_for_update(key_share=True, skip_locked=True)

_TERMS = [_PLANS.c[name] for name in PlanTerms.__slots__]
_PLAN = select(*_TERMS).where(_PLANS.c.id == bindparam("of_plan"))
_FREE_PLAN = select(*_TERMS).where(_PLANS.c.kind == PlanKind.FREE, _PLANS.c.archived_at.is_(None))
_HELD = (
    select(
        _C.id,
        _C.plan_id,
        _C.billing_cycle,
        _C.status,
        _C.period_start,
        _C.period_end,
        _C.refresh_period_start,
        _C.refresh_period_end,
        _C.pending_plan_id,
        _C.pending_billing_cycle,
        _C.pending_at,
        _C.stripe_subscription_id,
        _C.mirrored_at,
        _C.created_at,
        _C.ended_at,
        *_TERMS[1:],
    )
    .join_from(_ROWS, _PLANS, _PLANS.c.id == _C.plan_id)
    .where(_C.workspace_id == _OURS)
)
_LIVE = _HELD.where(_C.ended_at.is_(None))
_BEFORE = (
    _HELD.where(
        _C.ended_at == bindparam("until", type_=DateTime(timezone=True)),
        _C.stripe_subscription_id.is_(None),
    )
    .order_by(_C.created_at.desc())
    .limit(1)
)
_OF_SUBSCRIPTION = _HELD.where(_C.stripe_subscription_id == bindparam("of_subscription"))
