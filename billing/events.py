"""The inbox: what the provider tells us, stored once, leased, and kept until it is settled.

A worker leases all waiting events of one object at once, so that two workers do not settle one
object side by side; a worker that dies leaves a lease that runs out, and one that has lost its
lease commits nothing. What fails rests, longer each time, stays visible, and never stands in the
way of another object.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from billing import retries, rows
from billing.payments import PaymentEvent
from billing.settlement import Subject
from models.base import new_id
from models.database import Session, Snapshot
from models.stripe import StripeEvent, StripeEventStatus

TYPES: Final[Mapping[str, Subject]] = {
    "checkout.session.completed": Subject.CHECKOUT,
    "checkout.session.async_payment_succeeded": Subject.CHECKOUT,
    "checkout.session.async_payment_failed": Subject.CHECKOUT,
    "checkout.session.expired": Subject.CHECKOUT,
    "invoice.paid": Subject.INVOICE,
    "invoice.payment_failed": Subject.INVOICE,
    "invoice.payment_action_required": Subject.INVOICE,
    "customer.subscription.created": Subject.SUBSCRIPTION,
    "customer.subscription.updated": Subject.SUBSCRIPTION,
    "customer.subscription.deleted": Subject.SUBSCRIPTION,
    "customer.subscription.pending_update_applied": Subject.SUBSCRIPTION,
    "customer.subscription.pending_update_expired": Subject.SUBSCRIPTION,
    "subscription_schedule.created": Subject.SUBSCRIPTION,
    "subscription_schedule.updated": Subject.SUBSCRIPTION,
    "subscription_schedule.released": Subject.SUBSCRIPTION,
    "subscription_schedule.completed": Subject.SUBSCRIPTION,
    "subscription_schedule.canceled": Subject.SUBSCRIPTION,
    "subscription_schedule.aborted": Subject.SUBSCRIPTION,
    "refund.created": Subject.PAYMENT,
    "refund.updated": Subject.PAYMENT,
    "refund.failed": Subject.PAYMENT,
    "charge.dispute.funds_withdrawn": Subject.PAYMENT,
    "charge.dispute.funds_reinstated": Subject.PAYMENT,
}
"""The events that matter, and the kind of object that each is about."""

LEASE = timedelta(minutes=2)
"""How long a worker has an object to itself: longer than asking for it can take."""

KEPT = timedelta(days=90)
"""How long an event is kept that nobody needs to look at any more."""


class LeaseLost(Exception):
    """The lease ran out, and another worker has the object: nothing may be committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """An object of which a worker has all waiting events; `attempts` counts from 1."""

    token: UUID
    object_id: str
    subject: Subject
    event_ids: Collection[str]
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An event as the operator sees it."""

    id: str
    type: str
    object_id: str
    status: StripeEventStatus
    attempts: int
    next_attempt_at: datetime
    received_at: datetime
    last_error: str | None


async def store(session: Session, event: PaymentEvent, *, expects_live: bool, at: datetime) -> bool:
    """Store an event; return whether it is new.

    One of an unknown type, and one of the other mode, live or test, is kept and never applied.
    """
    status, reason = StripeEventStatus.PENDING, None
    if event.is_live is not expects_live:
        mode = "live" if event.is_live else "test"
        status, reason = StripeEventStatus.UNAPPLIED, f"It is of the {mode} mode"
    elif event.type not in TYPES:
        status = StripeEventStatus.UNAPPLIED
    added = await session.execute(
        insert(_EVENTS)
        .values(
            id=event.event_id,
            type=event.type,
            object_id=event.object_id,
            api_version=event.api_version,
            livemode=event.is_live,
            payload=_storable(dict(event.payload)),
            status=status,
            attempts=0,
            next_attempt_at=at,
            last_error=reason,
            occurred_at=event.occurred_at,
            received_at=at,
        )
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(_C.id)
    )
    return added.one_or_none() is not None


async def claim(session: Session, *, at: datetime) -> Lease | None:
    """Lease the object whose event is due for the longest; commit before the work."""
    object_id = (await session.execute(_DUE, {"due_by": at})).scalar_one_or_none()
    if object_id is None:
        return None
    token = new_id()
    claimed = (
        await session.execute(
            update(_EVENTS)
            .where(_C.object_id == object_id, _IS_WAITING)
            .values(lease_token=token, leased_until=at + LEASE, attempts=_C.attempts + 1)
            .returning(_C.id, _C.type, _C.attempts)
        )
    ).all()
    return Lease(
        token=token,
        object_id=object_id,
        subject=TYPES[claimed[0].type],
        event_ids=[row.id for row in claimed],
        attempts=max(row.attempts for row in claimed),
    )


async def finish(
    session: Session, lease: Lease, status: StripeEventStatus, *, at: datetime
) -> None:
    """Take the events out of the inbox, in the transaction of their effect. Raises LeaseLost."""
    finished = await session.execute(
        update(_EVENTS)
        .where(_C.lease_token == lease.token, _IS_WAITING)
        .values(
            status=status,
            applied_at=at,
            lease_token=None,
            leased_until=None,
            last_error=None,
        )
        .returning(_C.id)
    )
    if not finished.all():
        raise LeaseLost


async def mark(session: Session, lease: Lease, status: StripeEventStatus, reason: str) -> None:
    """Keep why events were not applied."""
    await session.execute(
        update(_EVENTS)
        .where(_C.id.in_(lease.event_ids))
        .values(status=status, applied_at=None, last_error=reason[: retries.REASON_LENGTH_MAX])
    )


async def rest(session: Session, lease: Lease, error: Exception, *, at: datetime) -> None:
    """Let events that failed rest before they are tried again, unless the lease is lost."""
    await session.execute(
        update(_EVENTS)
        .where(_C.lease_token == lease.token, _IS_WAITING)
        .values(
            status=StripeEventStatus.FAILED,
            next_attempt_at=at + retries.delay(attempts=lease.attempts),
            lease_token=None,
            leased_until=None,
            last_error=retries.reason(error),
        )
    )


async def listed(snapshot: Snapshot, *, everything: bool = False, limit: int = 100) -> list[Listed]:
    """Return the events that need somebody's eye, the latest first; or all of them."""
    wanted = _LISTED if everything else _LISTED.where(_C.last_error.is_not(None), _IS_OPEN)
    return [Listed(**row._asdict()) for row in await snapshot.all(wanted.limit(limit))]


