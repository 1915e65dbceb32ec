"""Purchases on a hosted page: recorded before the page is opened, so that none is opened twice.

A checkout is one attempt: its page is asked for under a key made of its id, and whoever finds it
PENDING asks for the same page and is given the same one. Where the provider answers with a failure
of its own and has no page of it, the checkout has FAILED, and the next attempt is another one.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, Uuid, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from billing import notices, rows
from billing.catalog import Money
from billing.errors import PaymentsUnavailable
from billing.payments import CheckoutMode, CheckoutRequest, CheckoutState, Payments
from models.database import Database, Snapshot
from models.plan import BillingCycle
from models.subscription import Checkout as CheckoutRow
from models.subscription import CheckoutKind, CheckoutStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """Where people come back to: when they have paid, and when they have not."""

    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPurchase:
    """The first period of a plan, in a billing cycle."""

    plan_id: str
    billing_cycle: BillingCycle
    price_id: str
    price: Money
    returns: Returns

    @property
    def mode(self) -> CheckoutMode:
        """How it is paid."""
        is_once = self.billing_cycle is BillingCycle.ONE_TIME
        return CheckoutMode.PAYMENT if is_once else CheckoutMode.SUBSCRIPTION

    @property
    def quantity(self) -> int:
        """How often the price is paid at once."""
        return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PackPurchase:
    """So many credit packs; credits and price are of all of them."""

    pack_id: str
    packs: int
    credits: int
    price_id: str
    price: Money
    returns: Returns

    @property
    def mode(self) -> CheckoutMode:
        """How it is paid."""
        return CheckoutMode.PAYMENT

    @property
    def quantity(self) -> int:
        """How often the price is paid at once."""
        return self.packs


Purchase = PlanPurchase | PackPurchase


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A purchase under way or over; `url` is its page's, as long as that is open."""

    id: UUID
    workspace_id: UUID
    status: CheckoutStatus
    purchase: Purchase
    session_id: str | None
    url: str | None
    created_at: datetime
    expires_at: datetime | None
    completed_at: datetime | None


async def add(
    session: AsyncSession,
    *,
    workspace_id: UUID,
    checkout_id: UUID,
    user_id: UUID,
    purchase: Purchase,
    now: datetime,
) -> Checkout:
    """Record a purchase whose page is to be opened."""
    bought = (
        {
            "kind": CheckoutKind.PLAN,
            "plan_id": purchase.plan_id,
            "billing_cycle": purchase.billing_cycle,
        }
        if isinstance(purchase, PlanPurchase)
        else {
            "kind": CheckoutKind.TOP_UP,
            "pack_id": purchase.pack_id,
            "packs": purchase.packs,
            "credits": purchase.credits,
        }
    )
    adding = insert(_CHECKOUTS).values(
        workspace_id=workspace_id,
        id=checkout_id,
        user_id=user_id,
        status=CheckoutStatus.PENDING,
        amount_minor=purchase.price.amount_minor,
        currency=purchase.price.currency,
        success_url=purchase.returns.success_url,
        cancel_url=purchase.returns.cancel_url,
        stripe_price_id=purchase.price_id,
        created_at=now,
        **bought,
    )
    row = (await session.execute(adding.returning(*_CHECKOUTS.c))).one()
    return _checkout(row)


async def of_plan(session: AsyncSession, *, workspace_id: UUID) -> list[Checkout]:
    """Return the plan purchases that nobody knows the end of yet: at most one that is open."""
    found = await session.execute(_OF_PLAN, {"of_workspace": workspace_id})
    return [_checkout(row) for row in found]


async def find(session: AsyncSession, *, workspace_id: UUID, checkout_id: UUID) -> Checkout:
    """Return a checkout that is known to exist."""
    asked = {"of_workspace": workspace_id, "of_checkout": checkout_id}
    return _checkout((await session.execute(_FIND, asked)).one())


