"""What a checkout page brings when it is paid: credit packs, or a one-time plan's period.

A page goes from open to processing to its end, whichever order we hear of it in, and never back.
What was paid after we had given the page up is honoured all the same.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, or_, select, update

from billing import ledger, notices, one_time, prices, rows
from billing.brought import Brings
from billing.details import Purchase
from billing.entries import Grant
from billing.holding import Held
from billing.payments import CheckoutMode, CheckoutProgress, CheckoutState
from billing.unsettled import CheckoutUnknown
from models.database import Session
from models.ledger import AdjustmentType, LotKind
from models.subscription import Checkout, CheckoutKind, CheckoutStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A checkout as we have recorded it."""

    id: UUID
    kind: CheckoutKind
    status: CheckoutStatus
    packs: int | None
    credits: int | None


async def settle(
    session: Session,
    held: Held,
    state: CheckoutState,
    *,
    receipt_url: str | None,
    now: datetime,
) -> Brings:
    """Bring a checkout up to date, and grant what it bought; return that.

    `held` is what the workspace holds, under its lock. A page that begins a subscription grants
    nothing: its invoice does.
    Raises CheckoutUnknown, PriceUnknown and PurchaseRefused.
    """
    recorded = await _recorded(session, held.workspace_id, state)
    if recorded is None:
        if state.progress in _BOUGHT_NOTHING:
            return {}
        raise CheckoutUnknown(state.session_id)

    is_bought_once = state.mode is CheckoutMode.PAYMENT and state.progress is CheckoutProgress.PAID
    brings: Brings = {f"checkout:{state.session_id}": None} if is_bought_once else {}
    status = _STATUSES[state.progress]
    if _RANKS[status] <= _RANKS[recorded.status]:
        return brings if recorded.status is CheckoutStatus.COMPLETED else {}
    await _record(session, held, recorded, state, status=status, now=now)
    if not is_bought_once:
        return brings
    if recorded.kind is CheckoutKind.TOP_UP:
        await _grant_packs(session, held, recorded, state, receipt_url=receipt_url, now=now)
    else:
        await one_time.begin(session, held, state, now=now)
    return brings


async def refuse(session: Session, held: Held, state: CheckoutState, *, now: datetime) -> None:
    """Note that what was bought on a page is paid back: it is never granted."""
    recorded = await _recorded(session, held.workspace_id, state)
    if recorded is not None and recorded.status is not CheckoutStatus.COMPLETED:
        await _record(session, held, recorded, state, status=CheckoutStatus.FAILED, now=now)


async def _recorded(session: Session, workspace_id: UUID, state: CheckoutState) -> Recorded | None:
    asked = {
        "of_workspace": workspace_id,
        "of_session": state.session_id,
        "of_checkout": state.checkout_id,
    }
    row = (await session.execute(_RECORDED, asked)).one_or_none()
    return None if row is None else Recorded(**row._asdict())


async def _record(
    session: Session,
    held: Held,
    recorded: Recorded,
    state: CheckoutState,
    *,
    status: CheckoutStatus,
    now: datetime,
) -> None:
    completed_at = {"completed_at": now} if status is CheckoutStatus.COMPLETED else {}
    await session.execute(
        update(_CHECKOUTS)
        .where(_C.workspace_id == held.workspace_id, _C.id == recorded.id)
        .values(
            status=status,
            stripe_session_id=state.session_id,
            stripe_payment_intent_id=state.payment_id,
            url=state.url,
            expires_at=state.expires_at,
            **completed_at,
        )
    )
    notices.announce(session, notices.checkout(held.workspace_id, recorded.id))


async def _grant_packs(
    session: Session,
    held: Held,
    recorded: Recorded,
    state: CheckoutState,
    *,
    receipt_url: str | None,
    now: datetime,
) -> None:
    """Grant the packs that were paid, each with the credits that it was sold with."""
    name, _ = await prices.pack(session, state.price_id)
    assert recorded.packs is not None
    assert recorded.credits is not None
    grant = Grant(
        source_key=f"checkout:{state.session_id}",
        type=AdjustmentType.CREDIT_PACKAGE_PURCHASE,
        credits=recorded.credits // recorded.packs * state.quantity,
        kind=LotKind.PURCHASED,
        detail=Purchase(
            state.quantity,
            state.paid.amount_minor,
            state.paid.currency,
            recorded.id,
            receipt_url,
        ),
        description=f"{state.quantity} x {name}",
    )
    await ledger.grant(session, workspace_id=held.workspace_id, grant=grant, now=now)


_BOUGHT_NOTHING = frozenset(
    {CheckoutProgress.OPEN, CheckoutProgress.FAILED, CheckoutProgress.EXPIRED}
)
_STATUSES = {
    CheckoutProgress.OPEN: CheckoutStatus.OPEN,
    CheckoutProgress.PROCESSING: CheckoutStatus.PROCESSING,
    CheckoutProgress.PAID: CheckoutStatus.COMPLETED,
    CheckoutProgress.FAILED: CheckoutStatus.FAILED,
    CheckoutProgress.EXPIRED: CheckoutStatus.EXPIRED,
}
_RANKS = {
    CheckoutStatus.PENDING: 0,
    CheckoutStatus.OPEN: 1,
    CheckoutStatus.PROCESSING: 2,
    CheckoutStatus.EXPIRED: 3,
    CheckoutStatus.COMPLETED: 4,
    CheckoutStatus.FAILED: 4,
}
"""A page only ever moves to a higher rank."""

_CHECKOUTS = rows.table(Checkout)
_C = _CHECKOUTS.c
_RECORDED = select(_C.id, _C.kind, _C.status, _C.packs, _C.credits).where(
    _C.workspace_id == bindparam("of_workspace", type_=Uuid()),
    or_(
        _C.stripe_session_id == bindparam("of_session"),
        and_(_C.stripe_session_id.is_(None), _C.id == bindparam("of_checkout", type_=Uuid())),
    ),
)