async def retry(session: Session, *, event_ids: Collection[str] | None, at: datetime) -> list[str]:
    """Let events be tried again now, those that failed unless some are named; return which."""
    wanted = _C.status == StripeEventStatus.FAILED
    if event_ids is not None:
        wanted = and_(_C.id.in_(event_ids), _C.type.in_(TYPES))
    retried = await session.scalars(
        update(_EVENTS)
        .where(wanted)
        .values(
            status=StripeEventStatus.PENDING,
            next_attempt_at=at,
            attempts=0,
            lease_token=None,
            leased_until=None,
        )
        .returning(_C.id)
    )
    return sorted(retried)


async def counts(snapshot: Snapshot) -> Mapping[StripeEventStatus, int]:
    """Return how many events there are that wait, or have failed."""
    found = {row.status: row.number for row in await snapshot.all(_COUNTS)}
    return {status: found.get(status, 0) for status in _WAITING}


async def forget(session: Session, *, at: datetime) -> int:
    """Delete the events that nobody needs to look at any more; return how many."""
    settled = or_(
        _C.status == StripeEventStatus.DONE,
        and_(_C.status == StripeEventStatus.UNAPPLIED, _C.last_error.is_(None)),
    )
    gone = await session.scalars(
        delete(_EVENTS).where(settled, _C.received_at <= at - KEPT).returning(_C.id)
    )
    return len(gone.all())


def _storable(value: Any) -> Any:
    """Return JSON without what PostgreSQL cannot hold: NULs, and halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\0", "").encode(errors="replace").decode()
    if isinstance(value, dict):
        return {_storable(name): _storable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return value


_EVENTS = rows.table(StripeEvent)
_C = _EVENTS.c
_WAITING = (StripeEventStatus.PENDING, StripeEventStatus.FAILED)
_IS_WAITING = _C.status.in_(_WAITING)
_IS_OPEN = _C.status != StripeEventStatus.DONE
_AT = bindparam("due_by", type_=DateTime(timezone=True))


def _is_due(columns: Any) -> ColumnElement[bool]:
    return and_(
        columns.status.in_(_WAITING),
        columns.next_attempt_at <= _AT,
        or_(columns.leased_until.is_(None), columns.leased_until <= _AT),
    )


_SIBLINGS = _EVENTS.alias("siblings")
_S = _SIBLINGS.c
# One row stands for its object, the first that is due: who locks it has the object.
_DUE = (
    select(_C.object_id)
    .where(
        _is_due(_C),
        ~exists().where(_S.object_id == _C.object_id, _S.leased_until > _AT),
        ~exists().where(
            _S.object_id == _C.object_id,
            _is_due(_S),
            tuple_(_S.received_at, _S.id) < tuple_(_C.received_at, _C.id),
        ),
    )
    .order_by(_C.next_attempt_at, _C.id)
    .limit(1)
    .with_for_update(skip_locked=True, of=_EVENTS)
)
_LISTED = select(*(_C[name] for name in Listed.__slots__)).order_by(_C.received_at.desc(), _C.id)
_COUNTS = select(_C.status, func.count().label("number")).where(_IS_WAITING).group_by(_C.status)