async def top_ups(
    snapshot: Snapshot, *, keys: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Checkout]:
    """Return the purchases of credit packs by (workspace id, id)."""
    columns = _CHECKOUTS.c
    found = await snapshot.all(
        select(_CHECKOUTS).where(
            columns.workspace_id.in_({key[0] for key in keys}),
            columns.id.in_({key[1] for key in keys}),
            columns.kind == CheckoutKind.TOP_UP,
        )
    )
    return {(row.workspace_id, row.id): _checkout(row) for row in found}


async def page(
    database: Database, payments: Payments, checkout: Checkout, customer_id: str
) -> CheckoutState:
    """Return the page of a checkout as the provider has it, opened now if it is not yet.

    Raises PaymentsUnavailable and PaymentsRefused.
    """
    if checkout.session_id is not None:
        return await payments.checkout(checkout.session_id)
    try:
        return await _open(payments, checkout, customer_id)
    except PaymentsUnavailable as failure:
        if not failure.is_final:
            raise
        for state in await payments.open_checkouts(customer_id):
            if state.checkout_id == checkout.id:
                return state
        await _fail(database, checkout)
        raise


async def _open(payments: Payments, checkout: Checkout, customer_id: str) -> CheckoutState:
    """Open the page of a checkout; all that is asked for is what was recorded."""
    purchase = checkout.purchase
    request = CheckoutRequest(
        workspace_id=checkout.workspace_id,
        checkout_id=checkout.id,
        customer_id=customer_id,
        mode=purchase.mode,
        price_id=purchase.price_id,
        quantity=purchase.quantity,
        success_url=purchase.returns.success_url,
        cancel_url=purchase.returns.cancel_url,
    )
    # Who has another customer than before asks for something else.
    key = hashlib.sha256(f"checkout:{checkout.id}:{customer_id}".encode()).hexdigest()
    return await payments.open_checkout(request, idempotency_key=key)


async def _fail(database: Database, checkout: Checkout) -> None:
    """Give a checkout up that has no page."""
    async with database.write() as session:
        await session.execute(
            update(_CHECKOUTS)
            .where(
                _CHECKOUTS.c.workspace_id == checkout.workspace_id,
                _CHECKOUTS.c.id == checkout.id,
                _CHECKOUTS.c.status == CheckoutStatus.PENDING,
            )
            .values(status=CheckoutStatus.FAILED)
        )
        notices.announce(session, notices.checkout(checkout.workspace_id, checkout.id))


def _checkout(row: Row[tuple[object, ...]]) -> Checkout:
    returns = Returns(success_url=row.success_url, cancel_url=row.cancel_url)
    price = Money(row.amount_minor, row.currency)
    purchase: Purchase
    if row.kind is CheckoutKind.PLAN:
        purchase = PlanPurchase(
            plan_id=row.plan_id,
            billing_cycle=row.billing_cycle,
            price_id=row.stripe_price_id,
            price=price,
            returns=returns,
        )
    else:
        purchase = PackPurchase(
            pack_id=row.pack_id,
            packs=row.packs,
            credits=row.credits,
            price_id=row.stripe_price_id,
            price=price,
            returns=returns,
        )
    return Checkout(
        id=row.id,
        workspace_id=row.workspace_id,
        status=row.status,
        purchase=purchase,
        session_id=row.stripe_session_id,
        url=row.url if row.status is CheckoutStatus.OPEN else None,
        created_at=row.created_at,
        expires_at=row.expires_at,
        completed_at=row.completed_at,
    )


_CHECKOUTS = rows.table(CheckoutRow)
_OURS = _CHECKOUTS.c.workspace_id == bindparam("of_workspace", type_=Uuid())
_UNDECIDED = (CheckoutStatus.PENDING, CheckoutStatus.OPEN, CheckoutStatus.PROCESSING)
_OF_PLAN = select(_CHECKOUTS).where(
    _OURS, _CHECKOUTS.c.kind == CheckoutKind.PLAN, _CHECKOUTS.c.status.in_(_UNDECIDED)
)
_FIND = select(_CHECKOUTS).where(_OURS, _CHECKOUTS.c.id == bindparam("of_checkout", type_=Uuid()))
